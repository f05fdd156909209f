/* The log: lines on stderr, levels, and values of peers that cannot break a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static char captured[8192];
static int saved_stderr, pipe_fd[2];

static void begin(void)
{
	assert_int_equal(pipe(pipe_fd), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(pipe_fd[1], STDERR_FILENO);
	close(pipe_fd[1]);
}

static const char *end(void)
{
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(pipe_fd[0], captured, sizeof(captured) - 1);
	captured[n < 0 ? 0 : n] = '\0';
	close(pipe_fd[0]);
	return captured;
}

static void a_line_has_time_level_and_event(void **state)
{
	const char *line;

	(void)state;
	log_open(false, LOG_LEVEL_INFO, "test");
	begin();
	errno = ENOENT;
	log_info("session-end", "reason=%s n=%d", "logout", 3);
	assert_int_equal(errno, ENOENT);
	line = end();
	assert_int_equal(strlen(line),
			 25 + strlen("level=info event=session-end reason=logout n=3\n"));
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	assert_string_equal(line + 25, "level=info event=session-end reason=logout n=3\n");
}

static void lower_levels_are_silent(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_WARN);
	assert_true(log_wants(LOG_LEVEL_ERROR));
	assert_false(log_wants(LOG_LEVEL_INFO));
	begin();
	log_info("a", "x=1");
	log_debug("b", "x=1");
	assert_string_equal(end(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	begin();
	log_debug("c", "x=1");
	assert_non_null(strstr(end(), "level=debug event=c x=1\n"));
}

static void a_long_line_is_cut(void **state)
{
	char *big = malloc(5000);
	const char *line;

	(void)state;
	memset(big, 'x', 4999);
	big[4999] = '\0';
	begin();
	log_error("big", "text=%s", big);
	line = end();
	assert_true(strlen(line) < 2050);
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	free(big);
}

static void values_are_quoted_and_escaped(void **state)
{
	static const struct {
		struct slice in;
		const char *out;
	} cases[] = {
	    {{"plain-1.5/x", 11}, "plain-1.5/x"},
	    {{"", 0}, "\"\""},
	    {{"two words", 9}, "\"two words\""},
	    {{"a=b", 3}, "\"a=b\""},
	    {{"say \"hi\\\"", 9}, "\"say \\\"hi\\\\\\\"\""},
	    {{"a\nlevel=error\r", 14}, "\"a\\x0alevel=error\\x0d\""},
	    {{"nul\0del\x7f", 8}, "\"nul\\x00del\\x7f\""},
	};
	char dst[100];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(log_value(dst, sizeof(dst), cases[i].in), cases[i].out);
}

static void values_are_cut_to_fit(void **state)
{
	char in[100], dst[40];

	(void)state;
	for (size_t size = 8; size <= sizeof(dst); size++)
		for (int kind = 0; kind < 3; kind++) {
			memset(in, "x\n\""[kind], sizeof(in));
			memset(dst, 'z', sizeof(dst));
			log_value(dst, size, slice_of(in, sizeof(in)));
			assert_true(strnlen(dst, size) < size);
			assert_true(size == sizeof(dst) || dst[size] == 'z');
			assert_true(kind == 0 || dst[strlen(dst) - 1] == '"');
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_has_time_level_and_event),
	    cmocka_unit_test(lower_levels_are_silent),
	    cmocka_unit_test(a_long_line_is_cut),
	    cmocka_unit_test(values_are_quoted_and_escaped),
	    cmocka_unit_test(values_are_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Telling the service manager: where to, what goes out, and how long it waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/notify.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A socket at this name ("@" for an abstract one), as a service manager has it. */
static int manager(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, name, strlen(name));
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&sun,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	return fd;
}

static void assert_told(int fd, const char *text)
{
	char got[600] = "";

	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
	assert_string_equal(got, text);
}

static void it_is_told_at_a_path_and_at_an_abstract_name(void **state)
{
	char folder[] = "/tmp/notify_test.XXXXXX", names[2][64];
	struct notify n;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(names[0], sizeof(names[0]), "%s/s", folder);
	snprintf(names[1], sizeof(names[1]), "@%s", folder);
	for (size_t i = 0; i < LEN(names); i++) {
		int fd = manager(names[i]);

		assert_true(notify_init(&n, names[i], NULL, NULL, 1));
		notify_send(&n, "READY=1");
		notify_send(&n, "STATUS=%d sessions\nX=%s", 7, "y");
		assert_told(fd, "READY=1");
		assert_told(fd, "STATUS=7 sessions\nX=y");
		notify_clear(&n);
		close(fd);
	}
	unlink(names[0]);
	rmdir(folder);
}

static void nobody_listening_does_no_harm(void **state)
{
	char name[600];
	struct notify n;

	(void)state;
	assert_true(notify_init(&n, "/nonexistent/notify", "1000000", NULL, 1));
	for (int i = 0; i < 1000; i++)
		notify_send(&n, "WATCHDOG=1");
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	notify_send(&n, "STATUS=%s", name); /* too long: dropped, not cut */
	notify_clear(&n);
	notify_send(&n, "READY=1");
}

static void without_a_socket_nobody_wants_to_know(void **state)
{
	struct notify n;

	(void)state;
	assert_true(notify_init(&n, NULL, "1000000", NULL, 1));
	assert_int_equal(n.fd, -1);
	assert_int_equal(n.watchdog, 0);
	assert_true(notify_init(&n, "", NULL, NULL, 1));
	assert_int_equal(n.fd, -1);
	notify_send(&n, "READY=1");
	notify_clear(&n);
}

static void a_name_that_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[] = {
	    "relative",
	    "@",
	    "/",
	    ("/01234567890123456789012345678901234567890123456789012345678901234567890123456789"
	     "012345678901234567890123456789"),
	};
	struct notify n;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_false(notify_init(&n, bad[i], NULL, NULL, 1));
		assert_int_equal(n.fd, -1);
	}
}

static void the_watchdog_is_for_one_process(void **state)
{
	static const struct {
		const char *usec, *pid;
		int64_t ms;
	} cases[] = {
	    {"30000000", NULL, 30000},
	    {"30000000", "77", 30000},
	    {"30000000", "78", 0},
	    {"30000000", "x", 0},
	    {"0", NULL, 0},
	    {"-1", NULL, 0},
	    {"junk", NULL, 0},
	    {"1", NULL, 1},
	    {NULL, "77", 0},
	};
	struct notify n;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		assert_true(notify_init(&n, "@x", cases[i].usec, cases[i].pid, 77));
		assert_int_equal(n.watchdog, cases[i].ms);
		notify_clear(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_told_at_a_path_and_at_an_abstract_name),
	    cmocka_unit_test(nobody_listening_does_no_harm),
	    cmocka_unit_test(without_a_socket_nobody_wants_to_know),
	    cmocka_unit_test(a_name_that_makes_no_sense_is_refused),
	    cmocka_unit_test(the_watchdog_is_for_one_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

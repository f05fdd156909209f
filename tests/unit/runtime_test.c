/* The runtime directory and its token, among what others may have put there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/runtime.h"
#include "base/log.h"

#define TOKEN "abcdefgh234567ab"

static char place[64]; /* of one test */
static char directory[128];
static struct config config;

static int begin(void **state)
{
	(void)state;
	strcpy(place, "/tmp/fairlead-runtime-XXXXXX");
	assert_non_null(mkdtemp(place));
	snprintf(directory, sizeof(directory), "%s/run", place);
	config = (struct config){
	    .runtime_directory = directory, .status_token_file = (char *)"", .uid = (uid_t)-1};
	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("XDG_RUNTIME_DIR");
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", place);
	return system(command);
}

/* A file in the directory, as it was when somebody had put it there. */
static const char *put(const char *name, const char *text, size_t n, mode_t mode)
{
	static char path[256];
	int fd;

	mkdir(directory, 0700);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
	close(fd);
	return path;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void it_is_made_with_a_token_for_its_user_alone(void **state)
{
	struct runtime a, b;

	(void)state;
	assert_true(runtime_open(&a, &config));
	assert_string_equal(a.directory, directory);
	assert_int_equal(mode_of(directory), 0700);
	assert_int_equal(mode_of(a.token_file), 0600);
	assert_int_equal(strlen(a.token), 26); /* 128 bits, five a letter */
	assert_int_equal(strspn(a.token, "abcdefghijklmnopqrstuvwxyz234567"), 26);
	assert_true(runtime_open(&b, &config)); /* the next start keeps it */
	assert_string_equal(a.token, b.token);
	unlink(a.token_file);
	assert_true(runtime_open(&b, &config));
	assert_string_not_equal(a.token, b.token);
}

static void where_it_is(void **state)
{
	struct runtime r;

	(void)state;
	runtime_find(&r, &config);
	assert_int_equal(strncmp(r.socket, directory, strlen(directory)), 0);
	assert_string_equal(r.socket + strlen(directory), "/control.sock");
	assert_string_equal(r.token_file + strlen(directory), "/status.token");
	config.status_token_file = (char *)"/etc/fairlead/token";
	runtime_find(&r, &config);
	assert_string_equal(r.token_file, "/etc/fairlead/token");
	config.runtime_directory = (char *)"";
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	runtime_find(&r, &config);
	assert_string_equal(r.directory, geteuid() ? "/run/user/7/fairlead" : "/run/fairlead");
	setenv("RUNTIME_DIRECTORY", "/run/one:/run/two", 1);
	runtime_find(&r, &config);
	assert_string_equal(r.directory, "/run/one");
	setenv("RUNTIME_DIRECTORY", "", 1);
	runtime_find(&r, &config);
	assert_string_not_equal(r.directory, "");
}

static void a_directory_of_others_is_not_believed(void **state)
{
	static const mode_t open_to[] = {0770, 0707, 0720, 0702, 0777};
	struct runtime r;
	char other[128];

	(void)state;
	assert_int_equal(mkdir(directory, 0700), 0);
	for (size_t i = 0; i < sizeof(open_to) / sizeof(*open_to); i++) {
		assert_int_equal(chmod(directory, open_to[i]), 0);
		assert_false(runtime_open(&r, &config));
		assert_string_equal(r.token, "");
		assert_string_equal(r.directory, "");
	}
	assert_int_equal(chmod(directory, 0755), 0); /* to look is no harm */
	assert_true(runtime_open(&r, &config));
	snprintf(other, sizeof(other), "%s/other", place);
	assert_int_equal(rename(directory, other), 0);
	assert_int_equal(symlink(other, directory), 0);
	assert_false(runtime_open(&r, &config));
	unlink(directory);
	assert_int_equal(close(open(directory, O_WRONLY | O_CREAT, 0600)), 0); /* a file instead */
	assert_false(runtime_open(&r, &config));
}

static void what_was_not_asked_for_may_fail(void **state)
{
	struct runtime r;

	(void)state;
	config.runtime_directory = (char *)"";
	setenv("RUNTIME_DIRECTORY", "/proc/no/such/place", 1);
	assert_true(runtime_open(&r, &config));
	assert_string_equal(r.directory, "");
	assert_string_equal(r.socket, "");
	assert_string_equal(r.token, "");
}

static void good_tokens(void **state)
{
	char most[RUNTIME_TOKEN], text[RUNTIME_TOKEN + 8], token[RUNTIME_TOKEN];
	const char *why;

	(void)state;
	memset(most, '~', sizeof(most) - 1);
	most[sizeof(most) - 1] = '\0';
	snprintf(text, sizeof(text), " %s\r\n", most);
	assert_true(runtime_read_token(put("t", TOKEN, 16, 0600), token, &why));
	assert_string_equal(token, TOKEN);
	assert_true(runtime_read_token(put("t", TOKEN "\n", 17, 0400), token, &why));
	assert_string_equal(token, TOKEN);
	assert_true(runtime_read_token(put("t", text, strlen(text), 0600), token, &why));
	assert_string_equal(token, most);
}

static void bad_tokens(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *why;
	} bad[] = {
	    {"", 0600, "a token has 16 to 128 characters"},
	    {"abcdefgh234567a\n", 0600, "a token has 16 to 128 characters"},
	    {TOKEN " " TOKEN, 0600, "a token has letters, digits and - . _ ~ + / = only"},
	    {TOKEN "&" TOKEN, 0600, "a token has letters, digits and - . _ ~ + / = only"},
	    {TOKEN "%" TOKEN, 0600, "a token has letters, digits and - . _ ~ + / = only"},
	    {TOKEN "\xc3\xbc", 0600, "a token has letters, digits and - . _ ~ + / = only"},
	    {TOKEN "\x1b", 0600, "a token has letters, digits and - . _ ~ + / = only"},
	    {TOKEN, 0640, "others may read or write the token: chmod 600"},
	    {TOKEN, 0604, "others may read or write the token: chmod 600"},
	    {TOKEN, 0620, "others may read or write the token: chmod 600"},
	};
	char token[RUNTIME_TOKEN], many[200];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *path = put("t", bad[i].text, strlen(bad[i].text), bad[i].mode);

		assert_false(runtime_read_token(path, token, &why));
		assert_string_equal(why, bad[i].why);
	}
	memset(many, 'a', sizeof(many));
	assert_false(runtime_read_token(put("t", many, 129, 0600), token, &why));
	assert_false(runtime_read_token(put("t", many, sizeof(many), 0600), token, &why));
}

/* Not even followed, or waited for. */
static void what_is_no_file_is_no_token(void **state)
{
	char path[256], token[RUNTIME_TOKEN];
	const char *why;

	(void)state;
	assert_true(runtime_read_token(put("t", TOKEN, 16, 0600), token, &why));
	snprintf(path, sizeof(path), "%s/link", directory);
	assert_int_equal(symlink("t", path), 0);
	assert_false(runtime_read_token(path, token, &why));
	snprintf(path, sizeof(path), "%s/pipe", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(runtime_read_token(path, token, &why));
	assert_string_equal(why, "this is no plain file");
	assert_false(runtime_read_token(directory, token, &why));
	assert_string_equal(why, "this is no plain file");
	snprintf(path, sizeof(path), "%s/none", directory);
	assert_false(runtime_read_token(path, token, &why));
	assert_int_equal(errno, ENOENT);
}

static void a_bad_token_is_not_replaced(void **state)
{
	const char *path = put("status.token", "short\n", 6, 0600);
	struct runtime r;
	struct stat st;

	(void)state;
	assert_false(runtime_open(&r, &config));
	assert_string_equal(r.token, "");
	assert_string_equal(r.token_file, "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 6);
}

/* Of an address for all, one that a browser here gets to, and that the listener answers to. */
static void the_link(void **state)
{
	static const struct {
		const char *listen, *name;
		uint8_t tls;
		const char *url;
	} links[] = {
	    {"127.0.0.1:5282", "ops.example", CONFIG_OFF, "http://127.0.0.1:5282/#token=" TOKEN},
	    {"192.0.2.1:80", "ops.example", CONFIG_ON, "https://192.0.2.1:80/#token=" TOKEN},
	    {"0.0.0.0:5282", NULL, CONFIG_ON, "https://127.0.0.1:5282/#token=" TOKEN},
	    {"0.0.0.0:5282", "ops.example", CONFIG_OFF, "http://127.0.0.1:5282/#token=" TOKEN},
	    {"[::]:5282", "ops.example", CONFIG_OFF, "http://[::1]:5282/#token=" TOKEN},
	    {"[::]:443", "ops.example", CONFIG_ON, "https://ops.example:443/#token=" TOKEN},
	    {"unix:/run/x", NULL, CONFIG_OFF, NULL},
	    {"systemd:status", NULL, CONFIG_OFF, NULL},
	};
	struct runtime r = {.token = TOKEN}, none = {.token = ""};
	char url[RUNTIME_LINK];

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		const char *names[] = {links[i].name, NULL};

		config.status_names = names;
		config.status_tls = links[i].tls;
		assert_true(listen_parse(&config.status_listen, slice_str(links[i].listen)));
		assert_int_equal(runtime_link(&r, &config, url), links[i].url != NULL);
		if (links[i].url)
			assert_string_equal(url, links[i].url);
		assert_false(runtime_link(&none, &config, url));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_made_with_a_token_for_its_user_alone, begin, end),
	    cmocka_unit_test_setup_teardown(where_it_is, begin, end),
	    cmocka_unit_test_setup_teardown(a_directory_of_others_is_not_believed, begin, end),
	    cmocka_unit_test_setup_teardown(what_was_not_asked_for_may_fail, begin, end),
	    cmocka_unit_test_setup_teardown(good_tokens, begin, end),
	    cmocka_unit_test_setup_teardown(bad_tokens, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_no_file_is_no_token, begin, end),
	    cmocka_unit_test_setup_teardown(a_bad_token_is_not_replaced, begin, end),
	    cmocka_unit_test_setup_teardown(the_link, begin, end),
	};

	log_open(false, LOG_LEVEL_ERROR, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

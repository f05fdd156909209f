/* Addresses to listen on, and what becomes of the files of Unix sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listen.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123456789012345678"

static char folder[] = "/tmp/listen_test.XXXXXX";

static void addresses_are_printed_as_they_are_written(void **state)
{
	static const struct {
		const char *text;
		enum listen_kind kind;
	} good[] = {
	    {"127.0.0.1:5280", LISTEN_NET},
	    {"[::]:5280", LISTEN_NET},
	    {"[::1]:1", LISTEN_NET},
	    {"0.0.0.0:65535", LISTEN_NET},
	    {"unix:/run/x/web.sock", LISTEN_UNIX},
	    {"systemd:web", LISTEN_SYSTEMD},
	    {"systemd:1", LISTEN_SYSTEMD},
	};
	struct listen_at at, other;
	char text[LISTEN_TEXT];

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_true(listen_parse(&at, slice_str(good[i].text)));
		assert_int_equal(at.kind, good[i].kind);
		assert_string_equal(listen_print(&at, text), good[i].text);
		for (size_t k = 0; k < LEN(good); k++) {
			assert_true(listen_parse(&other, slice_str(good[k].text)));
			assert_int_equal(listen_same(&at, &other), i == k);
		}
	}
	at.kind = LISTEN_NONE;
	assert_string_equal(listen_print(&at, text), "");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "5280",
	    "127.0.0.1",
	    "127.0.0.1:0",
	    "localhost:5280",
	    "*:5280",
	    "unix:",
	    "unix:/",
	    "unix:web",
	    "unix:@web",
	    "systemd:",
	    "systemd:a:b",
	    "systemd",
	    "unix",
	    "unix:/" LONG_NAME "/012345678901234567890123456",
	};
	struct listen_at at;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		assert_false(listen_parse(&at, slice_str(bad[i])));
	assert_false(listen_parse(&at, slice_of("unix:/a\0b", 9)));
	assert_true(listen_parse(&at, slice_str("unix:/" LONG_NAME "/01234567890123456789012345")));
}

static void at_file(struct listen_at *at, const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "unix:%s/%s", folder, name);
	assert_true(listen_parse(at, slice_str(text)));
}

static bool there(const struct listen_at *at)
{
	struct stat st;

	return lstat(at->name, &st) == 0;
}

static bool opens(struct listen_socket *s, const struct listen_at *at, const char **why)
{
	return listen_open(s, at, 0640, (uid_t)-1, (gid_t)-1, why);
}

static void a_socket_has_its_mode_and_goes_at_the_end(void **state)
{
	struct listen_socket s;
	struct listen_at at;
	struct stat st;
	const char *why;

	(void)state;
	at_file(&at, "a");
	assert_true(opens(&s, &at, &why));
	assert_int_equal(lstat(at.name, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
	listen_close(&s);
	assert_int_equal(s.fd, -1);
	assert_false(there(&at));
	listen_close(&s);
}

static void one_left_over_is_replaced_and_a_live_one_is_not(void **state)
{
	struct listen_socket s, t;
	struct listen_at at;
	const char *why = "";

	(void)state;
	at_file(&at, "b");
	assert_true(opens(&s, &at, &why));
	assert_false(opens(&t, &at, &why));
	assert_non_null(strstr(why, "another program listens there"));
	assert_int_equal(t.fd, -1);
	assert_true(there(&at));
	close(s.fd); /* as a process that was killed leaves it */
	s.fd = -1;
	assert_true(opens(&t, &at, &why));
	listen_close(&s); /* the file is no longer its own */
	assert_true(there(&at));
	listen_close(&t);
	assert_false(there(&at));
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct listen_socket s;
	struct listen_at at;
	const char *why = "";

	(void)state;
	at_file(&at, "c");
	close(open(at.name, O_CREAT | O_WRONLY, 0600));
	assert_false(opens(&s, &at, &why));
	assert_non_null(strstr(why, "no socket"));
	assert_true(there(&at));
	unlink(at.name);
	at_file(&at, "missing/d");
	assert_false(opens(&s, &at, &why));
	assert_non_null(strstr(why, "No such file"));
}

static void ipv4_is_taken_by_ipv6_unless_it_is_somebody_elses(void **state)
{
	struct listen_at six, four;
	struct listen_socket s, t;
	const char *why;
	char text[32];
	int port;

	(void)state;
	for (port = 20000; port < 30000; port += 97) {
		snprintf(text, sizeof(text), "[::]:%d", port);
		assert_true(listen_parse(&six, slice_str(text)));
		if (opens(&s, &six, &why))
			break;
		if (strstr(why, "not supported"))
			skip(); /* a machine without IPv6 */
	}
	snprintf(text, sizeof(text), "0.0.0.0:%d", port);
	assert_true(listen_parse(&four, slice_str(text)));
	assert_false(opens(&t, &four, &why));
	assert_non_null(strstr(why, "in use"));
	listen_close(&s);
	six.v6only = true;
	assert_true(opens(&s, &six, &why));
	assert_true(opens(&t, &four, &why));
	listen_close(&s);
	listen_close(&t);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_printed_as_they_are_written),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(a_socket_has_its_mode_and_goes_at_the_end),
	    cmocka_unit_test(one_left_over_is_replaced_and_a_live_one_is_not),
	    cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
	    cmocka_unit_test(ipv4_is_taken_by_ipv6_unless_it_is_somebody_elses),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* What systemd says of the sockets that it passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/inherit.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { SELF = 77 };

/* Leaves no descriptor to be closed: these tests have none. */
static void forget(struct inherit *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i].taken = true;
	inherit_clear(h);
}

static void sockets_are_taken_by_name(void **state)
{
	struct inherit h;

	(void)state;
	assert_true(inherit_read(&h, "77", "4", "web:status:web:", SELF));
	assert_int_equal(h.n, 4);
	assert_int_equal(inherit_take(&h, "web")->fd, 3);
	assert_int_equal(inherit_take(&h, "web")->fd, 5);
	assert_null(inherit_take(&h, "web"));
	assert_null(inherit_take(&h, "other"));
	assert_int_equal(inherit_untaken(&h)->fd, 4);
	assert_int_equal(inherit_take(&h, "status")->fd, 4);
	assert_int_equal(inherit_untaken(&h)->fd, 6);
	assert_int_equal(inherit_take(&h, "4")->fd, 6); /* it has no name, but a place */
	assert_null(inherit_untaken(&h));
	forget(&h);
}

static void without_names_they_have_places(void **state)
{
	struct inherit h;

	(void)state;
	assert_true(inherit_read(&h, "77", "2", NULL, SELF));
	assert_null(inherit_take(&h, "0"));
	assert_null(inherit_take(&h, "3"));
	assert_null(inherit_take(&h, "web"));
	assert_int_equal(inherit_take(&h, "2")->fd, 4);
	assert_int_equal(inherit_take(&h, "1")->fd, 3);
	assert_null(inherit_take(&h, "1"));
	forget(&h);
}

static void what_is_not_for_us_is_none(void **state)
{
	static const char *const cases[][3] = {
	    {NULL, NULL, NULL}, {"78", "2", "a:b"}, {"77", NULL, NULL},	  {NULL, "2", NULL},
	    {"77", "0", NULL},	{"77", "0", ""},    {"junk", "1", "web"},
	};
	struct inherit h;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		assert_true(inherit_read(&h, cases[i][0], cases[i][1], cases[i][2], SELF));
		assert_int_equal(h.n, 0);
		assert_null(inherit_untaken(&h));
		forget(&h);
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	static const char *const cases[][2] = {
	    {"2", "a"}, {"1", "a:b"}, {"-1", NULL}, {"many", NULL}, {"", NULL}, {"100000", NULL},
	};
	struct inherit h;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		assert_false(inherit_read(&h, "77", cases[i][0], cases[i][1], SELF));
		forget(&h);
	}
}

static void only_a_listening_stream_socket_is_usable(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int stream = socket(AF_INET, SOCK_STREAM, 0), packets = socket(AF_INET, SOCK_DGRAM, 0);
	const char *why = "";

	(void)state;
	assert_false(inherit_usable(packets, &why));
	assert_false(inherit_usable(stream, &why));
	assert_non_null(strstr(why, "Accept=no"));
	assert_false(inherit_usable(9999, &why));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(stream, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(stream, 1), 0);
	assert_true(inherit_usable(stream, &why));
	assert_true(fcntl(stream, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(stream, F_GETFD) & FD_CLOEXEC);
	close(stream);
	close(packets);
}

static void those_not_taken_are_closed(void **state)
{
	struct inherit h;
	int fd;

	(void)state;
	assert_true(inherit_read(&h, "77", "2", "a:b", SELF));
	for (size_t i = 0; i < h.n; i++) {
		fd = open("/dev/null", O_RDONLY);
		h.v[i].fd = fd;
	}
	fd = inherit_take(&h, "a")->fd;
	inherit_clear(&h);
	assert_int_not_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(fcntl(fd + 1, F_GETFD), -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sockets_are_taken_by_name),
	    cmocka_unit_test(without_names_they_have_places),
	    cmocka_unit_test(what_is_not_for_us_is_none),
	    cmocka_unit_test(what_does_not_fit_is_refused),
	    cmocka_unit_test(only_a_listening_stream_socket_is_usable),
	    cmocka_unit_test(those_not_taken_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

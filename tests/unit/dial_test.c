/* Dialling and lookups, against listeners and a name server of the test's own on one loop. The
 * resolver is compiled in, so that it can be pointed at that name server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "net/dns.c" /* NOLINT */

static struct ev_loop *loop;
static struct dns *dns;

static struct {
	int calls, fd;
	struct addr peer;
	char text[256];
} result;

static void on_done(void *owner, int fd, const struct addr *peer, const char *text)
{
	assert_ptr_equal(owner, &result);
	assert_true((fd >= 0) == (peer != NULL) && (fd >= 0) == (text == NULL));
	result.calls++;
	result.fd = fd;
	if (peer)
		result.peer = *peer;
	if (text)
		snprintf(result.text, sizeof(result.text), "%s", text);
	ev_break(loop, EVBREAK_ALL);
}

/* A port of 127.0.0.1: listening, or bound and refusing. */
static int open_port(int *fd, int type, bool listening)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(in);

	*fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&in, &n), 0);
	if (listening)
		assert_int_equal(listen(*fd, 1), 0);
	return ntohs(in.sin_port);
}

/* The name server: answers A for up.example, NXDOMAIN for others, nothing at all for
 * silent.example. */
static ev_io server;
static int server_asked;

static void on_question(struct ev_loop *l, ev_io *io, int events)
{
	static const uint8_t a[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1};
	uint8_t m[512];
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	ssize_t got = recvfrom(io->fd, m, sizeof(m) - sizeof(a), 0, (struct sockaddr *)&from, &n);
	bool is_a, up;

	(void)l, (void)events;
	assert_true(got > 17);
	server_asked++;
	if (memcmp(m + 12, "\6silent", 7) == 0)
		return;
	up = memcmp(m + 12, "\2up", 3) == 0;
	is_a = m[got - 3] == 1;
	m[2] |= 0x80;
	m[3] = up ? 0 : 3;
	m[7] = up && is_a;
	m[11] = 0;
	if (m[7]) {
		memcpy(m + got, a, sizeof(a));
		got += sizeof(a);
	}
	sendto(io->fd, m, (size_t)got, 0, (struct sockaddr *)&from, n);
}

static int setup(void **state)
{
	char at[64];
	int fd, port;

	(void)state;
	memset(&result, 0, sizeof(result));
	server_asked = 0;
	loop = ev_loop_new(0);
	dns = dns_new(loop);
	port = open_port(&fd, SOCK_DGRAM, false);
	ev_io_init(&server, on_question, fd, EV_READ);
	ev_io_start(loop, &server);
	snprintf(at, sizeof(at), "127.0.0.1:%d", port);
	assert_int_equal(ares_set_servers_ports_csv(dns->channel, at), ARES_SUCCESS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (result.calls && result.fd >= 0)
		close(result.fd);
	dns_free(dns);
	ev_io_stop(loop, &server);
	close(server.fd);
	ev_loop_destroy(loop);
	return 0;
}

static void dial(const struct dial_target *v, size_t n, int64_t ms)
{
	dial_start(dns, v, n, ms, on_done, &result);
	assert_int_equal(result.calls, 0);
	ev_run(loop, 0);
	assert_int_equal(result.calls, 1);
}

static void a_literal_is_connected(void **state)
{
	int fd, port = open_port(&fd, SOCK_STREAM, true);

	(void)state;
	dial(&(struct dial_target){"127.0.0.1", (uint16_t)port}, 1, 5000);
	assert_true(result.fd >= 0);
	assert_true(fcntl(result.fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(result.peer.port, port);
	assert_int_equal(server_asked, 0);
	close(fd);
}

static void localhost_asks_nobody(void **state)
{
	int fd, port = open_port(&fd, SOCK_STREAM, true);

	(void)state;
	dial(&(struct dial_target){"LocalHost", (uint16_t)port}, 1, 5000);
	assert_true(result.fd >= 0);
	assert_int_equal(server_asked, 0);
	close(fd);
}

static void a_name_is_looked_up(void **state)
{
	int fd, port = open_port(&fd, SOCK_STREAM, true);

	(void)state;
	dial(&(struct dial_target){"up.example", (uint16_t)port}, 1, 5000);
	assert_true(result.fd >= 0);
	assert_int_equal(result.peer.family, ADDR_V4);
	assert_int_equal(server_asked, 2);
	close(fd);
}

static void a_refusal_is_told(void **state)
{
	char want[64];
	int fd, port = open_port(&fd, SOCK_STREAM, false);

	(void)state;
	dial(&(struct dial_target){"127.0.0.1", (uint16_t)port}, 1, 5000);
	assert_int_equal(result.fd, -1);
	snprintf(want, sizeof(want), "connection refused by 127.0.0.1:%d", port);
	assert_string_equal(result.text, want);
	close(fd);
}

static void the_next_is_tried_after_a_failure(void **state)
{
	int bad, fd, refusing = open_port(&bad, SOCK_STREAM, false);
	int port = open_port(&fd, SOCK_STREAM, true);
	struct dial_target v[] = {{"127.0.0.1", (uint16_t)refusing},
				  {"down.example", 5222},
				  {"127.0.0.1", (uint16_t)port}};

	(void)state;
	dial(v, 3, 5000);
	assert_true(result.fd >= 0);
	assert_int_equal(result.peer.port, port);
	close(bad);
	close(fd);
}

static void an_unknown_name_is_told(void **state)
{
	(void)state;
	dial(&(struct dial_target){"down.example", 5222}, 1, 5000);
	assert_int_equal(result.fd, -1);
	assert_string_equal(result.text, "no address for down.example");
}

static void a_nonsense_name_is_told(void **state)
{
	(void)state;
	dial(&(struct dial_target){"a..b", 5222}, 1, 5000);
	assert_int_equal(result.fd, -1);
	assert_non_null(strstr(result.text, "a..b"));
}

static void no_target_is_told(void **state)
{
	(void)state;
	dial(NULL, 0, 5000);
	assert_string_equal(result.text, "no server to dial");
}

static void silence_ends_at_the_deadline(void **state)
{
	(void)state;
	dial(&(struct dial_target){"silent.example", 5222}, 1, 60);
	assert_int_equal(result.fd, -1);
	assert_string_equal(result.text,
			    "no answer from the name servers about silent.example in 0.06 s");
}

/* A full backlog lets further connections hang. */
static void a_silent_server_ends_at_the_deadline(void **state)
{
	char want[64];
	int fd, hung[3], port = open_port(&fd, SOCK_STREAM, false);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

	(void)state;
	in.sin_port = htons((uint16_t)port);
	listen(fd, 0);
	for (size_t i = 0; i < 3; i++) {
		hung[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(hung[i], (struct sockaddr *)&in, sizeof(in));
	}
	dial(&(struct dial_target){"127.0.0.1", (uint16_t)port}, 1, 60);
	snprintf(want, sizeof(want), "no answer from 127.0.0.1:%d in 0.06 s", port);
	assert_string_equal(result.text, want);
	for (size_t i = 0; i < 3; i++)
		close(hung[i]);
	close(fd);
}

static void cancelling_is_safe_at_every_step(void **state)
{
	static const char *const hosts[] = {"silent.example", "up.example", "127.0.0.1"};
	int fd, port = open_port(&fd, SOCK_STREAM, true);

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		for (int rounds = 0; rounds < 6; rounds++) {
			struct dial_target t = {hosts[i], (uint16_t)port};
			struct dial *d = dial_start(dns, &t, 1, 5000, on_done, &result);

			for (int k = 0; k < rounds && !result.calls; k++)
				ev_run(loop, EVRUN_NOWAIT);
			if (!result.calls)
				dial_cancel(d);
			else if (result.fd >= 0)
				close(result.fd);
			memset(&result, 0, sizeof(result));
		}
	for (int k = 0; k < 10; k++)
		ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(result.calls, 0);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_literal_is_connected),
	    T(localhost_asks_nobody),
	    T(a_name_is_looked_up),
	    T(a_refusal_is_told),
	    T(the_next_is_tried_after_a_failure),
	    T(an_unknown_name_is_told),
	    T(a_nonsense_name_is_told),
	    T(no_target_is_told),
	    T(silence_ends_at_the_deadline),
	    T(a_silent_server_ends_at_the_deadline),
	    T(cancelling_is_safe_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Dialling without TLS, against listeners and a name server of the test's own on one loop: which
 * candidate is taken, how addresses are raced, what is said when none will do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "dial_rig.h"
#include "net/clock.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

static const struct ns_record names[] = {
    {"up.example", NS_A, 60, "127.0.0.1"},   {"race.example", NS_A, 60, "127.0.0.1"},
    {"race.example", NS_AAAA, 60, "::1"},    {"many.example", NS_A, 60, "127.0.0.3"},
    {"many.example", NS_A, 60, "127.0.0.4"}, {"abroad.example", NS_A, 60, "192.0.2.1"},
    {"six.example", NS_AAAA, 60, "::1"},
};

static int setup(void **state)
{
	rig_begin(state);
	name_server_know(&server, names, LENGTH(names));
	return 0;
}

static struct dial_target host(const char *name, int port)
{
	return (struct dial_target){.host = name, .port = (uint16_t)port};
}

static void a_literal_is_connected(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	char name[64];

	(void)state;
	rig_host("127.0.0.1", port, 5000);
	rig_expect_port(port);
	assert_string_equal(came.name, RIG_NAME(name, port));
	assert_false(came.tls);
	assert_int_equal(server.asked, 0);
	assert_true(conn_open(&came.conn));
	assert_int_equal(rig_row(name).sessions, 1);
	assert_int_equal(rig_row(name).connected, 0); /* it has not spoken yet */
	assert_false(came.heard);
	rig_drop();
	assert_int_equal(rig_row(name).sessions, 0);
}

static void localhost_asks_nobody(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_host("LocalHost", port, 5000);
	rig_expect_port(port);
	assert_int_equal(server.asked, 0);
}

static void a_name_is_looked_up(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_host("up.example", port, 5000);
	rig_expect_port(port);
	assert_int_equal(came.peer.family, ADDR_V4);
	assert_int_equal(server.asked_of[NS_A], 1);
	assert_int_equal(server.asked_of[NS_AAAA], 1);
	rig_host("up.example", port, 5000);
	rig_expect_port(port);
	assert_int_equal(server.asked, 2);
}

static void a_unix_socket_is_connected(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/fairlead-dial-XXXXXX", path[64], want[128];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct dial_target t = {.kind = DIAL_UNIX, .host = path};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	rig_dial(&t, 1, 5000);
	snprintf(want, sizeof(want), "unix:%s: cannot connect: No such file or directory", path);
	rig_expect_text(want);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 1), 0);
	health_free(health); /* it is down for a second */
	dialer->health = health = health_new();
	rig_dial(&t, 1, 5000);
	rig_expect_port(0);
	assert_int_equal(came.peer.family, ADDR_UNIX);
	snprintf(want, sizeof(want), "unix:%s", path);
	assert_string_equal(came.name, want);
	close(fd);
	unlink(path);
	rmdir(dir);
}

/* Of a Unix socket the kernel says so at once, and not by letting us wait as with TCP. */
static void a_full_backlog_is_waited_for(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/fairlead-dial-XXXXXX", path[64];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), before[2], n = 0;
	struct dial_target t = {.kind = DIAL_UNIX, .host = path};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (n = 0; n < 2; n++) {
		before[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(before[n], (struct sockaddr *)&un, sizeof(un)) < 0)
			break;
	}
	assert_int_equal(n, 1);
	rig_start(&t, 1, 5000);
	for (int i = 0; i < 3; i++)
		ev_run(loop, EVRUN_ONCE);
	assert_int_equal(came.calls, 0);
	close(accept(fd, NULL, NULL));
	rig_wait();
	rig_expect_port(0);
	assert_true(came.connected);
	rig_drop();
	assert_true(connect(before[1], (struct sockaddr *)&un, sizeof(un)) == 0 || errno == EAGAIN);
	rig_dial(&t, 1, 300);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "its queue of connections stays full"));
	close(before[0]);
	close(before[1]);
	close(fd);
	unlink(path);
	rmdir(dir);
}

/* A shortage of ours says nothing of the backend. */
static void without_descriptors_the_backend_is_not_blamed(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct rlimit had, none;
	char name[64];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &had), 0);
	none = had;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rig_host("127.0.0.1", port, 1000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &had), 0);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "no socket for it: Too many open files"));
	snprintf(name, sizeof(name), "127.0.0.1:%d", port);
	assert_false(rig_row(name).down);
}

static void a_path_too_long_is_told(void **state)
{
	char path[300];
	struct dial_target t = {.kind = DIAL_UNIX, .host = path};

	(void)state;
	memset(path, 'a', sizeof(path));
	path[299] = '\0';
	rig_dial(&t, 1, 5000);
	assert_non_null(strstr(came.text, "File name too long"));
}

static void a_refusal_is_told_and_held_against_it(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_REFUSING);
	char name[64], want[128];

	(void)state;
	rig_host("127.0.0.1", port, 5000);
	snprintf(want, sizeof(want), "%s: connection refused", RIG_NAME(name, port));
	rig_expect_text(want);
	assert_false(came.exhausted);
	assert_true(rig_row(name).down);
	assert_string_equal(rig_row(name).why, "connection refused");
	assert_int_equal(rig_row(name).sessions, 0);
}

static void all_down_fails_at_once(void **state)
{
	int a = rig_open("127.0.0.1", 0, RIG_REFUSING);
	int b = rig_open("127.0.0.1", 0, RIG_REFUSING);
	struct dial_target v[] = {host("127.0.0.1", a), host("127.0.0.1", b)};
	char want[256];

	(void)state;
	rig_dial(v, 2, 5000);
	assert_non_null(strstr(came.text, "; "));
	v[1].priority = 1;
	rig_dial(v, 2, 5000);
	snprintf(want, sizeof(want),
		 "all backends are down: 127.0.0.1:%d: connection refused (down, again in 1 s); "
		 "127.0.0.1:%d: connection refused (down, again in 1 s)",
		 a, b);
	rig_expect_text(want);
}

static void one_that_is_down_is_left_out(void **state)
{
	int down = rig_open("127.0.0.1", 0, RIG_LISTENING);
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target v[] = {host("127.0.0.1", down), host("127.0.0.1", port)};
	struct health_backend *b;
	char name[64];

	(void)state;
	v[1].priority = 1;
	b = health_find(health, RIG_NAME(name, down), 0);
	assert_int_equal(health_ask(b, clock_ms()), HEALTH_YES);
	health_failed(b, clock_ms() + 100000, "x");
	rig_dial(v, 2, 5000);
	rig_expect_port(port);
}

static void a_full_one_is_left_out(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	int other = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target v[] = {host("127.0.0.1", port), host("127.0.0.1", other)};
	struct health_backend *b;
	char name[64], want[128];

	(void)state;
	v[0].most = 1;
	v[1].priority = 1;
	b = health_find(health, RIG_NAME(name, port), 1);
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	rig_dial(v, 2, 5000);
	rig_expect_port(other);
	rig_dial(v, 1, 5000);
	snprintf(want, sizeof(want), "all backends are full: 127.0.0.1:%d: full, it has 1 sessions",
		 port);
	rig_expect_text(want);
	health_leave(b);
	rig_dial(v, 2, 5000);
	rig_expect_port(port);
}

static void the_next_is_tried_after_a_failure(void **state)
{
	int refusing = rig_open("127.0.0.1", 0, RIG_REFUSING);
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target v[] = {host("127.0.0.1", refusing), host("down.example", 5222),
				  host("127.0.0.1", port)};

	(void)state;
	v[1].priority = 1;
	v[2].priority = 2;
	rig_dial(v, 3, 5000);
	rig_expect_port(port);
	assert_true(rig_row("down.example:5222").down);
}

static void priorities_and_wishes_are_kept(void **state)
{
	int a = rig_open("127.0.0.1", 0, RIG_LISTENING),
	    b = rig_open("127.0.0.1", 0, RIG_LISTENING);
	int c = rig_open("127.0.0.1", 0, RIG_REFUSING);
	struct dial_target v[] = {host("127.0.0.1", a), host("127.0.0.1", b), host("127.0.0.1", c)};

	(void)state;
	v[0].priority = 5;
	v[1].priority = 3;
	v[2].priority = 9;
	for (int i = 0; i < 5; i++) {
		rig_dial(v, 3, 5000);
		rig_expect_port(b);
	}
	first = 0;
	rig_dial(v, 3, 5000);
	rig_expect_port(a);
	first = 2; /* refuses: the others as ever */
	rig_dial(v, 3, 5000);
	rig_expect_port(b);
}

static void weights_spread_the_sessions(void **state)
{
	int port[2] = {rig_open("127.0.0.1", 0, RIG_LISTENING),
		       rig_open("127.0.0.1", 0, RIG_LISTENING)};
	struct dial_target v[] = {host("127.0.0.1", port[0]), host("127.0.0.1", port[1])};
	int seen[2] = {0};

	(void)state;
	v[0].weight = v[1].weight = 10;
	/* All on one side: once in 2^39 runs. */
	for (int i = 0; i < 40; i++) {
		rig_dial(v, 2, 5000);
		assert_true(came.connected);
		seen[came.peer.port == port[1]]++;
	}
	assert_true(seen[0] && seen[1]);
}

static void names_that_lead_nowhere_are_told(void **state)
{
	(void)state;
	rig_host("down.example", 5222, 5000);
	rig_expect_text("down.example:5222: no address for down.example");
	rig_host("a..b", 5222, 5000);
	rig_expect_text("a..b:5222: no address: it is no name of DNS");
	rig_host("broken.example", 5222, 5000);
	rig_expect_text("broken.example:5222: no name server wants to tell about broken.example");
	rig_host("a\"b\nc=d\\", 5222, 5000);
	rig_expect_text("a?b?c=d?:5222: no address: it is no name of DNS");
}

static void no_target_is_told(void **state)
{
	(void)state;
	rig_dial(NULL, 0, 5000);
	rig_expect_text("no server to dial");
}

static void silent_name_servers_end_at_the_deadline(void **state)
{
	(void)state;
	rig_host("silent.example", 5222, 60);
	assert_non_null(strstr(came.text, "silent.example:5222: no answer from the name servers "
					  "about silent.example in "));
	assert_true(came.ms >= 60);
}

static void a_long_tale_is_cut(void **state)
{
	struct dial_target v[20];
	char hosts[20][80];

	(void)state;
	for (size_t i = 0; i < LENGTH(v); i++) {
		snprintf(hosts[i], sizeof(hosts[i]),
			 "n%zu.a-name-that-is-rather-long-so-that-it-fills-the-text.example", i);
		v[i] = host(hosts[i], 5222);
	}
	rig_dial(v, LENGTH(v), 20000);
	assert_false(came.connected);
	assert_in_range(strlen(came.text), 300, DIAL_TEXT + 40);
}

static void open_relaying_keeps_out_of_the_house(void **state)
{
	static const uint16_t ports[] = {5222, 5223, 0};
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	char want[128];

	(void)state;
	policy.public_only = true;
	rig_host("127.0.0.1", port, 5000);
	snprintf(want, sizeof(want), "127.0.0.1:%d: 127.0.0.1 is not a public address", port);
	rig_expect_text(want);
	rig_host("up.example", port, 5000);
	snprintf(want, sizeof(want), "up.example:%d: 127.0.0.1 is not a public address", port);
	rig_expect_text(want);
	policy.ports = ports;
	rig_host("up.example", 25, 5000);
	rig_expect_text("up.example:25: connections to this port are not allowed");
	policy.public_only = false;
	rig_host("up.example", 5223, 5000);
	assert_null(strstr(came.text, "not allowed"));
}

static void the_proxy_header_goes_first(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING), fd;
	char got[64] = {0};

	(void)state;
	proxy = SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
	rig_host("127.0.0.1", port, 5000);
	rig_expect_port(port);
	buf_addz(&came.conn.out, "<stream>");
	conn_flush(&came.conn, loop);
	conn_shutdown(&came.conn, loop);
	fd = rig_accept(port);
	assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_WAITALL), 44);
	assert_string_equal(got, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n<stream>");
	close(fd);
}

static void sources_take_turns(void **state)
{
	struct addr sources[3];
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(addr_parse(&sources[i],
				       i == 0	? SLICE("127.0.0.11")
				       : i == 1 ? SLICE("::1")
						: SLICE("127.0.0.13"),
				       false));
	policy.sources = sources;
	policy.n_sources = 3;
	for (int i = 0; i < 4; i++) {
		struct sockaddr_in in;
		socklen_t n = sizeof(in);
		int fd;

		rig_host("127.0.0.1", port, 5000);
		rig_expect_port(port);
		fd = rig_accept(port);
		assert_int_equal(getpeername(fd, (struct sockaddr *)&in, &n), 0);
		assert_int_equal(ntohl(in.sin_addr.s_addr) & 255, i % 2 ? 13 : 11);
		close(fd);
	}
}

/* Where one family fails at each dial, the other's turns must not be in step with that. */
static void sources_of_each_family_have_turns_of_their_own(void **state)
{
	static const char *const texts[] = {"127.0.0.11", "127.0.0.12", "::1"};
	struct addr sources[3];
	int seen[2] = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(addr_parse(&sources[i], slice_str(texts[i]), false));
	policy.sources = sources;
	policy.n_sources = 3;
	for (int i = 0; i < 8; i++) {
		int port = rig_open("127.0.0.1", 0, RIG_LISTENING), other;
		struct addr to[2];
		struct sockaddr_in in;
		socklen_t n = sizeof(in);

		assert_true(addr_parse(&to[0], SLICE("::1"), false));
		assert_true(addr_parse(&to[1], SLICE("127.0.0.1"), false));
		to[0].port = to[1].port = (uint16_t)port;
		dial_socket(dialer, &policy, &to[0], "", &other);
		if (other >= 0)
			close(other);
		if (dial_socket(dialer, &policy, &to[1], "", &other) == SOCKET_FAILED)
			fail();
		assert_int_equal(getsockname(other, (struct sockaddr *)&in, &n), 0);
		seen[(ntohl(in.sin_addr.s_addr) & 255) - 11]++;
		close(other);
	}
	assert_int_equal(seen[0], 4);
	assert_int_equal(seen[1], 4);
}

static void a_source_of_another_machine_is_our_fault(void **state)
{
	struct addr source;
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	char name[64], want[128];

	(void)state;
	assert_true(addr_parse(&source, SLICE("192.0.2.77"), false));
	policy.sources = &source;
	policy.n_sources = 1;
	rig_host("127.0.0.1", port, 5000);
	snprintf(want, sizeof(want),
		 "127.0.0.1:%d: none of the source addresses is one of this machine", port);
	rig_expect_text(want);
	assert_false(came.exhausted);
	assert_false(rig_row(RIG_NAME(name, port)).down);
}

static int option(int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	getsockopt(came.conn.io.fd, level, name, &value, &n);
	return value;
}

static void lost_servers_are_noticed(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_host("127.0.0.1", port, 5000);
	assert_int_equal(option(SOL_SOCKET, SO_KEEPALIVE), 0);
	policy.keepalive = 30000;
	policy.user_timeout = 45000;
	rig_host("127.0.0.1", port, 5000);
	assert_int_equal(option(SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
	assert_int_equal(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
	assert_int_equal(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 45000);
	assert_true(fcntl(came.conn.io.fd, F_GETFL) & O_NONBLOCK);
	policy.user_timeout = 0;
	rig_host("127.0.0.1", port, 5000);
	assert_int_equal(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
	policy.user_timeout = 33000;
	rig_host("127.0.0.1", port, 5000);
	assert_int_equal(option(IPPROTO_TCP, TCP_KEEPINTVL), 1);
}

static void cancelling_is_safe_at_every_step(void **state)
{
	static const char *const hosts[] = {"silent.example", "up.example", "127.0.0.1",
					    "race.example"};
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	char name[64];

	(void)state;
	for (size_t i = 0; i < LENGTH(hosts); i++)
		for (int rounds = 0; rounds < 6; rounds++) {
			struct dial_target v[] = {host(hosts[i], port),
						  {.kind = DIAL_SRV, .host = "up.example"}};
			struct dial *d = rig_start(v, 1 + (size_t)rounds % 2, 5000);

			for (int k = 0; k < rounds && !came.calls; k++)
				ev_run(loop, EVRUN_NOWAIT);
			if (!came.calls)
				dial_cancel(d);
			snprintf(name, sizeof(name), "%s:%d", hosts[i], port);
			rig_drop();
			assert_int_equal(rig_row(name).sessions, 0);
			assert_false(rig_row(name).down);
		}
	for (int k = 0; k < 10; k++)
		ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(came.calls, 0);
	dial_cancel(NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_literal_is_connected),
	    T(localhost_asks_nobody),
	    T(a_name_is_looked_up),
	    T(a_unix_socket_is_connected),
	    T(a_full_backlog_is_waited_for),
	    T(without_descriptors_the_backend_is_not_blamed),
	    T(a_path_too_long_is_told),
	    T(a_refusal_is_told_and_held_against_it),
	    T(all_down_fails_at_once),
	    T(one_that_is_down_is_left_out),
	    T(a_full_one_is_left_out),
	    T(the_next_is_tried_after_a_failure),
	    T(priorities_and_wishes_are_kept),
	    T(weights_spread_the_sessions),
	    T(names_that_lead_nowhere_are_told),
	    T(no_target_is_told),
	    T(silent_name_servers_end_at_the_deadline),
	    T(a_long_tale_is_cut),
	    T(open_relaying_keeps_out_of_the_house),
	    T(the_proxy_header_goes_first),
	    T(sources_take_turns),
	    T(sources_of_each_family_have_turns_of_their_own),
	    T(a_source_of_another_machine_is_our_fault),
	    T(lost_servers_are_noticed),
	    T(cancelling_is_safe_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

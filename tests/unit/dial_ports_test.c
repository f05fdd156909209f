/* Local ports running out, and a machine without IPv6, in a network namespace of the test's own
 * with four local ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dial_rig.h"

enum { PORTS = 4, PORT = 5222 };

static struct came held[PORTS * 3];
static size_t n_held;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

/* Of its own user, where we are not root. */
static void enter_namespace(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	unsigned uid = getuid();
	char map[32];
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
			perror("unshare: this test needs a network namespace of its own");
			exit(1);
		}
		snprintf(map, sizeof(map), "0 %u 1", uid);
		put("/proc/self/uid_map", map);
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
		perror("lo");
		exit(1);
	}
	close(fd);
}

#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"

static int setup(void **state)
{
	n_held = 0;
	put(RANGE, "50000 59999"); /* for the name server */
	rig_begin(state);
	put(RANGE, "40000 40003");
	dialer->ports = dial_local_ports();
	rig_open("127.0.0.1", PORT, RIG_LISTENING);
	return 0;
}

/* Keeps what the last dial brought. */
static void hold(void)
{
	assert_true(came.connected);
	conn_move(&held[n_held].conn, &came.conn, loop, 1000, came.conn.wake);
	held[n_held++].backend = came.backend;
	memset(&came, 0, sizeof(came));
}

static int teardown(void **state)
{
	while (n_held) {
		conn_clear(&held[--n_held].conn, loop, true);
		health_leave(held[n_held].backend);
	}
	return rig_end(state);
}

static void use_up(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rig_host("127.0.0.1", PORT, 5000);
		rig_expect_port(PORT);
		hold();
	}
}

static void running_out_is_our_fault(void **state)
{
	(void)state;
	assert_int_equal(dialer->ports, PORTS);
	use_up(PORTS);
	rig_host("127.0.0.1", PORT, 5000);
	rig_expect_text("127.0.0.1:5222: no local port is left for it");
	assert_true(came.exhausted);
	assert_false(rig_row("127.0.0.1:5222").down);
	assert_int_equal(rig_row("127.0.0.1:5222").sessions, PORTS);
}

static void each_source_has_ports_of_its_own(void **state)
{
	struct addr sources[2];

	(void)state;
	assert_true(addr_parse(&sources[0], SLICE("127.0.0.2"), false));
	assert_true(addr_parse(&sources[1], SLICE("127.0.0.3"), false));
	policy.sources = sources;
	policy.n_sources = 2;
	use_up(2 * PORTS);
	rig_host("127.0.0.1", PORT, 5000);
	assert_true(came.exhausted);
	assert_false(rig_row("127.0.0.1:5222").down);
}

/* So that the next source is taken where the one whose turn it is has none left. */
static void the_next_source_is_taken(void **state)
{
	struct addr sources[2];

	(void)state;
	assert_true(addr_parse(&sources[0], SLICE("127.0.0.2"), false));
	assert_true(addr_parse(&sources[1], SLICE("127.0.0.3"), false));
	policy.sources = sources;
	policy.n_sources = 1;
	use_up(PORTS);
	policy.n_sources = 2;
	dialer->turn[0] = 0;
	use_up(1);
	dialer->turn[0] = 0;
	use_up(1);
}

/* A source's port serves other destinations at the same time. */
static void ports_are_shared_across_destinations(void **state)
{
	struct addr source;

	(void)state;
	rig_open("127.0.0.1", PORT + 1, RIG_LISTENING);
	assert_true(addr_parse(&source, SLICE("127.0.0.2"), false));
	policy.sources = &source;
	policy.n_sources = 1;
	use_up(PORTS);
	for (int i = 0; i < PORTS; i++) {
		rig_host("127.0.0.1", PORT + 1, 5000);
		rig_expect_port(PORT + 1);
		hold();
	}
}

static void another_target_may_have_ports_left(void **state)
{
	struct dial_target v[] = {{.host = "127.0.0.1", .port = PORT},
				  {.host = "127.0.0.1", .port = PORT + 1, .priority = 1}};

	(void)state;
	rig_open("127.0.0.1", PORT + 1, RIG_REFUSING);
	use_up(PORTS);
	rig_dial(v, 2, 5000);
	rig_expect_text("127.0.0.1:5222: no local port is left for it; 127.0.0.1:5223: "
			"connection refused");
	assert_false(came.exhausted); /* for want of ports, and not alone */
	rig_open("127.0.0.1", PORT + 2, RIG_LISTENING);
	v[1].port = PORT + 2;
	rig_dial(v, 2, 5000);
	rig_expect_port(PORT + 2);
}

/* The kernel says the same of an address that it has no way to. */
static void no_ipv6_is_not_taken_for_no_ports(void **state)
{
	static const struct ns_record names[] = {{"both.example", NS_AAAA, 60, "::1"},
						 {"both.example", NS_A, 60, "127.0.0.1"}};

	(void)state;
	if (access("/proc/sys/net/ipv6", F_OK) == 0)
		put("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	rig_host("::1", PORT, 5000);
	assert_false(came.connected);
	assert_false(came.exhausted);
	assert_true(rig_row("[::1]:5222").down);
	name_server_know(&server, names, 2);
	rig_host("both.example", PORT, 5000);
	rig_expect_port(PORT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(running_out_is_our_fault),	   T(each_source_has_ports_of_its_own),
	    T(the_next_source_is_taken),	   T(ports_are_shared_across_destinations),
	    T(another_target_may_have_ports_left), T(no_ipv6_is_not_taken_for_no_ports),
	};

	enter_namespace();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

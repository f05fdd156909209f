/* The addresses of a candidate, raced (RFC 8305), and the time that each of them gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dial_rig.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

static const struct ns_record names[] = {
    {"up.example", NS_A, 60, "127.0.0.1"},     {"race.example", NS_A, 60, "127.0.0.1"},
    {"race.example", NS_AAAA, 60, "::1"},      {"many.example", NS_A, 60, "127.0.0.2"},
    {"many.example", NS_A, 60, "127.0.0.3"},   {"many.example", NS_A, 60, "127.0.0.4"},
    {"abroad.example", NS_A, 60, "192.0.2.1"}, {"six.example", NS_AAAA, 60, "::1"},
};

static int setup(void **state)
{
	rig_begin(state);
	name_server_know(&server, names, LENGTH(names));
	return 0;
}

static void a_silent_server_ends_at_the_deadline(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_DEAF);
	char want[128];

	(void)state;
	rig_host("127.0.0.1", port, 60);
	snprintf(want, sizeof(want), "127.0.0.1:%d: no answer in 0.", port);
	assert_non_null(strstr(came.text, want));
	assert_true(came.ms >= 60);
}

static void a_silent_server_leaves_time_for_the_next(void **state)
{
	int deaf = rig_open("127.0.0.1", 0, RIG_DEAF);
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target v[] = {{.host = "127.0.0.1", .port = (uint16_t)deaf},
				  {.host = "127.0.0.1", .port = (uint16_t)port}};

	(void)state;
	v[1].priority = 1;
	rig_dial(v, 2, 4000);
	rig_expect_port(port);
	assert_true(came.ms >= 1999);
}

static void the_family_that_answers_wins(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_open("::1", port, RIG_DEAF);
	rig_host("race.example", port, 20000);
	rig_expect_port(port);
	assert_int_equal(came.peer.family, ADDR_V4);
	assert_true(came.ms >= DIAL_STAGGER);
}

static void ipv6_goes_first(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_open("::1", port, RIG_LISTENING);
	for (int i = 0; i < 3; i++) {
		rig_host("race.example", port, 5000);
		rig_expect_port(port);
		assert_int_equal(came.peer.family, ADDR_V6);
	}
}

static void a_refusal_starts_the_next_at_once(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_open("::1", port, RIG_REFUSING);
	rig_host("race.example", port, 5000);
	rig_expect_port(port);
	assert_int_equal(came.peer.family, ADDR_V4);
	assert_false(rig_row("race.example").down);
}

/* RFC 8305 3: AAAA has 50 ms more than A; what comes later still takes part. */
static void late_ipv6_is_waited_for_a_little(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	rig_open("::1", port, RIG_LISTENING);
	server.held = NS_AAAA;
	rig_host("race.example", port, 5000);
	rig_expect_port(port);
	assert_int_equal(came.peer.family, ADDR_V4);
	assert_true(came.ms >= DIAL_AAAA_WAIT);
}

static void on_later(struct ev_loop *l, ev_timer *timer, int events)
{
	(void)l, (void)timer, (void)events;
	name_server_release(&server);
}

static void addresses_that_come_late_take_part(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_DEAF);
	ev_timer later;

	(void)state;
	rig_open("::1", port, RIG_LISTENING);
	server.held = NS_AAAA;
	ev_timer_init(&later, on_later, .2, 0.);
	ev_timer_start(loop, &later);
	rig_host("race.example", port, 20000);
	rig_expect_port(port);
	assert_int_equal(came.peer.family, ADDR_V6);
	ev_timer_stop(loop, &later);
}

static void one_family_is_enough(void **state)
{
	int port = rig_open("::1", 0, RIG_LISTENING);

	(void)state;
	server.held = NS_A; /* for ever */
	rig_host("six.example", port, 5000);
	rig_expect_port(port);
}

static void every_address_has_its_turn(void **state)
{
	int port = rig_open("127.0.0.4", 0, RIG_LISTENING);

	(void)state;
	rig_open("127.0.0.2", port, RIG_REFUSING);
	rig_open("127.0.0.3", port, RIG_DEAF);
	rig_host("many.example", port, 20000);
	rig_expect_port(port);
	assert_int_equal(came.peer.ip[3], 4);
}

static void all_that_failed_is_told(void **state)
{
	int port = rig_open("127.0.0.4", 0, RIG_REFUSING);
	char want[256];

	(void)state;
	rig_open("127.0.0.2", port, RIG_REFUSING);
	rig_open("127.0.0.3", port, RIG_REFUSING);
	rig_host("many.example", port, 5000);
	snprintf(want, sizeof(want),
		 "many.example:%d: connection refused by 127.0.0.2, connection refused by "
		 "127.0.0.3, connection refused by 127.0.0.4",
		 port);
	rig_expect_text(want);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_silent_server_ends_at_the_deadline), T(a_silent_server_leaves_time_for_the_next),
	    T(the_family_that_answers_wins),	     T(ipv6_goes_first),
	    T(a_refusal_starts_the_next_at_once),    T(late_ipv6_is_waited_for_a_little),
	    T(addresses_that_come_late_take_part),   T(one_family_is_enough),
	    T(every_address_has_its_turn),	     T(all_that_failed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Services: which records are asked for, in which order they are tried, and what their absence
 * means (RFC 6120 3.2, RFC 2782, XEP-0368). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dial_rig.h"

enum { RECORDS = 40 };

static struct ns_record records[RECORDS];
static char texts[RECORDS][64];
static size_t n_records;

static int setup(void **state)
{
	n_records = 0;
	return rig_begin(state);
}

static void know(const char *name, int type, const char *text)
{
	struct ns_record *r = &records[n_records];

	assert_true(n_records < RECORDS);
	snprintf(texts[n_records], sizeof(texts[0]), "%s", text);
	*r = (struct ns_record){name, type, 60, texts[n_records++]};
	name_server_know(&server, records, n_records);
}

static void service(int priority, int weight, int port, const char *target)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %d %d %s", priority, weight, port, target);
	know("_xmpp-client._tcp.example.org", NS_SRV, text);
}

static void dial(void)
{
	rig_dial(&(struct dial_target){.kind = DIAL_SRV, .host = "example.org"}, 1, 5000);
}

static void the_target_of_a_service_is_connected(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	char want[64];

	(void)state;
	service(10, 5, port, "Xmpp.Example.Org");
	know("xmpp.example.org", NS_A, "127.0.0.1");
	dial();
	rig_expect_port(port);
	snprintf(want, sizeof(want), "xmpp.example.org:%d", port);
	assert_string_equal(came.name, want);
	/* Without TLS nobody asks for _xmpps-client. */
	assert_int_equal(server.asked_of[NS_SRV], 1);
}

static void records_are_tried_by_priority(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	int refusing = rig_open("127.0.0.1", 0, RIG_REFUSING);

	(void)state;
	know("a.example.org", NS_A, "127.0.0.1");
	service(30, 0, 1, "a.example.org");
	service(20, 0, port, "a.example.org");
	service(10, 0, refusing, "a.example.org");
	dial();
	rig_expect_port(port);
	assert_int_equal(rig_row("a.example.org:1").failed, 0);
}

static void most_counts_for_each_target(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target t = {.kind = DIAL_SRV, .host = "example.org", .most = 7};
	struct health_row row;

	(void)state;
	know("a.example.org", NS_A, "127.0.0.1");
	service(10, 0, port, "a.example.org");
	rig_dial(&t, 1, 5000);
	rig_expect_port(port);
	health_row(came.backend, &row);
	assert_int_equal(row.most, 7);
}

static void a_service_stands_by_its_priority_among_others(void **state)
{
	int a = rig_open("127.0.0.1", 0, RIG_LISTENING),
	    b = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target v[] = {
	    {.kind = DIAL_SRV, .host = "example.org", .priority = 2},
	    {.host = "127.0.0.1", .port = (uint16_t)b, .priority = 1},
	};

	(void)state;
	know("a.example.org", NS_A, "127.0.0.1");
	service(0, 0, a, "a.example.org");
	rig_dial(v, 2, 5000);
	rig_expect_port(b);
	v[1].priority = 3;
	rig_dial(v, 2, 5000);
	rig_expect_port(a);
	v[1].priority = 1;
	first = 0;
	rig_dial(v, 2, 5000);
	rig_expect_port(a);
}

/* RFC 6120 3.2.2 */
static void without_a_service_the_domain_is_its_own_server(void **state)
{
	(void)state;
	know("example.org", NS_A, "127.0.0.1");
	dial();
	if (came.connected)
		assert_int_equal(came.peer.port, 5222);
	else
		assert_string_equal(came.text, "example.org:5222: connection refused by 127.0.0.1");
}

static void a_dot_means_that_there_is_none(void **state)
{
	(void)state;
	know("example.org", NS_A, "127.0.0.1");
	service(0, 0, 0, ".");
	dial();
	rig_expect_text("example.org: its service records say that it is no XMPP server");
	assert_int_equal(server.asked_of[NS_A], 0);
}

/* A failure to answer is no absence: nothing is made up. */
static void a_failed_lookup_is_no_absence(void **state)
{
	struct dial_target broken = {.kind = DIAL_SRV, .host = "broken.example"};

	(void)state;
	rig_dial(&broken, 1, 5000);
	rig_expect_text(
	    "broken.example: no name server wants to tell about _xmpp-client._tcp.broken.example");
	assert_int_equal(server.asked_of[NS_A], 0);
}

static void a_silent_lookup_leaves_time_for_others(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	struct dial_target v[] = {
	    {.kind = DIAL_SRV, .host = "silent.example"},
	    {.host = "127.0.0.1", .port = (uint16_t)port},
	};

	(void)state;
	rig_dial(v, 2, 800);
	rig_expect_port(port);
	assert_true(came.ms >= 400);
	rig_dial(v, 1, 800);
	rig_expect_text(
	    "silent.example: no answer from the name servers about its services in time");
}

static void many_records_are_bounded(void **state)
{
	int refusing = rig_open("127.0.0.1", 0, RIG_REFUSING);
	struct dial_target v[4];

	(void)state;
	know("a.example.org", NS_A, "127.0.0.1");
	for (int i = 0; i < RECORDS - 1; i++)
		service(i, 0, i == 20 ? refusing : 1, "a.example.org");
	for (int i = 0; i < 4; i++)
		v[i] = (struct dial_target){.kind = DIAL_SRV, .host = "example.org"};
	rig_dial(v, 4, 5000);
	assert_false(came.connected);
}

static void allowed_ports_hold_for_services(void **state)
{
	static const uint16_t ports[] = {5222, 0};
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);
	char want[128];

	(void)state;
	policy.ports = ports;
	know("a.example.org", NS_A, "127.0.0.1");
	service(0, 0, port, "a.example.org");
	dial();
	snprintf(want, sizeof(want), "a.example.org:%d: connections to this port are not allowed",
		 port);
	rig_expect_text(want);
	assert_false(came.exhausted);
}

static void a_domain_that_is_no_name_is_told(void **state)
{
	struct dial_target t = {.kind = DIAL_SRV, .host = "a b"};

	(void)state;
	rig_dial(&t, 1, 5000);
	rig_expect_text("a b:5222: no address: it is no name of DNS");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_target_of_a_service_is_connected),
	    T(records_are_tried_by_priority),
	    T(most_counts_for_each_target),
	    T(a_service_stands_by_its_priority_among_others),
	    T(without_a_service_the_domain_is_its_own_server),
	    T(a_dot_means_that_there_is_none),
	    T(a_failed_lookup_is_no_absence),
	    T(a_silent_lookup_leaves_time_for_others),
	    T(many_records_are_bounded),
	    T(allowed_ports_hold_for_services),
	    T(a_domain_that_is_no_name_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

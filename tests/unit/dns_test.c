/* The resolver against a name server of the test's own: answers, the cache and its time, failures
 * of every kind, and answers that nobody should send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "base/mem.h"
#include "name_server.h"
#include "net/dns_priv.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

static struct ev_loop *loop;
static struct dns *dns;
static struct name_server server;
static int64_t now;

static struct {
	int calls;
	enum dns_outcome outcome;
	size_t n;
	char text[4096]; /* what came, in words */
} said;

static int64_t clock_of_test(void)
{
	return now;
}

static int setup(void **state)
{
	(void)state;
	now = 1000000;
	loop = ev_loop_new(0);
	dns = dns_new(loop);
	dns->clock = clock_of_test;
	dns->seen_at = now;
	name_server_start(&server, loop);
	assert_true(dns_servers(dns, server.at));
	memset(&said, 0, sizeof(said));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dns_free(dns);
	name_server_stop(&server);
	ev_loop_destroy(loop);
	return 0;
}

static void on_told(void *owner, const struct dns_answer *a)
{
	char ip[ADDR_TEXT], *at = said.text;

	assert_ptr_equal(owner, &said);
	assert_int_equal(a->outcome == DNS_FOUND, a->n > 0);
	said.calls++;
	said.outcome = a->outcome;
	said.n = a->n;
	at[0] = '\0';
	for (size_t i = 0; i < a->n; i++)
		if (a->addrs)
			at +=
			    sprintf(at, "%s%s", i ? " " : "", addr_print(&a->addrs[i], false, ip));
		else
			at += sprintf(at, "%s%u/%u %s:%u", i ? ", " : "", a->srv[i].priority,
				      a->srv[i].weight, a->srv[i].host, a->srv[i].port);
	if (!a->n)
		snprintf(said.text, sizeof(said.text), "%s", a->why);
}

static void wait_told(int calls)
{
	while (said.calls < calls)
		ev_run(loop, EVRUN_ONCE);
}

static void ask(enum dns_type type, const char *name)
{
	said.calls = 0;
	dns_ask(dns, type, name, on_told, &said);
	assert_int_equal(said.calls, 0);
	wait_told(1);
	assert_int_equal(said.calls, 1);
}

static void expect(enum dns_type type, const char *name, enum dns_outcome outcome, const char *text)
{
	ask(type, name);
	assert_string_equal(said.text, text);
	assert_int_equal(said.outcome, outcome);
}

static const struct ns_record records[] = {
    {"up.example", NS_A, 60, "192.0.2.1"},
    {"up.example", NS_AAAA, 30, "2001:db8::1"},
    {"two.example", NS_A, 60, "192.0.2.1"},
    {"two.example", NS_A, 20, "192.0.2.2"},
    {"alias.example", NS_CNAME, 9, "up.example"},
    {"mapped.example", NS_AAAA, 60, "::ffff:192.0.2.1"},
    {"zero.example", NS_A, 0, "192.0.2.9"},
    {"old.example", NS_A, 1000000, "192.0.2.9"},
    {"negative.example", NS_A, 0xffffffff, "192.0.2.9"},
    {"_xmpp-client._tcp.example", NS_SRV, 60, "10 5 5222 a.example"},
    {"_xmpp-client._tcp.example", NS_SRV, 50, "20 0 443 B.example"},
    {"_xmpps-client._tcp.example", NS_SRV, 60, "0 0 0 ."},
    {"_odd._tcp.example", NS_SRV, 60, "1 2 3 a\"b.example"},
    {"_odd._tcp.example", NS_SRV, 60, "1 2 3 fine.example"},
};

static void know(void)
{
	name_server_know(&server, records, LENGTH(records));
}

static void addresses_of_each_family_come_apart(void **state)
{
	(void)state;
	know();
	expect(DNS_A, "up.example", DNS_FOUND, "192.0.2.1");
	assert_int_equal(server.asked, 1);
	expect(DNS_AAAA, "up.example", DNS_FOUND, "2001:db8::1");
	assert_int_equal(server.asked, 2);
	expect(DNS_A, "mapped.example", DNS_NONE, "no address for mapped.example");
	expect(DNS_AAAA, "mapped.example", DNS_NONE, "no address for mapped.example");
}

static void services_come_with_all_they_say(void **state)
{
	(void)state;
	know();
	expect(DNS_SRV, "_xmpp-client._tcp.example", DNS_FOUND,
	       "10/5 a.example:5222, 20/0 B.example:443");
	expect(DNS_SRV, "_xmpps-client._tcp.example", DNS_FOUND, "0/0 :0");
	expect(DNS_SRV, "_odd._tcp.example", DNS_FOUND, "1/2 fine.example:3");
}

static void case_and_a_final_dot_do_not_count(void **state)
{
	(void)state;
	know();
	expect(DNS_A, "UP.Example.", DNS_FOUND, "192.0.2.1");
	expect(DNS_A, "up.example", DNS_FOUND, "192.0.2.1");
	assert_int_equal(server.asked, 1);
}

static void an_answer_is_kept_as_long_as_it_says(void **state)
{
	static const struct {
		enum dns_type type;
		const char *name;
		int64_t ms;
	} rows[] = {
	    {DNS_A, "up.example", 60000},
	    {DNS_AAAA, "up.example", 30000},
	    {DNS_A, "two.example", 20000},
	    {DNS_A, "alias.example", 9000},
	    {DNS_SRV, "_xmpp-client._tcp.example", 50000},
	    {DNS_A, "zero.example", 1000},
	    {DNS_A, "negative.example", 1000},
	    {DNS_A, "old.example", 3600000},
	    {DNS_A, "nowhere.example", 5000},
	    {DNS_SRV, "_xmpp-client._tcp.nowhere.example", 5000},
	};

	(void)state;
	know();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		int before;

		ask(rows[i].type, rows[i].name);
		before = server.asked;
		now += rows[i].ms - 1;
		ask(rows[i].type, rows[i].name);
		assert_int_equal(server.asked, before);
		now += 1;
		ask(rows[i].type, rows[i].name);
		if (server.asked != before + 1)
			print_error("%s\n", rows[i].name);
		assert_int_equal(server.asked, before + 1);
	}
}

static void a_negative_service_holds_as_its_zone_says(void **state)
{
	static const struct {
		uint32_t soa;
		int64_t ms;
	} rows[] = {{2, 2000}, {60, 60000}, {86400, 300000}};

	(void)state;
	know();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char name[64];
		int before;

		server.soa = rows[i].soa;
		snprintf(name, sizeof(name), "_x._tcp.n%zu.example", i);
		ask(DNS_SRV, name);
		assert_int_equal(said.outcome, DNS_NONE);
		before = server.asked;
		now += rows[i].ms - 1;
		ask(DNS_SRV, name);
		assert_int_equal(server.asked, before);
		now += 1;
		ask(DNS_SRV, name);
		assert_int_equal(server.asked, before + 1);
	}
}

static void addresses_take_turns(void **state)
{
	(void)state;
	know();
	expect(DNS_A, "two.example", DNS_FOUND, "192.0.2.1 192.0.2.2");
	expect(DNS_A, "two.example", DNS_FOUND, "192.0.2.2 192.0.2.1");
	expect(DNS_A, "two.example", DNS_FOUND, "192.0.2.1 192.0.2.2");
	assert_int_equal(server.asked, 1);
}

static void askers_of_one_name_share_a_query(void **state)
{
	struct dns_query *q[10];

	(void)state;
	know();
	for (int i = 0; i < 10; i++)
		q[i] = dns_ask(dns, DNS_A, "up.example", on_told, &said);
	dns_forget(q[3]);
	dns_forget(q[0]);
	dns_forget(q[9]);
	wait_told(7);
	assert_int_equal(server.asked, 1);
	assert_string_equal(said.text, "192.0.2.1");
}

static void what_was_forgotten_is_known_all_the_same(void **state)
{
	(void)state;
	know();
	dns_forget(dns_ask(dns, DNS_A, "up.example", on_told, &said));
	dns_ask(dns, DNS_A, "two.example", on_told, &said);
	wait_told(1);
	assert_int_equal(server.asked, 2);
	ask(DNS_A, "up.example");
	assert_int_equal(server.asked, 2);
}

static void forgetting_is_safe_at_every_step(void **state)
{
	static const char *const names[] = {"up.example", "localhost", "nowhere.example",
					    "192.0.2.1",  "a..b",      "silent.example"};

	(void)state;
	know();
	for (size_t i = 0; i < LENGTH(names); i++)
		for (int rounds = 0; rounds < 4; rounds++) {
			struct dns_query *q;

			now += 4000000;
			said.calls = 0;
			q = dns_ask(dns, DNS_A, names[i], on_told, &said);
			for (int k = 0; k < rounds && !said.calls; k++)
				ev_run(loop, EVRUN_NOWAIT);
			if (!said.calls)
				dns_forget(q);
		}
	said.calls = 0;
	for (int k = 0; k < 10; k++)
		ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(said.calls, 0);
}

static void the_obvious_asks_nobody(void **state)
{
	static const struct {
		enum dns_type type;
		const char *name, *text;
	} rows[] = {
	    {DNS_A, "192.0.2.7", "192.0.2.7"},
	    {DNS_AAAA, "192.0.2.7", "no address for 192.0.2.7"},
	    {DNS_A, "2001:db8::7", "no address for 2001:db8::7"},
	    {DNS_AAAA, "2001:DB8::7", "2001:db8::7"},
	    {DNS_A, "localhost", "127.0.0.1"},
	    {DNS_AAAA, "LocalHost.", "::1"},
	    {DNS_A, "a.localhost", "127.0.0.1"},
	    {DNS_SRV, "_xmpp-client._tcp.localhost", "no service for _xmpp-client._tcp.localhost"},
	    {DNS_A, "a..b", "no address: it is no name of DNS"},
	    {DNS_A, "", "no address: it is no name of DNS"},
	    {DNS_A, ".", "no address: it is no name of DNS"},
	    {DNS_A, "a b", "no address: it is no name of DNS"},
	    {DNS_A, "a\\.b", "no address: it is no name of DNS"},
	    {DNS_A, "m\xc3\xbcnchen.example", "no address: it is no name of DNS"},
	    {DNS_SRV, "_x._tcp.a/b", "no service: it is no name of DNS"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		ask(rows[i].type, rows[i].name);
		assert_string_equal(said.text, rows[i].text);
		assert_int_equal(said.outcome, said.text[0] == 'n' ? DNS_NONE : DNS_FOUND);
	}
	assert_int_equal(server.asked, 0);
}

static void a_name_of_any_length_is_safe(void **state)
{
	char name[1200];

	(void)state;
	for (size_t n = 1; n < sizeof(name); n += n < 270 ? 1 : 100) {
		memset(name, 'a', n);
		for (size_t i = 50; i < n; i += 50)
			name[i] = '.';
		name[n] = '\0';
		ask(DNS_A, name);
		assert_int_equal(said.outcome, DNS_NONE);
	}
}

static void failures_are_told_from_absence(void **state)
{
	(void)state;
	know();
	expect(DNS_A, "nowhere.example", DNS_NONE, "no address for nowhere.example");
	expect(DNS_SRV, "_x._tcp.nowhere.example", DNS_NONE,
	       "no service for _x._tcp.nowhere.example");
	expect(DNS_SRV, "_x._tcp.up.example", DNS_NONE, "no service for _x._tcp.up.example");
	ask(DNS_A, "broken.example");
	assert_int_equal(said.outcome, DNS_FAILED);
	ask(DNS_SRV, "_x._tcp.broken.example");
	assert_int_equal(said.outcome, DNS_FAILED);
	ask(DNS_A, "garbage.example");
	assert_int_equal(said.outcome, DNS_FAILED);
	ask(DNS_SRV, "_x._tcp.garbage.example");
	assert_int_equal(said.outcome, DNS_FAILED);
}

static void silence_is_a_failure_and_remembered_for_a_while(void **state)
{
	int before;

	(void)state;
	dns->timeout = 50;
	assert_true(dns_servers(dns, server.at));
	expect(DNS_A, "silent.example", DNS_FAILED,
	       "no answer from the name servers about silent.example");
	before = server.asked;
	assert_true(before > 1);
	now += 4999;
	ask(DNS_A, "silent.example");
	assert_int_equal(server.asked, before);
}

static void a_truncated_answer_is_fetched_over_tcp(void **state)
{
	struct ns_record many[40];

	(void)state;
	for (size_t i = 0; i < LENGTH(many); i++)
		many[i] = (struct ns_record){"_xmpp-client._tcp.big.example", NS_SRV, 60,
					     "10 5 5222 a-rather-long-name-of-a-host.big.example"};
	name_server_know(&server, many, LENGTH(many));
	ask(DNS_SRV, "_xmpp-client._tcp.big.example");
	assert_int_equal(said.outcome, DNS_FOUND);
	assert_int_equal(said.n, DNS_SRVS_MAX);
	assert_int_equal(server.by_tcp, 1);
}

static void the_table_does_not_grow_for_ever(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < DNS_NAMES + 50; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		ask(DNS_A, name);
	}
	assert_int_equal(dns->lookups.n, DNS_NAMES);
	assert_int_equal(server.asked, DNS_NAMES + 50);
	ask(DNS_A, name);
	assert_int_equal(server.asked, DNS_NAMES + 50);
	ask(DNS_A, "n0.example");
	assert_int_equal(server.asked, DNS_NAMES + 51);
}

static void write_conf(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void expect_server(const char *want)
{
	struct ares_addr_port_node *v = NULL;
	char ip[INET6_ADDRSTRLEN];

	assert_int_equal(ares_get_servers_ports(dns->channel, &v), ARES_SUCCESS);
	assert_non_null(v);
	assert_string_equal(inet_ntop(v->family, &v->addr, ip, sizeof(ip)), want);
	assert_null(v->next);
	ares_free_data(v);
}

/* A resolv.conf names no port, so that the test's own server cannot be put there. */
static void resolv_conf_is_read_again_when_it_changed(void **state)
{
	char path[] = "/tmp/fairlead-resolv-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_conf(path, "nameserver 127.0.0.1\n");
	free(MEM_TAKE(dns->servers));
	dns->resolv_conf = path;
	now += 5000;
	dns_forget(dns_ask(dns, DNS_A, "one.example", on_told, &said));
	expect_server("127.0.0.1");
	write_conf(path, "nameserver 127.0.0.2\n# changed\n");
	now += 4999;
	dns_forget(dns_ask(dns, DNS_A, "two.example", on_told, &said));
	expect_server("127.0.0.1");
	now += 1;
	dns_forget(dns_ask(dns, DNS_A, "three.example", on_told, &said));
	expect_server("127.0.0.2");
	unlink(path);
}

/* As between the rename and the chmod of a program that writes a new one. A link to itself is such
 * a file for root as well. */
static void a_resolv_conf_that_cannot_be_read_changes_nothing(void **state)
{
	char path[] = "/tmp/fairlead-resolv-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_conf(path, "nameserver 127.0.0.2\n");
	free(MEM_TAKE(dns->servers));
	dns->resolv_conf = path;
	now += 5000;
	dns_forget(dns_ask(dns, DNS_A, "one.example", on_told, &said));
	expect_server("127.0.0.2");
	unlink(path);
	assert_int_equal(symlink(path, path), 0);
	now += 5000;
	dns_forget(dns_ask(dns, DNS_A, "two.example", on_told, &said));
	expect_server("127.0.0.2");
	unlink(path);
	write_conf(path, "nameserver 127.0.0.3\n# new\n");
	now += 5000;
	dns_forget(dns_ask(dns, DNS_A, "three.example", on_told, &said));
	expect_server("127.0.0.3");
	unlink(path);
}

static void what_is_in_flight_is_asked_again_of_new_servers(void **state)
{
	struct name_server other;

	(void)state;
	name_server_start(&other, loop);
	name_server_know(&other, records, LENGTH(records));
	server.held = NS_A;
	dns_ask(dns, DNS_A, "up.example", on_told, &said);
	while (!server.asked)
		ev_run(loop, EVRUN_ONCE);
	assert_true(dns_servers(dns, other.at));
	wait_told(1);
	assert_string_equal(said.text, "192.0.2.1");
	assert_int_equal(other.asked, 1);
	assert_false(dns_servers(dns, "no address:x"));
	now += 60000;
	expect(DNS_A, "up.example", DNS_FOUND, "192.0.2.1");
	name_server_stop(&other);
}

struct packet {
	const char *bytes;
	size_t n;
	int found;
	uint32_t ttl;
};

#define P(s, found, ttl)                     \
	{                                    \
		s, sizeof(s) - 1, found, ttl \
	}
#define HEAD(answers) "\0\1\x81\x80\0\1\0" answers "\0\0\0\0\1a\0\0\x21\0\1"
#define RR(ttl, len) "\xc0\x0c\0\x21\0\1" ttl "\0" len

static void answers_are_measured_before_they_are_believed(void **state)
{
	static const struct packet rows[] = {
	    P("", -1, 9),
	    P("\0\1\x81\x80\0\0\0\0\0\0\0", -1, 9),
	    P("\0\1\x81\x80\0\0\0\0\0\0\0\0", 0, 9),
	    P("\0\1\x81\x80\0\1\0\0\0\0\0\0\1a\0\0\x21\0", -1, 9),
	    P("\0\1\x81\x80\xff\xff\xff\xff\0\0\0\0", -1, 9),
	    P(HEAD("\0"), 0, 9),
	    P(HEAD("\1"), -1, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x0a") "\0\1\0\2\0\3\2bc\0", 1, 7),
	    P(HEAD("\2") RR("\0\0\0\7", "\x0a") "\0\1\0\2\0\3\2bc\0" RR(
		  "\0\0\0\5", "\x08") "\0\1\0\2\0\3\xc0\x0c",
	      2, 5),
	    /* a TTL with the top bit counts as 0 */
	    P(HEAD("\1") RR("\x80\0\0\7", "\x0a") "\0\1\0\2\0\3\2bc\0", 1, 0),
	    /* data longer than the packet */
	    P(HEAD("\1") RR("\0\0\0\7", "\x0b") "\0\1\0\2\0\3\2bc\0", -1, 9),
	    /* two announced, one there: what was read is dropped */
	    P(HEAD("\2") RR("\0\0\0\7", "\x0a") "\0\1\0\2\0\3\2bc\0", -1, 7),
	    /* data shorter than its name, and longer: left out */
	    P(HEAD("\1") RR("\0\0\0\7", "\x08") "\0\1\0\2\0\3\2bc\0", 0, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x0b") "\0\1\0\2\0\3\2bc\0x", 0, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x06") "\0\1\0\2\0\3", 0, 9),
	    /* a name that points at itself, ahead, out of the packet */
	    P(HEAD("\1") RR("\0\0\0\7", "\x08") "\0\1\0\2\0\3\xc0\x25", 0, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x08") "\0\1\0\2\0\3\xff\xff", 0, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x08") "\0\1\0\2\0\3\x40\0", 0, 9),
	    /* another type, another class */
	    P(HEAD("\1") "\xc0\x0c\0\1\0\1\0\0\0\7\0\4abcd", 0, 9),
	    P(HEAD("\1") "\xc0\x0c\0\x21\0\3\0\0\0\7\0\x0a\0\1\0\2\0\3\2bc\0", 0, 9),
	    /* a host that is none */
	    P(HEAD("\1") RR("\0\0\0\7", "\x0a") "\0\1\0\2\0\3\2b/\0", 0, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x0a") "\0\1\0\2\0\3\2b.\0", 0, 9),
	    P(HEAD("\1") RR("\0\0\0\7", "\x0a") "\0\1\0\2\0\3\2b\0\0", 0, 9),
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct dns_srv v[4];
		uint32_t ttl = 9;
		/* Of its very size, for the sanitizer. */
		uint8_t *m = mem_alloc(rows[i].n ? rows[i].n : 1);
		int n;

		memcpy(m, rows[i].bytes, rows[i].n);
		n = dns_srv_parse(m, rows[i].n, v, 4, &ttl);
		if (n != rows[i].found || ttl != rows[i].ttl)
			print_error("packet %zu: %d records, ttl %u\n", i, n, ttl);
		assert_int_equal(n, rows[i].found);
		assert_int_equal(ttl, rows[i].ttl);
		for (int k = 0; k < n; k++)
			free((char *)v[k].host);
		free(m);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(addresses_of_each_family_come_apart),
	    T(services_come_with_all_they_say),
	    T(case_and_a_final_dot_do_not_count),
	    T(an_answer_is_kept_as_long_as_it_says),
	    T(a_negative_service_holds_as_its_zone_says),
	    T(addresses_take_turns),
	    T(askers_of_one_name_share_a_query),
	    T(what_was_forgotten_is_known_all_the_same),
	    T(forgetting_is_safe_at_every_step),
	    T(the_obvious_asks_nobody),
	    T(a_name_of_any_length_is_safe),
	    T(failures_are_told_from_absence),
	    T(silence_is_a_failure_and_remembered_for_a_while),
	    T(a_truncated_answer_is_fetched_over_tcp),
	    T(the_table_does_not_grow_for_ever),
	    T(resolv_conf_is_read_again_when_it_changed),
	    T(a_resolv_conf_that_cannot_be_read_changes_nothing),
	    T(what_is_in_flight_is_asked_again_of_new_servers),
	    cmocka_unit_test(answers_are_measured_before_they_are_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What comes before the session's first byte: the PROXY header, STARTTLS, TLS, and where their
 * faults lead. The servers are threads with OpenSSL of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "certs.h"
#include "dial_peer.h"
#include "dial_rig.h"
#include "net/clock.h"
#include "net/tls.h"

enum { PEERS = 4 };

static struct cert good, other;
static SSL_CTX *good_ctx, *other_ctx;
static struct tls_client *trust;
static struct peer *peers[PEERS];
static size_t n_peers;

static int begin(void **state)
{
	struct tls_client_config c = {.verify = true, .certificate = "", .key = ""};
	char error[256];

	(void)state;
	certs_begin();
	good = cert_new((struct cert_spec){.name = "good", .alt = "DNS:example.org", .ca = true},
			NULL);
	other = cert_new((struct cert_spec){.name = "other", .alt = "DNS:example.org"}, NULL);
	good_ctx = certs_server(&good, NULL);
	other_ctx = certs_server(&other, NULL);
	c.ca_file = certs_pem("ca.pem", &good, NULL);
	trust = tls_client_new(&c, error);
	assert_non_null(trust);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	tls_client_free(trust);
	SSL_CTX_free(good_ctx);
	SSL_CTX_free(other_ctx);
	cert_free(&good);
	cert_free(&other);
	certs_end();
	return 0;
}

static int setup(void **state)
{
	n_peers = 0;
	rig_begin(state);
	policy.trust = trust;
	policy.tls = DIAL_STARTTLS;
	return 0;
}

static int teardown(void **state)
{
	rig_drop();
	while (n_peers) {
		struct peer *p = peers[--n_peers];
		char fault[600];

		snprintf(fault, sizeof(fault), "%s", peer_fault(p));
		peer_stop(p);
		assert_string_equal(fault, "");
	}
	return rig_end(state);
}

static struct peer *listen_at(const char *ip, int port, const char *script, SSL_CTX *ctx)
{
	assert_true(n_peers < PEERS);
	return peers[n_peers++] = peer_start(ip, port, script, ctx);
}

static struct peer *serve(const char *script)
{
	return listen_at("127.0.0.1", 0, script, good_ctx);
}

static struct dial_target at(struct peer *p, bool direct)
{
	return (struct dial_target){
	    .host = "127.0.0.1", .port = (uint16_t)peer_port(p), .direct = direct};
}

static void dial(struct peer *p, bool direct)
{
	struct dial_target t = at(p, direct);

	rig_dial(&t, 1, 10000);
}

/* What the leg carries arrives: the server answers its header. */
static void expect_usable(struct peer *p, bool tls)
{
	rig_expect_port(peer_port(p));
	assert_int_equal(came.tls, tls);
	assert_int_equal(came.conn.secure, tls);
	assert_int_equal(came.conn.in.len, 0);
	buf_addz(&came.conn.out, "<stream:stream to='example.org'>");
	conn_flush(&came.conn, loop);
	while (!came.conn.in.len && !came.conn.error && !came.conn.eof)
		ev_run(loop, EVRUN_ONCE);
	assert_int_equal(came.conn.error, 0);
	assert_true(slice_starts(buf_slice(&came.conn.in), SLICE("<?xml")));
}

static void expect_fault(struct peer *p, const char *problem)
{
	char want[256];

	snprintf(want, sizeof(want), "127.0.0.1:%d: %s", peer_port(p), problem);
	rig_expect_text(want);
}

static void direct_tls_is_shaken_hands_on_first(void **state)
{
	struct peer *p = serve("Thm");

	(void)state;
	dial(p, true);
	expect_usable(p, true);
	assert_false(came.heard); /* what does TLS may stand before the server */
	assert_string_equal(peer_alpn(p), "xmpp-client");
	assert_string_equal(peer_sni(p), "example.org");
}

static void starttls_comes_before_the_session(void **state)
{
	struct peer *p = serve("hfsPThm");

	(void)state;
	dial(p, false);
	expect_usable(p, true);
	assert_true(came.heard);
	assert_string_equal(peer_alpn(p), "");
	assert_string_equal(peer_sni(p), "example.org");
}

static void the_proxy_header_comes_before_all(void **state)
{
	static const char *const scripts[] = {"pThm", "phfsPThm", "phm"};

	(void)state;
	proxy = SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
	for (int i = 0; i < 3; i++) {
		struct peer *p = serve(scripts[i]);

		policy.tls = i == 2 ? DIAL_PLAIN : DIAL_STARTTLS;
		dial(p, i == 0);
		expect_usable(p, i != 2);
	}
}

static void what_is_offered_is_used(void **state)
{
	struct peer *p = serve("hfsPThm");

	(void)state;
	policy.tls = DIAL_STARTTLS_OFFERED;
	dial(p, false);
	expect_usable(p, true);
	assert_int_equal(peer_calls(p), 1);
}

static void what_is_not_offered_is_done_without(void **state)
{
	struct peer *p = serve("phne|phm|phm");

	(void)state;
	proxy = SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
	policy.tls = DIAL_STARTTLS_OFFERED;
	dial(p, false);
	expect_usable(p, false);
	assert_int_equal(peer_calls(p), 2);
	/* The next one knows. */
	dial(p, false);
	expect_usable(p, false);
	assert_int_equal(peer_calls(p), 3);
}

static void what_is_not_offered_to_one_domain_may_be_to_another(void **state)
{
	struct peer *p = serve("one|hm|hfsPThm");

	(void)state;
	policy.tls = DIAL_STARTTLS_OFFERED;
	policy.domain = "example.net";
	dial(p, false);
	expect_usable(p, false);
	policy.domain = "example.org";
	dial(p, false);
	expect_usable(p, true);
	assert_int_equal(peer_calls(p), 3);
}

static void what_must_be_and_is_not_offered_is_a_fault(void **state)
{
	struct peer *p = serve("hnm");
	char name[64];

	(void)state;
	dial(p, false);
	expect_fault(p, "it offers no STARTTLS");
	assert_int_equal(rig_row(RIG_NAME(name, peer_port(p))).sessions, 0);
	dial(p, false);
	assert_non_null(strstr(came.text, "all backends are down"));
	assert_int_equal(peer_calls(p), 1);
}

/* Whoever names a domain could else shut out all others from a server of theirs. */
static void what_fails_for_a_domain_is_not_held_against_others(void **state)
{
	static const char *const scripts[] = {"hE", "h", "hfsPTm", "Hm", "hnm"};
	char name[64], text[80];

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct peer *p = peer_start("127.0.0.1", 0, scripts[i], other_ctx);

		dial(p, i == 3);
		assert_false(came.connected);
		assert_false(rig_row(RIG_NAME(name, peer_port(p))).down);
		snprintf(text, sizeof(text), "%s (%s)", name, policy.domain);
		assert_true(rig_row(text).down);
		peer_stop(p);
	}
}

static void silence_is_held_against_the_machine(void **state)
{
	struct peer *p = serve("hm");
	char name[64];

	(void)state;
	rig_host("127.0.0.1", peer_port(p), 300);
	assert_non_null(strstr(came.text, "no answer to the stream header"));
	assert_true(rig_row(RIG_NAME(name, peer_port(p))).down);
}

static void one_that_serves_the_domain_again_is_well(void **state)
{
	struct peer *p = serve("hE|hfsPThm|hfsPThm");
	char name[64], text[80];

	(void)state;
	dial(p, false);
	assert_false(came.connected);
	snprintf(text, sizeof(text), "%s (%s)", RIG_NAME(name, peer_port(p)), policy.domain);
	while (clock_ms() < rig_row(text).retry_at)
		ev_run(loop, EVRUN_NOWAIT);
	dial(p, false);
	expect_usable(p, true);
	assert_false(rig_row(text).down);
	assert_int_equal(rig_row(text).sessions, 0);
	assert_int_equal(rig_row(name).sessions, 1);
}

/* It said that it can do without, and somebody on the way may have said so; not so a broken
 * certificate. */
static void an_offer_that_fails_is_a_fault(void **state)
{
	struct peer *p = listen_at("127.0.0.1", 0, "hfsPTm", other_ctx);

	(void)state;
	policy.tls = DIAL_STARTTLS_OFFERED;
	dial(p, false);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "self-signed"));
	assert_int_equal(peer_calls(p), 1);
}

static void auto_is_plain_on_this_machine(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_LISTENING);

	(void)state;
	policy.tls = DIAL_AUTO;
	rig_host("127.0.0.1", port, 5000);
	rig_expect_port(port);
	assert_false(came.tls);
}

static void faults_of_the_stream_are_told(void **state)
{
	static const struct {
		const char *script, *problem;
	} rows[] = {
	    {"hE", "stream error host-unknown"},
	    {"hfsF", "the server refuses STARTTLS though it offers it"},
	    {"hfsI", "unprotected bytes came behind <proceed/>"},
	    {"H", "what came is no XMPP stream"},
	    {"hfsE", "stream error host-unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer *p = peer_start("127.0.0.1", 0, rows[i].script, good_ctx);

		dial(p, false);
		expect_fault(p, rows[i].problem);
		peer_stop(p);
	}
}

static void a_closed_connection_is_told(void **state)
{
	struct peer *p = serve("h");

	(void)state;
	dial(p, false);
	expect_fault(p, "the connection was closed before TLS");
}

static void faults_of_tls_are_told(void **state)
{
	struct peer *p = serve("Hm"), *q = listen_at("127.0.0.1", 0, "Tm", other_ctx);

	(void)state;
	dial(p, true);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "no TLS there"));
	dial(q, true);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "self-signed"));
}

static void a_fault_leads_to_the_next_target(void **state)
{
	static const char *const scripts[] = {"hE", "hfsI", "hfsF", "H", "", "h", "hfsPTm", "hn"};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct peer *bad = peer_start("127.0.0.1", 0, scripts[i], other_ctx);
		struct peer *p = peer_start("127.0.0.1", 0, "hfsPThm", good_ctx);
		struct dial_target v[] = {at(bad, false), at(p, false)};

		v[1].priority = 1;
		rig_dial(v, 2, 10000);
		expect_usable(p, true);
		assert_int_equal(peer_calls(bad), 1);
		rig_drop();
		peer_stop(bad);
		assert_string_equal(peer_fault(p), "");
		peer_stop(p);
	}
}

/* One that accepts and then says nothing does not use up what the next one needs. */
static void silence_leaves_time_for_the_next_target(void **state)
{
	static const char *const scripts[] = {"m", "hm", "hfsm", "hfsPm"};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct peer *bad = peer_start("127.0.0.1", 0, i < 4 ? scripts[i] : "m", good_ctx);
		struct peer *p = peer_start("127.0.0.1", 0, "hfsPThm", good_ctx);
		struct dial_target v[] = {at(bad, i == 4), at(p, false)};

		v[1].priority = 1;
		rig_dial(v, 2, 2500);
		expect_usable(p, true);
		assert_true(came.ms >= 1000);
		rig_drop();
		peer_stop(bad);
		peer_stop(p);
	}
}

static const struct ns_record three[] = {
    {"three.example", NS_A, 60, "127.0.0.1"},
    {"three.example", NS_A, 60, "127.0.0.2"},
    {"three.example", NS_A, 60, "127.0.0.3"},
};

/* Of one target: what was given up while another won is tried when that one was no good. */
static void a_fault_of_the_connection_leads_to_the_next_address(void **state)
{
	struct peer *p = serve("h");
	struct dial_target v[2] = {{.host = "three.example", .port = (uint16_t)peer_port(p)}};

	(void)state;
	name_server_know(&server, three, 3);
	listen_at("127.0.0.2", peer_port(p), "", good_ctx);
	listen_at("127.0.0.3", peer_port(p), "hfsPThm", good_ctx);
	rig_dial(v, 1, 10000);
	expect_usable(p, true);
	assert_int_equal(came.peer.ip[3], 3);
	assert_int_equal(peer_calls(p), 1);
}

/* What was under way when another won is under way again when that one was no good. */
static void those_given_up_come_back(void **state)
{
	int port = rig_open("127.0.0.1", 0, RIG_DEAF);
	struct dial_target t = {.host = "three.example", .port = (uint16_t)port};

	(void)state;
	name_server_know(&server, three, 2);
	listen_at("127.0.0.2", port, "h", good_ctx);
	rig_dial(&t, 1, 2500);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "at 127.0.0.2: the connection was closed before TLS, "
					  "no answer from 127.0.0.1 in "));
}

static void the_plain_attempt_goes_where_the_first_one_went(void **state)
{
	static const struct ns_record both[] = {{"both.example", NS_A, 60, "127.0.0.1"},
						{"both.example", NS_AAAA, 60, "::1"}};
	struct peer *p = serve("hm"), *q = listen_at("::1", peer_port(p), "hne|hm", NULL);
	struct dial_target t = {.host = "both.example", .port = (uint16_t)peer_port(p)};

	(void)state;
	policy.tls = DIAL_STARTTLS_OFFERED;
	name_server_know(&server, both, 2);
	rig_dial(&t, 1, 10000);
	expect_usable(q, false);
	assert_int_equal(came.peer.family, ADDR_V6);
	assert_int_equal(peer_calls(p), 0);
}

static void silence_leaves_time_for_the_next_address(void **state)
{
	struct peer *p = serve("m");
	struct dial_target t = {.host = "three.example", .port = (uint16_t)peer_port(p)};

	(void)state;
	name_server_know(&server, three, 2);
	listen_at("127.0.0.2", peer_port(p), "hfsPThm", good_ctx);
	rig_dial(&t, 1, 2500);
	expect_usable(p, true);
	assert_int_equal(came.peer.ip[3], 2);
}

/* A certificate that will not do is that of the server, whichever address it has. */
static void a_bad_certificate_is_not_tried_at_other_addresses(void **state)
{
	struct peer *p = listen_at("127.0.0.1", 0, "hfsPTm", other_ctx);
	struct peer *q = listen_at("127.0.0.2", peer_port(p), "hfsPThm", good_ctx);
	struct dial_target t = {.host = "three.example", .port = (uint16_t)peer_port(p)};

	(void)state;
	name_server_know(&server, three, 2);
	rig_dial(&t, 1, 10000);
	assert_false(came.connected);
	assert_non_null(strstr(came.text, "self-signed"));
	assert_non_null(strstr(came.text, "at 127.0.0.1: "));
	assert_int_equal(peer_calls(q), 0);
}

/* XEP-0368: records of both kinds in one order; each with its own way to TLS. */
static void services_of_both_kinds_are_mixed(void **state)
{
	struct peer *direct = serve("Thm"), *upgraded = serve("hfsPThm");
	char text[2][64];
	struct ns_record v[] = {
	    {"_xmpps-client._tcp.example.org", NS_SRV, 60, text[0]},
	    {"_xmpp-client._tcp.example.org", NS_SRV, 60, text[1]},
	    {"a.example.org", NS_A, 60, "127.0.0.1"},
	};
	struct dial_target t = {.kind = DIAL_SRV, .host = "example.org"};

	(void)state;
	name_server_know(&server, v, 3);
	snprintf(text[0], sizeof(text[0]), "5 0 %d a.example.org", peer_port(direct));
	snprintf(text[1], sizeof(text[1]), "6 0 %d a.example.org", peer_port(upgraded));
	rig_dial(&t, 1, 10000);
	expect_usable(direct, true);
	snprintf(text[0], sizeof(text[0]), "7 0 %d a.example.org", peer_port(direct));
	rig_drop();
	assert_true(dns_servers(dialer->dns, server.at)); /* forgets */
	rig_dial(&t, 1, 10000);
	expect_usable(upgraded, true);
}

/* XEP-0368 3: who says that there is no direct TLS speaks of services: the domain is not tried. */
static void a_dot_of_either_kind_is_enough(void **state)
{
	static const struct ns_record v[] = {
	    {"_xmpps-client._tcp.example.org", NS_SRV, 60, "0 0 0 ."},
	    {"example.org", NS_A, 60, "127.0.0.1"},
	};
	struct dial_target t = {.kind = DIAL_SRV, .host = "example.org"};

	(void)state;
	name_server_know(&server, v, 2);
	rig_dial(&t, 1, 10000);
	rig_expect_text("example.org: its service records say that it is no XMPP server");
}

static void cancelling_is_safe_at_every_step(void **state)
{
	struct peer *p = serve("hfsPTm"), *q = serve("Tm");
	char name[64];

	(void)state;
	for (int rounds = 0; rounds < 24; rounds++) {
		struct dial_target t = at(rounds % 2 ? p : q, rounds % 2 == 0);
		struct dial *d = rig_start(&t, 1, 5000);

		for (int k = 0; k < rounds / 2 && !came.calls; k++)
			ev_run(loop, EVRUN_ONCE);
		if (!came.calls)
			dial_cancel(d);
		rig_drop();
		assert_int_equal(rig_row(RIG_NAME(name, t.port)).sessions, 0);
		assert_false(rig_row(name).down);
	}
	/* Given up in the middle, the peers have had less than their scripts say. */
	while (n_peers)
		peer_stop(peers[--n_peers]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(direct_tls_is_shaken_hands_on_first),
	    T(starttls_comes_before_the_session),
	    T(the_proxy_header_comes_before_all),
	    T(what_is_offered_is_used),
	    T(what_is_not_offered_is_done_without),
	    T(what_is_not_offered_to_one_domain_may_be_to_another),
	    T(what_must_be_and_is_not_offered_is_a_fault),
	    T(what_fails_for_a_domain_is_not_held_against_others),
	    T(silence_is_held_against_the_machine),
	    T(one_that_serves_the_domain_again_is_well),
	    T(an_offer_that_fails_is_a_fault),
	    T(auto_is_plain_on_this_machine),
	    T(faults_of_the_stream_are_told),
	    T(a_closed_connection_is_told),
	    T(faults_of_tls_are_told),
	    T(a_fault_leads_to_the_next_target),
	    T(silence_leaves_time_for_the_next_target),
	    T(a_fault_of_the_connection_leads_to_the_next_address),
	    T(those_given_up_come_back),
	    T(the_plain_attempt_goes_where_the_first_one_went),
	    T(silence_leaves_time_for_the_next_address),
	    T(a_bad_certificate_is_not_tried_at_other_addresses),
	    T(services_of_both_kinds_are_mixed),
	    T(a_dot_of_either_kind_is_enough),
	    T(cancelling_is_safe_at_every_step),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}

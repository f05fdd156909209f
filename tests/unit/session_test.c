/* The hub, whole: real front and stream machines, a played web client and a played server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "session_play.h"

static void creation_dials_and_answers_with_features(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	heard(&p, "DIAL\n");
	session_connected(p.s, p.now);
	pump(&p);
	heard(&p, "WRITE <?xml version='1.0'?><stream:stream to='example.org' xml:lang='en'");
	forget(&p);
	server(&p, HEADER);
	server(&p, FEATURES);
	heard(&p, "REPLY 1 200 <body ");
	heard(&p, "sid='" SID "'");
	heard(&p,
	      "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features></body>");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "starttls", 8));
	finish(&p);
}

static void versions_of_xmpp_before_1_are_refused(void **state)
{
	static const char *const bad[] = {"0.9", "", "1", "1.", ".0", "1.x", "1.0.0", "-1.0"};
	char text[128];
	struct play p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "to='example.org' xmpp:version='%s'", bad[i]);
		start_asking(&p, text);
		heard(&p, "condition='bad-request'");
		assert_int_equal(session_state(p.s), SESSION_DEAD);
		finish(&p);
	}
}

static void the_header_says_what_the_client_says(void **state)
{
	struct play p;

	(void)state;
	start_asking(&p, "to='example.org' from='a&amp;b@example.org' xmpp:version='1.1'");
	session_connected(p.s, p.now);
	pump(&p);
	heard(&p, "<stream:stream to='example.org' from='a&amp;b@example.org' xml:lang='en' "
		  "version='1.1' xmlns='jabber:client'");
	finish(&p);
	start_asking(&p, "to='example.org'");
	session_connected(p.s, p.now);
	pump(&p);
	heard(&p, "<stream:stream to='example.org' xml:lang='en' version='1.0'");
	finish(&p);
}

static void a_route_is_followed_where_it_names_a_backend(void **state)
{
	static const struct {
		const char *route;
		size_t backend;
	} wishes[] = {{"xmpp:127.0.0.1:5222", 0},
		      {"xmpp:XMPP.example.org:5222", 1},
		      {"XMPP:[::1]:5223", 2},
		      {"xmpp:::1:5223", 2},
		      {"xmpp:example.org:5222", 4},
		      {"", 4},
		      {"xmpp", 4},
		      {"xmpp:", 4},
		      {"xmpp::", 4},
		      {"xmpp:::1", 4},
		      {"xmpp:[::1]:5222", 4},
		      {"tcp:[::1]:5223", 4},
		      {"xmpp:[::1]:05223x", 4},
		      {"xmpp:[::1]:99999999999", 4}};
	char text[128];
	struct play p;

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++) {
		snprintf(text, sizeof(text), "to='example.org' route='%s'", wishes[i].route);
		start_asking(&p, text);
		heard(&p, "DIAL");
		assert_int_equal(session_backend(p.s), wishes[i].backend);
		finish(&p);
	}
}

static void the_narrowest_pattern_serves_a_domain(void **state)
{
	static const struct {
		const char *domain, *route;
	} rows[] = {{"EXAMPLE.org", "example.org"},
		    {"example.org.", "example.org"},
		    {"a.Example.net", "*.example.net"},
		    {"a.b.example.net.", "*.example.net"},
		    {"a.sub.example.net", "*.sub.example.net"},
		    {"sub.example.net", "*.example.net"},
		    {"evil.example.net", NULL},
		    {"more.evil.example.net", NULL},
		    {"a..example.net", NULL},
		    {"a.example.com", "*"},
		    {"example.com", NULL},
		    {"example.net", NULL},
		    {".example.net", NULL},
		    {"a.example.edu", NULL},
		    {"a\"b.example.net", NULL},
		    {"a b.example.net", NULL},
		    {"*.example.net", NULL},
		    {"", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct route *r = routes_find(&env.routes, slice_str(rows[i].domain));

		if (!r != !rows[i].route || (r && strcmp(r->domain, rows[i].route) != 0))
			fail_msg("%s: %s", rows[i].domain, r ? r->domain : "none");
	}
}

/* Name servers and certificates forgive a dot at the end. */
static void what_is_denied_has_no_second_name(void **state)
{
	static const char *const names[] = {"evil.example",
					    "EVIL.example.",
					    "evil.example..",
					    "evil.example...",
					    "evil..example",
					    "x.evil.example..",
					    ".evil.example",
					    "..",
					    "."};
	static const char *const evil[] = {"evil.example", "*.evil.example", NULL};
	static const struct route open[] = {
	    {.domain = "*", .backends = backends, .n = 4, .deny = evil}};
	struct routes r = {open, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (routes_find(&r, slice_str(names[i])))
			fail_msg("%s is served", names[i]);
	assert_non_null(routes_find(&r, SLICE("good.example.")));
}

static void a_session_knows_its_domain(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "A.Example.net.");
	heard(&p, "DIAL");
	assert_string_equal(session_domain(p.s), "a.example.net");
	finish(&p);
}

static void an_unknown_domain_is_host_unknown(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.edu");
	heard(&p, "condition='host-unknown'");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "DIAL", 4));
	assert_string_equal(session_domain(p.s), "example.edu");
	assert_int_equal(session_state(p.s), SESSION_DEAD);
	finish(&p);
}

/* What a client may ask for is as long as its request. */
static void a_domain_that_is_not_served_is_kept_to_its_bound(void **state)
{
	char to[1500];
	struct play p;

	(void)state;
	memset(to, 'x', sizeof(to));
	memcpy(to, "to='", 4);
	memcpy(to + sizeof(to) - 2, "'", 2);
	start_asking(&p, to);
	heard(&p, "condition='host-unknown'");
	assert_int_equal(strlen(session_domain(p.s)), 1023);
	finish(&p);
}

static void a_condition_that_nobody_knows_is_none(void **state)
{
	static const char *const errors[] = {
	    "<stream:error/>", "<stream:error>conflict</stream:error>",
	    "<stream:error><not-defined xmlns='" NS_STREAM_ERRORS "'/></stream:error>",
	    "<stream:error><text xmlns='" NS_STREAM_ERRORS "'>conflict</text></stream:error>"};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct play p;

		open_bosh(&p);
		server(&p, errors[i]);
		assert_int_equal(session_condition(p.s).n, 0);
		finish(&p);
	}
}

static void a_dial_that_fails_is_remote_connection_failed(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	session_disconnected(p.s, REASON_SERVER_UNREACHABLE, p.now);
	pump(&p);
	heard(&p, "condition='remote-connection-failed'");
	assert_int_equal(session_state(p.s), SESSION_DEAD);
	finish(&p);
}

static void a_server_that_sends_no_header_is_given_up(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	session_connected(p.s, p.now);
	pump(&p);
	p.now += 4999;
	pump(&p);
	assert_int_equal(session_state(p.s), SESSION_OPENING);
	assert_false(session_unheard(p.s));
	p.now += 1;
	pump(&p);
	assert_true(session_unheard(p.s));
	assert_int_equal(session_state(p.s), SESSION_CLOSING);
	finish(&p);
	open_bosh(&p);
	p.now += 6000;
	pump(&p);
	assert_int_equal(session_state(p.s), SESSION_OPEN);
	assert_false(session_unheard(p.s));
	finish(&p);
}

static void stanzas_pass_both_ways(void **state)
{
	struct play p;
	struct session_facts f;

	(void)state;
	open_bosh(&p);
	client(&p, BODY "rid='101' sid='" SID "'><message xmlns='jabber:client' to='a'><body>hé"
			"</body></message></body>");
	heard(&p, "WRITE <message xmlns='jabber:client' to='a'><body>hé</body></message>\n");
	server(&p, "<message from='a'><body>yes</body></message>");
	heard(&p, "REPLY 2 200 <body xmlns='http://jabber.org/protocol/httpbind'");
	heard(&p, "<message xmlns='jabber:client' from='a'><body>yes</body></message></body>");
	session_facts(p.s, &f);
	assert_int_equal(f.in.stanzas, 1);
	assert_int_equal(f.out.stanzas, 1);
	assert_int_equal(f.state, SESSION_OPEN); /* the next request is on its way */
	finish(&p);
}

static void it_is_noted_whether_the_first_features_let_clients_log_in(void **state)
{
	static const struct {
		const char *features;
		enum session_login login;
	} cases[] = {
	    {"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
	     "</mechanisms><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
	     SESSION_LOGIN_OFFERED},
	    {"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>",
	     SESSION_LOGIN_TLS_FIRST},
	    {"<register xmlns='http://jabber.org/features/iq-register'/>", SESSION_LOGIN_MISSING},
	    {"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", SESSION_LOGIN_MISSING},
	    {"", SESSION_LOGIN_MISSING}};
	char text[512];
	struct play p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start_bosh(&p, "example.org");
		session_connected(p.s, p.now);
		server(&p, HEADER);
		assert_int_equal(session_login(p.s), SESSION_LOGIN_UNTOLD);
		snprintf(text, sizeof(text), "<stream:features>%s</stream:features>",
			 cases[i].features);
		server(&p, text);
		assert_int_equal(session_login(p.s), cases[i].login);
		server(&p, "<stream:features/>"); /* after a login there may be nothing to offer */
		assert_int_equal(session_login(p.s), cases[i].login);
		finish(&p);
	}
}

static void the_bound_jid_is_noted(void **state)
{
	struct play p;
	struct session_facts f;

	(void)state;
	open_bosh(&p);
	server(&p, "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		   "<jid>ann@example.org/x</jid></bind></iq>");
	session_facts(p.s, &f);
	assert_true(slice_is(f.jid, "ann@example.org/x"));
	finish(&p);
}

#define RESTART(rid, to)                                                    \
	BODY "rid='" rid "' sid='" SID "' xmpp:restart='true' to='" to "' " \
	     "xmlns:xmpp='urn:xmpp:xbosh'/>"

static void a_restart_writes_a_new_header(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	client(&p, RESTART("101", "example.org"));
	heard(&p, "WRITE <?xml version='1.0'?><stream:stream to='example.org'");
	server(&p, "<?xml version='1.0'?>" HEADER
		   "<stream:features><bind xmlns='b'/></stream:features>");
	heard(&p, "REPLY 2 200 ");
	heard(&p, "<bind xmlns='b'/>");
	finish(&p);
}

/* What the routes were asked about, and `deny` with them, cannot be left by a restart. */
static void a_restart_stays_with_its_domain(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	client(&p, RESTART("101", "Example.ORG."));
	heard(&p, "WRITE <?xml version='1.0'?><stream:stream to='Example.ORG.'");
	client(&p, RESTART("102", ""));
	heard(&p, "WRITE <?xml version='1.0'?><stream:stream to='example.org'");
	client(&p, RESTART("103", "evil.example.org"));
	heard(&p, "condition='host-unknown'");
	not_heard(&p, "to='evil");
	assert_int_equal(session_state(p.s), SESSION_CLOSING);
	finish(&p);
}

static void a_client_that_terminates_ends_the_stream(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	client(&p, BODY "rid='101' sid='" SID "' type='terminate'><presence type='unavailable' "
			"xmlns='jabber:client'/></body>");
	heard(&p, "WRITE <presence type='unavailable' xmlns='jabber:client'/></stream:stream>\n"
		  "HANGUP\n");
	heard(&p, "REPLY 2 200 <body ");
	assert_int_equal(session_state(p.s), SESSION_CLOSING);
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	assert_int_equal(session_state(p.s), SESSION_DEAD);
	finish(&p);
}

static void a_server_that_does_not_close_is_dropped(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	heard(&p, "HANGUP\n");
	p.now = session_expiry(p.s);
	pump(&p);
	heard(&p, "DROP\n");
	assert_int_equal(session_state(p.s), SESSION_DEAD);
	finish(&p);
}

static void a_stream_error_reaches_the_client_whole(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	client(&p, BODY "rid='101' sid='" SID "'/>");
	server(&p, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
		   "xmlns='urn:ietf:params:xml:ns:xmpp-streams'>gone</text></stream:error>"
		   "</stream:stream>");
	heard(&p, "type='terminate'");
	heard(&p, "condition='remote-stream-error'");
	heard(&p, "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "
		  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'>gone</text></stream:error></body>");
	assert_true(slice_is(session_condition(p.s), "conflict"));
	finish(&p);
}

static void xml_that_xmpp_forbids_is_told_to_the_server(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	client(&p, BODY "rid='101' sid='" SID "'/>");
	server(&p, "<!DOCTYPE x>");
	heard(&p, "WRITE <stream:error><restricted-xml "
		  "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>\n");
	heard(&p, "condition='remote-connection-failed'");
	finish(&p);
}

static void bytes_before_the_connection_wait(void **state)
{
	struct play p;

	(void)state;
	start_ws(&p);
	message(&p, WS_OPEN);
	heard(&p, "DIAL\n");
	message(&p, "<presence xmlns='jabber:client'/>");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "WRITE", 5));
	session_connected(p.s, p.now);
	pump(&p);
	heard(&p, "xmlns:stream='http://etherx.jabber.org/streams'><presence "
		  "xmlns='jabber:client'/>\n");
	finish(&p);
}

static void a_slow_server_does_not_keep_open_waiting(void **state)
{
	struct play p;

	(void)state;
	start_ws(&p);
	message(&p, WS_OPEN);
	forget(&p);
	p.now = session_expiry(p.s);
	assert_true(p.now <= 1000 + 2000);
	pump(&p);
	heard(&p, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'");
	finish(&p);
}

/* Open, with more for the server than it takes. */
static void pause_ws(struct play *p)
{
	open_ws(p);
	p->unsent = 100001;
	pump(p);
	heard(p, "PAUSE\n");
	forget(p);
}

static void a_crowded_backend_pauses_the_websocket(void **state)
{
	struct play p;

	(void)state;
	pause_ws(&p);
	p.unsent = 60000;
	pump(&p);
	assert_int_equal(p.said.len, 0);
	p.unsent = 0;
	pump(&p);
	heard(&p, "RESUME\n");
	finish(&p);
}

static void a_crowded_backend_leaves_bosh_requests_unanswered(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	p.unsent = 100001;
	client(&p, BODY "rid='101' sid='" SID "'><a xmlns='x'/></body>");
	client(&p, BODY "rid='102' sid='" SID "'><b xmlns='x'/></body>");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "WRITE", 5));
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "REPLY", 5));
	assert_true(session_crowded(p.s));
	p.unsent = 0;
	pump(&p);
	heard(&p, "REPLY 2 200 ");
	heard(&p, "WRITE <a xmlns='x'/><b xmlns='x'/>\n");
	assert_false(session_crowded(p.s));
	finish(&p);
}

/* One that says nothing, with nothing before it that waits, is answered by what the server says. */
static void a_crowded_backend_keeps_no_empty_request_waiting(void **state)
{
	struct play p;

	(void)state;
	open_bosh(&p);
	client(&p, BODY "rid='101' sid='" SID "'><a xmlns='x'/></body>");
	p.unsent = 100001;
	pump(&p);
	forget(&p);
	client(&p, BODY "rid='102' sid='" SID "'/>");
	heard(&p, "REPLY 2 200 ");
	server(&p, "<message><body>one</body></message>");
	heard(&p, "REPLY 3 200 ");
	heard(&p, "<body>one</body>");
	forget(&p);
	client(&p, BODY "rid='103' sid='" SID "'/>");
	client(&p, BODY "rid='104' sid='" SID "'><b xmlns='x'/></body>");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "WRITE", 5));
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "REPLY", 5));
	p.unsent = 0;
	pump(&p);
	heard(&p, "REPLY 4 200 ");
	heard(&p, "WRITE <b xmlns='x'/>\n");
	finish(&p);
}

/* Or its <close/> would not be heard, and its unread words would cost it ours. */
static void a_paused_websocket_is_read_once_its_session_ends(void **state)
{
	struct play p;

	(void)state;
	pause_ws(&p);
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	heard(&p, "RESUME\n");
	forget(&p);
	message(&p, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
	heard(&p, "CLOSE ");
	finish(&p);
}

/* Its pongs cannot be read while it is paused for the server's sake. */
static void a_paused_websocket_is_not_taken_for_dead(void **state)
{
	struct play p;
	struct session_facts f;

	(void)state;
	pause_ws(&p);
	for (int i = 0; i < 10; i++) {
		p.now += env.websocket.ping;
		pump(&p);
	}
	session_facts(p.s, &f);
	assert_int_equal(f.state, SESSION_OPEN);
	p.unsent = 0;
	pump(&p);
	for (int i = 0; i < 4; i++) {
		p.now += env.websocket.ping;
		pump(&p);
	}
	session_facts(p.s, &f);
	assert_int_equal(f.reason, REASON_PING_TIMEOUT);
	finish(&p);
}

/* Its client takes nothing of what the server sends, which is rested for it. */
static void start_slow_ws(struct play *p)
{
	char big[60000];

	start_ws(p);
	message(p, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' "
		   "version='1.0'/>");
	session_connected(p->s, p->now);
	server(p, HEADER FEATURES);
	memset(big, 'x', sizeof(big));
	memcpy(big, "<message>", 9);
	memcpy(big + sizeof(big) - 11, "</message>", 11);
	server(p, big);
	heard(p, "READ_OFF\n");
	forget(p);
}

static void a_session_that_ends_reads_its_backend_again(void **state)
{
	struct play p;

	(void)state;
	start_slow_ws(&p);
	p.now += 9000;
	session_ws_gone(p.s, p.now);
	pump(&p);
	heard(&p, "READ_ON\nHANGUP\n");
	assert_int_equal(session_expiry(p.s), p.now + env.close_wait);
	finish(&p);
}

static void a_slow_websocket_rests_the_backend_for_a_while(void **state)
{
	struct play p;

	(void)state;
	start_slow_ws(&p);
	session_drained(p.s, UINT32_MAX, true);
	pump(&p);
	heard(&p, "READ_ON\n");
	finish(&p);
}

static void a_backend_rests_for_ten_seconds_at_most(void **state)
{
	struct play p;

	(void)state;
	start_slow_ws(&p);
	assert_int_equal(session_expiry(p.s), p.now + 10000);
	p.now += 9999;
	pump(&p);
	assert_int_equal(p.said.len, 0);
	p.now++;
	pump(&p);
	heard(&p, "READ_ON\n");
	forget(&p);
	server(&p, "<message/>");
	heard(&p, "READ_OFF\n");
	finish(&p);
}

static void a_websocket_that_is_lost_ends_the_stream(void **state)
{
	struct play p;

	(void)state;
	open_ws(&p);
	session_ws_gone(p.s, p.now);
	pump(&p);
	heard(&p, "WRITE </stream:stream>\nHANGUP\n");
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	assert_int_equal(session_state(p.s), SESSION_DEAD);
	finish(&p);
}

#define ENABLED "<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>"

static void left_open(bool shutdown)
{
	struct play p;

	open_ws(&p);
	message(&p, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
	server(&p, ENABLED);
	message(&p, "<message xmlns='jabber:client'/>");
	forget(&p);
	if (shutdown)
		session_close(p.s, REASON_SYSTEM_SHUTDOWN, p.now);
	else
		session_ws_gone(p.s, p.now);
	pump(&p);
	heard(&p, "HANGUP\n");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "</stream:stream", 15));
	finish(&p);
}

static void a_stream_that_may_be_resumed_is_left_open_by_a_lost_client(void **state)
{
	struct play p;

	(void)state;
	left_open(false);
	open_bosh(&p);
	client(&p, BODY "rid='101' sid='" SID "'><authenticate xmlns='urn:xmpp:sasl:2'>"
			"<resume xmlns='urn:xmpp:sm:3'/></authenticate></body>");
	server(&p, "<success xmlns='urn:xmpp:sasl:2'><resumed xmlns='urn:xmpp:sm:3'/></success>");
	forget(&p);
	p.now += env.bosh.wait; /* what is held is answered, and then nothing comes */
	pump(&p);
	p.now += env.bosh.inactivity;
	pump(&p);
	heard(&p, "HANGUP\n");
	assert_null(memmem(buf_slice(&p.said).p, p.said.len, "</stream:stream", 15));
	finish(&p);
}

/* It may be resumed by another Fairlead, while this one goes. */
static void a_stream_that_may_be_resumed_is_left_open_at_shutdown(void **state)
{
	(void)state;
	left_open(true);
}

static void a_stream_that_may_be_resumed_is_ended_with_its_client(void **state)
{
	struct play p;

	(void)state;
	open_ws(&p);
	message(&p, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
	server(&p, ENABLED);
	forget(&p);
	message(&p, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
	heard(&p, "WRITE </stream:stream>\nHANGUP\n");
	finish(&p);
}

static void inactivity_ends_a_session_without_a_request(void **state)
{
	struct play p;
	struct session_facts f;
	int64_t end;

	(void)state;

	open_bosh(&p);
	end = p.now + env.bosh.inactivity;
	p.now = session_expiry(p.s); /* no request came: the client is away */
	assert_true(p.now < end);
	pump(&p);
	assert_int_equal(session_state(p.s), SESSION_DETACHED);
	assert_int_equal(session_expiry(p.s), end);
	p.now = end;
	pump(&p);
	session_facts(p.s, &f);
	assert_int_equal(f.reason, REASON_INACTIVITY);
	heard(&p, "WRITE </stream:stream>\nHANGUP\n");
	finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(creation_dials_and_answers_with_features),
	    cmocka_unit_test(versions_of_xmpp_before_1_are_refused),
	    cmocka_unit_test(the_header_says_what_the_client_says),
	    cmocka_unit_test(a_route_is_followed_where_it_names_a_backend),
	    cmocka_unit_test(the_narrowest_pattern_serves_a_domain),
	    cmocka_unit_test(what_is_denied_has_no_second_name),
	    cmocka_unit_test(a_session_knows_its_domain),
	    cmocka_unit_test(an_unknown_domain_is_host_unknown),
	    cmocka_unit_test(a_domain_that_is_not_served_is_kept_to_its_bound),
	    cmocka_unit_test(a_condition_that_nobody_knows_is_none),
	    cmocka_unit_test(a_dial_that_fails_is_remote_connection_failed),
	    cmocka_unit_test(a_server_that_sends_no_header_is_given_up),
	    cmocka_unit_test(stanzas_pass_both_ways),
	    cmocka_unit_test(it_is_noted_whether_the_first_features_let_clients_log_in),
	    cmocka_unit_test(the_bound_jid_is_noted),
	    cmocka_unit_test(a_restart_writes_a_new_header),
	    cmocka_unit_test(a_restart_stays_with_its_domain),
	    cmocka_unit_test(a_client_that_terminates_ends_the_stream),
	    cmocka_unit_test(a_server_that_does_not_close_is_dropped),
	    cmocka_unit_test(a_stream_error_reaches_the_client_whole),
	    cmocka_unit_test(xml_that_xmpp_forbids_is_told_to_the_server),
	    cmocka_unit_test(bytes_before_the_connection_wait),
	    cmocka_unit_test(a_slow_server_does_not_keep_open_waiting),
	    cmocka_unit_test(a_crowded_backend_pauses_the_websocket),
	    cmocka_unit_test(a_crowded_backend_leaves_bosh_requests_unanswered),
	    cmocka_unit_test(a_crowded_backend_keeps_no_empty_request_waiting),
	    cmocka_unit_test(a_paused_websocket_is_read_once_its_session_ends),
	    cmocka_unit_test(a_paused_websocket_is_not_taken_for_dead),
	    cmocka_unit_test(a_session_that_ends_reads_its_backend_again),
	    cmocka_unit_test(a_slow_websocket_rests_the_backend_for_a_while),
	    cmocka_unit_test(a_backend_rests_for_ten_seconds_at_most),
	    cmocka_unit_test(a_websocket_that_is_lost_ends_the_stream),
	    cmocka_unit_test(a_stream_that_may_be_resumed_is_left_open_by_a_lost_client),
	    cmocka_unit_test(a_stream_that_may_be_resumed_is_left_open_at_shutdown),
	    cmocka_unit_test(a_stream_that_may_be_resumed_is_ended_with_its_client),
	    cmocka_unit_test(inactivity_ends_a_session_without_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

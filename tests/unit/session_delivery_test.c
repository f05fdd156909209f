/* The hub and delivery: what of stream management the client and the server see of each other, and
 * where stanzas go when either is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "session_play.h"

#define SM "<sm xmlns='urn:xmpp:sm:3'/>"
#define BINDING "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
#define BOUND                                                                           \
	"<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" \
	"ann@example.org/x</jid></bind></iq>"
#define ENABLE "<enable xmlns='urn:xmpp:sm:3'/>"
#define ENABLED "<enabled xmlns='urn:xmpp:sm:3'/>"
#define R "<r xmlns='urn:xmpp:sm:3'/>"
#define A(h) "<a xmlns='urn:xmpp:sm:3' h='" #h "'/>"
#define M(id) "<message from='bob@e' to='ann@example.org/x' id='" #id "'><body>x</body></message>"
#define RETURNED(id)                                                                               \
	"<message type='error' to='bob@e' from='ann@example.org/x' id='" #id "'><error "           \
	"type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" \
	"</message>"
#define LOST(id)                                                                                   \
	"<message xmlns='jabber:client' type='error' from='bob@e' to='ann@example.org/x' id='" #id \
	"'><error type='wait'><remote-server-timeout "                                             \
	"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
#define OUT(id) "<message xmlns='jabber:client' to='bob@e' id='" #id "'/>"
#define REQUEST(rid, payload) BODY "rid='" #rid "' sid='" SID "'>" payload "</body>"
#define POLL(rid) BODY "rid='" #rid "' sid='" SID "'/>"

/* Logged in and bound; rid 101 is answered, nothing is held. */
static void bind_bosh(struct play *p, const char *features)
{
	char text[512];

	snprintf(text, sizeof(text), HEADER "<stream:features>" BINDING "%s</stream:features>",
		 features);
	start_bosh(p, "example.org");
	session_connected(p->s, p->now);
	server(p, text);
	client(p, POLL(101));
	forget(p);
	server(p, BOUND);
}

/* And stanzas are counted from here on. */
static void count_bosh(struct play *p)
{
	bind_bosh(p, SM);
	server(p, ENABLED);
	forget(p);
}

static void bind_ws(struct play *p, const char *features)
{
	char text[512];

	snprintf(text, sizeof(text), HEADER "<stream:features>" BINDING "%s</stream:features>",
		 features);
	start_ws(p);
	message(p, WS_OPEN);
	session_connected(p->s, p->now);
	server(p, text);
	forget(p);
	server(p, BOUND);
}

static void count_ws(struct play *p)
{
	bind_ws(p, SM);
	message(p, "<presence xmlns='jabber:client'/>");
	p->now += 1000;
	pump(p);
	heard(p, "WRITE " ENABLE "\n");
	pong(p);
	server(p, ENABLED);
	server(p, A(1));
	forget(p);
}

static struct session_facts facts(const struct play *p)
{
	struct session_facts f;

	session_facts(p->s, &f);
	return f;
}

/* --- who enables it --- */

static void over_bosh_it_is_hidden_and_ours_from_the_bind_result_on(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features>" BINDING SM "</stream:features>");
	heard(&p, BINDING "</stream:features>");
	not_heard(&p, "urn:xmpp:sm");
	client(&p, REQUEST(101, "<iq xmlns='jabber:client' type='set' id='b'/>"));
	client(&p, REQUEST(102, "<iq xmlns='jabber:client' type='get' id='c'/>"));
	forget(&p);
	server(&p, BOUND);
	heard(&p, "WRITE " ENABLE "\n");
	client(&p, REQUEST(103, OUT(1)));
	server(&p, R ENABLED);
	heard(&p, "WRITE " OUT(1) "\n");
	heard(&p, "WRITE " A(0) R "\n");
	not_heard(&p, "enabled");
	assert_true(slice_is(facts(&p).jid, "ann@example.org/x"));
	assert_string_equal(facts(&p).delivery.mode, "acknowledged");
	finish(&p);
}

static void a_bind_that_failed_is_none(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features>" BINDING SM "</stream:features>");
	server(&p, "<iq type='error' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		   "<resource>x</resource></bind><error type='modify'/></iq>");
	not_heard(&p, "enable");
	assert_int_equal(facts(&p).jid.n, 0);
	server(&p, BOUND);
	heard(&p, "WRITE " ENABLE "\n");
	finish(&p);
}

static void a_login_that_binds_counts_too(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><inline><bind "
			  "xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:sm:3'/></inline>"
			  "</bind></inline></authentication></stream:features>");
	not_heard(&p, "urn:xmpp:sm");
	server(&p, "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>ann@example.org/x"
		   "</authorization-identifier><bound xmlns='urn:xmpp:bind:0'/></success>");
	heard(&p, "WRITE " ENABLE "\n");
	assert_true(slice_is(facts(&p).jid, "ann@example.org/x"));
	finish(&p);
}

/* XEP-0388: the features of the stream that it is bound on stand behind the success. */
static void features_behind_a_login_that_binds_may_have_it(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "example.org");
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><inline><bind "
			  "xmlns='urn:xmpp:bind:0'/></inline></authentication></stream:features>");
	server(&p, "<success xmlns='urn:xmpp:sasl:2'><bound xmlns='urn:xmpp:bind:0'/></success>");
	not_heard(&p, ENABLE);
	server(&p, M(1) "<stream:features>" SM "</stream:features>");
	heard(&p, "WRITE " ENABLE "\n");
	server(&p, "<failed xmlns='urn:xmpp:sm:3'/>");
	forget(&p);
	server(&p, "<stream:features>" SM "</stream:features>");
	not_heard(&p, ENABLE);
	finish(&p);
}

/* Answers of ours that a pause leaves where they are: no reason to rest from a server that has not
 * been reached. */
static void a_full_queue_before_the_server_is_there(void **state)
{
	struct session_env patient = env;
	struct buf many = {0};
	struct play p;

	(void)state;
	patient.bosh.maxpause = 300000;
	settings = &patient;
	start_bosh(&p, "example.org");
	settings = &env;
	p.now += env.bosh.features_wait;
	pump(&p);
	BUF_LIT(&many, BODY "rid='101' sid='" SID "' pause='10'>");
	for (int i = 0; i < 600; i++)
		buf_addz(&many, ENABLE);
	BUF_LIT(&many, "</body>");
	buf_addc(&many, '\0');
	client(&p, buf_slice(&many).p);
	not_heard(&p, "READ_OFF");
	session_connected(p.s, p.now);
	pump(&p);
	not_heard(&p, "READ_OFF");
	p.now += env.header_wait; /* which is still due */
	pump(&p);
	assert_true(session_state(p.s) >= SESSION_CLOSING);
	buf_clear(&many);
	finish(&p);
}

static void a_bosh_client_that_enables_it_is_told(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, REQUEST(102, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>" OUT(1)));
	heard(&p, "WRITE " OUT(1));
	heard(&p, "<failed xmlns='urn:xmpp:sm:3'><unexpected-request "
		  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed></body>");
	not_heard(&p, "resume");
	finish(&p);
}

static void a_websocket_sees_it_and_has_a_second_after_its_first_presence(void **state)
{
	struct play p;

	(void)state;
	start_ws(&p);
	message(&p, WS_OPEN);
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features>" BINDING SM "</stream:features>");
	heard(&p, BINDING SM "</stream:features>");
	server(&p, BOUND);
	not_heard(&p, ENABLE);
	message(&p, "<iq xmlns='jabber:client' type='get' id='1'/>");
	not_heard(&p, ENABLE);
	message(&p, "<presence xmlns='jabber:client'/>");
	heard(&p, "WRITE <presence xmlns='jabber:client'/>\n");
	assert_int_equal(session_expiry(p.s), p.now + 1000);
	p.now += 1000;
	pump(&p);
	heard(&p, "WRITE " ENABLE "\n");
	finish(&p);
}

/* As a program on xmpp.js does that sends presence in its `online` handler. */
static void a_websocket_client_may_be_present_before_it_enables(void **state)
{
	struct play p;

	(void)state;
	bind_ws(&p, SM);
	message(&p, "<presence xmlns='jabber:client'/>");
	message(&p, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
	heard(&p, "WRITE <enable xmlns='urn:xmpp:sm:3' resume='true'/>\n");
	p.now += 5000;
	pump(&p);
	not_heard(&p, ENABLE);
	server(&p, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
	heard(&p, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
	assert_string_equal(facts(&p).delivery.mode, "client");
	finish(&p);
}

/* A result that looks like that of binding may come from anybody. */
static void what_is_resumed_is_bound_to_nobody_else(void **state)
{
	struct play p;

	(void)state;
	start_ws(&p);
	message(&p, WS_OPEN);
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features>" BINDING SM "</stream:features>");
	message(&p, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>");
	server(&p, "<resumed xmlns='urn:xmpp:sm:3' h='0' previd='x'/>");
	server(&p, BOUND);
	assert_int_equal(facts(&p).jid.n, 0);
	assert_string_equal(facts(&p).delivery.mode, "client");
	finish(&p);
}

static void what_a_websocket_client_manages_itself_is_not_touched(void **state)
{
	struct play p;

	(void)state;
	bind_ws(&p, SM);
	p.now += 1000; /* the bind result is still proved */
	pump(&p);
	session_pong(p.s, 1, p.now);
	message(&p, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
	heard(&p, "WRITE <enable xmlns='urn:xmpp:sm:3' resume='true'/>\n");
	message(&p, "<presence xmlns='jabber:client'/>");
	heard(&p, "WRITE <presence xmlns='jabber:client'/>\n");
	forget(&p);
	server(&p, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>" R M(1));
	heard(&p, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>");
	heard(&p, R);
	not_heard(&p, "WRITE");
	forget(&p);
	p.now += 20000; /* no ping is needed for our sake */
	pump(&p);
	assert_int_equal(p.said.len, 0);
	session_ws_gone(p.s, p.now);
	pump(&p);
	heard(&p, "HANGUP\n");
	not_heard(&p, "WRITE");
	finish(&p);
}

static void a_transparent_domain_is_left_alone(void **state)
{
	struct play p;

	(void)state;
	start_bosh(&p, "open.example.org");
	session_connected(p.s, p.now);
	server(&p, HEADER "<stream:features>" BINDING SM "</stream:features>");
	heard(&p, SM);
	server(&p, BOUND M(1));
	not_heard(&p, "enable");
	p.now += 200000;
	pump(&p);
	heard(&p, "WRITE </stream:stream>\n");
	assert_string_equal(facts(&p).delivery.mode, "transparent");
	finish(&p);
}

/* --- towards the client --- */

static void what_is_proved_is_acknowledged(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, POLL(102)); /* proves the bind result */
	server(&p, M(1) M(2));
	server(&p, R);
	heard(&p, "WRITE " A(0) "\n");
	assert_int_equal(facts(&p).delivery.unproved, 2);
	client(&p, POLL(103));
	assert_int_equal(facts(&p).delivery.unproved, 0);
	forget(&p);
	p.now += 2000;
	pump(&p);
	heard(&p, "WRITE " A(2) "\n");
	finish(&p);
}

static void a_pong_acknowledges_over_websocket(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1) M(2));
	p.now += 1000;
	pump(&p);
	pong(&p);
	server(&p, R);
	heard(&p, "WRITE " A(2) "\n");
	finish(&p);
}

/* --- ends --- */

#define CLOSES "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
#define LEFT "<iq type='result' id='fairlead-leave'/>"

/* The server is asked to send no more, and does not. */
static void leave(struct play *p)
{
	heard(p, "WRITE <presence type='unavailable'/><iq type='get' id='fairlead-leave' "
		 "to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
	not_heard(p, "</stream:stream>");
	server(p, LEFT);
}

static void inactivity_leaves_what_is_queued_to_the_server(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, POLL(102));
	server(&p, M(1));
	server(&p, M(2));
	p.now += 200000;
	pump(&p);
	leave(&p);
	heard(&p, "WRITE " A(0) "</stream:stream>\nHANGUP\n");
	assert_int_equal(facts(&p).delivery.unproved, 2);
	assert_int_equal(facts(&p).delivery.returned, 0);
	finish(&p);
}

/* Nobody will resume what we have enabled, whatever the server makes of it. */
static void what_we_enabled_is_not_left_open(void **state)
{
	struct play p;

	(void)state;
	bind_bosh(&p, SM);
	server(&p, "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>" M(1));
	p.now += 200000;
	pump(&p);
	leave(&p);
	heard(&p, "WRITE " A(0) "</stream:stream>\nHANGUP\n");
	finish(&p);
}

static void after_a_terminate_all_that_was_sent_counts(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, POLL(102));
	server(&p, M(1));
	server(&p, M(2));
	forget(&p);
	client(&p, BODY "rid='103' sid='" SID "' type='terminate'/>");
	heard(&p, "<body type='terminate' xmlns='http://jabber.org/protocol/httpbind'/>");
	leave(&p);
	heard(&p, "WRITE " A(1) "</stream:stream>\nHANGUP\n"); /* what was queued is the server's */
	assert_int_equal(facts(&p).delivery.unproved, 1);
	finish(&p);
}

static void a_lost_websocket_leaves_what_has_no_pong(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1));
	p.now += 1000;
	pump(&p);
	pong(&p);
	server(&p, M(2));
	forget(&p);
	session_ws_gone(p.s, p.now);
	pump(&p);
	leave(&p);
	heard(&p, "WRITE " A(1) "</stream:stream>\nHANGUP\n");
	finish(&p);
}

static void a_close_of_the_websocket_is_a_goodbye(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1) M(2));
	p.now += 1000;
	pump(&p);
	pong(&p);
	forget(&p);
	message(&p, CLOSES);
	heard(&p, "CLOSE 1000\n");
	leave(&p);
	heard(&p, "WRITE " A(2) "</stream:stream>\n");
	finish(&p);
}

/* As RFC 7395 has it; what it was sent before counts. */
static void a_client_that_waits_for_our_close_proves_the_rest(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1) M(2));
	message(&p, CLOSES);
	leave(&p);
	forget(&p);
	p.now += 700;
	pong(&p);
	p.now += 99;
	pump(&p);
	not_heard(&p, "</stream:stream>");
	not_heard(&p, "CLOSE");
	p.now += 1;
	pump(&p);
	heard(&p, "CLOSE 1000\n");
	heard(&p, "WRITE " A(2) "</stream:stream>\n");
	finish(&p);
}

/* Strophe.js; and its pong need not be the page's. */
static void a_client_that_hangs_up_at_once_has_what_it_ponged_before(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1));
	p.now += 1000;
	pump(&p);
	pong(&p);
	server(&p, M(2));
	message(&p, CLOSES);
	leave(&p);
	forget(&p);
	pong(&p);
	p.now += 5;
	session_ws_gone(p.s, p.now);
	pump(&p);
	heard(&p, "WRITE " A(1) "</stream:stream>\n");
	assert_int_equal(facts(&p).delivery.unproved, 1);
	finish(&p);
}

static void a_client_that_does_not_pong_its_last_is_not_waited_for(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1));
	forget(&p);
	message(&p, CLOSES);
	leave(&p);
	p.now += 1499;
	pump(&p);
	not_heard(&p, "CLOSE");
	p.now += 1;
	pump(&p);
	heard(&p, "CLOSE 1000\n");
	heard(&p, "WRITE " A(0) "</stream:stream>\n");
	finish(&p);
}

/* The server must not be asked to keep, nor its senders be told of, what the client has. */
static void nothing_is_returned_while_the_client_may_still_prove_it(void **state)
{
	static struct session_env few;
	struct play p;

	(void)state;
	few = env;
	few.server_queue = 1;
	settings = &few;
	count_ws(&p);
	settings = &env;
	server(&p, M(1) M(2) M(3));
	message(&p, CLOSES);
	leave(&p);
	server(&p, LEFT);
	not_heard(&p, "type='error'");
	pong(&p);
	p.now += 100;
	pump(&p);
	heard(&p, "WRITE " A(3) "</stream:stream>\n"); /* the fourth, an answer, is for us */
	finish(&p);
}

/* The server takes nothing, so that the goodbye waits its turn. */
static void what_comes_behind_the_close_is_not_sent(void **state)
{
	struct play p;

	(void)state;
	count_ws(&p);
	server(&p, M(1));
	p.now += 1000;
	pump(&p);
	pong(&p);
	p.unsent = 100001;
	message(&p, CLOSES);
	forget(&p);
	server(&p, M(2));
	not_heard(&p, "SEND");
	p.unsent = 0;
	pump(&p);
	leave(&p);
	heard(&p, "WRITE " A(1) "</stream:stream>\n");
	assert_int_equal(facts(&p).delivery.unproved, 1);
	finish(&p);
}

/* However small the queue is. */
static void all_that_is_lost_is_told(void **state)
{
	struct session_env small = env;
	struct play p;
	char text[256];

	(void)state;
	small.bosh.queue = 1024;
	settings = &small;
	count_bosh(&p);
	settings = &env;
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof(text),
			 BODY "rid='%d' sid='" SID "'><message xmlns='jabber:client' to='bob@e' "
			      "id='m%d'/></body>",
			 102 + i, i);
		client(&p, text);
	}
	forget(&p);
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	heard(&p, "id='m0'");
	heard(&p, "id='m19'");
	heard(&p, "remote-connection-failed");
	finish(&p);
}

/* Who goes before we have asked: what comes from then on the server keeps all the same. */
static void who_leaves_before_we_asked_is_counted_for_from_then_on(void **state)
{
	struct play p;

	(void)state;
	bind_ws(&p, SM);
	message(&p, "<presence xmlns='jabber:client'/>");
	server(&p, M(1));
	forget(&p);
	session_ws_gone(p.s, p.now);
	pump(&p);
	heard(&p, "WRITE " ENABLE "<presence type='unavailable'/><iq ");
	heard(&p, RETURNED(1));
	forget(&p);
	server(&p, M(2) ENABLED M(3) LEFT);
	heard(&p, RETURNED(2));
	not_heard(&p, RETURNED(3));
	heard(&p, A(0) "</stream:stream>\n");
	finish(&p);
}

static void a_shutdown_leaves_what_is_not_proved(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, POLL(102));
	server(&p, M(1));
	session_close(p.s, REASON_SYSTEM_SHUTDOWN, p.now);
	pump(&p);
	leave(&p);
	heard(&p, "WRITE " A(0) "</stream:stream>\n");
	finish(&p);
}

static void more_than_a_server_keeps_is_returned(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, POLL(102));
	server(&p, M(0));
	for (int i = 0; i < 400; i++)
		server(&p, "<presence from='bob@e/x'/>");
	server(&p, M(1));
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	leave(&p);
	server(&p, LEFT);
	heard(&p, RETURNED(0));
	heard(&p, "WRITE " A(3) "</stream:stream>\n");
	assert_int_equal(facts(&p).delivery.returned, 1);
	finish(&p);
}

static void without_a_server_that_keeps_anything_all_is_returned(void **state)
{
	struct play p;

	(void)state;
	bind_bosh(&p, "");
	not_heard(&p, "enable");
	client(&p, POLL(102));
	server(&p, M(1) "<iq from='bob@e' type='get' id='2'/><presence from='bob@e'/>");
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	leave(&p);
	heard(&p, RETURNED(1) "<iq type='error' to='bob@e' id='2'><error type='cancel'>"
			      "<service-unavailable "
			      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>\n");
	heard(&p, "WRITE </stream:stream>\nHANGUP\n");
	assert_string_equal(facts(&p).delivery.mode, "bounced");
	finish(&p);
}

/* What was on its way when the session ended is the server's, or returned; to its very bytes that
 * stood in our buffer. */
static void what_comes_while_leave_is_taken_is_counted(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, POLL(102));
	buf_addz(&p.in, M(1) M(2));
	client(&p, BODY "rid='103' sid='" SID "' type='terminate'/>");
	server(&p, "<r xmlns='urn:xmpp:sm:3'/>" M(3));
	heard(&p, "WRITE " A(0));
	assert_int_equal(facts(&p).delivery.unproved, 3);
	server(&p, LEFT);
	heard(&p, "WRITE " A(0) "</stream:stream>\nHANGUP\n");
	finish(&p);
}

/* What a server sends to the full address while our end is on its way must not push out of its
 * queue what is left to it. */
static void room_is_left_for_what_comes_to_the_full_address(void **state)
{
	struct session_env few = env;
	struct play p;

	(void)state;
	few.server_queue = 4;
	settings = &few;
	count_bosh(&p);
	settings = &env;
	server(&p, M(1) M(2) M(3));
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	leave(&p);
	heard(&p, "WRITE <iq type='get' id='fairlead-leave'");
	not_heard(&p, "</stream:stream>");
	server(&p, M(4) LEFT);
	heard(&p, RETURNED(3));
	not_heard(&p, RETURNED(4));
	heard(&p, A(3) "</stream:stream>\nHANGUP\n"); /* the fourth was the first answer */
	finish(&p);
}

static void the_rest_of_what_filled_the_queue_is_looked_at(void **state)
{
	struct play p;

	(void)state;
	bind_bosh(&p, "");
	for (int i = 0; i < 3000; i++)
		buf_addz(&p.in, M(1));
	buf_addz(&p.in, M(2));
	pump(&p);
	assert_int_equal(facts(&p).reason, REASON_QUEUE_FULL);
	not_heard(&p, RETURNED(2));
	pump(&p);
	heard(&p, RETURNED(2));
	finish(&p);
}

/* Without stream management nobody keeps what is sent to the full address. */
static void it_is_asked_again_as_long_as_something_comes(void **state)
{
	struct play p;

	(void)state;
	bind_bosh(&p, "");
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	forget(&p);
	server(&p, M(1) LEFT);
	heard(&p, "WRITE <iq type='get' id='fairlead-leave'");
	heard(&p, RETURNED(1));
	not_heard(&p, "</stream:stream>");
	server(&p, LEFT);
	heard(&p, "WRITE </stream:stream>\nHANGUP\n");
	finish(&p);
}

static void a_server_that_does_not_answer_is_left_all_the_same(void **state)
{
	struct play p;
	int64_t began;

	(void)state;
	count_bosh(&p);
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	began = p.now;
	server(&p, M(1));
	while (session_state(p.s) != SESSION_DEAD &&
	       p.now < began + 2 * (env.leave_wait + env.close_wait)) {
		not_heard(&p, "DROP");
		p.now = session_expiry(p.s);
		pump(&p);
	}
	heard(&p, "WRITE " A(0) "</stream:stream>\nHANGUP\n");
	heard(&p, "DROP");
	assert_true(p.now <= began + env.leave_wait + env.close_wait);
	finish(&p);
}

/* Its answer came at the last moment: what is said then needs its time, too. */
static void a_server_that_answers_late_still_hears_the_rest(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	p.now += env.leave_wait;
	server(&p, M(1) LEFT);
	heard(&p, "WRITE " A(0) "</stream:stream>\nHANGUP\n");
	assert_int_equal(session_state(p.s), SESSION_CLOSING);
	p.now += env.close_wait - 1;
	pump(&p);
	not_heard(&p, "DROP");
	p.now++;
	pump(&p);
	heard(&p, "DROP");
	finish(&p);
}

static void a_request_by_the_same_id_is_no_answer(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	session_close(p.s, REASON_KILLED, p.now);
	pump(&p);
	forget(&p);
	server(&p, "<iq type='get' from='mallory@e' id='fairlead-leave'><q xmlns='x'/></iq>");
	not_heard(&p, "HANGUP");
	server(&p, LEFT);
	heard(&p, "HANGUP");
	finish(&p);
}

/* Before the deadline of the shutdown, past which nothing is returned and nothing told. */
static void a_shutdown_waits_for_the_server_for_less_time(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	session_close(p.s, REASON_SYSTEM_SHUTDOWN, p.now);
	pump(&p);
	server(&p, M(1));
	p.now += env.stop_wait - 1;
	pump(&p);
	not_heard(&p, "</stream:stream>");
	p.now++;
	pump(&p);
	heard(&p, "WRITE " A(0) "</stream:stream>\nHANGUP\n");
	finish(&p);
}

static void what_is_remembered_is_bounded(void **state)
{
	struct play p;
	char text[1100];
	int n;

	(void)state;
	count_ws(&p);
	session_drained(p.s, UINT32_MAX, false);
	snprintf(text, sizeof(text), "<message from='%0900d' id='1'/>", 1);
	for (n = 0; n < 1000 && session_state(p.s) != SESSION_CLOSING; n++) {
		server(&p, text);
		session_drained(p.s, UINT32_MAX, false);
		forget(&p);
	}
	assert_in_range(n, 100, 120);
	assert_int_equal(facts(&p).reason, REASON_QUEUE_FULL);
	finish(&p);
}

/* --- the server is lost --- */

static void what_it_never_acknowledged_is_told_before_the_end(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, REQUEST(102, OUT(1) OUT(2) "<presence xmlns='jabber:client'/>"));
	client(&p, REQUEST(103, OUT(3)));
	server(&p, A(1));
	forget(&p);
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	heard(&p, "<body type='terminate' condition='remote-connection-failed' "
		  "xmlns='http://jabber.org/protocol/httpbind'>" LOST(2) LOST(3) "</body>");
	finish(&p);
}

static void a_websocket_hears_it_before_close(void **state)
{
	const char *lost, *close;
	struct play p;

	(void)state;
	count_ws(&p);
	message(&p, OUT(1));
	forget(&p);
	server(&p, "<stream:error><system-shutdown "
		   "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>");
	heard(&p, LOST(1));
	lost = memmem(buf_data(&p.said), p.said.len, "remote-server-timeout", 21);
	close = memmem(buf_data(&p.said), p.said.len, "<close ", 7);
	assert_true(lost < close);
	finish(&p);
}

/* The requests wait in the front: the server took nothing. */
static void what_was_never_sent_is_told_too(void **state)
{
	struct play p;

	(void)state;
	bind_bosh(&p, ""); /* whether or not it acknowledges */
	p.unsent = 100001;
	client(&p, REQUEST(102, OUT(1)));
	client(&p, REQUEST(103, OUT(2) "<message type='error' xmlns='jabber:client'/>"));
	forget(&p);
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	heard(&p, LOST(1) LOST(2) "</body>");
	finish(&p);
}

static void what_it_acknowledged_is_not_told(void **state)
{
	struct play p;

	(void)state;
	count_bosh(&p);
	client(&p, REQUEST(102, OUT(1)));
	server(&p, A(1));
	forget(&p);
	session_disconnected(p.s, REASON_SERVER_LOST, p.now);
	pump(&p);
	not_heard(&p, "remote-server-timeout");
	finish(&p);
}

static void a_server_that_acknowledges_nothing_makes_the_client_wait(void **state)
{
	char text[1200];
	struct play p;

	(void)state;
	count_ws(&p);
	snprintf(text, sizeof(text), "<message xmlns='jabber:client' to='%0900d' id='1'/>", 1);
	for (int i = 0; i < 80; i++)
		message(&p, text);
	heard(&p, "PAUSE\n");
	assert_false(session_crowded(p.s)); /* nobody need look again before time or <a/> */
	forget(&p);
	server(&p, A(60));
	heard(&p, "RESUME\n");
	heard(&p, "<message xmlns='jabber:client' to='0");
	for (int i = 0; i < 80; i++)
		message(&p, text);
	heard(&p, "PAUSE\n");
	forget(&p);
	assert_true(session_expiry(p.s) <= p.now + 10000);
	p.now += 10000;
	pump(&p);
	heard(&p, "RESUME\n");
	assert_in_range(facts(&p).delivery.given_up, 1, 80);
	assert_true(session_expiry(p.s) > p.now);
	finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(over_bosh_it_is_hidden_and_ours_from_the_bind_result_on),
	    cmocka_unit_test(a_bind_that_failed_is_none),
	    cmocka_unit_test(a_login_that_binds_counts_too),
	    cmocka_unit_test(features_behind_a_login_that_binds_may_have_it),
	    cmocka_unit_test(a_full_queue_before_the_server_is_there),
	    cmocka_unit_test(a_bosh_client_that_enables_it_is_told),
	    cmocka_unit_test(a_websocket_sees_it_and_has_a_second_after_its_first_presence),
	    cmocka_unit_test(a_websocket_client_may_be_present_before_it_enables),
	    cmocka_unit_test(what_is_resumed_is_bound_to_nobody_else),
	    cmocka_unit_test(what_a_websocket_client_manages_itself_is_not_touched),
	    cmocka_unit_test(a_transparent_domain_is_left_alone),
	    cmocka_unit_test(what_is_proved_is_acknowledged),
	    cmocka_unit_test(a_pong_acknowledges_over_websocket),
	    cmocka_unit_test(inactivity_leaves_what_is_queued_to_the_server),
	    cmocka_unit_test(what_we_enabled_is_not_left_open),
	    cmocka_unit_test(after_a_terminate_all_that_was_sent_counts),
	    cmocka_unit_test(a_lost_websocket_leaves_what_has_no_pong),
	    cmocka_unit_test(a_close_of_the_websocket_is_a_goodbye),
	    cmocka_unit_test(a_client_that_waits_for_our_close_proves_the_rest),
	    cmocka_unit_test(a_client_that_hangs_up_at_once_has_what_it_ponged_before),
	    cmocka_unit_test(a_client_that_does_not_pong_its_last_is_not_waited_for),
	    cmocka_unit_test(nothing_is_returned_while_the_client_may_still_prove_it),
	    cmocka_unit_test(what_comes_behind_the_close_is_not_sent),
	    cmocka_unit_test(all_that_is_lost_is_told),
	    cmocka_unit_test(who_leaves_before_we_asked_is_counted_for_from_then_on),
	    cmocka_unit_test(a_shutdown_leaves_what_is_not_proved),
	    cmocka_unit_test(more_than_a_server_keeps_is_returned),
	    cmocka_unit_test(without_a_server_that_keeps_anything_all_is_returned),
	    cmocka_unit_test(what_comes_while_leave_is_taken_is_counted),
	    cmocka_unit_test(room_is_left_for_what_comes_to_the_full_address),
	    cmocka_unit_test(the_rest_of_what_filled_the_queue_is_looked_at),
	    cmocka_unit_test(it_is_asked_again_as_long_as_something_comes),
	    cmocka_unit_test(a_server_that_does_not_answer_is_left_all_the_same),
	    cmocka_unit_test(a_server_that_answers_late_still_hears_the_rest),
	    cmocka_unit_test(a_request_by_the_same_id_is_no_answer),
	    cmocka_unit_test(a_shutdown_waits_for_the_server_for_less_time),
	    cmocka_unit_test(what_is_remembered_is_bounded),
	    cmocka_unit_test(what_it_never_acknowledged_is_told_before_the_end),
	    cmocka_unit_test(a_websocket_hears_it_before_close),
	    cmocka_unit_test(what_was_never_sent_is_told_too),
	    cmocka_unit_test(what_it_acknowledged_is_not_told),
	    cmocka_unit_test(a_server_that_acknowledges_nothing_makes_the_client_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The WebSocket machine, as scripts (front_player.h): what goes over the wire in RFC 7395, and
 * when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "front_player.h"

static const struct wsfront_config config = {
    .ping = 25000,
    .open_wait = 1500,
    .open_limit = 20000,
    .close_wait = 3000,
    .prove_wait = 1500,
    .queue = 1000,
};

static void run_with(const struct wsfront_config *c, const char *name, const char *const *lines)
{
	struct player *p = player_new(NULL, c);

	player_run(p, name, lines);
	player_free(p);
}

#define RUN(...)                                                        \
	do {                                                            \
		static const char *const lines[] = {__VA_ARGS__, NULL}; \
		(void)state;                                            \
		run_with(&config, __func__, lines);                     \
	} while (0)

#define OPEN "> <open xmlns='FRAMING' to='example.com' version='1.0'/>"
#define CLOSE "<close xmlns=\"FRAMING\" />"
#define ERROR(c) "  < <stream:error xmlns:stream='STREAM'><" c " xmlns='ERRORS'/></stream:error>"
#define MADE_UP "  < <open xmlns='FRAMING' from='example.com' version='1.0'/>"
#define HELLO "  < <open xmlns='FRAMING' from='example.com' id='x1' version='1.0' xml:lang='en'/>"
#define HEADER "header id='x1' from='example.com' version='1.0' xml:lang='en'"
#define READY OPEN, "  open to=example.com version=1.0", HEADER, HELLO
#define WS_CLOSE "<close xmlns='FRAMING'/>"

/* clang-format off: scripts, one line each */

/* --- the main path --- */

static void logs_in_talks_and_leaves(void **state)
{
	RUN("> <open xmlns='FRAMING' to='example.com' from='u@example.com' xml:lang='en'"
	    " version='1.0'/>",
	    "  open to=example.com from=u@example.com lang=en version=1.0", HEADER, HELLO,
	    "server <stream:features><mechanisms xmlns='urn:s'/></stream:features>",
	    "  < <stream:features xmlns:stream='STREAM'><mechanisms xmlns='urn:s'/>"
	    "</stream:features>",
	    "> <auth xmlns='urn:s'>AA==</auth>", "  payload 0 <auth xmlns='urn:s'>AA==</auth>",
	    "server <success xmlns='urn:s'/>", "  < <success xmlns='urn:s'/>", "  < ping 1", OPEN,
	    "  restart to=example.com version=1.0",
	    "header id='x2' from='example.com' version='1.0'",
	    "  < <open xmlns='FRAMING' from='example.com' id='x2' version='1.0'/>",
	    "> <message xmlns='jabber:client'/>", "  payload 1 <message xmlns='jabber:client'/>",
	    "+server <message id='1'/>", "server <iq id='2'/>",
	    "  < <message xmlns='jabber:client' id='1'/>", "  < <iq xmlns='jabber:client' id='2'/>",
	    "wait 250", "  < ping 2", "pong 2", "> " WS_CLOSE, "  end", "  < " CLOSE,
	    "  < close 1000", "  closed");
}

/* Byte for byte, as some clients compare it. */
static void frames_are_exact(void **state)
{
	static const char open[] = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='e' "
				   "id='i&apos;d' version='1.0'/>";
	static const char close[] = "<close xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\" />";
	struct stream_info info = {.id = SLICE("i'd"), .from = SLICE("e")};
	struct frame *frame = calloc(1, sizeof(*frame));
	struct effects fx = {0};
	struct wsfront *w = wsfront_new(&config, 9, 0);
	const char *sent;

	(void)state;
	frame->kind = FRAME_OPEN;
	wsfront_frame(w, &frame, REASON_NONE, 0);
	assert_null(frame);
	wsfront_ops.opened(w, &info, 0);
	wsfront_ops.close(w, REASON_SERVER_CLOSED, SLICE_NONE, 0);
	wsfront_ops.flush(w, 0, &fx);
	assert_int_equal(fx.n, 1); /* one write for all */
	assert_int_equal(fx.v[0].handle, 9);
	assert_int_equal(fx.v[0].data.len, sizeof(open) - 1 + 2 + sizeof(close) - 1 + 2);
	sent = buf_data(&fx.v[0].data);
	assert_int_equal((unsigned char)sent[0], 0x81);
	assert_int_equal(sent[1], sizeof(open) - 1);
	assert_memory_equal(sent + 2, open, sizeof(open) - 1);
	sent += sizeof(open) + 1;
	assert_int_equal(sent[1], sizeof(close) - 1);
	assert_memory_equal(sent + 2, close, sizeof(close) - 1);
	effects_clear(&fx);
	wsfront_ops.free(w);
}

/* --- <open/> --- */

static void open_is_made_up_when_the_server_is_slow(void **state)
{
	RUN(OPEN, "  open to=example.com version=1.0", "wait 1499", "wait 1", MADE_UP, HEADER,
	    "server <stream:features/>", "  < <stream:features xmlns:stream='STREAM'/>");
}

static void open_after_a_restart_is_in_time_too(void **state)
{
	RUN(READY, OPEN, "  restart to=example.com version=1.0", "wait 1500", MADE_UP, HEADER, OPEN,
	    "  restart to=example.com version=1.0", HEADER, HELLO);
}

static void made_up_open_escapes_the_domain(void **state)
{
	RUN("> <open xmlns='FRAMING' to='a&amp;b&apos;c' version='1.0'/>",
	    "  open to=a&b'c version=1.0", "wait 1500",
	    "  < <open xmlns='FRAMING' from='a&amp;b&apos;c' version='1.0'/>");
	RUN("> <open xmlns='FRAMING' version='1.0'/>", "  open version=1.0", "wait 1500",
	    "  < <open xmlns='FRAMING' version='1.0'/>");
}

static void versions_from_1_on_are_taken(void **state)
{
	static const char *const good[] = {"1.0", "1.1", "2.0", "01.00", "10.99"};
	static const char *const bad[] = {"0.9", "", "1", "1.", ".1", "x", "1.0.0", "-1.0", "1.x"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good) + sizeof(bad) / sizeof(*bad); i++) {
		bool fits = i < sizeof(good) / sizeof(*good);
		const char *v = fits ? good[i] : bad[i - sizeof(good) / sizeof(*good)];
		struct wsfront *w = wsfront_new(&config, 9, 0);
		struct frame *frame = calloc(1, sizeof(*frame));

		frame->kind = FRAME_OPEN;
		frame->version = slice_str(v);
		wsfront_frame(w, &frame, REASON_NONE, 0);
		if (wsfront_ops.failed(w) != (fits ? REASON_NONE : REASON_UNSUPPORTED_VERSION))
			fail_msg("version %s", v);
		wsfront_ops.free(w);
	}
	RUN("> <open xmlns='FRAMING' to='example.com' version='0.9'/>",
	    "  failed unsupported-version", MADE_UP, ERROR("unsupported-version"), "  < " CLOSE,
	    "> " WS_CLOSE, "  < close 1000", "  closed");
	RUN("> <open xmlns='FRAMING' to='example.com'/>", "  open to=example.com");
}

static void a_stream_that_is_not_open_cannot_be_restarted(void **state)
{
	RUN(OPEN, "  open to=example.com version=1.0", OPEN, "  failed bad-request", MADE_UP,
	    ERROR("bad-format"), "  < " CLOSE);
	RUN(READY, OPEN, "  restart to=example.com version=1.0", OPEN, "  failed bad-request",
	    MADE_UP, ERROR("bad-format"), "  < " CLOSE);
}

static void white_space_is_a_sign_of_life_and_nothing_else(void **state)
{
	RUN("bad none", READY, "wait 25000", "  < ping 1", "wait 25000", "  < ping 2", "bad none",
	    "wait 25000", "  < ping 3", "wait 25000", "  < ping 4", "wait 25000",
	    "  failed ping-timeout", ERROR("connection-timeout"), "  < " CLOSE, "  < close 1001",
	    "  closed");
}

static void an_element_before_open_is_refused(void **state)
{
	RUN("> <message xmlns='jabber:client'/>", "  failed bad-request",
	    "  < <open xmlns='FRAMING' version='1.0'/>", ERROR("bad-format"), "  < " CLOSE,
	    "> " WS_CLOSE, "  < close 1007", "  closed");
}

static void a_client_that_never_opens_is_let_go(void **state)
{
	RUN("wait 20000", "  failed inactivity", "  < <open xmlns='FRAMING' version='1.0'/>",
	    ERROR("connection-timeout"), "  < " CLOSE, "wait 3000", "  < close 1001", "  closed");
}

static void the_old_framing_is_answered_in_kind(void **state)
{
	RUN("> <stream:stream xmlns='jabber:client' xmlns:stream='STREAM' to='e' version='1.0'>",
	    "  failed unsupported-framing",
	    "  < <stream:stream xmlns='jabber:client' xmlns:stream='STREAM' version='1.0'>",
	    "  < <stream:error xmlns:stream='STREAM'><bad-format xmlns='ERRORS'/><text"
	    " xmlns='ERRORS' xml:lang='en'>the client frames as in the draft before RFC 7395:"
	    " &lt;stream:stream&gt; is not sent over WebSocket</text></stream:error>",
	    "  < </stream:stream>", "  < close 1002", "  closed");
}

/* --- bad messages --- */

static void bad_messages_end_the_session(void **state)
{
	RUN(READY, "> <message", "  failed not-well-formed", ERROR("not-well-formed"), "  < " CLOSE,
	    "> " WS_CLOSE, "  < close 1007", "  closed");
	RUN(READY, "bad unsupported-data", "  failed unsupported-data", "  < " CLOSE, "wait 3000",
	    "  < close 1003", "  closed");
	RUN(READY, "bad too-big", "  failed too-big", ERROR("policy-violation"), "  < " CLOSE,
	    "gone", "  closed");
}

static void what_came_before_a_bad_message_counts(void **state)
{
	RUN(READY, "+> <message xmlns='jabber:client'/>", "bad bad-utf8",
	    "  payload 1 <message xmlns='jabber:client'/>", "  failed bad-utf8",
	    ERROR("bad-format"), "  < " CLOSE);
}

/* --- the end --- */

static void our_close_waits_for_the_clients(void **state)
{
	RUN(READY, "+server <message id='1'/>", "close system-shutdown",
	    "  < <message xmlns='jabber:client' id='1'/>", ERROR("system-shutdown"), "  < " CLOSE,
	    "> <message xmlns='jabber:client'/>", "wait 2999", "> " WS_CLOSE, "  < close 1001",
	    "  closed", "> <message xmlns='jabber:client'/>", "bad not-well-formed", "gone");
}

static void at_a_shutdown_clients_are_sent_elsewhere(void **state)
{
	static struct wsfront_config c;
	static const char *const talking[] = {
	    READY,
	    "close system-shutdown",
	    "  < <close xmlns=\"FRAMING\" see-other-uri=\"wss://b/?c&amp;d\" />",
	    "> " WS_CLOSE,
	    "  < close 1001",
	    "  closed",
	    NULL};
	static const char *const opening[] = {
	    OPEN,
	    "  open to=example.com version=1.0",
	    "close system-shutdown",
	    "  < <close xmlns=\"FRAMING\" see-other-uri=\"wss://b/?c&amp;d\" />",
	    "wait 3000",
	    "  < close 1001",
	    "  closed",
	    NULL};
	static const char *const told[] = {READY,
					   "server <message/>",
					   "  < <message xmlns='jabber:client'/>",
					   "  < ping 1",
					   "close system-shutdown",
					   ERROR("system-shutdown"),
					   "  < " CLOSE,
					   "> " WS_CLOSE,
					   "  < close 1001",
					   "  closed",
					   NULL};
	static const char *const killed[] = {READY, "close killed", ERROR("policy-violation"),
					     "  < " CLOSE, NULL};

	(void)state;
	c = config;
	c.see_other_uri = "wss://b/?c&d";
	run_with(&c, __func__, talking);
	run_with(&c, __func__, opening);
	run_with(&c, __func__, told);
	run_with(&c, __func__, killed);
}

static void our_close_waits_no_longer_than_granted(void **state)
{
	RUN(READY, "close server-closed", "  < " CLOSE, "wait 3000", "  < close 1000", "  closed");
}

static void what_follows_the_clients_close_is_ignored(void **state)
{
	RUN(READY, "+> " WS_CLOSE, "+> <message xmlns='jabber:client'/>", "+bad not-well-formed",
	    "> " WS_CLOSE, "  end", "  < " CLOSE, "  < close 1000", "  closed");
}

static void a_close_before_open_is_fine(void **state)
{
	RUN("> " WS_CLOSE, "  end", "  < " CLOSE, "  < close 1000", "  closed");
}

static void a_creation_that_fails_says_why(void **state)
{
	RUN(OPEN, "  open to=example.com version=1.0", "close host-unknown", MADE_UP,
	    ERROR("host-unknown"), "  < " CLOSE, "> " WS_CLOSE, "  < close 1000", "  closed");
}

static void the_servers_error_gets_its_declaration(void **state)
{
	RUN(READY, "close server-error <stream:error><conflict xmlns='ERRORS'/></stream:error>",
	    "  < <stream:error xmlns:stream='STREAM'><conflict xmlns='ERRORS'/></stream:error>",
	    "  < " CLOSE);
	RUN(READY,
	    "close server-error <stream:error xmlns:stream='STREAM' a='b'><x xmlns='y'/>"
	    "</stream:error>",
	    "  < <stream:error xmlns:stream='STREAM' a='b'><x xmlns='y'/></stream:error>",
	    "  < " CLOSE);
	RUN(READY, "close server-error <s:error xmlns:s='STREAM'><x xmlns='y'/></s:error>",
	    "  < <s:error xmlns:s='STREAM'><x xmlns='y'/></s:error>", "  < " CLOSE);
	RUN(READY, "close server-error", "  < " CLOSE);
}

static void a_lost_websocket_is_over(void **state)
{
	RUN(READY, "gone", "  failed client-lost", "  closed");
	RUN(READY, "stop", "+> " WS_CLOSE, "gone", "go", "  end", "  closed");
	RUN("gone", "  failed client-lost", "  closed");
	RUN(READY, "close killed", ERROR("policy-violation"), "  < " CLOSE, "gone", "  closed");
}

/* Its <close/> stands behind what a server does not take. */
static void whoever_left_is_not_waited_for_for_ever(void **state)
{
	RUN(READY, "stop", "+> <a xmlns='x'/>", "+> " WS_CLOSE, "gone", "wait 49999", "wait 1",
	    "  failed client-closed", "  closed");
}

static void only_the_first_close_counts(void **state)
{
	RUN(READY, "+close killed", "+header id='late'", "+server <message/>", "close server-lost",
	    ERROR("policy-violation"), "  < " CLOSE, "wait 3000", "  < close 1008", "  closed");
}

/* --- pings --- */

static void pings_from_the_start(void **state)
{
	static struct wsfront_config c;
	static const char *const lines[] = {"wait 25000",
					    "  < ping 1",
					    "pong 1",
					    OPEN,
					    "  open to=example.com version=1.0",
					    HEADER,
					    HELLO,
					    "wait 25000",
					    "  < ping 2",
					    NULL};

	(void)state;
	c = config;
	c.open_limit = 60000;
	run_with(&c, __func__, lines);
}

static void two_unanswered_pings_are_the_end(void **state)
{
	RUN(READY, "wait 25000", "  < ping 1", "pong 1", "wait 25000", "  < ping 2", "wait 25000",
	    "  < ping 3", "wait 24999", "wait 1", "  failed ping-timeout",
	    ERROR("connection-timeout"), "  < " CLOSE, "  < close 1001", "  closed");
}

/* The kernel takes a ping whether the client is there or not; not so where it was full before. */
static void what_the_kernel_took_is_no_sign_of_life(void **state)
{
	RUN(READY, "wait 25000", "  < ping 1", "drained", "wait 25000", "  < ping 2", "drained",
	    "wait 25000", "  failed ping-timeout", ERROR("connection-timeout"), "  < " CLOSE,
	    "  < close 1001", "  closed");
	RUN(READY, "wait 25000", "  < ping 1", "wait 25000", "  < ping 2", "drained late",
	    "wait 25000", "  < ping 3", "wait 25000", "  < ping 4", "wait 25000",
	    "  failed ping-timeout", ERROR("connection-timeout"), "  < " CLOSE, "  < close 1001",
	    "  closed");
}

static void any_message_is_a_sign_of_life(void **state)
{
	RUN(READY, "wait 25000", "  < ping 1", "wait 25000", "  < ping 2",
	    "> <message xmlns='jabber:client'/>", "  payload 1 <message xmlns='jabber:client'/>",
	    "wait 25000", "  < ping 3", "pong 99", "wait 25000", "  < ping 4", "pong 3",
	    "wait 25000", "  < ping 5");
}

/* --- proof --- */

#define GOT(n) "  < <message xmlns='jabber:client' id='" #n "'/>"
#define SERVER(n) "server <message id='" #n "'/>", GOT(n)

#define PINGED(n, ping) SERVER(n), "  < ping " #ping

static void a_pong_proves_what_was_written_before_its_ping(void **state)
{
	RUN(READY, "+server <message id='1'/>", "server <message id='2'/>", GOT(1), GOT(2),
	    "  < ping 1", SERVER(3), "proved 0", "pong 1", "proved 2", "wait 249", "wait 1",
	    "  < ping 2", "pong 1", "proved 2", "pong 2", "proved 3", "wait 20000");
}

static void stanzas_cause_four_pings_a_second_at_most(void **state)
{
	RUN(READY, PINGED(1, 1), "wait 100", SERVER(2), "wait 100", SERVER(3), "wait 49", "wait 1",
	    "  < ping 2", SERVER(4), "pong 2", "proved 3", "wait 249", "wait 1", "  < ping 3",
	    "pong 3", "proved 4", "wait 10000", PINGED(5, 4));
}

static void the_usual_ping_proves_too(void **state)
{
	RUN(READY, "wait 24900", PINGED(1, 1), SERVER(2), "wait 99", "wait 1", "  < ping 2",
	    "wait 10000", "pong 2", "proved 2");
}

static void a_pong_of_an_older_ping_proves_what_that_covered(void **state)
{
	RUN(READY, PINGED(1, 1), "wait 1000", PINGED(2, 2), "wait 1000", PINGED(3, 3), "pong 2",
	    "proved 2", "pong 1", "proved 2", "pong 9", "proved 2", "pong 3", "proved 3");
}

/* Only the usual ones are counted against a client. */
static void pings_for_proof_do_not_end_the_session(void **state)
{
	RUN(READY, PINGED(1, 1), "wait 1000", PINGED(2, 2), "wait 1000", PINGED(3, 3), "wait 23000",
	    "  < ping 4", "wait 25000", "  < ping 5", "wait 25000", "  failed ping-timeout",
	    ERROR("connection-timeout"), "  < " CLOSE, "  < close 1001", "  closed");
}

static void what_is_no_stanza_needs_no_proof(void **state)
{
	RUN(READY, "server <stream:features/>", "  < <stream:features xmlns:stream='STREAM'/>",
	    "wait 24999", "wait 1", "  < ping 1", "pong 1", "proved 0");
}

#define LONG(pad) "<message><body>" pad "</body></message>"
#define FIFTY "12345678901234567890123456789012345678901234567890"
#define MESSAGE SLICE(LONG(FIFTY FIFTY FIFTY))

static bool pings(struct player *p, struct slice message)
{
	struct slice said;

	player_server(p, message);
	player_turn(p);
	said = player_said(p);
	return memmem(said.p, said.n, "< ping ", 7);
}

static struct player *large(void)
{
	static const char *const begin[] = {READY, NULL};
	static struct wsfront_config c;
	struct player *p;

	c = config;
	c.queue = 100000;
	p = player_new(NULL, &c);
	player_run(p, __func__, begin);
	return p;
}

static void every_sixteenth_stanza_is_proved_at_once(void **state)
{
	static const char *const end[] = {"pong 3",	"proved 33", "wait 249",  "wait 1",
					  "  < ping 4", "pong 4",    "proved 34", NULL};
	struct player *p = large();

	(void)state;
	for (int i = 0; i < 34; i++)
		assert_int_equal(pings(p, MESSAGE), i % 16 == 0);
	player_run(p, __func__, end);
	player_free(p);
}

/* So that few pings fit into what a client reads at once. */
static void of_short_ones_it_takes_more(void **state)
{
	struct player *p = large();
	int n = 1;

	(void)state;
	assert_true(pings(p, SLICE("<message/>")));
	while (!pings(p, SLICE("<message/>")))
		n++;
	assert_in_range(n * (1 + sizeof("<message xmlns='jabber:client'/>")), 2048, 2048 + 33);
	player_free(p);
}

/* In one turn too. */
static void a_flood_is_proved_in_parts(void **state)
{
	static const char *const end[] = {"pong 1", "proved 16", "pong 3", "proved 40", NULL};
	struct player *p = large();
	struct slice said;

	(void)state;
	for (int i = 0; i < 40; i++)
		player_server(p, MESSAGE);
	player_turn(p);
	player_wait(p, 250);
	said = player_said(p);
	assert_non_null(memmem(said.p, said.n, "< ping 3\n", 9));
	assert_null(memmem(said.p, said.n, "< ping 4\n", 9));
	player_run(p, __func__, end);
	player_free(p);
}

static void pings_for_few_stanzas_end_where_none_is_answered(void **state)
{
	static const char *const pong[] = {"pong 1", NULL};
	struct player *p = large();

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pings(p, SLICE("<message/>")), i < 16);
		player_wait(p, 250);
	}
	for (int i = 0; i < 11; i++)
		assert_false(pings(p, MESSAGE));
	assert_true(pings(p, MESSAGE));
	player_run(p, __func__, pong);
	player_wait(p, 250);
	assert_int_equal(player_proved(p), 1);
	assert_false(pings(p, MESSAGE));
	player_free(p);
}

/* --- the client says goodbye --- */

#define SENT(n, ping) PINGED(n, ping), "pong " #ping

static void who_waits_for_our_close_has_all_that_it_pongs(void **state)
{
	RUN(READY, SENT(1, 1), SERVER(2), "> " WS_CLOSE, "  end", "  < ping 2", "server <late/>",
	    "wait 500", "pong 2", "proved 1", "wait 99", "proved 1", "wait 1", "  < " CLOSE,
	    "  < close 1000", "  closed", "proved 2");
}

static void who_hangs_up_at_once_has_what_it_ponged_before(void **state)
{
	RUN(READY, SENT(1, 1), SERVER(2), "> " WS_CLOSE, "  end", "  < ping 2", "pong 2", "wait 50",
	    "gone", "  closed", "proved 1");
}

static void who_does_not_pong_its_last_is_not_waited_for(void **state)
{
	RUN(READY, SENT(1, 1), SERVER(2), "wait 250", "  < ping 2", SERVER(3), "> " WS_CLOSE,
	    "  end", "  < ping 3", "pong 2", "wait 1499", "proved 1", "wait 1", "  < " CLOSE,
	    "  < close 1000", "  closed", "proved 2");
}

static void what_is_ponged_while_the_goodbye_waits_counts_likewise(void **state)
{
	RUN(READY, PINGED(1, 1), "stop", "> " WS_CLOSE, "pong 1", "proved 0", "go", "  end",
	    "wait 99", "wait 1", "  < " CLOSE, "  < close 1000", "  closed", "proved 1");
	RUN(READY, PINGED(1, 1), "stop", "> " WS_CLOSE, "pong 1", "gone", "go", "  end", "  closed",
	    "proved 0");
}

/* --- pressure --- */

static void messages_wait_while_nothing_is_pulled(void **state)
{
	RUN(READY, "stop", "> <a xmlns='x'/>", "> <b xmlns='x'/>", "> <c xmlns='x'/>",
	    "> <d xmlns='x'/>", "> <e xmlns='x'/>", "> <f xmlns='x'/>", "go",
	    "  payload 0 <a xmlns='x'/>", "  payload 0 <b xmlns='x'/>",
	    "  payload 0 <c xmlns='x'/>", "  payload 0 <d xmlns='x'/>",
	    "  payload 0 <e xmlns='x'/>", "  payload 0 <f xmlns='x'/>", "> <g xmlns='x'/>",
	    "  payload 0 <g xmlns='x'/>");
}

/* Of a client that has little room; 41 bytes a message with its frame, 10 a ping. */
#define RUN_SMALL(room, silence, ...)                                                     \
	do {                                                                              \
		static struct wsfront_config small;                                       \
		static const char *const lines[] = {READY, "drained", __VA_ARGS__, NULL}; \
		(void)state;                                                              \
		small = config;                                                           \
		small.queue = (room);                                                     \
		small.untold = (silence);                                                 \
		run_with(&small, __func__, lines);                                        \
	} while (0)
#define TAKEN(id) \
	"server <message id='" id "'/>", "  < <message xmlns='jabber:client' id='" id "'/>"
#define TOO_MUCH(id)                                                                          \
	"server <message id='" id "'/>", "  failed queue-full", ERROR("resource-constraint"), \
	    "  < " CLOSE

static void a_full_queue_ends_the_session(void **state)
{
	RUN_SMALL(50, 0, TAKEN("1"), "  < ping 1", "drained", TAKEN("2"), TOO_MUCH("3"));
}

/* Of what is little nobody is told that it drained, so that does not count against a stanza. */
static void one_stanza_fits_beside_what_may_be_written(void **state)
{
	RUN_SMALL(50, 55, TAKEN("1"), "  < ping 1", TAKEN("2"), TOO_MUCH("3"));
}

/* What the kernel took does not count. */
static void what_drains_makes_room(void **state)
{
	RUN_SMALL(98, 0, TAKEN("1"), "  < ping 1", TAKEN("2"), "drained 41", TAKEN("3"),
		  "drained 10", TOO_MUCH("4"));
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logs_in_talks_and_leaves),
	    cmocka_unit_test(frames_are_exact),
	    cmocka_unit_test(open_is_made_up_when_the_server_is_slow),
	    cmocka_unit_test(open_after_a_restart_is_in_time_too),
	    cmocka_unit_test(made_up_open_escapes_the_domain),
	    cmocka_unit_test(versions_from_1_on_are_taken),
	    cmocka_unit_test(a_stream_that_is_not_open_cannot_be_restarted),
	    cmocka_unit_test(white_space_is_a_sign_of_life_and_nothing_else),
	    cmocka_unit_test(at_a_shutdown_clients_are_sent_elsewhere),
	    cmocka_unit_test(an_element_before_open_is_refused),
	    cmocka_unit_test(a_client_that_never_opens_is_let_go),
	    cmocka_unit_test(the_old_framing_is_answered_in_kind),
	    cmocka_unit_test(bad_messages_end_the_session),
	    cmocka_unit_test(what_came_before_a_bad_message_counts),
	    cmocka_unit_test(our_close_waits_for_the_clients),
	    cmocka_unit_test(our_close_waits_no_longer_than_granted),
	    cmocka_unit_test(what_follows_the_clients_close_is_ignored),
	    cmocka_unit_test(a_close_before_open_is_fine),
	    cmocka_unit_test(a_creation_that_fails_says_why),
	    cmocka_unit_test(the_servers_error_gets_its_declaration),
	    cmocka_unit_test(a_lost_websocket_is_over),
	    cmocka_unit_test(whoever_left_is_not_waited_for_for_ever),
	    cmocka_unit_test(only_the_first_close_counts),
	    cmocka_unit_test(pings_from_the_start),
	    cmocka_unit_test(two_unanswered_pings_are_the_end),
	    cmocka_unit_test(what_the_kernel_took_is_no_sign_of_life),
	    cmocka_unit_test(any_message_is_a_sign_of_life),
	    cmocka_unit_test(a_pong_proves_what_was_written_before_its_ping),
	    cmocka_unit_test(the_usual_ping_proves_too),
	    cmocka_unit_test(a_pong_of_an_older_ping_proves_what_that_covered),
	    cmocka_unit_test(pings_for_few_stanzas_end_where_none_is_answered),
	    cmocka_unit_test(of_short_ones_it_takes_more),
	    cmocka_unit_test(pings_for_proof_do_not_end_the_session),
	    cmocka_unit_test(what_is_no_stanza_needs_no_proof),
	    cmocka_unit_test(stanzas_cause_four_pings_a_second_at_most),
	    cmocka_unit_test(every_sixteenth_stanza_is_proved_at_once),
	    cmocka_unit_test(a_flood_is_proved_in_parts),
	    cmocka_unit_test(who_waits_for_our_close_has_all_that_it_pongs),
	    cmocka_unit_test(who_hangs_up_at_once_has_what_it_ponged_before),
	    cmocka_unit_test(who_does_not_pong_its_last_is_not_waited_for),
	    cmocka_unit_test(what_is_ponged_while_the_goodbye_waits_counts_likewise),
	    cmocka_unit_test(messages_wait_while_nothing_is_pulled),
	    cmocka_unit_test(a_full_queue_ends_the_session),
	    cmocka_unit_test(one_stanza_fits_beside_what_may_be_written),
	    cmocka_unit_test(what_drains_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A whole session played by hand: a web client, a server, time. What the session wants done is
 * written down as text, so that a test reads like the conversation that it checks. */
#ifndef TESTS_SESSION_PLAY_H
#define TESTS_SESSION_PLAY_H

#include "base/mem.h"
#include "session/session.h"

#define BODY "<body xmlns='http://jabber.org/protocol/httpbind' "
#define WS_OPEN "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>"
#define HEADER                                                                                  \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " \
	"id='s1' from='example.org' version='1.0'>"
#define FEATURES                                                               \
	"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" \
	"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>"
#define SID "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrstu"

static const struct route_backend backends[] = {{.host = "127.0.0.1", .port = 5222},
						{.host = "xmpp.example.org", .port = 5222},
						{.scheme = ROUTE_TLS, .host = "::1", .port = 5223},
						{.scheme = ROUTE_SRV, .host = ""}};
static const char *const denied[] = {"evil.example.net", "*.evil.example.net", NULL};
static const char *const allowed[] = {"*.example.com", NULL};
static const struct route routes[] = {
    {.domain = "example.org", .backends = backends, .n = 4},
    {.domain = "*.example.net", .backends = backends, .n = 4, .deny = denied},
    {.domain = "open.example.org", .backends = backends, .n = 1, .transparent = true},
    {.domain = "*.sub.example.net", .backends = backends, .n = 1},
    {.domain = "*", .backends = backends, .n = 4, .allow = allowed}};
static const struct xml_limits client_limits = {262144, 64, 64};

static const struct session_env env = {
    .routes = {routes, 5},
    .backend_limits = {65536, 64, 64},
    .bosh = {.wait = 50000,
	     .inactivity = 60000,
	     .polling = 5000,
	     .features_wait = 500,
	     .hold = 1,
	     .queue = 100000},
    .websocket = {.ping = 25000,
		  .open_wait = 1500,
		  .open_limit = 10000,
		  .close_wait = 2000,
		  .prove_wait = 1500,
		  .queue = 100000},
    .client_queue = 100000,
    .backend_queue = 100000,
    .server_queue = 400,
    .leave_wait = 1500,
    .stop_wait = 700,
    .close_wait = 3000,
    .header_wait = 5000,
};

static const struct session_env *settings = &env; /* of the next session */

struct play {
	struct session *s;
	struct xmljudge *judge;
	struct buf in, said; /* from the server; what the effects said */
	size_t unsent;
	int64_t now;
	handle_t next;
	uint64_t ping; /* the last one's payload */
};

static inline void see_pings(struct play *p, struct slice frames)
{
	struct ws_frame f;

	for (; frames.n; frames = slice_of(frames.p + f.size, frames.n - f.size)) {
		ws_first(frames, &f);
		if (f.op != WS_OP_PING)
			continue;
		for (size_t i = 0; i < 8; i++)
			p->ping = p->ping << 8 | (uint8_t)f.payload.p[i];
	}
}

static inline void say(struct play *p, const struct effect *x)
{
	static const char *const names[] = {"REPLY",  "HELD",	"SEND",	    "CLOSE",
					    "PAUSE",  "RESUME", "DIAL",	    "WRITE",
					    "HANGUP", "DROP",	"READ_OFF", "READ_ON"};

	buf_addf(&p->said, "%s", names[x->type]);
	if (x->type == EFFECT_SEND)
		see_pings(p, buf_slice(&x->data));
	if (x->type == EFFECT_REPLY)
		buf_addf(&p->said, " %d %d", (int)x->handle, x->code);
	if (x->type == EFFECT_CLOSE)
		buf_addf(&p->said, " %d", x->code);
	if (x->data.len) {
		buf_addc(&p->said, ' ');
		buf_adds(&p->said, buf_slice(&x->data));
	}
	buf_addc(&p->said, '\n');
}

static inline void pump(struct play *p)
{
	struct effects fx = {0};

	session_pump(p->s, &p->in, p->unsent, p->now, &fx);
	for (uint32_t i = 0; i < fx.n; i++)
		say(p, &fx.v[i]);
	effects_clear(&fx);
}

static inline struct body *parse(struct play *p, const char *text)
{
	struct buf document = buf_copy(slice_str(text));
	struct body *b;

	assert_int_equal(body_parse(&b, p->judge, &client_limits, &document), REASON_NONE);
	return b;
}

static inline void client(struct play *p, const char *text)
{
	struct body *b = parse(p, text);
	struct effects fx = {0};

	session_request(p->s, ++p->next, &b, p->now, &fx);
	for (uint32_t i = 0; i < fx.n; i++)
		say(p, &fx.v[i]);
	effects_clear(&fx);
	pump(p);
}

static inline void server(struct play *p, const char *text)
{
	buf_addz(&p->in, text);
	pump(p);
}

static inline void message(struct play *p, const char *text)
{
	struct buf b = buf_copy(slice_str(text));
	struct frame *f = NULL;
	enum reason bad = frame_parse(&f, p->judge, &client_limits, &b);

	session_frame(p->s, &f, bad, p->now);
	pump(p);
}

static inline void pong(struct play *p)
{
	session_pong(p->s, p->ping, p->now);
	pump(p);
}

/* What was said since the last look holds `want`. */
static inline void heard_(struct play *p, const char *want, int line)
{
	if (!memmem(buf_slice(&p->said).p, p->said.len, want, strlen(want))) {
		fprintf(stderr, "line %d: wanted: %s\nsaid:\n%.*s\n", line, want, (int)p->said.len,
			buf_slice(&p->said).p);
		fail();
	}
}
#define heard(p, want) heard_(p, want, __LINE__)

static inline void not_heard_(struct play *p, const char *unwanted, int line)
{
	if (memmem(buf_slice(&p->said).p, p->said.len, unwanted, strlen(unwanted))) {
		fprintf(stderr, "line %d: unwanted: %s\nsaid:\n%.*s\n", line, unwanted,
			(int)p->said.len, buf_slice(&p->said).p);
		fail();
	}
}
#define not_heard(p, unwanted) not_heard_(p, unwanted, __LINE__)

static inline void forget(struct play *p)
{
	buf_clear(&p->said);
}

static inline void start_asking(struct play *p, const char *attributes)
{
	char text[2048];
	struct body *b;

	*p = (struct play){.judge = xmljudge_new(&client_limits), .next = 1, .now = 1000};
	snprintf(text, sizeof(text),
		 BODY "rid='100' wait='60' hold='1' ver='1.6' xml:lang='en' "
		      "xmlns:xmpp='urn:xmpp:xbosh' %s/>",
		 attributes);
	b = parse(p, text);
	assert_int_equal(bosh_check_creation(b), REASON_NONE);
	p->s = session_new_bosh(settings, SLICE(SID), 1, &b, p->now);
	pump(p);
}

static inline void start_bosh(struct play *p, const char *to)
{
	char text[128];

	snprintf(text, sizeof(text), "to='%s' xmpp:version='1.0'", to);
	start_asking(p, text);
}

/* A session that is open, with no request held. */
static inline void open_bosh(struct play *p)
{
	start_bosh(p, "example.org");
	session_connected(p->s, p->now);
	server(p, HEADER FEATURES);
	forget(p);
}

static inline void start_ws(struct play *p)
{
	*p = (struct play){.judge = xmljudge_new(&client_limits), .next = 1, .now = 1000};
	p->s = session_new_websocket(settings, 7, p->now);
	pump(p);
}

static inline void open_ws(struct play *p)
{
	start_ws(p);
	message(p, WS_OPEN);
	session_connected(p->s, p->now);
	server(p, HEADER FEATURES);
	forget(p);
}

static inline void finish(struct play *p)
{
	session_free(p->s);
	xmljudge_free(p->judge);
	buf_clear(&p->in);
	buf_clear(&p->said);
}

#endif

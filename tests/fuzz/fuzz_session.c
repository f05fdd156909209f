/* Random clients, servers and networks against a whole session; hub.c carries out what the session
 * wants and judges. The first two bytes choose the client, then each two are something that
 * happens. */
#include <stdlib.h>

#include "base/mem.h"
#include "front_rules.h"
#include "hub.h"
#include "oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER                                                                             \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='a&amp;b' from='a' " \
	"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
#define FEATURES                                                               \
	"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" \
	"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"

enum {
	START = 1000,
	STEPS_MAX = 400,
	RIDS_MAX = 512,
	BASE = 1000,
	RECENT = 8,
	BIG = 2500,
	ELEMENT_MAX = 4000
};

static const struct route_backend backends[] = {{.host = "127.0.0.1", .port = 5222}};
static const struct route routes[] = {{.domain = "example.org", .backends = backends, .n = 1}};
static const struct xml_limits client_limits = {65536, 64, 64};

static const struct session_env typical = {.routes = {routes, 1},
					   .backend_limits = {ELEMENT_MAX, 16, 16},
					   .bosh = {.wait = 50000,
						    .inactivity = 60000,
						    .features_wait = 500,
						    .maxpause = 60000,
						    .polling = 2000,
						    .queue = 6000},
					   .websocket = {.ping = 25000,
							 .open_wait = 1500,
							 .open_limit = 10000,
							 .close_wait = 2000,
							 .prove_wait = 1500,
							 .untold = 100,
							 .queue = 6000},
					   .client_queue = 6000,
					   .backend_queue = 3000,
					   .server_queue = 4,
					   .leave_wait = 1500,
					   .stop_wait = 700,
					   .close_wait = 3000};

struct game {
	struct session_env env;
	struct hub h;
	struct xmljudge *judge;
	int64_t next; /* rid never sent */
	handle_t last;
	uint32_t said, greeted;
	uint8_t kind[RIDS_MAX]; /* what the request of that rid is; 0: not sent */
	bool acks;
};

/* --- what happens --- */

static void stanza(struct buf *b, const char *name, uint32_t n, size_t pad)
{
	buf_addf(b, "<%s xmlns='jabber:client' n='%u' pad='", name, n);
	for (; pad; pad--)
		buf_addc(b, 'x');
	BUF_LIT(b, "'/>");
}

/* The same rid always says the same. */
static struct body *make_body(struct game *g, int64_t rid, uint8_t kind)
{
	size_t i = rid >= BASE && rid < BASE + RIDS_MAX ? (size_t)(rid - BASE) : 0;
	struct body *b = NULL;
	struct buf doc = {0};

	kind = g->kind[i] = g->kind[i] ? g->kind[i] : kind | 128;
	buf_addf(&doc, "<body xmlns='" NS_HTTPBIND "' rid='%lld' ", (long long)rid);
	if (rid == BASE)
		buf_addf(&doc, "to='%s' wait='%d' hold='%d' %s %s ",
			 kind % 32 == 31 ? "example.net" : "example.org", kind % 8 * 10, kind % 3,
			 g->acks ? "ack='1'" : "", kind & 64 ? "ver='1.6'" : "");
	else if (g->acks && kind & 64)
		buf_addf(&doc, "ack='%lld' ", (long long)rid - 1 - (kind >> 4 & 3));
	if (rid != BASE && kind % 16 == 3)
		BUF_LIT(&doc, "pause='10' ");
	if (rid != BASE && kind % 16 == 5)
		BUF_LIT(&doc, "xmpp:restart='true' xmlns:xmpp='" NS_XBOSH "' ");
	if (rid != BASE && kind % 64 == 7)
		BUF_LIT(&doc, "type='terminate' ");
	BUF_LIT(&doc, ">");
	if (kind % 2)
		stanza(&doc, "message", (uint32_t)i, kind % 8 == 1 ? kind * 10 : 5);
	if (kind % 8 == 3)
		stanza(&doc, "r", (uint32_t)i, 0);
	BUF_LIT(&doc, "</body>");
	CLAIM(body_parse(&b, g->judge, &client_limits, &doc) == REASON_NONE);
	return b;
}

static void request(struct game *g, int64_t rid, uint8_t kind)
{
	struct body *b;

	if (!g->h.begun) /* it has no sid yet */
		return;
	b = make_body(g, rid, kind);
	rules_asked(g->h.rules, ++g->last, b);
	session_request(g->h.s, g->last, &b, g->h.now, &g->h.fx);
	hub_carry_out(&g->h);
	while (g->next < BASE + RIDS_MAX - 8 && g->kind[g->next - BASE])
		g->next++;
}

static void say(struct game *g, struct buf text)
{
	struct frame *f;
	enum reason bad = frame_parse(&f, g->judge, &client_limits, &text);

	session_frame(g->h.s, &f, bad, g->h.now);
}

static void message(struct game *g, uint8_t arg)
{
	static const char *const texts[] = {
	    "<open xmlns='" NS_FRAMING "' to='example.org' version='1.0'/>",
	    "<open xmlns='" NS_FRAMING "' to='example.net'/>",
	    "<close xmlns='" NS_FRAMING "'/>",
	    "<stream:stream to='example.org'>",
	    "<a>",
	    "<open xmlns='" NS_FRAMING "' to='example.org' version='0.9'/>"};
	struct buf text = {0};

	if (g->h.paused || g->h.gone || g->h.parted)
		return;
	if (arg % 32 == 25) {
		BUF_LIT(&text, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
		buf_adds(&g->h.up, buf_slice(&text));
	} else if (arg % 32 < 25) {
		stanza(&text, arg & 64 ? "message" : "r", g->said++, arg % 32 ? arg : BIG);
		buf_adds(&g->h.up, buf_slice(&text));
	} else {
		buf_addz(&text, texts[arg % 32 - 26]);
		g->h.goodbye |= arg % 32 == 28;
	}
	say(g, text);
}

static void client(struct game *g, uint8_t what, uint8_t arg)
{
	if (!g->h.rules && what < 4)
		message(g, arg);
	else if (what < 3)
		request(g, g->next, arg);
	else if (what == 3)
		request(g, arg & 1 ? g->next + 1 + arg / 2 % 3 : g->next - 1 - arg / 2 % 6, arg);
	else if (g->h.rules && arg & 1)
		session_hurry(g->h.s, g->last > arg % RECENT ? g->last - arg % RECENT : 1,
			      g->h.now);
	else if (g->h.rules) {
		handle_t h = g->last > arg % RECENT ? g->last - arg % RECENT : 1;

		rules_gone(g->h.rules, h);
		session_gone(g->h.s, h, g->h.now);
	} else if (arg < 16 && !g->h.gone) {
		g->h.gone = true;
		session_ws_gone(g->h.s, g->h.now);
	} else if (!g->h.gone && !g->h.paused && arg & 1)
		session_pong(g->h.s, arg & 2 ? g->h.ping : (uint64_t)(arg / 32) << 32 | arg / 4,
			     g->h.now);
	else if (!g->h.gone)
		session_drained(g->h.s, arg & 4 ? UINT32_MAX : arg, arg & 2);
}

static void server(struct game *g, uint8_t arg)
{
	static const char *const good[] = {
	    HEADER,
	    FEATURES,
	    "<success xmlns='s'/>",
	    " \n",
	    "<enabled xmlns='urn:xmpp:sm:3' id='a' resume='true'/>",
	    "<iq><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>"};
	static const char *const bad[] = {"</stream:stream>",
					  "<stream:error><conflict/></stream:error>",
					  "x",
					  "<!-- -->",
					  "<!DOCTYPE a>",
					  "<?a?>",
					  "</a>",
					  "<a b=c/>",
					  "<a>&b;</a>",
					  "\xff",
					  "<a",
					  "<stream:features><a></b>",
					  "<a xmlns='",
					  "<stream:stream>",
					  "&amp;",
					  "<"};

	if (arg % 16 < 8)
		stanza(&g->h.wire, arg & 64 ? "message" : "m", arg, arg % 16 ? arg : BIG);
	else if (arg % 16 < 14)
		buf_addz(&g->h.wire, good[arg % 16 - 8]);
	else if (arg % 16 == 14)
		buf_addc(&g->h.wire, (char)(arg / 16 * 17));
	else
		buf_addz(&g->h.wire, bad[arg / 16]);
}

/* The network: what becomes of the dial, or of the connection. */
static void network(struct game *g, uint8_t arg)
{
	if (g->h.leg == LEG_DIALING)
		g->h.leg = arg < 16 ? LEG_FAILED : LEG_READY;
	else if (g->h.leg == LEG_UP && arg < 16)
		g->h.eof = true;
	else if (arg & 1)
		g->h.unsent /= 2;
	else if ((g->h.taking = arg & 2))
		g->h.unsent = 0;
}

/* A server and a network that do what they should. */
static void live(struct game *g)
{
	if (g->h.leg == LEG_DIALING)
		g->h.leg = LEG_READY;
	for (; g->greeted < g->h.headers; g->greeted++)
		BUF_LIT(&g->h.wire, HEADER FEATURES);
	hub_arrive(&g->h, SIZE_MAX);
}

static void step(struct game *g, uint8_t what, uint8_t arg)
{
	static const int64_t times[] = {0, 1, 500, 1500, 3000, 10000, 25000, 60000};

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4: client(g, what % 16, arg); break;
	case 5:
	case 6:
	case 7:
	case 8: server(g, arg); break;
	case 9:
	case 10: hub_arrive(&g->h, arg % 32 ? (size_t)arg : SIZE_MAX); break;
	case 11: network(g, arg); break;
	case 12:
	case 13: hub_wait(&g->h, times[arg % 8]); break;
	case 14:
	case 15:
		if (arg < 8)
			session_close(g->h.s, (enum reason)(1 + what / 16 + arg), g->h.now);
		break;
	}
	if (g->h.dead || what & 128)
		return;
	hub_turn(&g->h);
	for (int i = 0; i < 4 && g->h.lively && !g->h.dead; i++) {
		live(g);
		hub_turn(&g->h);
	}
}

static void begin_bosh(struct game *g, uint8_t kind)
{
	struct rules *rules = rules_new(&g->env.bosh);
	struct body *create = make_body(g, BASE, kind);

	g->next = BASE + 1;
	g->last = 1;
	rules_asked(rules, g->last, create);
	hub_begin(&g->h, &g->env, session_new_bosh(&g->env, SLICE("SID"), g->last, &create, START),
		  rules, START);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct game g = {.env = typical};

	if (size < 4)
		return 0;
	g.env.bosh.hold = 1 + data[0] / 8 % 2;
	g.acks = data[0] & 4;
	g.h.lively = data[0] & 2;
	g.judge = xmljudge_new(&client_limits);
	if (data[0] & 1)
		hub_begin(&g.h, &g.env, session_new_websocket(&g.env, HUB_WEBSOCKET, START), NULL,
			  START);
	else
		begin_bosh(&g, data[1]);
	for (size_t i = 2; i + 1 < size && i < 2 * STEPS_MAX && !g.h.dead; i += 2)
		step(&g, data[i], data[i + 1]);
	hub_end(&g.h);
	xmljudge_free(g.judge);
	return 0;
}

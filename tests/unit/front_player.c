/* The player's machinery: turns, the way from events and effects to lines, time. */
#include "front_player.h"
#include "front_rules.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define SID "SID"

enum { WS_HANDLE = 1, START = 1000000, EXPIRIES_MAX = 100000, PINGS = 256 };

struct player {
	const struct bosh_config *bosh; /* one of both */
	const struct wsfront_config *ws;
	const struct front_ops *ops;
	void *f;
	struct rules *rules; /* BOSH only */
	struct effects fx;
	struct buf said, lent;
	int64_t now;
	uint32_t serial;	 /* of the last stanza from the server */
	uint32_t framed, proved; /* WebSocket: stanzas sent, and proved by pongs */
	uint32_t late;		 /* by pongs behind the client's <close/> */
	uint32_t pinged;
	uint32_t covers[PINGS]; /* sent before ping n, at n % PINGS */
	bool stopped, ended, closing, closed, parted, goodbye, gone;
};

static const struct xml_scope scope = {
    .xmlns = {NS_CLIENT, sizeof(NS_CLIENT) - 1},
    .n = 1,
    .v = {{.prefix = {"stream", 6}, .uri = {NS_STREAM, sizeof(NS_STREAM) - 1}}},
};

struct player *player_new(const struct bosh_config *bosh, const struct wsfront_config *ws)
{
	struct player *p = mem_zalloc(sizeof(*p));

	p->bosh = bosh;
	p->ws = ws;
	p->now = START;
	p->ops = bosh ? &bosh_ops : &wsfront_ops;
	if (ws)
		p->f = wsfront_new(ws, WS_HANDLE, p->now);
	else
		p->rules = rules_new(bosh);
	return p;
}

void player_free(struct player *p)
{
	if (p->f)
		p->ops->free(p->f);
	rules_free(p->rules);
	effects_clear(&p->fx);
	buf_clear(&p->said);
	buf_clear(&p->lent);
	free(p);
}

void *player_machine(const struct player *p)
{
	return p->f;
}

uint32_t player_proved(const struct player *p)
{
	return p->f ? p->ops->proved(p->f) : 0;
}

int64_t player_now(const struct player *p)
{
	return p->now;
}

struct slice player_said(struct player *p)
{
	buf_clear(&p->lent);
	p->lent = buf_take(&p->said);
	return buf_slice(&p->lent);
}

/* --- lines --- */

/* Long names, shortened as the scripts write them. */
static void say_short(struct player *p, struct slice text)
{
	static const struct {
		const char *full, *brief;
	} names[] = {
	    {" xmlns='" NS_HTTPBIND "'", ""},
	    {NS_STREAM_ERRORS, "ERRORS"},
	    {NS_STREAM, "STREAM"},
	    {NS_XBOSH, "XBOSH"},
	    {NS_FRAMING, "FRAMING"},
	};

	while (text.n) {
		size_t i, n = 1;

		for (i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (slice_starts(text, slice_str(names[i].full)))
				break;
		if (i < sizeof(names) / sizeof(*names)) {
			buf_addz(&p->said, names[i].brief);
			n = strlen(names[i].full);
		} else {
			buf_addc(&p->said, text.p[0]);
		}
		text = slice_of(text.p + n, text.n - n);
	}
}

static void say_field(struct player *p, const char *name, struct slice value)
{
	if (!value.p)
		return;
	buf_addf(&p->said, " %s=", name);
	buf_adds(&p->said, value);
}

static void say_event(struct player *p, const struct front_event *e)
{
	static const char *const names[] = {"none", "open", "restart", "payload", "end"};

	buf_addz(&p->said, names[e->type]);
	say_field(p, "to", e->to);
	say_field(p, "from", e->from);
	say_field(p, "lang", e->lang);
	say_field(p, "version", e->version);
	if (e->type == FRONT_PAYLOAD) {
		buf_addf(&p->said, " %u ", e->stanzas);
		say_short(p, e->payload);
	}
	buf_addc(&p->said, '\n');
}

static void say_handle(struct player *p, const char *sign, handle_t h)
{
	buf_addf(&p->said, "%s %c ", sign, (int)h);
}

static bool is_stanza(struct slice message)
{
	return !slice_starts(message, SLICE("<open ")) &&
	       !slice_starts(message, SLICE("<close ")) &&
	       !slice_starts(message, SLICE("<stream:"));
}

static uint32_t number(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* RFC 6455 5.2, unmasked. */
static void say_frames(struct player *p, struct slice in)
{
	while (in.n) {
		const uint8_t *b = (const uint8_t *)in.p;
		size_t n = in.n > 1 ? b[1] : 0, head = 2;

		if (n == 126 && in.n >= 4) {
			n = (size_t)b[2] << 8 | b[3];
			head = 4;
		} else if (n == 127 && in.n >= 10) {
			n = 0;
			for (head = 2; head < 10; head++)
				n = n << 8 | b[head];
		}
		if (in.n < head + n || (b[0] != 0x81 && b[0] != 0x89))
			rules_broken("frames are whole and of known kinds", "");
		BUF_LIT(&p->said, "< ");
		if (b[0] == 0x89) {
			if (n != 8 || b[head + 7] != (uint8_t)++p->pinged)
				rules_broken("ping serials count up", "");
			buf_addf(&p->said, "ping %u", b[head + 7]);
			p->covers[p->pinged % PINGS] = p->framed;
			if (number(b + head) != p->framed)
				rules_broken("a ping says how much stands before it", "");
		} else {
			say_short(p, slice_of(in.p + head, n));
			p->framed += is_stanza(slice_of(in.p + head, n));
		}
		buf_addc(&p->said, '\n');
		in = slice_of(in.p + head + n, in.n - head - n);
	}
}

static void say_effect(struct player *p, const struct effect *e)
{
	switch (e->type) {
	case EFFECT_REPLY:
		say_handle(p, "<", e->handle);
		if (e->code != 200)
			buf_addf(&p->said, "%d ", e->code);
		if (e->content)
			buf_addf(&p->said, "(%s) ", e->content);
		say_short(p, buf_slice(&e->data));
		buf_addc(&p->said, '\n');
		break;
	case EFFECT_HELD:
		say_handle(p, "~", e->handle);
		buf_addf(&p->said, "%lld\n", (long long)e->ms);
		break;
	case EFFECT_SEND:
		if (p->parted || e->handle != WS_HANDLE)
			rules_broken("nothing is sent after the close", "");
		say_frames(p, buf_slice(&e->data));
		break;
	case EFFECT_CLOSE:
		if (p->parted || e->handle != WS_HANDLE)
			rules_broken("a WebSocket is closed once", "");
		p->parted = true;
		buf_addf(&p->said, "< close %d\n", e->code);
		break;
	default: rules_broken("a front has no other effects", "");
	}
}

static void take_effects(struct player *p)
{
	for (uint32_t i = 0; i < p->fx.n; i++) {
		if (p->rules)
			rules_effect(p->rules, &p->fx.v[i]);
		say_effect(p, &p->fx.v[i]);
	}
	effects_reset(&p->fx);
}

/* --- turns --- */

static void pull(struct player *p)
{
	struct front_event e;

	for (;;) {
		p->ops->next(p->f, &e);
		if (e.type == FRONT_NONE)
			return;
		say_event(p, &e);
		p->ended |= e.type == FRONT_END;
		if (p->rules)
			rules_payload(p->rules, &e);
	}
}

void player_close(struct player *p, enum reason r, struct slice detail)
{
	if (!p->f)
		return;
	if (!p->closing && p->rules)
		rules_closing(p->rules);
	p->closing = true;
	p->ops->close(p->f, r, detail, p->now);
}

static void check(struct player *p)
{
	struct front_counts c;

	if (p->ops->closed(p->f) && !p->closed) {
		p->closed = true;
		BUF_LIT(&p->said, "closed\n");
	}
	p->ops->counts(p->f, &c);
	if (p->rules)
		rules_turn(p->rules, p->ops, p->f, p->now, !p->stopped || p->closing);
	else if (p->ops->expiry(p->f) <= p->now)
		rules_broken("time is never asked for twice", "");
	if (p->closed && p->goodbye && !p->gone && p->late > p->proved &&
	    p->ops->proved(p->f) != p->proved) /* it did wait for our <close/> */
		p->proved = p->late;
	if (p->ws && p->ops->proved(p->f) != p->proved)
		rules_broken("what a pong proves was written before its ping", "");
	if (p->closed && p->ops->expiry(p->f) != TIME_NEVER)
		rules_broken("the dead want no time", "");
}

/* As the hub does it: events, then whether it is over, then answers. */
void player_turn(struct player *p)
{
	enum reason r;

	if (!p->f)
		return;
	if (!p->stopped)
		pull(p);
	r = p->ops->failed(p->f);
	if (!p->closing && r != REASON_NONE) {
		buf_addf(&p->said, "failed %s\n", reason_label(r));
		player_close(p, r, SLICE_NONE);
	}
	if (!p->closing && p->ended)
		player_close(p, REASON_CLIENT_CLOSED, SLICE_NONE);
	p->ops->flush(p->f, p->now, &p->fx);
	take_effects(p);
	check(p);
}

void player_wait(struct player *p, int64_t ms)
{
	int64_t end = p->now + ms;
	int left = EXPIRIES_MAX;

	while (p->f && p->ops->expiry(p->f) <= end) {
		int64_t at = p->ops->expiry(p->f);

		if (--left == 0)
			rules_broken("time goes on", "");
		p->now = at > p->now ? at : p->now;
		p->ops->expire(p->f, p->now);
		player_turn(p);
	}
	p->now = end;
}

/* --- what happens --- */

static void create(struct player *p, handle_t h, struct body *body)
{
	enum reason r = bosh_check_creation(body);

	if (r != REASON_NONE) {
		buf_addf(&p->said, "refused %s\n", reason_label(r));
		body_free(body);
		return;
	}
	rules_asked(p->rules, h, body);
	p->f = bosh_new(p->bosh, SLICE(SID), h, &body, p->now);
}

void player_request(struct player *p, handle_t h, struct body *body)
{
	if (!p->f) {
		create(p, h, body);
		return;
	}
	rules_asked(p->rules, h, body);
	bosh_request(p->f, h, &body, p->now, &p->fx);
	take_effects(p);
}

void player_frame(struct player *p, struct frame *frame, enum reason bad)
{
	p->goodbye |= frame && frame->kind == FRAME_CLOSE;
	wsfront_frame(p->f, &frame, bad, p->now);
}

void player_gone(struct player *p, handle_t h)
{
	if (p->ws) {
		p->gone = true;
		wsfront_gone(p->f, p->now);
	} else if (p->f) {
		rules_gone(p->rules, h);
		bosh_gone(p->f, h, p->now);
	}
}

void player_hurry(struct player *p, handle_t h)
{
	if (p->f)
		bosh_hurry(p->f, h, p->now);
}

void player_pong(struct player *p, uint64_t serial)
{
	uint32_t covers = p->covers[serial % PINGS];
	uint32_t *proved = p->goodbye ? &p->late : &p->proved;

	if (serial && serial <= p->pinged && covers > *proved)
		*proved = covers;
	wsfront_pong(p->f, (uint64_t)covers << 32 | serial, p->now);
}

void player_drained(struct player *p, uint32_t n, bool waited)
{
	wsfront_drained(p->f, n, waited);
}

void player_pull(struct player *p, bool on)
{
	p->stopped = !on;
}

/* attributes as in a start tag */
void player_header(struct player *p, const char *attributes)
{
	struct stream_info info = {0};
	struct buf tag = {0};
	struct slice name, value;
	struct xml_tag t;

	buf_addf(&tag, "<h %s>", attributes);
	if (p->f && xml_tag_open(&t, buf_slice(&tag))) {
		while (xml_tag_next(&t, &name, &value)) {
			if (slice_is(name, "id"))
				info.id = value;
			else if (slice_is(name, "from"))
				info.from = value;
			else if (slice_is(name, "version"))
				info.version = value;
			else if (slice_is(name, "xml:lang"))
				info.lang = value;
		}
		p->ops->opened(p->f, &info, p->now);
	}
	buf_clear(&tag);
}

void player_server(struct player *p, struct slice element)
{
	struct xml_element e = {.bytes = element};
	struct slice name, value, prefix, local;
	struct front_counts before, after;
	struct buf whole = {0};
	struct xml_tag t;

	if (!p->f || !xml_tag_open(&t, element))
		return;
	e.name = t.name;
	e.insert = (uint32_t)(t.name.p + t.name.n - element.p);
	xml_split(e.name, &prefix, &local);
	e.prefixes = slice_is(prefix, "stream");
	e.inherits = prefix.n == 0;
	while (xml_tag_next(&t, &name, &value)) {
		if (slice_is(name, "xmlns"))
			e.xmlns = value;
		if (slice_is(name, "xmlns:stream"))
			e.prefixes = 0;
	}
	p->ops->counts(p->f, &before);
	p->serial += !slice_is(prefix, "stream");
	p->ops->element(p->f, &e, &scope, p->serial, p->now);
	p->ops->counts(p->f, &after);
	if (p->rules && after.queued > before.queued) {
		xml_append(&whole, &e, &scope, SLICE(NS_HTTPBIND), 1);
		rules_server(p->rules, buf_slice(&whole), p->serial);
	}
	buf_clear(&whole);
}

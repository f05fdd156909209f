/* The world around one session, and the judge of what it does there. */
#include "hub.h"
#include "base/mem.h"
#include "front_rules.h"
#include "oracle.h"
#include "proto/features.h"
#include "proto/resume.h"

#define STREAM_BEGIN "<?xml version='1.0'?><stream:stream "
#define STREAM_END "</stream:stream>"

/* What may come on top of a bound: rest of a frame, declarations, pings. */
enum { MORE = 65536 };

/* --- what the session does --- */

static void server_gets(struct hub *h, struct slice payload)
{
	struct front_event e = {.type = FRONT_PAYLOAD, .payload = payload};

	if (h->rules) {
		rules_payload(h->rules, &e);
		return;
	}
	buf_adds(&h->up_seen, payload);
	CLAIM(slice_starts(buf_slice(&h->up), buf_slice(&h->up_seen)));
}

static struct slice behind(struct slice s, const char *at)
{
	return slice_of(at, (size_t)(s.p + s.n - at));
}

/* Where a stream header begins; NULL. */
static const char *header_in(struct slice s)
{
	return memmem(s.p, s.n, STREAM_BEGIN, sizeof(STREAM_BEGIN) - 1);
}

/* Payload, with stream headers between, and the end behind. */
static void written(struct hub *h, struct slice data)
{
	const char *at = memmem(data.p, data.n, "<stream:error>", 14);

	h->unsent += data.n;
	if (!at)
		at = memmem(data.p, data.n, STREAM_END, sizeof(STREAM_END) - 1);
	if (at) {
		struct slice end = behind(data, at);

		h->ended = true;
		CLAIM(h->closing && end.n >= sizeof(STREAM_END) - 1);
		CLAIM(slice_is(behind(end, end.p + end.n - (sizeof(STREAM_END) - 1)), STREAM_END));
		data.n -= end.n;
	}
	while ((at = header_in(data))) {
		server_gets(h, slice_of(data.p, (size_t)(at - data.p)));
		data = behind(data, at + sizeof(STREAM_BEGIN) - 1);
		at = memchr(data.p, '>', data.n);
		CLAIM(at);
		data = behind(data, at + 1);
	}
	server_gets(h, data);
}

/* An element that is due; else something of RFC 7395's own. */
static void websocket_gets(struct hub *h, struct slice text)
{
	struct slice due =
	    slice_of(buf_slice(&h->down).p + h->down_seen.len, h->down.len - h->down_seen.len);

	CLAIM(!h->over);
	if (slice_starts(due, text)) {
		buf_adds(&h->down_seen, text);
		return;
	}
	h->over = slice_starts(text, SLICE("<close ")) || slice_is(text, STREAM_END);
	CLAIM(h->over || slice_starts(text, SLICE("<open ")) ||
	      (h->closing && slice_starts(text, SLICE("<stream:"))));
}

static void sent(struct hub *h, struct slice frames)
{
	struct ws_frame f;

	for (; frames.n; frames = slice_of(frames.p + f.size, frames.n - f.size)) {
		ws_first(frames, &f);
		if (f.op == WS_OP_TEXT)
			websocket_gets(h, f.payload);
		for (size_t i = 0; f.op == WS_OP_PING && i < 8; i++)
			h->ping = h->ping << 8 | (uint8_t)f.payload.p[i];
	}
	h->fresh = true;
}

/* Whether an effect makes sense at this time. */
static bool in_place(const struct hub *h, const struct effect *x)
{
	bool websocket = !h->rules && x->handle == HUB_WEBSOCKET && !h->parted;

	switch (x->type) {
	case EFFECT_REPLY:
	case EFFECT_HELD: return h->rules;
	case EFFECT_SEND: return websocket && !h->gone;
	case EFFECT_CLOSE: return websocket;
	case EFFECT_PAUSE: return websocket && !h->paused;
	case EFFECT_RESUME: return websocket && h->paused;
	case EFFECT_DIAL: return h->leg == LEG_NONE && !h->headers;
	case EFFECT_WRITE: return h->leg == LEG_UP && !h->hung_up && !h->ended;
	case EFFECT_HANGUP:
		/* Only a stream that may be resumed is left without an end. */
		return h->leg == LEG_UP && !h->hung_up && (h->ended || h->resumable);
	case EFFECT_DROP: return h->leg != LEG_NONE;
	case EFFECT_READ_OFF: return h->leg == LEG_UP && h->reading;
	case EFFECT_READ_ON: return h->leg == LEG_UP && !h->reading;
	case EFFECT_TRACE: return false; /* nobody watches */
	}
	return false;
}

static void carry_out_one(struct hub *h, struct effect *x)
{
	CLAIM(in_place(h, x));
	switch (x->type) {
	case EFFECT_REPLY: h->begun = true; /* fall through */
	case EFFECT_HELD: rules_effect(h->rules, x); break;
	case EFFECT_SEND: sent(h, buf_slice(&x->data)); break;
	case EFFECT_CLOSE: h->parted = true; break;
	case EFFECT_PAUSE: h->paused = true; break;
	case EFFECT_RESUME: h->paused = false; break;
	case EFFECT_DIAL: h->leg = LEG_DIALING; break;
	case EFFECT_WRITE: written(h, buf_slice(&x->data)); break;
	case EFFECT_HANGUP: h->hung_up = true; break;
	case EFFECT_DROP: h->leg = LEG_NONE; break;
	case EFFECT_READ_OFF: h->reading = false; break;
	case EFFECT_READ_ON: h->reading = h->woken = true; break;
	case EFFECT_TRACE: break;
	}
}

void hub_carry_out(struct hub *h)
{
	h->woken = false;
	for (uint32_t i = 0; i < h->fx.n; i++)
		carry_out_one(h, &h->fx.v[i]);
	effects_reset(&h->fx);
	CLAIM(h->unsent <= h->env->backend_queue + HUB_EVENT_MAX);
	if (h->taking)
		h->unsent = 0;
}

/* --- what it must do --- */

/* Every header but the first is a restart, which the server hears of before it says more. */
static void note_restarts(struct hub *h)
{
	struct buf header = {0};

	for (uint32_t i = 0; i < h->fx.n; i++) {
		struct slice data = buf_slice(&h->fx.v[i].data);
		const char *at;

		if (h->fx.v[i].type != EFFECT_WRITE)
			continue;
		for (; (at = header_in(data)); data = behind(data, at + 1))
			if (h->headers++)
				xstream_restart(&h->second, &header, SLICE("a"), SLICE_NONE,
						SLICE_NONE, SLICE_NONE);
	}
	buf_clear(&header);
}

/* Stream management over BOSH is never the client's. */
static bool is_ours(const struct hub *h, const struct xml_element *e)
{
	struct slice ns = xml_namespace(e, xstream_scope(&h->second));

	return h->rules && (xml_raw_is(ns, NS_SM) || xml_raw_is(ns, NS_SM_2));
}

static void owe(struct hub *h, enum xstream_result r, const struct xstream_item *item)
{
	const struct xml_scope *scope = xstream_scope(&h->second);
	struct buf whole = {0};
	struct features f = {.hide_sm = h->rules};

	h->resumable |= resume_grant(&item->element, scope) >= RESUME_LATER;
	if (is_ours(h, &item->element))
		return;
	h->serial += r == XSTREAM_ELEMENT && item->kind != STANZA_NONE;
	if (r == XSTREAM_FEATURES)
		features_edit(&whole, &item->element, scope, SLICE_NONE, 0, &f);
	else if (h->rules)
		xml_append(&whole, &item->element, scope, SLICE(NS_HTTPBIND), 1);
	else
		xml_append(&whole, &item->element, scope, SLICE_NONE, 0);
	if (h->rules)
		rules_server(h->rules, buf_slice(&whole), h->serial);
	else
		buf_adds(&h->down, buf_slice(&whole));
	buf_clear(&whole);
}

static void second_opinion(struct hub *h)
{
	enum xstream_result r = XSTREAM_ELEMENT;
	struct xstream_item item;

	note_restarts(h);
	while (r != XSTREAM_MORE && h->unread.len) {
		r = xstream_next(&h->second, buf_slice(&h->unread), &item);
		if (r == XSTREAM_ELEMENT || r == XSTREAM_FEATURES)
			owe(h, r, &item);
		buf_eat(&h->unread, item.consumed);
	}
}

/* As rules_turn() likes to see it. */
static void see_counts(const void *s, struct front_counts *c)
{
	struct session_facts f;

	session_facts(s, &f);
	*c = f.counts;
}

static bool see_attached(const void *s)
{
	return session_state(s) != SESSION_DETACHED;
}

static bool see_closed(const void *s)
{
	return session_state(s) == SESSION_DEAD;
}

static int64_t see_expiry(const void *s)
{
	return session_expiry(s);
}

static uint32_t see_proved(const void *s)
{
	struct session_facts f;

	session_facts(s, &f);
	return f.state < SESSION_CLOSING ? f.delivery.proved : 0; /* then a goodbye counts, too */
}

static const struct front_ops seen = {.counts = see_counts,
				      .attached = see_attached,
				      .closed = see_closed,
				      .expiry = see_expiry,
				      .proved = see_proved};

/* All that came was passed on, but for what waits where it may. */
static void judge_delivery(struct hub *h, const struct session_facts *f)
{
	bool wrote = h->leg == LEG_UP && !session_crowded(h->s);

	if (h->rules) {
		CLAIM(f->counts.queued || rules_all_down(h->rules));
		CLAIM(!wrote || rules_all_up(h->rules));
		return;
	}
	CLAIM(h->gone || h->goodbye || h->down.len == h->down_seen.len);
	CLAIM(!wrote || h->up.len == h->up_seen.len);
	CLAIM(!h->gone || session_expiry(h->s) != TIME_NEVER);
}

/* So long may its end take, ms. */
static int64_t hub_parting(const struct hub *h)
{
	const struct bosh_config *bosh = &h->env->bosh;
	int64_t wait = h->env->leave_wait + h->env->close_wait;

	if (!h->rules)
		return wait;
	return wait + (bosh->inactivity > bosh->maxpause ? bosh->inactivity : bosh->maxpause) +
	       2 * bosh->polling;
}

static void judge(struct hub *h)
{
	size_t queued, cap = h->env->client_queue;
	struct session_facts f;

	session_facts(h->s, &f);
	queued = f.counts.queued;
	h->dead = f.state == SESSION_DEAD;
	if (h->rules)
		rules_turn(h->rules, &seen, h->s, h->now, !session_crowded(h->s));
	CLAIM(session_expiry(h->s) > h->now);
	CLAIM(h->dead || !h->closing || h->now < h->closed_at + hub_parting(h));
	CLAIM(!h->dead || (h->leg == LEG_NONE && (h->rules || h->gone || h->parted)));
	if (h->closing)
		return;
	CLAIM(h->in.len <= h->env->backend_limits.bytes);
	CLAIM(queued <= (h->rules ? h->env->bosh.queue : h->env->websocket.queue) + MORE);
	if (see_attached(h->s) && queued > cap / 2)
		CLAIM(!h->reading || h->woken);
	CLAIM(h->reading || queued > cap / 4);
	judge_delivery(h, &f);
}

/* --- turns --- */

static void pump_with(struct hub *h, struct buf *in, size_t unsent)
{
	session_pump(h->s, in, unsent, h->now, &h->fx);
	if (session_state(h->s) >= SESSION_CLOSING && !h->closing) {
		h->closing = true;
		h->closed_at = h->now;
		if (h->rules)
			rules_closing(h->rules);
	}
	second_opinion(h);
	hub_carry_out(h);
	judge(h);
}

static void pump(struct hub *h)
{
	struct buf none = {0};
	bool up;

	if (h->leg == LEG_READY) {
		h->leg = LEG_UP;
		session_connected(h->s, h->now);
	} else if (h->leg == LEG_FAILED) {
		h->leg = LEG_NONE;
		session_disconnected(h->s, REASON_SERVER_UNREACHABLE, h->now);
	}
	up = h->leg == LEG_UP;
	pump_with(h, up ? &h->in : &none, up ? h->unsent : 0);
	if (h->leg == LEG_UP && h->eof && h->reading) {
		h->leg = LEG_NONE;
		session_disconnected(h->s, REASON_SERVER_LOST, h->now);
		pump_with(h, &none, 0);
	}
}

void hub_turn(struct hub *h)
{
	for (int i = 0; !h->dead; i++) {
		CLAIM(i < 100);
		pump(h);
		if (h->fresh && h->lively)
			session_drained(h->s, UINT32_MAX, true);
		else if (!session_crowded(h->s) || h->leg != LEG_UP || h->unsent)
			return;
		h->fresh = false;
	}
}

void hub_wait(struct hub *h, int64_t ms)
{
	int64_t end = h->now + ms;

	hub_turn(h); /* nothing is put off for longer */
	while (!h->dead && session_expiry(h->s) <= end) {
		h->now = session_expiry(h->s) > h->now ? session_expiry(h->s) : h->now;
		hub_turn(h);
	}
	h->now = end;
}

void hub_arrive(struct hub *h, size_t n)
{
	if (h->leg != LEG_UP || !h->reading || h->eof)
		return;
	if (n > h->wire.len)
		n = h->wire.len;
	buf_add(&h->in, buf_slice(&h->wire).p, n);
	buf_add(&h->unread, buf_slice(&h->wire).p, n);
	buf_eat(&h->wire, n);
}

void hub_begin(struct hub *h, const struct session_env *env, struct session *s, struct rules *rules,
	       int64_t now)
{
	h->env = env;
	h->s = s;
	h->rules = rules;
	h->now = now;
	h->taking = h->reading = true;
	xstream_init(&h->second, &env->backend_limits);
}

void hub_end(struct hub *h)
{
	session_close(h->s, REASON_SYSTEM_SHUTDOWN, h->now);
	hub_wait(h, hub_parting(h));
	CLAIM(h->dead);
	session_free(h->s);
	rules_free(h->rules);
	effects_clear(&h->fx);
	xstream_clear(&h->second);
	buf_clear(&h->wire);
	buf_clear(&h->in);
	buf_clear(&h->unread);
	buf_clear(&h->down);
	buf_clear(&h->down_seen);
	buf_clear(&h->up);
	buf_clear(&h->up_seen);
}

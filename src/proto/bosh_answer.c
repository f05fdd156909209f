/* The BOSH machine's way out. Elements are queued in the very buffer that becomes the answer, with
 * room in front for its start tag; the replay keeps a copy of exact size, and none of an empty
 * answer. */
#include "proto/bosh_priv.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

#define XMLNS_STREAM " xmlns:stream='" NS_STREAM "'"

enum {
	/* For what the answer travels in as well: an HTTP head goes in front without a move. */
	HEAD_ROOM = 256 + sizeof(BOSH_BODY XMLNS_STREAM ">") - 1,
	TAIL_ROOM = sizeof(" xmlns='" NS_CLIENT "'" BOSH_END),
	LINGER = 3000, /* ms: a client between two requests comes back by then to hear of the end */
	LINGER_SHUTDOWN = 500
};

bool bosh_legacy(const struct body *create)
{
	return create->ver_major == BODY_ABSENT;
}

int bosh_status(enum reason r, bool legacy)
{
	struct slice condition = slice_str(reason_condition(r));

	if (!legacy)
		return 200;
	if (slice_is(condition, "bad-request"))
		return 400;
	if (slice_is(condition, "policy-violation"))
		return 403;
	return slice_is(condition, "item-not-found") ? 404 : 200;
}

void bosh_terminal(struct buf *out, enum reason r)
{
	BUF_LIT(out, "<body type='terminate'");
	if (*reason_condition(r)) {
		BUF_LIT(out, " condition='");
		buf_addz(out, reason_condition(r));
		buf_addc(out, '\'');
	}
	BUF_LIT(out, " xmlns='" NS_HTTPBIND "'/>");
}

void bosh_see_other(struct buf *out, const char *uri)
{
	bosh_terminal(out, REASON_SEE_OTHER_URI);
	buf_cut(out, out->len - 2);
	BUF_LIT(out, "><uri>");
	xml_escape(out, slice_str(uri));
	BUF_LIT(out, "</uri>" BOSH_END);
}

/* XEP-0206 4: version and stream id go into the first answer, or into the next after it. */
void bosh_opened(void *f, const struct stream_info *info, int64_t now)
{
	struct bosh *b = f;

	(void)now;
	if (b->opened || b->closing)
		return;
	b->opened = true;
	front_attribute(&b->attrs, " authid='", info->id);
	front_attribute(&b->attrs, " xmpp:version='", info->version);
	if (b->begun && b->attrs.len)
		BUF_LIT(&b->attrs, " xmlns:xmpp='" NS_XBOSH "'");
}

/* The bit of the prefix that a <body/> lends where it is needed. */
static uint16_t lent_prefix(const struct xml_scope *scope)
{
	for (uint8_t i = 0; scope && i < scope->n; i++)
		if (slice_is(scope->v[i].prefix, "stream") && slice_is(scope->v[i].uri, NS_STREAM))
			return (uint16_t)(1u << i);
	return 0;
}

void bosh_element(void *f, const struct xml_element *e, const struct xml_scope *scope,
		  uint32_t serial, int64_t now)
{
	struct bosh *b = f;
	uint16_t supplied = lent_prefix(scope);

	(void)now;
	if (b->closing || b->failed != REASON_NONE)
		return;
	if (b->queue.len && !b->last && b->queue.len + e->bytes.n > b->c->queue) {
		bosh_fail(b, REASON_QUEUE_FULL);
		return;
	}
	if (b->queue.len == 0) {
		buf_room(&b->queue, HEAD_ROOM + e->bytes.n + TAIL_ROOM);
		buf_headroom(&b->queue, HEAD_ROOM);
	}
	b->serial = serial;
	b->stream |= (e->prefixes & supplied) || slice_starts(e->name, SLICE("stream:"));
	xml_append(&b->queue, e, scope, SLICE(NS_HTTPBIND), supplied);
}

/* The attributes that only the first answer has; it always declares both prefixes. */
static void begin(struct bosh *b)
{
	if (!b->opened)
		BUF_LIT(&b->attrs, " xmpp:version='1.0'");
	BUF_LIT(&b->attrs, " xmpp:restartlogic='true' xmlns:xmpp='" NS_XBOSH "'");
	b->stream = true;
	b->begun = true;
}

/* Puts what is queued between a start tag and an end tag; the queue is empty afterwards. */
static struct buf render(struct bosh *b)
{
	struct buf out = buf_take(&b->queue);

	b->answered = b->serial;
	if (!b->begun)
		begin(b);
	if (out.len) {
		BUF_LIT(&out, BOSH_END);
		buf_prepend(&out, ">", 1);
	} else {
		buf_headroom(&out, HEAD_ROOM + b->attrs.len);
		BUF_LIT(&out, "/>");
	}
	if (b->stream)
		buf_prepend(&out, XMLNS_STREAM, sizeof(XMLNS_STREAM) - 1);
	buf_prepend(&out, buf_slice(&b->attrs).p, b->attrs.len);
	buf_prepend(&out, BOSH_BODY, sizeof(BOSH_BODY) - 1);
	buf_clear(&b->attrs);
	b->stream = false;
	return out;
}

/* Whoever broke a rule was told so at once. To the others it was another request. */
static enum reason end_of(const struct bosh *b)
{
	return b->told ? REASON_OTHER_REQUEST : (enum reason)b->reason;
}

/* The last body of all, with what is still queued and the server's own error (XEP-0206 7). */
static struct buf render_terminal(struct bosh *b)
{
	struct buf out = {0};
	struct slice detail = b->more ? buf_slice(&b->more->detail) : SLICE_NONE;

	bosh_terminal(&out, end_of(b));
	if (b->queue.len == 0 && detail.n == 0)
		return out;
	buf_cut(&out, out.len - 2);
	if (b->stream || detail.n)
		BUF_LIT(&out, XMLNS_STREAM);
	buf_addc(&out, '>');
	buf_adds(&out, buf_slice(&b->queue));
	buf_adds(&out, detail);
	BUF_LIT(&out, BOSH_END);
	buf_clear(&b->queue);
	return out;
}

/* Takes answer. */
static void reply(const struct bosh *b, struct effects *fx, handle_t h, struct buf answer)
{
	bosh_reply(b, h, fx)->data = answer;
}

const struct bosh_answer bosh_unkept;

/* b->first is answered: what is kept of that. */
static void answered(struct bosh *b, const struct bosh_answer *a, int64_t now)
{
	bosh_via_answered(b);
	if (b->kept == bosh_room(b))
		bosh_drop(b);
	*bosh_kept(b, b->first) = (struct bosh_answer *)a;
	if (b->acks)
		b->more->sent[(uint64_t)b->first % bosh_room(b)] = now;
	*bosh_slot(b, b->first) = (struct bosh_request){0};
	b->kept++;
	b->first++;
}

/* The answer to b->first, which is answered by that. Answers that a client never acknowledges are
 * bounded in number and, but for the last few, by the bound of the queue. */
static void remember(struct bosh *b, struct slice answer, int64_t now)
{
	size_t same = sizeof(BOSH_BODY) - 1;
	struct bosh_answer *a = NULL;

	if (answer.n) {
		assert(slice_starts(answer, SLICE(BOSH_BODY)));
		a = mem_alloc(sizeof(*a) + answer.n - same);
		a->n = (uint32_t)(answer.n - same);
		a->serial = b->answered;
		memcpy(a->rest, answer.p + same, answer.n - same);
	}
	answered(b, a, now);
	while (b->kept > b->requests && b->acks && bosh_kept_bytes(b) > b->c->queue)
		bosh_drop(b);
}

static void attribute(struct buf *out, const char *name, int64_t n)
{
	buf_addz(out, name);
	buf_addu(out, (uint64_t)n);
	buf_addc(out, '\'');
}

/* XEP-0124 9.1: the highest rid that has come with all before it, unless it is the one answered. */
static void acknowledge(const struct bosh *b, struct buf *out)
{
	int64_t ack = bosh_expected(b) - 1;

	if (b->begun && ack > b->first)
		attribute(out, " ack='", ack);
}

static bool reporting(const struct bosh *b)
{
	return b->more && b->more->report;
}

static void report(struct bosh *b, int64_t now)
{
	int64_t rid = b->more->report;

	b->more->report = 0;
	attribute(&b->attrs, " report='", rid);
	attribute(&b->attrs, " time='", now - b->more->sent[(uint64_t)rid % bosh_room(b)]);
}

/* An answer to b->first that must have no payload. */
static struct buf render_empty(const struct bosh *b)
{
	struct buf out = {0};

	BUF_LIT(&out, BOSH_BODY);
	if (b->acks)
		acknowledge(b, &out);
	BUF_LIT(&out, "/>");
	return out;
}

/* What the repeat of a request gets that had nobody behind it when it was answered. */
static void answer_nobody(struct bosh *b, int64_t now)
{
	struct buf out = {0};

	if (b->acks)
		out = render_empty(b);
	remember(b, buf_slice(&out), now);
	buf_clear(&out);
}

/* XEP-0124 10: no payload; and it is not kept, so that its repeat finds nothing. */
static void answer_pause(struct bosh *b, int64_t now, struct effects *fx)
{
	handle_t h = bosh_slot(b, b->first)->h;

	if (h) {
		b->idle = now;
		reply(b, fx, h, render_empty(b));
	}
	answered(b, &bosh_unkept, now);
}

/* Answers b->first. A request with nobody behind it gets an empty answer, for its repeat to find;
 * the payload goes to one who is there. */
static void answer(struct bosh *b, int64_t now, struct effects *fx)
{
	handle_t h = bosh_slot(b, b->first)->h;
	struct buf out;

	if (bosh_slot(b, b->first)->pause) {
		answer_pause(b, now, fx);
		return;
	}
	if (!h) {
		answer_nobody(b, now);
		return;
	}
	b->idle = now;
	if (b->queue.len && b->more)
		b->more->polled = 0;
	if (b->acks)
		acknowledge(b, &b->attrs);
	if (reporting(b))
		report(b, now);
	if (b->queue.len == 0 && b->attrs.len == 0) {
		remember(b, SLICE_NONE, now);
		reply(b, fx, h, buf_copy(SLICE(BOSH_EMPTY)));
		return;
	}
	out = render(b);
	remember(b, buf_slice(&out), now);
	reply(b, fx, h, out);
}

/* One past the last rid to be answered now. Answers leave in rid order, so whoever must go takes
 * those before him along: a pause, one whose wait is over, one with a request behind it on its
 * connection, the oldest where more than `hold` are held, and the oldest of all when there is
 * something to say: payload, or that an answer seems lost. */
static int64_t due(const struct bosh *b, int64_t now)
{
	uint32_t live = 0, before = 0;
	int64_t end = b->first;

	for (int64_t rid = b->first; rid < b->cursor; rid++)
		live += bosh_slot(b, rid)->h != 0;
	for (int64_t rid = b->first; rid < b->cursor; rid++) {
		const struct bosh_request *r = bosh_slot(b, rid);

		if (!r->h)
			continue;
		if (live - before > b->hold || r->hurry || r->pause || now >= bosh_deadline(b, r) ||
		    (before == 0 && (b->queue.len || reporting(b))))
			end = rid + 1;
		before++;
	}
	return end;
}

/* Tells the web side of requests that stay, how long that may be. */
static void announce(struct bosh *b, int64_t now, struct effects *fx)
{
	for (int64_t rid = b->first; rid < bosh_limit(b); rid++) {
		struct bosh_request *r = bosh_slot(b, rid);
		int64_t left = bosh_deadline(b, r) - now;

		if (!r->h || r->announced)
			continue;
		r->announced = true;
		effects_add(fx, EFFECT_HELD, r->h)->ms = left > 0 ? left : 0;
	}
}

/* What it said will never be taken: an empty answer would tell the client that it was. */
static bool is_unheard(const struct bosh_request *r)
{
	return r->body && r->body->payload.n;
}

/* XEP-0124 13: the oldest request hears of the end, the others get an empty answer, save those
 * whose payload came too late. Where two are there and payload is queued, the oldest gets that by
 * itself: some clients look at nothing else in a terminal body. */
static void finish(struct bosh *b, int64_t now, struct effects *fx)
{
	uint32_t live = bosh_live(b);
	bool told = false;

	if (live == 0) {
		b->closed = now >= b->more->linger;
		return;
	}
	for (int64_t rid = b->first; rid < bosh_limit(b); rid++) {
		struct bosh_request *r = bosh_slot(b, rid);

		if (!r->h)
			continue;
		if (!told && live > 1 && b->queue.len && !is_unheard(r)) {
			reply(b, fx, r->h, render(b));
		} else {
			bool empty = told && !is_unheard(r);
			struct effect *e = bosh_reply(b, r->h, fx);

			e->data = empty ? buf_copy(SLICE(BOSH_EMPTY)) : render_terminal(b);
			e->code = empty ? 200 : bosh_status(end_of(b), b->legacy);
			told = true;
		}
		r->h = 0;
		live--;
	}
	b->closed = true;
}

/* Until when a client without a request may come to hear of the end. What the server ended has
 * nobody to go back to: it may be fetched for as long as the client might have stayed away. */
static int64_t lingers_until(const struct bosh *b, enum reason r, int64_t now)
{
	int64_t soon = now + LINGER + (bosh_polls(b) && !b->told ? b->c->polling : 0);
	int64_t late = b->idle + bosh_patience(b);

	/* Nobody comes back who said goodbye, or who was not heard of for so long. */
	if (r == REASON_CLIENT_CLOSED || r == REASON_CLIENT_LOST || r == REASON_INACTIVITY)
		return now;
	/* No new connection is taken: only what is on its way can still come. */
	if (r == REASON_SYSTEM_SHUTDOWN)
		return now + LINGER_SHUTDOWN;
	return reason_of_server(r) && late > soon ? late : soon;
}

void bosh_close(void *f, enum reason r, struct slice detail, int64_t now)
{
	struct bosh *b = f;
	int64_t until = lingers_until(b, r, now);

	if (b->closing) {
		if (r == REASON_SYSTEM_SHUTDOWN && until < b->more->linger)
			b->more->linger = until;
		return;
	}
	b->closing = true;
	b->reason = (uint8_t)r;
	/* Most clients that say goodbye look at nothing that comes with the answer to it. */
	if (r == REASON_CLIENT_CLOSED)
		buf_clear(&b->queue);
	bosh_more(b)->linger = until;
	if (r == REASON_SERVER_ERROR)
		bosh_more(b)->detail = buf_copy(detail);
}

void bosh_flush(void *f, int64_t now, struct effects *fx)
{
	struct bosh *b = f;
	int64_t end;

	body_free(MEM_TAKE(b->lent));
	if (b->closed)
		return;
	if (b->closing) {
		finish(b, now, fx);
		return;
	}
	end = due(b, now);
	while (b->first < end)
		answer(b, now, fx);
	announce(b, now, fx);
}

/* A second, simpler opinion on what the BOSH machine does: it keeps everything, for ever, and
 * compares. */
#include "front_rules.h"
#include "base/mem.h"
#include "proto/key.h"

#include <stdio.h>
#include <stdlib.h>

#define EMPTY "<body xmlns='" NS_HTTPBIND "'/>"

struct asked {
	handle_t h;
	int64_t rid;
	bool open;   /* neither answered nor gone */
	bool held;   /* EFFECT_HELD came */
	bool forged; /* a repeat with another key */
};

struct rules {
	const struct bosh_config *c;
	struct asked *asked;
	size_t n, cap;
	int64_t base;	     /* the creation's rid */
	struct buf *answers; /* first answers, of base + i */
	size_t answered, room;
	struct buf up, up_seen; /* payload as the client sent it, in rid order; as events came */
	struct buf *bodies;	/* payload of base + i; mem NULL: not asked yet */
	bool *came, *pauses;
	size_t *sent; /* bytes of `down` in the answers up to that of base + i */
	size_t
	    *ends; /* where in `down` the stanza of serial i + 1 ends; SIZE_MAX: it was refused */
	uint32_t serials;
	int64_t known; /* the highest rid whose answer the client must have; without acks */
	bool loose;    /* it does not keep its window */
	struct buf *keys, *newkeys; /* of base + i */
	bool keyed, legacy;
	struct buf content;	    /* what the client asks for; empty: the usual */
	struct buf down, down_seen; /* elements from the server; as answers brought them */
	uint32_t hold, requests;
	int64_t wait;
	bool acks;     /* both sides acknowledge */
	int64_t acked; /* the highest rid whose answer the client says it has */
	bool closing, doomed;
};

void rules_broken(const char *rule, const char *what)
{
	fprintf(stderr, "rule broken: %s\n  %s\n", rule, what);
	abort();
}

static void must(bool holds, const char *rule, struct slice what)
{
	if (!holds) {
		char *text = mem_strndup(what.n ? what.p : "", what.n);

		rules_broken(rule, text);
	}
}

struct rules *rules_new(const struct bosh_config *c)
{
	struct rules *r = mem_zalloc(sizeof(*r));

	r->c = c;
	r->base = -1;
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->room; i++) {
		buf_clear(&r->answers[i]);
		buf_clear(&r->bodies[i]);
		buf_clear(&r->keys[i]);
		buf_clear(&r->newkeys[i]);
	}
	free(r->keys);
	free(r->newkeys);
	free(r->answers);
	free(r->bodies);
	free(r->came);
	free(r->pauses);
	free(r->sent);
	free(r->ends);
	free(r->asked);
	buf_clear(&r->content);
	buf_clear(&r->up);
	buf_clear(&r->up_seen);
	buf_clear(&r->down);
	buf_clear(&r->down_seen);
	free(r);
}

static void make_room(struct rules *r, size_t i)
{
	size_t was = r->room;

	if (i < was)
		return;
	r->room = i + 16;
	r->answers = mem_realloc(r->answers, r->room * sizeof(*r->answers));
	r->bodies = mem_realloc(r->bodies, r->room * sizeof(*r->bodies));
	r->came = mem_realloc(r->came, r->room * sizeof(*r->came));
	r->keys = mem_realloc(r->keys, r->room * sizeof(*r->keys));
	r->newkeys = mem_realloc(r->newkeys, r->room * sizeof(*r->newkeys));
	r->pauses = mem_realloc(r->pauses, r->room * sizeof(*r->pauses));
	r->sent = mem_realloc(r->sent, r->room * sizeof(*r->sent));
	for (i = was; i < r->room; i++) {
		r->answers[i] = r->bodies[i] = r->keys[i] = r->newkeys[i] = (struct buf){0};
		r->came[i] = r->pauses[i] = false, r->sent[i] = 0;
	}
}

static struct asked *find(struct rules *r, handle_t h)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->asked[i].h == h)
			return &r->asked[i];
	return NULL;
}

/* The last asker for a rid counts, the others are owed an error at most. */
static struct asked *latest(struct rules *r, int64_t rid)
{
	struct asked *a = NULL;

	for (size_t i = 0; i < r->n; i++)
		if (r->asked[i].rid == rid)
			a = &r->asked[i];
	return a;
}

/* Whoever may send this rid has every answer up to `requests` before it. */
static int64_t newest(const struct rules *r)
{
	int64_t rid = r->base;

	for (size_t i = 0; i < r->n; i++)
		if (r->asked[i].rid > rid)
			rid = r->asked[i].rid;
	return rid;
}

static void begin(struct rules *r, const struct body *create)
{
	r->base = create->rid;
	r->acks = create->ack == 1;
	r->keyed = create->newkey.p;
	r->legacy = create->ver_major == BODY_ABSENT;
	if (!slice_is(slice_trim(create->content), "text/xml; charset=utf-8"))
		r->content = buf_copy(slice_trim(create->content));
	r->hold =
	    (uint32_t)(create->hold >= 0 && create->hold < r->c->hold ? create->hold : r->c->hold);
	if (create->hold < 0 && r->hold > 1)
		r->hold = 1;
	r->requests = r->hold < 1 ? 2 : r->hold + 1;
	r->wait = create->wait >= 0 && create->wait * 1000 < r->c->wait ? create->wait
									: r->c->wait / 1000;
}

/* Who acknowledges and leaves `ack` away has everything before. Nobody has what was not answered.
 */
static void acknowledged(struct rules *r, const struct body *body)
{
	int64_t first = r->base + (int64_t)r->answered;
	int64_t ack = body->ack == BODY_ABSENT ? body->rid - 1 : body->ack;

	if (ack >= first || body->ack == BODY_BAD)
		return;
	if (ack > r->acked)
		r->acked = ack;
}

static bool is_pause(const struct rules *r, const struct body *body)
{
	return r->answered > 0 && body->pause >= 0 && body->pause * 1000 <= r->c->maxpause &&
	       r->c->maxpause >= 1000;
}

/* What a new request tells of the answers before it. */
static void learn(struct rules *r, const struct body *body)
{
	int64_t open = r->base + (int64_t)r->answered;
	bool last = body->type == BODY_TYPE_TERMINATE || is_pause(r, body);
	bool empty = !body->payload.n && !body->restart && body->type == BODY_TYPE_NONE &&
		     body->pause == BODY_ABSENT;
	bool polls = !r->hold || !r->wait;
	int64_t known;

	r->loose |= !last && body->rid >= open + r->requests;
	r->loose |= r->hold == 1 && empty && body->rid > open;
	known = body->rid - r->requests - (last || r->loose);
	if (r->hold == 1 && !polls && !r->loose && empty && body->rid == open)
		known = body->rid - 1;
	if (known > r->known)
		r->known = known;
}

void rules_asked(struct rules *r, handle_t h, const struct body *body)
{
	struct asked *a = find(r, h);

	must(!a, "each request has its own handle", SLICE_NONE);
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		r->asked = mem_realloc(r->asked, r->cap * sizeof(*r->asked));
	}
	r->asked[r->n++] = (struct asked){.h = h, .rid = body->rid, .open = true};
	if (r->base < 0)
		begin(r, body);
	if (body->rid >= r->base && body->rid < r->base + (int64_t)r->answered + 64) {
		size_t i = (size_t)(body->rid - r->base);

		make_room(r, i);
		if (!r->came[i]) {
			if (r->acks && i > 0)
				acknowledged(r, body);
			else if (i > 0)
				learn(r, body);
			r->bodies[i] = buf_copy(body->payload);
			r->came[i] = true;
			r->pauses[i] = is_pause(r, body);
			r->keys[i] = buf_copy(body->key);
			r->newkeys[i] = buf_copy(body->newkey);
		} else if (r->keyed) {
			r->asked[r->n - 1].forged =
			    i == 0 || !slice_eq_nocase(buf_slice(&r->keys[i]), body->key);
		}
	}
}

void rules_gone(struct rules *r, handle_t h)
{
	struct asked *a = find(r, h);

	if (a)
		a->open = false;
}

/* XEP-0124 15: the key of base + i stands before the one of the request before. */
static bool key_fits(const struct rules *r, size_t i)
{
	uint8_t key[KEY_BYTES];

	if (!r->keyed || i == 0)
		return true;
	return key_read(key,
			buf_slice(r->newkeys[i - 1].len ? &r->newkeys[i - 1] : &r->keys[i - 1])) &&
	       key_precedes(buf_slice(&r->keys[i]), key);
}

/* What the client said so far that may go up. */
static void gather(struct rules *r)
{
	buf_reset(&r->up);
	for (size_t i = 0; i < r->room && r->came[i] && key_fits(r, i); i++)
		buf_adds(&r->up, buf_slice(&r->bodies[i]));
}

/* Events bring the payload of all requests in rid order, each once. */
void rules_payload(struct rules *r, const struct front_event *e)
{
	gather(r);
	buf_adds(&r->up_seen, e->payload);
	must(slice_starts(buf_slice(&r->up), buf_slice(&r->up_seen)),
	     "payload goes up in rid order, once", e->payload);
}

void rules_server(struct rules *r, struct slice element, uint32_t serial)
{
	buf_adds(&r->down, element);
	if (serial == r->serials)
		return;
	r->ends = mem_realloc(r->ends, serial * sizeof(*r->ends));
	while (r->serials < serial)
		r->ends[r->serials++] = SIZE_MAX;
	r->ends[serial - 1] = r->down.len;
}

/* Only what stood in an answer that the client must have is proved. */
static void must_be_there(struct rules *r, uint32_t proved)
{
	int64_t rid = r->acks ? r->acked : r->known, last = r->base + (int64_t)r->answered - 1;
	size_t bytes;

	if (rid > last)
		rid = last;
	bytes = rid < r->base ? 0 : r->sent[rid - r->base];
	must(proved == 0 || (proved <= r->serials && r->ends[proved - 1] <= bytes),
	     "what is proved was in answers that the client has", SLICE_NONE);
}

bool rules_all_down(const struct rules *r)
{
	return r->down.len == r->down_seen.len;
}

bool rules_all_up(struct rules *r)
{
	gather(r);
	return r->up.len == r->up_seen.len;
}

void rules_closing(struct rules *r)
{
	r->closing = true;
}

/* The elements inside a body. */
static struct slice inside(struct slice body)
{
	const char *from = memchr(body.p, '>', body.n);
	size_t tail = sizeof("</body>") - 1;

	if (!from || body.n < tail || memcmp(body.p + body.n - tail, "</body>", tail) != 0)
		return SLICE("");
	return slice_of(from + 1, (size_t)(body.p + body.n - tail - from - 1));
}

static void must_go_on(struct rules *r, struct slice answer)
{
	buf_adds(&r->down_seen, inside(answer));
	must(slice_starts(buf_slice(&r->down), buf_slice(&r->down_seen)),
	     "payload comes down in rid order, once", answer);
}

/* Rids that are passed over were asked for by nobody who is still there: an empty answer waits. */
static void must_follow(struct rules *r, size_t i, struct slice answer)
{
	make_room(r, i);
	for (; r->answered < i; r->answered++) {
		struct asked *a = latest(r, r->base + (int64_t)r->answered);

		must(a && !a->open, "answers leave in rid order", answer);
		r->sent[r->answered] = r->down_seen.len;
		if (!r->acks) /* else it has an `ack`, that of this moment */
			r->answers[r->answered] = buf_copy(SLICE(EMPTY));
	}
	r->answers[r->answered++] = buf_copy(answer);
	must_go_on(r, answer);
	r->sent[i] = r->down_seen.len;
}

/* The number in an attribute of the start tag; -1 where there is none. */
static int64_t attribute(struct slice answer, const char *name)
{
	size_t n = (size_t)((const char *)memchr(answer.p, '>', answer.n) - answer.p);
	const char *at = memmem(answer.p, n, name, strlen(name));

	return at ? strtoll(at + strlen(name), NULL, 10) : -1;
}

/* XEP-0124 9: `ack` where there is more than the rid itself to acknowledge, and a report of what
 * was answered and is not acknowledged. */
static void must_acknowledge(struct rules *r, int64_t rid, struct slice answer)
{
	int64_t ack = attribute(answer, " ack='"), report = attribute(answer, " report='");
	size_t i = 0;

	while (i < r->room && r->came[i])
		i++;
	if (rid == r->base)
		must(ack == (r->acks ? rid : -1), "the first answer says whether acks come",
		     answer);
	else if (!r->acks || r->base + (int64_t)i - 1 <= rid)
		must(ack < 0, "no needless ack", answer);
	else
		must(ack == r->base + (int64_t)i - 1, "the highest rid is acknowledged", answer);
	must(report < 0 || (r->acks && report > r->acked && report < rid),
	     "only what was answered can be lost", answer);
	must(report < 0 || attribute(answer, " time='") >= 0, "a report tells how long ago",
	     answer);
}

static bool is_type(struct slice answer, const char *type)
{
	return slice_starts(answer, slice_str(type));
}

/* Without acks, the window says what a client has got. With them, it says so itself, and of what
 * it never acknowledges the last sixteen answers are kept, if they are not too large. */
static bool is_forgotten(struct rules *r, int64_t rid)
{
	size_t bytes = 0;

	if (r->pauses[rid - r->base])
		return true;
	if (!r->acks)
		return rid <= newest(r) - r->requests;
	if (rid <= r->acked || rid < r->base + (int64_t)r->answered - 16)
		return true;
	for (size_t i = (size_t)(rid - r->base); i < r->answered; i++)
		bytes += r->answers[i].len + 100;
	return rid < r->base + (int64_t)r->answered - r->requests && bytes > r->c->queue;
}

/* Refused is what was answered too long ago, and whoever breaks a rule that ends the session. */
static void ended(struct rules *r, const struct asked *a, struct slice answer)
{
	int64_t first = r->base + (int64_t)r->answered;

	if (r->closing && inside(answer).n && !memmem(answer.p, answer.n, "<stream:error", 13))
		must_go_on(r, answer);
	if (r->closing || a->rid < 0)
		return;
	must(a->rid >= first || a->rid < r->base || a->forged || is_forgotten(r, a->rid),
	     "repeats find their answer", answer);
	r->doomed |= a->rid >= first;
}

static void replied(struct rules *r, const struct effect *e)
{
	struct slice answer = buf_slice(&e->data);
	struct asked *a = find(r, e->handle);
	size_t i;

	must(a && a->open, "each request is answered once", answer);
	must(e->code == 200 || (r->legacy && is_type(answer, "<body type='terminate'")),
	     "the status is 200, but for ends of old clients", answer);
	must(slice_eq(buf_slice(&r->content), slice_str(e->content ? e->content : "")),
	     "all answers have the type that was asked for", answer);
	a->open = false;
	if (is_type(answer, "<body type='error'")) {
		must(latest(r, a->rid) != a, "only the older copy is told to repeat", answer);
		return;
	}
	if (is_type(answer, "<body type='terminate'")) {
		ended(r, a, answer);
		return;
	}
	must(is_type(answer, "<body xmlns='" NS_HTTPBIND "'"), "an answer is a body", answer);
	must(r->closing || !a->forged, "a repeat has the key of its first copy", answer);
	must(a->rid >= r->base, "a rid never seen is refused", answer);
	i = (size_t)(a->rid - r->base);
	make_room(r, i);
	if (r->pauses[i]) {
		must(r->closing || inside(answer).n == 0, "a pause gets no payload", answer);
		must(i >= r->answered, "the answer to a pause is not kept", answer);
	}
	if (i < r->answered && !r->answers[i].mem) {
		must(inside(answer).n == 0, "who was passed over gets nothing", answer);
		r->answers[i] = buf_copy(answer);
	} else if (i < r->answered)
		must(slice_eq(buf_slice(&r->answers[i]), answer), "a repeat gets the same bytes",
		     answer);
	else if (!r->closing) {
		must(key_fits(r, i), "who is answered has the next key", answer);
		must_acknowledge(r, a->rid, answer);
		must_follow(r, i, answer);
	} else if (inside(answer).n)
		must_go_on(r, answer);
}

void rules_effect(struct rules *r, const struct effect *e)
{
	struct asked *a = find(r, e->handle);

	if (e->type == EFFECT_REPLY) {
		replied(r, e);
		return;
	}
	must(e->type == EFFECT_HELD, "BOSH answers and holds, nothing else", SLICE_NONE);
	must(a && a->open && !a->held, "who waits is told once", SLICE_NONE);
	must(e->ms >= 0 && e->ms <= r->c->wait, "nobody waits longer than granted", SLICE_NONE);
	a->held = true;
}

void rules_turn(struct rules *r, const struct front_ops *ops, const void *f, int64_t now,
		bool pulled)
{
	struct front_counts c;
	uint32_t open = 0;

	ops->counts(f, &c);
	for (size_t i = 0; i < r->n; i++) {
		const struct asked *a = &r->asked[i];

		open += a->open;
		must(!a->open || a->held, "who waits is told", SLICE_NONE);
	}
	must(ops->attached(f) || open == 0, "attached while somebody waits", SLICE_NONE);
	must(!r->doomed || r->closing, "a live session refuses only strange rids", SLICE_NONE);
	must(!ops->closed(f) || open == 0, "nobody waits for ever", SLICE_NONE);
	must(c.held + c.waiting >= open, "counts tell of all", SLICE_NONE);
	must(!pulled || ops->closed(f) || c.held <= r->hold, "no more are held than granted",
	     SLICE_NONE);
	must(c.waiting <= r->requests + 1, "the window is bounded", SLICE_NONE);
	must(c.queued <= (size_t)r->c->queue + 65536, "the queue is bounded", SLICE_NONE);
	must_be_there(r, ops->proved(f));
	must(ops->expiry(f) > now, "time is never asked for twice", SLICE_NONE);
}

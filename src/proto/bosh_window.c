/* The BOSH machine's way in: which requests are new, which are repeats, which are too many
 * (XEP-0124 11, 14). Nothing is answered here but those who have no claim to a turn. */
#include "proto/bosh_priv.h"
#include "base/mem.h"

#include <stdlib.h>

/* ms after which an answer without acknowledgement is more likely lost than on its way. */
enum { REPORT_AFTER = 500 };

/* ms that later requests wait for one that has not come. A page that is left just before its
 * request goes out never sends it, and its successor does not know that: they would wait for ever.
 * Longer than a client whose request was cut off takes to repeat it: Strophe.js does so after 8 and
 * another 27 s. */
enum { MISSING_MAX = 45000 };

uint32_t bosh_live(const struct bosh *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < bosh_size(b); i++)
		n += b->slot[i].h != 0;
	return n;
}

/* The first answer carries the sid, so it waits for the features only so long. */
int64_t bosh_deadline(const struct bosh *b, const struct bosh_request *r)
{
	int64_t wait = b->wait * 1000;

	if (!b->begun && b->c->features_wait < wait)
		wait = b->c->features_wait;
	return r->since + wait;
}

static struct bosh_request *find(struct bosh *b, handle_t h)
{
	for (uint32_t i = 0; i < bosh_size(b); i++)
		if (h && b->slot[i].h == h)
			return &b->slot[i];
	return NULL;
}

int64_t bosh_next_rid(const struct bosh *b)
{
	return bosh_expected(b);
}

int64_t bosh_expected(const struct bosh *b)
{
	int64_t rid = b->cursor;

	while (rid < bosh_limit(b) && bosh_slot(b, rid)->body)
		rid++;
	return rid;
}

/* Whether the rids that have come have a hole, and since when. */
static void look_for_missing(struct bosh *b, int64_t now)
{
	int64_t rid = bosh_expected(b), at = rid + 1;

	while (at < bosh_limit(b) && !bosh_slot(b, at)->body)
		at++;
	if (at >= bosh_limit(b)) {
		if (b->more)
			b->more->missing = 0;
	} else if (bosh_more(b)->missing != rid) {
		b->more->missing = rid;
		b->more->missing_since = now;
	}
}

int64_t bosh_missing_until(const struct bosh *b)
{
	return b->more && b->more->missing ? b->more->missing_since + MISSING_MAX : TIME_NEVER;
}

static struct buf *reply(const struct bosh *b, struct effects *fx, handle_t h)
{
	return &bosh_reply(b, h, fx)->data;
}

static void refuse(const struct bosh *b, struct effects *fx, handle_t h, enum reason r)
{
	struct effect *e = bosh_reply(b, h, fx);

	bosh_terminal(&e->data, r);
	e->code = bosh_status(r, b->legacy);
}

/* XEP-0124 10: whatever comes after a pause ends it. */
static void resume(struct bosh *b)
{
	if (b->more)
		b->more->pause = 0;
}

/* Below the oldest kept answer nothing is known any more: this asker is told so, and the session
 * goes on, for it may be an old packet or a guess. */
static void repeat_answered(struct bosh *b, handle_t h, const struct body *r, int64_t now,
			    struct effects *fx)
{
	int64_t rid = r->rid;
	const struct bosh_answer *a = *bosh_kept(b, rid);
	struct buf *out;

	if (rid < b->first - b->kept || a == &bosh_unkept) {
		refuse(b, fx, h, REASON_ITEM_NOT_FOUND);
		return;
	}
	b->idle = now;
	resume(b);
	bosh_via_repeated(b, r);
	if (b->more && b->more->report == rid)
		b->more->report = 0;
	out = reply(b, fx, h);
	BUF_LIT(out, BOSH_BODY);
	buf_adds(out, a ? slice_of(a->rest, a->n) : SLICE("/>"));
}

/* XEP-0124 14.3: the older copy gets a recoverable error, the newer one the answer to come. */
static void repeat_open(struct bosh *b, handle_t h, const struct body *copy, int64_t now,
			struct effects *fx)
{
	struct bosh_request *r = bosh_slot(b, copy->rid);

	bosh_via_came(b, copy);
	if (!r->pause)
		resume(b);
	if (r->h)
		BUF_LIT(reply(b, fx, r->h), "<body type='error' xmlns='" NS_HTTPBIND "'/>");
	r->h = h;
	r->since = now;
	r->hurry = r->announced = false;
}

static bool is_empty(const struct body *r)
{
	return r->payload.n == 0 && !r->restart && r->type == BODY_TYPE_NONE &&
	       r->pause == BODY_ABSENT;
}

/* XEP-0124 12: empty polls that come faster than granted, while there is nothing to fetch. A
 * quarter is allowed for the network, which may delay the one and not the other. */
static bool polls_too_fast(struct bosh *b, const struct body *r, int64_t now)
{
	struct bosh_more *more;
	bool fast = false;

	if (!bosh_polls(b))
		return false;
	more = bosh_more(b);
	if (is_empty(r))
		fast = more->polled && now - more->polled < b->c->polling - b->c->polling / 4;
	more->polled = is_empty(r) ? now : 0;
	return fast;
}

static void break_rule(struct bosh *b, handle_t h, enum reason why, struct effects *fx)
{
	if (h)
		refuse(b, fx, h, why);
	if (b->closing || b->failed != REASON_NONE)
		return;
	b->told = h != 0;
	bosh_fail(b, why);
}

void bosh_forget(struct bosh *b)
{
	int64_t rid = b->first - b->kept--;
	struct bosh_answer *a = MEM_TAKE(*bosh_kept(b, rid));

	if (a != &bosh_unkept)
		free(a);
	if (b->more && b->more->report == rid)
		b->more->report = 0;
}

/* What was in it is proved with the first later answer that the client has, and not before. */
void bosh_drop(struct bosh *b)
{
	const struct bosh_answer *a = *bosh_kept(b, b->first - b->kept);

	if (a && a != &bosh_unkept) {
		bosh_more(b)->dropped = b->first - b->kept;
		bosh_more(b)->dropped_serial = a->serial;
	}
	bosh_forget(b);
}

/* A client that broke a rule may have broken those of proof as well; and an end has its account
 * made. */
static void prove_serial(struct bosh *b, uint32_t serial)
{
	if (b->closing || b->failed != REASON_NONE)
		return;
	if (serial_after(serial, b->proved))
		b->proved = serial;
}

/* The client has all answers up to that of rid. */
static void prove(struct bosh *b, int64_t rid)
{
	if (b->more && b->more->dropped && b->more->dropped <= rid) {
		prove_serial(b, b->more->dropped_serial);
		b->more->dropped = 0;
	}
	for (int64_t at = b->first - b->kept; at < b->first && at <= rid; at++) {
		const struct bosh_answer *a = *bosh_kept(b, at);

		if (a && a != &bosh_unkept)
			prove_serial(b, a->serial);
	}
}

size_t bosh_kept_bytes(const struct bosh *b)
{
	size_t n = 0;

	for (uint32_t i = 0; i < bosh_room(b); i++)
		n += *bosh_kept(b, i) ? (*bosh_kept(b, i))->n : 0;
	return n;
}

/* XEP-0124 9.2: without `ack`, the client has all answers before rid. That cannot be where one of
 * them is still due, nor can an `ack` of one that is; then it tells nothing. An answer that left
 * some time ago and is not acknowledged may be lost: the next one tells. */
static void acknowledged(struct bosh *b, const struct body *r, int64_t now)
{
	int64_t last = b->first - 1, ack = r->ack == BODY_ABSENT ? r->rid - 1 : r->ack;
	struct bosh_more *more = b->more;

	if (ack > last)
		return;
	/* The answer to a pause has nothing in it and is not kept: it may be lost. */
	while (ack < last && ack + 1 >= b->first - b->kept &&
	       *bosh_kept(b, ack + 1) == &bosh_unkept)
		ack++;
	prove(b, ack);
	while (b->kept && b->first - b->kept <= ack)
		bosh_forget(b);
	if (more->report <= ack)
		more->report = 0;
	if (ack < last && ack + 1 == b->first - b->kept &&
	    now - more->sent[(uint64_t)(ack + 1) % bosh_room(b)] >= REPORT_AFTER)
		more->report = ack + 1;
}

/* A client that keeps the window tells by rid that it has all answers up to rid - requests; a pause
 * or a terminate may be one more. Who has once sent more, or polled while we had not answered all,
 * does not keep it: then one less is proved. */
static int64_t proved_by_window(struct bosh *b, const struct body *r, bool last)
{
	b->loose |= (!last && r->rid >= b->first + b->requests) ||
		    (b->hold == 1 && is_empty(r) && r->rid > b->first);
	return r->rid - b->requests - (last || b->loose);
}

/* XEP-0124 10: a new request is made as soon as none is held, so an empty one beside which none is
 * open comes from a client that has every answer. One that polls by the clock has not. */
static bool polls_for_want_of_any(const struct bosh *b, const struct body *r)
{
	return b->hold == 1 && !bosh_polls(b) && !b->loose && is_empty(r) && r->rid == b->first;
}

/* What the client has is proved, and kept no longer, but for as many answers as `requests`
 * (XEP-0124 14.3; pauses aside). */
static void forget_proved(struct bosh *b, const struct body *r, bool last, int64_t now)
{
	int64_t proved;
	uint32_t serial;

	if (b->acks) {
		acknowledged(b, r, now);
		return;
	}
	proved = proved_by_window(b, r, last);
	if (bosh_via_proves(b, r, &serial))
		prove_serial(b, serial);
	else
		prove(b, polls_for_want_of_any(b, r) ? r->rid - 1 : proved);
	for (int64_t rid = b->first - b->kept; rid < b->first; rid++)
		proved -= *bosh_kept(b, rid) == &bosh_unkept;
	while (b->kept && b->first - b->kept <= proved)
		bosh_forget(b);
}

/* One that came ahead of its turn, with a key that no longer fits, is not to be processed. */
static void refuse_misfit(struct bosh *b, struct effects *fx)
{
	struct bosh_request *r = bosh_key_misfit(b);

	if (!r)
		return;
	break_rule(b, r->h, REASON_ITEM_NOT_FOUND, fx);
	body_free(r->body);
	*r = (struct bosh_request){0};
}

/* Whether the request was kept, for its rid is new and near enough. */
static bool admit(struct bosh *b, handle_t h, struct body *r, int64_t now, struct effects *fx)
{
	struct bosh_request *slot = bosh_slot(b, r->rid);
	bool last = r->type == BODY_TYPE_TERMINATE || bosh_pauses(b, r);

	/* The turn in which a rule was broken is not over: what comes behind is not processed. */
	if (b->failed != REASON_NONE && !b->closing) {
		refuse(b, fx, h, b->told ? REASON_OTHER_REQUEST : (enum reason)b->failed);
		return false;
	}
	/* One more than granted is allowed to end or to pause (XEP-0124 11). */
	if (r->rid >= bosh_expected(b) + b->requests + last) {
		break_rule(b, h, REASON_ITEM_NOT_FOUND, fx);
		return false;
	}
	if (r->ack == BODY_BAD || r->pause == BODY_BAD) {
		break_rule(b, h, REASON_BAD_REQUEST, fx);
		return false;
	}
	if (r->rid >= bosh_limit(b) || polls_too_fast(b, r, now)) {
		break_rule(b, h, REASON_OVERACTIVITY, fx);
		return false;
	}
	if (!bosh_key_fits(b, r)) {
		break_rule(b, h, REASON_ITEM_NOT_FOUND, fx);
		return false;
	}
	*slot = (struct bosh_request){.h = h, .body = r, .since = now};
	bosh_via_came(b, r);
	refuse_misfit(b, fx);
	resume(b);
	forget_proved(b, r, last, now);
	return true;
}

static bool is_open(const struct bosh *b, int64_t rid)
{
	return rid < b->cursor || (rid < bosh_limit(b) && bosh_slot(b, rid)->body);
}

/* Whether the request was kept. */
static bool take(struct bosh *b, handle_t h, struct body *r, int64_t now, struct effects *fx)
{
	if (find(b, h)) /* a letter that came twice */
		return false;
	if (r->rid >= b->first && !b->closed && !is_open(b, r->rid))
		return admit(b, h, r, now, fx);
	if (r->rid < 0)
		refuse(b, fx, h, REASON_BAD_REQUEST);
	else if (b->closed)
		refuse(b, fx, h, REASON_ITEM_NOT_FOUND);
	else if (r->rid >= b->first - b->kept && !bosh_key_repeats(b, r))
		break_rule(b, h, REASON_ITEM_NOT_FOUND, fx);
	else if (r->rid < b->first)
		repeat_answered(b, h, r, now, fx);
	else
		repeat_open(b, h, r, now, fx);
	return false;
}

void bosh_request(struct bosh *b, handle_t h, struct body **request, int64_t now,
		  struct effects *fx)
{
	struct body *r = MEM_TAKE(*request);

	if (!take(b, h, r, now, fx))
		body_free(r);
	look_for_missing(b, now);
	if (bosh_live(b) > 0)
		b->away = false;
}

/* Its rid stays open, to be repeated. But nobody can repeat the creation: the sid went with it. */
void bosh_gone(struct bosh *b, handle_t h, int64_t now)
{
	struct bosh_request *r = find(b, h);

	if (!r)
		return;
	r->h = 0;
	b->idle = now;
	b->away = bosh_live(b) == 0;
	if (!b->begun && !b->closing)
		bosh_fail(b, REASON_CLIENT_LOST);
}

void bosh_hurry(struct bosh *b, handle_t h, int64_t now)
{
	struct bosh_request *r = find(b, h);

	(void)now;
	if (r)
		r->hurry = true;
}

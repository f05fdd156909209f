/* The BOSH front machine: a session's beginning and end, its events, its timers. Requests come in
 * through bosh_window.c and leave through bosh_answer.c; all three share struct bosh. */
#include "proto/bosh_priv.h"
#include "base/mem.h"
#include "proto/key.h"

#include <assert.h>
#include <stdlib.h>

#define CONTENT                                                                          \
	"text/xml; charset=utf-8" /* what all answers have whose client asks for nothing \
				   */

enum {
	AWAY = 10000, /* ms after an answer until a client without a request is taken to be away */
	CONTENT_MAX = 127,
	HOLD_MAX = 14, /* bounds the arrays whatever the configuration says */
	VER_MAJOR = 1, /* of XEP-0124, that this follows */
	VER_MINOR = 11
};

/* A media type, of such bytes as can do no harm in a header field. */
static bool is_content(struct slice s)
{
	struct slice rest = s, type = slice_trim(slice_cut(&rest, ';'));
	const char *slash = memchr(type.p, '/', type.n);

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	for (size_t i = 0; i < type.n; i++)
		if (strchr(" ()<>@,:\\\"[]?={}", type.p[i]))
			return false;
	return s.n <= CONTENT_MAX && slash && slash > type.p && slash + 1 < type.p + type.n &&
	       !memchr(slash + 1, '/', (size_t)(type.p + type.n - slash - 1));
}

struct slice bosh_content(const struct body *create)
{
	struct slice content = slice_trim(create->content);

	return content.n && !slice_is(content, CONTENT) && is_content(content) ? content
									       : SLICE_NONE;
}

enum reason bosh_check_creation(const struct body *create)
{
	if (create->sid.p || create->rid < 1 || create->type == BODY_TYPE_TERMINATE)
		return REASON_BAD_REQUEST;
	if (create->wait == BODY_BAD || create->hold == BODY_BAD)
		return REASON_BAD_REQUEST;
	if (create->content.n && !is_content(slice_trim(create->content)))
		return REASON_BAD_REQUEST;
	if (create->newkey.p && !key_read((uint8_t[KEY_BYTES]){0}, create->newkey))
		return REASON_BAD_REQUEST;
	if (create->to.n == 0)
		return REASON_IMPROPER_ADDRESSING;
	return REASON_NONE;
}

/* What was asked for, in seconds, never above the bound; in whole seconds, for that is what the
 * client is told. */
static uint32_t grant(int64_t asked, int64_t bound_ms)
{
	int64_t bound = bound_ms / 1000;

	return (uint32_t)(asked >= 0 && asked < bound ? asked : bound);
}

static void number(struct buf *out, const char *name, uint64_t n)
{
	buf_addz(out, name);
	buf_addu(out, n);
	buf_addc(out, '\'');
}

/* The lower version of both (XEP-0124 7.2). */
static void version(struct buf *out, const struct body *create)
{
	int64_t major = create->ver_major, minor = create->ver_minor;

	if (major < 0 || minor < 0 || major > VER_MAJOR ||
	    (major == VER_MAJOR && minor > VER_MINOR)) {
		major = VER_MAJOR;
		minor = VER_MINOR;
	}
	number(out, " ver='", (uint64_t)major);
	buf_cut(out, out->len - 1);
	number(out, ".", (uint64_t)minor);
}

/* What the first answer says; the stream's part is added when that answer is built. */
static void describe(struct bosh *b, struct slice sid, const struct body *create)
{
	struct buf *out = &b->attrs;

	buf_room(out, 256 + create->to.n);
	BUF_LIT(out, " sid='");
	buf_adds(out, sid);
	number(out, "' wait='", b->wait);
	number(out, " requests='", b->requests);
	number(out, " hold='", b->hold);
	number(out, " inactivity='", b->inactivity / 1000);
	if (b->acks)
		number(out, " ack='", (uint64_t)create->rid);
	if (b->c->polling >= 1000)
		number(out, " polling='", (uint64_t)b->c->polling / 1000);
	if (b->c->maxpause >= 1000)
		number(out, " maxpause='", (uint64_t)b->c->maxpause / 1000);
	version(out, create);
	BUF_LIT(out, " accept='gzip,deflate' from='");
	xml_escape(out, create->to);
	buf_addc(out, '\'');
}

static uint8_t grant_hold(const struct bosh_config *c, const struct body *create)
{
	int64_t hold = create->hold >= 0 ? create->hold : 1;

	if (hold > c->hold)
		hold = c->hold;
	return (uint8_t)(hold < HOLD_MAX ? hold : HOLD_MAX);
}

struct bosh *bosh_new(const struct bosh_config *c, struct slice sid, handle_t h,
		      struct body **create, int64_t now)
{
	struct body *body = MEM_TAKE(*create);
	struct slice content = bosh_content(body);
	uint8_t hold = grant_hold(c, body);
	uint8_t requests = hold < 1 ? 2 : (uint8_t)(hold + 1); /* 1 would stall most clients */
	size_t size = (size_t)requests + 1, room = body->ack == 1 ? BOSH_UNACKED : size;
	struct bosh *b = mem_zalloc(sizeof(*b) + size * sizeof(struct bosh_request) +
				    room * sizeof(struct bosh_answer *));

	assert(bosh_check_creation(body) == REASON_NONE);
	b->c = c;
	b->first = b->cursor = body->rid;
	b->idle = now;
	b->wait = (uint16_t)grant(body->wait, c->wait);
	b->hold = hold;
	if (bosh_polls(b)) /* whoever asks for less cannot poll as it is told to */
		b->inactivity = 1000 * grant(-1, c->inactivity + 2 * c->polling);
	else
		b->inactivity =
		    1000 * grant(body->inactivity > 0 ? body->inactivity : -1, c->inactivity);
	b->requests = requests;
	b->legacy = bosh_legacy(body);
	b->acks = body->ack == 1;
	if (b->acks)
		bosh_more(b);
	if (content.p)
		bosh_more(b)->content = mem_strndup(content.p, content.n);
	if (body->newkey.p)
		bosh_keys_begin(b, body);
	bosh_via_begin(b, body);
	b->phase = BOSH_PHASE_OPEN;
	describe(b, sid, body);
	*bosh_slot(b, b->first) = (struct bosh_request){.h = h, .body = body, .since = now};
	return b;
}

struct bosh_more *bosh_more(struct bosh *b)
{
	size_t times = b->acks ? bosh_room(b) * sizeof(int64_t) : 0;

	if (!b->more)
		b->more = mem_zalloc(sizeof(*b->more) + times);
	return b->more;
}

struct effect *bosh_reply(const struct bosh *b, handle_t h, struct effects *fx)
{
	struct effect *e = effects_add(fx, EFFECT_REPLY, h);

	e->code = 200;
	e->content = b->more ? b->more->content : NULL;
	return e;
}

static void bosh_free(void *f)
{
	struct bosh *b = f;

	for (uint32_t i = 0; i < bosh_size(b); i++)
		body_free(b->slot[i].body);
	while (b->kept)
		bosh_forget(b);
	if (b->more) {
		buf_clear(&b->more->detail);
		free(b->more->keys);
		free(b->more->via);
		free(b->more->content);
	}
	free(b->more);
	body_free(b->lent);
	buf_clear(&b->queue);
	buf_clear(&b->attrs);
	free(b);
}

/* Whether the request has a further event from this phase on. */
static bool has_more(const struct body *body, enum bosh_phase phase)
{
	return (phase <= BOSH_PHASE_PAYLOAD && body->payload.n) ||
	       body->type == BODY_TYPE_TERMINATE;
}

/* The request at the cursor says what it has to say in this phase, if anything. */
static void say(struct bosh *b, const struct body *body, struct front_event *e)
{
	enum bosh_phase phase = b->phase;

	switch (phase) {
	case BOSH_PHASE_OPEN:
	case BOSH_PHASE_RESTART:
		b->phase = BOSH_PHASE_PAYLOAD;
		if (phase == BOSH_PHASE_RESTART && !body->restart)
			return;
		e->type = phase == BOSH_PHASE_OPEN ? FRONT_OPEN : FRONT_RESTART;
		e->to = body->to;
		e->from = body->from;
		e->lang = body->lang;
		e->version = body->xmpp_version;
		e->route = body->route;
		return;
	case BOSH_PHASE_PAYLOAD:
		b->phase = BOSH_PHASE_END;
		if (body->payload.n == 0)
			return;
		e->type = FRONT_PAYLOAD;
		e->payload = body->payload;
		e->elements = body->elements;
		e->stanzas = body->stanzas;
		e->kinds = body->kinds;
		return;
	case BOSH_PHASE_END:
		e->type = FRONT_END;
		b->ended = true;
		return;
	}
}

/* The inactivity allowed is another one until the next request, which may be there already. */
static void pause(struct bosh *b, struct bosh_request *r)
{
	int64_t seconds = r->body->pause > 0 ? r->body->pause : 1;

	r->pause = true;
	if (bosh_expected(b) == b->cursor + 1)
		bosh_more(b)->pause = seconds * 1000;
}

/* The request whose turn it is, NULL where it has not come. */
static struct bosh_request *at_cursor(const struct bosh *b)
{
	struct bosh_request *r = bosh_slot(b, b->cursor);

	return b->cursor < bosh_limit(b) && r->body && !b->closing && !b->ended ? r : NULL;
}

/* One that has said everything is held from now on, and no more than a handle. */
static void hold(struct bosh *b, struct bosh_request *r)
{
	if (bosh_pauses(b, r->body))
		pause(b, r);
	body_free(MEM_TAKE(b->lent));
	b->lent = MEM_TAKE(r->body);
	b->phase = BOSH_PHASE_RESTART;
	b->cursor++;
}

static void bosh_next(void *f, struct front_event *e)
{
	struct bosh *b = f;
	struct bosh_request *r;

	*e = (struct front_event){0};
	body_free(MEM_TAKE(b->lent));
	while (e->type == FRONT_NONE && (r = at_cursor(b))) {
		say(b, r->body, e);
		if (b->ended || !has_more(r->body, b->phase))
			hold(b, r);
	}
}

static void bosh_next_empty(void *f)
{
	struct bosh *b = f;
	struct bosh_request *r;

	while ((r = at_cursor(b)) && b->phase == BOSH_PHASE_RESTART && !r->body->restart &&
	       !has_more(r->body, b->phase))
		hold(b, r);
}

static int64_t bosh_expiry(const void *f)
{
	const struct bosh *b = f;
	int64_t at = bosh_missing_until(b), idle;

	if (b->closing)
		return b->closed ? TIME_NEVER : b->more->linger;
	if (b->failed != REASON_NONE)
		return TIME_NEVER;
	if (bosh_live(b) == 0) {
		idle = b->idle + (b->away || bosh_patience(b) < AWAY ? bosh_patience(b) : AWAY);
		return idle < at ? idle : at;
	}
	for (int64_t rid = b->first; rid < b->cursor; rid++) {
		const struct bosh_request *r = bosh_slot(b, rid);

		if (r->h && bosh_deadline(b, r) < at)
			at = bosh_deadline(b, r);
	}
	return at;
}

/* Answers whose time has come, and the end of lingering, are flush()'s matter. */
static void bosh_expire(void *f, int64_t now)
{
	struct bosh *b = f;

	if (b->closing)
		return;
	if (now >= bosh_missing_until(b))
		bosh_fail(b, REASON_RID_MISSING);
	if (bosh_live(b) > 0)
		return;
	b->away |= now >= b->idle + AWAY;
	if (now >= b->idle + bosh_patience(b))
		bosh_fail(b, REASON_INACTIVITY);
}

static enum reason bosh_failed(const void *f)
{
	return ((const struct bosh *)f)->failed;
}

static bool bosh_attached(const void *f)
{
	return !((const struct bosh *)f)->away;
}

static uint32_t bosh_proved(const void *f)
{
	return ((const struct bosh *)f)->proved;
}

static uint32_t bosh_received(const void *f)
{
	return ((const struct bosh *)f)->answered;
}

static void bosh_last(void *f)
{
	((struct bosh *)f)->last = true;
}

static bool bosh_closed(const void *f)
{
	return ((const struct bosh *)f)->closed;
}

static void bosh_counts(const void *f, struct front_counts *c)
{
	const struct bosh *b = f;

	*c = (struct front_counts){.queued = b->queue.len, .rid = b->cursor};
	for (int64_t rid = b->first; rid < bosh_limit(b); rid++) {
		const struct bosh_request *r = bosh_slot(b, rid);

		if (rid >= b->cursor && r->body)
			c->waiting++;
		else if (r->h)
			c->held++;
	}
	c->kept = bosh_kept_bytes(b);
}

static void bosh_detail(const void *f, int64_t now, struct front_detail *d)
{
	const struct bosh *b = f;

	*d = (struct front_detail){.requests = b->requests,
				   .hold = b->hold,
				   .wait = b->wait * 1000u,
				   .inactivity = (uint32_t)bosh_patience(b),
				   .left = -1,
				   .acks = b->acks,
				   .paused = b->more && b->more->pause};
	for (int64_t rid = b->first; rid < b->cursor && d->held < FRONT_HELD; rid++) {
		const struct bosh_request *r = bosh_slot(b, rid);

		if (!r->h)
			continue;
		d->v[d->held].rid = rid;
		d->v[d->held++].since = now - r->since;
	}
	if (bosh_live(b) == 0)
		d->left = b->idle + bosh_patience(b) > now ? b->idle + bosh_patience(b) - now : 0;
}

const struct front_ops bosh_ops = {
    .name = "bosh",
    .next = bosh_next,
    .next_empty = bosh_next_empty,
    .opened = bosh_opened,
    .element = bosh_element,
    .proved = bosh_proved,
    .received = bosh_received,
    .last = bosh_last,
    .close = bosh_close,
    .flush = bosh_flush,
    .expiry = bosh_expiry,
    .expire = bosh_expire,
    .failed = bosh_failed,
    .attached = bosh_attached,
    .closed = bosh_closed,
    .counts = bosh_counts,
    .detail = bosh_detail,
    .free = bosh_free,
};

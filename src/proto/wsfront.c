/* The RFC 7395 front machine. A stream of messages needs no window: frames are kept until the hub
 * pulls them, and what is said to the client is framed in one buffer, which leaves as one write per
 * turn. */
#include "proto/wsfront_priv.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdlib.h>

enum {
	FRAMES_MIN = 4,
	PINGS_MAX = 2,	    /* that may stay unanswered */
	PROVE_STANZAS = 64, /* written without a ping: one goes out that proves them */
	PROVE_AFTER = 1000  /* ms after the first of them one does whatever their number */
};

/* No frame of ours is masked, and the client answers each with the same serial. */
struct wsfront *wsfront_new(const struct wsfront_config *c, handle_t ws, int64_t now)
{
	struct wsfront *w = mem_zalloc(sizeof(*w));

	w->c = c;
	w->ws = ws;
	w->ping_at = now + c->ping;
	w->open_at = now + c->open_limit;
	w->prove_at = TIME_NEVER;
	return w;
}

handle_t wsfront_handle(const struct wsfront *w)
{
	return w->ws;
}

static void drop_frames(struct wsfront *w)
{
	while (w->head < w->n)
		frame_free(w->frames[w->head++]);
	free(w->frames);
	w->frames = NULL;
	w->head = w->n = w->cap = 0;
}

static void wsfront_free(void *f)
{
	struct wsfront *w = f;

	drop_frames(w);
	frame_free(w->lent);
	buf_clear(&w->out);
	buf_clear(&w->domain);
	free(w);
}

static void fail(struct wsfront *w, enum reason r)
{
	if (w->state < WS_DEAF)
		w->state = WS_DEAF;
	if (w->failed == REASON_NONE)
		w->failed = (uint8_t)r;
}

/* --- what the client says --- */

static void keep(struct wsfront *w, struct frame *frame)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : FRAMES_MIN;
		w->frames = mem_realloc(w->frames, w->cap * sizeof(*w->frames));
	}
	w->frames[w->n++] = frame;
}

/* A client of the browser kind gives up two seconds after its <open/>, so it is answered in time
 * whatever the server does. */
static void opens(struct wsfront *w, const struct frame *frame, int64_t now)
{
	w->state = WS_OPEN;
	w->owed = w->unheard = true;
	w->open_at = now + w->c->open_wait;
	if (frame->to.n) {
		buf_reset(&w->domain);
		xml_escape(&w->domain, frame->to);
	}
}

/* RFC 6120 4.7.5: whoever asks for more than 1.0 gets 1.0, and less has no features. Many leave it
 * away and mean 1.0. */
static bool version_fits(struct slice version)
{
	struct slice minor = version, major = slice_cut(&minor, '.');

	return !version.p || (num_parse(major, INT32_MAX) > 0 && num_parse(minor, INT32_MAX) >= 0);
}

/* What is wrong with an <open/> at this time. A stream that is not open cannot be restarted. */
static enum reason open_fault(const struct wsfront *w, const struct frame *frame)
{
	if (w->unheard)
		return REASON_BAD_REQUEST;
	return version_fits(frame->version) ? REASON_NONE : REASON_UNSUPPORTED_VERSION;
}

/* Whether the frame was kept as an event to come. */
static bool take(struct wsfront *w, struct frame *frame, int64_t now)
{
	bool ends = frame->kind == FRAME_CLOSE;
	enum reason fault = REASON_NONE;

	w->client_end |= ends;
	if (w->state >= WS_DEAF)
		return false;
	if (frame->kind == FRAME_OPEN) {
		fault = open_fault(w, frame);
		opens(w, frame, now);
	} else if (ends) {
		w->state = WS_DEAF;
	} else if (w->state == WS_NEW) {
		fault = REASON_BAD_REQUEST;
	}
	if (fault != REASON_NONE)
		fail(w, fault);
	else
		keep(w, frame);
	return fault == REASON_NONE;
}

void wsfront_frame(struct wsfront *w, struct frame **frame, enum reason bad, int64_t now)
{
	struct frame *taken = MEM_TAKE(*frame);

	w->silent = 0;
	if (taken && !take(w, taken, now))
		frame_free(taken);
	if (!taken && bad != REASON_NONE && w->state < WS_DEAF)
		fail(w, bad);
}

/* There are stanzas that no ping stands behind. */
static bool is_uncovered(const struct wsfront *w)
{
	return w->written != w->covers[w->serial % WSFRONT_PINGS];
}

static bool may_prove(const struct wsfront *w)
{
	return w->serial - w->ponged < WSFRONT_PINGS;
}

static void want_proof(struct wsfront *w, int64_t now)
{
	if (w->prove_at == TIME_NEVER && is_uncovered(w) && may_prove(w))
		w->prove_at = now + PROVE_AFTER;
}

/* A client reads frames in order, so its pong proves all before the ping (RFC 6455 5.5.3; it may
 * leave out the pongs of older pings). */
void wsfront_pong(struct wsfront *w, uint64_t serial, int64_t now)
{
	uint32_t ping = (uint32_t)serial;

	if (serial == 0 || serial > w->serial)
		return;
	w->silent = 0;
	if (w->serial - ping < WSFRONT_PINGS &&
	    serial_after(w->covers[ping % WSFRONT_PINGS], w->proved))
		w->proved = w->covers[ping % WSFRONT_PINGS];
	if (ping > w->ponged)
		w->ponged = ping;
	want_proof(w, now);
}

void wsfront_rest(struct wsfront *w, bool resting)
{
	w->resting = resting;
	w->silent = 0;
}

void wsfront_drained(struct wsfront *w)
{
	w->unsent = 0;
	w->silent = 0; /* it takes what is sent, though its pongs may stand behind that */
}

/* What it said before its <close/> may wait for a server that takes nothing, but not for ever. */
void wsfront_gone(struct wsfront *w, int64_t now)
{
	w->gone = true;
	w->ping_at = now + PINGS_MAX * w->c->ping;
	if (w->state >= WS_CLOSING)
		w->state = WS_CLOSED;
	else if (!w->client_end)
		fail(w, REASON_CLIENT_LOST);
}

static struct frame *pull(struct wsfront *w)
{
	struct frame *frame;

	if (w->head == w->n)
		return NULL;
	frame = w->frames[w->head++];
	if (w->head == w->n) {
		w->head = w->n = 0;
		if (w->cap > FRAMES_MIN)
			drop_frames(w);
	}
	return frame;
}

static void wsfront_next(void *f, struct front_event *e)
{
	struct wsfront *w = f;
	struct frame *frame;

	*e = (struct front_event){0};
	frame_free(MEM_TAKE(w->lent));
	if (w->state >= WS_CLOSING)
		return;
	frame = w->lent = pull(w);
	if (!frame)
		return;
	switch (frame->kind) {
	case FRAME_OPEN:
		e->type = w->restarting ? FRONT_RESTART : FRONT_OPEN;
		e->to = frame->to;
		e->from = frame->from;
		e->lang = frame->lang;
		e->version = frame->version;
		w->restarting = true;
		return;
	case FRAME_CLOSE: e->type = FRONT_END; return;
	case FRAME_ELEMENT:
		e->type = FRONT_PAYLOAD;
		e->payload = frame->payload;
		e->elements = 1;
		e->stanzas = frame->stanza != STANZA_NONE;
		e->kinds = (uint8_t)(1u << frame->stanza);
		return;
	}
}

/* --- what is said to the client --- */

static void greet(struct wsfront *w, const struct stream_info *info)
{
	size_t mark = ws_begin(&w->out);

	BUF_LIT(&w->out, "<open xmlns='" NS_FRAMING "'");
	front_attribute(&w->out, " from='", info->from);
	front_attribute(&w->out, " id='", info->id);
	BUF_LIT(&w->out, " version='1.0'");
	front_attribute(&w->out, " xml:lang='", info->lang);
	BUF_LIT(&w->out, "/>");
	ws_end(&w->out, mark);
	w->owed = false;
	w->greeted = true;
	w->open_at = TIME_NEVER;
	buf_clear(&w->domain);
}

void wsfront_greet(struct wsfront *w)
{
	struct stream_info info = {0};

	if (w->domain.len)
		info.from = buf_slice(&w->domain);
	greet(w, &info);
}

static void wsfront_opened(void *f, const struct stream_info *info, int64_t now)
{
	struct wsfront *w = f;

	(void)now;
	w->unheard = false;
	if (w->owed && w->state < WS_CLOSING)
		greet(w, info);
}

static void wsfront_element(void *f, const struct xml_element *e, const struct xml_scope *scope,
			    uint32_t serial, int64_t now)
{
	struct wsfront *w = f;
	size_t waiting = w->out.len + w->unsent, mark;

	if (w->state >= WS_CLOSING || w->failed != REASON_NONE || w->client_end)
		return;
	if (waiting && !w->last && waiting + e->bytes.n > w->c->queue) {
		fail(w, REASON_QUEUE_FULL);
		return;
	}
	mark = ws_begin(&w->out);
	xml_append(&w->out, e, scope, SLICE_NONE, 0);
	ws_end(&w->out, mark);
	w->written = serial;
	want_proof(w, now);
}

/* --- the end --- */

static void wsfront_close(void *f, enum reason r, struct slice detail, int64_t now)
{
	struct wsfront *w = f;

	(void)now;
	if (w->state >= WS_CLOSING)
		return;
	drop_frames(w);
	w->reason = (uint8_t)r;
	w->state = w->gone ? WS_CLOSED : WS_CLOSING;
	if (w->gone)
		return;
	wsfront_part(w, detail);
}

/* Who does not speak, or not our language, is not waited for. */
static bool is_waited_for(const struct wsfront *w)
{
	return !w->client_end && w->reason != REASON_PING_TIMEOUT &&
	       w->reason != REASON_UNSUPPORTED_FRAMING;
}

static void flush_end(struct wsfront *w, int64_t now, struct effects *fx)
{
	if (w->state == WS_CLOSING && is_waited_for(w)) {
		w->state = WS_PARTING;
		w->part_at = now + w->c->close_wait;
		return;
	}
	if (w->state == WS_PARTING && !w->client_end && now < w->part_at)
		return;
	effects_add(fx, EFFECT_CLOSE, w->ws)->code = reason_ws_code(w->reason);
	w->state = WS_CLOSED;
}

static void send_ping(struct wsfront *w)
{
	ws_ping(&w->out, ++w->serial);
	w->covers[w->serial % WSFRONT_PINGS] = w->written;
	w->prove_at = TIME_NEVER;
}

static void wsfront_flush(void *f, int64_t now, struct effects *fx)
{
	struct wsfront *w = f;

	frame_free(MEM_TAKE(w->lent));
	if (w->gone || w->state == WS_CLOSED) {
		buf_clear(&w->out);
		return;
	}
	if (w->state < WS_DEAF && may_prove(w) &&
	    w->written - w->covers[w->serial % WSFRONT_PINGS] >= PROVE_STANZAS)
		send_ping(w);
	if (w->out.len) {
		w->unsent += w->out.len;
		effects_add(fx, EFFECT_SEND, w->ws)->data = buf_take(&w->out);
	}
	if (w->state >= WS_CLOSING)
		flush_end(w, now, fx);
}

/* --- time --- */

static int64_t wsfront_expiry(const void *f)
{
	const struct wsfront *w = f;
	int64_t at;

	if (w->state == WS_CLOSED)
		return TIME_NEVER;
	if (w->state == WS_PARTING)
		return w->part_at;
	if (w->failed != REASON_NONE)
		return TIME_NEVER;
	if (w->gone)
		return w->ping_at;
	at = w->open_at < w->ping_at ? w->open_at : w->ping_at;
	return at < w->prove_at ? at : w->prove_at;
}

static void ping(struct wsfront *w, int64_t now)
{
	if (w->silent == PINGS_MAX) {
		fail(w, REASON_PING_TIMEOUT);
		return;
	}
	w->silent += !w->resting;
	w->ping_at = now + w->c->ping;
	send_ping(w);
}

static void wsfront_expire(void *f, int64_t now)
{
	struct wsfront *w = f;

	if (w->failed != REASON_NONE || w->state >= WS_CLOSING)
		return;
	if (w->gone) {
		if (now >= w->ping_at)
			fail(w, REASON_CLIENT_CLOSED);
		return;
	}
	if (now >= w->open_at) {
		w->open_at = TIME_NEVER;
		if (w->owed)
			wsfront_greet(w);
		else if (w->state == WS_NEW)
			fail(w, REASON_INACTIVITY);
	}
	if (now >= w->ping_at)
		ping(w, now);
	else if (now >= w->prove_at && may_prove(w))
		send_ping(w);
	else if (now >= w->prove_at)
		w->prove_at = TIME_NEVER; /* the next pong wants it again */
}

/* --- questions --- */

static enum reason wsfront_failed(const void *f)
{
	return ((const struct wsfront *)f)->failed;
}

static bool wsfront_attached(const void *f)
{
	return !((const struct wsfront *)f)->gone;
}

static uint32_t wsfront_proved(const void *f)
{
	return ((const struct wsfront *)f)->proved;
}

static uint32_t wsfront_written(const void *f)
{
	return ((const struct wsfront *)f)->written;
}

static void wsfront_last(void *f)
{
	((struct wsfront *)f)->last = true;
}

static bool wsfront_closed(const void *f)
{
	return ((const struct wsfront *)f)->state == WS_CLOSED;
}

static void wsfront_counts(const void *f, struct front_counts *c)
{
	const struct wsfront *w = f;

	*c = (struct front_counts){.queued = (size_t)w->out.len + w->unsent};
}

const struct front_ops wsfront_ops = {
    .name = "websocket",
    .next = wsfront_next,
    .opened = wsfront_opened,
    .element = wsfront_element,
    .proved = wsfront_proved,
    .written = wsfront_written,
    .last = wsfront_last,
    .close = wsfront_close,
    .flush = wsfront_flush,
    .expiry = wsfront_expiry,
    .expire = wsfront_expire,
    .failed = wsfront_failed,
    .attached = wsfront_attached,
    .closed = wsfront_closed,
    .counts = wsfront_counts,
    .free = wsfront_free,
};

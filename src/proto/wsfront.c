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
	PROVE_STANZAS = 16, /* written without a ping, and */
	PROVE_BYTES = 2048, /* of them: one goes out that proves them */
	PROVE_EVERY = 250,  /* ms; so often one does whatever their number */
	PROVE_PINGS = 16,   /* not answered; then this rests, but not the other */
	PROVE_LINGER = 100  /* ms: who does not wait for our <close/> hangs up by then */
};

/* No frame of ours is masked, and the client answers each with the same serial. */
struct wsfront *wsfront_new(const struct wsfront_config *c, handle_t ws, int64_t now)
{
	struct wsfront *w = mem_zalloc(sizeof(*w));

	w->c = c;
	w->ws = ws;
	w->ping_at = now + c->ping;
	w->open_at = now + c->open_limit;
	w->prove_at = now;
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

/* There are stanzas that no ping stands behind, and they have waited long enough. Both ways of
 * pinging have their bounds, for ws of Node ends a WebSocket that has 60 pongs to send, which a
 * client that was frozen for a while finds in its first 64 KiB. */
static bool wants_proof(const struct wsfront *w)
{
	return w->written != w->covered && w->state < WS_DEAF && w->failed == REASON_NONE &&
	       w->serial - w->ponged < PROVE_PINGS;
}

static bool is_flood(const struct wsfront *w)
{
	return w->written - w->covered >= PROVE_STANZAS && w->bare >= PROVE_BYTES;
}

/* A client reads frames in order, so its pong proves all before the ping (RFC 6455 5.5.3; it may
 * leave out the pongs of older pings). The ping said how much that is, for nobody gains by a lie.
 */
void wsfront_pong(struct wsfront *w, uint64_t payload, int64_t now)
{
	uint32_t ping = (uint32_t)payload, covers = (uint32_t)(payload >> 32);
	uint32_t *proved = w->client_end ? &w->late : &w->proved;

	if (ping == 0 || ping > w->serial || serial_after(covers, w->written))
		return;
	w->silent = 0;
	if (serial_after(covers, *proved))
		*proved = covers;
	if (ping > w->ponged)
		w->ponged = ping;
	if (w->state == WS_PROVING && w->late == w->written && w->part_at > now + PROVE_LINGER)
		w->part_at = now + PROVE_LINGER;
}

bool wsfront_proving(const struct wsfront *w)
{
	return w->state == WS_PROVING;
}

void wsfront_rest(struct wsfront *w, bool resting)
{
	w->resting = resting;
	w->silent = 0;
}

void wsfront_drained(struct wsfront *w, uint32_t n, bool waited)
{
	w->unsent -= n < w->unsent ? n : w->unsent;
	if (waited)
		w->silent = 0; /* it takes what is sent, though its pongs may stand behind that */
}

/* What it said before its <close/> may wait for a server that takes nothing, but not for ever. */
void wsfront_gone(struct wsfront *w, int64_t now)
{
	w->gone = true;
	w->ping_at = now + PINGS_MAX * w->c->ping;
	if (w->state >= WS_PROVING)
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
	if (w->state >= WS_PROVING)
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
	if (w->owed && w->state < WS_PROVING)
		greet(w, info);
}

static void send_ping(struct wsfront *w, int64_t now)
{
	ws_ping(&w->out, (uint64_t)w->written << 32 | ++w->serial);
	w->covered = w->written;
	w->bare = 0;
	w->prove_at = now + PROVE_EVERY;
}

static void wsfront_element(void *f, const struct xml_element *e, const struct xml_scope *scope,
			    uint32_t serial, int64_t now)
{
	struct wsfront *w = f;
	size_t waiting = w->out.len + w->unsent, mark;

	if (w->state >= WS_PROVING || w->failed != REASON_NONE || w->client_end)
		return;
	if (waiting > w->c->untold && !w->last && waiting + e->bytes.n > w->c->queue) {
		fail(w, REASON_QUEUE_FULL);
		return;
	}
	mark = ws_begin(&w->out);
	xml_append(&w->out, e, scope, SLICE_NONE, 0);
	ws_end(&w->out, mark);
	w->told = true;
	w->written = serial;
	w->bare += w->out.len - (uint32_t)mark;
	if (is_flood(w))
		send_ping(w, now);
}

/* --- the end --- */

/* A client that said <close/> may be one that reads on until that is answered (RFC 7395 3.6), and
 * one that hangs up at once and drops what is on its way: Strophe.js. Of the latter, pongs that
 * come behind its goodbye tell nothing: a browser answers pings whether the page still listens or
 * not. So these count only if it is still there a moment later. */
static void prove_the_rest(struct wsfront *w, int64_t now)
{
	bool read_all = w->late == w->written;

	w->state = WS_PROVING;
	w->part_at = now + (read_all ? PROVE_LINGER : w->c->prove_wait);
	if (!read_all)
		send_ping(w, now);
}

/* It waits for us. */
static void end_proof(struct wsfront *w)
{
	if (serial_after(w->late, w->proved))
		w->proved = w->late;
	w->state = WS_CLOSING;
	wsfront_part(w, SLICE_NONE);
}

static void wsfront_close(void *f, enum reason r, struct slice detail, int64_t now)
{
	struct wsfront *w = f;

	if (w->state >= WS_PROVING)
		return;
	drop_frames(w);
	w->reason = (uint8_t)r;
	if (w->gone)
		w->state = WS_CLOSED;
	else if (r == REASON_CLIENT_CLOSED && w->written != w->proved)
		prove_the_rest(w, now);
	else
		w->state = WS_CLOSING;
	if (w->state == WS_CLOSING)
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

static void wsfront_flush(void *f, int64_t now, struct effects *fx)
{
	struct wsfront *w = f;

	frame_free(MEM_TAKE(w->lent));
	if (w->gone || w->state == WS_CLOSED) {
		buf_clear(&w->out);
		return;
	}
	if (now >= w->prove_at && wants_proof(w))
		send_ping(w, now);
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
	if (w->state == WS_PROVING || w->state == WS_PARTING)
		return w->part_at;
	if (w->failed != REASON_NONE)
		return TIME_NEVER;
	if (w->gone)
		return w->ping_at;
	at = w->open_at < w->ping_at ? w->open_at : w->ping_at;
	return w->prove_at < at && wants_proof(w) ? w->prove_at : at;
}

static void ping(struct wsfront *w, int64_t now)
{
	if (w->silent == PINGS_MAX) {
		fail(w, REASON_PING_TIMEOUT);
		return;
	}
	w->silent += !w->resting;
	w->ping_at = now + w->c->ping;
	send_ping(w, now);
}

static void wsfront_expire(void *f, int64_t now)
{
	struct wsfront *w = f;

	if (w->state == WS_PROVING && now >= w->part_at)
		end_proof(w);
	if (w->failed != REASON_NONE || w->state >= WS_PROVING)
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
    .received = wsfront_proved,
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

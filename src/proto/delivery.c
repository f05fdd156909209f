/* Delivery. What is remembered, and the times that are awaited, stand in `more`, which comes and
 * goes with them: most sessions are quiet most of the time. */
#include "proto/delivery.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/front.h"
#include "proto/resume.h"

#include <stdlib.h>

enum {
	ENABLE_AFTER = 1000, /* ms after its first presence a client may still do it itself */
	PENDING_MAX = 7,     /* what the field holds */
	TELL_EVERY = 50,     /* stanzas answered for, and not told */
	TELL_AFTER = 2000,   /* ms after the first of them: nobody asked */
	ASK_EVERY = 1000,    /* ms between two <r/> */
	ASK_BYTES = 32768,   /* remembered towards the server: asks whatever the time */
	FULL_BYTES = 65536,  /* remembered towards the server: the client rests */
	FULL_WAIT = 10000    /* ms; then the oldest are forgotten */
};

struct delivery_more {
	struct buf down, up; /* rings of bounces: to the client and not proved; not acknowledged */
	int64_t tell_at, ask_at, full_until; /* TIME_NEVER */
	uint32_t returned, given_up;
	uint32_t passed_then, coming; /* leaving: at the first answer; since, until the second */
	bool again;		      /* leaving: the second is asked for */
};

static struct delivery_more *more_of(struct delivery *d)
{
	if (d->more)
		return d->more;
	d->more = mem_zalloc(sizeof(*d->more));
	d->more->tell_at = d->more->ask_at = d->more->full_until = TIME_NEVER;
	return d->more;
}

static void release(struct delivery *d)
{
	struct delivery_more *m = d->more;

	if (!m || m->down.len || m->up.len || m->returned || m->given_up ||
	    m->tell_at != TIME_NEVER || m->ask_at != TIME_NEVER || m->full_until != TIME_NEVER)
		return;
	buf_clear(&m->down);
	buf_clear(&m->up);
	free(MEM_TAKE(d->more));
}

void delivery_init(struct delivery *d, bool shown)
{
	*d = (struct delivery){.shown = shown};
}

void delivery_clear(struct delivery *d)
{
	if (!d->more)
		return;
	buf_clear(&d->more->down);
	buf_clear(&d->more->up);
	free(MEM_TAKE(d->more));
}

/* Whether we answer for anything. */
static bool is_ours(const struct delivery *d)
{
	return d->mode < DELIVERY_CLIENT;
}

static bool is_up(const struct delivery *d)
{
	return d->mode == DELIVERY_ASKED || d->mode == DELIVERY_ON;
}

void delivery_counts(const struct delivery *d, struct delivery_counts *c)
{
	static const char *const modes[] = {"undecided", "asked",  "acknowledged",
					    "bounced",	 "client", "transparent"};

	*c = (struct delivery_counts){.mode = modes[d->mode], .proved = d->proved};
	if (d->more) {
		c->returned = d->more->returned;
		c->given_up = d->more->given_up;
	}
	if (is_ours(d))
		c->unproved = d->passed - d->proved - c->returned;
	if (is_up(d))
		c->unacknowledged = d->sent - d->acked;
}

/* Nothing of this session is ours any more. */
static void let_go(struct delivery *d, enum delivery_mode mode)
{
	d->mode = (uint8_t)mode;
	delivery_clear(d);
}

void delivery_transparent(struct delivery *d)
{
	d->by_policy = true;
	let_go(d, DELIVERY_TRANSPARENT);
}

bool delivery_hides(const struct delivery *d)
{
	return !d->shown && is_ours(d);
}

static void enable(struct delivery *d, struct buf *out)
{
	d->mode = DELIVERY_ASKED;
	d->tried = true;
	BUF_LIT(out, "<enable xmlns='" NS_SM "'/>");
}

/* We ask, unless the client does so first: programs send presence as soon as they are bound, and
 * libraries ask for stream management just after. */
static void may_enable(struct delivery *d, int64_t now)
{
	if (d->mode == DELIVERY_WAIT && d->present && d->offered && !d->pending)
		more_of(d)->ask_at = now + ENABLE_AFTER;
}

void delivery_offered(struct delivery *d, struct buf *out, int64_t now)
{
	d->offered = true;
	may_enable(d, now);
	if (d->mode == DELIVERY_OFF && d->bound && !d->shown && !d->tried)
		enable(d, out);
}

void delivery_bound(struct delivery *d, struct buf *out)
{
	d->bound = true;
	if (d->mode != DELIVERY_WAIT || d->shown)
		return;
	d->pending = 0;
	if (d->offered)
		enable(d, out);
	else
		d->mode = DELIVERY_OFF;
}

/* --- towards the client --- */

uint32_t delivery_passed(struct delivery *d, const struct xml_element *e, enum stanza_kind kind)
{
	struct bounce b;

	if (!is_ours(d) || kind == STANZA_NONE)
		return d->passed;
	d->passed++;
	if (bounce_of(&b, e, kind)) {
		b.number = d->passed;
		bounce_keep(&more_of(d)->down, &b);
	}
	return d->passed;
}

static void forget_down(struct delivery *d, uint32_t upto)
{
	struct bounce b;

	while (d->more && bounce_first(&d->more->down, &b) && !serial_after(b.number, upto))
		bounce_drop(&d->more->down);
}

void delivery_proved(struct delivery *d, uint32_t serial)
{
	if (!serial_after(serial, d->proved) || d->ended || !is_ours(d))
		return;
	d->proved = serial;
	if (d->behind && !serial_after(d->base, serial))
		d->behind = false;
	forget_down(d, serial);
	release(d);
}

size_t delivery_kept(const struct delivery *d)
{
	return d->more ? d->more->down.len : 0;
}

/* Stanzas answered for since <enabled/>. While what came before is not proved, there are none. */
static uint32_t handled(const struct delivery *d)
{
	return d->behind ? 0 : d->proved - d->base;
}

static void enabled(struct delivery *d, int64_t now)
{
	d->mode = DELIVERY_ON;
	d->base = d->passed;
	d->behind = d->proved != d->passed;
	d->asked_at = (uint32_t)now - ASK_EVERY;
}

static void refused(struct delivery *d)
{
	d->mode = DELIVERY_OFF;
	d->owes = false;
	if (d->more)
		buf_clear(&d->more->up);
	release(d);
}

static void acknowledged(struct delivery *d, uint32_t h)
{
	struct bounce b;

	d->asking = false;
	if (serial_after(h, d->sent)) /* a lie, or a fault: it cannot have what it was not sent */
		h = d->sent;
	if (!serial_after(h, d->acked))
		return;
	d->acked = h;
	while (d->more && bounce_first(&d->more->up, &b) && !serial_after(b.number, h))
		bounce_drop(&d->more->up);
	if (d->more && d->more->up.len < FULL_BYTES) {
		d->more->full_until = TIME_NEVER;
		d->flooded = false;
	}
	release(d);
}

/* The h of an <a/>; -1 where there is none that makes sense. */
static int64_t read_h(const struct xml_element *e)
{
	return num_parse(xml_attribute(e->bytes, "h"), UINT32_MAX);
}

/* The server does for the client what it asked for. A stream that is resumed has its resource. */
static void granted(struct delivery *d, enum resume_grant grant)
{
	let_go(d, DELIVERY_CLIENT);
	d->pending = 0;
	d->resumable = grant != RESUME_COUNTED;
	d->bound |= grant == RESUME_DONE;
}

/* What the server says to a client that may do it itself. A resumption that failed may be followed
 * by an <enable/>; where that failed, ours would too. Once granted, a second request that fails
 * takes nothing away. */
static void overhear(struct delivery *d, struct slice name, enum resume_grant grant, int64_t now)
{
	if (!d->pending)
		return;
	if (grant != RESUME_NONE) {
		granted(d, grant);
	} else if (slice_is(name, "failed") && --d->pending == 0) {
		if (!d->resuming && !d->by_policy)
			d->mode = DELIVERY_OFF;
		may_enable(d, now);
	}
}

void delivery_logged_in(struct delivery *d, const struct xml_element *e,
			const struct xml_scope *scope)
{
	enum resume_grant grant = resume_grant(e, scope);

	if (d->pending && grant != RESUME_NONE)
		granted(d, grant);
	d->pending = 0;
}

static void hear(struct delivery *d, struct slice name, const struct xml_element *e, int64_t now)
{
	bool asked = d->mode == DELIVERY_ASKED;
	int64_t h;

	if (asked && slice_is(name, "enabled")) {
		enabled(d, now);
	} else if (asked && slice_is(name, "failed")) {
		refused(d);
	} else if (is_up(d) && slice_is(name, "r")) {
		d->owes = true;
	} else if (d->mode == DELIVERY_ON && slice_is(name, "a")) {
		h = read_h(e);
		if (h >= 0)
			acknowledged(d, (uint32_t)h);
	}
}

bool delivery_from_server(struct delivery *d, const struct xml_element *e,
			  const struct xml_scope *scope, int64_t now)
{
	struct slice prefix, name;

	bool ours = is_ours(d) && (!d->shown || d->mode != DELIVERY_WAIT);

	xml_split(e->name, &prefix, &name);
	if (ours)
		hear(d, name, e, now);
	else
		overhear(d, name, resume_grant(e, scope), now);
	return ours;
}

/* --- towards the server --- */

bool delivery_watches(const struct delivery *d, uint8_t kinds)
{
	if (d->mode == DELIVERY_CLIENT)
		return false;
	if (kinds & 1 << STANZA_NONE)
		return true;
	return kinds & 1 << STANZA_PRESENCE && d->mode == DELIVERY_WAIT && d->shown && d->bound &&
	       !d->present;
}

/* Until the server grants it, what the client is sent stays our business. */
static void by_itself(struct delivery *d, bool resume)
{
	d->pending += d->pending < PENDING_MAX;
	d->resuming = resume;
	if (d->more && d->mode == DELIVERY_WAIT)
		d->more->ask_at = TIME_NEVER;
	release(d);
}

/* Something of stream management: the client's business until it is ours. */
static bool sm_from_client(struct delivery *d, struct slice name, struct slice ns,
			   struct buf *answer)
{
	bool resume = slice_is(name, "resume"), begins = resume || slice_is(name, "enable");

	if (d->mode == DELIVERY_TRANSPARENT || (d->mode == DELIVERY_WAIT && d->shown)) {
		if (begins)
			by_itself(d, resume);
		return true;
	}
	if (begins) {
		BUF_LIT(answer, "<failed xmlns='");
		buf_addz(answer, xml_raw_is(ns, NS_SM) ? NS_SM : NS_SM_2);
		BUF_LIT(answer, "'><unexpected-request xmlns='" NS_STANZAS "'/></failed>");
	}
	return false;
}

bool delivery_from_client(struct delivery *d, const struct xml_element *e, enum stanza_kind kind,
			  struct slice ns, int64_t now, struct buf *answer)
{
	static const char sm[] = "urn:xmpp:sm:";
	struct slice prefix, name;

	if (kind == STANZA_PRESENCE && delivery_watches(d, 1 << STANZA_PRESENCE)) {
		d->present = true;
		may_enable(d, now);
	}
	if (kind != STANZA_NONE)
		return true;
	xml_split(e->name, &prefix, &name);
	if (xml_raw_is(ns, NS_SM) || xml_raw_is(ns, NS_SM_2))
		return sm_from_client(d, name, ns, answer);
	/* What it holds is Base64 and what goes with the login: an <enable/> in <bind/>, a
	 * <resume/>.
	 */
	if (!d->bound && xml_raw_is(ns, NS_SASL2) && slice_is(name, "authenticate") &&
	    memmem(e->bytes.p, e->bytes.n, sm, sizeof(sm) - 1))
		by_itself(d, false);
	return true;
}

bool delivery_remembers(const struct delivery *d)
{
	return is_up(d);
}

void delivery_sent(struct delivery *d, uint32_t stanzas)
{
	if (is_up(d))
		d->sent += stanzas;
}

static void make_room(struct delivery *d, size_t n)
{
	struct delivery_more *m = d->more;

	while (d->flooded && m->up.len && m->up.len + n > FULL_BYTES) {
		bounce_drop(&m->up);
		m->given_up++;
	}
}

void delivery_sent_message(struct delivery *d, struct slice message, int64_t now)
{
	struct delivery_more *m;
	struct bounce b;

	if (!is_up(d))
		return;
	d->sent++;
	if (!bounce_of_sent(&b, message))
		return;
	m = more_of(d);
	b.number = d->sent;
	make_room(d, BOUNCE_MAX);
	bounce_keep(&m->up, &b);
	if (m->up.len >= FULL_BYTES && !d->flooded && m->full_until == TIME_NEVER)
		m->full_until = now + FULL_WAIT;
}

bool delivery_full(const struct delivery *d)
{
	return d->more && d->more->up.len >= FULL_BYTES && !d->flooded;
}

/* --- time --- */

void delivery_expire(struct delivery *d, int64_t now)
{
	if (!d->more || now < d->more->full_until)
		return;
	d->more->full_until = TIME_NEVER;
	d->flooded = true;
}

static void tell(struct delivery *d, struct buf *out, int64_t now)
{
	uint32_t h = handled(d), untold = h - d->told;

	if (d->owes || untold >= TELL_EVERY || (untold && d->more && now >= d->more->tell_at)) {
		BUF_LIT(out, "<a xmlns='" NS_SM "' h='");
		buf_addu(out, h);
		BUF_LIT(out, "'/>");
		d->owes = false;
		d->told = h;
		untold = 0;
	}
	if (untold && more_of(d)->tell_at == TIME_NEVER)
		d->more->tell_at = now + TELL_AFTER;
	if (!untold && d->more)
		d->more->tell_at = TIME_NEVER;
}

/* One <r/> at a time: a server that is slow to answer gains nothing by another. */
static void ask(struct delivery *d, struct buf *out, int64_t now)
{
	uint32_t since = (uint32_t)now - d->asked_at;
	bool wanted = d->sent != d->acked && !d->asking;

	if (wanted && (since >= ASK_EVERY || (d->more && d->more->up.len > ASK_BYTES))) {
		BUF_LIT(out, "<r xmlns='" NS_SM "'/>");
		d->asking = true;
		d->asked_at = (uint32_t)now;
		wanted = false;
	}
	if (wanted)
		more_of(d)->ask_at = now + ASK_EVERY - since;
	else if (d->more)
		d->more->ask_at = TIME_NEVER;
}

/* The client had its time. */
static void enable_late(struct delivery *d, struct buf *out, int64_t now)
{
	if (d->mode != DELIVERY_WAIT || !d->more || now < d->more->ask_at)
		return;
	d->more->ask_at = TIME_NEVER;
	enable(d, out);
	release(d);
}

void delivery_flush(struct delivery *d, struct buf *out, int64_t now)
{
	enable_late(d, out, now);
	if (d->mode != DELIVERY_ON || d->ended)
		return;
	tell(d, out, now);
	ask(d, out, now);
	release(d);
}

int64_t delivery_expiry(const struct delivery *d)
{
	const struct delivery_more *m = d->more;
	int64_t at;

	if (!m || d->ended)
		return TIME_NEVER;
	at = m->tell_at < m->ask_at ? m->tell_at : m->ask_at;
	return at < m->full_until ? at : m->full_until;
}

/* --- the end --- */

static void return_down(struct delivery *d, struct buf *out, uint32_t upto, struct slice jid)
{
	struct bounce b;

	while (d->more && bounce_first(&d->more->down, &b) && !serial_after(b.number, upto)) {
		bounce_return(out, &b, jid);
		bounce_drop(&d->more->down);
		d->more->returned++;
	}
}

/* What the server counts with us is left to it, but for what it may not keep. */
static uint32_t returned_upto(const struct delivery *d, uint32_t server_queue)
{
	uint32_t from = d->behind ? d->base : d->proved, left = d->passed - from;
	uint32_t coming = d->more ? d->more->coming : 0;

	if (d->mode != DELIVERY_ON)
		return d->passed;
	server_queue -= coming <= server_queue / 2 ? 2 * coming : server_queue;
	return from + (left > server_queue ? left - server_queue : 0);
}

/* The answer (XEP-0199) comes behind all that the server sent before; any answer will do. */
static void ping(struct delivery *d, struct buf *out, struct slice domain)
{
	BUF_LIT(out, "<iq type='get' id='" DELIVERY_LEAVE "' to='");
	xml_escape(out, domain);
	BUF_LIT(out, "'><ping xmlns='urn:xmpp:ping'/></iq>");
	delivery_sent(d, 1);
	if (d->mode == DELIVERY_OFF)
		d->told = d->passed;
}

/* RFC 6121 4.5: from unavailable on, what is for the bare address goes elsewhere. */
bool delivery_leave(struct delivery *d, struct buf *out, struct slice domain)
{
	if (d->ended || !is_ours(d) || !d->bound)
		return false;
	/* The client asks no more, and what it has asked for is not taken up: what comes from here
	 * on may still be counted. */
	if (d->mode == DELIVERY_WAIT && d->pending)
		d->mode = DELIVERY_ASKED;
	else if (d->mode == DELIVERY_WAIT && d->offered)
		enable(d, out);
	else if (d->mode == DELIVERY_WAIT)
		d->mode = DELIVERY_OFF;
	BUF_LIT(out, "<presence type='unavailable'/>");
	delivery_sent(d, 1);
	ping(d, out, domain);
	return true;
}

/* Messages to the full address come in spite of `unavailable`. Where they could push others out of
 * the server's queue, a second answer shows how many come in a round trip: while our end is on its
 * way there will be as many, and room is left for twice that. */
static bool seen_enough(struct delivery *d, uint32_t server_queue)
{
	struct delivery_more *m = d->more;

	if (d->mode != DELIVERY_ON || !m)
		return true;
	if (m->again) {
		m->coming = d->passed - m->passed_then;
		return true;
	}
	m->again = d->passed - d->proved > server_queue / 2;
	d->passed += m->again; /* the server counts the answer, too, with others behind it */
	m->passed_then = d->passed;
	return !m->again;
}

bool delivery_left(struct delivery *d, struct buf *out, uint32_t server_queue, struct slice domain)
{
	if (d->mode == DELIVERY_OFF ? d->passed == d->told : seen_enough(d, server_queue))
		return true;
	ping(d, out, domain);
	return false;
}

void delivery_trim(struct delivery *d, struct buf *out, uint32_t server_queue, struct slice jid)
{
	return_down(d, out, returned_upto(d, server_queue), jid);
}

void delivery_end(struct delivery *d, struct buf *out, uint32_t server_queue, struct slice jid)
{
	uint32_t upto = returned_upto(d, server_queue);

	if (d->ended || !is_ours(d))
		return;
	return_down(d, out, upto, jid);
	if (d->mode == DELIVERY_ON) {
		BUF_LIT(out, "<a xmlns='" NS_SM "' h='");
		buf_addu(out, upto - d->base);
		BUF_LIT(out, "'/>");
	}
	d->ended = true;
}

bool delivery_lost(struct delivery *d, struct buf *out, struct slice jid)
{
	struct bounce b;

	if (!d->more || !bounce_first(&d->more->up, &b))
		return false;
	bounce_report(out, &b, jid);
	bounce_drop(&d->more->up);
	return true;
}

bool delivery_unsent(struct buf *out, struct slice message, struct slice jid)
{
	struct bounce b;

	if (!bounce_of_sent(&b, message))
		return false;
	bounce_report(out, &b, jid);
	return true;
}

/* Stanzas that do not arrive. */
#include "proto/bounce.h"
#include "proto/front.h"
#include "proto/xmlpeek.h"

#include <assert.h>

/* How one lies in the ring, its texts behind it. A text that is missing is MISSING long. */
struct kept {
	uint32_t number;
	uint16_t from, to, id;
	uint8_t kind;
};

enum { MISSING = UINT16_MAX };

struct start_tag {
	struct slice type, from, to, id;
};

static bool read_start_tag(struct start_tag *s, struct slice element)
{
	struct slice name, value;
	struct xml_tag t;

	*s = (struct start_tag){0};
	if (!xml_tag_open(&t, element))
		return false;
	while (xml_tag_next(&t, &name, &value)) {
		if (slice_is(name, "type"))
			s->type = value;
		else if (slice_is(name, "from"))
			s->from = value;
		else if (slice_is(name, "to"))
			s->to = value;
		else if (slice_is(name, "id"))
			s->id = value;
	}
	return true;
}

/* Whom it goes to is needed, the others are left out where there is no room. */
static bool fits(struct bounce *b, struct slice *addressee)
{
	size_t n = addressee->p ? addressee->n : 0;
	struct slice *const less[] = {&b->id, addressee == &b->to ? &b->from : &b->to};

	for (size_t i = 0; i < 2; i++) {
		n += less[i]->p ? less[i]->n : 0;
		if (n <= BOUNCE_MAX)
			continue;
		n -= less[i]->n;
		*less[i] = SLICE_NONE;
	}
	return n <= BOUNCE_MAX;
}

#define NS_FORWARD "urn:xmpp:forward:0"

/* XEP-0297: a copy of another message, as a child, or in what wraps it (carbons, archive results).
 * Deeper in, or in a text, it says nothing of this message. */
static bool is_forwarded(struct slice message)
{
	struct slice before, prefix, local;
	struct xml_element child, copy;
	struct xml_peek p;

	if (!memmem(message.p, message.n, NS_FORWARD, sizeof(NS_FORWARD) - 1) ||
	    !xml_peek_open(&p, message))
		return false;
	while (xml_peek_next(&p, &child, &before)) {
		xml_split(child.name, &prefix, &local);
		if (slice_is(local, "forwarded") &&
		    xml_raw_is(xml_namespace(&child, &p.scope), NS_FORWARD))
			return true;
		if (xml_peek_find(child.bytes, &p.scope, "forwarded", NS_FORWARD, &copy))
			return true;
	}
	return false;
}

static bool is_returned(const struct start_tag *s, enum stanza_kind kind, struct slice element)
{
	static const char *const never[] = {"error", "groupchat", "headline", NULL};

	if (kind == STANZA_IQ)
		return xml_raw_is(s->type, "get") || xml_raw_is(s->type, "set");
	if (kind != STANZA_MESSAGE || s->from.n == 0)
		return false;
	for (const char *const *v = never; *v; v++)
		if (xml_raw_is(s->type, *v))
			return false;
	return !is_forwarded(element);
}

bool bounce_of(struct bounce *b, const struct xml_element *e, enum stanza_kind kind)
{
	struct start_tag s;

	if (kind == STANZA_PRESENCE || !read_start_tag(&s, e->bytes) ||
	    !is_returned(&s, kind, e->bytes))
		return false;
	b->kind = kind;
	b->from = s.from;
	b->to = s.to;
	b->id = s.id;
	return fits(b, &b->from);
}

bool bounce_of_sent(struct bounce *b, struct slice message)
{
	struct start_tag s;

	if (!read_start_tag(&s, message) || xml_raw_is(s.type, "error"))
		return false;
	b->kind = STANZA_MESSAGE;
	b->from = SLICE_NONE;
	b->to = s.to;
	b->id = s.id;
	return fits(b, &b->to);
}

/* --- the ring --- */

static uint16_t length(struct slice s)
{
	return s.p ? (uint16_t)s.n : MISSING;
}

void bounce_keep(struct buf *ring, const struct bounce *b)
{
	struct kept k = {.number = b->number,
			 .from = length(b->from),
			 .to = length(b->to),
			 .id = length(b->id),
			 .kind = (uint8_t)b->kind};

	buf_add(ring, &k, sizeof(k));
	buf_adds(ring, b->from);
	buf_adds(ring, b->to);
	buf_adds(ring, b->id);
}

static struct slice take(const char **at, uint16_t n)
{
	struct slice s = {*at, n};

	if (n == MISSING)
		return SLICE_NONE;
	*at += n;
	return s;
}

static const char *read_kept(const struct buf *ring, struct bounce *b)
{
	const char *at = buf_data(ring) + sizeof(struct kept);
	struct kept k;

	memcpy(&k, buf_data(ring), sizeof(k));
	b->number = k.number;
	b->kind = (enum stanza_kind)k.kind;
	b->from = take(&at, k.from);
	b->to = take(&at, k.to);
	b->id = take(&at, k.id);
	return at;
}

bool bounce_first(const struct buf *ring, struct bounce *b)
{
	if (ring->len == 0)
		return false;
	read_kept(ring, b);
	return true;
}

void bounce_drop(struct buf *ring)
{
	struct bounce b;

	assert(ring->len >= sizeof(struct kept));
	buf_eat(ring, (size_t)(read_kept(ring, &b) - buf_data(ring)));
}

/* --- errors --- */

static bool is_own(struct slice address, struct slice jid)
{
	return address.n && slice_starts(jid, address) &&
	       (jid.n == address.n || jid.p[address.n] == '/');
}

/* XEP-0206 7 names the conditions, RFC 6120 8.3.3 their types: who is not there now may be later,
 * while nobody will answer that iq. */
void bounce_return(struct buf *out, const struct bounce *b, struct slice jid)
{
	bool message = b->kind == STANZA_MESSAGE;

	buf_addz(out, message ? "<message type='error'" : "<iq type='error'");
	front_attribute(out, " to='", b->from);
	if (is_own(b->to, jid))
		front_attribute(out, " from='", b->to);
	front_attribute(out, " id='", b->id);
	buf_addz(out, message ? "><error type='wait'><recipient-unavailable xmlns='" NS_STANZAS
				"'/></error></message>"
			      : "><error type='cancel'><service-unavailable xmlns='" NS_STANZAS
				"'/></error></iq>");
}

/* RFC 6120 8.3.3.16: a server that is needed for the message was reached, and no answer came of it.
 * To send it again may help, or double it: hence `wait`, and no condition that says it was refused.
 */
void bounce_report(struct buf *out, const struct bounce *b, struct slice jid)
{
	BUF_LIT(out, "<message xmlns='" NS_CLIENT "' type='error'");
	front_attribute(out, " from='", b->to);
	front_attribute(out, " to='", jid.n ? jid : SLICE_NONE);
	front_attribute(out, " id='", b->id);
	BUF_LIT(out, "><error type='wait'><remote-server-timeout xmlns='" NS_STANZAS
		     "'/></error></message>");
}

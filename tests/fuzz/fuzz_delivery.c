/* Random servers and clients against the delivery machine, beside a model that keeps every stanza
 * for ever. The first byte chooses the client, then each two are something that happens. */
#include "base/mem.h"
#include "base/num.h"
#include "oracle.h"
#include "proto/delivery.h"
#include "proto/front.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 2000, START = 1000 };

/* Serials count from 1 here, for so few stanzas do not go round. */
struct model {
	struct delivery d;
	struct buf out, answer;
	int64_t now;
	bool shown, offered, bound, asked, on, off, client, present;
	uint8_t pending;
	bool resuming;
	int64_t since; /* of its first presence, a refusal, or the offer: its second runs */
	uint32_t passed, proved, base;
	uint8_t returned[STEPS_MAX + 1]; /* by serial: enum stanza_kind of what is to come back */
	uint32_t sent, acked;
	bool message[STEPS_MAX + 1]; /* by what was sent since <enable/> */
	bool asking, owes;
};

static struct xml_element element_of(const char *text)
{
	struct xml_element e = {.bytes = slice_str(text)};
	struct slice name, value;
	struct xml_tag t;

	CLAIM(xml_tag_open(&t, e.bytes));
	e.name = t.name;
	while (xml_tag_next(&t, &name, &value))
		if (slice_is(name, "xmlns"))
			e.xmlns = value;
	return e;
}

static bool eat(struct buf *out, const char *text)
{
	if (!slice_starts(buf_slice(out), slice_str(text)))
		return false;
	buf_eat(out, strlen(text));
	return true;
}

static uint32_t handled(const struct model *m)
{
	return m->proved > m->base ? m->proved - m->base : 0;
}

/* An <a/> of just this h. */
static bool eat_a(struct model *m, uint32_t h)
{
	char text[64];

	snprintf(text, sizeof(text), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", h);
	return eat(&m->out, text);
}

/* What went out is right, and what had to go did. */
static void look(struct model *m)
{
	bool due = m->shown && m->present && m->offered && !m->pending && m->now >= m->since + 1000;

	if (due && !m->asked && !m->off && !m->client)
		delivery_flush(&m->d, &m->out, m->now);
	if (eat(&m->out, "<enable xmlns='urn:xmpp:sm:3'/>")) {
		CLAIM(m->offered && m->bound && !m->asked && !m->client);
		CLAIM(!m->shown || due);
		m->asked = true;
		m->off = false;
	}
	CLAIM(!due || m->asked || m->off || m->client);
	delivery_expire(&m->d, m->now);
	delivery_flush(&m->d, &m->out, m->now);
	if (m->out.len && eat_a(m, handled(m))) {
		CLAIM(m->on);
		m->owes = false;
	}
	CLAIM(!m->owes || !m->on);
	if (eat(&m->out, "<r xmlns='urn:xmpp:sm:3'/>")) {
		CLAIM(m->on && !m->asking && m->sent != m->acked);
		m->asking = true;
	}
	CLAIM(m->out.len == 0);
	CLAIM(delivery_expiry(&m->d) > m->now);
}

static void from_server(struct model *m, uint8_t arg)
{
	static const char *const kinds[] = {
	    "<message from='a@b' id='%u'/>", "<message from='a@b' type='groupchat' id='%u'/>",
	    "<presence from='a@b' id='%u'/>", "<iq from='a@b' type='set' id='%u'/>"};
	struct xml_element e;
	char text[64];
	uint32_t serial;

	if (m->client)
		return;
	snprintf(text, sizeof(text), kinds[arg % 4], ++m->passed);
	e = element_of(text);
	serial = delivery_passed(&m->d, &e, xml_stanza_kind(e.name));
	CLAIM(serial == m->passed);
	m->returned[serial] = arg % 4 == 0 ? STANZA_MESSAGE : arg % 4 == 3 ? STANZA_IQ : 0;
}

static void prove(struct model *m, uint8_t arg)
{
	if (m->client)
		return;
	m->proved += (m->passed - m->proved) * arg / 255;
	delivery_proved(&m->d, m->proved);
}

/* To what the client asked for: granted once, or refused for the last time. */
static void answer_client(struct model *m, uint8_t what)
{
	if (!m->pending || what < 1 || what > 2)
		return;
	m->client = what == 1;
	m->pending = m->client ? 0 : m->pending - 1;
	if (m->client)
		memset(m->returned, 0, sizeof(m->returned)); /* none is our business any more */
	else if (!m->pending)
		m->off = !m->resuming;
	m->since = m->now;
}

static void sm_from_server(struct model *m, uint8_t what, uint8_t arg)
{
	static const char *const names[] = {"r", "enabled", "failed", "a"};
	uint32_t h = m->acked + arg % 8 - 2;
	struct xml_element e;
	char text[64];
	bool ours = !m->client && (!m->shown || m->asked || m->off);

	snprintf(text, sizeof(text), "<%s xmlns='urn:xmpp:sm:3' h='%u'/>", names[what], h);
	e = element_of(text);
	CLAIM(delivery_from_server(&m->d, &e, NULL, m->now) == ours);
	if (!ours) {
		answer_client(m, what);
		return;
	}
	if (what == 0)
		m->owes |= m->asked && !m->off;
	if (what == 1 && m->asked && !m->off && !m->on) {
		m->on = true;
		m->base = m->passed;
	}
	if (what == 2 && m->asked && !m->on) {
		m->off = true;
		m->owes = false;
	}
	if (what == 3 && m->on) {
		m->asking = false;
		if (h > m->sent && h < UINT32_MAX / 2)
			h = m->sent;
		if (h > m->acked && h <= m->sent)
			m->acked = h;
	}
}

static void from_client(struct model *m, uint8_t what)
{
	static const char *const texts[] = {"<message to='c@d' id='%u'/>",
					    "<presence id='%u'/>",
					    "<message to='c@d' type='error' id='%u'/>",
					    "<enable xmlns='urn:xmpp:sm:3' n='%u'/>",
					    "<resume xmlns='urn:xmpp:sm:3' n='%u'/>",
					    "<a xmlns='urn:xmpp:sm:3' h='%u'/>"};
	bool up, goes = true, sm = what > 2, open;
	enum stanza_kind kind;
	struct xml_element e;
	char text[64];

	snprintf(text, sizeof(text), texts[what], m->sent + 1);
	e = element_of(text);
	kind = sm ? STANZA_NONE : xml_stanza_kind(e.name);
	open = m->shown && !m->asked && !m->off;
	if (delivery_watches(&m->d, (uint8_t)(1 << kind)))
		goes = delivery_from_client(&m->d, &e, kind, e.xmlns, m->now, &m->answer);
	CLAIM(goes == (!sm || m->client || open));
	CLAIM(!m->answer.len || (!goes && what < 5));
	buf_clear(&m->answer);
	if (sm && open && !m->client && what < 5) {
		m->pending += m->pending < 7;
		m->resuming = what == 4;
	}
	if (kind == STANZA_PRESENCE && open && m->bound && !m->present) {
		m->present = true;
		m->since = m->now;
	}
	if (kind == STANZA_MESSAGE)
		delivery_sent_message(&m->d, e.bytes, m->now);
	else
		delivery_sent(&m->d, kind != STANZA_NONE);
	up = m->asked;
	if (up && !m->off && !m->client && kind != STANZA_NONE)
		m->message[++m->sent] = what == 0;
}

static void step(struct model *m, uint8_t what, uint8_t arg)
{
	static const int64_t times[] = {0, 1, 500, 1000, 1999, 2000, 10000, 100000};
	int64_t until;

	switch (what % 16) {
	case 0:
	case 1:
	case 2: from_server(m, arg); break;
	case 3:
	case 4: prove(m, arg); break;
	case 5:
	case 6:
	case 7:
	case 8: sm_from_server(m, what % 16 - 5, arg); break;
	case 9:
		m->bound = true;
		delivery_bound(&m->d, &m->out);
		m->off |= m->d.mode == DELIVERY_OFF;
		break;
	case 10:
		m->offered = true;
		m->since = m->now;
		delivery_offered(&m->d, &m->out, m->now);
		break;
	case 11:
	case 12: from_client(m, 0); break;
	case 13: from_client(m, arg % 6); break;
	default:
		for (until = m->now + times[arg % 8]; delivery_expiry(&m->d) <= until; look(m))
			m->now = delivery_expiry(&m->d);
		m->now = until;
	}
	look(m);
}

static void eat_error(struct model *m, uint32_t id)
{
	const char *end = m->returned[id] == STANZA_IQ ? "</iq>" : "</message>", *at;
	char text[16];

	snprintf(text, sizeof(text), " id='%u'", id);
	at = memmem(buf_slice(&m->out).p, m->out.len, end, strlen(end));
	CLAIM(at &&
	      memmem(buf_data(&m->out), (size_t)(at - buf_data(&m->out)), text, strlen(text)));
	buf_eat(&m->out, (size_t)(at - buf_data(&m->out)) + strlen(end));
}

/* Each stanza is proved, or returned, or of no kind that is, or the server's. */
static void part(struct model *m, bool clean, uint32_t server_queue)
{
	uint32_t from, upto = m->passed;

	if (clean) /* what it was sent counts as received: all but the last, which was queued */
		prove(m, 254);
	from = m->proved > m->base ? m->proved : m->base;
	delivery_end(&m->d, &m->out, server_queue, SLICE(""));
	if (m->on)
		upto = m->passed - from > server_queue ? m->passed - server_queue : from;
	for (uint32_t i = m->proved + 1; i <= upto && !m->client; i++)
		if (m->returned[i])
			eat_error(m, i);
	CLAIM(!m->on || eat_a(m, upto - m->base));
	CLAIM(m->out.len == 0);
}

/* All that was sent, was no error and is not acknowledged. */
static void lose(struct model *m)
{
	bool up = m->asked && !m->off;
	struct delivery_counts c;
	uint32_t left = 0;

	delivery_counts(&m->d, &c);
	CLAIM(c.unacknowledged == (up ? m->sent - m->acked : 0));
	CLAIM(c.unproved == (m->client ? 0 : m->passed - m->proved));
	for (uint32_t i = m->acked + 1; i <= m->sent && up; i++)
		left += m->message[i];
	while (delivery_lost(&m->d, &m->out, SLICE("")))
		left--;
	CLAIM(left == 0);
	buf_clear(&m->out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model *m = mem_zalloc(sizeof(*m));

	m->now = START;
	m->shown = size && data[0] & 1;
	delivery_init(&m->d, m->shown);
	for (size_t i = 1; i + 1 < size && i < 2 * STEPS_MAX; i += 2)
		step(m, data[i], data[i + 1]);
	lose(m);
	part(m, size && data[0] & 2, size ? data[0] / 4 : 0);
	delivery_clear(&m->d);
	buf_clear(&m->out);
	buf_clear(&m->answer);
	free(m);
	return 0;
}

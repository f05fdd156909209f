/* A session's delivery played by hand: what the server and the client say, what is proved, and
 * time. What goes to the server is one text, compared as a whole. */
#ifndef TESTS_DELIVERY_PLAY_H
#define TESTS_DELIVERY_PLAY_H

#include "proto/delivery.h"
#include "proto/front.h"

#define JID SLICE("u@e.org/r")
#define ENABLE "<enable xmlns='urn:xmpp:sm:3'/>"
#define R "<r xmlns='urn:xmpp:sm:3'/>"
#define A(h) "<a xmlns='urn:xmpp:sm:3' h='" #h "'/>"
#define RETURNED(from, id)                                                             \
	"<message type='error' to='" from "' id='" id "'><error type='wait'>"          \
	"<recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>" \
	"</message>"
#define LOST(to, id)                                                                       \
	"<message xmlns='jabber:client' type='error' from='" to "' to='u@e.org/r' id='" id \
	"'><error type='wait'><remote-server-timeout "                                     \
	"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
#define FAILED(ns)                                    \
	"<failed xmlns='" ns "'><unexpected-request " \
	"xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"

struct play {
	struct delivery d;
	struct buf out, answer; /* to the server; to the client */
	int64_t now;
};

static inline struct xml_element element_of(const char *text)
{
	struct xml_element e = {.bytes = slice_str(text)};
	struct slice name, value;
	struct xml_tag t;

	assert_true(xml_tag_open(&t, e.bytes));
	e.name = t.name;
	while (xml_tag_next(&t, &name, &value))
		if (slice_is(name, "xmlns"))
			e.xmlns = value;
	return e;
}

static inline void begin(struct play *p, bool shown)
{
	*p = (struct play){.now = 10000};
	delivery_init(&p->d, shown);
}

static inline void end(struct play *p)
{
	delivery_clear(&p->d);
	buf_clear(&p->out);
	buf_clear(&p->answer);
}

static inline void flush(struct play *p)
{
	delivery_expire(&p->d, p->now);
	delivery_flush(&p->d, &p->out, p->now);
	assert_true(delivery_expiry(&p->d) > p->now);
}

/* Time passes as it does for a session: from expiry to expiry. */
static inline void wait(struct play *p, int64_t ms)
{
	int64_t until = p->now + ms;

	while (delivery_expiry(&p->d) <= until) {
		p->now = delivery_expiry(&p->d);
		flush(p);
	}
	p->now = until;
}

/* What went to the server since the last look is exactly this. */
static inline void sent_(struct play *p, const char *want, int line)
{
	if (!slice_is(buf_slice(&p->out), want)) {
		fprintf(stderr, "line %d: wanted: %s\nsent: %.*s\n", line, want, (int)p->out.len,
			buf_slice(&p->out).p);
		fail();
	}
	buf_clear(&p->out);
}
#define SENT(p, want) sent_(p, want, __LINE__)

/* From the server: whether it is for the client. */
static inline bool server(struct play *p, const char *text)
{
	struct xml_element e = element_of(text);
	enum stanza_kind kind = xml_stanza_kind(e.name);
	bool ours = false;

	if (kind == STANZA_NONE)
		ours = delivery_from_server(&p->d, &e, NULL, p->now);
	else
		delivery_passed(&p->d, &e, kind);
	flush(p);
	return !ours;
}

static inline void messages(struct play *p, int first, int n)
{
	for (int i = first; i < first + n; i++) {
		char text[64];

		snprintf(text, sizeof(text), "<message from='a@b' id='%d'/>", i);
		server(p, text);
	}
}

/* From the client: whether it goes to the server. */
static inline bool client(struct play *p, const char *text)
{
	struct xml_element e = element_of(text);
	enum stanza_kind kind = xml_stanza_kind(e.name);
	bool goes = true;

	if (delivery_watches(&p->d, (uint8_t)(1 << kind)))
		goes = delivery_from_client(&p->d, &e, kind, e.xmlns, p->now, &p->answer);
	if (goes)
		buf_addz(&p->out, text);
	if (kind == STANZA_MESSAGE)
		delivery_sent_message(&p->d, e.bytes, p->now);
	else if (kind != STANZA_NONE)
		delivery_sent(&p->d, 1);
	flush(p);
	return goes;
}

static inline void proved(struct play *p, uint32_t serial)
{
	delivery_proved(&p->d, serial);
	flush(p);
}

/* A BOSH session for which the server counts from now on. */
static inline void begin_on(struct play *p)
{
	begin(p, false);
	delivery_offered(&p->d, &p->out, p->now);
	delivery_bound(&p->d, &p->out);
	assert_false(server(p, "<enabled xmlns='urn:xmpp:sm:3'/>"));
	SENT(p, ENABLE);
	assert_int_equal(p->d.mode, DELIVERY_ON);
}

static inline struct delivery_counts counts(const struct play *p)
{
	struct delivery_counts c;

	delivery_counts(&p->d, &c);
	return c;
}

#endif

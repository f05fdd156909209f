/* The last hop: what of the stream is delivery's business, and what of it the client and the server
 * see. Elements are looked at one by one only while it is open who does stream management, and
 * where they are no stanzas: none of that stands in the way of chat. */
#include "session/session_priv.h"
#include "base/mem.h"
#include "proto/xmlpeek.h"

#include <stdlib.h>

enum { JID_MAX = 3071 }; /* bytes (RFC 7622 3.1) */

/* --- from the server --- */

/* The text behind this tag: for those who look at sessions. */
static void note_jid(struct session *s, struct slice in, const char *tag)
{
	const char *at = memmem(in.p, in.n, tag, strlen(tag)), *end;

	if (s->jid || !at)
		return;
	in = slice_of(at + strlen(tag), in.n - (size_t)(at - in.p) - strlen(tag));
	end = memchr(in.p, '<', in.n);
	if (end && end + 1 < in.p + in.n && end[1] == '/' && end - in.p <= JID_MAX)
		s->jid = mem_strndup(in.p, (size_t)(end - in.p));
}

static bool is_named(const struct xml_element *e, const char *name)
{
	struct slice prefix, local;

	xml_split(e->name, &prefix, &local);
	return slice_is(local, name);
}

/* XEP-0386: with SASL2 the client may be bound by the time it is logged in. */
static void see_success(struct session *s, const struct xml_element *e, int64_t now)
{
	struct xml_element bound;

	if (!xml_peek_find(e->bytes, xstream_scope(&s->stream), "bound", NS_BIND2, &bound))
		return;
	note_jid(s, e->bytes, "<authorization-identifier>");
	note(s, EVENT_BOUND, now);
	delivery_bound(&s->delivery, &s->out);
}

bool hop_from_server(struct session *s, const struct xstream_item *item, int64_t now)
{
	const struct xml_element *e = &item->element;
	const struct xml_scope *scope = xstream_scope(&s->stream);
	struct slice ns = xml_namespace(e, scope);

	if (xml_raw_is(ns, NS_SM) || xml_raw_is(ns, NS_SM_2))
		return !delivery_from_server(&s->delivery, e, scope, now);
	if (s->delivery.bound || !xml_raw_is(ns, NS_SASL2))
		return true;
	if (is_named(e, "success") || is_named(e, "failure"))
		delivery_logged_in(&s->delivery, e, scope);
	if (is_named(e, "success"))
		see_success(s, e, now);
	return true;
}

/* RFC 6120 7.6: the client has a resource from here on. */
static void see_bind(struct session *s, const struct xml_element *iq, int64_t now)
{
	struct xml_element bind;

	if (!xml_raw_is(xml_attribute(iq->bytes, "type"), "result") ||
	    !xml_peek_find(iq->bytes, xstream_scope(&s->stream), "bind", NS_BIND, &bind))
		return;
	note_jid(s, bind.bytes, "<jid>");
	note(s, EVENT_BOUND, now);
	delivery_bound(&s->delivery, &s->out);
}

uint32_t hop_to_client(struct session *s, const struct xstream_item *item, int64_t now)
{
	uint32_t serial = delivery_passed(&s->delivery, &item->element, item->kind);

	if (item->kind == STANZA_IQ && !s->delivery.bound)
		see_bind(s, &item->element, now);
	if (delivery_kept(&s->delivery) > s->env->client_queue)
		session_close(s, REASON_QUEUE_FULL, now);
	return serial;
}

/* --- from the client --- */

/* Something of our own making, which declares its namespace itself. */
static void tell_client(struct session *s, const struct buf *text, int64_t now)
{
	struct xml_element e = {.bytes = buf_slice(text)};
	struct xml_tag t;

	if (!xml_tag_open(&t, e.bytes))
		return;
	e.name = t.name;
	e.insert = (uint32_t)(1 + t.name.n);
	e.xmlns = xml_attribute(e.bytes, "xmlns");
	s->bytes_out += e.bytes.n;
	ops(s)->element(s->front, &e, xstream_scope(&s->stream), s->delivery.passed, now);
}

/* On the stream, what declares no namespace is in jabber:client. */
static enum stanza_kind kind_of(const struct xml_element *e, struct slice ns)
{
	struct slice prefix, local;

	xml_split(e->name, &prefix, &local);
	return !ns.p || xml_raw_is(ns, NS_CLIENT) ? xml_stanza_kind(local) : STANZA_NONE;
}

static void one_from_client(struct session *s, const struct xml_element *e, struct slice bytes,
			    int64_t now)
{
	struct slice ns = xml_namespace(e, NULL);
	enum stanza_kind kind = kind_of(e, ns);
	struct buf answer = {0};

	if (delivery_from_client(&s->delivery, e, kind, ns, now, &answer))
		buf_adds(&s->out, bytes);
	if (kind == STANZA_MESSAGE)
		delivery_sent_message(&s->delivery, e->bytes, now);
	else
		delivery_sent(&s->delivery, kind != STANZA_NONE);
	if (answer.len)
		tell_client(s, &answer, now);
	buf_clear(&answer);
}

/* The next element of a payload and the bytes that it takes with what stands before it; false at
 * the end, where *bytes is what is left. */
static bool cut(struct xmlcut *c, struct slice *payload, struct xml_element *e, struct slice *bytes)
{
	size_t used = 0;

	*bytes = *payload;
	if (payload->n == 0 || xmlcut_next(c, *payload, NULL, e, &used) != XMLCUT_ELEMENT)
		return false;
	*bytes = slice_of(payload->p, used);
	*payload = slice_of(payload->p + used, payload->n - used);
	return true;
}

static void each_from_client(struct session *s, struct slice payload, int64_t now)
{
	struct xml_element e;
	struct slice bytes;
	struct xmlcut c;

	xmlcut_init(&c, XMLCUT_CONTENT, &xml_unlimited);
	while (cut(&c, &payload, &e, &bytes))
		one_from_client(s, &e, bytes, now);
	buf_adds(&s->out, bytes);
}

void hop_from_client(struct session *s, const struct front_event *e, int64_t now)
{
	bool named = e->kinds & 1 << STANZA_MESSAGE && delivery_remembers(&s->delivery);

	s->stanzas_in += e->stanzas;
	s->bytes_in += e->payload.n;
	if (delivery_watches(&s->delivery, e->kinds) || (named && e->elements > 1)) {
		each_from_client(s, e->payload, now);
		return;
	}
	buf_adds(&s->out, e->payload);
	if (named)
		delivery_sent_message(&s->delivery, e->payload, now);
	else
		delivery_sent(&s->delivery, e->stanzas);
}

/* --- the client is gone --- */

/* Whoever closes a stream under fire loses what is on its way to him, and more than a server keeps
 * may be: so the server is asked first to send no more. */
void hop_leave(struct session *s, int64_t now, struct effects *fx)
{
	if (s->left || !s->connected || s->unheard)
		return;
	s->left = true;
	s->leaving = delivery_leave(&s->delivery, &s->out, slice_str(session_domain(s)));
	if (!s->leaving)
		return;
	s->until =
	    now + (s->reason == REASON_SYSTEM_SHUTDOWN ? s->env->stop_wait : s->env->leave_wait);
	if (!s->reading)
		effects_add(fx, EFFECT_READ_ON, 0);
	s->reading = true;
}

/* Not a request that somebody makes by the same id. */
static bool is_leave_answer(const struct xml_element *e)
{
	struct slice type = xml_attribute(e->bytes, "type");

	return xml_raw_is(xml_attribute(e->bytes, "id"), DELIVERY_LEAVE) &&
	       (xml_raw_is(type, "result") || xml_raw_is(type, "error"));
}

void hop_left_over(struct session *s, const struct xstream_item *item, int64_t now)
{
	const struct xml_element *e = &item->element;

	if (item->kind == STANZA_NONE) {
		hop_from_server(s, item, now);
		return;
	}
	if (item->kind == STANZA_IQ && is_leave_answer(e))
		s->leaving = !delivery_left(&s->delivery, &s->out, s->env->server_queue,
					    slice_str(session_domain(s)));
	else
		delivery_passed(&s->delivery, e, item->kind);
}

void hop_leave_on(struct session *s, bool proving, int64_t now)
{
	if (now >= s->until || !s->connected)
		s->leaving = false;
	if (!s->leaving) {
		s->until = now + s->env->close_wait;
		return;
	}
	if (!proving)
		delivery_trim(&s->delivery, &s->out, s->env->server_queue, slice_str(s->jid));
	delivery_flush(&s->delivery, &s->out, now);
}

/* --- the server is lost --- */

/* What waited for a server that took nothing will never be sent. */
static void report_unsent(struct session *s, struct slice payload, int64_t now)
{
	struct buf text = {0};
	struct xml_element e;
	struct slice bytes;
	struct xmlcut c;

	xmlcut_init(&c, XMLCUT_CONTENT, &xml_unlimited);
	while (cut(&c, &payload, &e, &bytes)) {
		if (kind_of(&e, xml_namespace(&e, NULL)) != STANZA_MESSAGE ||
		    !delivery_unsent(&text, e.bytes, slice_str(s->jid)))
			continue;
		tell_client(s, &text, now);
		buf_reset(&text);
	}
	buf_clear(&text);
}

void hop_lost(struct session *s, int64_t now)
{
	struct front_event e = {.type = FRONT_PAYLOAD};
	struct buf text = {0};

	if (s->delivery.mode == DELIVERY_CLIENT || s->delivery.mode == DELIVERY_TRANSPARENT ||
	    s->delivery.pending) /* it sends again what is not acknowledged */
		return;
	ops(s)->last(s->front);
	while (delivery_lost(&s->delivery, &text, slice_str(s->jid))) {
		tell_client(s, &text, now);
		buf_reset(&text);
	}
	buf_clear(&text);
	while (s->delivery.bound && e.type == FRONT_PAYLOAD) {
		ops(s)->next(s->front, &e);
		if (e.type == FRONT_PAYLOAD && e.kinds & 1 << STANZA_MESSAGE)
			report_unsent(s, e.payload, now);
	}
}

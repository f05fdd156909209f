/* How the login goes, as far as a bystander can see: SASL, SASL2 and XEP-0078. Nothing is changed,
 * and nothing of it is kept but what happened. */
#include "session/session_priv.h"
#include "proto/xmlpeek.h"

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_IQ_AUTH "jabber:iq:auth"

static struct slice local_name(const struct xml_element *e)
{
	struct slice prefix, local;

	xml_split(e->name, &prefix, &local);
	return local;
}

static bool is_sasl(struct slice ns)
{
	return xml_raw_is(ns, NS_SASL) || xml_raw_is(ns, NS_SASL2);
}

static void tried(struct session *s, int64_t now)
{
	s->login = SESSION_LOGIN_TRIED;
	note(s, EVENT_LOGIN_TRIED, now);
}

static void asked(struct session *s, const struct xml_element *e, int64_t now)
{
	struct slice name = local_name(e), ns = xml_namespace(e, NULL);
	struct xml_element query;

	if ((slice_is(name, "auth") || slice_is(name, "authenticate")) && is_sasl(ns)) {
		tried(s, now);
	} else if (slice_is(name, "iq") && xml_raw_is(xml_attribute(e->bytes, "type"), "set") &&
		   xml_peek_find(e->bytes, NULL, "query", NS_IQ_AUTH, &query)) {
		s->iq_login = true;
		tried(s, now);
	}
}

void login_asked(struct session *s, struct slice payload, int64_t now)
{
	struct xml_element e;
	struct xmlcut c;
	size_t used = 0;

	xmlcut_init(&c, XMLCUT_CONTENT, &xml_unlimited);
	while (payload.n && xmlcut_next(&c, payload, NULL, &e, &used) == XMLCUT_ELEMENT) {
		asked(s, &e, now);
		payload = slice_of(payload.p + used, payload.n - used);
	}
}

/* The condition is the name of a child, mostly of the first. */
enum event event_of_error(const char *label, struct slice element)
{
	enum event none = event_find(label, SLICE_NONE), found = none;
	struct xml_element child;
	struct slice before;
	struct xml_peek p;

	if (!xml_peek_open(&p, element))
		return none;
	while (found == none && xml_peek_next(&p, &child, &before))
		found = event_find(label, local_name(&child));
	return found;
}

static void told(struct session *s, bool done, enum event what, int64_t now)
{
	s->login = done ? SESSION_LOGIN_DONE : SESSION_LOGIN_FAILED;
	s->iq_login = false;
	note(s, what, now);
}

void login_told(struct session *s, const struct xstream_item *item, int64_t now)
{
	const struct xml_element *e = &item->element;
	struct slice type;

	if (item->kind == STANZA_IQ && s->iq_login) {
		type = xml_attribute(e->bytes, "type");
		if (xml_raw_is(type, "result"))
			told(s, true, EVENT_LOGGED_IN, now);
		else if (xml_raw_is(type, "error"))
			told(s, false, EVENT_LOGIN_NOT_AUTHORIZED, now);
	} else if (item->kind == STANZA_NONE &&
		   is_sasl(xml_namespace(e, xstream_scope(&s->stream)))) {
		if (slice_is(local_name(e), "success"))
			told(s, true, EVENT_LOGGED_IN, now);
		else if (slice_is(local_name(e), "failure"))
			told(s, false, event_of_error("login-failed", e->bytes), now);
	}
}

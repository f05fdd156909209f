/* What passes a session that somebody watches, redacted before it leaves. */
#include "session/session_priv.h"
#include "proto/redact.h"

static void trace(struct session *s, enum trace_from from, const struct xml_element *e,
		  struct slice xmlns, struct effects *fx)
{
	struct effect *x = effects_add(fx, EFFECT_TRACE, 0);

	x->code = from;
	x->ms = (int64_t)e->bytes.n;
	redact(&x->data, e->bytes, xmlns, s->env->trace_bodies);
}

void trace_client(struct session *s, struct slice payload, struct effects *fx)
{
	struct xml_element e;
	struct xmlcut c;
	size_t used = 0;

	xmlcut_init(&c, XMLCUT_CONTENT, &xml_unlimited);
	while (payload.n && xmlcut_next(&c, payload, NULL, &e, &used) == XMLCUT_ELEMENT) {
		trace(s, TRACE_CLIENT, &e, SLICE(NS_CLIENT), fx);
		payload = slice_of(payload.p + used, payload.n - used);
	}
}

void trace_server(struct session *s, const struct xml_element *e, struct effects *fx)
{
	trace(s, TRACE_SERVER, e, xstream_scope(&s->stream)->xmlns, fx);
}

void session_trace(struct session *s, bool on, int64_t now)
{
	if (s->traced == on)
		return;
	s->traced = on;
	note(s, on ? EVENT_TRACED : EVENT_UNTRACED, now);
}

bool session_traced(const struct session *s)
{
	return s->traced;
}

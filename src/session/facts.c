/* What a session tells of itself, to those who look at it. */
#include "session/session_priv.h"

void session_facts(const struct session *s, struct session_facts *f)
{
	*f = (struct session_facts){.state = s->state,
				    .reason = s->reason,
				    .front = ops(s)->name,
				    .domain = session_domain(s),
				    .jid = slice_str(s->jid),
				    .born = s->born};
	f->in.stanzas = s->stanzas_in;
	f->in.bytes = s->bytes_in;
	f->out.stanzas = s->stanzas_out;
	f->out.bytes = s->bytes_out;
	ops(s)->counts(s->front, &f->counts);
	delivery_counts(&s->delivery, &f->delivery);
	f->logins = s->events.logins;
	f->login_failures = s->events.failures;
}

bool session_detail(const struct session *s, int64_t now, struct front_detail *d)
{
	if (!ops(s)->detail)
		return false;
	ops(s)->detail(s->front, now, d);
	return true;
}

unsigned session_events(const struct session *s, uint8_t *noted)
{
	*noted = s->events.noted;
	return s->events.n;
}

enum event session_event(const struct session *s, unsigned i, int64_t *age)
{
	return events_get(&s->events, i, age);
}

struct slice session_condition(const struct session *s)
{
	int64_t age;

	for (unsigned i = 0; i < s->events.n; i++) {
		enum event e = events_get(&s->events, i, &age);

		if (strcmp(event_label(e), "stream-error") == 0)
			return event_condition(e);
	}
	return SLICE_NONE;
}

size_t session_unsent(const struct session *s)
{
	return s->out.len;
}

enum session_state session_state(const struct session *s)
{
	return s->state;
}

const char *session_state_name(enum session_state state)
{
	static const char *const names[] = {"opening", "open", "detached", "closing", "dead"};

	return names[state];
}

const struct route *session_route(const struct session *s)
{
	return s->route ? &s->env->routes.v[s->route - 1] : NULL;
}

const char *session_domain(const struct session *s)
{
	const struct route *r = session_route(s);

	return s->domain ? s->domain : r ? r->domain : "";
}

enum session_login session_login(const struct session *s)
{
	return s->login;
}

size_t session_backend(const struct session *s)
{
	return s->backend;
}

uint64_t session_bytes_out(const struct session *s)
{
	return s->bytes_out;
}

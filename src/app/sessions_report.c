/* The owner's table as a whole: what its sessions add up to, and ending those of one backend. */
#include "app/sessions_priv.h"
#include "base/mem.h"

#include <stdlib.h>

enum { DRAIN_BATCH = 200 /* sessions that are looked at for that in one turn */ };

/* Those that have changed in this turn are not in the census until they have had theirs. */
static void add_marked(struct sessions *t, struct report *r)
{
	struct census now;

	census_init(&now, t->census.tally.n_domains);
	for (struct entry *e = t->marked; e; e = e->next_marked) {
		const struct route *route = e->session ? session_route(e->session) : NULL;
		struct session_facts f;

		if (e->counted || !e->session)
			continue;
		session_facts(e->session, &f);
		census_see(&now, &f, e->websocket ? TRANSPORT_WEBSOCKET : TRANSPORT_BOSH,
			   route ? (size_t)(route - t->w->app->env.routes.v) : now.tally.n_domains,
			   false);
	}
	census_report(&now, r);
	census_clear(&now);
}

void sessions_report(struct sessions *t, struct report *r)
{
	census_report(&t->census, r);
	add_marked(t, r);
	r->n.sessions = t->n;
	r->n.requests = t->requests;
	r->n.foreign = t->foreign;
	if (t->w->now < t->no_login_until)
		memcpy(r->no_login, t->no_login, sizeof(r->no_login));
}

void sessions_turned(struct sessions *t, uint64_t us)
{
	if (t->delivered)
		histogram_add(&t->census.tally.deliveries, us, t->delivered);
	t->delivered = 0;
	census_logins(&t->census, &t->w->meter, t->w->now);
}

/* Where others are being looked for, the look begins anew, for all of them. */
void sessions_drain(struct sessions *t, char *backend)
{
	t->drain = mem_realloc(t->drain, (t->n_drain + 1) * sizeof(*t->drain));
	t->drain[t->n_drain++] = backend;
	t->drain_next = t->first;
}

void sessions_drained(struct sessions *t)
{
	for (size_t i = 0; i < t->n_drain; i++)
		free(t->drain[i]);
	free(MEM_TAKE(t->drain));
	t->n_drain = 0;
}

/* Sessions that are still dialling are at no backend yet, and will be at another one. */
static bool is_to_go(const struct sessions *t, const struct entry *e)
{
	struct health_row row;

	if (e->leg.state != LEG_READY && e->leg.state != LEG_UP)
		return false;
	if (!e->session || !e->leg.backend || session_state(e->session) >= SESSION_CLOSING)
		return false;
	health_row(e->leg.backend, &row);
	for (size_t i = 0; i < t->n_drain; i++)
		if (strcmp(row.name, t->drain[i]) == 0)
			return true;
	return false;
}

bool sessions_drain_on(struct sessions *t)
{
	for (int i = 0; i < DRAIN_BATCH && t->drain_next; i++) {
		struct entry *e = t->drain_next;

		t->drain_next = e->next;
		if (!is_to_go(t, e))
			continue;
		entry_mark(e);
		session_close(e->session, REASON_DRAINED, t->w->now);
	}
	if (t->drain_next)
		return true;
	sessions_drained(t);
	return false;
}

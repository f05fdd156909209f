/* The census. */
#include "app/status/census.h"

void census_init(struct census *c, size_t domains)
{
	*c = (struct census){0};
	tally_init(&c->tally, domains);
}

void census_clear(struct census *c)
{
	tally_clear(&c->tally);
}

void census_see(struct census *c, const struct session_facts *f, enum transport t, size_t domain,
		bool back)
{
	uint32_t one = back ? UINT32_MAX : 1;

	numbers_living(&c->living, f, t == TRANSPORT_WEBSOCKET, back);
	if (f->state < SESSION_DEAD)
		c->tally.living[t][f->state] += one;
	if (domain < c->tally.n_domains)
		c->tally.domains[domain].sessions[t] += one;
}

void census_end(struct census *c, const struct session_facts *f, enum transport t)
{
	numbers_carried(&c->past, f, false);
	c->past.ended++;
	c->tally.ends[t][f->reason]++;
}

static uint32_t news(uint64_t *seen, uint64_t now)
{
	uint64_t n = now > *seen ? now - *seen : 0;

	*seen += n;
	return (uint32_t)n;
}

void census_logins(struct census *c, struct meter *m, int64_t now)
{
	uint32_t well = news(&c->logins, c->past.logins + c->living.logins);
	uint32_t failed =
	    news(&c->login_failures, c->past.login_failures + c->living.login_failures);

	if (well || failed)
		meter_logins(m, now, well, failed);
}

void census_report(const struct census *c, struct report *r)
{
	numbers_add(&r->n, &c->past);
	numbers_add(&r->n, &c->living);
	tally_add(&r->tally, &c->tally);
	for (int t = 0; t < TRANSPORTS; t++)
		r->n.created += c->tally.created[t];
	for (int i = 0; i < REFUSAL_COUNT; i++) {
		r->refusals[i] += c->refusals.n[i];
		r->n.refused += c->refusals.n[i];
	}
}

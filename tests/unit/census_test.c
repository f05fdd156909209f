/* The census: what sessions add up to while they come, change and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/status/census.h"

enum { SESSIONS = 40, STEPS = 20000, DOMAINS = 3 };

struct one {
	struct session_facts f;
	size_t domain;
	bool here;
};

/* Counted anew from all sessions and all that ended. */
static void by_hand(struct report *r, const struct one *v, const struct numbers *past)
{
	numbers_add(&r->n, past);
	for (int i = 0; i < SESSIONS; i++) {
		if (!v[i].here)
			continue;
		numbers_living(&r->n, &v[i].f, i % 2, false);
		r->tally.living[i % 2][v[i].f.state]++;
		if (v[i].domain < DOMAINS)
			r->tally.domains[v[i].domain].sessions[i % 2]++;
	}
}

static void change(struct one *o)
{
	o->f.in.stanzas += (unsigned)rand() % 3;
	o->f.out.bytes += (unsigned)rand() % 999;
	o->f.counts.held = (unsigned)rand() % 3;
	o->f.counts.queued = (unsigned)rand() % 100;
	o->f.delivery.unproved = (unsigned)rand() % 5;
	o->f.state = (enum session_state)(rand() % SESSION_DEAD);
	if (rand() % 4 == 0)
		o->f.logins++;
	if (rand() % 4 == 0)
		o->f.login_failures++;
	if (o->domain == DOMAINS)
		o->domain = (size_t)(rand() % (DOMAINS + 1));
}

static void same(const struct report *a, const struct report *b)
{
#define X(field, json, metric, label, type, sentence) assert_int_equal(a->n.field, b->n.field);
#include "app/status/numbers.def"
#undef X
	assert_memory_equal(a->tally.living, b->tally.living, sizeof(a->tally.living));
	assert_memory_equal(a->tally.domains, b->tally.domains,
			    DOMAINS * sizeof(*a->tally.domains));
}

static void step(struct census *c, struct one *o, enum transport t, struct numbers *past)
{
	if (!o->here) {
		*o = (struct one){.here = true, .domain = DOMAINS};
		c->tally.created[t]++;
		past->created++;
	} else {
		census_see(c, &o->f, t, o->domain, true);
	}
	change(o);
	if (rand() % 8 == 0) {
		o->here = false;
		census_end(c, &o->f, t);
		numbers_carried(past, &o->f, false);
		past->ended++;
	} else {
		census_see(c, &o->f, t, o->domain, false);
	}
}

static void it_is_what_a_count_by_hand_is(void **state)
{
	static struct one v[SESSIONS];
	struct numbers past = {0};
	struct census c;

	(void)state;
	srand(20261127);
	census_init(&c, DOMAINS);
	for (int i = 0; i < STEPS; i++) {
		int k = rand() % SESSIONS;
		struct report *a, *b;

		step(&c, &v[k], k % 2 ? TRANSPORT_WEBSOCKET : TRANSPORT_BOSH, &past);
		if (i % 500)
			continue;
		a = report_new(0, DOMAINS);
		b = report_new(0, DOMAINS);
		census_report(&c, a);
		by_hand(b, v, &past);
		same(a, b);
		report_free(a);
		report_free(b);
	}
	census_clear(&c);
}

static void logins_are_told_once(void **state)
{
	struct session_facts f = {.front = "bosh"};
	struct meter m = {0};
	struct meter_view v;
	struct census c;

	(void)state;
	census_init(&c, 0);
	census_see(&c, &f, TRANSPORT_BOSH, 0, false);
	census_logins(&c, &m, 1000);
	census_see(&c, &f, TRANSPORT_BOSH, 0, true);
	f.logins = 1;
	f.login_failures = 2;
	census_logins(&c, &m, 1000); /* while it is taken out */
	census_see(&c, &f, TRANSPORT_BOSH, 0, false);
	census_logins(&c, &m, 1000);
	census_logins(&c, &m, 1000);
	census_see(&c, &f, TRANSPORT_BOSH, 0, true);
	census_logins(&c, &m, 1000);
	census_end(&c, &f, TRANSPORT_BOSH);
	census_logins(&c, &m, 1000);
	meter_look(&m, 1000, &v);
	assert_int_equal(v.logins, 1);
	assert_int_equal(v.login_failures, 2);
	census_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_what_a_count_by_hand_is),
	    cmocka_unit_test(logins_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

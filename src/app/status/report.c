/* Reports. */
#include "app/status/report.h"
#include "base/mem.h"

#include <stdlib.h>

const char *const transport_names[TRANSPORTS] = {"bosh", "websocket"};

void numbers_add(struct numbers *sum, const struct numbers *n)
{
#define X(field, json, metric, label, type, sentence) sum->field += n->field;
#include "app/status/numbers.def"
#undef X
}

void tally_init(struct tally *t, size_t domains)
{
	*t = (struct tally){.n_domains = domains};
	t->domains = mem_zalloc((domains + 1) * sizeof(*t->domains));
}

void tally_clear(struct tally *t)
{
	free(t->domains);
}

void tally_add(struct tally *sum, const struct tally *t)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		for (int s = 0; s < SESSION_DEAD; s++)
			sum->living[i][s] += t->living[i][s];
		for (int r = 0; r < REASON_COUNT; r++)
			sum->ends[i][r] += t->ends[i][r];
		sum->created[i] += t->created[i];
		for (size_t d = 0; d < t->n_domains && d < sum->n_domains; d++)
			sum->domains[d].sessions[i] += t->domains[d].sessions[i];
	}
	histogram_merge(&sum->deliveries, &t->deliveries);
}

struct report *report_new(uint8_t worker, size_t domains)
{
	struct report *r = mem_zalloc(sizeof(*r));

	r->worker = worker;
	tally_init(&r->tally, domains);
	return r;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	tally_clear(&r->tally);
	free(r);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void report_add(struct report *sum, const struct report *r)
{
	numbers_add(&sum->n, &r->n);
	tally_add(&sum->tally, &r->tally);
	for (int i = 0; i < REFUSAL_COUNT; i++)
		sum->refusals[i] += r->refusals[i];
	histogram_merge(&sum->turns, &r->turns);
	sum->meter.load_percent = larger(sum->meter.load_percent, r->meter.load_percent);
	sum->meter.turn_max_us = larger(sum->meter.turn_max_us, r->meter.turn_max_us);
	sum->meter.logins += r->meter.logins;
	sum->meter.login_failures += r->meter.login_failures;
	if (*r->no_login)
		memcpy(sum->no_login, r->no_login, sizeof(sum->no_login));
}

/* Unsigned numbers: what is taken away may wrap on the way, and comes out right. */
static void count(uint64_t *to, uint64_t n, bool back)
{
	*to += back ? -n : n;
}

void numbers_carried(struct numbers *n, const struct session_facts *f, bool back)
{
	count(&n->stanzas_in, f->in.stanzas, back);
	count(&n->stanzas_out, f->out.stanzas, back);
	count(&n->bytes_in, f->in.bytes, back);
	count(&n->bytes_out, f->out.bytes, back);
	count(&n->proved, f->delivery.proved, back);
	count(&n->returned, f->delivery.returned, back);
	count(&n->given_up, f->delivery.given_up, back);
	count(&n->logins, f->logins, back);
	count(&n->login_failures, f->login_failures, back);
}

void numbers_living(struct numbers *n, const struct session_facts *f, bool websocket, bool back)
{
	uint64_t *const by_state[] = {&n->opening, &n->open, &n->detached, &n->closing};

	numbers_carried(n, f, back);
	count(&n->unproved, f->delivery.unproved, back);
	count(&n->unacknowledged, f->delivery.unacknowledged, back);
	count(&n->held, f->counts.held, back);
	count(&n->queued, f->counts.queued, back);
	count(websocket ? &n->websocket : &n->bosh, 1, back);
	if (f->state < SESSION_DEAD)
		count(by_state[f->state], 1, back);
}

/* The overview. Questions and answers travel as letters: nobody sees what is another worker's, and
 * one that hangs is named instead of waited for. */
#include "app/status/overview.h"
#include "app/process.h"
#include "app/sessions.h"
#include "app/status/json.h"
#include "app/status/problem.h"
#include "app/status/sampler.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
	BACKENDS_MAX = 200, /* told of */
	DOMAINS_MAX = 50    /* told of by name */
};

/* --- asking and telling --- */

void overview_ask(struct worker *w, handle_t h, void (*done)(struct worker *w, struct question *q))
{
	struct question *q = question_new(w->questions, h, done, NULL);

	for (int i = 0; i < w->app->n; i++)
		question_ask(w->questions, q, (uint8_t)i, letter_new(LETTER_REPORT));
}

static void release(void *report)
{
	report_free(report);
}

static void add_web(struct report *r, const struct web *web)
{
	const struct refusals *refused = web_refusals(web);
	struct web_counts c;

	web_counts(web, &c);
	r->n.connections = c.connections;
	r->n.accepted = c.accepted;
	r->n.websockets = c.websockets;
	r->n.waiting = c.requests_waiting;
	r->n.tls_done = c.tls_done;
	r->n.tls_failed = c.tls_failed;
	r->n.tls_resumed = c.tls_resumed;
	for (int i = 0; i < REFUSAL_COUNT; i++) {
		r->refusals[i] += refused->n[i];
		r->n.refused += refused->n[i];
	}
}

void overview_told(struct worker *w, const struct letter *l)
{
	struct report *r = report_new(w->index, w->app->config->n_domains);

	sessions_report(w->sessions, r);
	add_web(r, w->web);
	r->n.turns = w->turns;
	r->turns = w->turn_times;
	meter_look(&w->meter, w->now, &r->meter);
	if (w->sampler)
		r->past = *sampler_past(w->sampler);
	question_answer(w, l->from, l->handle, r, release);
}

static void add_acceptor(struct report *sum, const struct app *app)
{
	uint64_t n = atomic_load_explicit(&app->shed, memory_order_relaxed);

	sum->refusals[REFUSAL_CONNECTIONS] += n;
	sum->n.refused += n;
}

void overview_init(struct overview *o, struct worker *w, const struct question *q)
{
	*o = (struct overview){.sum = report_new(0, w->app->config->n_domains)};
	for (int i = 0; i < w->app->n; i++) {
		o->reports[i] = q->answers[i].p;
		if (o->reports[i])
			report_add(o->sum, o->reports[i]);
		else
			o->silent++;
	}
	add_acceptor(o->sum, w->app);
	o->rows = mem_alloc(BACKENDS_MAX * sizeof(*o->rows));
	o->n_rows = health_rows(backends_health(w->app->backends), o->rows, BACKENDS_MAX);
}

void overview_clear(struct overview *o)
{
	report_free(o->sum);
	free(o->rows);
}

/* --- the document --- */

static void put_numbers(struct json *j, const struct report *r)
{
#define X(field, name, metric, label, type, sentence) json_int(j, name, (int64_t)r->n.field);
#include "app/status/numbers.def"
#undef X
	json_int(j, "turn_max_us", r->meter.turn_max_us);
	json_int(j, "load_percent", r->meter.load_percent);
}

static void put_process(struct json *j, const struct report *sum)
{
	int64_t memory = process_memory();

	json_int(j, "memory_bytes", memory);
	if (sum->n.sessions)
		json_int(j, "memory_per_session_bytes", memory / (int64_t)sum->n.sessions);
	else
		json_null(j, "memory_per_session_bytes");
	json_int(j, "cpu_ms_total", process_cpu_ms());
}

struct place {
	size_t domain;
	uint64_t sessions;
};

static int by_sessions(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->sessions != y->sessions)
		return x->sessions < y->sessions ? 1 : -1;
	return x->domain < y->domain ? -1 : x->domain > y->domain;
}

static void put_domain(struct json *j, const char *name, uint64_t bosh, uint64_t websocket)
{
	json_open(j, NULL);
	json_text(j, "domain", slice_str(name));
	json_int(j, "sessions", (int64_t)(bosh + websocket));
	json_int(j, "bosh", (int64_t)bosh);
	json_int(j, "websocket", (int64_t)websocket);
	json_close(j);
}

static void put_domains(struct json *j, const struct report *sum, const struct config *c)
{
	struct place *v = mem_alloc((sum->tally.n_domains + 1) * sizeof(*v));
	uint64_t rest[TRANSPORTS] = {0};
	size_t n = 0;

	for (size_t i = 0; i < sum->tally.n_domains; i++) {
		const uint32_t *s = sum->tally.domains[i].sessions;

		if (s[TRANSPORT_BOSH] + s[TRANSPORT_WEBSOCKET])
			v[n++] = (struct place){i, s[TRANSPORT_BOSH] + s[TRANSPORT_WEBSOCKET]};
	}
	qsort(v, n, sizeof(*v), by_sessions);
	json_array(j, "by_domain");
	for (size_t i = 0; i < n; i++) {
		const uint32_t *s = sum->tally.domains[v[i].domain].sessions;

		if (i < DOMAINS_MAX)
			put_domain(j, c->domains[v[i].domain].name, s[TRANSPORT_BOSH],
				   s[TRANSPORT_WEBSOCKET]);
		for (int t = 0; t < TRANSPORTS && i >= DOMAINS_MAX; t++)
			rest[t] += s[t];
	}
	if (n > DOMAINS_MAX)
		put_domain(j, "…other", rest[TRANSPORT_BOSH], rest[TRANSPORT_WEBSOCKET]);
	json_array_close(j);
	free(v);
}

static void put_ends(struct json *j, const struct report *sum)
{
	json_open(j, "ends");
	for (int i = 0; i < REASON_COUNT; i++) {
		uint64_t n =
		    sum->tally.ends[TRANSPORT_BOSH][i] + sum->tally.ends[TRANSPORT_WEBSOCKET][i];

		if (n)
			json_int(j, reason_label((enum reason)i), (int64_t)n);
	}
	json_close(j);
	json_open(j, "refusals");
	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		if (sum->refusals[i])
			json_int(j, refusal_label(i), (int64_t)sum->refusals[i]);
	json_close(j);
}

size_t overview_problems(const struct overview *o, struct worker *w, struct problem *v)
{
	struct problem_view view = {.config = w->app->config,
				    .workers = w->app->n,
				    .draining = atomic_load(&w->app->draining),
				    .now = w->now,
				    .descriptors = process_descriptors(),
				    .descriptors_max = process_descriptors_max()};

	return problem_find(o, &view, v, PROBLEMS_MAX);
}

static void put_problems(struct json *j, const struct overview *o, struct worker *w)
{
	struct problem *v = mem_alloc(PROBLEMS_MAX * sizeof(*v));
	size_t n = overview_problems(o, w, v);
	int64_t well = n || !o->reports[0] ? -1 : past_well(&o->reports[0]->past);

	if (well >= 0)
		json_int(j, "well_ms", w->now > well ? w->now - well : 0);
	json_array(j, "problems");
	for (size_t i = 0; i < n; i++) {
		json_open(j, NULL);
		json_text(j, "severity", v[i].error ? SLICE("error") : SLICE("warn"));
		json_text(j, "where", slice_str(v[i].where));
		json_text(j, "text", slice_str(v[i].text));
		if (v[i].since >= 0)
			json_int(j, "since_ms", w->now > v[i].since ? w->now - v[i].since : 0);
		json_close(j);
	}
	json_array_close(j);
	free(v);
}

static void put_workers(struct json *j, const struct overview *o, int n)
{
	json_array(j, "workers");
	for (int i = 0; i < n; i++) {
		if (!o->reports[i])
			continue;
		json_open(j, NULL);
		json_int(j, "worker", i);
		put_numbers(j, o->reports[i]);
		json_close(j);
	}
	json_array_close(j);
	json_array(j, "silent_workers");
	for (int i = 0; i < n; i++)
		if (!o->reports[i])
			json_int(j, NULL, i);
	json_array_close(j);
}

static void put_backend(struct json *j, const struct health_row *r, int64_t now)
{
	const char *state = r->drained ? "draining" : r->down ? "down" : "up";

	json_open(j, NULL);
	json_text(j, "name", slice_str(r->name));
	json_text(j, "state", slice_str(state));
	json_int(j, "retry_ms", r->down && r->retry_at > now ? r->retry_at - now : 0);
	json_int(j, "sessions", r->sessions);
	json_int(j, "sessions_max", r->most);
	json_int(j, "connected_total", (int64_t)r->connected);
	json_int(j, "failed_total", (int64_t)r->failed);
	json_int(j, "connect_ms", r->connect_ms);
	if (r->down)
		json_int(j, "down_ms", now - r->since);
	json_text(j, "problem", slice_str(r->why));
	json_bool(j, "relayed", r->relayed);
	json_close(j);
}

static void put_head(struct json *j, const struct worker *w)
{
	const struct app *app = w->app;

	json_text(j, "version", SLICE(PACKAGE_VERSION));
	json_text(j, "instance", slice_str(app->public_id));
	json_int(j, "started_at", app->started_at);
	json_int(j, "uptime_ms", w->now - app->started);
	json_int(j, "now_ms", worker_wall_clock());
	json_bool(j, "draining", atomic_load(&app->draining));
	json_text(j, "log_level", slice_str(log_level_name(log_get_level())));
	json_int(j, "sessions_limit", app->config->limits_sessions);
	json_int(j, "connections_limit", app->config->limits_connections);
}

struct buf overview_json(const struct overview *o, struct worker *w)
{
	struct json j = json_new();

	json_open(&j, NULL);
	put_head(&j, w);
	put_numbers(&j, o->sum);
	put_process(&j, o->sum);
	put_problems(&j, o, w);
	put_domains(&j, o->sum, w->app->config);
	put_ends(&j, o->sum);
	put_workers(&j, o, w->app->n);
	json_array(&j, "backends");
	for (size_t i = 0; i < o->n_rows; i++)
		put_backend(&j, &o->rows[i], w->now);
	json_array_close(&j);
	json_close(&j);
	return json_done(&j);
}

/* --- ready? --- */

const char *overview_unready(struct worker *w)
{
	if (w->stopping || atomic_load(&w->app->draining))
		return "draining";
	return health_all_out(backends_health(w->app->backends), w->now) ? "no backend is up"
									 : NULL;
}

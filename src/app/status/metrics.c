/* /metrics. Every line of a metric is there from the start, zeros included, so that rates and
 * alerts need not reckon with lines that appear. */
#include "app/status/metrics.h"
#include "app/process.h"
#include "app/status/problem.h"
#include "base/mem.h"

#include <stdlib.h>

static void family(struct buf *b, const char *name, const char *type, const char *sentence)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, sentence, name, type);
}

static void lone(struct buf *b, const char *name, const char *type, int64_t n, const char *sentence)
{
	family(b, name, type, sentence);
	buf_addf(b, "%s %lld\n", name, (long long)n);
}

static void seconds(struct buf *b, int64_t ms)
{
	buf_addf(b, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

/* The value of a label, with its quotes. */
static void label(struct buf *b, const char *value)
{
	buf_addc(b, '"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_addc(b, '\\');
		if (*value == '\n')
			buf_addz(b, "\\n");
		else
			buf_addc(b, *value);
	}
	buf_addc(b, '"');
}

/* Without a worker that is silent sums are too small. Of a gauge that is a dip; a counter would go
 * back, which stands for a restart, and what it had before would count once more when the worker is
 * there again. So counters are left out then: a gap is no restart. */
static bool is_left_out(const char *type, bool silent)
{
	return silent && strcmp(type, "counter") == 0;
}

static void numbers(struct buf *b, const struct numbers *n, bool silent)
{
#define X(field, json, metric, labels, type, sentence)                                      \
	if (*metric && !is_left_out(type, silent)) {                                        \
		if (*sentence)                                                              \
			family(b, "fairlead_" metric, type, sentence);                      \
		buf_addf(b, "fairlead_" metric "%s" labels "%s %llu\n", *labels ? "{" : "", \
			 *labels ? "}" : "", (unsigned long long)n->field);                 \
	}
#include "app/status/numbers.def"
#undef X
}

static void living(struct buf *b, const struct report *r)
{
	family(b, "fairlead_sessions", "gauge", "Living sessions.");
	for (int t = 0; t < TRANSPORTS; t++)
		for (int s = 0; s < SESSION_DEAD; s++)
			buf_addf(b, "fairlead_sessions{transport=\"%s\",state=\"%s\"} %u\n",
				 transport_names[t], session_state_name((enum session_state)s),
				 r->tally.living[t][s]);
}

static void come_and_gone(struct buf *b, const struct report *r)
{
	family(b, "fairlead_sessions_created_total", "counter", "Sessions made.");
	for (int t = 0; t < TRANSPORTS; t++)
		buf_addf(b, "fairlead_sessions_created_total{transport=\"%s\"} %llu\n",
			 transport_names[t], (unsigned long long)r->tally.created[t]);
	family(b, "fairlead_session_ends_total", "counter", "Sessions ended, by reason.");
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		for (int t = 0; t < TRANSPORTS; t++)
			buf_addf(b,
				 "fairlead_session_ends_total{reason=\"%s\",transport=\"%s\"} "
				 "%llu\n",
				 reason_label((enum reason)i), transport_names[t],
				 (unsigned long long)r->tally.ends[t][i]);
	family(b, "fairlead_refused_total", "counter",
	       "Sessions, requests and connections refused or shed, by reason.");
	for (unsigned i = REASON_NONE + 1; i < REFUSAL_COUNT; i++)
		buf_addf(b, "fairlead_refused_total{reason=\"%s\"} %llu\n", refusal_label(i),
			 (unsigned long long)r->refusals[i]);
}

static void domains(struct buf *b, const struct report *r, const struct config *c)
{
	family(b, "fairlead_domain_sessions", "gauge",
	       "Living sessions by domain, as the configuration has it.");
	for (size_t i = 0; i < r->tally.n_domains; i++)
		for (int t = 0; t < TRANSPORTS; t++) {
			buf_addz(b, "fairlead_domain_sessions{domain=");
			label(b, c->domains[i].name);
			buf_addf(b, ",transport=\"%s\"} %u\n", transport_names[t],
				 r->tally.domains[i].sessions[t]);
		}
}

static void histogram(struct buf *b, const char *name, const struct histogram *h,
		      const char *sentence)
{
	uint64_t n = 0;

	family(b, name, "histogram", sentence);
	for (int i = 0; i < HISTOGRAM_BOUNDS; i++) {
		n += h->n[i];
		buf_addf(b, "%s_bucket{le=\"%g\"} %llu\n", name, histogram_bounds[i] / 1e6,
			 (unsigned long long)n);
	}
	n += h->n[HISTOGRAM_BOUNDS];
	buf_addf(b, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)n);
	buf_addf(b, "%s_sum %.6f\n%s_count %llu\n", name, (double)h->sum / 1e6, name,
		 (unsigned long long)n);
}

static void histograms(struct buf *b, const struct report *r)
{
	histogram(b, "fairlead_turn_seconds", &r->turns,
		  "Time from a worker's waking to the end of its turn.");
	histogram(b, "fairlead_delivery_seconds", &r->tally.deliveries,
		  "Time from when bytes of a server were read to when all that waited for that "
		  "client was given to its connection: over BOSH, the wait for a request as well.");
}

static void connects(struct buf *b, const struct worker *w)
{
	struct histogram h;

	health_connects(backends_health(w->app->backends), &h);
	histogram(b, "fairlead_backend_connect_seconds", &h,
		  "Time to connect to a server, until it can be spoken to.");
}

/* Clients choose the names of relayed ones: there is no end of them. */
static bool is_named(const struct health_row *r)
{
	return !r->of_domain && !r->relayed;
}

static void of_backends(struct buf *b, const struct overview *o, const char *name, const char *type,
			const char *sentence, int64_t (*value)(const struct health_row *r))
{
	family(b, name, type, sentence);
	for (size_t i = 0; i < o->n_rows; i++) {
		if (!is_named(&o->rows[i]))
			continue;
		buf_addf(b, "%s{backend=", name);
		label(b, o->rows[i].name);
		buf_addf(b, "} %lld\n", (long long)value(&o->rows[i]));
	}
}

static int64_t is_up(const struct health_row *r)
{
	return !r->down;
}

static int64_t is_drained(const struct health_row *r)
{
	return r->drained;
}

static int64_t places(const struct health_row *r)
{
	return r->sessions;
}

static void backends(struct buf *b, const struct overview *o)
{
	of_backends(b, o, "fairlead_backend_up", "gauge",
		    "1 unless the last attempt to reach this server failed.", is_up);
	of_backends(b, o, "fairlead_backend_draining", "gauge",
		    "1 while it gets no new sessions, by an operator's wish.", is_drained);
	of_backends(b, o, "fairlead_backend_sessions", "gauge", "Sessions at this server.", places);
	family(b, "fairlead_backend_connects_total", "counter", "Attempts to reach this server.");
	for (size_t i = 0; i < o->n_rows; i++) {
		const struct health_row *r = &o->rows[i];

		if (!is_named(r))
			continue;
		buf_addz(b, "fairlead_backend_connects_total{backend=");
		label(b, r->name);
		buf_addf(b, ",result=\"connected\"} %llu\n", (unsigned long long)r->connected);
		buf_addz(b, "fairlead_backend_connects_total{backend=");
		label(b, r->name);
		buf_addf(b, ",result=\"failed\"} %llu\n", (unsigned long long)r->failed);
	}
}

static void workers(struct buf *b, const struct overview *o, int n)
{
	family(b, "fairlead_worker_load_ratio", "gauge",
	       "Share of the last ten seconds that the worker worked.");
	for (int i = 0; i < n; i++)
		if (o->reports[i])
			buf_addf(b, "fairlead_worker_load_ratio{worker=\"%d\"} %.2f\n", i,
				 o->reports[i]->meter.load_percent / 100.);
	family(b, "fairlead_worker_sessions", "gauge", "Living sessions of the worker.");
	for (int i = 0; i < n; i++)
		if (o->reports[i])
			buf_addf(b, "fairlead_worker_sessions{worker=\"%d\"} %llu\n", i,
				 (unsigned long long)o->reports[i]->n.sessions);
	lone(b, "fairlead_workers", "gauge", n, "Workers.");
	lone(b, "fairlead_workers_silent", "gauge", o->silent,
	     "Workers that did not answer within a second; what they count is missing here.");
}

static void instance(struct buf *b, const struct app *app, struct worker *w)
{
	lone(b, "fairlead_draining", "gauge", atomic_load(&app->draining),
	     "1 while no new sessions are taken, by an operator's wish.");
	lone(b, "fairlead_ready", "gauge", overview_unready(w) == NULL,
	     "1 while /ready says that new sessions can be served.");
	lone(b, "fairlead_sessions_limit", "gauge", app->config->limits_sessions,
	     "limits.sessions.");
	lone(b, "fairlead_connections_limit", "gauge", app->config->limits_connections,
	     "limits.connections.");
	family(b, "fairlead_build_info", "gauge", "The version, by its label.");
	buf_addz(b, "fairlead_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
}

static void process(struct buf *b, const struct app *app)
{
	int64_t n;

	family(b, "process_cpu_seconds_total", "counter", "CPU time, user and system.");
	buf_addz(b, "process_cpu_seconds_total ");
	seconds(b, process_cpu_ms());
	buf_addc(b, '\n');
	family(b, "process_start_time_seconds", "gauge", "When it was started, Unix time.");
	buf_addf(b, "process_start_time_seconds %lld\n", (long long)app->started_at);
	if ((n = process_memory()) >= 0)
		lone(b, "process_resident_memory_bytes", "gauge", n, "Resident memory.");
	if ((n = process_descriptors()) >= 0)
		lone(b, "process_open_fds", "gauge", n, "Open file descriptors.");
	if ((n = process_descriptors_max()) >= 0)
		lone(b, "process_max_fds", "gauge", n, "File descriptors that it may have.");
}

struct buf metrics_text(const struct overview *o, struct worker *w)
{
	struct buf b = {0};

	living(&b, o->sum);
	domains(&b, o->sum, w->app->config);
	numbers(&b, &o->sum->n, o->silent);
	if (!o->silent) {
		come_and_gone(&b, o->sum);
		histograms(&b, o->sum);
	}
	connects(&b, w);
	backends(&b, o);
	workers(&b, o, w->app->n);
	instance(&b, w->app, w);
	process(&b, w->app);
	return b;
}

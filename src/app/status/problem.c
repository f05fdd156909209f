/* Problems. Each has its own small look; what it says ends with what can be done. */
#include "app/status/problem.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	NEAR_PERCENT = 90,  /* of a limit: it is near */
	LOAD_PERCENT = 85,  /* of a worker: there is not much left */
	TURN_LATE = 500000, /* us: others wait for this long */
	FAILURES = 20,	    /* logins that failed within a minute are worth a word */
	PORTS = 28000,	    /* local ports to one address and port of a server */
	PORTS_PERCENT = 80
};

struct list {
	struct problem *v;
	size_t n, room;
};

static void add(struct list *l, bool error, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void add(struct list *l, bool error, const char *where, const char *fmt, ...)
{
	struct problem *p = &l->v[l->n];
	va_list ap;

	if (l->n == l->room)
		return;
	l->n++;
	p->error = error;
	p->where = where;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
}

static bool is_bad(const struct health_row *r)
{
	return r->down || r->drained;
}

static void backends(struct list *l, const struct overview *o, int64_t now)
{
	size_t bad = 0;

	for (size_t i = 0; i < o->n_rows; i++)
		bad += is_bad(&o->rows[i]);
	if (bad && bad == o->n_rows)
		add(l, true, "backend",
		    "No XMPP server can be reached: new sessions fail. Look whether the server "
		    "runs, "
		    "and whether the addresses in \"domains\" are right.");
	for (size_t i = 0; i < o->n_rows; i++) {
		const struct health_row *r = &o->rows[i];
		long long in = (long long)(r->retry_at - now + 999) / 1000;

		if (r->down && in > 0)
			add(l, bad == o->n_rows, "backend",
			    "The server %s is down: %s. It is tried again in %lld s.", r->name,
			    r->why, in);
		else if (r->down)
			add(l, bad == o->n_rows, "backend",
			    "The server %s is down: %s. The next session tries it again.", r->name,
			    r->why);
		else if (r->drained)
			add(l, false, "backend",
			    "The server %s is being drained and gets no new sessions; %u are left. "
			    "fairleadctl drain backend %s --off ends that.",
			    r->name, r->sessions, r->name);
	}
}

static void ports(struct list *l, const struct overview *o, const struct config *c)
{
	uint64_t ports = PORTS * (uint64_t)(c->n_sources ? c->n_sources : 1);

	for (size_t i = 0; i < o->n_rows; i++)
		if (strncmp(o->rows[i].name, "unix:", 5) != 0 &&
		    o->rows[i].sessions >= ports * PORTS_PERCENT / 100)
			add(l, false, "limits",
			    "Local ports towards %s run short: %u sessions of about %llu. Name "
			    "more "
			    "local addresses in backend.source.",
			    o->rows[i].name, o->rows[i].sessions, (unsigned long long)ports);
}

static void near(struct list *l, uint64_t n, int64_t most, const char *what, const char *advice)
{
	if (most <= 0 || n * 100 < (uint64_t)most * NEAR_PERCENT)
		return;
	add(l, n >= (uint64_t)most, "limits", "%llu %s of %lld: %s", (unsigned long long)n, what,
	    (long long)most, advice);
}

static void workers(struct list *l, const struct overview *o, int n)
{
	for (int i = 0; i < n; i++) {
		const struct report *r = o->reports[i];

		if (!r)
			add(l, true, "worker",
			    "Worker %d did not answer within a second: it hangs or has too much to "
			    "do, and its sessions with it.",
			    i);
		else if (r->meter.turn_max_us >= TURN_LATE)
			add(l, false, "worker",
			    "Worker %d took %u ms for one turn lately: all of its sessions waited "
			    "for that.",
			    i, r->meter.turn_max_us / 1000);
		if (r && r->meter.load_percent >= LOAD_PERCENT)
			add(l, false, "worker",
			    "Worker %d works %u %% of the time: more \"workers\" help where there "
			    "are cores for them.",
			    i, r->meter.load_percent);
	}
}

static void logins(struct list *l, const struct overview *o)
{
	const struct meter_view *m = &o->sum->meter;

	if (*o->sum->no_login)
		add(l, true, "login", "%s", o->sum->no_login);
	if (m->login_failures >= FAILURES && m->login_failures > m->logins)
		add(l, false, "login",
		    "%u attempts to log in failed within the last minute, %u went well: somebody "
		    "guesses passwords, or the server refuses its users.",
		    m->login_failures, m->logins);
}

/* Errors first, in the order in which they were found. */
static void sort(struct list *l)
{
	for (size_t i = 1; i < l->n; i++) {
		struct problem p = l->v[i];
		size_t k = i;

		for (; k && p.error && !l->v[k - 1].error; k--)
			l->v[k] = l->v[k - 1];
		l->v[k] = p;
	}
}

size_t problem_find(const struct overview *o, const struct problem_view *view, struct problem *v,
		    size_t n)
{
	const struct config *c = view->config;
	struct list l = {.v = v, .room = n};

	if (view->draining)
		add(&l, false, "draining",
		    "This Fairlead is being drained: it takes no new sessions, and /ready says "
		    "503. "
		    "fairleadctl drain --off ends that.");
	workers(&l, o, view->workers);
	backends(&l, o, view->now);
	logins(&l, o);
	near(&l, o->sum->n.sessions, c->limits_sessions, "sessions",
	     "the limit is limits.sessions.");
	near(&l, o->sum->n.connections + o->sum->n.websockets, c->limits_connections, "connections",
	     "the limit is limits.connections.");
	if (view->descriptors > 0)
		near(&l, (uint64_t)view->descriptors, view->descriptors_max, "open files",
		     "raise the limit (LimitNOFILE= of the unit, or ulimit -n).");
	ports(&l, o, c);
	sort(&l);
	return l.n;
}

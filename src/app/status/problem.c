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

/* FNV-1a: over words that differ where the problem is another one, and not with its numbers. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

static void add(struct list *l, bool error, const char *where, const char *about, const char *fmt,
		...) __attribute__((format(printf, 5, 6)));

/* about: whose problem it is, where several may have the same. */
static void add(struct list *l, bool error, const char *where, const char *about, const char *fmt,
		...)
{
	struct problem *p = &l->v[l->n];
	va_list ap;

	if (l->n == l->room)
		return;
	l->n++;
	p->error = error;
	p->where = where;
	p->since = -1;
	p->key = hash(hash(UINT64_C(0xcbf29ce484222325), about), fmt);
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
}

static bool is_bad(const struct health_row *r)
{
	return r->down || r->drained;
}

static void backend(struct list *l, const struct health_row *r, bool all_out, int64_t now)
{
	long long in = (long long)(r->retry_at - now + 999) / 1000;
	size_t had = l->n;

	if (r->down && in > 0)
		add(l, all_out, "backend", r->name,
		    "The server %s is down: %s. It is tried again in %lld s.", r->name, r->why, in);
	else if (r->down)
		add(l, all_out, "backend", r->name,
		    "The server %s is down: %s. The next session tries it again.", r->name, r->why);
	else if (r->drained)
		add(l, false, "backend", r->name,
		    "The server %s is being drained and gets no new sessions; %u are left. "
		    "fairleadctl drain backend %s --off ends that.",
		    r->name, r->sessions, r->name);
	if (r->down && l->n > had)
		l->v[had].since = r->since;
}

static void backends(struct list *l, const struct overview *o, int64_t now)
{
	size_t bad = 0, n = 0;

	while (n < o->n_rows && !o->rows[n].relayed) /* those come last, and are nobody's fault */
		bad += is_bad(&o->rows[n++]);
	if (bad && bad == n)
		add(l, true, "backend", "",
		    "No XMPP server can be reached: new sessions fail. Look whether the server "
		    "runs, and whether the addresses in \"domains\" are right.");
	for (size_t i = 0; i < n; i++)
		backend(l, &o->rows[i], bad == n, now);
}

static void ports(struct list *l, const struct overview *o, const struct config *c)
{
	uint64_t ports = PORTS * (uint64_t)(c->n_sources ? c->n_sources : 1);

	for (size_t i = 0; i < o->n_rows; i++)
		if (strncmp(o->rows[i].name, "unix:", 5) != 0 &&
		    o->rows[i].sessions >= ports * PORTS_PERCENT / 100)
			add(l, false, "limits", o->rows[i].name,
			    "Local ports towards %s run short: %u sessions of about %llu. Name "
			    "more "
			    "local addresses in backend.source.",
			    o->rows[i].name, o->rows[i].sessions, (unsigned long long)ports);
}

static void near(struct list *l, uint64_t n, int64_t most, const char *what, const char *advice)
{
	if (most <= 0 || n * 100 < (uint64_t)most * NEAR_PERCENT)
		return;
	add(l, n >= (uint64_t)most, "limits", what, "%llu %s of %lld: %s", (unsigned long long)n,
	    what, (long long)most, advice);
}

static void workers(struct list *l, const struct overview *o, int n)
{
	for (int i = 0; i < n; i++) {
		const struct report *r = o->reports[i];
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		if (!r)
			add(l, true, "worker", name,
			    "Worker %d did not answer within a second: it hangs or has too much to "
			    "do, and its sessions with it.",
			    i);
		else if (r->meter.turn_max_us >= TURN_LATE)
			add(l, false, "worker", name,
			    "Worker %d took %u ms for one turn lately: all of its sessions waited "
			    "for that.",
			    i, r->meter.turn_max_us / 1000);
		if (r && r->meter.load_percent >= LOAD_PERCENT)
			add(l, false, "worker", name,
			    "Worker %d works %u %% of the time: more \"workers\" help where there "
			    "are cores for them.",
			    i, r->meter.load_percent);
	}
}

static void logins(struct list *l, const struct overview *o)
{
	const struct meter_view *m = &o->sum->meter;

	if (*o->sum->no_login)
		add(l, true, "login", "", "%s", o->sum->no_login);
	if (m->login_failures >= FAILURES && m->login_failures > m->logins)
		add(l, false, "login", "",
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

/* The first worker has seen them before; it may be silent. */
static void date(struct list *l, const struct overview *o)
{
	for (size_t i = 0; o->reports[0] && i < l->n; i++)
		if (l->v[i].since < 0)
			l->v[i].since = past_since(&o->reports[0]->past, l->v[i].key);
}

size_t problem_find(const struct overview *o, const struct problem_view *view, struct problem *v,
		    size_t n)
{
	const struct config *c = view->config;
	struct list l = {.v = v, .room = n};

	if (view->draining)
		add(&l, false, "draining", "",
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
	date(&l, o);
	return l.n;
}

/* From candidate to candidate. All that is under way has an end (ms), a share of the time that is
 * left: one that is silent cannot use up what the others need. The one timer is computed from
 * those ends. */
#include "net/dial_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/mem.h"
#include "net/clock.h"

struct dialer *dialer_new(struct ev_loop *loop, struct health *health)
{
	struct dialer *d = mem_zalloc(sizeof(*d));

	d->loop = loop;
	d->health = health;
	d->dns = dns_new(loop);
	d->ports = dial_local_ports();
	return d;
}

void dialer_free(struct dialer *d)
{
	if (!d)
		return;
	dns_free(d->dns);
	free(d);
}

static void rearm(struct dial *d, int64_t ms)
{
	ev_timer_stop(d->dialer->loop, &d->timer);
	ev_timer_set(&d->timer, ms > 0 ? (double)ms / 1000. : 0., 0.);
	ev_timer_start(d->dialer->loop, &d->timer);
}

void dial_mark(struct dial *d)
{
	rearm(d, 0);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)events;
	dial_step(timer->data);
}

int64_t dial_share(const struct dial *d, int64_t now, size_t others)
{
	int64_t left = d->deadline - now;
	int64_t share = left / (int64_t)(1 + others + d->n - d->at);

	if (share < DIAL_SHARE_MIN)
		share = left < DIAL_SHARE_MIN ? left : DIAL_SHARE_MIN;
	return now + share;
}

bool dial_plainly(const struct dial *d, const struct addr *a)
{
	if (d->c->direct)
		return false;
	switch (d->policy->tls) {
	case DIAL_AUTO: return d->c->local || addr_loopback(a);
	case DIAL_PLAIN: return true;
	case DIAL_STARTTLS_OFFERED: return d->plain;
	case DIAL_STARTTLS: break;
	}
	return false;
}

void dial_problem(struct dial *d, enum dial_blame blame, const char *fmt, ...)
{
	size_t n = strlen(d->problem);
	va_list ap;

	d->blamed |= blame == BLAME_IT;
	*(blame == BLAME_OUR_PORTS ? &d->no_ports : &d->other_faults) += 1;
	if (n && n < sizeof(d->problem) - 2)
		n += (size_t)snprintf(d->problem + n, sizeof(d->problem) - n, ", ");
	if (n >= sizeof(d->problem) - 1)
		return;
	va_start(ap, fmt);
	vsnprintf(d->problem + n, sizeof(d->problem) - n, fmt, ap);
	va_end(ap);
}

void dial_note(struct dial *d, const char *name, const char *problem)
{
	size_t n = strlen(d->text);

	snprintf(d->text + n, sizeof(d->text) - n, "%s%s%s%s", n ? "; " : "", name,
		 *name ? ": " : "", problem);
}

/* What is under way of the candidate ends; its place is given back by whoever calls. */
static void hang_up(struct dial *d)
{
	race_clear(d);
	secure_clear(d);
}

static void dial_free(struct dial *d)
{
	ev_timer_stop(d->dialer->loop, &d->timer);
	hang_up(d);
	list_clear(d);
	buf_clear(&d->proxy);
	free(d);
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	if (d->backend)
		health_cancel(d->backend);
	dial_free(d);
}

static void name_candidate(struct dial *d)
{
	const struct candidate *c = d->c;
	const char *form = c->local ? "unix:%s" : strchr(c->host, ':') ? "[%s]:%u" : "%s:%u";

	snprintf(d->name, sizeof(d->name), form, c->host, c->port);
}

static void skip(struct dial *d, struct health_backend *b, bool down, int64_t now)
{
	struct health_row row;
	char problem[HEALTH_WHY + 64];

	health_row(b, &row);
	if (down && row.retry_at > now)
		snprintf(problem, sizeof(problem), "%s (down, again in %lld s)", row.why,
			 (long long)(row.retry_at - now + 999) / 1000);
	else if (down)
		snprintf(problem, sizeof(problem), "%s (down, being tried)", row.why);
	else
		snprintf(problem, sizeof(problem), "full, it has %u sessions", row.sessions);
	dial_note(d, d->name, problem);
	*(down ? &d->down : &d->full) += 1;
}

static bool port_allowed(const struct dial *d)
{
	const uint16_t *p = d->policy->ports;

	if (!p || d->c->local)
		return true;
	while (*p && *p != d->c->port)
		p++;
	return *p != 0;
}

/* Begins the next candidate that may be tried; false where there is none. */
static bool choose(struct dial *d, int64_t now)
{
	while (d->at < d->n && now < d->deadline) {
		enum health_word word;
		struct health_backend *b;

		d->c = &d->candidates[d->at++];
		name_candidate(d);
		if (!port_allowed(d)) {
			dial_note(d, d->name, "connections to this port are not allowed");
			d->tried++, d->other_faults++;
			continue;
		}
		b = health_find(d->dialer->health, d->name, d->c->most);
		word = health_ask(b, now);
		if (word != HEALTH_YES) {
			skip(d, b, word == HEALTH_DOWN, now);
			continue;
		}
		d->backend = b;
		d->tried++;
		d->began = now;
		d->plain = health_lacks_tls(b, now);
		d->blamed = false;
		d->problem[0] = '\0';
		race_begin(d, now);
		return true;
	}
	return false;
}

static void candidate_failed(struct dial *d, int64_t now)
{
	struct health_backend *b = MEM_TAKE(d->backend);

	hang_up(d);
	if (!*d->problem)
		dial_problem(d, BLAME_OUR_RULES, "no time left");
	if (!d->blamed)
		health_cancel(b);
	else if (health_failed(b, now, d->problem))
		log_warn("backend-down", "backend=%s problem=\"%s\"", d->name, d->problem);
	dial_note(d, d->name, d->problem);
}

static void failed(struct dial *d)
{
	char text[DIAL_TEXT + 40];
	struct dial_leg leg = {.text = text, .exhausted = d->no_ports && !d->other_faults};
	const char *all = "";

	hang_up(d);
	if (!d->tried && d->down + d->full && d->at == d->n)
		all = !d->full	 ? "all backends are down: "
		      : !d->down ? "all backends are full: "
				 : "all backends are down or full: ";
	snprintf(text, sizeof(text), "%s%s", all,
		 *d->text      ? d->text
		 : d->n_wishes ? "no time left"
			       : "no server to dial");
	d->done(d->owner, &leg);
	dial_free(d);
}

static void warn_of_ports(struct dial *d, const struct addr *peer, int64_t now)
{
	size_t sources = 0;
	uint32_t ports;

	if (peer->family == ADDR_UNIX)
		return;
	for (size_t i = 0; i < d->policy->n_sources; i++)
		sources += d->policy->sources[i].family == peer->family;
	ports = d->dialer->ports * (uint32_t)(sources ? sources : 1);
	if (health_crowded(d->backend, ports / 5 * 4, now))
		log_warn("backend-ports",
			 "backend=%s problem=\"its sessions use 80 %% of the %u local ports that "
			 "there are for one server address\" remedy=\"more source addresses, or a "
			 "wider net.ipv4.ip_local_port_range\"",
			 d->name, ports);
}

static void ready(struct dial *d, int64_t now)
{
	struct dial_leg leg = {.conn = &d->conn,
			       .peer = d->race.v[d->won].addr,
			       .backend = d->backend,
			       .name = d->name,
			       .tls = d->shaking,
			       .ms = now - d->began};

	if (health_well(d->backend, leg.ms))
		log_info("backend-up", "backend=%s ms=%lld", d->name, (long long)leg.ms);
	warn_of_ports(d, &leg.peer, now);
	race_clear(d);
	ev_timer_stop(d->dialer->loop, &d->timer);
	d->backend = NULL;
	d->done(d->owner, &leg);
	dial_free(d);
}

/* One move; false where it has to wait, or d is gone. */
static bool move(struct dial *d, int64_t now, enum dial_progress p)
{
	if (p == DIAL_WAIT) {
		rearm(d, d->due - now);
		return false;
	}
	switch (d->state) {
	case DIAL_LISTING: d->state = DIAL_CHOOSING; break;
	case DIAL_CHOOSING:
		if (p != DIAL_DONE) {
			failed(d);
			return false;
		}
		d->state = DIAL_RACING;
		break;
	case DIAL_RACING:
		if (p == DIAL_DONE) {
			d->state = DIAL_SECURING;
			break;
		}
		candidate_failed(d, now);
		d->state = DIAL_CHOOSING;
		break;
	case DIAL_SECURING:
		if (p == DIAL_DONE) {
			ready(d, now);
			return false;
		}
		secure_clear(d);
		d->state = DIAL_RACING;
		if (p == DIAL_LOST) {
			candidate_failed(d, now);
			d->state = DIAL_CHOOSING;
		}
		break;
	}
	return true;
}

void dial_step(struct dial *d)
{
	int64_t now = clock_ms();
	enum dial_progress p;

	do {
		switch (d->state) {
		case DIAL_LISTING: p = list_step(d, now); break;
		case DIAL_CHOOSING: p = choose(d, now) ? DIAL_DONE : DIAL_LOST; break;
		case DIAL_RACING: p = race_step(d, now); break;
		default: p = conn_open(&d->conn) ? secure_step(d, now) : secure_begin(d, now);
		}
	} while (move(d, now, p));
}

struct dial *dial_start(struct dialer *dialer, const struct dial_policy *p,
			const struct dial_target *v, size_t n, size_t first, struct slice proxy,
			int64_t deadline_ms, dial_done *done, void *owner)
{
	struct dial *d = mem_zalloc(sizeof(*d));

	assert(deadline_ms > 0 && done && (p->trust || p->tls == DIAL_PLAIN));
	d->dialer = dialer;
	d->policy = p;
	d->done = done;
	d->owner = owner;
	d->deadline = clock_ms() + deadline_ms;
	if (proxy.n)
		buf_adds(&d->proxy, proxy);
	list_begin(d, v, n, first);
	ev_timer_init(&d->timer, on_timer, 0., 0.);
	d->timer.data = d;
	ev_timer_start(dialer->loop, &d->timer);
	return d;
}

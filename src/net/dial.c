/* From candidate to candidate. All that is under way has an end (ms), a share of the time that is
 * left: one that is silent cannot use up what the others need. The one timer is computed from
 * those ends. */
#include "net/dial_priv.h"

#include <assert.h>
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

/* What is under way of the candidate ends; its place is given back by whoever calls. */
static void hang_up(struct dial *d)
{
	dial_race_clear(d);
	dial_secure_clear(d);
}

static void dial_free(struct dial *d)
{
	ev_timer_stop(d->dialer->loop, &d->timer);
	hang_up(d);
	dial_list_clear(d);
	buf_clear(&d->proxy);
	free(d);
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	if (d->backend)
		health_cancel(d->backend);
	if (d->served)
		health_cancel(d->served);
	dial_free(d);
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

/* A place at the candidate, and in what it does for our domain. */
static bool take_place(struct dial *d, int64_t now)
{
	struct health *h = d->dialer->health;
	struct health_backend *b = d->policy->public_only ? health_find_relayed(h, d->name)
							  : health_find(h, d->name, d->c->most);
	struct health_backend *s = NULL;
	enum health_word word = health_ask(b, now);

	if (word == HEALTH_YES && (d->c->direct || d->policy->tls != DIAL_PLAIN)) {
		s = health_find_domain(h, d->name, d->policy->domain, d->policy->any_name);
		word = health_ask(s, now);
		if (word != HEALTH_YES)
			health_cancel(b);
	}
	if (word != HEALTH_YES) {
		dial_skip(d, s ? s : b, word, now);
		return false;
	}
	d->backend = b;
	d->served = s;
	return true;
}

/* Begins the next candidate that may be tried; false where there is none. */
static bool choose(struct dial *d, int64_t now)
{
	while (d->at < d->n && now < d->deadline) {
		d->c = &d->candidates[d->at++];
		dial_name(d);
		if (!port_allowed(d)) {
			dial_note(d, d->name, "connections to this port are not allowed");
			d->tried++, d->other_faults++;
			continue;
		}
		if (!take_place(d, now))
			continue;
		d->tried++;
		d->began = now;
		d->plain = d->served && health_lacks_tls(d->served, now);
		d->blamed = d->blamed_so = false;
		d->problem[0] = '\0';
		dial_race_begin(d, now);
		return true;
	}
	return false;
}

/* Gives the place back, with what is thought of it now. */
static void judge(struct dial *d, struct health_backend *b, bool failed, const char *domain,
		  int64_t now)
{
	if (!b)
		return;
	if (!failed)
		health_cancel(b);
	else if (health_failed(b, now, d->problem))
		log_warn("backend-down", "backend=%s%s%s problem=\"%s\"", d->name,
			 *domain ? " domain=" : "", domain, d->problem);
}

static void candidate_failed(struct dial *d, int64_t now)
{
	hang_up(d);
	if (!*d->problem)
		dial_problem(d, BLAME_OUR_RULES, "no time left");
	/* Whoever got as far as TLS has reached the machine. */
	judge(d, MEM_TAKE(d->backend), d->blamed && !d->blamed_so, "", now);
	judge(d, MEM_TAKE(d->served), d->blamed_so, d->policy->domain, now);
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

void dial_heard(struct health_backend *backend, struct health_backend *served, const char *domain,
		int64_t ms)
{
	struct health_row row;

	if (health_well(backend, ms)) {
		health_row(backend, &row);
		log_info("backend-up", "backend=%s ms=%lld", row.name, (long long)ms);
	}
	if (!served)
		return;
	if (health_well(served, ms)) {
		health_row(backend, &row);
		log_info("backend-up", "backend=%s domain=%s ms=%lld", row.name, domain,
			 (long long)ms);
	}
	health_leave(served);
}

static void ready(struct dial *d, int64_t now)
{
	struct dial_leg leg = {.conn = &d->conn,
			       .peer = d->race.v[d->won].addr,
			       .backend = d->backend,
			       .served = d->served,
			       .heard = d->shaking && !d->c->direct,
			       .name = d->name,
			       .tls = d->shaking,
			       .ms = now - d->began};

	/* To be connected says nothing: a kernel does that for a server that hangs, and what does
	 * TLS may be another machine. */
	if (leg.heard)
		dial_heard(leg.backend, MEM_TAKE(leg.served), d->policy->domain, leg.ms);
	warn_of_ports(d, &leg.peer, now);
	dial_race_clear(d);
	ev_timer_stop(d->dialer->loop, &d->timer);
	d->backend = d->served = NULL;
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
		dial_secure_clear(d);
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
		case DIAL_LISTING: p = dial_list_step(d, now); break;
		case DIAL_CHOOSING: p = choose(d, now) ? DIAL_DONE : DIAL_LOST; break;
		case DIAL_RACING: p = dial_race_step(d, now); break;
		default:
			p = conn_open(&d->conn) ? dial_secure_step(d, now)
						: dial_secure_begin(d, now);
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
	dial_list_begin(d, v, n, first);
	ev_timer_init(&d->timer, on_timer, 0., 0.);
	d->timer.data = d;
	ev_timer_start(dialer->loop, &d->timer);
	return d;
}

/* A session's leg to its server. */
#include "app/leg.h"
#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* What a dial needs while it lasts: a policy whose domain is the session's. */
struct dialling {
	struct dial *dial;
	struct dial_policy policy;
	char *domain, *id; /* owned */
};

static void dialling_free(struct dialling *d)
{
	free(d->domain);
	free(d->id);
	free(d);
}

static void on_backend(struct conn *c)
{
	struct leg *l = CONTAINER(c, struct leg, conn);

	l->legs->news(l);
}

static void on_dialled(void *owner, struct dial_leg *up)
{
	struct leg *l = owner;
	struct dialling *d = l->dialling;
	char peer[ADDR_TEXT];

	if (up->conn) {
		log_debug("backend-connected",
			  "session=%s domain=%s backend=%s peer=%s tls=%s ms=%lld", d->id,
			  d->domain, up->name, addr_print(&up->peer, true, peer),
			  up->tls ? "yes" : "no", (long long)up->ms);
		conn_move(&l->conn, up->conn, l->legs->loop, l->legs->in_max, on_backend);
		l->backend = up->backend;
		l->served = up->served;
		l->heard = up->heard;
		l->ms = (uint32_t)up->ms;
		l->tls = up->tls;
		l->state = LEG_READY;
	} else {
		log_warn("backend-unreachable", "session=%s domain=%s problem=\"%s\"", d->id,
			 d->domain, up->text);
		l->state = LEG_FAILED;
	}
	dialling_free(d);
	l->legs->news(l);
}

void leg_dial(struct leg *l, const struct route *r, const char *domain, size_t first,
	      const struct proxy *who, const char *id)
{
	const struct legs *all = l->legs;
	const struct backends_plan *plan = backends_plan(all->backends, r);
	struct dial_target *targets = mem_alloc(plan->n * sizeof(*targets));
	struct dialling *d = mem_zalloc(sizeof(*d));
	struct buf header = {0};

	assert(l->state == LEG_NONE);
	d->domain = mem_strdup(domain);
	d->id = mem_strdup(id);
	d->policy = plan->policy;
	d->policy.domain = d->domain;
	for (size_t i = 0; i < plan->n; i++) {
		targets[i] = plan->targets[i];
		if (targets[i].kind == DIAL_SRV && !*targets[i].host)
			targets[i].host = d->domain;
	}
	if (plan->proxy != CONFIG_PROXY_OFF)
		proxy_render(&header, plan->proxy == CONFIG_PROXY_V1 ? 1 : 2, who);
	d->dial = dial_start(all->dialer, &d->policy, targets, plan->n, first, buf_slice(&header),
			     all->connect, on_dialled, l);
	buf_clear(&header);
	l->dialling = d;
	l->state = LEG_DIALING;
	free(targets);
}

void leg_heard(struct leg *l, const char *domain)
{
	if (!l->backend || l->heard)
		return;
	l->heard = true;
	dial_heard(l->backend, MEM_TAKE(l->served), domain, l->ms);
}

/* What does TLS was reached, and may stand before the servers of several domains. */
void leg_blame(struct leg *l, const char *domain, int64_t now, const char *why)
{
	struct health_backend *bad = l->tls ? l->served : l->backend;
	struct health_backend *other = l->tls ? l->backend : l->served;
	struct health_row row;

	if (!l->backend || l->heard)
		return;
	health_row(l->backend, &row);
	if (health_failed(bad, now, why))
		log_warn("backend-down", "backend=%s%s%s problem=\"%s\"", row.name,
			 l->tls ? " domain=" : "", l->tls ? domain : "", why);
	if (other)
		health_cancel(other);
	l->backend = l->served = NULL;
}

void leg_drop(struct leg *l)
{
	if (l->state == LEG_DIALING) {
		dial_cancel(l->dialling->dial);
		dialling_free(l->dialling);
	} else if (l->state >= LEG_READY) {
		conn_clear(&l->conn, l->legs->loop, false);
		if (l->backend && l->heard)
			health_leave(l->backend);
		else if (l->backend)
			health_cancel(l->backend);
		if (l->served)
			health_cancel(l->served);
		l->backend = l->served = NULL;
	}
	if (l->state != LEG_NONE)
		l->client = NULL;
	l->state = LEG_NONE;
}

static const char *remedy(const struct leg *l, bool starttls)
{
	if (l->tls)
		return "its own log may say why: the connection has TLS";
	if (starttls)
		return "it asks for TLS first: set domains.tls to starttls, or let it allow logins "
		       "without TLS from the address of Fairlead";
	return "let it allow logins without TLS from the address of Fairlead, or give it TLS and "
	       "set domains.tls to starttls";
}

void leg_no_login(const struct leg *l, const struct route *r, const char *domain, bool starttls,
		  int64_t now, const char *id)
{
	if (backends_tell(l->legs->backends, r, now))
		log_warn("no-login",
			 "session=%s domain=%s tls=%s text=\"the XMPP server offers no login on "
			 "this connection, %s\"",
			 id, domain, l->tls ? "yes" : "no", remedy(l, starttls));
}

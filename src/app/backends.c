/* The backends of all domains: the configuration's words turned into what a dial understands. */
#include "app/backends.h"
#include "config/priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "net/tls.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { TELL_EVERY = 60000 /* ms */ };

struct backends {
	const struct config *c; /* borrowed */
	struct health *health;
	struct backends_plan *plans;  /* by domain */
	atomic_int_fast64_t *tell_at; /* the same; ms: when there may be something to tell again */
};

static const struct dial_target *target_of(struct dial_target *t, const struct route_backend *b)
{
	static const enum dial_kind kinds[] = {[ROUTE_TCP] = DIAL_HOST,
					       [ROUTE_TLS] = DIAL_HOST,
					       [ROUTE_UNIX] = DIAL_UNIX,
					       [ROUTE_SRV] = DIAL_SRV};

	*t = (struct dial_target){.kind = kinds[b->scheme],
				  .host = b->host,
				  .port = b->port,
				  .priority = (uint16_t)b->priority,
				  .weight = (uint16_t)b->weight,
				  .direct = b->scheme == ROUTE_TLS,
				  .most = (uint32_t)b->sessions};
	return t;
}

/* TLS is made ready for all that may use it: every domain that does not rule it out. */
static bool wants_tls(const struct config_domain *d)
{
	for (size_t i = 0; i < d->n_backends; i++)
		if (d->backends[i].scheme == ROUTE_TLS || d->backends[i].scheme == ROUTE_SRV)
			return true;
	return d->tls != CONFIG_TLS_NONE;
}

static bool same_list(const char **a, const char **b)
{
	size_t i = 0;

	for (; a && b && a[i] && b[i]; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return !(a && a[i]) && !(b && b[i]);
}

static bool same_trust(const struct config_domain *a, const struct config_domain *b)
{
	return a->tls_verify == b->tls_verify && strcmp(a->tls_ca, b->tls_ca) == 0 &&
	       strcmp(a->tls_certificate, b->tls_certificate) == 0 &&
	       strcmp(a->tls_key, b->tls_key) == 0 && same_list(a->tls_pins, b->tls_pins);
}

/* The place of the first domain with the same TLS settings, whose context serves all of them. */
static size_t trust_like(const struct backends *b, size_t i)
{
	size_t j = 0;

	while (j < i &&
	       !(b->plans[j].policy.trust && same_trust(&b->c->domains[j], &b->c->domains[i])))
		j++;
	return j;
}

static bool make_trust(struct dial_policy *p, const struct config_domain *d, struct config_error *e)
{
	struct tls_client_config t = {.verify = d->tls_verify == CONFIG_ON,
				      .ca_file = d->tls_ca,
				      .pins = (const char *const *)d->tls_pins,
				      .certificate = d->tls_certificate,
				      .key = d->tls_key};
	char why[256];

	p->trust = tls_client_new(&t, why);
	return p->trust || config_fail(e, "domain \"%s\": %s", d->name, why);
}

static const uint16_t *ports_of(const struct config_domain *d)
{
	size_t n = 0;
	uint16_t *v;

	while (d->ports && d->ports[n])
		n++;
	v = mem_zalloc((n + 1) * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = (uint16_t)num_parse(slice_str(d->ports[i]), 65535);
	return v;
}

static bool make_plan(struct backends *b, size_t at, struct config_error *e)
{
	const struct config *c = b->c;
	const struct config_domain *d = &c->domains[at];
	struct backends_plan *p = &b->plans[at];
	size_t like = trust_like(b, at);
	static const enum dial_tls modes[] = {[CONFIG_TLS_AUTO] = DIAL_AUTO,
					      [CONFIG_TLS_NONE] = DIAL_PLAIN,
					      [CONFIG_TLS_OFFERED] = DIAL_STARTTLS_OFFERED,
					      [CONFIG_TLS_STARTTLS] = DIAL_STARTTLS};
	bool relay = strcmp(d->name, "*") == 0;

	p->policy = (struct dial_policy){.domain = d->name,
					 .tls = modes[d->tls],
					 .any_name = d->name[0] == '*',
					 .sources = c->sources,
					 .n_sources = c->n_sources,
					 .keepalive = c->backend_keepalive * 1000,
					 .user_timeout = c->backend_user_timeout * 1000};
	p->proxy = d->proxy_protocol;
	p->n = d->n_backends;
	p->targets = mem_zalloc(p->n * sizeof(*p->targets));
	for (size_t i = 0; i < p->n; i++)
		if (target_of(&p->targets[i], &d->backends[i])->kind == DIAL_SRV && relay)
			p->policy.public_only = true;
	if (p->policy.public_only)
		p->policy.ports = ports_of(d);
	if (like < at)
		p->policy.trust = b->plans[like].policy.trust;
	return like < at || !wants_tls(d) || make_trust(&p->policy, d, e);
}

/* Whoever looks at the backends sees those that nobody has asked for as well. */
static void make_known(struct backends *b)
{
	char name[HEALTH_NAME];

	for (size_t i = 0; i < b->c->n_domains; i++)
		for (size_t k = 0; k < b->plans[i].n; k++) {
			const struct dial_target *t = &b->plans[i].targets[k];

			if (t->kind == DIAL_SRV)
				continue;
			dial_target_name(t, name);
			health_list(b->health, name, t->most);
		}
}

struct backends *backends_new(const struct config *c, struct config_error *e)
{
	struct backends *b = mem_zalloc(sizeof(*b));

	b->c = c;
	b->health = health_new();
	b->plans = mem_zalloc(c->n_domains * sizeof(*b->plans));
	b->tell_at = mem_zalloc(c->n_domains * sizeof(*b->tell_at));
	for (size_t i = 0; i < c->n_domains; i++)
		if (!make_plan(b, i, e)) {
			backends_free(b);
			return NULL;
		}
	make_known(b);
	return b;
}

void backends_free(struct backends *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->c->n_domains; i++) {
		if (trust_like(b, i) == i)
			tls_client_free(b->plans[i].policy.trust);
		free((uint16_t *)b->plans[i].policy.ports);
		free(b->plans[i].targets);
	}
	health_free(b->health);
	free(b->plans);
	free(b->tell_at);
	free(b);
}

/* Whether the target is surely on this machine; a name may be anywhere. */
static bool is_here(const struct dial_target *t)
{
	struct addr a;

	if (t->kind != DIAL_HOST)
		return t->kind == DIAL_UNIX;
	return strcmp(t->host, "localhost") == 0 ||
	       (addr_parse(&a, slice_str(t->host), false) && addr_loopback(&a));
}

static void warn(const struct config_domain *d, size_t i, const char *problem)
{
	struct buf url = {0};

	config_print_backend(&d->backends[i], &url);
	log_warn("backend-open", "domain=%s backend=%.*s problem=\"%s\"", d->name, (int)url.len,
		 buf_data(&url), problem);
	buf_clear(&url);
}

void backends_warn(const struct backends *b)
{
	for (size_t i = 0; i < b->c->n_domains; i++) {
		const struct backends_plan *p = &b->plans[i];
		const struct config_domain *d = &b->c->domains[i];

		for (size_t j = 0; j < p->n; j++) {
			if (is_here(&p->targets[j]))
				continue;
			if (!p->targets[j].direct && p->policy.tls == DIAL_PLAIN)
				warn(d, j, "passwords cross the network unencrypted: tls is none");
			else if (!p->targets[j].direct && p->policy.tls == DIAL_STARTTLS_OFFERED)
				warn(d, j, "an attacker can take TLS away: tls is offered");
			else if (d->tls_verify == CONFIG_OFF && !d->tls_pins)
				warn(d, j, "anybody can pose as the server: tls_verify is off");
		}
	}
}

const struct backends_plan *backends_plan(const struct backends *b, const struct route *r)
{
	return &b->plans[r - b->c->routes.v];
}

bool backends_tell(struct backends *b, const struct route *r, int64_t now)
{
	atomic_int_fast64_t *at = &b->tell_at[r - b->c->routes.v];
	int_fast64_t due = atomic_load(at);

	return now >= due && atomic_compare_exchange_strong(at, &due, now + TELL_EVERY);
}

struct health *backends_health(const struct backends *b)
{
	return b->health;
}

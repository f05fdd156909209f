/* The list of candidates: what was asked for, with services looked up (RFC 6120 3.2.1, XEP-0368),
 * in the order of priority and weight. All service lookups are made at once, before anything is
 * tried, for their records stand among the others. */
#include "net/dial_priv.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/random.h"
#include "proto/srv.h"

enum { CLIENT, CLIENTS_TLS, FALLBACK_PORT = 5222 };

static const char *const services[] = {"_xmpp-client._tcp", "_xmpps-client._tcp"};

static void add(struct dial *d, struct wish *w, const char *host, const struct dns_srv *srv,
		bool direct)
{
	struct candidate *c;

	if (d->n == DIAL_CANDIDATES)
		return;
	c = &d->candidates[d->n++];
	*c = (struct candidate){.host = mem_strdup(host),
				.most = w->t.most,
				.port = srv->port,
				.weight = srv->weight,
				.local = w->t.kind == DIAL_UNIX,
				.direct = direct};
	/* Names of health are compared as they are. */
	for (char *p = c->host; *p && !c->local; p++)
		*p = (char)tolower((unsigned char)*p);
	c->key = (uint64_t)!w->first << 32 | (uint64_t)w->t.priority << 16 | srv->priority;
	w->found++;
}

static void on_services(struct wish *w, int service, const struct dns_answer *a)
{
	struct dial *d = w->dial;

	w->query[service] = NULL;
	w->said[service] = a->outcome;
	for (size_t i = 0; i < a->n; i++)
		if (*a->srv[i].host)
			add(d, w, a->srv[i].host, &a->srv[i], service == CLIENTS_TLS);
		else
			w->offered_not = true;
	if (a->outcome == DNS_FAILED && service == CLIENT)
		dial_note(d, w->t.host, a->why);
	dial_step(d);
}

static void on_client(void *owner, const struct dns_answer *a)
{
	on_services(owner, CLIENT, a);
}

static void on_client_tls(void *owner, const struct dns_answer *a)
{
	on_services(owner, CLIENTS_TLS, a);
}

static void look_up(struct wish *w)
{
	static dns_told *const told[] = {on_client, on_client_tls};
	struct dial *d = w->dial;
	char name[DNS_NAME];

	for (int i = CLIENT; i <= (d->policy->trust ? CLIENTS_TLS : CLIENT); i++) {
		snprintf(name, sizeof(name), "%s.%s", services[i], w->t.host);
		w->query[i] = dns_ask(d->dialer->dns, DNS_SRV, name, told[i], w);
	}
}

void dial_list_begin(struct dial *d, const struct dial_target *v, size_t n, size_t first)
{
	d->wishes = mem_zalloc(n * sizeof(*d->wishes) + 1);
	d->candidates = mem_zalloc(DIAL_CANDIDATES * sizeof(*d->candidates));
	d->n_wishes = n;
	for (size_t i = 0; i < n; i++) {
		struct wish *w = &d->wishes[i];
		struct dns_srv own = {.priority = 0, .weight = v[i].weight, .port = v[i].port};

		assert(d->policy->trust || !v[i].direct);
		w->t = v[i];
		w->t.host = mem_strdup(v[i].host);
		w->first = i == first;
		w->dial = d;
		w->said[CLIENTS_TLS] = DNS_NONE;
		if (v[i].kind == DIAL_SRV)
			look_up(w);
		else
			add(d, w, v[i].host, &own, v[i].direct);
	}
	d->due = INT64_MAX;
}

/* RFC 6120 3.2.2: a domain without service records is its own server; one that says that it has
 * no such service is not (XEP-0368 3), nor one of which nothing is known. */
static void conclude(struct dial *d, struct wish *w)
{
	struct dns_srv own = {.port = FALLBACK_PORT};

	if (w->t.kind != DIAL_SRV || w->found)
		return;
	if (w->offered_not) {
		dial_note(d, w->t.host, "its service records say that it is no XMPP server");
		d->other_faults++;
	} else if (w->said[CLIENT] == DNS_NONE) {
		add(d, w, w->t.host, &own, false);
	} else {
		d->other_faults++;
	}
}

static bool waiting(const struct dial *d)
{
	for (size_t i = 0; i < d->n_wishes; i++)
		if (d->wishes[i].query[CLIENT] || d->wishes[i].query[CLIENTS_TLS])
			return true;
	return false;
}

static void give_up(struct dial *d)
{
	for (size_t i = 0; i < d->n_wishes; i++)
		for (int k = CLIENT; k <= CLIENTS_TLS; k++) {
			struct wish *w = &d->wishes[i];

			if (!w->query[k])
				continue;
			dns_forget(MEM_TAKE(w->query[k]));
			w->said[k] = DNS_FAILED;
			if (k == CLIENT)
				dial_note(d, w->t.host,
					  "no answer from the name servers about its services in "
					  "time");
		}
}

static uint32_t below(void *ctx, uint32_t limit)
{
	(void)ctx;
	return random_below(limit);
}

/* srv_order() knows 16 bits of priority: the rank among the keys there are. */
static uint16_t rank(const struct dial *d, uint64_t key)
{
	uint16_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->candidates[i].key < key;
	return n;
}

static void order(struct dial *d)
{
	struct srv_record v[DIAL_CANDIDATES];
	struct candidate *old = d->candidates;

	if (d->n < 2)
		return;
	for (size_t i = 0; i < d->n; i++)
		v[i] = (struct srv_record){
		    .priority = rank(d, old[i].key), .weight = old[i].weight, .tag = (uint16_t)i};
	srv_order(v, d->n, below, NULL);
	d->candidates = mem_alloc(d->n * sizeof(*old));
	for (size_t i = 0; i < d->n; i++)
		d->candidates[i] = old[v[i].tag];
	free(old);
}

/* The lookups may take half of the time. */
enum dial_progress dial_list_step(struct dial *d, int64_t now)
{
	if (d->due == INT64_MAX)
		d->due = now + (d->deadline - now) / 2;
	if (waiting(d) && now < d->due)
		return DIAL_WAIT;
	give_up(d);
	for (size_t i = 0; i < d->n_wishes; i++)
		conclude(d, &d->wishes[i]);
	order(d);
	return DIAL_DONE;
}

void dial_list_clear(struct dial *d)
{
	for (size_t i = 0; i < d->n_wishes; i++) {
		for (int k = CLIENT; k <= CLIENTS_TLS; k++)
			if (d->wishes[i].query[k])
				dns_forget(d->wishes[i].query[k]);
		free((char *)d->wishes[i].t.host);
	}
	for (size_t i = 0; i < d->n; i++)
		free(d->candidates[i].host);
	free(d->wishes);
	free(d->candidates);
}

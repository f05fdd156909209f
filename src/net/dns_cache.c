/* What is known, and who waits for it. A lookup stays in the table until its time is over and room
 * is wanted; queries point to lookups, and hold them. */
#include "net/dns_priv.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"

struct dns_query {
	struct dns_query *next, **prev; /* in lookup->waiting or dns->ready */
	struct lookup *lookup;
	dns_told *told;
	void *owner;
};

static void unlink_query(struct dns_query *q)
{
	struct dns *d = q->lookup->dns;

	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	else if (d->ready_tail == &q->next)
		d->ready_tail = q->prev;
}

static void ready(struct dns_query *q)
{
	struct dns *d = q->lookup->dns;

	q->next = NULL;
	q->prev = d->ready_tail;
	*d->ready_tail = q;
	d->ready_tail = &q->next;
}

static void wait_for(struct lookup *l, struct dns_query *q)
{
	q->next = l->waiting;
	q->prev = &l->waiting;
	if (q->next)
		q->next->prev = &q->next;
	l->waiting = q;
}

static void unlink_use(struct lookup *l)
{
	*(l->newer ? &l->newer->older : &l->dns->newest) = l->older;
	*(l->older ? &l->older->newer : &l->dns->oldest) = l->newer;
}

static void link_newest(struct lookup *l)
{
	l->newer = NULL;
	l->older = l->dns->newest;
	*(l->older ? &l->older->newer : &l->dns->oldest) = l;
	l->dns->newest = l;
}

static void drop_content(struct lookup *l)
{
	if (l->type == DNS_SRV)
		for (size_t i = 0; i < l->n; i++)
			free((char *)l->srv[i].host);
	free(MEM_TAKE(l->srv));
	free(MEM_TAKE(l->addrs));
	l->n = 0;
}

static void lookup_free(struct lookup *l)
{
	if (l->kept) {
		htab_remove(&l->dns->lookups, &l->node);
		unlink_use(l);
	}
	drop_content(l);
	free(l);
}

static void make_room(struct dns *d)
{
	struct lookup *l = d->oldest, *newer;

	for (; l && d->lookups.n >= DNS_NAMES; l = newer) {
		newer = l->newer;
		if (!l->users && !l->flying)
			lookup_free(l);
	}
}

void dns_cache_clear(struct dns *d)
{
	struct lookup *l = d->newest, *older;

	for (; l; l = older) {
		older = l->older;
		assert(!l->users);
		lookup_free(l);
	}
	htab_clear(&d->lookups);
}

void dns_expire_all(struct dns *d)
{
	for (struct lookup *l = d->newest; l; l = l->older)
		l->expires = 0;
}

/* The key is the name with its type before it: a byte that no name has. */
static bool is_lookup(const struct htab_node *node, struct slice key)
{
	const struct lookup *l = CONTAINER(node, struct lookup, node);

	return key.p[0] == '0' + (int)l->type && slice_is(slice_of(key.p + 1, key.n - 1), l->name);
}

static struct lookup *lookup_new(struct dns *d, enum dns_type type, const char *name)
{
	size_t n = strlen(name);
	struct lookup *l = mem_zalloc(sizeof(*l) + n + 1);

	l->dns = d;
	l->type = type;
	memcpy(l->name, name, n + 1);
	return l;
}

/* The lookup of a name in the table, made where there is none. */
static struct lookup *find(struct dns *d, enum dns_type type, const char *name)
{
	char text[DNS_NAME + 1];
	int n = snprintf(text, sizeof(text), "%c%s", '0' + (int)type, name);
	struct slice key = slice_of(text, (size_t)n);
	uint64_t hash = htab_hash(key, d->seed);
	struct htab_node *node = htab_find(&d->lookups, hash, key, is_lookup);
	struct lookup *l;

	if (node) {
		l = CONTAINER(node, struct lookup, node);
		unlink_use(l);
	} else {
		make_room(d);
		l = lookup_new(d, type, name);
		l->kept = true;
		htab_add(&d->lookups, &l->node, hash);
	}
	link_newest(l);
	return l;
}

static void explain(struct lookup *l, int status)
{
	const char *what = l->type == DNS_SRV ? "service" : "address";

	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		l->outcome = DNS_NONE;
		snprintf(l->why, sizeof(l->why), "no %s for %.120s", what, l->name);
		break;
	case ARES_ETIMEOUT:
		snprintf(l->why, sizeof(l->why), "no answer from the name servers about %.100s",
			 l->name);
		break;
	case ARES_ECONNREFUSED: /* what c-ares also makes of SERVFAIL, REFUSED, NOTIMP */
		snprintf(l->why, sizeof(l->why), "no name server wants to tell about %.100s",
			 l->name);
		break;
	default:
		snprintf(l->why, sizeof(l->why), "cannot resolve %.80s: %s", l->name,
			 ares_strerror(status));
	}
}

void dns_land(struct lookup *l, int status, uint32_t ttl)
{
	struct dns_query *q;

	l->flying = false;
	l->outcome = l->n ? DNS_FOUND : DNS_FAILED;
	if (!l->n)
		explain(l, status);
	if (l->outcome == DNS_FAILED)
		ttl = DNS_TTL_FAILED;
	if (l->outcome == DNS_NONE && ttl > DNS_TTL_NONE_MAX)
		ttl = DNS_TTL_NONE_MAX;
	if (ttl < DNS_TTL_MIN)
		ttl = DNS_TTL_MIN;
	if (ttl > DNS_TTL_MAX)
		ttl = DNS_TTL_MAX;
	l->expires = l->dns->clock() + (int64_t)ttl * 1000;
	while ((q = l->waiting)) {
		unlink_query(q);
		ready(q);
	}
}

static void release(struct dns_query *q)
{
	struct lookup *l = q->lookup;

	free(q);
	l->users--;
	if (!l->kept && !l->users)
		lookup_free(l);
}

/* So that what is asked for often is spread over the addresses, as without a cache. */
static void rotate(struct lookup *l)
{
	struct addr first;

	if (!l->addrs || l->n < 2)
		return;
	first = l->addrs[0];
	memmove(l->addrs, l->addrs + 1, (l->n - 1) * sizeof(*l->addrs));
	l->addrs[l->n - 1] = first;
}

void dns_deliver(struct dns *d)
{
	struct dns_query *q;

	while ((q = d->ready)) {
		struct lookup *l = q->lookup;
		struct dns_answer a = {.outcome = l->outcome,
				       .n = l->n,
				       .addrs = l->addrs,
				       .srv = l->srv,
				       .why = l->why};

		unlink_query(q);
		if (l->told)
			rotate(l);
		l->told = true;
		q->told(q->owner, &a);
		release(q);
	}
	dns_rearm(d);
}

static bool is_localhost(struct slice name)
{
	static const struct slice tail = {".localhost", 10};

	if (name.n > tail.n)
		return slice_eq_nocase(slice_of(name.p + name.n - tail.n, tail.n), tail);
	return slice_eq_nocase(name, SLICE("localhost"));
}

/* What is known without asking: literals and localhost (RFC 6761 6.3), and what is no name. NULL
 * where somebody must be asked. */
static struct lookup *obvious(struct dns *d, enum dns_type type, const char *name)
{
	struct addr loopback = type == DNS_A ? (struct addr){ADDR_V4, {127, 0, 0, 1}, 0}
					     : (struct addr){ADDR_V6, {[15] = 1}, 0};
	struct slice s = slice_str(name);
	bool local = is_localhost(s), literal;
	struct addr a;
	struct lookup *l;

	literal = addr_parse(&a, s, false);
	if (!literal && !local && dns_name_valid(s))
		return NULL;
	l = lookup_new(d, type, name);
	if (local)
		a = loopback;
	a.port = 0;
	if (type != DNS_SRV && (local || literal) &&
	    a.family == (type == DNS_A ? ADDR_V4 : ADDR_V6)) {
		l->addrs = mem_alloc(sizeof(a));
		l->addrs[0] = a;
		l->n = 1;
	}
	l->outcome = l->n ? DNS_FOUND : DNS_NONE;
	if (!l->n)
		snprintf(l->why, sizeof(l->why),
			 local || literal ? "no %s for %.120s" : "no %s: it is no name of DNS",
			 type == DNS_SRV ? "service" : "address", name);
	return l;
}

struct dns_query *dns_ask(struct dns *d, enum dns_type type, const char *name, dns_told *told,
			  void *owner)
{
	struct dns_query *q = mem_zalloc(sizeof(*q));
	char lower[DNS_NAME];
	struct lookup *l;
	size_t n = 0;

	/* One that is too long is cut, and still too long to be a name. */
	for (; name[n] && n < sizeof(lower) - 1; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	if (n > 1 && lower[n - 1] == '.')
		n--;
	lower[n] = '\0';
	l = obvious(d, type, lower);
	if (!l)
		l = find(d, type, lower);
	q->lookup = l;
	q->told = told;
	q->owner = owner;
	l->users++;
	if (l->flying) {
		wait_for(l, q);
	} else if (!l->kept || l->users > 1 || d->clock() < l->expires) {
		ready(q);
	} else {
		drop_content(l);
		l->told = false;
		wait_for(l, q);
		dns_fly(l);
	}
	dns_rearm(d);
	return q;
}

void dns_forget(struct dns_query *q)
{
	unlink_query(q);
	release(q);
}

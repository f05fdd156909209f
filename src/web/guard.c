/* The rules of the status listeners, and what is said to who breaks them. The control socket has
 * none: the mode of its file is the key. */
#include "web/guard.h"
#include "net/sockaddr.h"
#include "proto/guard.h"
#include "web/answer.h"
#include "web/request.h"

#include <sys/socket.h>

/* A place holds the window's number and how many were wrong in it. FNV-1a: nothing hangs on it but
 * who shares a place with whom. */
static _Atomic uint64_t *place(struct web_wrongs *g, const struct addr *a)
{
	uint32_t hash = 2166136261u ^ g->seed;

	hash = (hash ^ a->family) * 16777619u;
	for (size_t i = 0; i < sizeof(a->ip); i++)
		hash = (hash ^ a->ip[i]) * 16777619u;
	return &g->v[(hash ^ hash >> 16) % (sizeof(g->v) / sizeof(g->v[0]))];
}

static uint64_t window(int64_t now)
{
	return (uint64_t)(now / GUARD_WINDOW + 1) << 32;
}

bool guard_may_try(struct web_wrongs *g, const struct addr *a, int64_t now)
{
	uint64_t v = atomic_load_explicit(place(g, a), memory_order_relaxed);

	return v >> 32 != window(now) >> 32 || (uint32_t)v < GUARD_WRONG;
}

void guard_wrong(struct web_wrongs *g, const struct addr *a, int64_t now)
{
	_Atomic uint64_t *at = place(g, a);
	uint64_t was = atomic_load_explicit(at, memory_order_relaxed), is;

	do {
		is = (was >> 32 == window(now) >> 32 ? was : window(now)) + 1;
	} while (!atomic_compare_exchange_weak_explicit(at, &was, is, memory_order_relaxed,
							memory_order_relaxed));
}

static bool host_fits(struct request *r, const struct http1_head *q)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	struct addr local;

	getsockname(r->http->conn.io.fd, (struct sockaddr *)&ss, &n);
	local = sockaddr_read((struct sockaddr *)&ss);
	if (guard_host(q->host, r->http->web->config->status_names, &local))
		return true;
	answer_words(r, 403, NULL, true,
		     "This listener is reached as localhost, by its own address, or by a name in "
		     "status.names in the configuration.");
	return false;
}

/* Browsers tell where a request that acts or streams comes from, and where any comes from that
 * another site's page makes so as to read the answer. */
static bool origin_fits(struct request *r, const struct http1_head *q)
{
	if (!q->origin.p || guard_origin(q->origin, q->host, r->http->tls))
		return true;
	answer_words(r, 403, NULL, true,
		     "A page of another origin may not use the status API: open the status page "
		     "under the address that this listener has for your browser.");
	return false;
}

/* A name of status.names is a proxy's, with who knows whom behind it. */
static bool open_to_all(const struct request *r, const struct http1_head *q)
{
	const char *const *v = r->http->web->config->status_open;

	if (r->http->far || q->method == HTTP1_POST || !guard_host(q->host, NULL, NULL))
		return false;
	for (; v && *v; v++)
		if (slice_is(q->path, *v))
			return true;
	return false;
}

static struct slice shown(const struct http1_head *q)
{
	struct slice head = q->bytes, value;

	if (!http1_last_field(&head, SLICE("authorization"), &value))
		return SLICE_NONE;
	return guard_bearer(value);
}

static bool token_fits(struct request *r, const struct http1_head *q)
{
	struct web *w = r->http->web;
	int64_t now = (int64_t)w->tick * WEB_TICK;
	struct slice token = shown(q);

	if (!token.p && open_to_all(r, q))
		return true;
	if (token.p && !guard_may_try(w->config->wrongs, request_peer(r), now)) {
		answer_words(r, 429, "Retry-After: 60\r\n", true,
			     "Too many wrong tokens came from this address; wait a minute.");
		return false;
	}
	r->trusted = token.p && guard_same(token, w->config->token);
	if (r->trusted)
		return true;
	if (token.p)
		guard_wrong(w->config->wrongs, request_peer(r), now);
	answer_words(r, 401, "WWW-Authenticate: Bearer realm=\"fairlead\"\r\n", true,
		     token.p ? "This token is not the one of this Fairlead: fairleadctl link shows "
			       "the right one."
			     : "This needs the token: open the status page by the link that "
			       "fairleadctl link shows.");
	return false;
}

bool guard(struct request *r, const struct http1_head *q, bool api)
{
	if (r->http->kind == WEB_CONTROL) {
		r->trusted = true;
		return true;
	}
	if (!host_fits(r, q))
		return false;
	return !api || (origin_fits(r, q) && (!r->http->web->config->token || token_fits(r, q)));
}

/* Routes: which backends serve a domain. */
#include "session/route.h"
#include "base/num.h"

const struct route *routes_find(const struct routes *r, struct slice domain)
{
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	for (size_t i = 0; i < r->n; i++)
		if (slice_eq_nocase(slice_str(r->v[i].domain), domain))
			return &r->v[i];
	return NULL;
}

size_t route_wanted(const struct route *r, struct slice wish)
{
	struct slice host = wish, proto = slice_cut(&host, ':');
	const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;
	int64_t port;

	if (!colon || !slice_eq_nocase(proto, SLICE("xmpp")))
		return 0;
	port = num_parse(slice_of(colon + 1, (size_t)(host.p + host.n - colon - 1)), 65535);
	host.n = (size_t)(colon - host.p);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_of(host.p + 1, host.n - 2);
	for (size_t i = 0; i < r->n; i++)
		if (r->backends[i].port == port &&
		    slice_eq_nocase(slice_str(r->backends[i].host), host))
			return i;
	return 0;
}

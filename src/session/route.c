/* Routes: which backends serve a domain. */
#include "session/route.h"
#include "base/num.h"

bool route_is_pattern(const struct route *r)
{
	return r->domain[0] == '*';
}

/* How much of the domain the pattern names: 0 for nothing, for it does not fit; more is narrower.
 */
static size_t fits(const char *pattern, struct slice domain)
{
	struct slice rest = slice_str(pattern);

	if (rest.n == 0 || rest.p[0] != '*')
		return slice_eq_nocase(rest, domain) ? SIZE_MAX : 0;
	rest = slice_of(rest.p + 1, rest.n - 1);
	if (domain.n <= rest.n ||
	    !slice_eq_nocase(rest, slice_of(domain.p + domain.n - rest.n, rest.n)))
		return 0;
	return rest.n + 1;
}

/* What a client names for a pattern goes into logs, to name servers and into certificate checks. No
 * label is empty: name servers and certificates forgive another dot at the end, and what is denied
 * would have a second name. */
static bool is_name(struct slice domain)
{
	char before = '.';

	if (domain.n > 1023)
		return false;
	for (size_t i = 0; i < domain.n; i++) {
		if ((unsigned char)domain.p[i] <= ' ' || strchr("\"&'/:<>@*\\\x7f", domain.p[i]) ||
		    (before == '.' && domain.p[i] == '.'))
			return false;
		before = domain.p[i];
	}
	return before != '.';
}

static bool any_fits(const char *const *patterns, struct slice domain)
{
	for (; patterns && *patterns; patterns++)
		if (fits(*patterns, domain))
			return true;
	return false;
}

const struct route *routes_find(const struct routes *r, struct slice domain)
{
	const struct route *best = NULL;
	size_t most = 0;

	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	for (size_t i = 0; i < r->n; i++) {
		size_t n = fits(r->v[i].domain, domain);

		if (n > most) {
			most = n;
			best = &r->v[i];
		}
	}
	if (best && route_is_pattern(best) && !is_name(domain))
		return NULL;
	if (best && (any_fits(best->deny, domain) ||
		     (best->allow && *best->allow && !any_fits(best->allow, domain))))
		return NULL;
	return best;
}

size_t route_wanted(const struct route *r, struct slice wish)
{
	struct slice host = wish, proto = slice_cut(&host, ':');
	const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL;
	int64_t port;

	if (!colon || !slice_eq_nocase(proto, SLICE("xmpp")))
		return r->n;
	port = num_parse(slice_of(colon + 1, (size_t)(host.p + host.n - colon - 1)), 65535);
	host.n = (size_t)(colon - host.p);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_of(host.p + 1, host.n - 2);
	for (size_t i = 0; i < r->n; i++)
		if (r->backends[i].scheme <= ROUTE_TLS && r->backends[i].port == port &&
		    slice_eq_nocase(slice_str(r->backends[i].host), host))
			return i;
	return r->n;
}

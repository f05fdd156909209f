/* The rules of the status listeners. */
#include "proto/guard.h"

bool guard_host(struct slice host, const char *const *names, const struct addr *local)
{
	struct slice name = host;
	struct addr a;
	int port;

	if (!host.p)
		return true;
	if (!addr_split(host, &name, &port))
		return false;
	if (slice_eq_nocase(name, SLICE("localhost")))
		return true;
	for (; names && *names; names++)
		if (slice_eq_nocase(name, slice_str(*names)))
			return true;
	if (!addr_parse(&a, name, false))
		return false;
	if (local)
		a.port = local->port;
	return addr_loopback(&a) || (local && addr_same(&a, local));
}

bool guard_origin(struct slice origin, struct slice host, bool tls)
{
	struct slice http = SLICE("http://"), https = SLICE("https://");
	size_t n;

	if (origin.n > https.n && slice_eq_nocase(slice_of(origin.p, https.n), https))
		n = https.n;
	else if (!tls && origin.n > http.n && slice_eq_nocase(slice_of(origin.p, http.n), http))
		n = http.n;
	else
		return false;
	return slice_eq_nocase(slice_of(origin.p + n, origin.n - n), host);
}

struct slice guard_bearer(struct slice v)
{
	struct slice scheme = SLICE("Bearer ");

	if (v.n <= scheme.n || !slice_eq_nocase(slice_of(v.p, scheme.n), scheme))
		return SLICE_NONE;
	return slice_trim(slice_of(v.p + scheme.n, v.n - scheme.n));
}

bool guard_same(struct slice shown, const char *token)
{
	size_t n = strlen(token);
	unsigned char differ = n == 0 || shown.n != n;

	for (size_t i = 0; i < shown.n && n; i++)
		differ |= (unsigned char)(shown.p[i] ^ token[i % n]);
	return !differ;
}

/* Routes: which backends serve a domain. Made once from the configuration, read only ever after. */
#ifndef SESSION_ROUTE_H
#define SESSION_ROUTE_H

#include <stdint.h>
#include "base/slice.h"

enum route_scheme {
	ROUTE_TCP,  /* tcp://host:port */
	ROUTE_TLS,  /* tls://host:port, TLS from the first byte (XEP-0368) */
	ROUTE_UNIX, /* unix:/path */
	ROUTE_SRV /* srv, srv://name: what DNS says of the domain, or of that name (RFC 6120 3.2.1)
		   */
};

struct route_backend {
	enum route_scheme scheme;
	const char *host; /* name or IP literal; UNIX: the path; SRV: "" is the domain itself */
	uint16_t port;
	int64_t priority, weight; /* as in RFC 2782: the lowest priority first, weight shares */
	int64_t sessions;	  /* at a time; 0: any number */
};

/* A pattern stands for names: "example.org" for itself, "*.example.org" for all below it, "*" for
 * all. */
struct route {
	const char *domain; /* a pattern, lower case */
	const struct route_backend *backends;
	size_t n;
	const char *const
	    *allow; /* NULL-terminated patterns; none, or NULL: all that it stands for */
	const char *const *deny; /* the same, and stronger; none, or NULL: nothing is */
	bool transparent; /* stanzas are passed on, and nothing is acknowledged for clients */
};

enum { ROUTES_MAX = 65535 }; /* routes; and backends of one */

struct routes {
	const struct route *v; /* borrowed from the configuration */
	size_t n;
};

/* Which backend a client means by "xmpp:host:port" (XEP-0124 7.1); r->n where it names none. */
size_t route_wanted(const struct route *r, struct slice wish);

/* The route of a domain, the one with the narrowest pattern (case does not count, a trailing dot
 * neither); NULL where none serves it. */
const struct route *routes_find(const struct routes *r, struct slice domain);

/* It stands for many domains. */
bool route_is_pattern(const struct route *r);

#endif

/* Routes: which backends serve a domain. Made once from the configuration, read only ever after. */
#ifndef SESSION_ROUTE_H
#define SESSION_ROUTE_H

#include <stdint.h>
#include "base/slice.h"

struct route_backend {
	const char *host; /* name or IP literal */
	uint16_t port;
};

struct route {
	const char *domain; /* lower case */
	const struct route_backend *backends;
	size_t n;
};

struct routes {
	const struct route *v; /* borrowed from the configuration */
	size_t n;
};

/* Which backend a client means by "xmpp:host:port" (XEP-0124 7.1); the first where it names none.
 */
size_t route_wanted(const struct route *r, struct slice wish);

/* The route of a domain (case does not count, a trailing dot neither); NULL where none serves it.
 */
const struct route *routes_find(const struct routes *r, struct slice domain);

#endif

/* Who asks, where proxies in front say it: X-Forwarded-For, or Forwarded (RFC 7239). Each proxy
 * adds the address that it was asked from at the right, so what stands there is as true as the
 * proxy that wrote it, and what stands left of the first address that is no trusted proxy's is mere
 * hearsay. */
#ifndef PROTO_FORWARDED_H
#define PROTO_FORWARDED_H

#include "proto/addr.h"

/* The proxies, and which of the two they write. The other one is not looked at: a proxy that does
 * not know it passes on whatever the client made up. Borrowed. */
struct forwarded_rules {
	const struct addr_net *trusted;
	size_t n;
	bool rfc7239;
};

enum forwarded_tls { FORWARDED_UNTOLD, FORWARDED_PLAIN, FORWARDED_TLS };

struct forwarded {
	struct addr client;
	enum forwarded_tls tls; /* how the nearest proxy was asked */
};

bool forwarded_trusts(const struct forwarded_rules *rules, const struct addr *a);

/* peer is trusted, and sent this head, which http1_parse() has found good. The client is the
 * right-most address that is not trusted, or the left-most where all are. What is malformed,
 * `unknown` or obfuscated (_x) ends the walk: then it is the last one that was told. */
void forwarded_read(const struct forwarded_rules *rules, struct slice head, const struct addr *peer,
		    struct forwarded *f);

#endif

/* The PROXY protocol of HAProxy, versions 1 (a line of text) and 2 (binary): what a proxy says,
 * before anything else on a connection, of the client that it stands for. */
#ifndef PROTO_PROXY_H
#define PROTO_PROXY_H

#include "base/buf.h"
#include "proto/addr.h"

enum {
	PROXY_V1_MAX = 107,  /* bytes, CR LF included (2.1) */
	PROXY_V2_MAX = 4096, /* bytes that are read; none that we know of is a tenth of it */
	PROXY_AUTHORITY_MAX = 255
};

struct proxy {
	struct addr source; /* the client; ADDR_NONE: not told, the connection is the proxy's own */
	struct addr destination; /* where it connected to; ADDR_NONE: not told */
	bool tls;		 /* it came over TLS; told by version 2 alone */
	struct slice authority;	 /* the host name it asked for; p NULL: not told; borrowed */
};

/* Appends a header of version 1 or 2. Without an IP in `source` it says so (UNKNOWN, LOCAL) and
 * nothing else. Where the families differ, IPv4 goes as v4-mapped IPv6; a destination that is no IP
 * goes as zeros. `tls` and with it `authority` go into version 2 only. */
void proxy_render(struct buf *b, int version, const struct proxy *p);

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

/* Reads a header of either version from all that came so far. DONE: it was the first *used bytes,
 * and p->authority points into them. BAD is told with the first byte that fits no header. */
enum proxy_result proxy_parse(struct slice in, struct proxy *p, size_t *used);

#endif

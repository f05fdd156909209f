/* Host metadata (RFC 6415): where a web client finds the endpoints of a domain, as XRD and as JRD
 * (XEP-0156), the latter with what XEP-0487 adds where the addresses are known. */
#ifndef PROTO_HOSTMETA_H
#define PROTO_HOSTMETA_H

#include <stdint.h>
#include "base/buf.h"

/* Everything is borrowed, and was found valid below. */
struct hostmeta {
	const char *bosh, *websocket; /* URLs; NULL or "" where there is none */
	const char *ips;	      /* addresses of both, with commas; "" leaves XEP-0487 away */
	int64_t ttl;		      /* seconds, XEP-0487 */
};

bool hostmeta_any(const struct hostmeta *m); /* there is a URL to tell */

/* Append the document, whole. */
void hostmeta_xrd(struct buf *out, const struct hostmeta *m);
void hostmeta_jrd(struct buf *out, const struct hostmeta *m);

/* A URL of this scheme ("wss"), in visible ASCII and with a host, that needs no escape in JSON. */
bool hostmeta_url_valid(struct slice url, const char *scheme);

/* The host of a valid URL, as TLS names it (SNI): without its port. Empty for an IP address. */
struct slice hostmeta_host(struct slice url);

/* Appends the origin that pages of the URL's host have: https for wss, without the default port. */
void hostmeta_origin(struct buf *out, struct slice url);

#endif

/* An address of the net as a value: IPv4, IPv6 or Unix; parsed, printed and compared without a
 * resolver or a socket. net/sockaddr.h turns it into what the kernel takes. */
#ifndef PROTO_ADDR_H
#define PROTO_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum addr_family { ADDR_NONE, ADDR_V4, ADDR_V6, ADDR_UNIX };

struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t ip[16]; /* network order; IPv4 in the first four, zeros behind */
	uint16_t port;	/* host order */
};

enum { ADDR_TEXT = 64 };

struct addr addr_v4(const void *ip, uint16_t port); /* of 4 bytes in network order */
struct addr addr_v6(const void *ip, uint16_t port); /* of 16; v4-mapped becomes IPv4 */

const char *addr_print(const struct addr *a, bool with_port, char dst[ADDR_TEXT]);

/* "127.0.0.1:5280", "[::1]:5280", and a bare IP with port 0 where need_port is false. Names are not
 * resolved. False where it is none of these. */
bool addr_parse(struct addr *a, struct slice text, bool need_port);
bool addr_same(const struct addr *a, const struct addr *b); /* port included */
bool addr_loopback(const struct addr *a);

/* Whether a is an address of a host out there: false for private, loopback, link-local, shared
 * (100.64/10), multicast, documentation and all other ranges that are not globally reachable (RFC
 * 6890 and its registry), for IPv6 that wraps such an IPv4 (mapped, 6to4, NAT64), and for what is
 * no IP. */
bool addr_public(const struct addr *a);

/* A network, or one address: those whose first `bits` are the base's. */
struct addr_net {
	struct addr base; /* port 0 */
	uint8_t bits;	  /* ADDR_UNIX: 0, for all of them */
};

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "::1". False where it is none, or where bits are set
 * behind the prefix: then somebody was mistaken about one of the two. */
bool addr_net_parse(struct addr_net *n, struct slice text);
const char *addr_net_print(const struct addr_net *n, char dst[ADDR_TEXT]);
bool addr_in(const struct addr_net *n, const struct addr *a);

/* Splits "host:port", "[v6]:port"; port -1 where missing. False where it makes no sense. */
bool addr_split(struct slice text, struct slice *host, int *port);

#endif

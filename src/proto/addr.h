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
bool addr_loopback(const struct addr *a);

/* Whether it is one of the public Internet's: none of the special-purpose blocks of RFC 6890 and
 * its registries (private, loopback, link-local, shared, documentation, multicast, reserved ..),
 * nor a way to one of those (NAT64, 6to4, Teredo). */
bool addr_public(const struct addr *a);

/* Splits "host:port", "[v6]:port"; port -1 where missing. False where it makes no sense. */
bool addr_split(struct slice text, struct slice *host, int *port);

#endif

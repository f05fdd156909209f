/* Addresses as values. An IPv4 address in an IPv6 one (v4-mapped) is IPv4 here, so that rules about
 * addresses need one form only. The C library's readers and printers of IPs are pure. */
#include "proto/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include "base/num.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct addr addr_v4(const void *ip, uint16_t port)
{
	struct addr a = {.family = ADDR_V4, .port = port};

	memcpy(a.ip, ip, 4);
	return a;
}

struct addr addr_v6(const void *ip, uint16_t port)
{
	struct addr a = {.family = ADDR_V6, .port = port};

	if (memcmp(ip, mapped, sizeof(mapped)) == 0)
		return addr_v4((const uint8_t *)ip + sizeof(mapped), port);
	memcpy(a.ip, ip, 16);
	return a;
}

const char *addr_print(const struct addr *a, bool with_port, char dst[ADDR_TEXT])
{
	char ip[INET6_ADDRSTRLEN];

	if (a->family != ADDR_V4 && a->family != ADDR_V6) {
		snprintf(dst, ADDR_TEXT, "%s", a->family == ADDR_UNIX ? "unix" : "none");
		return dst;
	}
	inet_ntop(a->family == ADDR_V4 ? AF_INET : AF_INET6, a->ip, ip, sizeof(ip));
	if (!with_port)
		snprintf(dst, ADDR_TEXT, "%s", ip);
	else if (a->family == ADDR_V6)
		snprintf(dst, ADDR_TEXT, "[%s]:%u", ip, a->port);
	else
		snprintf(dst, ADDR_TEXT, "%s:%u", ip, a->port);
	return dst;
}

static bool parse_ip(struct addr *a, struct slice text)
{
	char ip[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (text.n == 0 || text.n >= sizeof(ip) || memchr(text.p, '\0', text.n))
		return false;
	memcpy(ip, text.p, text.n);
	ip[text.n] = '\0';
	if (inet_pton(AF_INET, ip, bytes) == 1) {
		*a = addr_v4(bytes, 0);
		return true;
	}
	if (inet_pton(AF_INET6, ip, bytes) != 1)
		return false;
	*a = addr_v6(bytes, 0);
	return true;
}

static const char *last_colon(struct slice s)
{
	while (s.n)
		if (s.p[--s.n] == ':')
			return s.p + s.n;
	return NULL;
}

bool addr_split(struct slice text, struct slice *host, int *port)
{
	const char *colon;
	struct addr a;

	*port = -1;
	if (text.n && text.p[0] == '[') {
		const char *end = memchr(text.p, ']', text.n);

		if (!end)
			return false;
		*host = slice_of(text.p + 1, (size_t)(end - text.p) - 1);
		if (!memchr(host->p, ':', host->n) || !parse_ip(&a, *host))
			return false;
		colon = end + 1;
		if (colon == text.p + text.n)
			return true;
		if (*colon != ':')
			return false;
	} else {
		colon = last_colon(text);
		*host = slice_of(text.p, colon ? (size_t)(colon - text.p) : text.n);
		if (!colon)
			return host->n > 0;
		if (memchr(host->p, ':', host->n)) { /* two colons: bare IPv6 or nothing */
			*host = text;
			return parse_ip(&a, text);
		}
	}
	*port = (int)num_parse(slice_of(colon + 1, (size_t)(text.p + text.n - colon) - 1), 65535);
	return host->n > 0 && *port >= 0;
}

bool addr_parse(struct addr *a, struct slice text, bool need_port)
{
	struct slice host;
	int port;

	*a = (struct addr){.family = ADDR_NONE};
	if (!addr_split(text, &host, &port) || (port < 0 && need_port) || !parse_ip(a, host)) {
		*a = (struct addr){.family = ADDR_NONE};
		return false;
	}
	a->port = port < 0 ? 0 : (uint16_t)port;
	return true;
}

bool addr_same(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	switch (a->family) {
	case ADDR_V4: return a->ip[0] == 127;
	case ADDR_V6: return memcmp(a->ip, one, sizeof(one)) == 0;
	case ADDR_UNIX: return true;
	default: return false;
	}
}

static unsigned width(const struct addr *a)
{
	return a->family == ADDR_V4 ? 32 : a->family == ADDR_V6 ? 128 : 0;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	return memcmp(a, b, bytes) == 0 && (rest == 0 || (a[bytes] ^ b[bytes]) >> (8 - rest) == 0);
}

bool addr_in(const struct addr_net *n, const struct addr *a)
{
	return a->family == n->base.family && same_bits(a->ip, n->base.ip, n->bits);
}

static bool empty_behind(const struct addr_net *n)
{
	struct addr_net up = *n;

	for (unsigned bit = n->bits; bit < width(&n->base); bit++)
		up.base.ip[bit / 8] &= (uint8_t)(0xff ^ 0x80 >> bit % 8);
	return memcmp(up.base.ip, n->base.ip, sizeof(up.base.ip)) == 0;
}

bool addr_net_parse(struct addr_net *n, struct slice text)
{
	struct slice ip = slice_cut(&text, '/');
	int64_t bits, spare = 0;

	*n = (struct addr_net){.base = {.family = ADDR_NONE}};
	if (!parse_ip(&n->base, ip))
		return false;
	/* IPv4 in the form of IPv6 became IPv4, its prefix did not yet. */
	if (n->base.family == ADDR_V4 && memchr(ip.p, ':', ip.n))
		spare = 128 - 32;
	bits = text.p ? num_parse(text, width(&n->base) + spare) - spare : width(&n->base);
	if (bits < 0)
		return false;
	n->bits = (uint8_t)bits;
	return empty_behind(n);
}

const char *addr_net_print(const struct addr_net *n, char dst[ADDR_TEXT])
{
	size_t used = strlen(addr_print(&n->base, false, dst));

	if (n->bits != width(&n->base))
		snprintf(dst + used, ADDR_TEXT - used, "/%u", n->bits);
	return dst;
}

/* Blocks of the IANA registries of special-purpose addresses that are not globally reachable, and
 * multicast. Some anycast addresses within 192.0.0.0/24 and 2001::/23 are, but no server is there.
 */
static bool special_v4(const uint8_t *ip)
{
	static const struct {
		uint8_t ip[4], bits;
	} nets[] = {
	    {{0, 0, 0, 0}, 8},	     /* this network */
	    {{10, 0, 0, 0}, 8},	     /* private */
	    {{100, 64, 0, 0}, 10},   /* shared: carrier-grade NAT */
	    {{127, 0, 0, 0}, 8},     /* loopback */
	    {{169, 254, 0, 0}, 16},  /* link-local */
	    {{172, 16, 0, 0}, 12},   /* private */
	    {{192, 0, 0, 0}, 24},    /* protocol assignments */
	    {{192, 0, 2, 0}, 24},    /* documentation */
	    {{192, 88, 99, 0}, 24},  /* 6to4 relays, once */
	    {{192, 168, 0, 0}, 16},  /* private */
	    {{198, 18, 0, 0}, 15},   /* benchmarks */
	    {{198, 51, 100, 0}, 24}, /* documentation */
	    {{203, 0, 113, 0}, 24},  /* documentation */
	    {{224, 0, 0, 0}, 4},     /* multicast */
	    {{240, 0, 0, 0}, 4},     /* reserved; broadcast */
	};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (same_bits(ip, nets[i].ip, nets[i].bits))
			return true;
	return false;
}

static bool special_v6(const uint8_t *ip)
{
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t global[1] = {0x20};
	static const struct {
		uint8_t ip[4], bits;
	} nets[] = {
	    {{0x20, 0x01, 0, 0}, 23},	    /* protocol assignments, Teredo, benchmarks, ORCHID */
	    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	    {{0x3f, 0xff, 0, 0}, 20},	    /* documentation */
	};

	if (memcmp(ip, nat64, sizeof(nat64)) == 0) /* RFC 6052 2.1 */
		return special_v4(ip + 12);
	if (!same_bits(ip, global, 3)) /* all that is handed out lies in 2000::/3 */
		return true;
	if (ip[0] == 0x20 && ip[1] == 0x02) /* 6to4 */
		return special_v4(ip + 2);
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (same_bits(ip, nets[i].ip, nets[i].bits))
			return true;
	return false;
}

bool addr_public(const struct addr *a)
{
	switch (a->family) {
	case ADDR_V4: return !special_v4(a->ip);
	case ADDR_V6: return !special_v6(a->ip);
	default: return false;
	}
}

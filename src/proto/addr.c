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

struct block {
	uint8_t ip[16];
	uint8_t bits;
};

static bool is_in(const uint8_t *ip, const struct block *v, size_t n)
{
	for (; n--; v++) {
		uint8_t whole = v->bits / 8, rest = v->bits % 8;

		if (memcmp(ip, v->ip, whole) == 0 &&
		    (!rest || !((ip[whole] ^ v->ip[whole]) >> (8 - rest))))
			return true;
	}
	return false;
}

static bool v4_public(const uint8_t *ip)
{
	static const struct block special[] = {
	    {{0}, 8},
	    {{10}, 8},
	    {{100, 64}, 10},
	    {{127}, 8},
	    {{169, 254}, 16},
	    {{172, 16}, 12},
	    {{192, 0, 0}, 24},
	    {{192, 0, 2}, 24},
	    {{192, 88, 99}, 24},
	    {{192, 168}, 16},
	    {{198, 18}, 15},
	    {{198, 51, 100}, 24},
	    {{203, 0, 113}, 24},
	    {{224}, 4},
	    {{240}, 4},
	};

	return !is_in(ip, special, sizeof(special) / sizeof(special[0]));
}

bool addr_public(const struct addr *a)
{
	static const struct block global = {{0x20}, 3}, nat64 = {{0, 0x64, 0xff, 0x9b}, 96};
	static const struct block special[] = {
	    {{0x20, 0x01, 0, 0}, 23},	    /* IETF protocols: Teredo, ORCHID, benchmarks */
	    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	    {{0x20, 0x02}, 16},		    /* 6to4 */
	    {{0x3f, 0xff, 0}, 20},	    /* documentation */
	};

	if (a->family == ADDR_V4)
		return v4_public(a->ip);
	if (a->family != ADDR_V6)
		return false;
	if (is_in(a->ip, &nat64, 1))
		return v4_public(a->ip + 12);
	return is_in(a->ip, &global, 1) &&
	       !is_in(a->ip, special, sizeof(special) / sizeof(special[0]));
}

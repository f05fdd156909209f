/* PROXY headers. Sections are those of HAProxy's proxy-protocol.txt. A receiver has to accept a
 * connection whose header tells no address (2.1, 2.2): such a header is as good as any other, and
 * the addresses in it are none. */
#include "proto/proxy.h"
#include "base/num.h"

enum {
	V2_HEAD = 16, /* signature, command, family, length */
	V2_IP4 = 12,  /* bytes of addresses and ports */
	V2_IP6 = 36,
	V2_UNIX = 216,
	COMMAND_LOCAL = 0x20,
	COMMAND_PROXY = 0x21,
	FAMILY_IP4 = 1,
	FAMILY_IP6 = 2,
	FAMILY_UNIX = 3,
	STREAM = 1,
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_SSL = 0x20,
	SSL_HEAD = 5, /* bytes before the TLVs in it */
	CLIENT_SSL = 0x01
};

static const char signature[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

/* --- what goes out --- */

static bool has_ip(const struct addr *a)
{
	return a->family == ADDR_V4 || a->family == ADDR_V6;
}

static void add_16(struct buf *b, size_t n)
{
	buf_addc(b, (char)(n >> 8));
	buf_addc(b, (char)n);
}

static void add_ip(struct buf *b, const struct addr *a, bool v6)
{
	static const char zeros[16] = {0}, mapped[12] = {[10] = '\xff', '\xff'};

	if (!has_ip(a)) {
		buf_add(b, zeros, v6 ? 16 : 4);
		return;
	}
	if (v6 && a->family == ADDR_V4)
		buf_add(b, mapped, sizeof(mapped));
	buf_add(b, a->ip, a->family == ADDR_V4 ? 4 : 16);
}

static void add_text(struct buf *b, const struct addr *a, bool v6)
{
	char text[ADDR_TEXT];

	if (!has_ip(a))
		buf_addz(b, v6 ? "::" : "0.0.0.0");
	else
		buf_addf(b, "%s%s", v6 && a->family == ADDR_V4 ? "::ffff:" : "",
			 addr_print(a, false, text));
}

static uint16_t port_of(const struct addr *a)
{
	return has_ip(a) ? a->port : 0;
}

static void render_v1(struct buf *b, const struct proxy *p, bool v6)
{
	buf_addz(b, v6 ? "PROXY TCP6 " : "PROXY TCP4 ");
	add_text(b, &p->source, v6);
	buf_addc(b, ' ');
	add_text(b, &p->destination, v6);
	buf_addf(b, " %u %u\r\n", port_of(&p->source), port_of(&p->destination));
}

static void render_v2(struct buf *b, const struct proxy *p, bool v6)
{
	bool named = p->tls && p->authority.n && p->authority.n <= PROXY_AUTHORITY_MAX;
	size_t n = v6 ? V2_IP6 : V2_IP4;

	if (p->tls)
		n += 3 + SSL_HEAD + (named ? 3 + p->authority.n : 0);
	buf_addc(b, COMMAND_PROXY);
	buf_addc(b, (v6 ? FAMILY_IP6 : FAMILY_IP4) << 4 | STREAM);
	add_16(b, n);
	add_ip(b, &p->source, v6);
	add_ip(b, &p->destination, v6);
	add_16(b, port_of(&p->source));
	add_16(b, port_of(&p->destination));
	if (!p->tls)
		return;
	if (named) {
		buf_addc(b, TLV_AUTHORITY);
		add_16(b, p->authority.n);
		buf_adds(b, p->authority);
	}
	buf_addc(b, TLV_SSL);
	add_16(b, SSL_HEAD);
	buf_addc(b, CLIENT_SSL);
	buf_add(b, "\0\0\0\1",
		4); /* "verify": no certificate of the client's was verified (2.2.6) */
}

void proxy_render(struct buf *b, int version, const struct proxy *p)
{
	bool v6 = p->source.family == ADDR_V6 || p->destination.family == ADDR_V6;

	if (version == 1 && has_ip(&p->source)) {
		render_v1(b, p, v6);
	} else if (version == 1) {
		BUF_LIT(b, "PROXY UNKNOWN\r\n");
	} else {
		buf_add(b, signature, sizeof(signature));
		if (has_ip(&p->source))
			render_v2(b, p, v6);
		else
			BUF_LIT(b, "\x20\0\0\0");
	}
}

/* --- version 1 (2.1) --- */

static bool read_ip(struct addr *a, struct slice text, bool v6)
{
	/* Nothing but the IP: brackets and ports are for others. */
	return text.n && text.p[0] != '[' && (memchr(text.p, ':', text.n) != NULL) == v6 &&
	       addr_parse(a, text, false);
}

static bool read_port(struct addr *a, struct slice text)
{
	int64_t n = num_parse(text, 65535);

	if (n < 0 || (text.n > 1 && text.p[0] == '0')) /* might be meant as octal */
		return false;
	a->port = (uint16_t)n;
	return true;
}

/* What stands behind "PROXY ", without the CR LF. */
static bool read_line(struct slice rest, struct proxy *p)
{
	struct slice word = slice_cut(&rest, ' '), part[4];
	bool v6 = slice_is(word, "TCP6");

	if (slice_is(word, "UNKNOWN"))
		return true;
	if (!v6 && !slice_is(word, "TCP4"))
		return false;
	for (int i = 0; i < 4; i++)
		part[i] = slice_cut(&rest, ' ');
	return !rest.p && read_ip(&p->source, part[0], v6) &&
	       read_ip(&p->destination, part[1], v6) && read_port(&p->source, part[2]) &&
	       read_port(&p->destination, part[3]);
}

static enum proxy_result parse_v1(struct slice in, struct proxy *p, size_t *used)
{
	size_t most = in.n < PROXY_V1_MAX ? in.n : PROXY_V1_MAX;
	const char *end = memchr(in.p, '\n', most);
	struct slice line;

	if (!end)
		return in.n < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD;
	*used = (size_t)(end - in.p) + 1;
	if (end[-1] != '\r')
		return PROXY_BAD;
	line = slice_of(in.p + 6, *used - 6 - 2);
	return read_line(line, p) ? PROXY_DONE : PROXY_BAD;
}

/* --- version 2 (2.2) --- */

static uint32_t get(const char *p, size_t n)
{
	uint32_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | (uint8_t)p[i];
	return value;
}

/* CRC-32C bit by bit: some hundred bytes, once a connection, if at all. */
static uint32_t crc32c(uint32_t crc, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

/* Over the whole header, with zeros where the sum stands (2.2.3). */
static bool sum_fits(struct slice header, const char *at)
{
	const char *behind = at + 4;
	uint32_t crc = crc32c(0xffffffff, header.p, (size_t)(at - header.p));

	crc = crc32c(crc, "\0\0\0\0", 4);
	crc = crc32c(crc, behind, (size_t)(header.p + header.n - behind));
	return ~crc == get(at, 4);
}

/* SNI comes from clients, so this is no place to be strict: an odd name is no name. */
static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] <= ' ' || s.p[i] == '\x7f')
			return false;
	return s.n && s.n <= PROXY_AUTHORITY_MAX;
}

static bool read_tlv(struct slice header, uint8_t type, struct slice value, struct proxy *p)
{
	switch (type) {
	case TLV_AUTHORITY:
		if (is_name(value))
			p->authority = value;
		return true;
	case TLV_CRC32C: return value.n == 4 && sum_fits(header, value.p);
	case TLV_SSL:
		if (value.n < SSL_HEAD)
			return false;
		p->tls = value.p[0] & CLIENT_SSL;
		return true;
	default: return true;
	}
}

static bool read_tlvs(struct slice header, struct slice rest, struct proxy *p)
{
	while (rest.n) {
		size_t n;

		if (rest.n < 3)
			return false;
		n = get(rest.p + 1, 2);
		if (n > rest.n - 3 ||
		    !read_tlv(header, (uint8_t)rest.p[0], slice_of(rest.p + 3, n), p))
			return false;
		rest = slice_of(rest.p + 3 + n, rest.n - 3 - n);
	}
	return true;
}

/* A datagram's addresses (a client of HTTP/3) are as good as a stream's. Bytes of addresses that
 * were read, -1 where it is malformed. */
static int read_addresses(uint8_t family, struct slice s, struct proxy *p)
{
	switch (family >> 4) {
	case FAMILY_IP4:
		if (s.n < V2_IP4)
			return -1;
		p->source = addr_v4(s.p, (uint16_t)get(s.p + 8, 2));
		p->destination = addr_v4(s.p + 4, (uint16_t)get(s.p + 10, 2));
		return V2_IP4;
	case FAMILY_IP6:
		if (s.n < V2_IP6)
			return -1;
		p->source = addr_v6(s.p, (uint16_t)get(s.p + 32, 2));
		p->destination = addr_v6(s.p + 16, (uint16_t)get(s.p + 34, 2));
		return V2_IP6;
	case FAMILY_UNIX:
		if (s.n < V2_UNIX)
			return -1;
		p->source.family = p->destination.family = ADDR_UNIX;
		return V2_UNIX;
	default: return 0;
	}
}

static bool family_known(uint8_t family)
{
	uint8_t transport = family & 0xf;

	return family == 0 || (family >> 4 >= FAMILY_IP4 && family >> 4 <= FAMILY_UNIX &&
			       transport >= 1 && transport <= 2);
}

static enum proxy_result parse_v2(struct slice in, struct proxy *p, size_t *used)
{
	struct slice body;
	uint8_t command, family;
	int n;

	if (in.n > 12 && in.p[12] != COMMAND_LOCAL && in.p[12] != COMMAND_PROXY)
		return PROXY_BAD;
	if (in.n > 13 && !family_known((uint8_t)in.p[13]))
		return PROXY_BAD;
	if (in.n < V2_HEAD)
		return PROXY_MORE;
	command = (uint8_t)in.p[12];
	family = (uint8_t)in.p[13];
	*used = V2_HEAD + get(in.p + 14, 2);
	if (*used > PROXY_V2_MAX)
		return PROXY_BAD;
	if (in.n < *used)
		return PROXY_MORE;
	if (command == COMMAND_LOCAL) /* whatever else it holds is to be passed over */
		return PROXY_DONE;
	body = slice_of(in.p + V2_HEAD, *used - V2_HEAD);
	n = read_addresses(family, body, p);
	if (n < 0)
		return PROXY_BAD;
	/* Of an unspecified family it is not told where addresses end and the rest begins. */
	if (family == 0)
		return PROXY_DONE;
	body = slice_of(body.p + n, body.n - (size_t)n);
	return read_tlvs(slice_of(in.p, *used), body, p) ? PROXY_DONE : PROXY_BAD;
}

static bool begins(struct slice in, const char *with, size_t n)
{
	return memcmp(in.p, with, in.n < n ? in.n : n) == 0;
}

enum proxy_result proxy_parse(struct slice in, struct proxy *p, size_t *used)
{
	*p = (struct proxy){.source = {.family = ADDR_NONE}};
	*used = 0;
	if (in.n == 0)
		return PROXY_MORE;
	if (begins(in, signature, sizeof(signature)))
		return in.n <= sizeof(signature) ? PROXY_MORE : parse_v2(in, p, used);
	if (begins(in, "PROXY ", 6))
		return in.n <= 6 ? PROXY_MORE : parse_v1(in, p, used);
	return PROXY_BAD;
}

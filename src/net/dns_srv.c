/* Service records out of a DNS answer (RFC 1035 4.1, RFC 2782). c-ares' own reader drops their
 * TTL. The answer comes from anybody: nothing in it is believed before it was measured. */
#include "net/dns_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include "base/mem.h"

enum { T_SOA = 6, T_SRV = 33, C_IN = 1, HEADER = 12, RR_FIXED = 10 };

struct reader {
	const uint8_t *start;
	size_t len, at;
};

struct rr {
	uint16_t type, class;
	uint32_t ttl;
	size_t at, len; /* of its data */
};

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)u16(p) << 16 | u16(p + 2);
}

bool dns_name_valid(struct slice name)
{
	size_t label = 0;

	if (name.n == 0 || name.n > 253)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (c > 127 || !(isalnum(c) || c == '-' || c == '_') || ++label > 63) {
			return false;
		}
	}
	return label > 0;
}

/* The name at `at`; *used is how long it is there. NULL: none. ares_free_string() releases it. */
static char *name_at(const struct reader *r, size_t at, size_t *used)
{
	char *name;
	long n;

	if (at >= r->len ||
	    ares_expand_name(r->start + at, r->start, (int)r->len, &name, &n) != ARES_SUCCESS)
		return NULL;
	*used = (size_t)n;
	return name;
}

static bool skip_name(struct reader *r)
{
	size_t used;
	char *name = name_at(r, r->at, &used);

	if (!name)
		return false;
	ares_free_string(name);
	r->at += used;
	return true;
}

static bool next_rr(struct reader *r, struct rr *rr)
{
	const uint8_t *p;

	if (!skip_name(r) || r->len - r->at < RR_FIXED)
		return false;
	p = r->start + r->at;
	*rr = (struct rr){u16(p), u16(p + 2), u32(p + 4), r->at + RR_FIXED, u16(p + 8)};
	if (rr->len > r->len - rr->at)
		return false;
	r->at = rr->at + rr->len;
	if (rr->ttl > INT32_MAX) /* RFC 2181 8 */
		rr->ttl = 0;
	return true;
}

/* False where the target is no name of a host; such a record is left out. */
static bool read_srv(const struct reader *r, const struct rr *rr, struct dns_srv *srv)
{
	const uint8_t *p = r->start + rr->at;
	size_t used;
	char *name;

	if (rr->len < 7)
		return false;
	name = name_at(r, rr->at + 6, &used);
	if (!name)
		return false;
	*srv = (struct dns_srv){.priority = u16(p), .weight = u16(p + 2), .port = u16(p + 4)};
	if (used == rr->len - 6 && (!*name || dns_name_valid(slice_str(name))))
		srv->host = mem_strdup(name);
	ares_free_string(name);
	return srv->host != NULL;
}

/* RFC 2308 5: how long a negative answer holds. */
static void negative_ttl(struct reader *r, unsigned records, uint32_t *ttl)
{
	struct rr rr;

	while (records-- && next_rr(r, &rr)) {
		uint32_t minimum;

		if (rr.type != T_SOA || rr.class != C_IN || rr.len < 22)
			continue;
		minimum = u32(r->start + rr.at + rr.len - 4);
		*ttl = minimum < rr.ttl ? minimum : rr.ttl;
		return;
	}
}

int dns_srv_parse(const uint8_t *answer, size_t len, struct dns_srv *v, size_t n, uint32_t *ttl)
{
	struct reader r = {answer, len, HEADER};
	unsigned questions, answers;
	size_t found = 0;
	struct rr rr;

	if (len < HEADER || len > 65535)
		return -1;
	questions = u16(answer + 4);
	answers = u16(answer + 6);
	while (questions--)
		if (!skip_name(&r) || r.len - r.at < 4)
			return -1;
		else
			r.at += 4;
	while (answers--) {
		if (!next_rr(&r, &rr))
			goto broken;
		if (rr.type != T_SRV || rr.class != C_IN || found == n)
			continue;
		if (!read_srv(&r, &rr, &v[found]))
			continue;
		if (found++ == 0 || rr.ttl < *ttl)
			*ttl = rr.ttl;
	}
	if (found == 0)
		negative_ttl(&r, u16(answer + 8), ttl);
	return (int)found;
broken:
	while (found)
		free((char *)v[--found].host);
	return -1;
}

/* Who is asking. The first byte decides: as a PROXY header, the outcome is the same however the
 * bytes are split, and what was read comes back from what is written of it; as what a client puts
 * into X-Forwarded-For or Forwarded, nothing of it counts once a trusted proxy has written its own
 * behind it. */
#include <assert.h>
#include <stdlib.h>

#include "proto/forwarded.h"
#include "proto/http1.h"
#include "proto/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static bool has_ip(const struct addr *a)
{
	return a->family == ADDR_V4 || a->family == ADDR_V6;
}

static void there_and_back(const struct proxy *p, int version)
{
	struct buf b = {0};
	struct proxy q;
	size_t used;

	proxy_render(&b, version, p);
	assert(proxy_parse(buf_slice(&b), &q, &used) == PROXY_DONE && used == b.len);
	if (has_ip(&p->source))
		assert(same(&p->source, &q.source) && same(&p->destination, &q.destination));
	else
		assert(q.source.family == ADDR_NONE);
	if (version == 2 && has_ip(&p->source))
		assert(q.tls == p->tls && (!p->tls || slice_eq(q.authority, p->authority)));
	buf_clear(&b);
}

static void try_proxy(struct slice in, size_t step)
{
	enum proxy_result whole, r = PROXY_MORE;
	struct proxy p, q;
	size_t used, used_q = 0, n = 0;

	whole = proxy_parse(in, &p, &used);
	while (r == PROXY_MORE && n < in.n) {
		n = n + step < in.n ? n + step : in.n;
		r = proxy_parse(slice_of(in.p, n), &q, &used_q);
	}
	assert(r == whole);
	if (whole != PROXY_DONE)
		return;
	assert(used && used == used_q && used <= PROXY_V2_MAX);
	assert(same(&p.source, &q.source) && slice_eq(p.authority, q.authority));
	assert(!p.authority.p || (p.authority.p > in.p && p.authority.p < in.p + used));
	there_and_back(&p, 1);
	there_and_back(&p, 2);
}

static void try_forwarded(struct slice said, bool rfc7239, bool line)
{
	struct addr_net trusted = {.base = {.family = ADDR_V4, .ip = {10}}, .bits = 8};
	struct forwarded_rules rules = {&trusted, 1, rfc7239};
	const char *name = rfc7239 ? "Forwarded: " : "X-Forwarded-For: ";
	struct addr peer = {.family = ADDR_V4, .ip = {10}}, client = {.family = ADDR_V4};
	struct forwarded f;
	struct http1_head h;
	struct buf b = {0};

	memcpy(client.ip, "\xc0\0\x02\x01", 4);
	buf_addf(&b, "GET / HTTP/1.1\r\nHost: a\r\n%s", name);
	buf_adds(&b, said);
	if (line)
		buf_addf(&b, "\r\n%s", name);
	else
		buf_addz(&b, ", ");
	buf_addz(&b, rfc7239 ? "for=192.0.2.1;proto=https, for=\"10.1.2.3:4\"\r\n\r\n"
			     : "192.0.2.1, 10.1.2.3:4\r\n\r\n");
	if (http1_parse(buf_slice(&b), &h) == 0) {
		forwarded_read(&rules, h.bytes, &peer, &f);
		assert(same(&f.client, &client));
	}
	buf_reset(&b); /* and now as if a proxy had written it */
	buf_addf(&b, "GET / HTTP/1.1\r\nHost: a\r\n%s", name);
	buf_adds(&b, said);
	buf_addz(&b, "\r\n\r\n");
	if (http1_parse(buf_slice(&b), &h) == 0)
		forwarded_read(&rules, h.bytes, &peer, &f);
	buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;
	char *copy;

	if (size < 2)
		return 0;
	copy = malloc(size - 1); /* exactly as long: reading beyond is seen */
	memcpy(copy, data + 1, size - 1);
	in = slice_of(copy, size - 1);
	if (data[0] & 1)
		try_proxy(in, 1 + (data[0] >> 1) % 16);
	else if (!memchr(in.p, '\n', in.n))
		try_forwarded(in, data[0] & 2, data[0] & 4);
	free(copy);
	return 0;
}

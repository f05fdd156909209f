/* The stream machine. Four bytes seed the splits, one says after which items the client restarts,
 * the rest is what a server sends. However it is split, the same items come out, and none behind
 * the one that ends the stream. */
#include <stdlib.h>

#include "oracle.h"
#include "proto/xstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void tell(struct buf *log, const struct xstream *x, enum xstream_result r,
		 const struct xstream_item *item)
{
	const struct stream_info *i = &item->info;

	buf_addf(log, "\n%d ", r);
	if (r == XSTREAM_OPENED)
		buf_addf(log, "%d '%.*s' '%.*s' '%.*s' '%.*s'", xstream_scope(x)->n, (int)i->id.n,
			 i->id.p, (int)i->from.n, i->from.p, (int)i->lang.n, i->lang.p,
			 (int)i->version.n, i->version.p);
	else if (r == XSTREAM_BAD)
		buf_addz(log, reason_label(item->reason));
	else if (r != XSTREAM_END) {
		buf_addf(log, "%d ", item->kind);
		xml_append(log, &item->element, xstream_scope(x), SLICE_NONE, 0);
	}
}

static bool is_last(enum xstream_result r)
{
	return r == XSTREAM_ERROR || r == XSTREAM_END || r == XSTREAM_BAD;
}

/* Without a seed the input comes in one piece. */
static void read_all(struct buf *log, const struct xml_limits *limits, struct slice in,
		     uint8_t restarts, unsigned *seed)
{
	size_t have = seed ? 0 : in.n, from = 0, items = 0;
	enum xstream_result r = XSTREAM_ELEMENT;
	struct xstream_item item = {.kind = STANZA_NONE};
	struct buf header = {0};
	struct xstream x;

	xstream_init(&x, limits);
	while (!is_last(r) && (r != XSTREAM_MORE || have < in.n)) {
		if (r == XSTREAM_MORE)
			have += 1 + (size_t)rand_r(seed) % (in.n - have);
		r = xstream_next(&x, slice_of(in.p + from, have - from), &item);
		CLAIM(item.consumed <= have - from);
		if (r != XSTREAM_MORE)
			tell(log, &x, r, &item);
		if (r == XSTREAM_ELEMENT && restarts >> items++ % 8 & 1)
			xstream_restart(&x, &header, SLICE("a"), SLICE_NONE, SLICE_NONE,
					SLICE_NONE);
		from += item.consumed;
	}
	if (is_last(r)) {
		CLAIM(xstream_next(&x, slice_of(in.p + from, in.n - from), &item) == XSTREAM_MORE);
		CLAIM(item.consumed == 0);
	}
	buf_clear(&header);
	xstream_clear(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct xml_limits limits[] = {
	    {.bytes = 1 << 20, .depth = 1000, .attributes = 1000},
	    {.bytes = 150, .depth = 3, .attributes = 6}};
	struct slice in = slice_of((const char *)data + 5, n - 5);
	struct buf whole = {0}, split = {0};
	unsigned seed;

	if (n < 6)
		return 0;
	memcpy(&seed, data, 4);
	for (int i = 0; i < 2; i++) {
		read_all(&whole, &limits[i], in, data[4], NULL);
		read_all(&split, &limits[i], in, data[4], &seed);
		CLAIM(slice_eq(buf_slice(&whole), buf_slice(&split)));
	}
	buf_clear(&whole);
	buf_clear(&split);
	return 0;
}

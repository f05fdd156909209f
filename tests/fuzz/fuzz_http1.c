/* Request heads and chunked bodies: however the bytes are split, the outcome is the same, and no
 * slice points outside of the head. The first byte sets the size of the pieces. */
#include <assert.h>
#include <stdlib.h>

#include "proto/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct slice s, struct slice head)
{
	static const char *const fixed[] = {"/", "*"};

	if (!s.p)
		return;
	for (size_t i = 0; i < 2; i++)
		if (slice_is(s, fixed[i]))
			return;
	assert(s.p >= head.p && s.p + s.n <= head.p + head.n);
}

static enum http1_result find(struct slice in, size_t step, size_t *end)
{
	enum http1_result r = HTTP1_MORE;
	size_t scan = 0;

	for (size_t n = 0; r == HTTP1_MORE && n < in.n;) {
		n = n + step < in.n ? n + step : in.n;
		r = http1_find(slice_of(in.p, n), &scan, end);
		assert(scan <= n);
	}
	return r;
}

static size_t try_head(struct slice in, size_t step)
{
	size_t whole = 0, pieces = 0;
	struct http1_head h;
	struct slice head;

	assert(find(in, in.n, &whole) == find(in, step, &pieces));
	assert(whole == pieces);
	if (whole == 0)
		return 0;
	head = slice_of(in.p, whole);
	if (http1_parse(head, &h) != 0) {
		assert(h.fault);
		return whole;
	}
	inside(h.target, head);
	inside(h.path, head);
	inside(h.host, head);
	inside(h.origin, head);
	inside(h.key, head);
	inside(h.wanted, head);
	assert(h.target.n && (h.method == HTTP1_UNKNOWN || slice_starts(h.target, h.path)));
	assert(!h.chunked || h.length < 0);
	return whole;
}

/* The body in one string of its bytes' sum, so that two ways of feeding compare. */
static enum http1_result decode(struct slice in, size_t step, uint64_t *sum, size_t *eaten)
{
	struct http1_chunks c = {0};
	enum http1_result r = HTTP1_MORE;
	struct slice data;

	*sum = *eaten = 0;
	while (r == HTTP1_MORE && *eaten < in.n) {
		size_t n = in.n - *eaten < step ? in.n - *eaten : step;
		struct slice piece = slice_of(in.p + *eaten, n);

		while ((r = http1_chunks(&c, &piece, &data)) == HTTP1_DATA)
			for (size_t i = 0; i < data.n; i++)
				*sum = *sum * 31 + (uint8_t)data.p[i];
		*eaten += n - piece.n;
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;
	uint64_t sum[2];
	size_t eaten[2], step, head;
	char *copy;

	if (size < 2)
		return 0;
	step = 1 + data[0] % 16;
	copy = malloc(size - 1); /* exactly as long: reading beyond is seen */
	memcpy(copy, data + 1, size - 1);
	in = slice_of(copy, size - 1);
	head = try_head(in, step);
	in = slice_of(in.p + head, in.n - head);
	if (in.n) {
		assert(decode(in, in.n, &sum[0], &eaten[0]) ==
		       decode(in, step, &sum[1], &eaten[1]));
		assert(sum[0] == sum[1] && eaten[0] == eaten[1]);
	}
	free(copy);
	return 0;
}

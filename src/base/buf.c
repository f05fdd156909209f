/* A growable run of bytes with head room. Sizes are 32 bits wide: limits elsewhere keep every
 * buffer far below 4 GiB, and a larger one is a bug that stops here. */
#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* The size of an allocation is kept in front of it, not in struct buf: most buffers are empty most
 * of the time, and a session has ten of them. */
struct block {
	uint32_t cap;
	char mem[];
};

enum { BUF_MIN = 64 - sizeof(struct block) };

static struct block *block_of(const struct buf *b)
{
	return b->mem ? CONTAINER(b->mem, struct block, mem) : NULL;
}

static uint32_t cap_of(const struct buf *b)
{
	return b->mem ? block_of(b)->cap : 0;
}

static void set_cap(struct buf *b, size_t cap)
{
	struct block *block = mem_realloc(block_of(b), sizeof(*block) + cap);

	block->cap = (uint32_t)cap;
	b->mem = block->mem;
}

void buf_clear(struct buf *b)
{
	free(block_of(b));
	*b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
	b->off = 0;
	b->len = 0;
}

void buf_headroom(struct buf *b, size_t n)
{
	assert(b->len == 0);
	b->off = 0;
	buf_room(b, n);
	b->off = (uint32_t)n;
}

static void grow(struct buf *b, size_t need)
{
	size_t cap = b->mem ? cap_of(b) : BUF_MIN;

	while (cap < need)
		cap += cap / 2 + BUF_MIN / 2;
	assert(cap < UINT32_MAX);
	set_cap(b, cap);
}

char *buf_room(struct buf *b, size_t n)
{
	size_t end = (size_t)b->off + b->len;

	assert(n < UINT32_MAX / 2);
	if (b->mem && cap_of(b) - end >= n)
		return b->mem + end;
	/* Bytes eaten at the front are worth a move only when they are at least half of it. */
	if (b->off >= b->len && b->len && cap_of(b) >= b->len + n) {
		memmove(b->mem, b->mem + b->off, b->len);
		b->off = 0;
		return b->mem + b->len;
	}
	grow(b, end + n);
	return b->mem + end;
}

void buf_commit(struct buf *b, size_t n)
{
	assert((size_t)b->off + b->len + n <= cap_of(b));
	b->len += (uint32_t)n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_room(b, n), p, n);
	b->len += (uint32_t)n;
}

void buf_adds(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_addz(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addu(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (uint32_t)n;
}

void buf_prepend(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (b->off < n) {
		buf_room(b, n);
		memmove(b->mem + b->off + n, b->mem + b->off, b->len);
		b->off += (uint32_t)n;
	}
	b->off -= (uint32_t)n;
	b->len += (uint32_t)n;
	memcpy(b->mem + b->off, p, n);
}

void buf_eat(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == b->len) {
		buf_clear(b);
		return;
	}
	b->off += (uint32_t)n;
	b->len -= (uint32_t)n;
}

void buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len = (uint32_t)n;
}

struct buf buf_take(struct buf *b)
{
	struct buf taken = *b;

	*b = (struct buf){0};
	return taken;
}

struct buf buf_copy(struct slice s)
{
	struct buf b = {0};

	if (s.n) {
		set_cap(&b, s.n);
		memcpy(b.mem, s.p, s.n);
		b.len = (uint32_t)s.n;
	}
	return b;
}

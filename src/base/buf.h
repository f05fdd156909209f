/* A growable run of bytes with head room: data is eaten at the front, added at the back, and a
 * short prefix can be put before what is there without moving it. An empty buffer owns no memory
 * after buf_clear(); a zeroed struct is a valid empty buffer. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdint.h>
#include "base/slice.h"

struct buf {
	char *mem;    /* owned; NULL while nothing is allocated. Its size stands before it. */
	uint32_t off; /* first byte in use */
	uint32_t len; /* bytes in use */
};

void buf_clear(struct buf *b);		    /* frees; leaves it empty and usable */
void buf_reset(struct buf *b);		    /* empties, keeps the memory */
void buf_headroom(struct buf *b, size_t n); /* on an empty buffer: leave n bytes in front */

/* Lends room for n more bytes behind the data; buf_commit() says how many were written. */
char *buf_room(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct slice s);
void buf_addz(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addu(struct buf *b, uint64_t n); /* decimal */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts bytes before the data, in the head room where there is enough, else by moving. */
void buf_prepend(struct buf *b, const void *p, size_t n);

/* Drops n bytes at the front; frees the memory when that leaves it empty. */
void buf_eat(struct buf *b, size_t n);

/* Shortens the data to its first n bytes. */
void buf_cut(struct buf *b, size_t n);

/* Moves the contents out; *b is left empty. The caller owns the result. */
struct buf buf_take(struct buf *b);

/* A copy of its own, sized to fit. */
struct buf buf_copy(struct slice s);

static inline const char *buf_data(const struct buf *b)
{
	return b->mem + b->off;
}

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){b->len ? b->mem + b->off : "", b->len};
}

#define BUF_LIT(b, lit) buf_add((b), "" lit, sizeof(lit) - 1)

#endif

/* A borrowed run of bytes: pointer and length, not NUL-terminated, never owned. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(lit) ((struct slice){"" lit, sizeof(lit) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){p, n};
}

static inline struct slice slice_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice a, const char *lit)
{
	return slice_eq(a, slice_str(lit));
}

static inline bool slice_starts(struct slice a, struct slice prefix)
{
	return a.n >= prefix.n && (prefix.n == 0 || memcmp(a.p, prefix.p, prefix.n) == 0);
}

/* ASCII case only: protocol tokens, host names. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* Without leading and trailing bytes that are blank, tab, CR or LF. */
struct slice slice_trim(struct slice a);

/* Cuts the part before the first `sep` off *rest and returns it; the whole rest (and SLICE_NONE
 * left in *rest) where there is no sep. */
struct slice slice_cut(struct slice *rest, char sep);

#endif

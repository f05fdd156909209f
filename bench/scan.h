/*
 * The least XML that a stream needs: where does the next top-level item end?
 * Knows tags, quotes and depth; no CDATA, comments or DTD, which the
 * benchmark's peers never send.
 */
#ifndef BENCH_SCAN_H
#define BENCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum scan_kind {
	SCAN_MORE,    /* not whole yet: come again with more bytes */
	SCAN_SPACE,   /* white space, or a processing instruction */
	SCAN_OPEN,    /* a stream header */
	SCAN_CLOSE,   /* an end tag at top level */
	SCAN_ELEMENT, /* a whole element */
};

/* Looks at the n bytes at p; *len is the item's length unless SCAN_MORE. */
enum scan_kind scan_item(const char *p, size_t n, size_t *len);
/* Does the item at p begin with this tag name, any prefix aside? */
bool scan_is(const char *p, size_t n, const char *name);
/* The value of an attribute: the first ` name='` or ` name="` in the bytes. */
const char *scan_attr(const char *p, size_t n, const char *name, size_t *len);
const char *scan_find(const char *p, size_t n, const char *text);
bool scan_has(const char *p, size_t n, const char *text);

#endif

/* Item boundaries in an XML stream; see scan.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scan.h"

#include <string.h>

/* The byte after the `>` that ends the tag at p, or NULL. */
static const char *tag_end(const char *p, const char *end)
{
	char quote = 0;

	for (; p < end; p++) {
		if (quote != 0) {
			p = memchr(p, quote, (size_t)(end - p));
			if (p == NULL)
				return NULL;
			quote = 0;
		} else if (*p == '\'' || *p == '"') {
			quote = *p;
		} else if (*p == '>') {
			return p + 1;
		}
	}
	return NULL;
}

static enum scan_kind scan_space(const char *p, size_t n, size_t *len)
{
	size_t i = 0;

	while (i < n && p[i] != '<')
		i++;
	*len = i;
	return SCAN_SPACE;
}

enum scan_kind scan_item(const char *p, size_t n, size_t *len)
{
	const char *at = p, *end = p + n, *stop;
	int depth = 0;

	if (n == 0)
		return SCAN_MORE;
	if (*p != '<')
		return scan_space(p, n, len);
	while (at != NULL && end - at >= 2) {
		stop = tag_end(at, end);
		if (stop == NULL)
			return SCAN_MORE;
		*len = (size_t)(stop - p);
		if (at[1] == '?' && depth == 0)
			return SCAN_SPACE;
		if (at[1] == '/') {
			if (depth == 0)
				return SCAN_CLOSE;
			depth--;
		} else if (depth == 0 && scan_is(at, (size_t)(stop - at), "stream")) {
			return SCAN_OPEN;
		} else if (stop[-2] != '/') {
			depth++;
		}
		if (depth == 0)
			return SCAN_ELEMENT;
		at = memchr(stop, '<', (size_t)(end - stop));
	}
	return SCAN_MORE;
}

bool scan_is(const char *p, size_t n, const char *name)
{
	size_t want = strlen(name), i = 1;

	while (i < n && strchr(" \t\r\n/>:", p[i]) == NULL)
		i++;
	if (i < n && p[i] == ':')
		return scan_is(p + i, n - i, name);
	return i == want + 1 && memcmp(p + 1, name, want) == 0;
}

const char *scan_attr(const char *p, size_t n, const char *name, size_t *len)
{
	const char *end = p + n, *at = p, *stop;
	size_t size = strlen(name);

	while ((at = memmem(at, (size_t)(end - at), name, size)) != NULL) {
		if (at > p && end - at > (long)size + 2 && (at[-1] == ' ' || at[-1] == '\n') &&
		    at[size] == '=') {
			stop = memchr(at + size + 2, at[size + 1], (size_t)(end - at) - size - 2);
			if (stop == NULL)
				return NULL;
			*len = (size_t)(stop - at) - size - 2;
			return at + size + 2;
		}
		at += size;
	}
	return NULL;
}

const char *scan_find(const char *p, size_t n, const char *text)
{
	return memmem(p, n, text, strlen(text));
}

bool scan_has(const char *p, size_t n, const char *text)
{
	return scan_find(p, n, text) != NULL;
}

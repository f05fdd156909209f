/* A borrowed run of bytes. */
#include "base/slice.h"

#include <strings.h>

bool slice_eq_nocase(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim(struct slice a)
{
	while (a.n && is_blank(a.p[0])) {
		a.p++;
		a.n--;
	}
	while (a.n && is_blank(a.p[a.n - 1]))
		a.n--;
	return a;
}

struct slice slice_cut(struct slice *rest, char sep)
{
	struct slice head = *rest;
	const char *at = head.n ? memchr(head.p, sep, head.n) : NULL;

	if (!at) {
		*rest = SLICE_NONE;
		return head;
	}
	head.n = (size_t)(at - head.p);
	*rest = slice_of(at + 1, rest->n - head.n - 1);
	return head;
}

/* Which web origins may use Fairlead. Scheme and host compare without case, a port as it stands:
 * browsers leave the default port out, and so must rules. */
#include "proto/origin.h"

bool origin_any(const char *const *rules)
{
	for (; *rules; rules++)
		if (strcmp(*rules, "*") == 0)
			return true;
	return false;
}

/* The length of "scheme://" at the front, 0 where there is none. */
static size_t scheme(struct slice s)
{
	for (size_t i = 0; i + 2 < s.n; i++) {
		if (s.p[i] == ':')
			return i && s.p[i + 1] == '/' && s.p[i + 2] == '/' ? i + 3 : 0;
		if (s.p[i] == '/')
			break;
	}
	return 0;
}

static struct slice from(struct slice s, size_t n)
{
	return slice_of(s.p + n, s.n - n);
}

/* rule has a star as the first label of its host, at `star`: one or more labels may stand there. */
static bool below(struct slice rule, size_t star, struct slice origin)
{
	struct slice tail = from(rule, star + 1);
	struct slice host;

	if (origin.n <= star + tail.n ||
	    !slice_eq_nocase(slice_of(rule.p, star), slice_of(origin.p, star)))
		return false;
	host = slice_of(origin.p + star, origin.n - star - tail.n);
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] > '~' || strchr("/:@", host.p[i]))
			return false;
	return host.p[0] != '.' && slice_eq_nocase(tail, from(origin, origin.n - tail.n));
}

static bool allows(struct slice rule, struct slice origin)
{
	size_t n = scheme(rule);

	if (slice_is(rule, "*"))
		return true;
	if (n && n + 1 < rule.n && rule.p[n] == '*' && rule.p[n + 1] == '.')
		return below(rule, n, origin);
	return slice_eq_nocase(rule, origin);
}

bool origin_allowed(const char *const *rules, struct slice origin)
{
	if (origin.n == 0 || origin.n > ORIGIN_MAX)
		return false;
	for (; *rules; rules++)
		if (allows(slice_str(*rules), origin))
			return true;
	return false;
}

bool origin_rule_valid(struct slice rule)
{
	size_t n = scheme(rule);
	struct slice host = from(rule, n);

	if (slice_is(rule, "*") || slice_is(rule, "null") || slice_is(rule, "file://"))
		return true;
	if (n == 0 || rule.n > ORIGIN_MAX)
		return false;
	if (slice_starts(host, SLICE("*.")))
		host = from(host, 2);
	if (host.n == 0)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] > '~' || strchr("*/?#@,", host.p[i]))
			return false;
	return true;
}

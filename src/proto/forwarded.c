/* Forwarded chains, walked from the right, and never further than trusted proxies wrote. A comma
 * may stand within quotes; quotes are therefore followed from the right as well, so that one that a
 * client left open, further left, cannot swallow what a proxy wrote behind it. */
#include "proto/forwarded.h"
#include "proto/http1.h"

bool forwarded_trusts(const struct forwarded_rules *rules, const struct addr *a)
{
	for (size_t i = 0; i < rules->n; i++)
		if (addr_in(&rules->trusted[i], a))
			return true;
	return false;
}

/* Whether the quote at that place ends or begins a string: escaped ones do neither. */
static bool is_quote(struct slice s, size_t at)
{
	size_t escapes = 0;

	if (s.p[at] != '"')
		return false;
	while (escapes < at && s.p[at - escapes - 1] == '\\')
		escapes++;
	return escapes % 2 == 0;
}

/* Takes the last item off a list; false where none is left. Empty ones are passed over. */
static bool last_item(struct slice *list, bool quotes, struct slice *item)
{
	do {
		bool quoted = false;
		size_t at = list->n;

		if (list->n == 0)
			return false;
		for (; at && (quoted || list->p[at - 1] != ','); at--)
			if (quotes && is_quote(*list, at - 1))
				quoted = !quoted;
		*item = slice_trim(slice_of(list->p + at, list->n - at));
		list->n = at ? at - 1 : 0;
	} while (item->n == 0);
	return true;
}

/* Takes the value off the front of *rest, and what follows up to the next pair. RFC 7239 4 asks for
 * a token or a quoted string; colons and brackets are seen bare too. Escapes stay: no address has
 * one. */
static bool take_value(struct slice *rest, struct slice *value)
{
	size_t end = 1;

	if (rest->n == 0 || rest->p[0] != '"') {
		*value = slice_trim(slice_cut(rest, ';'));
		return value->n && !memchr(value->p, '"', value->n);
	}
	while (end < rest->n && rest->p[end] != '"')
		end += rest->p[end] == '\\' ? 2 : 1;
	if (end >= rest->n)
		return false;
	*value = slice_of(rest->p + 1, end - 1);
	*rest = slice_of(rest->p + end + 1, rest->n - end - 1);
	return slice_trim(slice_cut(rest, ';')).n == 0;
}

/* Takes the name of a pair and its equals sign off the front. */
static bool take_name(struct slice *rest, struct slice *name)
{
	size_t n = 0;

	while (n < rest->n && (rest->p[n] == '-' || rest->p[n] == '_' ||
			       ((rest->p[n] | 0x20) >= 'a' && (rest->p[n] | 0x20) <= 'z')))
		n++;
	*name = slice_of(rest->p, n);
	if (n == 0 || n == rest->n || rest->p[n] != '=')
		return false;
	*rest = slice_of(rest->p + n + 1, rest->n - n - 1);
	return true;
}

struct element {
	struct slice node, proto; /* of `for` and `proto`; p NULL: not there */
};

static bool read_element(struct slice rest, struct element *e)
{
	struct slice name, value, *to;

	*e = (struct element){SLICE_NONE, SLICE_NONE};
	for (;;) {
		rest = slice_trim(rest);
		if (rest.n == 0)
			return true;
		if (rest.p[0] == ';') {
			rest = slice_of(rest.p + 1, rest.n - 1);
			continue;
		}
		if (!take_name(&rest, &name) || !take_value(&rest, &value))
			return false;
		to = slice_eq_nocase(name, SLICE("for"))     ? &e->node
		     : slice_eq_nocase(name, SLICE("proto")) ? &e->proto
							     : NULL;
		if (to && to->p)
			return false;
		if (to)
			*to = value;
	}
}

/* RFC 7239 6: an IP with or without port; a port may be obfuscated. */
static bool read_node(struct slice text, struct addr *a)
{
	size_t at = text.n;

	while (at && text.p[at - 1] != ':')
		at--;
	if (at > 1 && at < text.n && text.p[at] == '_')
		text.n = at - 1;
	return addr_parse(a, text, false);
}

static enum forwarded_tls tls_of(struct slice scheme)
{
	if (slice_eq_nocase(scheme, SLICE("https")) || slice_eq_nocase(scheme, SLICE("wss")))
		return FORWARDED_TLS;
	return scheme.n ? FORWARDED_PLAIN : FORWARDED_UNTOLD;
}

/* An X-Forwarded-For says nothing of TLS, so another field has to. */
static enum forwarded_tls x_proto(struct slice head)
{
	struct slice list, item;

	return http1_last_field(&head, SLICE("X-Forwarded-Proto"), &list) &&
		       last_item(&list, false, &item)
		   ? tls_of(item)
		   : FORWARDED_UNTOLD;
}

void forwarded_read(const struct forwarded_rules *rules, struct slice head, const struct addr *peer,
		    struct forwarded *f)
{
	struct slice name = rules->rfc7239 ? SLICE("Forwarded") : SLICE("X-Forwarded-For");
	struct slice list, item;
	bool nearest = true;

	*f = (struct forwarded){.client = *peer};
	if (!rules->rfc7239)
		f->tls = x_proto(head);
	while (http1_last_field(&head, name, &list)) {
		while (last_item(&list, rules->rfc7239, &item)) {
			struct element e = {item, SLICE_NONE};
			struct addr a;

			if (rules->rfc7239 && !read_element(item, &e))
				return;
			if (nearest && rules->rfc7239)
				f->tls = tls_of(e.proto);
			nearest = false;
			if (!read_node(e.node, &a))
				return;
			f->client = a;
			if (!forwarded_trusts(rules, &a))
				return;
		}
	}
}

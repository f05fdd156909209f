/* The server's features and errors are looked into one level deep, no further. */
#include "proto/starttls.h"

#include <ctype.h>
#include <stdio.h>

static const struct xml_limits limits = {
    .bytes = STARTTLS_IN_MAX - 1, .depth = 32, .attributes = 32};

/* The children of an element that was cut out whole. */
struct children {
	struct xmlcut cut;
	struct xml_scope scope; /* of the element's own start tag */
	struct slice rest;
};

static bool children_open(struct children *c, struct slice element)
{
	size_t start, end = element.n;

	if (!xml_scope_read(&c->scope, element, &start))
		return false;
	while (end > start && element.p[end - 1] != '<')
		end--;
	c->rest = slice_of(element.p + start, end > start ? end - 1 - start : 0);
	xmlcut_init(&c->cut, XMLCUT_CONTENT, &limits);
	return true;
}

static bool children_next(struct children *c, struct xml_element *child)
{
	size_t used;

	if (!c->rest.n || xmlcut_next(&c->cut, c->rest, NULL, child, &used) != XMLCUT_ELEMENT)
		return false;
	c->rest = slice_of(c->rest.p + used, c->rest.n - used);
	return true;
}

static struct slice namespace_of(const struct xml_element *e, const struct xml_scope *inner,
				 const struct xml_scope *outer)
{
	struct slice ns = xml_namespace(e, inner);

	return ns.p ? ns : xml_namespace(e, outer);
}

static bool is_child(const struct xml_element *e, const struct children *c,
		     const struct xml_scope *stream, const char *name, const char *ns)
{
	struct slice prefix, local;

	xml_split(e->name, &prefix, &local);
	return slice_is(local, name) && xml_raw_is(namespace_of(e, &c->scope, stream), ns);
}

static bool offered(const struct starttls *s, const struct xml_element *features)
{
	struct children c;
	struct xml_element e;

	if (!children_open(&c, features->bytes))
		return false;
	while (children_next(&c, &e))
		if (is_child(&e, &c, xstream_scope(&s->x), "starttls", NS_TLS))
			return true;
	return false;
}

/* The defined condition stands first in a stream error (RFC 6120 4.9.2). */
static void name_error(struct starttls *s, const struct xml_element *error)
{
	struct children c;
	struct xml_element e;
	struct slice prefix, local = SLICE_NONE;
	size_t n = 0;

	if (children_open(&c, error->bytes) && children_next(&c, &e))
		xml_split(e.name, &prefix, &local);
	/* It goes into a log line; all that RFC 6120 defines are made of these. */
	while (n < local.n && n < 40 && (islower((unsigned char)local.p[n]) || local.p[n] == '-'))
		n++;
	snprintf(s->text, sizeof(s->text), "stream error %.*s", n ? (int)n : 7,
		 n ? local.p : "unknown");
}

void starttls_init(struct starttls *s)
{
	*s = (struct starttls){0};
	xstream_init(&s->x, &limits);
}

void starttls_clear(struct starttls *s)
{
	xstream_clear(&s->x);
}

void starttls_open(struct buf *out, struct slice domain)
{
	xstream_open(out, domain, SLICE_NONE, SLICE_NONE, SLICE_NONE);
}

const char *starttls_text(const struct starttls *s)
{
	return s->text;
}

static enum starttls_result failed(struct starttls *s, const char *text)
{
	if (text)
		snprintf(s->text, sizeof(s->text), "%s", text);
	return STARTTLS_FAILED;
}

static enum starttls_result on_element(struct starttls *s, const struct xml_element *e)
{
	struct slice prefix, local;

	if (!s->asked)
		return failed(s, "no stream features came first");
	xml_split(e->name, &prefix, &local);
	if (xml_raw_is(xml_namespace(e, xstream_scope(&s->x)), NS_TLS)) {
		if (slice_is(local, "proceed"))
			return STARTTLS_PROCEED;
		if (slice_is(local, "failure"))
			return failed(s, "the server refuses STARTTLS though it offers it");
	}
	return failed(s, "something else came instead of an answer to STARTTLS");
}

static enum starttls_result on_item(struct starttls *s, enum xstream_result r,
				    const struct xstream_item *item, struct buf *out)
{
	switch (r) {
	case XSTREAM_MORE: return STARTTLS_MORE;
	case XSTREAM_OPENED:
		/* Before XMPP 1.0 there are no features to wait for (RFC 6120 4.7.5). */
		return item->info.version.p ? STARTTLS_MORE : STARTTLS_NOT_OFFERED;
	case XSTREAM_FEATURES:
		if (s->asked)
			return failed(s, "features came instead of an answer to STARTTLS");
		if (!offered(s, &item->element))
			return STARTTLS_NOT_OFFERED;
		BUF_LIT(out, "<starttls xmlns='" NS_TLS "'/>");
		s->asked = true;
		return STARTTLS_MORE;
	case XSTREAM_ERROR: name_error(s, &item->element); return STARTTLS_FAILED;
	case XSTREAM_ELEMENT: return on_element(s, &item->element);
	case XSTREAM_END: return failed(s, "the server ended the stream before TLS");
	case XSTREAM_BAD: break;
	}
	return failed(s, "what came is no XMPP stream");
}

enum starttls_result starttls_eat(struct starttls *s, struct slice in, size_t *consumed,
				  struct buf *out)
{
	enum starttls_result result = STARTTLS_MORE;
	enum xstream_result r = XSTREAM_OPENED;
	struct xstream_item item;

	*consumed = 0;
	while (result == STARTTLS_MORE && r != XSTREAM_MORE) {
		r = xstream_next(&s->x, slice_of(in.p + *consumed, in.n - *consumed), &item);
		result = on_item(s, r, &item, out);
		*consumed += item.consumed;
	}
	if (result == STARTTLS_MORE && in.n - *consumed >= STARTTLS_IN_MAX)
		result = failed(s, "too much came before TLS");
	return result;
}

/* The stream machine. Most servers open with the same declarations (jabber:client as the default,
 * the prefix `stream`), so one constant scope serves nearly every session; another one is kept only
 * where a header differs. */
#include "proto/xstream.h"
#include "base/mem.h"

#include <stdlib.h>

static const struct xml_scope usual = {
    .xmlns = {NS_CLIENT, sizeof(NS_CLIENT) - 1},
    .n = 1,
    .v = {{.prefix = {"stream", 6}, .uri = {NS_STREAM, sizeof(NS_STREAM) - 1}}},
};

void xstream_init(struct xstream *x, const struct xml_limits *limits)
{
	*x = (struct xstream){0};
	xmlcut_init(&x->cut, XMLCUT_STREAM, limits);
}

void xstream_clear(struct xstream *x)
{
	free(MEM_TAKE(x->scope));
}

static void attribute(struct buf *out, const char *name, struct slice value)
{
	if (!value.p)
		return;
	buf_addz(out, name);
	xml_escape(out, value);
	buf_addc(out, '\'');
}

void xstream_open(struct buf *out, struct slice to, struct slice from, struct slice lang,
		  struct slice version)
{
	BUF_LIT(out, "<?xml version='1.0'?><stream:stream");
	attribute(out, " to='", to);
	attribute(out, " from='", from);
	attribute(out, " xml:lang='", lang);
	attribute(out, " version='", version.p ? version : SLICE("1.0"));
	BUF_LIT(out, " xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>");
}

void xstream_restart(struct xstream *x, struct buf *out, struct slice to, struct slice from,
		     struct slice lang, struct slice version)
{
	xmlcut_restart(&x->cut);
	xstream_open(out, to, from, lang, version);
}

void xstream_end(struct buf *out, const char *condition)
{
	if (*condition)
		buf_addf(out, "<stream:error><%s xmlns='" NS_STREAM_ERRORS "'/></stream:error>",
			 condition);
	BUF_LIT(out, "</stream:stream>");
}

const struct xml_scope *xstream_scope(const struct xstream *x)
{
	return x->scope ? x->scope : &usual;
}

static bool is_usual(const struct xml_scope *s)
{
	return s->n == 1 && slice_eq(s->xmlns, usual.xmlns) &&
	       slice_eq(s->v[0].prefix, usual.v[0].prefix) && slice_eq(s->v[0].uri, usual.v[0].uri);
}

/* Reads the header's declarations and what it says of the stream; false where the element is not a
 * stream header of XMPP or declares more prefixes than are followed. */
static bool read_header(struct slice tag, struct xml_scope *scope, struct stream_info *info)
{
	struct xml_tag t;
	struct slice name, value, prefix, local, own;
	bool found = false;

	*scope = (struct xml_scope){0};
	*info = (struct stream_info){0};
	if (!xml_tag_open(&t, tag))
		return false;
	xml_split(t.name, &own, &local);
	if (!slice_is(local, "stream"))
		return false;
	while (xml_tag_next(&t, &name, &value)) {
		if (slice_is(name, "xmlns")) {
			scope->xmlns = value;
		} else if (slice_starts(name, SLICE("xmlns:"))) {
			if (scope->n == XML_SCOPE_MAX)
				return false;
			prefix = slice_of(name.p + 6, name.n - 6);
			scope->v[scope->n].prefix = prefix;
			scope->v[scope->n++].uri = value;
			found |= slice_eq(prefix, own) && slice_is(value, NS_STREAM);
		} else if (slice_is(name, "id")) {
			info->id = value;
		} else if (slice_is(name, "from")) {
			info->from = value;
		} else if (slice_is(name, "version")) {
			info->version = value;
		} else if (slice_is(name, "xml:lang")) {
			info->lang = value;
		}
	}
	return found || (own.n == 0 && slice_is(scope->xmlns, NS_STREAM));
}

static struct slice keep(char **names, struct slice s)
{
	char *at = *names;

	memcpy(at, s.p, s.n);
	*names += s.n;
	return slice_of(at, s.n);
}

/* A copy that outlives the input, in one piece of memory with the names behind it. */
static void keep_scope(struct xstream *x, const struct xml_scope *s)
{
	size_t need = s->xmlns.n;
	char *names;

	xstream_clear(x);
	if (is_usual(s))
		return;
	for (int i = 0; i < s->n; i++)
		need += s->v[i].prefix.n + s->v[i].uri.n;
	x->scope = mem_alloc(sizeof(*x->scope) + need);
	names = (char *)(x->scope + 1);
	*x->scope = *s;
	if (s->xmlns.n)
		x->scope->xmlns = keep(&names, s->xmlns);
	for (int i = 0; i < s->n; i++) {
		x->scope->v[i].prefix = keep(&names, s->v[i].prefix);
		x->scope->v[i].uri = keep(&names, s->v[i].uri);
	}
}

static enum xstream_result bad(struct xstream *x, struct xstream_item *item, enum reason r)
{
	xmlcut_end(&x->cut);
	item->reason = r;
	return XSTREAM_BAD;
}

static enum xstream_result element(struct xstream *x, struct xstream_item *item)
{
	struct slice prefix, local, ns = xml_namespace(&item->element, xstream_scope(x));

	xml_split(item->element.name, &prefix, &local);
	item->kind = xml_raw_is(ns, NS_CLIENT) ? xml_stanza_kind(local) : STANZA_NONE;
	if (item->kind != STANZA_NONE)
		return XSTREAM_ELEMENT;
	if (!xml_raw_is(ns, NS_STREAM))
		return XSTREAM_ELEMENT;
	if (slice_is(local, "features"))
		return XSTREAM_FEATURES;
	if (!slice_is(local, "error"))
		return XSTREAM_ELEMENT;
	xmlcut_end(&x->cut);
	return XSTREAM_ERROR;
}

static enum xstream_result header(struct xstream *x, struct xstream_item *item)
{
	struct xml_scope scope;

	if (!read_header(item->element.bytes, &scope, &item->info))
		return bad(x, item, REASON_SERVER_BAD_XML);
	keep_scope(x, &scope);
	return XSTREAM_OPENED;
}

enum xstream_result xstream_next(struct xstream *x, struct slice in, struct xstream_item *item)
{
	item->consumed = 0;
	if (xmlcut_ended(&x->cut))
		return XSTREAM_MORE;
	switch (xmlcut_next(&x->cut, in, xstream_scope(x), &item->element, &item->consumed)) {
	case XMLCUT_MORE: return XSTREAM_MORE;
	case XMLCUT_HEADER: return header(x, item);
	case XMLCUT_ELEMENT: return element(x, item);
	case XMLCUT_END: xmlcut_end(&x->cut); return XSTREAM_END;
	case XMLCUT_MALFORMED: return bad(x, item, REASON_SERVER_BAD_XML);
	case XMLCUT_RESTRICTED: return bad(x, item, REASON_SERVER_RESTRICTED_XML);
	case XMLCUT_TOO_BIG: return bad(x, item, REASON_SERVER_TOO_BIG);
	}
	return bad(x, item, REASON_INTERNAL);
}

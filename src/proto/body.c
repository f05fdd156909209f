/* A <body/> read. The judge has the last word on XML and decodes the outermost start tag; the
 * cutter takes the payload apart. Payload is passed on as the bytes that came, in one piece, up to
 * the first element that needs a change; from there on it is copied. */
#include "proto/body.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/xmlcut.h"

#include <stdlib.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* may stand before a document (XML 1.0, 4.3.3) */

/* --- attributes --- */

static int64_t number(struct slice s)
{
	int64_t n = num_parse(s, BODY_RID_MAX);

	return n < 0 ? BODY_BAD : n;
}

static void read_version(struct body *b, struct slice s)
{
	struct slice rest = s, major = slice_cut(&rest, '.');

	b->ver_major = number(major);
	b->ver_minor = number(rest);
}

static enum body_type type_of(struct slice s)
{
	if (slice_is(s, "terminate") || slice_is(s, "terminal")) /* gloox says terminal */
		return BODY_TYPE_TERMINATE;
	return slice_is(s, "error") ? BODY_TYPE_ERROR : BODY_TYPE_OTHER;
}

static const struct {
	struct slice name;
	size_t offset; /* of an int64_t in struct body */
} numbers[] = {
    {SLICE("rid"), offsetof(struct body, rid)},
    {SLICE("wait"), offsetof(struct body, wait)},
    {SLICE("hold"), offsetof(struct body, hold)},
    {SLICE("ack"), offsetof(struct body, ack)},
    {SLICE("pause"), offsetof(struct body, pause)},
    {SLICE("time"), offsetof(struct body, time)},
    {SLICE("inactivity"), offsetof(struct body, inactivity)},
};

static const struct {
	struct slice ns, name;
	size_t offset; /* of a struct slice in struct body */
} texts[] = {
    {SLICE(""), SLICE("sid"), offsetof(struct body, sid)},
    {SLICE(""), SLICE("to"), offsetof(struct body, to)},
    {SLICE(""), SLICE("from"), offsetof(struct body, from)},
    {SLICE(NS_XML), SLICE("lang"), offsetof(struct body, lang)},
    {SLICE(""), SLICE("route"), offsetof(struct body, route)},
    {SLICE(""), SLICE("content"), offsetof(struct body, content)},
    {SLICE(""), SLICE("key"), offsetof(struct body, key)},
    {SLICE(""), SLICE("newkey"), offsetof(struct body, newkey)},
    {SLICE(""), SLICE("condition"), offsetof(struct body, condition)},
    {SLICE(""), SLICE("charsets"), offsetof(struct body, charsets)},
    {SLICE(""), SLICE("accept"), offsetof(struct body, accept)},
    {SLICE(""), SLICE("stream"), offsetof(struct body, stream)},
    {SLICE(""), SLICE("secure"), offsetof(struct body, secure)},
    {SLICE(NS_XBOSH), SLICE("version"), offsetof(struct body, xmpp_version)},
    {SLICE(""), SLICE("report"), offsetof(struct body, report)},
};

static bool read_number(struct body *b, const struct xmljudge_attribute *a)
{
	for (size_t i = 0; a->ns.n == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!slice_eq(a->name, numbers[i].name))
			continue;
		*(int64_t *)((char *)b + numbers[i].offset) = number(a->value);
		return true;
	}
	return false;
}

/* b->text has room for all values, so that slices into it stay good. */
static bool read_text(struct body *b, const struct xmljudge_attribute *a)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!slice_eq(a->name, texts[i].name) || !slice_eq(a->ns, texts[i].ns))
			continue;
		*(struct slice *)((char *)b + texts[i].offset) =
		    slice_of(b->text.mem + b->text.len, a->value.n);
		buf_adds(&b->text, a->value);
		return true;
	}
	return false;
}

static void read_attributes(struct body *b, const struct xmljudge_root *root)
{
	size_t bytes = 0;

	b->rid = b->wait = b->hold = b->ack = b->pause = b->time = b->inactivity = BODY_ABSENT;
	b->ver_major = b->ver_minor = BODY_ABSENT;
	for (int i = 0; i < root->n; i++)
		bytes += root->attributes[i].value.n;
	buf_room(&b->text, bytes + 1);
	for (int i = 0; i < root->n; i++) {
		const struct xmljudge_attribute *a = &root->attributes[i];

		if (read_number(b, a) || read_text(b, a))
			continue;
		if (a->ns.n == 0 && slice_is(a->name, "ver"))
			read_version(b, a->value);
		else if (a->ns.n == 0 && slice_is(a->name, "type"))
			b->type = type_of(a->value);
		else if (slice_is(a->ns, NS_XBOSH) && slice_is(a->name, "restart"))
			b->restart = slice_is(a->value, "true") || slice_is(a->value, "1");
	}
	if (b->rid == 0)
		b->rid = BODY_BAD;
}

/* --- payload --- */

struct payload {
	struct body *b;
	struct xml_scope scope; /* of <body/>, as the backend is to see it */
	struct slice wrapper;	/* scope.xmlns where the backend's stream has the like, else none */
	const char *from, *to;	/* the run of elements passed on unchanged */
	bool stream_default;	/* an element that inherits is in the stream's namespace */
	bool copied;		/* b->fixed is in use, the run is in it */
};

static bool is_client(struct slice raw)
{
	return raw.n == 0 || xml_raw_is(raw, NS_HTTPBIND) || xml_raw_is(raw, NS_CLIENT);
}

/* What <body/> declares, with httpbind taken for jabber:client (XEP-0124 12: it is the wrapper's).
 * Not where it has prefixes for both: attributes that differ by that alone would be the same. */
static bool read_scope(struct payload *p, struct slice document, size_t *len)
{
	bool wraps = false, client = false;

	if (!xml_scope_read(&p->scope, document, len))
		return false;
	p->stream_default = xml_raw_is(p->scope.xmlns, NS_STREAM);
	p->wrapper = is_client(p->scope.xmlns) ? p->scope.xmlns : SLICE_NONE;
	for (int i = 0; i < p->scope.n; i++) {
		client |= xml_raw_is(p->scope.v[i].uri, NS_CLIENT);
		if (xml_raw_is(p->scope.v[i].uri, NS_HTTPBIND)) {
			wraps = true;
			p->scope.v[i].uri = SLICE(NS_CLIENT);
		}
	}
	return !(wraps && client);
}

static bool in_stream_namespace(const struct payload *p, const struct xml_element *e)
{
	if (!e->xmlns.p && !memchr(e->name.p, ':', e->name.n))
		return p->stream_default;
	return xml_raw_is(xml_namespace(e, &p->scope), NS_STREAM);
}

/* The run of unchanged elements ends before the next one. */
static void copy_run(struct payload *p)
{
	if (!p->copied)
		buf_add(&p->b->fixed, p->from, (size_t)(p->to - p->from));
	p->copied = true;
}

static void add_element(struct payload *p, const struct xml_element *e)
{
	struct buf *out = &p->b->fixed;
	struct xml_element head = *e;
	bool rewrite = e->xmlns.p && xml_raw_is(e->xmlns, NS_HTTPBIND);
	bool declare = e->prefixes || (!p->wrapper.p && e->inherits && p->scope.xmlns.p);

	if (!rewrite && !declare && !p->copied) {
		if (!p->from)
			p->from = e->bytes.p;
		p->to = e->bytes.p + e->bytes.n;
		return;
	}
	copy_run(p);
	if (rewrite)
		head.bytes.n = (size_t)(e->xmlns.p - e->bytes.p);
	xml_append(out, &head, &p->scope, p->wrapper, 0);
	if (rewrite) {
		BUF_LIT(out, NS_CLIENT);
		buf_add(out, e->xmlns.p + e->xmlns.n, e->bytes.n - head.bytes.n - e->xmlns.n);
	}
}

static enum stanza_kind kind_of(const struct payload *p, const struct xml_element *e)
{
	struct slice prefix, local;

	xml_split(e->name, &prefix, &local);
	if (!prefix.n && e->xmlns.p && !e->xmlns.n) /* it says itself that it is in none */
		return STANZA_NONE;
	return is_client(xml_namespace(e, &p->scope)) ? xml_stanza_kind(local) : STANZA_NONE;
}

static enum reason take_element(struct payload *p, const struct xml_element *e)
{
	struct slice prefix, local;
	enum stanza_kind kind;

	if (in_stream_namespace(p, e)) {
		xml_split(e->name, &prefix, &local);
		if (!slice_eq(local, SLICE("error")))
			return REASON_BAD_REQUEST;
		copy_run(p);
		p->b->type = BODY_TYPE_TERMINATE;
		return REASON_NONE;
	}
	add_element(p, e);
	p->b->elements++;
	kind = kind_of(p, e);
	p->b->stanzas += kind != STANZA_NONE;
	p->b->kinds |= (uint8_t)(1u << kind);
	return REASON_NONE;
}

static enum reason cut_payload(struct payload *p, const struct xml_limits *limits,
			       struct slice inside)
{
	struct xml_element e;
	enum reason r;
	struct xmlcut c;
	size_t used;

	xmlcut_init(&c, XMLCUT_CONTENT, limits);
	while (inside.n) {
		enum xmlcut_result cut = xmlcut_next(&c, inside, &p->scope, &e, &used);

		if (cut == XMLCUT_MORE && used == inside.n)
			return REASON_NONE;
		if (cut != XMLCUT_ELEMENT) /* the judge let it pass: so it is text */
			return REASON_BAD_REQUEST;
		r = take_element(p, &e);
		if (r == REASON_NONE && p->b->fixed.len / 2 > limits->bytes)
			r = REASON_TOO_BIG; /* each element may have been lent a long name */
		if (r != REASON_NONE)
			return r;
		inside = slice_of(inside.p + used, inside.n - used);
	}
	return REASON_NONE;
}

/* What stands between the root's start tag, of n bytes, and its end tag. */
static struct slice inside_of(struct slice root, size_t n)
{
	size_t end = root.n;

	if (root.p[n - 2] == '/')
		return SLICE("");
	do {
		end--;
	} while (root.p[end] != '<');
	return slice_of(root.p + n, end - n);
}

static enum reason read_payload(struct body *b, const struct xml_limits *limits)
{
	struct slice document = buf_slice(&b->document);
	struct payload p = {.b = b};
	enum reason r;
	size_t n;

	xml_declaration(document, &n);
	document = slice_trim(slice_of(document.p + n, document.n - n));
	if (!read_scope(&p, document, &n))
		return REASON_BAD_REQUEST;
	r = cut_payload(&p, limits, inside_of(document, n));
	if (p.copied)
		b->payload = buf_slice(&b->fixed);
	else if (p.from)
		b->payload = slice_of(p.from, (size_t)(p.to - p.from));
	else
		b->payload = SLICE("");
	return r;
}

enum reason body_parse(struct body **out, struct xmljudge *j, const struct xml_limits *limits,
		       struct buf *document)
{
	struct xmljudge_root root;
	struct body *b;
	enum reason r;

	*out = NULL;
	if (slice_starts(buf_slice(document), SLICE(BYTE_ORDER_MARK)))
		buf_eat(document, sizeof(BYTE_ORDER_MARK) - 1);
	r = xmljudge_document(j, buf_slice(document), &root);
	if (r == REASON_NONE && (!slice_is(root.name, "body") || !slice_is(root.ns, NS_HTTPBIND)))
		r = REASON_INVALID_NAMESPACE;
	if (r != REASON_NONE) {
		buf_clear(document);
		return r;
	}
	b = mem_zalloc(sizeof(*b));
	b->document = buf_take(document);
	read_attributes(b, &root);
	r = read_payload(b, limits);
	if (r != REASON_NONE) {
		body_free(b);
		return r;
	}
	*out = b;
	return REASON_NONE;
}

void body_free(struct body *b)
{
	if (!b)
		return;
	buf_clear(&b->document);
	buf_clear(&b->text);
	buf_clear(&b->fixed);
	free(b);
}

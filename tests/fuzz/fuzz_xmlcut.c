/* The cutter. Four bytes seed the splits, the rest is a stream. However it is split, the same comes
 * out; and where libxml2 reads the whole, the elements are its root's children, each of them still
 * the same once it stands alone with the declarations that xml_append() gives it. */
#include <stdlib.h>

#include "oracle.h"
#include "proto/xmlcut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* One line a result; elements also go to *alone, one after the other, each ended by a NUL. */
static enum xmlcut_result cut(struct buf *log, struct buf *alone, const struct xml_limits *limits,
			      enum xmlcut_mode mode, struct slice in, unsigned *seed)
{
	size_t have = seed ? 0 : in.n, from = 0, used;
	struct xml_scope scope = {0};
	enum xmlcut_result r;
	struct xml_element e;
	struct xmlcut c;

	xmlcut_init(&c, mode, limits);
	for (;;) {
		r = xmlcut_next(&c, slice_of(in.p + from, have - from), &scope, &e, &used);
		CLAIM(used <= have - from);
		from += used;
		if (r == XMLCUT_MORE && have == in.n)
			break;
		have += r == XMLCUT_MORE ? 1 + (size_t)rand_r(seed) % (in.n - have) : 0;
		if (r == XMLCUT_MORE)
			continue;
		buf_addf(log, "%d %zu\n", r, r < XMLCUT_MALFORMED ? from : 0);
		if (r == XMLCUT_HEADER && !xml_scope_read(&scope, e.bytes, NULL))
			break;
		if (r == XMLCUT_ELEMENT) {
			buf_addf(log, "%zu %zu %u %x %d\n", e.bytes.n, e.xmlns.n, e.insert,
				 e.prefixes, e.inherits);
			xml_append(alone, &e, &scope, SLICE_NONE, 0);
			buf_addc(alone, '\0');
		}
		if (r >= XMLCUT_MALFORMED)
			return r;
	}
	buf_addf(log, "%zu", from);
	return r;
}

static void check_splits(const struct xml_limits *limits, enum xmlcut_mode mode, struct slice in,
			 unsigned seed)
{
	struct buf whole = {0}, split = {0}, alone = {0};

	cut(&whole, &alone, limits, mode, in, NULL);
	cut(&split, &alone, limits, mode, in, &seed);
	CLAIM(slice_eq(buf_slice(&whole), buf_slice(&split)));
	buf_clear(&whole);
	buf_clear(&split);
	buf_clear(&alone);
}

/* Whether the cutter may refuse what libxml2 reads. */
static bool may_refuse(struct slice in, xmlDocPtr doc)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	struct xml_scope scope;
	size_t n;

	if (oracle_restricted(doc) || oracle_has_text(root) || !root->children || in.p[0] == '\xef')
		return true;
	if (xml_declaration(in, &n) > XML_DECL_FINE || !xmlStrEqual(root->name, BAD_CAST "stream"))
		return true;
	if (!xml_scope_read(&scope, slice_trim(slice_of(in.p + n, in.n - n)), NULL))
		return true;
	for (xmlNodePtr c = root->children; (c = oracle_element(c)); c = c->next)
		if (xmlStrEqual(c->name, BAD_CAST "stream"))
			return true;
	return false;
}

static void check_oracle(const struct xml_limits *limits, struct slice in)
{
	xmlDocPtr doc = oracle_read(in), one;
	struct buf log = {0}, alone = {0};
	size_t at = 0;

	if (doc && cut(&log, &alone, limits, XMLCUT_STREAM, in, NULL) >= XMLCUT_MALFORMED)
		CLAIM(may_refuse(in, doc));
	else if (doc && xmlStrEqual(xmlDocGetRootElement(doc)->name, BAD_CAST "stream")) {
		xmlNodePtr c = xmlDocGetRootElement(doc)->children;

		for (; (c = oracle_element(c)) && at < alone.len; c = c->next) {
			struct slice element = slice_str(buf_data(&alone) + at);

			one = oracle_read(element);
			CLAIM(one && oracle_same(c, xmlDocGetRootElement(one)));
			xmlFreeDoc(one);
			at += element.n + 1;
		}
		CLAIM(at == alone.len && (!c || may_refuse(in, doc)));
	}
	xmlFreeDoc(doc);
	buf_clear(&log);
	buf_clear(&alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct xml_limits wide = {.bytes = 1 << 20, .depth = 1000, .attributes = 1000};
	static const struct xml_limits narrow = {.bytes = 40, .depth = 3, .attributes = 2};
	struct slice in = slice_of((const char *)data + 4, n - 4);
	unsigned seed;

	if (n < 5)
		return 0;
	memcpy(&seed, data, 4);
	check_splits(&wide, XMLCUT_STREAM, in, seed);
	check_splits(&wide, XMLCUT_CONTENT, in, seed);
	check_splits(&narrow, XMLCUT_STREAM, in, seed);
	check_splits(&narrow, XMLCUT_CONTENT, in, seed);
	check_oracle(&wide, in);
	return 0;
}

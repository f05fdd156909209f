/* The judge. UTF-8 and the XML declaration are judged here; then a plain document is done. Of any
 * other, restricted XML and the limits are judged by the cutter, and what passes both by libxml2,
 * which reads it with SAX2 handlers and builds nothing. The order matters: libxml2 2.9 takes
 * overlong UTF-8 for characters and compares attributes pairwise, so it only ever sees input that
 * cannot use either against us, and no DTD or entity at all.
 *
 * One parser context lives as long as the judge and is reset between documents; its dictionary of
 * names only grows, so past a bound the context is replaced. */
#include "proto/xmljudge.h"
#include "base/mem.h"
#include "proto/xmlcut.h"
#include "proto/xmlplain.h"

#include <stdlib.h>
#include <libxml/SAX2.h>
#include <libxml/dict.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

enum { DICTIONARY_MAX = 1 << 20 };

struct xmljudge {
	const struct xml_limits *limits; /* borrowed for life */
	xmlParserCtxtPtr ctxt;		 /* owned */
	xmlSAXHandler sax;
	struct xmljudge_attribute *v; /* owned; the root's */
	uint16_t size;		      /* of v */
	struct xmljudge_attribute plain[XMLPLAIN_ATTRIBUTES];
	struct buf values; /* what v's values point into */
	/* About the document under the parser. */
	struct xmljudge_root root;
	uint16_t depth;
	uint16_t unbound; /* prefixes tolerated on the root */
	enum reason bad;
};

static void condemn(struct xmljudge *j, enum reason r)
{
	if (j->bad == REASON_NONE)
		j->bad = r;
	xmlStopParser(j->ctxt);
}

static struct slice text_of(const xmlChar *s)
{
	return slice_str((const char *)s);
}

/* --- handlers --- */

/* Attributes come from libxml2 in fives: name, prefix, namespace, value, end of value. */
static void keep_attribute(struct xmljudge *j, const xmlChar **five)
{
	struct xmljudge_attribute *a = &j->v[j->root.n++];
	struct slice value = slice_of((const char *)five[3], (size_t)(five[4] - five[3]));

	a->name = text_of(five[0]);
	a->ns = text_of(five[2]);
	if (five[1] && !five[2])
		a->ns = SLICE(NS_XBOSH);
	a->value = slice_of(j->values.mem + j->values.len, value.n);
	buf_adds(&j->values, value);
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
		     int declarations, const xmlChar **namespaces, int attributes, int defaulted,
		     const xmlChar **v)
{
	struct xmljudge *j = ((xmlParserCtxtPtr)arg)->_private;
	size_t bytes = 0;

	(void)prefix, (void)declarations, (void)namespaces, (void)defaulted;
	if (++j->depth > 1)
		return;
	j->root.name = text_of(name);
	j->root.ns = text_of(uri);
	if (attributes > j->size) {
		j->size = (uint16_t)attributes;
		j->v = mem_realloc(j->v, j->size * sizeof(*j->v));
	}
	for (int i = 0; i < attributes; i++)
		bytes += (size_t)(v[5 * i + 4] - v[5 * i + 3]);
	buf_reset(&j->values);
	buf_room(&j->values, bytes + 1); /* so that it does not move below */
	for (int i = 0; i < attributes; i++)
		keep_attribute(j, v + 5 * (size_t)i);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct xmljudge *j = ((xmlParserCtxtPtr)arg)->_private;

	(void)name, (void)prefix, (void)uri;
	j->depth--;
}

/* The cutter has already refused these. */
static void on_dtd(void *arg, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void)name, (void)external, (void)system;
	condemn(((xmlParserCtxtPtr)arg)->_private, REASON_RESTRICTED_XML);
}

static void on_instruction(void *arg, const xmlChar *target, const xmlChar *data)
{
	(void)target, (void)data;
	condemn(((xmlParserCtxtPtr)arg)->_private, REASON_RESTRICTED_XML);
}

static void on_comment(void *arg, const xmlChar *text)
{
	(void)text;
	condemn(((xmlParserCtxtPtr)arg)->_private, REASON_RESTRICTED_XML);
}

/* Old clients write xmpp:restart on <body/> without declaring the prefix. libxml2 tells an unbound
 * prefix as (prefix, attribute, element), before it reports the element. */
static bool is_unbound_xmpp(const struct xmljudge *j, const xmlError *e)
{
	return e->code == XML_NS_ERR_UNDEFINED_NAMESPACE && j->depth == 0 && e->str3 &&
	       slice_is(slice_str(e->str1), "xmpp");
}

static void on_error(void *arg, xmlErrorPtr e)
{
	struct xmljudge *j = ((xmlParserCtxtPtr)arg)->_private;

	/* That a namespace name is no proper URI is no concern of XML or XMPP. */
	if (e->level == XML_ERR_WARNING || e->code == XML_WAR_NS_URI)
		return;
	if (is_unbound_xmpp(j, e))
		j->unbound++;
	else if (j->bad == REASON_NONE)
		j->bad = e->code == XML_ERR_UNDECLARED_ENTITY ? REASON_RESTRICTED_XML
							      : REASON_NOT_WELL_FORMED;
}

/* --- life --- */

static void context_new(struct xmljudge *j)
{
	j->ctxt = xmlCreatePushParserCtxt(&j->sax, NULL, NULL, 0, NULL);
	if (!j->ctxt)
		abort();
	j->ctxt->_private = j;
	xmlCtxtUseOptions(j->ctxt, XML_PARSE_NOENT | XML_PARSE_NONET);
}

struct xmljudge *xmljudge_new(const struct xml_limits *limits)
{
	struct xmljudge *j = mem_zalloc(sizeof(*j));

	xmlInitParser();
	j->limits = limits;
	j->sax.initialized = XML_SAX2_MAGIC;
	j->sax.startElementNs = on_start;
	j->sax.endElementNs = on_end;
	j->sax.internalSubset = on_dtd;
	j->sax.processingInstruction = on_instruction;
	j->sax.comment = on_comment;
	j->sax.serror = on_error;
	context_new(j);
	return j;
}

void xmljudge_free(struct xmljudge *j)
{
	if (!j)
		return;
	xmlFreeParserCtxt(j->ctxt);
	buf_clear(&j->values);
	free(j->v);
	free(j);
}

/* --- judging --- */

/* Exactly one element, within the limits and without anything restricted. */
static enum reason check_cut(const struct xml_limits *limits, struct slice s)
{
	enum xmlcut_result r;
	struct xml_element e;
	struct xmlcut c;
	size_t n;

	xmlcut_init(&c, XMLCUT_CONTENT, limits);
	r = xmlcut_next(&c, s, NULL, &e, &n);
	if (r == XMLCUT_ELEMENT && n == s.n)
		return REASON_NONE;
	if (r == XMLCUT_ELEMENT)
		r = xmlcut_next(&c, slice_of(s.p + n, s.n - n), NULL, &e, &n);
	if (r == XMLCUT_RESTRICTED)
		return REASON_RESTRICTED_XML;
	return r == XMLCUT_TOO_BIG ? REASON_TOO_BIG : REASON_NOT_WELL_FORMED;
}

static enum reason parse(struct xmljudge *j, struct slice s)
{
	if (xmlDictGetUsage(j->ctxt->dict) > DICTIONARY_MAX) {
		xmlFreeParserCtxt(j->ctxt);
		context_new(j);
	}
	j->root = (struct xmljudge_root){0};
	j->depth = j->unbound = 0;
	j->bad = REASON_NONE;
	if (xmlCtxtResetPush(j->ctxt, NULL, 0, NULL, NULL) != 0)
		return REASON_INTERNAL;
	xmlParseChunk(j->ctxt, s.p, (int)s.n, 1);
	if (j->bad == REASON_NONE && (!j->ctxt->wellFormed || !j->root.name.p || j->depth))
		j->bad = REASON_NOT_WELL_FORMED;
	return j->bad;
}

/* UTF-8, and the document without its declaration and the white space around it. */
static enum reason strip(const struct xmljudge *j, struct slice *document)
{
	enum xml_decl declared;
	size_t n;

	if (document->n > j->limits->bytes)
		return REASON_TOO_BIG;
	declared = xml_declaration(*document, &n);
	if (declared == XML_DECL_ENCODING || !xml_utf8(*document))
		return REASON_BAD_UTF8;
	if (declared == XML_DECL_BAD || declared == XML_DECL_MORE)
		return REASON_NOT_WELL_FORMED;
	*document = slice_trim(slice_of(document->p + n, document->n - n));
	return document->n ? REASON_NONE : REASON_NOT_WELL_FORMED;
}

static enum reason judge(struct xmljudge *j, struct slice document, struct xmljudge_root *root)
{
	enum reason r;

	if (memchr(document.p, '\0', document.n))
		return REASON_NOT_WELL_FORMED;
	r = check_cut(j->limits, document);
	if (r == REASON_NONE)
		r = parse(j, document);
	if (r != REASON_NONE)
		return r;
	j->root.attributes = j->v;
	j->root.unbound = j->unbound;
	*root = j->root;
	return REASON_NONE;
}

enum reason xmljudge_document(struct xmljudge *j, struct slice document, struct xmljudge_root *root)
{
	enum reason r = strip(j, &document);

	if (r != REASON_NONE || xmlplain_read(document, j->limits, root, j->plain))
		return r;
	return judge(j, document, root);
}

enum reason xmljudge_thorough(struct xmljudge *j, struct slice document, struct xmljudge_root *root)
{
	enum reason r = strip(j, &document);

	return r == REASON_NONE ? judge(j, document, root) : r;
}

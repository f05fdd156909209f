/* libxml2's tree as an oracle; slow, and free of everything that is under test but xml_utf8(). */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <libxml/parser.h>

void oracle_die(const char *claim, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, claim);
	abort();
}

/* That a namespace name is no proper URI is let pass, as the judge does. */
static void on_error(void *bad, xmlErrorPtr e)
{
	if (e->level != XML_ERR_WARNING && e->code != XML_WAR_NS_URI)
		*(bool *)bad = true;
}

xmlDocPtr oracle_read(struct slice text)
{
	xmlParserCtxtPtr ctxt;
	bool bad = false;
	xmlDocPtr doc;

	if (text.n == 0 || memchr(text.p, '\0', text.n) || !xml_utf8(text))
		return NULL;
	xmlSetStructuredErrorFunc(&bad, on_error);
	ctxt = xmlNewParserCtxt();
	doc = xmlCtxtReadMemory(ctxt, text.p, (int)text.n, NULL, NULL,
				XML_PARSE_NOENT | XML_PARSE_NONET);
	if (doc && (bad || doc->intSubset)) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(ctxt);
	xmlSetStructuredErrorFunc(NULL, NULL);
	return doc;
}

static bool restricted(const xmlNode *n)
{
	for (; n; n = n->next)
		if (n->type == XML_COMMENT_NODE || n->type == XML_PI_NODE ||
		    (n->type == XML_ELEMENT_NODE && restricted(n->children)))
			return true;
	return false;
}

bool oracle_restricted(const xmlDoc *doc)
{
	return restricted(doc->children);
}

xmlNodePtr oracle_element(xmlNodePtr n)
{
	while (n && n->type != XML_ELEMENT_NODE)
		n = n->next;
	return n;
}

bool oracle_has_text(const xmlNode *parent)
{
	for (const xmlNode *n = parent->children; n; n = n->next)
		if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
			return true;
	return false;
}

static bool is_text(const xmlChar *s, const char *text)
{
	return s && strcmp((const char *)s, text) == 0;
}

bool oracle_is(const xmlNode *n, const char *ns, const char *local)
{
	return n->ns && is_text(n->ns->href, ns) && (!local || is_text(n->name, local));
}

static bool same_namespace(const xmlNs *was, const xmlNs *now)
{
	if (was && now && xmlStrEqual(was->href, now->href))
		return true;
	if (now && is_text(now->href, NS_CLIENT))
		return !was || is_text(was->href, NS_HTTPBIND);
	return !was && !now;
}

static bool same_attributes(const xmlNode *was, const xmlNode *now)
{
	const xmlAttr *a = was->properties, *b = now->properties;

	for (; a && b; a = a->next, b = b->next) {
		xmlChar *x = xmlNodeGetContent((const xmlNode *)a);
		xmlChar *y = xmlNodeGetContent((const xmlNode *)b);
		bool same = xmlStrEqual(a->name, b->name) && same_namespace(a->ns, b->ns) &&
			    xmlStrEqual(x, y);

		xmlFree(x);
		xmlFree(y);
		if (!same)
			return false;
	}
	return !a && !b;
}

bool oracle_same(const xmlNode *was, const xmlNode *now)
{
	const xmlNode *a, *b;

	if (was->type != now->type)
		return false;
	if (was->type != XML_ELEMENT_NODE)
		return xmlStrEqual(was->content, now->content);
	if (!xmlStrEqual(was->name, now->name) || !same_namespace(was->ns, now->ns) ||
	    !same_attributes(was, now))
		return false;
	for (a = was->children, b = now->children; a && b; a = a->next, b = b->next)
		if (!oracle_same(a, b))
			return false;
	return !a && !b;
}

xmlDocPtr oracle_in_stream(struct slice payload)
{
	struct buf b = {0};
	xmlDocPtr doc;

	BUF_LIT(&b, "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>");
	buf_adds(&b, payload);
	BUF_LIT(&b, "</stream:stream>");
	doc = oracle_read(buf_slice(&b));
	buf_clear(&b);
	return doc;
}

/* The judge: says of every document that a browser sends, whole, whether it is well-formed,
 * namespace-well-formed XML of the kind XMPP allows. What is plain is seen to be so in one pass
 * (xmlplain.h); all else libxml2 reads. One judge a worker, reset between documents; nothing of
 * libxml2 shows outside. */
#ifndef PROTO_XMLJUDGE_H
#define PROTO_XMLJUDGE_H

#include "proto/reason.h"
#include "proto/xml.h"

struct xmljudge;

/* The outermost element, decoded; borrows the document, and lent until the next call on the judge.
 */
struct xmljudge_attribute {
	struct slice ns, name, value; /* ns empty where it has no prefix */
};
struct xmljudge_root {
	struct slice ns, name;
	uint16_t n;
	uint16_t unbound; /* attributes with the undeclared prefix xmpp, taken to be of NS_XBOSH */
	const struct xmljudge_attribute *attributes;
};

struct xmljudge *xmljudge_new(const struct xml_limits *limits); /* borrows limits for life */
void xmljudge_free(struct xmljudge *j);

/* REASON_NONE and *root; or NOT_WELL_FORMED, RESTRICTED_XML (DTD, PI, comment, entity), BAD_UTF8
 * (also an XML declaration with another encoding), TOO_BIG (limits). An XML declaration may open
 * the document, white space surround the rest. Every prefix is declared but for root->unbound,
 * which only a caller who passes nothing of the root on may accept. */
enum reason xmljudge_document(struct xmljudge *j, struct slice document,
			      struct xmljudge_root *root);

/* The same without the short way: both must always agree. */
enum reason xmljudge_thorough(struct xmljudge *j, struct slice document,
			      struct xmljudge_root *root);

#endif

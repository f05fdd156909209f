/* The short way past the judge: almost every document of a client is XML of the plainest kind, and
 * can be seen to be well-formed in one pass. What is not is not wrong: libxml2 judges it. */
#ifndef PROTO_XMLPLAIN_H
#define PROTO_XMLPLAIN_H

#include "proto/xmljudge.h"

enum { XMLPLAIN_ATTRIBUTES = 12 };

/* True: the document (UTF-8 already checked, no declaration, trimmed) is one element without
 * prefixes (but xml:lang), references in attributes, CDATA or anything rarer, well-formed and
 * within the limits. *root is filled in, its attributes in v; all borrow the document. False says
 * nothing. */
bool xmlplain_read(struct slice document, const struct xml_limits *limits,
		   struct xmljudge_root *root, struct xmljudge_attribute v[XMLPLAIN_ATTRIBUTES]);

#endif

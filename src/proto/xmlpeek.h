/* One look inside an element: its children, one level in. For what passes once a login, not for
 * every stanza. */
#ifndef PROTO_XMLPEEK_H
#define PROTO_XMLPEEK_H

#include "proto/xmlcut.h"

struct xml_peek {
	struct slice element;
	struct xml_scope scope; /* what the element declares itself */
	struct slice inside;	/* what is left to look at */
	size_t start, end;	/* offsets of the whole inside in the element */
	struct xmlcut cut;
};

/* Begins; borrows element, which the cutter has found whole. False: nothing can be seen in there,
 * for it declares more prefixes than are followed. */
bool xml_peek_open(struct xml_peek *p, struct slice element);

/* The next child, and in *before what stands in front of it; false at the end, and then *before is
 * the rest (p == NULL where the inside cannot be cut). */
bool xml_peek_next(struct xml_peek *p, struct xml_element *child, struct slice *before);

/* The first child of that name and namespace; outer (may be NULL) is the scope around element.
 * Borrows; false where there is none. */
bool xml_peek_find(struct slice element, const struct xml_scope *outer, const char *name,
		   const char *ns, struct xml_element *child);

#endif

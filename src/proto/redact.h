/* Redaction: an element as it may be shown to whoever looks for a fault, with nothing in it that
 * somebody could log in with or read. What is shown is on a list (redact.def): names of elements
 * and attributes, namespaces, JIDs, ids of stanzas, types, conditions and their like, each only in
 * the form that it has to have; all other text and every other value is shown as its length,
 * "[12]". Secrets travel in many places and new ones are made up all the time, so nothing is shown
 * because it is not known to be one. Pure. */
#ifndef PROTO_REDACT_H
#define PROTO_REDACT_H

#include "proto/xml.h"

enum { REDACT_MAX = 4096 }; /* bytes shown of one element, or hardly more */

/* Appends to *out what may be shown of one whole element (or of a stream header, whose end is
 * missing). xmlns: the default namespace around it, raw. bodies: the text of a message is shown as
 * well. Of what is no element, only the length is shown. */
void redact(struct buf *out, struct slice element, struct slice xmlns, bool bodies);

#endif

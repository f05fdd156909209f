/* What libxml2's tree makes of a text: the second opinion of the fuzz targets. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

#include <libxml/tree.h>
#include "proto/xml.h"

/* Dies with the input on the screen where a claim does not hold. */
#define CLAIM(claim) ((claim) ? (void)0 : oracle_die(#claim, __FILE__, __LINE__))
void oracle_die(const char *claim, const char *file, int line) __attribute__((noreturn));

/* The caller frees. NULL: not well-formed (namespaces included), not UTF-8, or with a DTD. */
xmlDocPtr oracle_read(struct slice text);

/* A comment or processing instruction anywhere. */
bool oracle_restricted(const xmlDoc *doc);

/* The first element from n on among its siblings. */
xmlNodePtr oracle_element(xmlNodePtr n);
bool oracle_has_text(const xmlNode *parent); /* directly inside, white space too */
bool oracle_is(const xmlNode *n, const char *ns, const char *local);

/* The same names, namespaces, attributes and texts; `now` may be in jabber:client where `was` is in
 * no namespace or in httpbind. */
bool oracle_same(const xmlNode *was, const xmlNode *now);

/* The text as the inside of a stream to the backend; the caller frees. */
xmlDocPtr oracle_in_stream(struct slice payload);

#endif

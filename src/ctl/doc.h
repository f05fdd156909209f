/* Documents of the API, asked for and read. */
#ifndef CTL_DOC_H
#define CTL_DOC_H

#include <stdint.h>
#include <yajl/yajl_tree.h>
#include "ctl/ctl.h"
#include "base/buf.h"

/* Asks; with --json it prints the document, else *v is what it says, the caller's. Returns an enum
 * ctl_exit; stderr was told of all but CTL_FINE. v NULL: only whether it went well is of interest.
 */
int doc_ask(const struct ctl *c, const char *target, const char *body, yajl_val *v);

/* A failure's own words, or the answer's status. CTL_REFUSED. */
int doc_fault(int status, const struct buf *body);

const char *doc_text(yajl_val v, const char *name); /* "" where it is missing */
int64_t doc_number(yajl_val v, const char *name);   /* -1 where it is missing */
bool doc_true(yajl_val v, const char *name);
yajl_val doc_member(yajl_val v, const char *name); /* NULL where it is missing */
size_t doc_length(yajl_val array);		   /* NULL: 0 */
yajl_val doc_item(yajl_val array, size_t i);

void doc_escape(struct buf *b, const char *text); /* a JSON string, with its quotes */
void doc_query(struct buf *b, const char *text);  /* the value of a query, escaped */

#endif

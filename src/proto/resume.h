/* Whether the server keeps a stream for a client that loses its connection (XEP-0198 5). Only seen,
 * never touched: the client manages its stream itself. */
#ifndef PROTO_RESUME_H
#define PROTO_RESUME_H

#include "proto/xml.h"

/* Whether this element of the server's lets the client resume later: <enabled resume='true'/> or
 * <resumed/>, by itself or within the <success/> of XEP-0388. Borrows both. */
bool resume_granted(const struct xml_element *e, const struct xml_scope *scope);

#endif

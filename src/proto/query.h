/* The query of a URL: "q=a%20b&limit=10", pair by pair. Pure. */
#ifndef PROTO_QUERY_H
#define PROTO_QUERY_H

#include "base/buf.h"

enum query_result {
	QUERY_END,
	QUERY_PAIR,
	QUERY_BAD /* a percent sign without two hex digits, or with two zeros */
};

/* Cuts the next pair off *rest. *name is raw and borrows the query; *value is what the raw one
 * decodes to (%41, + for a blank), put in place of what the buffer held. */
enum query_result query_next(struct slice *rest, struct slice *name, struct buf *value);

/* Appends what raw decodes to, as parts of a path are written: a + is a +. False where it is bad.
 */
bool query_unescape(struct buf *out, struct slice raw);

#endif

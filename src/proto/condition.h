/* What a client asks of a file beyond its path: whether it is still the one it has, and for a part
 * of it (RFC 9110 13 and 14). Pure. */
#ifndef PROTO_CONDITION_H
#define PROTO_CONDITION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

/* Whether a list as in If-None-Match names this entity tag, quotes included; "*" names all. Weak
 * ones count. */
bool condition_names(struct slice list, struct slice tag);

enum condition_range {
	CONDITION_WHOLE,  /* no range that is understood: all of it */
	CONDITION_PART,	  /* *n bytes from *from on */
	CONDITION_BEYOND, /* the file ends before it */
};
/* A Range for a file of that size. More than one range counts as none: whoever wants several may
 * ask several times. */
enum condition_range condition_range(struct slice range, uint64_t size, uint64_t *from,
				     uint64_t *n);

#endif

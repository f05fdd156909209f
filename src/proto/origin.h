/* Which web origins may use Fairlead (RFC 6454): "*", an origin exactly, or all hosts below a
 * domain (a star for the first label of the host, as in https, *.example.org). Pages that are files
 * have none, and say "null", or in apps such as Electron's "file://". */
#ifndef PROTO_ORIGIN_H
#define PROTO_ORIGIN_H

#include "base/slice.h"

enum { ORIGIN_MAX = 300 }; /* longer than any host name with scheme and port */

/* Rules are NULL-terminated. An origin may be any bytes; those of one that is allowed, by another
 * rule than "*", are visible ASCII. */
bool origin_any(const char *const *rules); /* "*" is among them */
bool origin_allowed(const char *const *rules, struct slice origin);
bool origin_rule_valid(struct slice rule); /* for whoever reads the configuration */

#endif

/* Content codings of HTTP (RFC 9110 8.4.1, 12.5.3): which one a body has, which one an answer may
 * have. The coding itself is done elsewhere. */
#ifndef PROTO_CODING_H
#define PROTO_CODING_H

#include "base/slice.h"

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE, CODING_UNKNOWN };

/* Of a Content-Encoding; several at once are UNKNOWN, a media type (of libpurple's) is IDENTITY. */
enum coding coding_of(struct slice field);

/* What an Accept-Encoding likes best: GZIP, DEFLATE or IDENTITY. */
enum coding coding_liked(struct slice field);

/* Whether a Sec-WebSocket-Extensions offers permessage-deflate (RFC 7692) in a form that is fine
 * with the answer "permessage-deflate; server_no_context_takeover; client_no_context_takeover". */
bool coding_offers_deflate(struct slice field);

#endif

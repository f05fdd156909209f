/* One RFC 7395 message from a client: judged and told apart. Made by `web`; travels. Also the few
 * bytes of RFC 6455 framing that batches of messages towards a client need. */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "proto/reason.h"
#include "proto/xml.h"
#include "proto/xmljudge.h"

enum frame_kind {
	FRAME_OPEN,   /* <open/> of the framing namespace */
	FRAME_CLOSE,  /* <close/> of it, or <stream:error/> from the client */
	FRAME_ELEMENT /* anything else: a stanza, SASL, stream management ... */
};

struct frame {
	enum frame_kind kind;
	enum stanza_kind stanza;
	struct buf text;      /* the message as it came (without an XML declaration) */
	struct slice payload; /* FRAME_ELEMENT: the element, ready for the backend stream */
	struct buf decoded;   /* decoded attribute values */
	struct slice to, from, lang, version; /* FRAME_OPEN; p == NULL where missing */
};

/* Takes *text (emptied). REASON_NONE and *out (frame_free() releases), or NOT_WELL_FORMED,
 * RESTRICTED_XML, TOO_BIG, BAD_UTF8, UNSUPPORTED_FRAMING (<stream:stream, also not closed: it is
 * looked for before the judge), INVALID_NAMESPACE (other elements of the framing namespace, or of
 * the stream namespace), and *out NULL. */
enum reason frame_parse(struct frame **out, struct xmljudge *j, const struct xml_limits *limits,
			struct buf *text);
void frame_free(struct frame *f); /* NULL is fine */

enum { WS_OP_TEXT = 1, WS_OP_CLOSE = 8, WS_OP_PING = 9 };

/* Towards the client (unmasked): begins a frame whose payload follows, and ends it. One text frame
 * is built in place: mark = ws_begin(out); append payload; ws_end(out, mark). */
size_t ws_begin(struct buf *out);
void ws_end(struct buf *out, size_t mark);
void ws_ping(struct buf *out, uint64_t serial); /* 8 bytes of payload, big endian */

/* The first of the frames that were built so. */
struct ws_frame {
	int op;
	struct slice payload;
	size_t size; /* with its header */
};
void ws_first(struct slice frames, struct ws_frame *f);

#endif

/* Stanzas that do not arrive: what is kept of one until it is known to have arrived, and what its
 * sender gets if it never does (XEP-0206 7, RFC 6120 8.3). Never the stanza itself: three
 * attributes of its start tag, raw as they came. */
#ifndef PROTO_BOUNCE_H
#define PROTO_BOUNCE_H

#include "proto/xml.h"

enum { BOUNCE_MAX = 1024 }; /* bytes kept of one; no real address is as long */

struct bounce {
	uint32_t number;	   /* the caller's count */
	enum stanza_kind kind;	   /* message or iq */
	struct slice from, to, id; /* p == NULL where missing, or too long to be kept */
};

/* Whether a stanza for the client is one to be returned: an iq get or set; a message, but no error,
 * no groupchat, no headline, nothing forwarded (carbons, archive results) and nothing that does not
 * say from whom. Never presence. *b then borrows the element; its number is left alone. */
bool bounce_of(struct bounce *b, const struct xml_element *e, enum stanza_kind kind);

/* Whether a message from the client, by its start tag, is one to be reported: any but an error. */
bool bounce_of_sent(struct bounce *b, struct slice message);

/* A ring of them in a buffer: added behind, lent from the front, dropped at the front. */
void bounce_keep(struct buf *ring, const struct bounce *b);
bool bounce_first(const struct buf *ring, struct bounce *b); /* false: the ring is empty */
void bounce_drop(struct buf *ring);			     /* which is not empty */

/* Appends what goes to the server, for the sender of a stanza that its recipient never got. The
 * error's `from` is what the stanza was addressed to, if that is jid (raw, may be empty) or its
 * bare form: a server takes no other (RFC 6120 8.1.2.1). */
void bounce_return(struct buf *out, const struct bounce *b, struct slice jid);

/* Appends what goes to the client, whose message its server never acknowledged. */
void bounce_report(struct buf *out, const struct bounce *b, struct slice jid);

#endif

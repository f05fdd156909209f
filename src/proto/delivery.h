/* Delivery: nothing lost on the last hop. Stream management (XEP-0198) with the server, on behalf
 * of a client that does none: stanzas towards the client are acknowledged once they are proved to
 * be with it, and not when they were read; what is proved never is left to the server at the end,
 * or returned to its sender. The other way, messages are remembered until the server has them.
 *
 * What holds:
 * 1. h, which we tell the server, counts the stanzas since <enabled/> that are answered for:
 * proved, or returned by us at the end. It leaves none out, never goes back, and never counts one
 * that was not read.
 * 2. A stanza that the rule would return (bounce.h) is remembered until it is proved.
 * 3. After delivery_end(), each stanza that was passed is proved, or was returned, or is of a kind
 *    that is not returned, or is beyond h: the server's. No two of these.
 * 4. Every <r/> of the server is answered in the same turn; nothing that we say or hear of stream
 *    management reaches the client, and nothing that the client says of it reaches the server, but
 *    where the client does it all by itself.
 * 5. A message sent after our <enable/> is remembered until the server's h covers it, or it is
 *    counted as given up.
 * 6. Nothing grows without a bound: see delivery_kept() and delivery_full().
 *
 * Pure; embedded in its session. Quiet, it owns no memory. */
#ifndef PROTO_DELIVERY_H
#define PROTO_DELIVERY_H

#include "proto/bounce.h"

enum delivery_mode {
	DELIVERY_WAIT,	/* undecided: nobody is bound yet, or the client may still do it itself */
	DELIVERY_ASKED, /* our <enable/> is out */
	DELIVERY_ON,	/* the server counts, and so do we */
	DELIVERY_OFF,	/* it refused, or has none: at the end all that is not proved is returned */
	DELIVERY_CLIENT,     /* the client does it itself, as the server granted: hands off */
	DELIVERY_TRANSPARENT /* nobody is to do it for the client; it may itself: then CLIENT */
};

struct delivery_more;

struct delivery {
	struct delivery_more *more; /* owned; NULL while nothing is remembered or awaited */
	/* Counts of stanzas, modulo 2^32. */
	uint32_t passed;   /* to the client */
	uint32_t proved;   /* of them */
	uint32_t base;	   /* `passed` when <enabled/> came */
	uint32_t told;	   /* h of our last <a/>; OFF: `passed` when leave was asked for */
	uint32_t sent;	   /* to the server, since our <enable/> */
	uint32_t acked;	   /* of them */
	uint32_t asked_at; /* when the last <r/> went out: ms, modulo 2^32 */
	uint8_t mode;
	uint8_t pending : 3; /* requests for it of the client's own, not answered yet */
	bool shown : 1;	     /* the client sees that the server has stream management (WebSocket) */
	bool offered : 1;    /* the server has it */
	bool bound : 1;	     /* the client has a resource */
	bool by_policy : 1;  /* TRANSPARENT for good, but where it is CLIENT */
	bool resuming : 1;   /* what the client asked for last was to resume */
	bool resumable : 1;  /* CLIENT: the server keeps the stream for it to be resumed */
	bool present : 1;    /* WAIT: the client has sent presence, and has a second from then on */
	bool behind : 1;     /* what came before <enabled/> is not proved yet */
	bool owes : 1;	     /* an <r/> is to be answered */
	bool asking : 1;     /* our <r/> is not answered */
	bool flooded : 1; /* the server was given its time to acknowledge: the oldest are dropped */
	bool tried : 1;	  /* our <enable/> went out, for the first and last time */
	bool ended : 1;
};

struct delivery_counts {
	const char
	    *mode; /* "undecided", "asked", "acknowledged", "bounced", "client", "transparent" */
	uint32_t unproved;	 /* passed, and neither proved nor returned */
	uint32_t unacknowledged; /* sent, and not acknowledged */
	uint32_t proved;	 /* modulo 2^32 */
	uint32_t returned;	 /* to their senders, by us */
	uint32_t given_up;	 /* messages to the server that were forgotten for want of room */
};

void delivery_init(struct delivery *d, bool shown);
void delivery_clear(struct delivery *d);
void delivery_counts(const struct delivery *d, struct delivery_counts *c);

/* By policy, before anything else: nothing is done for this client. */
void delivery_transparent(struct delivery *d);

/* Whether stream management is to be left out of the features. */
bool delivery_hides(const struct delivery *d);

/* The server's features have it; the client is bound. Either may be the first, for SASL2 binds
 * before the features of the new stream come (XEP-0388), as may presence of the client's. Appends
 * our <enable/> where it is for us to ask. */
void delivery_offered(struct delivery *d, struct buf *out, int64_t now);
void delivery_bound(struct delivery *d, struct buf *out);

/* --- towards the client --- */

/* A stanza goes to the client: the serial to hand to the front with it. */
uint32_t delivery_passed(struct delivery *d, const struct xml_element *e, enum stanza_kind kind);
void delivery_proved(struct delivery *d, uint32_t serial); /* no news where it is an older one */

/* Bytes remembered of stanzas towards the client: the caller ends the session over a bound. */
size_t delivery_kept(const struct delivery *d);

/* Something of stream management from the server: true where it is ours, and not for the client.
 * scope is the one around it; may be NULL. */
bool delivery_from_server(struct delivery *d, const struct xml_element *e,
			  const struct xml_scope *scope, int64_t now);

/* The <success/> or <failure/> of SASL2: answers what stood in the login. Before delivery_bound().
 */
void delivery_logged_in(struct delivery *d, const struct xml_element *e,
			const struct xml_scope *scope);

/* --- towards the server --- */

/* Whether delivery_from_client() has to see every element of these kinds (bits of stanza_kind). */
bool delivery_watches(const struct delivery *d, uint8_t kinds);

/* An element from the client, of this kind and raw namespace. True: it goes to the server. False:
 * it does not, and the client gets *answer, if that is not empty. */
bool delivery_from_client(struct delivery *d, const struct xml_element *e, enum stanza_kind kind,
			  struct slice ns, int64_t now, struct buf *answer);

/* Whether messages to the server have to be named. */
bool delivery_remembers(const struct delivery *d);

/* Stanzas went to the server, in order: several without a message among them, or one message. */
void delivery_sent(struct delivery *d, uint32_t stanzas);
void delivery_sent_message(struct delivery *d, struct slice message, int64_t now);

/* So many messages wait for the server's acknowledgement that no more should be sent, for now. */
bool delivery_full(const struct delivery *d);

/* --- time --- */

/* What is due to the server: <enable/>, <a/>, <r/>. Once a turn, behind everything else. Time is
 * told first of all, by delivery_expire(). */
void delivery_expire(struct delivery *d, int64_t now);
void delivery_flush(struct delivery *d, struct buf *out, int64_t now);
int64_t delivery_expiry(const struct delivery *d);

/* --- the end --- */

/* The client is gone, and the stream will end by our side. Where it said goodbye, what it was sent
 * counts as received: the caller has told that by delivery_proved(). True: what was appended asks
 * the server to send no more; what still comes is passed to nobody, until the answer to
 * DELIVERY_LEAVE does, which is told to delivery_left() alone.
 */
#define DELIVERY_LEAVE "fairlead-leave"
bool delivery_leave(struct delivery *d, struct buf *out, struct slice domain);

/* The answer came. True: the stream may end. False: what the server still sends to the full address
 * nobody would keep, or could push others out of its queue, so that it was asked again. */
bool delivery_left(struct delivery *d, struct buf *out, uint32_t server_queue, struct slice domain);

/* Meanwhile: appends what is returned of that already, for the server may not keep it. */
void delivery_trim(struct delivery *d, struct buf *out, uint32_t server_queue, struct slice jid);

/* The stream ends by our side: appends what is returned, then the last <a/>. server_queue: how many
 * stanzas the server is trusted to keep. jid: the client's, raw; may be empty. */
void delivery_end(struct delivery *d, struct buf *out, uint32_t server_queue, struct slice jid);

/* The server is lost: appends the error for the next message that it never acknowledged; false when
 * there is none left. */
bool delivery_lost(struct delivery *d, struct buf *out, struct slice jid);

/* The same for a message that was never sent to it, by its bytes; false where it gets none. */
bool delivery_unsent(struct buf *out, struct slice message, struct slice jid);

#endif

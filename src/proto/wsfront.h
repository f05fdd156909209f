/* The RFC 7395 front machine: one element a message, <open/> and <close/>, restart, stream errors,
 * our pings and their pongs. */
#ifndef PROTO_WSFRONT_H
#define PROTO_WSFRONT_H

#include "proto/frame.h"
#include "proto/front.h"

struct wsfront;

struct wsfront_config {
	int64_t ping; /* ms between pings; two unanswered end the session. More go out for proof */
	int64_t open_wait;  /* ms until <open/> is made up when the backend is slow (1500) */
	int64_t open_limit; /* ms for the client to send its first <open/> */
	int64_t close_wait; /* ms for the client to answer our <close/> */
	int64_t prove_wait; /* ms for it to pong what it was sent before its own <close/> */
	uint32_t queue;	    /* bytes towards the client not yet written (see wsfront_drained) */
	uint32_t untold;    /* bytes of them that may be written without that having been told */
	const char *see_other_uri; /* where to send clients at a shutdown; NULL or "": nowhere */
};

extern const struct front_ops wsfront_ops; /* the object is a struct wsfront * */

struct wsfront *wsfront_new(const struct wsfront_config *c, handle_t ws, int64_t now);

handle_t wsfront_handle(const struct wsfront *w);

/* A message. Takes *frame; or *frame is NULL and `bad` says why it could not be read: REASON_NONE
 * for one of white space, which says nothing but that the client is there. */
void wsfront_frame(struct wsfront *w, struct frame **frame, enum reason bad, int64_t now);
void wsfront_pong(struct wsfront *w, uint64_t payload, int64_t now); /* as of the ping */
void wsfront_rest(struct wsfront *w, bool resting); /* nothing of it is read, pongs neither */
/* n bytes more of what was sent are with the kernel. waited: which had been full, so that the
 * client reads. */
void wsfront_drained(struct wsfront *w, uint32_t n, bool waited);
void wsfront_gone(struct wsfront *w, int64_t now); /* the WebSocket is gone */

/* After close(): it may yet turn out that the client has more than proved() says. */
bool wsfront_proving(const struct wsfront *w);

#endif

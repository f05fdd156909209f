/* Plays the world around one session: carries its effects out as src/app/entry.c does, and
 * judges. A second stream machine reads the same bytes, and so knows what must come out on the
 * client's side; front_rules.c judges what a BOSH client gets, hub.c what a WebSocket gets, what
 * the server gets, and that all is bounded and comes to an end. A broken claim aborts. */
#ifndef FUZZ_HUB_H
#define FUZZ_HUB_H

#include "session/session.h"

struct rules;

enum { HUB_WEBSOCKET = 1 };    /* the handle of a WebSocket */
enum { HUB_EVENT_MAX = 4000 }; /* bytes: what a client says at once, with a stream header */

enum leg { LEG_NONE, LEG_DIALING, LEG_FAILED, LEG_READY, LEG_UP };

/* A zeroed one is ready for hub_begin(). */
struct hub {
	const struct session_env *env; /* borrowed */
	struct session *s;	       /* owned */
	struct rules *rules;	       /* owned; BOSH only */
	struct effects fx;
	struct buf wire, in; /* sent by the server; come, and not eaten */
	struct buf unread;   /* what came, for the second opinion */
	struct xstream second;
	uint32_t serial;	    /* stanzas in there */
	struct buf down, down_seen; /* WebSocket: elements for it; those that it got */
	struct buf up, up_seen;	    /* WebSocket: what it said; what the server got of that */
	size_t unsent;		    /* bytes towards the server */
	int64_t now, closed_at;
	uint32_t headers; /* that the server got */
	enum leg leg;
	uint64_t ping;			 /* WebSocket: the last one's payload */
	bool lively;			 /* a WebSocket takes at once what it is sent */
	bool taking;			 /* the server takes at once what it is sent */
	bool begun;			 /* BOSH: something was answered, the client has a sid */
	bool gone, paused, parted, over; /* WebSocket: lost; rests; got a close frame; <close/> */
	bool reading, woken;		 /* the server is read; again, since this turn */
	bool eof, hung_up, ended;	 /* the server's end; ours, of the connection, the stream */
	bool goodbye;			 /* WebSocket: it said <close/>, and gets no more */
	bool fresh;			 /* something was sent to the WebSocket */
	bool resumable;			 /* the server lets the stream be resumed */
	bool closing, dead;		 /* the session */
};

/* Takes s and rules. */
void hub_begin(struct hub *h, const struct session_env *env, struct session *s, struct rules *rules,
	       int64_t now);

/* Ends the session, if nobody did, sees it die in time, and frees all. */
void hub_end(struct hub *h);

/* What was caused by an event before any turn. */
void hub_carry_out(struct hub *h);

void hub_turn(struct hub *h);
void hub_wait(struct hub *h, int64_t ms);

/* Up to n bytes of the wire come in, if they are read. */
void hub_arrive(struct hub *h, size_t n);

#endif

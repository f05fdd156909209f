/* Inside the RFC 7395 front machine; for its own .c files only. */
#ifndef PROTO_WSFRONT_PRIV_H
#define PROTO_WSFRONT_PRIV_H

#include "proto/wsfront.h"

enum ws_state {
	WS_NEW,	    /* the client has not opened: the first thing it may say is <open/> */
	WS_OPEN,    /* it may say anything */
	WS_DEAF,    /* it ended the session or broke a rule: nothing more is taken from it */
	WS_PROVING, /* close() was called, it said so first: the pong of a last ping is awaited */
	WS_CLOSING, /* close() was called: farewell goes out with the next flush */
	WS_PARTING, /* our <close/> is out, the client's is awaited */
	WS_CLOSED   /* the end; nothing more is emitted */
};

struct wsfront {
	const struct wsfront_config *c; /* borrowed */
	handle_t ws;
	struct buf out;	       /* frames of this turn */
	struct frame **frames; /* owned: not pulled yet, from head on */
	uint32_t head, n, cap;
	uint32_t unsent;    /* bytes given to EFFECT_SEND and not with the kernel */
	struct frame *lent; /* owned; what the last event points into */
	struct buf domain;  /* whom the client opened to, until an <open/> went back */
	int64_t ping_at;    /* gone: what it said is waited for no longer */
	int64_t open_at;    /* made-up <open/> due, or the client's first; TIME_NEVER */
	int64_t part_at;    /* PROVING, PARTING: its pong, or <close/>, is awaited no longer */
	int64_t prove_at;   /* no ping for proof alone before this */
	uint32_t written;   /* serials of stanzas: the last that was sent, */
	uint32_t covered;   /* that a ping stands behind (and this many bytes since: bare), */
	uint32_t bare;
	uint32_t proved; /* that a pong stands behind, */
	uint32_t late;	 /* the same, of pongs that came after its <close/> */
	uint32_t serial; /* of the last ping */
	uint32_t ponged; /* the highest that was answered */
	uint8_t silent;	 /* pings since the client was last heard of */
	uint8_t state;	 /* enum ws_state */
	uint8_t failed;	 /* enum reason */
	uint8_t reason;	 /* enum reason, of close() */
	bool owed;	 /* the client opened, and no <open/> answers it yet */
	bool unheard;	 /* the client opened, and the server's header answers it not yet */
	bool greeted;	 /* some <open/> went out */
	bool told;	 /* and an element of the server's */
	bool restarting; /* the next <open/> that is pulled is a restart */
	bool client_end; /* the client's <close/> came */
	bool resting;	 /* the client is not read: its pongs cannot come */
	bool last;	 /* what comes now is not bounded: see front_ops */
	bool gone;
};

/* Appends an <open/> that the server has not caused: without an id, for its own may still come, and
 * must not differ from one told before. */
void wsfront_greet(struct wsfront *w);

/* Appends what close() has to say; `detail` as there. */
void wsfront_part(struct wsfront *w, struct slice detail);

#endif

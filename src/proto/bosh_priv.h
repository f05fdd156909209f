/* Inside the BOSH machine; for bosh*.c only.
 *
 * Every rid is in one of three places. Below `first` it is answered, and the last few answers are
 * kept for repeats. From `first` to below `cursor` it is held: what it said was pulled by the hub,
 * it may be answered. From `cursor` on it has come, perhaps ahead of its turn, and waits with its
 * body; or it has not come. A request whose connection broke stays where it is, with no handle,
 * until it is repeated. */
#ifndef PROTO_BOSH_PRIV_H
#define PROTO_BOSH_PRIV_H

#include "proto/bosh.h"

#define BOSH_BODY "<body xmlns='" NS_HTTPBIND "'"
#define BOSH_EMPTY BOSH_BODY "/>"
#define BOSH_END "</body>"

struct bosh_request {
	handle_t h;	    /* who waits for the answer; 0: nobody any more */
	struct body *body;  /* owned; NULL once its events were pulled, or if it has not come */
	int64_t since : 61; /* when it came, or was last repeated */
	bool hurry : 1;
	bool pause : 1;	    /* it paused the session: answered at once, without payload */
	bool announced : 1; /* EFFECT_HELD is out for h */
};

/* A kept answer: what stands behind the BOSH_BODY that all begin with. */
struct bosh_answer {
	uint32_t n;
	uint32_t serial; /* of the last stanza in it, or in those before it */
	char rest[];
};

/* Stands in replay[] for the answer to a pause, which is not kept. */
extern const struct bosh_answer bosh_unkept;

/* With acknowledgements: how many answers that were not acknowledged are kept. */
enum { BOSH_UNACKED = 16 };

struct bosh_keys;
struct bosh_via;

/* What few sessions have. */
struct bosh_more {
	struct buf detail;	 /* closing: the server's stream error */
	int64_t linger;		 /* closing: until when a request may fetch the terminal answer */
	struct bosh_keys *keys;	 /* owned; NULL: no key sequence */
	struct bosh_via *via;	 /* owned; NULL: the client repeats what it has no answer to */
	char *content;		 /* owned; Content-Type of all answers; NULL: the usual */
	int64_t pause;		 /* ms; the inactivity while the client pauses; 0: it does not */
	int64_t polled;		 /* polling: the last empty poll without payload in its answer; 0 */
	int64_t report;		 /* the rid of an answer that the client seems to have lost; 0 */
	int64_t missing;	 /* a rid that has not come, while later ones have; 0 */
	int64_t missing_since;	 /* ms */
	int64_t dropped;	 /* the highest rid whose answer went for want of room; 0 */
	uint32_t dropped_serial; /* of that answer */
	int64_t sent[]; /* with acknowledgements: when the answer in replay[] of that place left */
};

enum bosh_phase { BOSH_PHASE_OPEN, BOSH_PHASE_RESTART, BOSH_PHASE_PAYLOAD, BOSH_PHASE_END };

struct bosh {
	const struct bosh_config *c; /* borrowed */
	int64_t first;		     /* the oldest rid not answered */
	int64_t cursor;		     /* the oldest rid whose events are not all pulled */
	int64_t idle;		     /* the last answer, or the last connection lost */
	struct body *lent;	     /* owned; what the last event points into */
	struct buf queue; /* elements for the client, with room for the start tag in front */
	struct buf attrs; /* of the next answer's start tag: what the first says, a late authid */
	struct bosh_more *more; /* owned; mostly NULL */
	uint32_t inactivity;	/* ms, granted */
	uint32_t serial;	/* of the last stanza queued, or in an answer */
	uint32_t answered;	/* of the last in an answer */
	uint32_t proved;	/* of the last stanza that the client is known to have */
	uint16_t wait;		/* s, granted */
	uint8_t failed;		/* enum reason */
	uint8_t reason;		/* enum reason, closing */
	uint8_t requests : 4;	/* granted; the window is one wider for a surplus or a terminate */
	uint8_t hold : 4;	/* granted */
	uint8_t kept : 5;	/* answers in replay[] */
	uint8_t phase : 2;	/* enum bosh_phase of the request at cursor */
	bool begun : 1;		/* the first answer is out, the client knows the sid */
	bool opened : 1;	/* the server's first header came */
	bool stream : 1;	/* what is queued needs xmlns:stream on the body */
	bool ended : 1;		/* the client's terminate was pulled */
	bool away : 1;		/* nobody waits, and not only between two requests */
	bool closing : 1;
	bool closed : 1;
	bool legacy : 1; /* knows the HTTP codes of old */
	bool told : 1;	 /* who broke a rule was told so */
	bool acks : 1;	 /* both sides acknowledge (XEP-0124 9); then there is `more` */
	bool last : 1;	 /* what comes now is not bounded: see front_ops */
	bool loose : 1;	 /* it has sent more than its window, or polled beside an open request */
	struct bosh_request slot[]; /* of rid r at r % bosh_size(); behind them replay[] */
};

static inline uint32_t bosh_size(const struct bosh *b) /* of slot[] */
{
	return b->requests + 1u;
}

static inline uint32_t bosh_room(const struct bosh *b) /* of replay[] */
{
	return b->acks ? BOSH_UNACKED : bosh_size(b);
}

static inline struct bosh_request *bosh_slot(const struct bosh *b, int64_t rid)
{
	return (struct bosh_request *)&b->slot[(uint64_t)rid % bosh_size(b)];
}

/* One past the last rid that the slots have room for. */
static inline int64_t bosh_limit(const struct bosh *b)
{
	return b->first + bosh_size(b);
}

/* What is kept of the answer to rid, owned; NULL: BOSH_EMPTY. They stand in replay[], behind the
 * slots, that of rid r at r % bosh_room(). */
static inline struct bosh_answer **bosh_kept(const struct bosh *b, int64_t rid)
{
	struct bosh_answer **replay = (struct bosh_answer **)(b->slot + bosh_size(b));

	return &replay[(uint64_t)rid % bosh_room(b)];
}

/* For how long nothing may be held, ms: the inactivity, or the pause that was asked for. */
static inline int64_t bosh_patience(const struct bosh *b)
{
	return b->more && b->more->pause ? b->more->pause : b->inactivity;
}

/* A polling session (XEP-0124 12): nothing is held. */
static inline bool bosh_polls(const struct bosh *b)
{
	return !b->wait || !b->hold;
}

/* XEP-0124 10: a pause that is longer than offered is a request like any other. */
static inline bool bosh_pauses(const struct bosh *b, const struct body *r)
{
	return b->begun && r->pause >= 0 && r->pause <= b->c->maxpause / 1000 &&
	       b->c->maxpause >= 1000;
}

static inline void bosh_fail(struct bosh *b, enum reason r)
{
	if (b->failed == REASON_NONE)
		b->failed = (uint8_t)r;
}

/* bosh.c */
struct bosh_more *bosh_more(struct bosh *b); /* made where there is none */

struct effect *bosh_reply(const struct bosh *b, handle_t h, struct effects *fx);

/* bosh_window.c */
int64_t bosh_expected(const struct bosh *b); /* the next rid that has not come */
void bosh_forget(struct bosh *b);	     /* the oldest kept answer goes */
void bosh_drop(struct bosh *b);		     /* the same, for want of room */
size_t bosh_kept_bytes(const struct bosh *b);
int64_t bosh_missing_until(const struct bosh *b); /* when a missing rid ends it; TIME_NEVER */
uint32_t bosh_live(const struct bosh *b); /* requests with somebody waiting for the answer */
int64_t bosh_deadline(const struct bosh *b, const struct bosh_request *r);

/* bosh_key.c */
void bosh_keys_begin(struct bosh *b, const struct body *create); /* which has a newkey */
bool bosh_key_fits(struct bosh *b, const struct body *r); /* a new request's, if its turn is here */
struct bosh_request *bosh_key_misfit(struct bosh *b);	  /* one whose turn is here, and is bad */
bool bosh_key_repeats(const struct bosh *b, const struct body *r); /* the key of that rid */

/* bosh_via.c: clients that do not repeat a request whose answer was lost. */
void bosh_via_begin(struct bosh *b, const struct body *create); /* where it is such a one */
void bosh_via_came(struct bosh *b, const struct body *r);	/* a request, or a repeat of it */
void bosh_via_answered(struct bosh *b);				/* b->first is being answered */
void bosh_via_repeated(struct bosh *b, const struct body *r);	/* it is answered once more */
/* Which stanzas a new request proves; false where the client is none of those. */
bool bosh_via_proves(struct bosh *b, const struct body *r, uint32_t *serial);

/* bosh_answer.c: members of bosh_ops. */
void bosh_opened(void *f, const struct stream_info *info, int64_t now);
void bosh_element(void *f, const struct xml_element *e, const struct xml_scope *scope,
		  uint32_t serial, int64_t now);
void bosh_close(void *f, enum reason r, struct slice detail, int64_t now);
void bosh_flush(void *f, int64_t now, struct effects *fx);

#endif

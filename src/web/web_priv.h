/* What the files of web share: the web of one worker, its connections and the requests on them.
 *
 * A request is a record in its connection's list, oldest first; answers leave in that order. Things
 * are freed in web_turn() alone: whatever has ended before is only marked, or stands in a list of
 * dead. */
#ifndef WEB_WEB_PRIV_H
#define WEB_WEB_PRIV_H

#include "net/conn.h"
#include "proto/coding.h"
#include "proto/http1.h"
#include "web/agents.h"
#include "web/web.h"
#include "web/ws.h"

/* The first member of everything here that a handle can name, so that a mix-up stops at once. */
enum thing { THING_REQUEST = 0x72657175, THING_SOCKET = 0x736f636b };

enum request_state {
	REQUEST_READING,  /* its body is still coming; only the newest can be */
	REQUEST_WAITING,  /* handed on; no word yet */
	REQUEST_HELD,	  /* a session holds it */
	REQUEST_STREAM,	  /* the oldest; its head is out, its body grows */
	REQUEST_ANSWERED, /* its answer is in buf and rest, behind those of older requests */
	REQUEST_SENDING	  /* the oldest; its answer is in the output but for rest */
};

enum cors {
	CORS_NONE,    /* a status listener */
	CORS_ANY,     /* every origin is allowed */
	CORS_ECHO,    /* the request's origin is allowed */
	CORS_REFUSED, /* it is not */
	CORS_ABSENT   /* it has none, and not every origin is allowed */
};

/* Most requests are held for a minute by a session with nothing to say: every byte counts here. */
struct request {
	enum thing thing;
	uint8_t state;			       /* enum request_state */
	uint8_t cors;			       /* enum cors */
	bool head_only : 1, keep : 1, old : 1; /* HEAD; keep-alive; HTTP/1.0 */
	bool chunked : 1, expect : 1;	       /* expect: 100 Continue is still owed */
	bool hurried : 1;
	bool fresh : 1;	    /* due is not worked out yet: it holds the granted wait, in ms */
	uint8_t coding : 2; /* of the body; enum coding */
	uint8_t liked : 2;  /* of the answer, if it is worth it */
	bool via : 1;	    /* a proxy told who asks */
	bool tls : 1;	    /* the client came by TLS */
	bool bare : 1;	    /* it surely did not: no trusted proxy in between that does not say */
	bool trusted : 1;   /* it may do whatever the API offers */
	uint32_t due;	    /* WAITING, HELD: a tick */
	uint32_t size;	    /* of its body, or the most that it can be */
	struct request *next;
	struct http *http;
	union {
		struct {		  /* WAITING, HELD, STREAM */
			handle_t handle;  /* 0: not handed on */
			handle_t session; /* HELD */
		};
		struct {		/* READING, ANSWERED, SENDING */
			struct buf buf; /* the body so far; the answer */
			union {
				uint32_t left; /* of a body with a length */
				struct http1_chunks chunks;
				struct slice *rest; /* owned; of a file, behind buf; or NULL */
			};
		};
	};
	char tail[]; /* via: a struct addr; CORS_ECHO: the origin; a POST to the API: its target */
};

enum phase {
	PHASE_NEW,   /* nothing has come yet */
	PHASE_IDLE,  /* between requests */
	PHASE_HEAD,  /* a head began */
	PHASE_BODY,  /* a body is due */
	PHASE_REST,  /* nothing is expected of the client */
	PHASE_LINGER /* all is said; input is dropped until the client's end comes */
};

/* Deadlines of connections are coarse. They count in ticks, rounded up: never early, and late by
 * less than a tick. A connection stands in one list at a time: with those marked for the turn, or
 * with those that are due in the same tick. */
enum {
	WEB_TICK = 250, /* ms */
	WEB_DUES = 512, /* lists; what is due later than they reach waits in the last of them */
	WEB_SWEEP = 256 /* connections that time alone brings into one turn */
};

/* One HTTP connection. */
struct http {
	struct conn conn; /* first: conn's callbacks know nothing else */
	struct web *web;
	struct http *next, **link;
	struct request *first;
	struct socket *upgrade;	   /* owned; the turn hands the descriptor over to it */
	struct web_client *client; /* owned, mostly NULL: see web/client.c */
	uint32_t in_due;	   /* the tick when the phase is over; 0: none */
	uint32_t out_due;	   /* when output has not moved for too long; 0: none */
	uint32_t name;		   /* of this connection among all of the process; never 0 */
	uint32_t scan : 29;	   /* bytes of `in` that were searched for the end of a head */
	uint32_t phase : 3;	   /* enum phase, as of the last turn */
	struct addr peer;	   /* as a PROXY header has it, where there is one */
	uint8_t kind : 2;	   /* enum web_listener_kind */
	bool marked : 1;
	bool used : 1;	  /* a request was read on it */
	bool restart : 1; /* a head or body is complete: the phase's time starts anew */
	bool blocked : 1; /* the next request is too far ahead */
	bool stop : 1;	  /* no further request is read */
	bool ending : 1;  /* the last answer is in the output */
	bool dead : 1;
	bool proxy : 1;	 /* a PROXY header is due, before anything else */
	bool tls : 1;	 /* its client came by TLS */
	bool far : 1;	 /* WEB_STATUS: of web_listener.far */
	bool shaken : 1; /* TLS has shaken hands, or failed to */
	bool hello : 1;	 /* TLS is due, before anything but a PROXY header */
	uint16_t agent;	 /* of the last request that may be a session's first */
};

struct web {
	struct ev_loop *loop;
	struct slots *slots;
	const struct web_config *config;
	const struct web_hooks *hooks;
	void *app;
	struct xmljudge *judge;		    /* owned */
	struct coder *coder;		    /* owned */
	struct ws_engine *engine;	    /* owned */
	struct http *marked, **marked_last; /* oldest first: answers leave in the order given */
	struct http *hellos, **hellos_last; /* TLS has to begin on these; oldest first */
	unsigned hello_round, hello_n;	    /* begun in this round of the loop */
	struct bridge *bridges, *leaving_bridges, *marked_bridges; /* see web/bridge.h */
	uint32_t leaving_tick, scarce_tick;
	struct http *due[WEB_DUES]; /* by tick, modulo their number */
	uint32_t tick;		    /* the first whose list was not taken yet */
	uint32_t turned;	    /* that of the last turn */
	uint32_t expire_from;	    /* before it nothing is too late */
	ev_timer timer;	      /* wakes the loop for the next tick where there are connections */
	struct request *dead; /* by next */
	struct socket *sockets, *dead_sockets;
	bool any_origin;
	bool draining, swept; /* swept: idle connections were closed, and are from now on */
	uint32_t drain_tick;  /* draining: when that begins */
	uint32_t page_tick;   /* when it may be logged again that a page was opened */
	uint32_t plain_tick;  /* the same of TLS where there is none */
	bool in_turn, more;   /* more: a hook was called in web_turn() */
	struct web_counts counts;
	struct refusals refusals;
	struct agents agents;
	uint32_t names; /* given to connections so far */
	time_t date_at; /* when the field was rendered */
	char date[48];	/* "Date: ..." with its end of line; "": not yet */
};

/* Whether what is due is let off: the loop was away itself. */
static inline bool web_excuses(const struct web *w, uint32_t tick)
{
	return (int32_t)(tick - w->expire_from) < 0;
}

/* The first tick at or after `ms`. */
static inline uint32_t web_tick(int64_t ms)
{
	return (uint32_t)((ms + WEB_TICK - 1) / WEB_TICK);
}

/* Who asks. */
static inline const struct addr *request_peer(const struct request *r)
{
	return r->via ? (const struct addr *)(const void *)r->tail : &r->http->peer;
}

static inline const char *request_origin(const struct request *r)
{
	return r->tail + (r->via ? sizeof(struct addr) : 0);
}

static inline const char *request_target(const struct request *r)
{
	return request_origin(r);
}

/* Counts a refusal; whether it may be logged. */
static inline bool web_refused(struct web *w, unsigned kind)
{
	return refusal_note(&w->refusals, kind, (int64_t)w->tick * WEB_TICK);
}

/* Whatever a hook queues within web_turn() came too late for this turn. */
static inline void web_more(struct web *w)
{
	w->more |= w->in_turn;
}

#endif

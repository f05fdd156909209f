/* Inside the hub; for its own .c files only. */
#ifndef SESSION_SESSION_PRIV_H
#define SESSION_SESSION_PRIV_H

#include "session/events.h"
#include "session/session.h"

struct session {
	const struct session_env *env;
	void *front;  /* owned, through ops() */
	char *domain; /* owned; which one, where the route stands for many; else NULL */
	struct xstream stream;
	struct delivery delivery;
	struct buf out; /* towards the backend, gathered until it may be written */
	char *jid;	/* owned; NULL before bind */
	int64_t born;
	int64_t
	    until; /* OPENING: the header is due; CLOSING: the deadline; else: the backend rests */
	uint64_t bytes_in, bytes_out;
	uint32_t stanzas_in, stanzas_out;
	struct events events;
	uint16_t route;	  /* its number in env->routes, from 1; 0: none */
	uint16_t backend; /* of the route, the one to be tried first */
	uint8_t reason;
	uint8_t state : 3;  /* enum session_state */
	uint8_t login : 3;  /* enum session_login */
	uint8_t mode : 3;   /* of delivery, that an event tells of */
	bool websocket : 1; /* what front is; else BOSH */
	bool connected : 1; /* the backend's socket is up */
	bool unheard : 1;   /* the server was connected, and given up without a word */
	bool dialled : 1;   /* a dial or a socket exists, until session_disconnected() */
	bool hung_up : 1;   /* EFFECT_HANGUP or EFFECT_DROP was emitted */
	bool reading : 1;   /* the backend is being read */
	bool paused : 1;    /* the WebSocket is not being read */
	bool crowded : 1;   /* what the client said waits, for the backend takes no more */
	bool leaving : 1;   /* CLOSING: leave is taken of the server, which may still send */
	bool iq_login : 1;  /* the client asked to log in by an iq (XEP-0078), and has no answer */
	bool traced : 1;    /* somebody watches: EFFECT_TRACE goes out with each element */
	bool left : 1;	    /* CLOSING: leave was taken, or is */
};

static inline const struct front_ops *ops(const struct session *s)
{
	return s->websocket ? &wsfront_ops : &bosh_ops;
}

/* Remembers what happened. */
static inline void note(struct session *s, enum event what, int64_t now)
{
	events_note(&s->events, what, now - s->born);
}

/* login.c: elements by which a client logs in, and what the server says to that; only while it is
 * not known how that went. */
void login_asked(struct session *s, struct slice payload, int64_t now);
void login_told(struct session *s, const struct xstream_item *item, int64_t now);

/* The event of that label for an error of the server's, by its condition. */
enum event event_of_error(const char *label, struct slice element);

static inline bool login_open(const struct session *s)
{
	return s->login != SESSION_LOGIN_DONE;
}

/* trace.c: elements for whoever watches; where s->traced. */
void trace_client(struct session *s, struct slice payload, struct effects *fx);
void trace_server(struct session *s, const struct xml_element *e, struct effects *fx);

/* hop.c: the last hop, between the hub's two halves and delivery (proto/delivery.h). */

/* Whether an element of the server's, no stanza, is for the client; what it tells is noted. */
bool hop_from_server(struct session *s, const struct xstream_item *item, int64_t now);

/* A stanza for the client: the serial that the front gets with it. May end the session. */
uint32_t hop_to_client(struct session *s, const struct xstream_item *item, int64_t now);

/* What the client said goes to the server, but for what is no business of it. */
void hop_from_client(struct session *s, const struct front_event *e, int64_t now);

/* The client's side is closed: begins to take leave of the server, where there is anything to it.
 * Meanwhile, what the server sends goes to hop_left_over(); hop_leave_on() ends it, or goes on, and
 * returns nothing while the client is still proving what it has. */
void hop_leave(struct session *s, int64_t now, struct effects *fx);
void hop_left_over(struct session *s, const struct xstream_item *item, int64_t now);
void hop_leave_on(struct session *s, bool proving, int64_t now);

/* The server is lost, and the client is to be told of each message that may be lost with it: before
 * the front is closed. */
void hop_lost(struct session *s, int64_t now);

#endif

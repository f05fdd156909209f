/* The hub: joins one front machine (BOSH or WebSocket) to one stream machine. Pure: events and the
 * time go in, effects come out; it sees no socket, loop, thread, clock or file. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "proto/bosh.h"
#include "proto/delivery.h"
#include "proto/wsfront.h"
#include "proto/xstream.h"
#include "session/events.h"
#include "session/route.h"

struct session;

enum session_state {
	SESSION_OPENING, /* the backend's first header has not come; client bytes gather in `out` */
	SESSION_OPEN,	 /* both halves are there */
	SESSION_DETACHED, /* the stream is open, no client is there at the moment (BOSH) */
	SESSION_CLOSING,  /* the reason is recorded; both halves finish, under a deadline */
	SESSION_DEAD	  /* nothing more will come out: free it */
};

/* What all sessions of a worker share; borrowed for their lives. */
struct session_env {
	struct routes routes;
	struct xml_limits backend_limits; /* of what the server sends */
	struct bosh_config bosh;
	struct wsfront_config websocket;
	uint32_t client_queue;	/* bytes towards the client, past half of which the backend rests */
	uint32_t backend_queue; /* bytes towards the backend, past which the client waits */
	uint32_t server_queue;	/* stanzas not acknowledged that a server is trusted to keep */
	int64_t leave_wait;  /* ms for the server to answer before the stream ends by our side; */
	int64_t stop_wait;   /* and at a shutdown */
	int64_t close_wait;  /* ms for both halves to finish then */
	bool trace_bodies;   /* whoever traces a session reads its messages */
	int64_t header_wait; /* ms for a connected server's first header; 0: for ever */
};

/* What is known of logging in: first what the server's first features say. */
enum session_login {
	SESSION_LOGIN_UNTOLD, /* they have not come */
	SESSION_LOGIN_OFFERED,
	SESSION_LOGIN_MISSING,
	SESSION_LOGIN_TLS_FIRST, /* missing, but STARTTLS is there */
	SESSION_LOGIN_TRIED,	 /* the client asked to log in */
	SESSION_LOGIN_FAILED,	 /* and the server refused it; it may try again */
	SESSION_LOGIN_DONE	 /* and the server accepted it */
};

struct session_facts {
	enum session_state state;
	enum reason reason;
	const char *front;  /* "bosh", "websocket" */
	const char *domain; /* "" before the first open; lent by the session */
	struct slice jid;   /* as the server bound it; empty before */
	int64_t born;
	struct {
		uint64_t stanzas, bytes;
	} in, out; /* from the client; to the client */
	struct front_counts counts;
	struct delivery_counts delivery;
	uint32_t logins, login_failures;
};

/* A BOSH session from its creation request (already checked by bosh_check_creation()); takes
 * *create. Or a WebSocket that was just opened. */
struct session *session_new_bosh(const struct session_env *env, struct slice sid, handle_t h,
				 struct body **create, int64_t now);
struct session *session_new_websocket(const struct session_env *env, handle_t ws, int64_t now);
void session_free(struct session *s);

/* Events from the web. What they cause comes out of the next session_pump(), save for requests that
 * are answered at once. */
void session_request(struct session *s, handle_t h, struct body **request, int64_t now,
		     struct effects *fx);
void session_hurry(struct session *s, handle_t h, int64_t now);
void session_gone(struct session *s, handle_t h, int64_t now);
void session_frame(struct session *s, struct frame **frame, enum reason bad, int64_t now);
void session_pong(struct session *s, uint64_t serial, int64_t now);
void session_drained(struct session *s, uint32_t n, bool waited); /* see wsfront_drained() */
void session_ws_gone(struct session *s, int64_t now);

/* Events from the backend's side. */
void session_connected(struct session *s, int64_t now);			  /* the dial succeeded */
void session_disconnected(struct session *s, enum reason r, int64_t now); /* it failed, or broke */

/* It gave its server up, which was connected and did not even send a header. */
bool session_unheard(const struct session *s);

/* An operator ends it: like session_close(), with words for the client where there is a place for
 * them (a stream error's text); may be empty. */
void session_kill(struct session *s, struct slice text, int64_t now);

/* From anywhere: records the first reason and enters CLOSING. SYSTEM_SHUTDOWN behind another: who
 * is waited for to hear of the end is so no longer. */
void session_close(struct session *s, enum reason r, int64_t now);

/* Does everything that the events since the last call made possible, and what time demands. `in`
 * holds what came from the backend and is eaten; unsent is what still waits to go to it. */
void session_pump(struct session *s, struct buf *in, size_t unsent, int64_t now,
		  struct effects *fx);

/* The client rests until less waits to go to the backend: pump again once that is so. */
bool session_crowded(const struct session *s);

/* When the next pump is due by time alone: ms, TIME_NEVER. */
int64_t session_expiry(const struct session *s);

enum session_state session_state(const struct session *s);
const char *session_state_name(enum session_state state);   /* "detached" */
const struct route *session_route(const struct session *s); /* after EFFECT_DIAL */
const char *session_domain(const struct session *s);	    /* that was asked for; "" before */

enum session_login session_login(const struct session *s);
uint64_t session_bytes_out(const struct session *s); /* handed to the front, for the client */

/* The backend of the route that the client wishes; their number where it wishes none. */
size_t session_backend(const struct session *s);
void session_facts(const struct session *s, struct session_facts *f);

/* What the front machine tells of itself beyond that; false where it has nothing to tell. */
bool session_detail(const struct session *s, int64_t now, struct front_detail *d);
/* What happened last: how many such events are kept, and the i-th, the newest first; *noted counts
 * all so far, modulo 256, *age is since birth. */
unsigned session_events(const struct session *s, uint8_t *noted);
enum event session_event(const struct session *s, unsigned i, int64_t *age);
/* Of the stream error by which the server ended it, such as conflict; empty where it is none that
 * RFC 6120 knows, and where something else ended the session. */
struct slice session_condition(const struct session *s);
/* EFFECT_TRACE with every element from now on, or no longer. */
void session_trace(struct session *s, bool on, int64_t now);
bool session_traced(const struct session *s);
size_t session_unsent(const struct session *s); /* bytes to the backend, not yet to be written */

#endif

/* The web side of one worker: HTTP connections, the requests on them, WebSockets. It parses what
 * comes and hands it on through hooks; what goes out is given to it by handle. It knows nothing of
 * sessions or streams. All calls on the worker's thread. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <ev.h>
#include <stdatomic.h>
#include "base/slots.h"
#include "proto/addr.h"
#include "proto/body.h"
#include "proto/forwarded.h"
#include "proto/frame.h"
#include "proto/hostmeta.h"
#include "proto/refusal.h"
#include "proto/sid.h"

struct tls_server;
struct web;

enum web_listener_kind {
	WEB_TRAFFIC, /* BOSH, WebSocket, files, a page for the curious */
	WEB_STATUS,  /* the status page and its API */
	WEB_CONTROL  /* the same API on a Unix socket whose mode is the key */
};

/* Where a connection was accepted. */
struct web_listener {
	enum web_listener_kind kind;
	bool proxy; /* it begins with a PROXY header of a trusted proxy */
	bool far;   /* WEB_STATUS: other machines reach it, so that all needs the token but files */
	bool tls;   /* TLS is spoken there; behind that header */
};

/* What is known of a client besides its address: a backend that is sent a PROXY header is told. */
struct web_client {
	struct addr local; /* where it connected to */
	bool tls;	   /* by TLS; to a proxy in front, perhaps */
	uint8_t suite;	   /* by our own TLS: what web_tls_text() puts into words; else 0 */
	uint16_t agent;	   /* what it calls itself, for web_agent() */
	char *host;	   /* owned; the name in Host, without port; NULL: none, or an IP */
};
const char *web_agent(const struct web *w, uint16_t agent); /* printable; "": nothing */
void web_client_free(struct web_client *c);		    /* NULL is fine */
const char *web_tls_text(uint8_t suite);		    /* "TLSv1.3 TLS_AES_..."; "" for 0 */

enum { WEB_TAG = 20 };

/* A file served from memory at an exact path, however that is percent-encoded in a request. */
struct web_file {
	const char *path, *type; /* "/chat/app.js", "text/javascript" */
	struct slice bytes;
	struct slice packed; /* the same by gzip, where web_files_pack() found it worth it */
	char tag[WEB_TAG];   /* made from the bytes, without quotes; "": none */
};

struct web_files {
	struct web_file *v; /* owned by whoever made it */
	size_t n;
};

/* Compresses what gets shorter by it; each `packed` is the owner's to free. */
void web_files_pack(struct web_files *f);

/* Wrong tokens that were shown to status listeners, of all workers, without a lock (web/guard.h).
 * Start zeroed, with a random seed. */
struct web_wrongs {
	_Atomic uint64_t v[256];
	uint32_t seed;
};

/* Everything is borrowed for the life of the web. Times in ms, sizes in bytes. */
struct web_config {
	uint32_t head_max, body_max;
	int64_t
	    head_timeout; /* from the first byte of a head to its end; also for a new connection */
	int64_t body_timeout;  /* from the head to the end of the body */
	int64_t idle_timeout;  /* an idle keep-alive connection */
	int64_t write_timeout; /* output that does not move */
	int64_t answer_wait;   /* 5000: for HELD or REPLY, and beyond a granted wait */
	const struct xml_limits *limits;
	const char *const *bosh_paths;	    /* NULL-terminated: "/http-bind", "/bosh" */
	const char *const *websocket_paths; /* "/xmpp-websocket", "/ws" */
	const char *const *origins;	    /* NULL-terminated: "*", "https://chat.example.org" */
	bool cors;			    /* answers carry CORS fields */
	bool deflate;			    /* WebSocket messages too, where the client offers it */
	bool compress;			    /* answers, for clients that like it */
	bool absent_origin;		    /* an upgrade without Origin is taken */
	bool clients; /* the hooks are given a struct web_client for clients without our TLS too */
	struct tls_server *tls; /* for listeners with TLS; may be NULL where there are none */
	struct forwarded_rules forwarded;		      /* which proxies are believed */
	const struct web_files *traffic_files, *status_files; /* may be NULL */
	const struct hostmeta *hostmeta;		      /* may be NULL */
	uint32_t log_refusals; /* lines a minute for those of one kind */
	const char *token;     /* of the status API; "": nobody has it; NULL: none is asked for */
	const char *const *status_names; /* further names of status listeners, or NULL */
	const char *const *status_open;	 /* API paths that need no token on loopback, or NULL */
	struct web_wrongs *wrongs;	 /* where `token` is set */
};

/* A request to the API, lent for the call. */
struct web_call {
	bool post;		  /* else a GET or HEAD */
	struct slice path, query; /* "/api/status"; behind the "?", p NULL: none; not decoded */
	struct slice body;	  /* of a POST */
	struct addr peer;	  /* who asks */
	int64_t uid;		  /* of who asks by the control socket; -1: not by that */
	bool trusted;		  /* it showed the token, or came by the control socket */
};

/* How the rest of Fairlead hears of things. Called from socket callbacks: they only queue letters.
 */
struct web_hooks {
	/* A BOSH request; sid is NULL in a creation request. Takes body, and client, which is NULL
	 * but in a creation request, and where nobody wants to know. peer is who asks: this
	 * request, for a proxy's connection carries those of many. */
	void (*request)(void *app, handle_t h, const struct sid *sid, struct slice sid_text,
			struct body *body, const struct addr *peer, struct web_client *client);
	/* For a request that was HELD, with the session's handle that came with it. */
	void (*hurry)(void *app, handle_t h, handle_t session);
	void (*gone)(void *app, handle_t h, handle_t session);
	/* A request to the API of a status listener, or /ready of any. */
	void (*api)(void *app, handle_t h, const struct web_call *call);
	/* The client of stream h is gone, or was dropped for reading too slowly. */
	void (*stream_gone)(void *app, handle_t h);
	/* Why no WebSocket may begin a session now, in words for the client; NULL: one may. */
	const char *(*ws_refusal)(void *app);
	/* A WebSocket is up: answers with the handle of the session to be, or 0 to refuse. Takes
	 * client. */
	handle_t (*ws_open)(void *app, handle_t ws, const struct addr *peer,
			    struct web_client *client);
	/* A message (takes frame), or NULL and why it could not be read. */
	void (*ws_frame)(void *app, handle_t session, struct frame *frame, enum reason bad);
	void (*ws_pong)(void *app, handle_t session, uint64_t serial);
	/* n bytes more of what was given to web_ws_send() are with the kernel; waited: which had
	 * been full. n 0: see drained() in ws.h. */
	void (*ws_drained)(void *app, handle_t session, uint32_t n, bool waited);
	void (*ws_closed)(void *app, handle_t session);
};

/* Handles come from `slots`, shared with the rest of the worker. */
struct web *web_new(struct ev_loop *loop, struct slots *slots, const struct web_config *config,
		    const struct web_hooks *hooks, void *app);
void web_free(struct web *w); /* closes everything; no hooks are called */

void web_accept(struct web *w, int fd, const struct web_listener *l); /* takes fd */

/* Answers request h: takes *body. type NULL: text/xml; charset=utf-8. Stale handles drop it. status
 * 0: no answer, its connection is closed. */
void web_reply(struct web *w, handle_t h, int status, struct buf *body, const char *type);

/* Answers request h with a stream: 200, then bytes for as long as wanted. False where none was
 * begun: h is stale, was a HEAD, or stands behind others (and was answered so). */
bool web_stream_begin(struct web *w, handle_t h, const char *type);
/* Appends to it; more than WEB_STREAM_QUEUE unsent drops the client. False where h is stale. */
bool web_stream_write(struct web *w, handle_t h, struct slice data);
void web_stream_end(struct web *w, handle_t h); /* in order; stream_gone() is not called */
enum { WEB_STREAM_QUEUE = 1 << 20 };

/* Request h is held by `session` and will be answered within wait ms. Where h is stale, gone() is
 * called back at once; where something is behind it already, hurry(). */
void web_held(struct web *w, handle_t h, handle_t session, int64_t wait);

/* WebSocket h (a stale one drops it). frames: whole RFC 6455 frames, taken. */
void web_ws_send(struct web *w, handle_t h, struct buf *frames);
void web_ws_pause(struct web *w, handle_t h);
void web_ws_resume(struct web *w, handle_t h);
void web_ws_close(struct web *w, handle_t h, uint16_t code); /* after what was sent */
size_t web_ws_unsent(struct web *w, handle_t h);	     /* bytes not yet with the kernel */
size_t web_ws_held_up(struct web *w, handle_t h); /* the same, but 0 where the kernel takes all */

/* The end of a turn: parses what waits, sends what is queued (one write a connection), acts on
 * time, frees the dead. `now` ms monotonic. Returns whether work is left over for the next turn. */
bool web_turn(struct web *w, int64_t now);

/* No more keep-alive: connections close after their answer, idle ones a quarter to half a second
 * later, for a request may be on its way. */
void web_drain(struct web *w);

struct web_counts {
	uint32_t connections, websockets, requests_waiting;
	uint64_t requests, accepted;		    /* since the start; accepted: connections */
	uint64_t tls_done, tls_resumed, tls_failed; /* handshakes; done: resumed ones too */
};
void web_counts(const struct web *w, struct web_counts *c);
const struct refusals *web_refusals(const struct web *w); /* since the start */

#endif

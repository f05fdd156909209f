/* WebSockets, by libwebsockets: the one door to it. A descriptor with a checked upgrade is adopted;
 * messages come out whole; batches of frames go in. One engine (one lws_context) a worker. */
#ifndef WEB_WS_H
#define WEB_WS_H

#include <ev.h>
#include "base/buf.h"

enum { WS_UNTOLD = 8192 }; /* bytes; see drained() */

struct ws_engine;
struct ws; /* one WebSocket; freed by the engine after closed() */

/* Called from within libwebsockets' callbacks: move bytes, queue letters, nothing else. */
struct ws_hooks {
	void (*opened)(void *owner, struct ws *ws); /* the 101 is out */
	void (*message)(void *owner,
			struct buf *text); /* taken (emptied); a whole text, not checked */
	void (*binary)(void *owner);	   /* a binary message began; nothing of it follows */
	void (*too_big)(void *owner);	   /* a message over the limit; nothing of it follows */
	void (*pong)(void *owner,
		     uint64_t serial); /* 8 byte payload, big endian; others are ignored */
	/* n bytes more of what was sent are with the kernel: told after a wait, and now and then
	 * without one (each WS_UNTOLD at least). waited: the kernel had been full, so that the
	 * client reads. n 0, waited: it took more of a message that is not all out; else: the
	 * kernel is full from now on. With permessage-deflate full is also what took longer than a
	 * tick.
	 */
	void (*drained)(void *owner, uint32_t n, bool waited);
	void (*closed)(void *owner); /* the last call for this owner */
};

struct ws_engine *ws_engine_new(struct ev_loop *loop, uint32_t message_max, bool deflate,
				const struct ws_hooks *hooks);
void ws_engine_free(struct ws_engine *e); /* closes all; closed() is not called */

/* Takes fd, whose upgrade request was checked (method, version 13, key, subprotocol xmpp, Origin).
 * key is the client's Sec-WebSocket-Key; rest is what was read behind the head. deflate: it offers
 * permessage-deflate, and the engine was made with it. opened() or closed() follows, perhaps from
 * within this call. */
void ws_adopt(struct ws_engine *e, int fd, struct slice key, bool deflate, struct slice rest,
	      void *owner);

/* Queues whole frames (frame.h's ws_begin/ws_end/ws_ping) and marks the socket; ws_engine_flush()
 * writes. */
void ws_send(struct ws *ws, struct buf *frames); /* takes */
void ws_pause(struct ws *ws);
void ws_resume(struct ws *ws);
void ws_close(struct ws *ws, uint16_t code); /* after what was sent */
size_t ws_unsent(const struct ws *ws);	     /* bytes not yet with the kernel */
bool ws_full(const struct ws *ws);	     /* which is full, or was since drained() */

/* Once per turn: writes what is queued, one system call a WebSocket (a large batch: a piece). */
void ws_engine_flush(struct ws_engine *e);

#endif

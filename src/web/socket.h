/* WebSockets: the upgrade checked, the descriptor handed to web/ws.h, messages handed on. */
#ifndef WEB_SOCKET_H
#define WEB_SOCKET_H

#include "web/web_priv.h"

struct socket;

/* A GET at a WebSocket path: has the connection handed over in the turn, or answers why not. */
void socket_upgrade(struct request *r, const struct http1_head *q);

/* Takes the socket that socket_upgrade() left in the connection, and the connection's descriptor.
 */
void socket_adopt(struct socket *s, struct conn *c);

void socket_free(struct socket *s);
void socket_free_all(struct web *w);  /* in web_free() */
void socket_free_dead(struct web *w); /* in web_turn() */

/* Of a WebSocket with our TLS: what is queued for it goes out in this turn. */
void socket_flush(struct web *w, handle_t h);
size_t socket_unsent(struct web *w, handle_t h);
size_t socket_held_up(struct web *w, handle_t h);

/* From its bridge: so much more of what the engine sent is with the kernel. */
void socket_drained(struct socket *s, uint32_t n, bool waited);

struct ws *socket_ws(struct web *w, handle_t h); /* NULL where stale */

extern const struct ws_hooks socket_hooks; /* the owner is a struct socket * */

#endif

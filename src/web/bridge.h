/* Between a client's TLS connection and libwebsockets, which cannot take over a running TLS
 * session and is given one end of a socket pair instead. Bytes pass both ways as they come. What
 * each way holds is bounded: a side that does not take its bytes is not read for from the other. */
#ifndef WEB_BRIDGE_H
#define WEB_BRIDGE_H

#include "web/web_priv.h"

struct bridge;
struct socket;

/* Takes over an open connection with TLS and what is in its input. Returns the descriptor for
 * libwebsockets, the caller's; or -1, with the connection as it was and a line in the log. */
int bridge_new(struct bridge **b, struct web *w, struct conn *c, struct socket *s);

/* What stands in the input by then is lent, for libwebsockets to begin with; bridge_begin() then
 * forgets it and bytes begin to pass. */
struct slice bridge_rest(const struct bridge *b);
void bridge_begin(struct bridge *b);

/* n bytes more of what the engine sent are with us: calls socket_drained() as they leave. */
void bridge_drained(struct bridge *b, uint32_t n);

void bridge_mark(struct bridge *b);	      /* the engine has something to send: the turn looks */
bool bridge_full(const struct bridge *b);     /* the kernel was, since the last news of it */
size_t bridge_unsent(const struct bridge *b); /* bytes for the client, not yet with the kernel */
void bridge_left(struct bridge *b);	      /* the engine is done with it: it ends by itself */
void bridge_turn(struct web *w, uint32_t tick); /* sends, and frees the dead */
void bridge_free_all(struct web *w);

#endif

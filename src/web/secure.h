/* TLS on HTTP connections: when it begins, what comes of it, and who speaks it where it is not
 * spoken, or the other way round. The bytes are net/conn.h's. */
#ifndef WEB_SECURE_H
#define WEB_SECURE_H

#include "web/web_priv.h"

/* TLS is due or under way: nothing of HTTP is to be read yet. */
bool secure_shaking(const struct http *h);

/* The client's first bytes are here, and TLS is to begin with them. */
bool secure_due(const struct http *h);

/* It begins, in the turn: or the client is told that it has to. */
void secure_begin(struct http *h);

/* The handshake is done, or has failed. From a socket's callback. */
void secure_news(struct http *h);
void secure_late(struct http *h); /* it was not done in time: the connection is dropped */

/* A client that begins with TLS where there is none is refused: true. */
bool secure_misplaced(struct http *h);

uint8_t secure_suite(const struct http *h); /* for web_tls_text(); 0 without our TLS */

/* A line in the log about those that failed, once a minute. */
void secure_report(struct web *w, int64_t now);

#endif

/* What conn.c and its TLS filter, conn_tls.c, share. The filter is asked in the same places where
 * a plain connection would ask the kernel, and conn.c keeps the rules of both. */
#ifndef NET_CONN_PRIV_H
#define NET_CONN_PRIV_H

#include "net/conn.h"

/* Marks it broken; the loop brings the news. */
void conn_broken(struct conn *c, int error);

/* Makes the loop watch what the fields ask for. */
void conn_watch(struct conn *c, struct ev_loop *loop);

/* What the socket should be watched for, and has the loop call back in its next round where OpenSSL
 * holds input that the socket will not tell of. */
int conn_tls_events(struct conn *c, struct ev_loop *loop);

/* Goes on with the handshake, or translates what the socket is ready for into what TLS may do with
 * it: EV_READ, try to read; EV_WRITE, try to write. */
int conn_tls_ready(struct conn *c, struct ev_loop *loop, int events);

/* Reads at most n bytes; how many is returned. Sets c->eof and c->error. */
size_t conn_tls_read(struct conn *c, char *dst, size_t n);

/* Sends `out`, then `first`, keeps in `out` what could not go and sets c->full accordingly; then
 * sends the end, if c->ending. */
void conn_tls_write(struct conn *c, struct slice first);

void conn_tls_moved(struct conn *c);		    /* c is where it lives now */
const char *conn_tls_problem(const struct conn *c); /* lends; NULL where TLS was not at fault */

/* Frees what conn_tls() made, before the descriptor is closed. polite: says close_notify if nothing
 * speaks against it. */
void conn_tls_free(struct conn *c, struct ev_loop *loop, bool polite);

#endif

/* A buffered, non-blocking stream socket on a libev loop. The callback only says that something
 * changed; reading what came and queueing what goes is done from the buffers, in the turn. Embedded
 * in its owner. TLS, where it is wanted, sits between the buffers and the socket, and all that is
 * said here holds with it as well; it costs about 24 kB an idle connection (OpenSSL 3.0, a server
 * that sends two certificates). */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <ev.h>
#include "base/buf.h"
#include "proto/addr.h"

struct ssl_st;	 /* OpenSSL's SSL */
struct conn_tls; /* the inside of the TLS filter */

struct conn {
	ev_io io;		      /* its data: a struct conn_tls, owned; NULL on a plain one */
	struct buf in;		      /* what came and was not eaten; the owner eats it */
	struct buf out;		      /* what goes; the owner appends, conn_flush() sends */
	void (*wake)(struct conn *c); /* input, end, error, secure, output drained; c may go */
	uint32_t in_max;	      /* reading rests while this much is in `in` */
	int16_t error;		      /* errno that broke it, 0 while well */
	bool eof : 1;		      /* the peer sent its end */
	bool paused : 1;	      /* owner wants no more input */
	bool full : 1;		      /* the kernel took no more; the loop tells when it does */
	bool ending : 1;	      /* the end goes out behind `out` */
	bool sent : 1;		      /* some output went; whoever wants to know clears it */
	bool secure : 1;	      /* TLS has shaken hands; never set on a plain one */
};

enum { CONN_READ_MAX = 65536 }; /* bytes a callback reads at most */

/* Takes fd (made non-blocking, no-delay). Watches for input at once. */
void conn_init(struct conn *c, struct ev_loop *loop, int fd, uint32_t in_max,
	       void (*wake)(struct conn *c));
bool conn_open(const struct conn *c);		      /* it has a descriptor */
static inline bool conn_has_tls(const struct conn *c) /* it was put in between, see below */
{
	return c->io.data != NULL;
}
struct addr conn_peer(const struct conn *c); /* ADDR_NONE where it is not connected */

/* Puts TLS between the buffers and the socket; takes ssl, whose role is set. Any time before the
 * first encrypted byte; bytes that stand in `in` by then came unprotected and break the connection
 * (RFC 6120 5.4.3.3: nothing may follow <proceed/>). `out` waits for the handshake's end. wake() is
 * called, from the loop, when c->secure turns true or c->error is set. */
void conn_tls(struct conn *c, struct ev_loop *loop, struct ssl_st *ssl);

/* The same for a client that came, whose first encrypted bytes stand in `in` already. */
void conn_tls_accept(struct conn *c, struct ev_loop *loop, struct ssl_st *ssl);

/* What came of it: version and cipher for tls_suite_text(), 0 before the handshake is done;
 * whether it went on from a ticket; why it failed, where it did so while shaking hands with a
 * client (an enum tls_fault, else 0). */
uint8_t conn_tls_suite(const struct conn *c);
bool conn_tls_resumed(const struct conn *c);
int conn_tls_fault(const struct conn *c);

/* It is broken, wake() has told, and all that the peer said before stands in `in`. */
bool conn_over(const struct conn *c);

/* Puts c->error into words, those of the TLS fault where it is one; cut to fit n. Returns dst. */
const char *conn_problem(const struct conn *c, char *dst, size_t n);

/* Moves an open connection with its buffers to another place (not initialised) and owner; `from` is
 * left closed. What is in the buffers by then is told to nobody again. */
void conn_move(struct conn *to, struct conn *from, struct ev_loop *loop, uint32_t in_max,
	       void (*wake)(struct conn *));

/* Sends what is queued, as far as the kernel takes it; the rest goes when it may. Errors are kept
 * in c->error, and are news in the loop's next round. Once per turn: appending is free, sending is
 * a system call. */
void conn_flush(struct conn *c, struct ev_loop *loop);

/* As conn_flush() but sends `first` (not copied unless the kernel is full) after what is queued. */
void conn_flush_with(struct conn *c, struct ev_loop *loop, struct slice first);

void conn_pause(struct conn *c, struct ev_loop *loop);
void conn_resume(struct conn *c, struct ev_loop *loop); /* also call after eating below in_max */

/* Stops watching and gives the descriptor away; `in` keeps what was read. Plain ones only. */
int conn_release(struct conn *c, struct ev_loop *loop);

/* Sends the end (with TLS close_notify, then shutdown) once `out` is empty; input is still read. */
void conn_shutdown(struct conn *c, struct ev_loop *loop);

/* Closes at once and frees the buffers. reset: RST instead of FIN. Safe on a cleared one. */
void conn_clear(struct conn *c, struct ev_loop *loop, bool reset);

#endif

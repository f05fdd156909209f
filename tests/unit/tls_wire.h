/* A connection of ours to a TLS server, with a wire between them that the test carries bytes along,
 * as few at a time as it likes: near is our end of the wire, beyond the server's. */
#ifndef TESTS_TLS_WIRE_H
#define TESTS_TLS_WIRE_H

#include "certs.h"
#include "net/conn.h"

enum { WIRE_IN_MAX = 100000 };

extern struct ev_loop *loop;
extern struct conn c;
extern int woken, calls; /* of c's owner; of c by the loop */
extern int near, beyond;
extern SSL *far, *ssl;		 /* the server's (NULL: the test is the server), and c's */
extern SSL_CTX *server, *client; /* contexts of the two; client takes any certificate */
extern size_t chunk;		 /* bytes that the wire carries at a time */

int wire_begin(void **state); /* of the whole group: the certificate */
int wire_finish(void **state);
int wire_open_12(void **state); /* with TLS 1.2 and nothing else; c is plain still */
int wire_open_13(void **state);
int wire_close(void **state);

void on_wake(struct conn *conn);
void start(void);    /* TLS on c */
void turn(void);     /* of the loop */
bool carry(bool up); /* to the server or from it; whether anything moved */
void settle(void);   /* all that can move does */
void secure(void);   /* start and settle */
void quiet(void);    /* the loop does not call c back, however often it goes round */
int watched(void);   /* what c watches the socket for */

size_t far_read(char *p, size_t n);	 /* what is there, after settling */
void far_write(const void *p, size_t n); /* onto the wire; fits */
void expect_far(const char *want);
void expect_in(const char *want);
size_t fill(void); /* sends until the kernel takes no more; how much there is then to come */

/* Entries of a table of tests. */
#define T12(f)                                                 \
	{                                                      \
#f " (1.2)", f, wire_open_12, wire_close, NULL \
	}
#define T13(f)                                                 \
	{                                                      \
#f " (1.3)", f, wire_open_13, wire_close, NULL \
	}
#define BOTH(f) T12(f), T13(f)

#endif

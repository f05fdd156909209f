/* HTTP connections: what comes in, what is due when, and their end. */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "web/web_priv.h"

enum {
	HTTP_AHEAD = 4,	       /* requests read behind the one that is to be answered next */
	HTTP_OUT_HIGH = 65536, /* with more output waiting nothing further is read */
	HTTP_LINGER = 2000,    /* ms */
	HTTP_HELLOS = 4	       /* TLS handshakes begun in a round of the loop: of 1 ms or so each */
};

/* Whether nothing further is read now. */
static inline bool http_rests(const struct http *h)
{
	return h->stop || h->blocked || h->conn.out.len >= HTTP_OUT_HIGH ||
	       (h->first && h->first->state == REQUEST_SENDING);
}

void http_new(struct web *w, int fd, const struct web_listener *l); /* takes fd */
void http_mark(struct http *h);					    /* the turn looks at it */
void http_turn(struct http *h, int64_t now);	   /* for one taken off its list; may free h */
void http_free(struct http *h);			   /* closes one in no list; no hooks are called */
void http_unlink(struct http *h);		   /* out of the list that it is in */
void http_turn_hellos(struct web *w, int64_t now); /* TLS begins on some of those that wait */

/* Reads what is in the input as far as it goes (input.c). */
void http_input(struct http *h);
/* The newest request where its body is still coming, else NULL (input.c). */
struct request *http_reading(const struct http *h);
/* The client was too slow with a head or body (input.c). */
void http_slow(struct http *h);

#endif

/* STARTTLS, the client's part up to the handshake (RFC 6120 5.4): a stream is opened, <starttls/>
 * is asked for where the features offer it, and <proceed/> is waited for. Pure; whoever holds the
 * socket keeps the bytes. The stream that follows the handshake is a new one and not ours. */
#ifndef PROTO_STARTTLS_H
#define PROTO_STARTTLS_H

#include "proto/xstream.h"

enum starttls_result {
	STARTTLS_MORE,	      /* nothing is decided yet */
	STARTTLS_PROCEED,     /* the handshake may begin with the next byte */
	STARTTLS_NOT_OFFERED, /* the stream is there, TLS is not (also: before XMPP 1.0) */
	STARTTLS_FAILED	      /* no XMPP, a stream error, <failure/>: starttls_text() */
};

enum { STARTTLS_IN_MAX = 16384 }; /* bytes; an element is smaller, or the stream is refused */

struct starttls {
	struct xstream x;
	bool asked; /* <starttls/> went out */
	char text[96];
};

void starttls_init(struct starttls *s);
void starttls_clear(struct starttls *s);

/* Appends the stream header to *out. It says not who asks (RFC 6120 4.7.1: no `from` before TLS).
 */
void starttls_open(struct buf *out, struct slice domain);

/* `in` is every byte not consumed so far; *consumed of them may be dropped. What is to be sent is
 * appended to *out. Not to be called again after another result than MORE. Bytes left behind a
 * PROCEED are the caller's to refuse (RFC 6120 5.4.3.3). */
enum starttls_result starttls_eat(struct starttls *s, struct slice in, size_t *consumed,
				  struct buf *out);

/* Why it FAILED: "stream error host-unknown", "the server refuses STARTTLS". */
const char *starttls_text(const struct starttls *s);

#endif

/* The stream machine: one XMPP client stream to the server behind (RFC 6120 4). It writes headers
 * and ends, and tells what comes back: header, elements, end. Pure; whoever holds the socket keeps
 * the bytes. Embedded in its owner. */
#ifndef PROTO_XSTREAM_H
#define PROTO_XSTREAM_H

#include "proto/front.h"
#include "proto/xmlcut.h"

enum xstream_result {
	XSTREAM_MORE,	  /* nothing whole is left in the input */
	XSTREAM_OPENED,	  /* a header: item->info */
	XSTREAM_FEATURES, /* <stream:features/>: item->element */
	XSTREAM_ERROR,	  /* <stream:error/>: item->element; the stream is over */
	XSTREAM_ELEMENT,  /* anything else: item->element, item->kind */
	XSTREAM_END,	  /* </stream:stream>: the stream is over */
	XSTREAM_BAD	  /* no XMPP stream: item->reason; the stream is over */
};

struct xstream_item {
	struct stream_info info;
	struct xml_element element;
	enum stanza_kind kind;
	enum reason reason;
	size_t consumed; /* bytes of the input to drop once the item was used */
};

struct xstream {
	struct xmlcut cut;
	struct xml_scope *scope; /* owned, with its names; NULL: the usual one (xstream_scope()) */
};

void xstream_init(struct xstream *x, const struct xml_limits *limits); /* borrows limits for life */
void xstream_clear(struct xstream *x);

/* Appends a stream header to *out. Texts are not escaped yet; p == NULL leaves them away, and
 * stands for version 1.0. */
void xstream_open(struct buf *out, struct slice to, struct slice from, struct slice lang,
		  struct slice version);

/* The same after a restart, and expects one new header from the server. */
void xstream_restart(struct xstream *x, struct buf *out, struct slice to, struct slice from,
		     struct slice lang, struct slice version);

/* Appends the end of our side; with a stream error before it where condition is not "". */
void xstream_end(struct buf *out, const char *condition);

/* The next item in `in`, which holds every byte not yet consumed; item borrows from it. */
enum xstream_result xstream_next(struct xstream *x, struct slice in, struct xstream_item *item);

/* The declarations around the server's elements: lent until the next header. */
const struct xml_scope *xstream_scope(const struct xstream *x);

#endif

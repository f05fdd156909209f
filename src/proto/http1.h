/* HTTP/1.1 requests as a client sends them (RFC 9112), strictly: whatever two parsers could read in
 * two ways is refused, so that nothing can be smuggled past a proxy in front. Nothing is copied or
 * kept: the head's slices point into the bytes that were given. */
#ifndef PROTO_HTTP1_H
#define PROTO_HTTP1_H

#include <stdint.h>
#include "base/slice.h"

enum http1_result { HTTP1_MORE, HTTP1_DONE, HTTP1_BAD, HTTP1_DATA };

enum http1_method {
	HTTP1_GET,
	HTTP1_HEAD,
	HTTP1_POST,
	HTTP1_OPTIONS,
	HTTP1_OTHER, /* a registered method that nothing here serves */
	HTTP1_UNKNOWN
};

struct http1_head {
	struct slice bytes; /* all of it, empty line included */
	enum http1_method method;
	uint8_t minor;	     /* HTTP/1.minor: 0 or 1 */
	struct slice target; /* path and query; "*" for OPTIONS */
	struct slice path;   /* target up to its query; nothing is decoded */
	struct slice host;   /* of the target where that is absolute, else of Host; p NULL: none */
	struct slice origin; /* p NULL: none */
	struct slice key;    /* Sec-WebSocket-Key; p NULL: none */
	struct slice wanted; /* Access-Control-Request-Headers; p NULL: none */
	struct slice coding; /* Content-Encoding; p NULL: none */
	struct slice offers_extensions; /* Sec-WebSocket-Extensions, the first; p NULL: none */
	struct slice agent;		/* User-Agent; p NULL: none */
	struct slice likes;		/* Accept-Encoding, the first; p NULL: none */
	int64_t length;			/* Content-Length, -1: none */
	bool chunked;
	bool keep_alive; /* the client can send a further request on this connection */
	bool expect_continue;
	bool upgrade;	   /* "Upgrade" stands in Connection */
	bool websocket;	   /* "websocket" stands in Upgrade */
	bool version_13;   /* Sec-WebSocket-Version: 13 */
	bool offers;	   /* Sec-WebSocket-Protocol is there ... */
	bool offers_xmpp;  /* ... and names exactly xmpp */
	const char *fault; /* words about what is wrong, static */
};

/* Looks for the end of a head. *scan is where the last look ended (0 at first): bytes are looked at
 * once however they arrive. DONE: the head is the first *end bytes. BAD: a line ends without CR. */
enum http1_result http1_find(struct slice in, size_t *scan, size_t *end);

/* Reads a whole head, empty line included. 0, or the status to refuse it with (400, 417, 505): then
 * only h->fault is of use. An unknown method is no fault here. */
int http1_parse(struct slice head, struct http1_head *h);

/* Takes the last field line of that name off a head, or off whole lines of one, with all behind it,
 * and lends its value, without blanks around; false where there is none. So does a loop see what
 * stands in several lines from right to left. Nothing is checked: a head that was not found good
 * may have any bytes in a value. */
bool http1_last_field(struct slice *head, struct slice name, struct slice *value);

/* A chunked body, in any pieces. Start zeroed. DATA: *data is the next run of body bytes, lent;
 * call again. MORE: *in is used up. DONE: the body ended, *in is what stands behind it. */
struct http1_chunks {
	uint32_t left;	/* of this chunk */
	uint16_t extra; /* bytes of extensions and trailers, of all chunks: bounded */
	uint8_t state, digits;
};

enum { HTTP1_EXTRA_MAX = 4096 };

enum http1_result http1_chunks(struct http1_chunks *c, struct slice *in, struct slice *data);

/* The next item of a comma-separated list, without blanks around it; false at its end. */
bool http1_list(struct slice *rest, struct slice *item);

#endif

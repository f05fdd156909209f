/* Who is asking: PROXY headers, proxies that are believed, and what else is told of a client. */
#ifndef WEB_CLIENT_H
#define WEB_CLIENT_H

#include "web/web_priv.h"

/* A connection has begun: it is dropped where it may bring no PROXY header, but has to. */
void client_check(struct http *h);

/* Takes the PROXY header that is due off the input. False where more of it must come, or the
 * connection is dropped. */
bool client_proxy(struct http *h);
void client_late(struct http *h); /* it did not come in time: the connection is dropped */

/* Who asks by this head: the connection's own peer, or whom that one tells of. True where it surely
 * came without TLS: a trusted proxy that does not say leaves that open. */
bool client_asks(const struct http *h, const struct http1_head *head, struct forwarded *f);

/* Remembers what a creation request would want to tell, until client_forget(). */
void client_note(struct http *h, struct slice host);
void client_forget(struct http *h);

/* All that is known of r's client; NULL where nobody wants to know. The caller's. */
struct web_client *client_take(struct request *r);

#endif

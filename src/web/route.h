/* What a request is for: from listener, method and path to whoever answers it. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "web/web_priv.h"

/* Answers r, hands it on, or leaves it READING its body. A body that is not wanted ends the
 * connection with the answer. */
void route(struct request *r, const struct http1_head *head);

#endif

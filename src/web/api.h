/* The API: requests of status listeners and the control socket, and /ready of all. */
#ifndef WEB_API_H
#define WEB_API_H

#include "web/web_priv.h"

enum { API_BODY = 4096 }; /* bytes of a body: acts have a name and a few words */

/* A request on a status listener or the control socket: answers it, hands it on, or leaves it
 * READING its body. */
void api_route(struct request *r, const struct http1_head *q);

/* GET /ready on a traffic listener, by which balancers ask. */
void api_ready(struct request *r);

void api_post(struct request *r);    /* its body is whole: hands it on */
void api_too_big(struct request *r); /* its body is over API_BODY */

#endif

/* BOSH requests: from a collected body to the hook. */
#ifndef WEB_BOSH_POST_H
#define WEB_BOSH_POST_H

#include "web/web_priv.h"

/* The body of r is whole: judges it and hands it on, or answers. */
void bosh_post(struct request *r);

/* It is, or would be, over the limit: 413, and the end of the connection. */
void bosh_too_big(struct request *r);

#endif

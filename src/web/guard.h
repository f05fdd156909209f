/* Before the API of a status listener: proto/guard's rules put to a request. */
#ifndef WEB_GUARD_H
#define WEB_GUARD_H

#include "web/web_priv.h"

enum {
	GUARD_WRONG = 10,    /* wrong tokens that an address may show within GUARD_WINDOW */
	GUARD_WINDOW = 60000 /* ms */
};

/* Whether the request may go on; it was answered where not. r->trusted is set where it showed the
 * token, or came by the control socket. api: else it is for one of the page's own files. */
bool guard(struct request *r, const struct http1_head *q, bool api);

/* Whether tokens of that address are looked at now; notes a wrong one. `now` ms. */
bool guard_may_try(struct web_wrongs *g, const struct addr *a, int64_t now);
void guard_wrong(struct web_wrongs *g, const struct addr *a, int64_t now);

#endif

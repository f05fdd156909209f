/* The backends of all domains, as the dials of all workers need them: made once from the
 * configuration, with the TLS contexts and what is known of each server's health. */
#ifndef APP_BACKENDS_H
#define APP_BACKENDS_H

#include "config/config.h"
#include "net/dial.h"
#include "net/health.h"

struct backends;

/* NULL: *e says what is wrong. The configuration is borrowed for life. */
struct backends *backends_new(const struct config *c, struct config_error *e);
void backends_free(struct backends *b); /* after the last worker */

/* Says which legs cross a network unencrypted or unverified. */
void backends_warn(const struct backends *b);

/* What a route's domain, a pattern or not, asks of a dial; valid for life. The policy's domain is
 * the route's, a target of SRV without a name has host "": both are for the caller to fill in. */
struct backends_plan {
	struct dial_policy policy;
	struct dial_target *targets; /* in the order of the route's backends */
	size_t n;
	int proxy; /* enum config_proxy_protocol */
};
const struct backends_plan *backends_plan(const struct backends *b, const struct route *r);

/* True once a minute for each domain of the configuration, on whatever thread: what is wrong with
 * it is to be told again. `now` ms, monotonic. */
bool backends_tell(struct backends *b, const struct route *r, int64_t now);

struct health *backends_health(const struct backends *b);

#endif

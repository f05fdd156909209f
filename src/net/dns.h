/* Names to addresses: c-ares on the worker's loop. Used by the dial alone. */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "net/dial.h"

struct dns_query;

/* n > 0: addresses (lent for the call), in the order to try them, their ports 0. n == 0: why says
 * in words what went wrong. The query is gone afterwards. */
typedef void dns_found(void *owner, const struct addr *v, size_t n, const char *why);

/* found is called from the loop, never from within; it may ask again, and forget other queries. */
struct dns_query *dns_ask(struct dns *d, const char *host, dns_found *found, void *owner);
void dns_forget(struct dns_query *q); /* found is not called */

struct ev_loop *dns_loop(const struct dns *d);

#endif

/* Names to addresses and services: c-ares on the worker's loop, with a cache. Answers are kept as
 * long as their TTL says (an hour at most), failures and negative answers a few seconds; all who
 * ask for one thing at a time share one query. The name servers are those of resolv.conf, which is
 * read again when it changed. IP literals, localhost, and what /etc/hosts has ask nobody. */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <ev.h>
#include "proto/addr.h"

struct dns; /* one a worker */
struct dns *dns_new(struct ev_loop *loop);
void dns_free(struct dns *d); /* all queries must be forgotten before */

enum dns_type { DNS_A, DNS_AAAA, DNS_SRV };

enum dns_outcome {
	DNS_FOUND, /* there is at least one */
	DNS_NONE,  /* the name servers say that there is none */
	DNS_FAILED /* nobody knows: no answer, a refusal, nonsense */
};

struct dns_srv {
	uint16_t priority, weight, port;
	const char *host; /* without the final dot; "" : the service is not offered (RFC 2782) */
};

enum { DNS_ADDRS_MAX = 16, DNS_SRVS_MAX = 32, DNS_WHY = 160, DNS_NAME = 256 };

/* Lent for the call. */
struct dns_answer {
	enum dns_outcome outcome;
	size_t n;
	const struct addr *addrs;  /* A, AAAA: in the order to try them, their ports 0 */
	const struct dns_srv *srv; /* SRV: in the order of the answer */
	const char *why;	   /* not FOUND: in words for a log line */
};

/* Called from the loop, never from within dns_ask(). The query is gone afterwards. It may ask
 * again, and forget other queries. */
typedef void dns_told(void *owner, const struct dns_answer *answer);

struct dns_query;
struct dns_query *dns_ask(struct dns *d, enum dns_type type, const char *name, dns_told *told,
			  void *owner); /* borrows name */
void dns_forget(struct dns_query *q);	/* told is not called; the query goes on for the cache */

/* Asks these name servers ("127.0.0.1:5353,[::1]:53") instead of those of resolv.conf, which is no
 * longer looked at. What is under way is asked again there. False where the list makes no sense. */
bool dns_servers(struct dns *d, const char *list);

#endif

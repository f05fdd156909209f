/* The inside of the resolver: dns.c holds the channel to the name servers, dns_cache.c what is
 * known and who waits for it, dns_srv.c reads service records. */
#ifndef NET_DNS_PRIV_H
#define NET_DNS_PRIV_H

#include <ares.h>
#include <sys/stat.h>
#include "base/htab.h"
#include "net/dns.h"

enum {
	DNS_NAMES = 1024,      /* lookups kept */
	DNS_TTL_MAX = 3600,    /* s */
	DNS_TTL_MIN = 1,       /* s: also what /etc/hosts says, which has no TTL */
	DNS_TTL_FAILED = 5,    /* s: failures, and negative answers of unknown TTL */
	DNS_TTL_NONE_MAX = 300 /* s: negative answers, however long theirs is */
};

/* One thing asked for: in flight, or known until it expires. Not freed while it has users. */
struct lookup {
	struct htab_node node;
	struct dns *dns;
	struct lookup *newer, *older; /* by use */
	struct dns_query *waiting;    /* in flight: those who asked */
	uint32_t users;		      /* queries that point here */
	enum dns_type type;
	enum dns_outcome outcome;
	bool kept;	 /* in the table; a literal is not */
	bool flying;	 /* with c-ares */
	bool told;	 /* the order of addresses moves on with each telling after the first */
	int64_t expires; /* ms */
	size_t n;
	struct addr *addrs;  /* owned */
	struct dns_srv *srv; /* owned, with their hosts */
	char why[DNS_WHY];
	char name[]; /* lower case, no final dot */
};

struct dns {
	struct ev_loop *loop;
	int64_t (*clock)(void); /* ms, monotonic */
	int timeout;		/* ms, of the first try; each further one waits twice as long */
	ares_channel channel;
	bool renewing; /* the channel is being replaced: nothing has failed */
	const char *resolv_conf;
	struct stat seen; /* resolv.conf as it was read */
	int64_t seen_at;  /* and when it was looked at */
	char *servers;	  /* owned; instead of resolv.conf; NULL: none */
	ev_timer timer;	  /* c-ares' next retry, or at once for what is ready */
	struct dns_sock *socks;
	struct dns_query *ready, **ready_tail;
	struct htab lookups;
	struct lookup *newest, *oldest;
	uint8_t seed[16];
};

/* dns.c: asks the name servers about l, which may be answered before this returns. */
void dns_fly(struct lookup *l);
void dns_rearm(struct dns *d);

/* dns_cache.c: how c-ares answered. dns_land() with nothing found takes its words from status. */
void dns_land(struct lookup *l, int status, uint32_t ttl);
void dns_deliver(struct dns *d);
void dns_expire_all(struct dns *d); /* what is in flight stays */
void dns_cache_clear(struct dns *d);

/* dns_srv.c: reads the service records of an answer into v, whose hosts are then the caller's to
 * free(); n is how much v has room for. Returns how many there were, -1 where the answer makes no
 * sense. *ttl (s) is theirs, or that of the negative answer; untouched where it says none. */
int dns_srv_parse(const uint8_t *answer, size_t len, struct dns_srv *v, size_t n, uint32_t *ttl);

/* Whether a name without its final dot can be looked up: letters, digits, hyphen, underscore. */
bool dns_name_valid(struct slice name);

#endif

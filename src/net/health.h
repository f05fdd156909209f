/* What the process knows of its backends: which are down and when they may be tried again, how many
 * sessions each has. Shared by all workers: one mutex, taken a few times a session and never in the
 * path of a stanza. Time is a number (ms, monotonic). */
#ifndef NET_HEALTH_H
#define NET_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/histogram.h"

struct health;
struct health *health_new(void);
void health_free(struct health *h); /* after all its users are gone */

enum {
	HEALTH_NAMES = 4096,	  /* known at a time; more only while all are in use or listed */
	HEALTH_NAME = 528,	  /* bytes of "host:port", "unix:/path"; longer ones are cut */
	HEALTH_WHY = 256,	  /* bytes of a reason */
	HEALTH_RETRY_MIN = 1000,  /* ms that a backend is left alone after its first failure */
	HEALTH_RETRY_MAX = 60000, /* ms; the time doubles up to this */
	HEALTH_PLAIN = 300000,	  /* ms that a server is taken to offer no STARTTLS */
	HEALTH_GONE = 600000	  /* ms that one that is not listed counts unasked for */
};

/* The backend of that name; its memory lives as long as h, but of those without a session that the
 * configuration does not list, the one that was not looked for longest is forgotten when there are
 * too many. most: sessions at a time, 0: any number. */
struct health_backend;
struct health_backend *health_find(struct health *h, const char *name, uint32_t most);

/* The same of a server that a client's words led to (open relaying), unless the configuration names
 * it as well: how it is says nothing of how we are. */
struct health_backend *health_find_relayed(struct health *h, const char *name);

/* What is thought of it for that domain alone: whether it serves it, and by which certificate. It
 * is asked and told like the backend itself, listed where that is, and has no sessions. */
struct health_backend *health_find_domain(struct health *h, const char *name, const char *domain,
					  bool relayed);

/* The configuration lists that backend. Others may be gone from DNS: one without sessions and not
 * drained that nobody asked for in HEALTH_GONE, while some were asked for, is in no rows and has no
 * say in health_all_out(), until it is asked for again. */
void health_list(struct health *h, const char *name, uint32_t most);

/* YES takes a place (a session's), to be given back by one of failed, cancel, leave. One that
 * failed is DOWN for 1, 2, 4 .. 60 s; then one asker gets YES, and others when that one succeeded.
 */
enum health_word { HEALTH_YES, HEALTH_DOWN, HEALTH_FULL, HEALTH_DRAINED };
enum health_word health_ask(struct health_backend *b, int64_t now);

/* How an attempt went. True where that changed what is thought of the backend, for the caller's log
 * line: it was down and is well, it was well and is down. */
bool health_well(struct health_backend *b, int64_t ms); /* ready after ms; the place is kept */
bool health_failed(struct health_backend *b, int64_t now, const char *why);
void health_cancel(struct health_backend *b); /* given up for reasons that are not its own */

void health_leave(struct health_backend *b); /* the session that was well is over */

/* Of what it does for a domain: a server that does not offer STARTTLS to those who can do without
 * is dialled plainly at once. */
void health_offers_no_tls(struct health_backend *b, int64_t now);
bool health_lacks_tls(struct health_backend *b, int64_t now);

/* True, once a minute, while b has `most` sessions or more: local ports grow short. */
bool health_crowded(struct health_backend *b, uint32_t most, int64_t now);

/* An operator's wish: it gets no new sessions, until it is taken back. False where none has that
 * name; *sessions is how many it has. */
bool health_drain(struct health *h, const char *name, bool on, uint32_t *sessions);

/* Nobody can be served at the moment: each one known, but for relayed ones and those that are gone,
 * is drained, or down and left alone. */
bool health_all_out(struct health *h, int64_t now);

void health_connects(struct health *h, struct histogram *times); /* how long it took, at all */

struct health_row {
	char name[HEALTH_NAME];
	bool down, drained;
	bool of_domain;		    /* it is down for one domain only */
	bool relayed;		    /* a client's words led to it */
	int64_t retry_at;	    /* down: when it may be tried again */
	uint32_t sessions, most;    /* places taken; 0: any number */
	uint64_t connected, failed; /* attempts so far */
	int64_t connect_ms;	    /* smoothed; -1: never connected */
	int64_t since;		    /* down: from then on */
	char why[HEALTH_WHY];	    /* the last failure; "" : none yet */
};

/* The row of b; the rows of all but those that are gone, n of them at most: how many. Relayed ones
 * come last, else in no particular order, and of those for one domain only the ones that are down,
 * as "host:port (domain)". */
void health_row(struct health_backend *b, struct health_row *row);
size_t health_rows(struct health *h, struct health_row *v, size_t n);

#endif

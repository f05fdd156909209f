/* Dialling: from a list of targets to one ready leg, a connection on which the session's stream
 * header is the next thing to be written. Names and services are looked up, candidates tried by
 * priority, weight and health, the addresses of each raced (RFC 8305), the PROXY header is written
 * first, and TLS is done, directly or by STARTTLS; a fault anywhere moves on to what comes next.
 * All under one deadline. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <ev.h>
#include <stdint.h>
#include "net/health.h"
#include "proto/addr.h"

struct conn;
struct health;
struct health_backend;
struct tls_client;

enum dial_kind { DIAL_HOST, DIAL_UNIX, DIAL_SRV };
enum dial_tls {
	DIAL_AUTO,  /* STARTTLS, but none to loopback addresses and Unix sockets */
	DIAL_PLAIN, /* none */
	DIAL_STARTTLS_OFFERED,
	DIAL_STARTTLS
};

struct dial_target {
	enum dial_kind kind;
	const char *host; /* HOST: name or IP literal; UNIX: path; SRV: the domain to look up */
	uint16_t port, priority, weight; /* not of SRV, whose records bring them; SRV's `priority`
					    stands before its records' */
	bool direct;			 /* HOST, UNIX: TLS from the first byte */
	uint32_t most; /* sessions at a time, 0: any number; of SRV each of its targets */
};

/* How a target, no SRV, is called in health and in the log: "host:port", "unix:/path". */
void dial_target_name(const struct dial_target *t, char dst[HEALTH_NAME]);

/* Borrowed for the life of the dialer. */
struct dial_policy {
	const char *domain;	    /* for TLS and the STARTTLS header */
	enum dial_tls tls;	    /* of connections that are not direct */
	struct tls_client *trust;   /* NULL: no TLS at all (SRV then takes only _xmpp-client) */
	bool public_only;	    /* refuse addresses that are not public, after resolution */
	bool any_name;		    /* clients choose the domain: it is one of many */
	const uint16_t *ports;	    /* 0-terminated: only these; NULL: any */
	const struct addr *sources; /* local addresses used in turn; port 0 */
	size_t n_sources;
	/* ms of silence before TCP asks, three times until user_timeout, or as long again; 0: off
	 */
	int64_t keepalive;
	/* ms that bytes, or probes, may stay unacknowledged; 0: the kernel's */
	int64_t user_timeout;
};

/* What done() gets; lent for the call. */
struct dial_leg {
	struct conn *conn; /* to be moved by conn_move() within the call; NULL: failed */
	struct addr peer;
	struct health_backend *backend; /* its place is the callee's: health_leave() at the end */
	/* What it does for the domain, where it is not `heard`: a place as well. NULL: without TLS
	 */
	struct health_backend *served;
	bool heard; /* health_well() was called; else that is the callee's, once it has spoken */
	const char *name; /* of the backend: "host:port", "unix:/path" */
	bool tls;
	int64_t ms;	  /* from the start of this attempt to here */
	const char *text; /* failed: all that was tried, in words for one log line */
	bool exhausted;	  /* failed for want of local ports alone */
};

/* Never called from within dial_start(). The dial is gone afterwards. */
typedef void dial_done(void *owner, struct dial_leg *leg);

/* The backend of a leg that was not `heard` has spoken: it is well, and for the domain too, whose
 * place is given back. */
void dial_heard(struct health_backend *backend, struct health_backend *served, const char *domain,
		int64_t ms);

struct dialer; /* one a worker: its DNS, what health the process knows, whose turn a source is */
struct dialer *dialer_new(struct ev_loop *loop, struct health *health); /* borrows both */
void dialer_free(struct dialer *d); /* outstanding dials must be cancelled before */

/* first: the index of the target wished before all others (XEP-0124 route); n: none. proxy: bytes
 * that go out before all others, copied; may be empty. Borrows v. */
struct dial;
struct dial *dial_start(struct dialer *d, const struct dial_policy *p, const struct dial_target *v,
			size_t n, size_t first, struct slice proxy, int64_t deadline_ms,
			dial_done *done, void *owner);
void dial_cancel(struct dial *d); /* done is not called; NULL is fine */

#endif

/* The inside of the dial. dial.c walks from candidate to candidate; dial_list.c makes the list of
 * them; dial_race.c resolves one and races its addresses; dial_socket.c makes one attempt;
 * dial_text.c puts it into words; dial_secure.c does what comes before the session's first byte on
 * the connection that won.
 *
 * Callbacks only note what happened; then dial_step() goes as far as it can. */
#ifndef NET_DIAL_PRIV_H
#define NET_DIAL_PRIV_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/dial.h"
#include "net/dns.h"
#include "net/health.h"
#include "proto/starttls.h"

enum {
	DIAL_CANDIDATES = 64, /* tried in one dial */
	DIAL_ADDRESSES = 16,  /* of a candidate; half of them of each family */
	DIAL_TEXT = 800,
	DIAL_PROBLEM = 400,
	DIAL_SHARE_MIN = 1000, /* ms that anything gets, while there are as many */
	DIAL_AAAA_WAIT = 50,   /* ms: RFC 8305 3, resolution delay */
	DIAL_STAGGER = 250,    /* ms: RFC 8305 5, connection attempt delay */
	DIAL_BUSY = 50	       /* ms until a Unix socket that took none is tried again */
};

struct dialer {
	struct ev_loop *loop;
	struct dns *dns;
	struct health *health;
	size_t turn[2]; /* of the source addresses: of IPv4, of IPv6 */
	uint32_t ports; /* that one local address has for connections of ours */
};

/* What the caller asked for; SRV targets with their lookups. */
struct wish {
	struct dial_target t;	    /* t.host owned */
	bool first;		    /* wished before all others */
	struct dns_query *query[2]; /* _xmpp-client, _xmpps-client */
	enum dns_outcome said[2];
	bool offered_not; /* a record says that there is no such service */
	size_t found;	  /* candidates from it */
	struct dial *dial;
};

struct candidate {
	char *host;   /* owned; name, literal or path */
	uint64_t key; /* smaller ones go first */
	uint32_t most;
	uint16_t port, weight;
	bool local;   /* a Unix socket */
	bool literal; /* the host is an address */
	bool direct;
};

enum attempt_state { ATTEMPT_NEW, ATTEMPT_TRYING, ATTEMPT_FAILED };

struct attempt {
	ev_io io;
	struct dial *dial;
	struct addr addr;
	enum attempt_state state;
	int fd; /* TRYING, else -1 */
	int64_t since, until;
	bool busy;	/* NEW again, with its times: it had no room for us */
	bool connected; /* what the loop said of it */
	int error;
};

struct race {
	struct attempt v[DIAL_ADDRESSES];
	size_t n;
	struct dns_query *query[2]; /* A, AAAA */
	bool asked[2];
	int64_t lookup_until;
	int64_t hold_until; /* A came first: no attempt before this, or AAAA */
	int64_t next_at;    /* the next attempt begins */
	uint8_t last;	    /* family of the last attempt */
	int64_t due;	    /* dial_race_step() said WAIT: until then */
};

enum dial_state {
	DIAL_LISTING,  /* service lookups are under way */
	DIAL_CHOOSING, /* the next candidate is to be begun */
	DIAL_RACING,   /* lookups and attempts of one are under way; it has a place */
	DIAL_SECURING  /* dial->conn is open; as well */
};

struct dial {
	struct dialer *dialer;
	const struct dial_policy *policy;
	dial_done *done;
	void *owner;
	ev_timer timer;
	enum dial_state state;
	struct buf proxy;
	int64_t deadline;
	int64_t due; /* of the state */

	struct wish *wishes;
	size_t n_wishes;
	struct candidate *candidates; /* in order once listed */
	size_t n, at;		      /* at: the next to begin */

	/* The candidate under way. */
	struct candidate *c;
	struct health_backend *backend; /* we have a place there; NULL: none */
	struct health_backend *served;	/* the same, as it serves our domain; NULL: without TLS */
	char name[HEALTH_NAME];
	int64_t began;
	bool plain;	/* it is known not to offer STARTTLS */
	bool blamed;	/* something failed that is its own */
	bool blamed_so; /* something failed as it serves our domain: it was reached */
	size_t won;	/* SECURING: the attempt */
	size_t again;	/* the attempt to be made before others; >= race.n: none */
	struct race race;
	struct conn conn;
	struct starttls *starttls; /* owned */
	bool shaking;		   /* conn has TLS */

	/* For the log. */
	char problem[DIAL_PROBLEM]; /* of the candidate */
	char text[DIAL_TEXT];	    /* of all before it */
	uint16_t tried, down, full;
	uint16_t no_ports, other_faults;
};

enum dial_progress {
	DIAL_WAIT,  /* dial->due says until when at most */
	DIAL_DONE,  /* what was to be done is done */
	DIAL_FAULT, /* of the connection: other addresses may do better */
	DIAL_LOST   /* of the candidate */
};

/* dial.c */
void dial_step(struct dial *d); /* may free d */
void dial_mark(struct dial *d); /* dial_step() in the loop's next round */
/* An end (ms): now and the share of one among 1 + others + the candidates to come. */
int64_t dial_share(const struct dial *d, int64_t now, size_t others);
/* A leg to that address of the candidate has no TLS. */
bool dial_plainly(const struct dial *d, const struct addr *a);

/* dial_text.c */
void dial_name(struct dial *d); /* sets the name of the candidate */
/* To the text: the candidate was left out. */
void dial_skip(struct dial *d, struct health_backend *b, enum health_word word, int64_t now);

/* Adds to the problems of the candidate. */
enum dial_blame { BLAME_IT, BLAME_FOR_DOMAIN, BLAME_OUR_RULES, BLAME_OUR_PORTS };
void dial_problem(struct dial *d, enum dial_blame blame, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void dial_note(struct dial *d, const char *name, const char *problem); /* to the text */

/* " by 192.0.2.1" where the name of the candidate leaves it open. */
enum { DIAL_PEER = ADDR_TEXT + 16 };
const char *dial_peer(const struct dial *d, const struct addr *a, const char *word,
		      char dst[DIAL_PEER]);

/* dial_list.c. dial_list_step(): WAIT, or DONE with the candidates in order. */
void dial_list_begin(struct dial *d, const struct dial_target *v, size_t n, size_t first);
enum dial_progress dial_list_step(struct dial *d, int64_t now);
void dial_list_clear(struct dial *d);

/* dial_race.c: WAIT, LOST, or DONE with d->won. */
void dial_race_begin(struct dial *d, int64_t now);
enum dial_progress dial_race_step(struct dial *d, int64_t now);
/* The winner's descriptor; the others are closed, to be tried again. */
int dial_race_take(struct dial *d);
/* The winner was no good; or: it is to be tried once more. */
void dial_race_again(struct dial *d, bool failed);
void dial_race_clear(struct dial *d);

/* dial_socket.c: begins to connect to a, or to the Unix socket at path. errno tells of FAILED. */
enum dial_socket { SOCKET_CONNECTED, SOCKET_WAIT, SOCKET_FAILED, SOCKET_NO_PORT, SOCKET_NO_SOURCE };
enum dial_socket dial_socket(struct dialer *d, const struct dial_policy *p, const struct addr *a,
			     const char *path, int *fd);
int dial_socket_error(int fd);	 /* of one that was waited for; 0: connected */
uint32_t dial_local_ports(void); /* how many an address has */

/* dial_secure.c: WAIT, FAULT, LOST, DONE with d->conn ready. */
enum dial_progress dial_secure_begin(struct dial *d, int64_t now);
enum dial_progress dial_secure_step(struct dial *d, int64_t now);
void dial_secure_clear(struct dial *d);

#endif

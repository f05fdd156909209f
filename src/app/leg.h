/* A session's leg to its server: first a dial, then a connection. Embedded in its owner, and freed
 * by leg_drop(). What happens to it is only told by news(); the owner looks in its turn. */
#ifndef APP_LEG_H
#define APP_LEG_H

#include "app/backends.h"
#include "net/conn.h"
#include "proto/proxy.h"

enum leg_state {
	LEG_NONE,    /* nothing to the backend, or no longer */
	LEG_DIALING, /* leg->dialling is valid */
	LEG_FAILED,  /* the dial failed; the session does not know yet */
	LEG_READY,   /* leg->conn is connected; the session does not know yet */
	LEG_UP	     /* leg->conn is connected */
};

struct leg;
struct web_client;

/* What all legs of a worker share. */
struct legs {
	struct ev_loop *loop;
	struct dialer *dialer; /* owned */
	struct backends *backends;
	int64_t connect; /* ms for a dial */
	uint32_t in_max; /* bytes read ahead from a backend */
	void (*news)(struct leg *l);
};

struct leg {
	union {
		struct web_client *client; /* NONE: of whom a backend is told; owned, or NULL */
		struct dialling *dialling; /* DIALING; owned */
		struct conn conn;	   /* READY, UP */
	};
	struct legs *legs;		/* borrowed */
	struct health_backend *backend; /* READY, UP: it has a place there */
	struct health_backend *served;	/* as long as not heard: the same of what that does for the
					   domain; NULL: without TLS */
	uint32_t ms;			/* that the dial took */
	uint8_t state;			/* enum leg_state */
	bool tls;
	bool heard; /* the backend has spoken */
};

/* Dials the route's backends, the one of that index first, for `domain`. They are told who asks
 * where the domain's configuration says so; `id` names the session in log lines. */
void leg_dial(struct leg *l, const struct route *r, const char *domain, size_t first,
	      const struct proxy *who, const char *id);
void leg_drop(struct leg *l);

/* The backend has sent a stream header for that domain. */
void leg_heard(struct leg *l, const char *domain);

/* The backend turned out to be no good after the dial, before it was heard: it is left alone for a
 * while, where it does TLS only for that domain. Once. */
void leg_blame(struct leg *l, const char *domain, int64_t now, const char *why);

/* Says in the log that clients of the route cannot log in, and what to change: at most once a
 * minute for each domain of the configuration. starttls: the server asks for TLS. */
void leg_no_login(const struct leg *l, const struct route *r, const char *domain, bool starttls,
		  int64_t now, const char *id);

#endif

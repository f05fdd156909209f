/* Inside the owner's table: sessions.c keeps it, entry.c is one session of it. */
#ifndef APP_SESSIONS_PRIV_H
#define APP_SESSIONS_PRIV_H

#include "app/gone.h"
#include "app/leg.h"
#include "app/sessions.h"
#include "app/status/census.h"
#include "app/status/look.h"
#include "base/htab.h"

struct entry {
	struct htab_node node;	    /* by sid; BOSH only */
	struct session *session;    /* owned */
	struct entry *next, **link; /* all entries */
	struct entry *next_marked;  /* valid while marked */
	struct leg leg;		    /* to the backend */
	ev_timer timer;
	handle_t handle;
	uint32_t queued_since; /* ms: something waits for the client since then; 0: nothing does */
	struct addr peer;
	bool websocket : 1, marked : 1;
	bool counted : 1; /* in the census, as it is */
	bool secure : 1;  /* its first request came by TLS; BOSH only */
	bool greeted : 1; /* the server's first features were looked at */
	uint8_t suite;	  /* of TLS with the client, for web_tls_text() */
	uint16_t agent;	  /* what the client calls itself, for web_agent() */
	union {
		struct {
			handle_t ws;	/* of a WebSocket */
			uint32_t queue; /* of it, bytes that the census counted */
		};
		uint8_t secret[SID_RANDOM + SID_TAG]; /* BOSH: what nobody can guess of its sid */
	};
};

struct sessions {
	struct worker *w; /* borrowed */
	struct legs legs;
	struct htab by_sid;
	uint8_t seed[16];
	struct entry *first, *marked;
	struct entry *stop; /* stopping: the next to be told to end */
	bool stopping, scanning;
	struct scan *scans;    /* owned; the first is worked on while scanning */
	struct entry *scan_at; /* the next to be looked at */
	uint32_t n;
	struct gone gone, gone_ws;
	struct trace *traces; /* owned */
	struct census census;
	uint64_t requests, foreign;  /* BOSH requests; those that came by another worker */
	uint32_t delivered;	     /* in this turn: sessions with nothing left to be sent */
	int64_t no_login_until;	     /* no_login is of late until then */
	char no_login[REPORT_WORDS]; /* which server offered no login, and what to do */
	char **drain;		     /* owned: the backends whose sessions are ended */
	size_t n_drain;
	struct entry *drain_next; /* the next to be looked at for that */
};

static inline struct sessions *table_of(const struct entry *e)
{
	return CONTAINER(e->leg.legs, struct sessions, legs);
}

/* The public name of a session: says nothing of its sid. */
const char *entry_id(const struct entry *e, char dst[PUBLIC_ID]);

/* It acts in this turn. Called before anything is done to its session: as it was, it is taken out
 * of the census, and entry_pump() puts it back as it is then. */
void entry_mark(struct entry *e);
void entry_uncount(struct entry *e);	/* the same without a turn: it is about to be freed */
void entry_timer_init(struct entry *e); /* never runs before the first pump */

/* What the session tells, and what is known of it here. */
void entry_facts(const struct entry *e, struct session_facts *f);

/* A WebSocket's session begins with the first letter about it, or with its first turn. */
void entry_begin(struct entry *e);

/* The effects of one session, in order; then one write for all that goes to its backend. */
void entry_carry_out(struct entry *e);

/* The session that a question is about. Handles from outside may name other things; NULL: the asker
 * was told. */
struct entry *entry_asked(struct sessions *t, const struct letter *l);
void show_tell(struct sessions *t, const struct letter *l, int status, struct buf json);

/* trace.c: an element passes; the end of its turn; its end. Where session_traced() holds. */
void trace_stanza(struct entry *e, const struct effect *x);
void trace_turn(struct entry *e);
void trace_end(struct entry *e, enum reason r);
void traces_free(struct sessions *all);

/* sessions_report.c: no backend is being emptied any more. */
void sessions_drained(struct sessions *t);

/* scan.c: the session goes; the table goes. */
void scan_bury(struct entry *e);
void scans_free(struct sessions *t);

/* Lets the session act; false when it is dead. */
bool entry_pump(struct entry *e);

#endif

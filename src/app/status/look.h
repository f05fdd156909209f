/* Looking for sessions: which ones, in what order, and how many of them from where on. Each worker
 * gathers its best; the asker merges those. The order is total (sessions that are alike stand in
 * the order of their handles), so that pages neither repeat nor leave out a session that stays. */
#ifndef APP_STATUS_LOOK_H
#define APP_STATUS_LOOK_H

#include "net/health.h"
#include "proto/addr.h"
#include "session/session.h"

enum { PUBLIC_ID = 32, LOOK_TEXT = 255, LOOK_DEFAULT = 100, LOOK_MAX = 1000, LOOK_CURSOR = 640 };

enum look_sort {
#define X(name, label) LOOK_##name,
#include "app/status/look.def"
#undef X
	LOOK_SORTS
};

/* Where a session stands in an order: by num, or by text. */
struct look_key {
	int64_t num;
	handle_t handle;
	uint16_t n; /* of text, of which no more counts */
	char text[LOOK_TEXT];
};

struct look {
	char q[LOOK_TEXT + 1]; /* in lower case; "": all */
	bool q_is_id, q_is_ip; /* it may stand in a public id, in an address */
	char domain[256];      /* "": all */
	int transport, state;  /* -1: all; transport: websocket or not */
	enum look_sort sort;
	bool descending, paged; /* paged: from behind `after` on */
	struct look_key after;
	uint32_t k;
};

/* One session, as it was looked at. */
struct look_row {
	handle_t handle;
	struct session_facts facts; /* .jid points to `jid`, .domain to `domain` */
	char *jid, *domain;	    /* owned */
	struct addr peer;
	int64_t age; /* ms */
	bool websocket, traced;
	char backend[HEALTH_NAME]; /* "" while none is connected */
};

/* What a worker has found: its best k, as a heap while it looks, then in order. */
struct looked {
	uint32_t total, matched; /* sessions; of them by the filter */
	bool more;		 /* further ones stand behind the rows */
	struct look_row **rows;	 /* owned, with room for k */
	uint32_t n;
};

/* Reads a query ("q=a&sort=age"): NULL, or what is wrong with it in words. */
const char *look_parse(struct look *l, struct slice query);

const char *look_id(handle_t h, char dst[PUBLIC_ID]); /* worker-slot-generation */
bool look_id_parse(handle_t *h, struct slice id);

/* A session as the worker sees it; its jid unescaped. */
struct look_at {
	const struct session_facts *facts;
	const struct addr *peer;
	handle_t handle;
	bool websocket;
};

bool look_matches(const struct look *l, const struct look_at *at);

struct looked *looked_new(const struct look *l);
void looked_free(struct looked *found);

/* Counts a session, and gives back a row of its own to be filled in with what is no fact, where it
 * is among the best so far; else NULL. */
struct look_row *looked_see(struct looked *found, const struct look *l, const struct look_at *at,
			    int64_t now);

void looked_sort(struct looked *found, const struct look *l); /* the end of looking */

/* Moves the best of two that are sorted into *to; *from is left with what is too many. */
void looked_merge(struct looked *to, struct looked *from, const struct look *l);

/* How to ask for what stands behind the last row; "" where nothing does. */
const char *look_cursor(const struct look *l, const struct looked *found, char dst[LOOK_CURSOR]);

#endif

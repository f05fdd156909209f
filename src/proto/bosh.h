/* The BOSH front machine (XEP-0124, XEP-0206): rid window, held requests, answers in rid order,
 * replay of repeated rids, wait, hold, inactivity, polling, pause, termination. */
#ifndef PROTO_BOSH_H
#define PROTO_BOSH_H

#include "proto/body.h"
#include "proto/front.h"

struct bosh;

struct bosh_config {
	int64_t wait;	       /* ms; the longest hold granted */
	int64_t inactivity;    /* ms */
	int64_t polling;       /* ms; shortest allowed polling interval */
	int64_t maxpause;      /* ms; 0: no pause */
	int64_t features_wait; /* ms; how long the first answer waits for the server's features */
	int hold;	       /* the most requests held */
	uint32_t queue;	       /* bytes towards the client; over it the session ends (QUEUE_FULL) */
};

extern const struct front_ops bosh_ops; /* the object is a struct bosh * */

/* Whether a creation request may create: REASON_NONE, or BAD_REQUEST / IMPROPER_ADDRESSING. Also
 * refuses what is no creation request. */
enum reason bosh_check_creation(const struct body *create);

/* The Content-Type that a creation request asks for, p NULL where that is the usual one; lent. Of
 * one that bosh_check_creation() refuses, it may be none that can be sent: p NULL too. */
struct slice bosh_content(const struct body *create);

/* A session from its creation request, which is its first request, held under handle h. Takes
 * *create; borrows c for life. sid is copied: it goes into the first answer and nowhere else. */
struct bosh *bosh_new(const struct bosh_config *c, struct slice sid, handle_t h,
		      struct body **create, int64_t now);

/* A further request for this session. Takes *request. Repeats are answered from the replay buffer;
 * a rid below it gets item-not-found for this asker alone. Effects are emitted here for requests
 * that are answered at once. */
void bosh_request(struct bosh *b, handle_t h, struct body **request, int64_t now,
		  struct effects *fx);

/* The next rid that has not come: a lower one is a repeat, a higher one ahead of its turn. */
int64_t bosh_next_rid(const struct bosh *b);

/* The connection under h is gone: counts only if h is held. */
void bosh_gone(struct bosh *b, handle_t h, int64_t now);

/* Something waits behind h on its connection: answer as soon as rid order allows. */
void bosh_hurry(struct bosh *b, handle_t h, int64_t now);

/* A whole terminal <body/> for an asker who has no session: condition from the reason; none for
 * REASON_NONE. */
void bosh_terminal(struct buf *out, enum reason r);
void bosh_see_other(struct buf *out, const char *uri); /* SEE_OTHER_URI, with its <uri/> */

/* The HTTP status of a terminal body: 200, save for clients that gave no `ver` when they created
 * their session; those know the codes of old (XEP-0124 17.1). */
int bosh_status(enum reason r, bool legacy);
bool bosh_legacy(const struct body *create);

#endif

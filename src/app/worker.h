/* A worker: one thread with its loop, its web, its sessions and its mailbox, shared with nobody.
 * All its work happens in the turn, once per round of the loop, after the callbacks. */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include <ev.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "app/backends.h"
#include "app/letter.h"
#include "app/status/meter.h"
#include "base/histogram.h"
#include "proto/effect.h"
#include "session/session.h"

enum { WORKERS_MAX = 64 };

/* What all workers read; made before they start and never changed but for the atomics. */
struct app {
	const struct config *config;
	uint64_t instance; /* random id of this process, in every sid */
	uint8_t key[SID_KEY];
	struct backends *backends; /* owned by the daemon */
	struct session_env env;
	struct web_config web;
	struct xml_limits client_limits;
	struct hostmeta hostmeta;
	const struct runtime *runtime; /* owned by the daemon */
	struct web_wrongs wrongs;
	int64_t started; /* ms, monotonic */
	int n;
	struct worker *workers[WORKERS_MAX];
	atomic_uint sessions;  /* alive in all workers */
	atomic_bool draining;  /* no new sessions, by an operator's wish */
	atomic_uint feeds;     /* readers of /api/stream */
	_Atomic uint64_t shed; /* connections closed by the acceptor, over limits.connections */
	char public_id[17];    /* names this process to operators; nothing follows from it */
	int64_t started_at;    /* Unix time */
	atomic_uint traces;    /* being read, or about to be */
	sem_t done;	       /* posted by each worker: STOP is done, then LEAVE */
};

struct feed;
struct sampler;
struct sessions;
struct questions;

struct worker {
	struct app *app; /* borrowed */
	uint8_t index;
	atomic_uint load; /* connections, for the acceptor's choice */
	atomic_uint beat; /* the last BEAT that its turn came to; PULSE_LEFT: it has ended */
	pthread_t thread;
	struct ev_loop *loop;
	ev_prepare turn;
	ev_idle busy;  /* keeps the loop awake while work is left over */
	ev_timer tick; /* while stopping */
	struct mailbox mail;
	struct mail *first, **last; /* letters to itself, in order */
	struct slots slots;
	struct web *web;
	struct sid_signer *signer;
	struct sessions *sessions;
	struct questions *questions;
	struct reader *readers; /* owned; of traces */
	struct effects effects;
	int64_t now;	   /* ms, monotonic; refreshed each turn */
	int64_t grace;	   /* the same; until then no session's deadline counts: see entry.c */
	ev_check wake;	   /* the loop has waited: its callbacks come next */
	uint64_t woken_us; /* when that was */
	uint64_t turns;
	struct histogram turn_times;
	struct meter meter;
	struct feed *feed;
	struct sampler *sampler; /* NULL on all but the first */
	bool stopping;		 /* STOP came: its sessions are told to end */
	bool emptied;		 /* and they have, all workers' */
	bool leaving;		 /* LEAVE came */
	int64_t stop_by;	 /* ms, monotonic: whoever is left then is dropped */
};

int64_t worker_clock(void);	 /* ms, monotonic */
uint64_t worker_clock_us(void);	 /* the same in us */
int64_t worker_wall_clock(void); /* Unix time in ms */

struct worker *worker_new(struct app *app, uint8_t index); /* on the main thread, before any runs */
void worker_start(struct worker *w);
void worker_join(struct worker *w);
void worker_free(struct worker *w); /* after all were joined */

/* Sends l (taken) from worker w to worker `to`: w itself, or another one. */
void worker_send(struct worker *w, uint8_t to, struct letter *l);

/* The same from a thread that is no worker. */
void worker_post(struct worker *to, struct letter *l);

#endif

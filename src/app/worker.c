/* A worker: one thread with its loop. Callbacks of sockets, libwebsockets and DNS only move bytes,
 * mark things and write letters; the turn (an ev_prepare watcher, so after all of them) delivers
 * the letters, pumps the marked sessions, sends what is queued and frees what is dead. */
#include "app/worker.h"
#include "app/pulse.h"
#include "app/sessions.h"
#include "app/status/api.h"
#include "app/status/feed.h"
#include "app/status/overview.h"
#include "app/status/page.h"
#include "app/status/question.h"
#include "app/status/sampler.h"
#include "app/status/trace.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum {
	ROUNDS_MAX = 8
}; /* of delivering and pumping in one turn; what is left waits for the next */

int64_t worker_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t worker_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int64_t worker_wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void append(struct worker *w, struct letter *l)
{
	l->mail.next = NULL;
	*w->last = &l->mail;
	w->last = &l->mail.next;
}

void worker_post(struct worker *to, struct letter *l)
{
	mailbox_post(&to->mail, &l->mail);
}

void worker_send(struct worker *w, uint8_t to, struct letter *l)
{
	assert(to < w->app->n);
	if (to == w->index)
		append(w, l);
	else
		worker_post(w->app->workers[to], l);
}

/* Hooks of the web: everything that happens there becomes a letter. */

static void hook_request(void *app, handle_t h, const struct sid *sid, struct slice text,
			 struct body *body, const struct addr *peer, struct web_client *client)
{
	struct worker *w = app;
	struct letter *l = letter_new(LETTER_REQUEST);
	uint8_t owner = w->index;

	l->handle = h;
	l->u.request.body = body;
	l->u.request.create = !sid;
	l->u.request.peer = *peer;
	l->u.request.client = client;
	if (sid) {
		/* A sid that names a worker of ours costs a letter only if it is genuine; any
		 * other is looked up here, in vain, and answered like one that is gone. */
		if (sid->worker != w->index && sid->instance == w->app->instance &&
		    sid->worker < w->app->n && sid_verify(w->signer, text))
			owner = sid->worker;
		l->u.request.sid = *sid;
	}
	worker_send(w, owner, l);
}

static void to_owner(struct worker *w, enum letter_type type, handle_t h, handle_t session)
{
	struct letter *l = letter_new(type);

	l->handle = h;
	l->session = session;
	worker_send(w, handle_worker(session), l);
}

static void hook_hurry(void *app, handle_t h, handle_t session)
{
	to_owner(app, LETTER_HURRY, h, session);
}

static void hook_gone(void *app, handle_t h, handle_t session)
{
	to_owner(app, LETTER_GONE, h, session);
}

static void hook_api(void *app, handle_t h, const struct web_call *call)
{
	api_call(app, h, call);
}

static void hook_stream_gone(void *app, handle_t h)
{
	api_stream_gone(app, h);
}

static const char *hook_ws_refusal(void *app)
{
	struct worker *w = app;

	return sessions_refusal(w->sessions);
}

static handle_t hook_ws_open(void *app, handle_t ws, const struct addr *peer,
			     struct web_client *client)
{
	struct worker *w = app;

	return sessions_websocket(w->sessions, ws, peer, client);
}

static void hook_ws_frame(void *app, handle_t session, struct frame *frame, enum reason bad)
{
	struct worker *w = app;
	struct letter *l = letter_new(LETTER_FRAME);

	l->session = session;
	l->u.frame.frame = frame;
	l->u.frame.bad = bad;
	worker_send(w, w->index, l);
}

static void hook_ws_pong(void *app, handle_t session, uint64_t serial)
{
	struct worker *w = app;
	struct letter *l = letter_new(LETTER_PONG);

	l->session = session;
	l->u.serial = serial;
	worker_send(w, w->index, l);
}

static void hook_ws_drained(void *app, handle_t session, uint32_t n, bool waited)
{
	struct worker *w = app;
	struct letter *l = letter_new(LETTER_DRAINED);

	l->session = session;
	l->u.drained.n = n;
	l->u.drained.waited = waited;
	worker_send(w, w->index, l);
}

static void hook_ws_closed(void *app, handle_t session)
{
	to_owner(app, LETTER_CLOSED, 0, session);
}

static const struct web_hooks hooks = {
    .request = hook_request,
    .hurry = hook_hurry,
    .gone = hook_gone,
    .api = hook_api,
    .stream_gone = hook_stream_gone,
    .ws_refusal = hook_ws_refusal,
    .ws_open = hook_ws_open,
    .ws_frame = hook_ws_frame,
    .ws_pong = hook_ws_pong,
    .ws_drained = hook_ws_drained,
    .ws_closed = hook_ws_closed,
};

static void stop(struct worker *w)
{
	if (w->stopping)
		return;
	w->stopping = true;
	w->stop_by = w->now + w->app->config->shutdown_deadline * 1000;
	ev_timer_start(w->loop, &w->tick);
	sampler_stop(w->sampler);
	feed_end(w->feed);
}

static void leave(struct worker *w)
{
	w->leaving = true;
	web_drain(w->web);
}

static void deliver(struct worker *w, struct letter *l)
{
	switch (l->type) {
	case LETTER_ACCEPT:
		web_accept(w->web, l->u.accept.fd, &l->u.accept.listener);
		l->u.accept.fd = -1;
		break;
	case LETTER_REQUEST:
	case LETTER_HURRY:
	case LETTER_GONE:
	case LETTER_FRAME:
	case LETTER_PONG:
	case LETTER_DRAINED:
	case LETTER_CLOSED: sessions_deliver(w->sessions, l); break;
	case LETTER_HELD: web_held(w->web, l->handle, l->session, l->u.wait); break;
	case LETTER_REPLY:
		web_reply(w->web, l->handle, l->u.reply.status, &l->u.reply.body, l->u.reply.type);
		break;
	case LETTER_SEND: web_ws_send(w->web, l->handle, &l->u.frames); break;
	case LETTER_PAUSE: web_ws_pause(w->web, l->handle); break;
	case LETTER_RESUME: web_ws_resume(w->web, l->handle); break;
	case LETTER_CLOSE: web_ws_close(w->web, l->handle, l->u.code); break;
	case LETTER_SHOW: sessions_show(w->sessions, l); break;
	case LETTER_KILL: sessions_kill(w->sessions, l); break;
	case LETTER_TRACE: sessions_trace(w->sessions, l); break;
	case LETTER_UNTRACE: sessions_untrace(w->sessions, l); break;
	case LETTER_TRACED: trace_tell(w, l); break;
	case LETTER_LIST: sessions_list(w->sessions, l); break;
	case LETTER_REPORT: overview_told(w, l); break;
	case LETTER_HISTORY: sampler_told(w, l); break;
	case LETTER_EMPTY: sessions_drain(w->sessions, MEM_TAKE(l->u.backend)); break;
	case LETTER_TELL: questions_tell(w->questions, l); break;
	case LETTER_BEAT:
		atomic_store_explicit(&w->beat, (uint32_t)l->u.serial, memory_order_relaxed);
		break;
	case LETTER_STOP: stop(w); break;
	case LETTER_LEAVE: leave(w); break;
	case LETTER_COUNT: break;
	}
	letter_free(l);
}

static void deliver_all(struct worker *w, struct mail *m)
{
	struct mail *next;

	for (; m; m = next) {
		next = m->next;
		deliver(w, CONTAINER(m, struct letter, mail));
	}
}

/* Letters to itself that are here now; those written meanwhile are for the next round. */
static bool deliver_own(struct worker *w)
{
	struct mail *m = w->first;

	w->first = NULL;
	w->last = &w->first;
	deliver_all(w, m);
	return m != NULL;
}

/* Nobody leaves before all have finished: a request on another worker may be for a session here. */
static bool unused(const struct app *app)
{
	unsigned load = 0;

	for (int i = 0; i < app->n; i++)
		load += atomic_load_explicit(&app->workers[i]->load, memory_order_relaxed);
	return load == 0;
}

/* Connections are taken while there are sessions: a client that opens one for each request hears of
 * the end by one to come. */
static void end(struct worker *w)
{
	bool late = w->now >= w->stop_by;
	unsigned left = atomic_load_explicit(&w->app->sessions, memory_order_relaxed);

	if (!w->emptied && (left == 0 || late)) {
		w->emptied = true;
		sem_post(&w->app->done);
	}
	if (w->leaving && (unused(w->app) || late))
		ev_break(w->loop, EVBREAK_ALL);
}

static void keep_awake(struct worker *w, bool left)
{
	if (left && !ev_is_active(&w->busy))
		ev_idle_start(w->loop, &w->busy);
	else if (!left && ev_is_active(&w->busy))
		ev_idle_stop(w->loop, &w->busy);
}

static void on_turn(struct ev_loop *loop, ev_prepare *p, int events)
{
	struct worker *w = CONTAINER(p, struct worker, turn);
	uint64_t from = worker_clock_us(), took;
	struct web_counts c;
	bool left = true, more;

	(void)loop;
	(void)events;
	w->now = (int64_t)(from / 1000);
	deliver_all(w, mailbox_take(&w->mail));
	questions_expire(w->questions, w->now);
	more = sessions_drain_on(w->sessions);
	for (int i = 0; i < ROUNDS_MAX && left; i++) {
		left = deliver_own(w);
		sessions_pump(w->sessions);
		left |= web_turn(w->web, w->now);
		left |= w->first != NULL;
	}
	if (w->stopping)
		left |= sessions_stop(w->sessions, REASON_SYSTEM_SHUTDOWN);
	left |= sessions_scan(w->sessions);
	web_counts(w->web, &c);
	atomic_store_explicit(&w->load, c.connections + c.websockets, memory_order_relaxed);
	if (w->stopping)
		end(w);
	keep_awake(w, left || more);
	took = worker_clock_us() - (w->woken_us ? w->woken_us : from);
	w->woken_us = 0;
	w->turns++;
	histogram_add(&w->turn_times, took, 1);
	meter_turn(&w->meter, worker_clock(), took);
	sessions_turned(w->sessions, took);
}

/* The first of all callbacks once the loop has waited. */
static void on_wake(struct ev_loop *loop, ev_check *c, int events)
{
	(void)loop;
	(void)events;
	CONTAINER(c, struct worker, wake)->woken_us = worker_clock_us();
}

static void on_tick(struct ev_loop *loop, ev_timer *t, int events)
{
	/* It only wakes the loop: while stopping, each turn looks whether all is done. */
	(void)loop;
	(void)t;
	(void)events;
}

static void on_busy(struct ev_loop *loop, ev_idle *i, int events)
{
	/* Being active is all it is for: the loop does not sleep. */
	(void)loop;
	(void)i;
	(void)events;
}

/* Handles are the ids of sessions that people see, and they may hold one of an earlier process,
 * which should not name another session now. Five digits are few enough for tables. */
static uint32_t first_generation(void)
{
	return 10000 + random_below(90000);
}

struct worker *worker_new(struct app *app, uint8_t index)
{
	struct worker *w = mem_zalloc(sizeof(*w));

	w->app = app;
	w->index = index;
	w->last = &w->first;
	w->now = worker_clock();
	w->loop = ev_loop_new(EVFLAG_AUTO);
	if (!w->loop) {
		log_error("start", "problem=\"no event loop could be made\"");
		free(w);
		return NULL;
	}
	mailbox_init(&w->mail, w->loop);
	slots_init(&w->slots, index, first_generation());
	w->signer = sid_signer_new(app->key);
	w->sessions = sessions_new(w);
	w->questions = questions_new(w);
	w->web = web_new(w->loop, &w->slots, &app->web, &hooks, w);
	ev_prepare_init(&w->turn, on_turn);
	ev_idle_init(&w->busy, on_busy);
	ev_timer_init(&w->tick, on_tick, .05, .05);
	ev_prepare_start(w->loop, &w->turn);
	ev_check_init(&w->wake, on_wake);
	ev_set_priority(&w->wake, EV_MAXPRI);
	ev_check_start(w->loop, &w->wake);
	w->feed = feed_new(w);
	w->sampler = sampler_new(w);
	sampler_start(w->sampler);
	return w;
}

static void *run(void *arg)
{
	struct worker *w = arg;

	ev_run(w->loop, 0);
	atomic_store_explicit(&w->beat, PULSE_LEFT, memory_order_relaxed);
	sem_post(&w->app->done);
	return NULL;
}

void worker_start(struct worker *w)
{
	sigset_t all, old;
	char name[16];
	int e;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	assert(e == 0);
	snprintf(name, sizeof(name), "worker-%d", w->index);
	pthread_setname_np(w->thread, name);
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

static void drop_mail(struct mail *m)
{
	struct mail *next;

	for (; m; m = next) {
		next = m->next;
		letter_free(CONTAINER(m, struct letter, mail));
	}
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	sessions_free(w->sessions);
	web_free(w->web);
	questions_free(w->questions);
	traces_forget(w);
	feed_free(w->feed);
	sampler_free(w->sampler);
	drop_mail(w->first);
	drop_mail(mailbox_take(&w->mail));
	mailbox_clear(&w->mail);
	sid_signer_free(w->signer);
	slots_clear(&w->slots);
	effects_clear(&w->effects);
	ev_prepare_stop(w->loop, &w->turn);
	ev_check_stop(w->loop, &w->wake);
	ev_idle_stop(w->loop, &w->busy);
	ev_timer_stop(w->loop, &w->tick);
	ev_loop_destroy(w->loop);
	free(w);
}

/* The web of one worker: what the rest of Fairlead calls, and the turn. */
#include "base/mem.h"
#include "proto/origin.h"
#include "web/answer.h"
#include "web/coder.h"
#include "web/http.h"
#include "web/bridge.h"
#include "web/request.h"
#include "web/secure.h"
#include "web/socket.h"

#include <stdlib.h>

enum {
	LEVEL = 1,	  /* of compression: answers are short, and their makers wait */
	AWAY_MIN = 1000,  /* ms without a turn: see look_at_gap() */
	AWAY_GRACE = 1500 /* ms; above that of sessions, which answer what is held */
};

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	/* Waking the loop is all it is for: the turn looks at the time. */
	(void)loop;
	(void)timer;
	(void)events;
}

struct web *web_new(struct ev_loop *loop, struct slots *slots, const struct web_config *config,
		    const struct web_hooks *hooks, void *app)
{
	struct web *w = mem_zalloc(sizeof(*w));

	w->loop = loop;
	w->slots = slots;
	w->config = config;
	w->hooks = hooks;
	w->app = app;
	w->judge = xmljudge_new(config->limits);
	w->coder = coder_new(LEVEL);
	w->engine = ws_engine_new(loop, config->body_max, config->deflate, &socket_hooks);
	w->refusals.most = config->log_refusals;
	w->any_origin = origin_any(config->origins);
	w->marked_last = &w->marked;
	w->hellos_last = &w->hellos;
	ev_init(&w->timer, on_tick);
	return w;
}

static void free_dead(struct web *w)
{
	while (w->dead) {
		struct request *r = w->dead;

		w->dead = r->next;
		request_free(r);
	}
	socket_free_dead(w);
}

/* Requests end here without gone(): who asks for this has no sessions any more. */
static void free_http(struct http *h)
{
	while (h->first) {
		struct request *r = h->first;

		h->first = r->next;
		request_unname(r);
		request_free(r);
	}
	http_unlink(h);
	http_free(h);
}

void web_free(struct web *w)
{
	while (w->marked)
		free_http(w->marked);
	while (w->hellos)
		free_http(w->hellos);
	for (int i = 0; i < WEB_DUES; i++)
		while (w->due[i])
			free_http(w->due[i]);
	ev_timer_stop(w->loop, &w->timer);
	agents_clear(&w->agents);
	ws_engine_free(w->engine);
	bridge_free_all(w);
	socket_free_all(w);
	free_dead(w);
	xmljudge_free(w->judge);
	coder_free(w->coder);
	free(w);
}

void web_accept(struct web *w, int fd, const struct web_listener *l)
{
	http_new(w, fd, l);
}

/* What others wrote to a session, scripts among it, is in its answers, and any page can have a
 * browser show one of them in our origin, by a form that asks for it: nothing in it may run there.
 */
static const char sandbox[] = "Content-Security-Policy: sandbox\r\n";

void web_reply(struct web *w, handle_t h, int status, struct buf *body, const char *type)
{
	struct request *r = request_find(w, h);

	if (!r) {
		buf_clear(body);
		return;
	}
	if (status) {
		answer(r,
		       &(struct answer){.status = status,
					.type = type,
					.fields = r->http->kind == WEB_TRAFFIC ? sandbox : NULL},
		       body);
		return;
	}
	r->http->dead = true;
	http_mark(r->http);
	web_more(w);
}

void web_held(struct web *w, handle_t h, handle_t session, int64_t wait)
{
	struct request *r = request_find(w, h);

	if (r) {
		request_held(r, session, wait);
	} else {
		w->hooks->gone(w->app, h, session);
		web_more(w);
	}
}

void web_ws_send(struct web *w, handle_t h, struct buf *frames)
{
	struct ws *ws = socket_ws(w, h);

	if (ws)
		ws_send(ws, frames);
	else
		buf_clear(frames);
	socket_flush(w, h);
}

void web_ws_pause(struct web *w, handle_t h)
{
	struct ws *ws = socket_ws(w, h);

	if (ws)
		ws_pause(ws);
}

void web_ws_resume(struct web *w, handle_t h)
{
	struct ws *ws = socket_ws(w, h);

	if (ws)
		ws_resume(ws);
}

void web_ws_close(struct web *w, handle_t h, uint16_t code)
{
	struct ws *ws = socket_ws(w, h);

	if (ws)
		ws_close(ws, code);
}

size_t web_ws_unsent(struct web *w, handle_t h)
{
	return socket_unsent(w, h);
}

size_t web_ws_held_up(struct web *w, handle_t h)
{
	return socket_held_up(w, h);
}

/* Marks the connections that are due. Whether some are left for the next turn. */
static bool sweep(struct web *w, uint32_t tick)
{
	uint32_t n = 0;

	if (tick + 1 - w->tick > WEB_DUES)
		w->tick = tick + 1 - WEB_DUES; /* time leapt: all lists are looked at */
	for (; w->tick != tick + 1; w->tick++) {
		struct http **list = &w->due[w->tick % WEB_DUES];

		while (*list) {
			if (n++ == WEB_SWEEP)
				return true;
			http_mark(*list);
		}
	}
	return false;
}

/* Those marked meanwhile are for the next turn. */
static void turn_marked(struct web *w, int64_t now)
{
	struct http *list = w->marked, *h;

	w->marked = NULL;
	w->marked_last = &w->marked;
	if (list)
		list->link = &list;
	while ((h = list)) {
		http_unlink(h);
		http_turn(h, now);
	}
}

/* A request may be on its way on a connection that looks idle: closing it at once would lose it. */
static void drain(struct web *w, uint32_t tick)
{
	if (w->drain_tick == 0)
		w->drain_tick = tick + 2;
	if (w->swept || tick < w->drain_tick)
		return;
	w->swept = true;
	w->tick -= WEB_DUES; /* the sweep looks at all, those that wait included */
}

/* Where there are connections the loop comes round at each tick. If it did not, as of a process
 * that was stopped, what they said in time may still be with the kernel: it is read first. */
static void look_at_gap(struct web *w, uint32_t tick)
{
	if (tick - w->turned > AWAY_MIN / WEB_TICK)
		w->expire_from = tick + AWAY_GRACE / WEB_TICK;
	w->turned = tick;
}

bool web_turn(struct web *w, int64_t now)
{
	uint32_t tick = (uint32_t)(now / WEB_TICK);
	bool left;

	if (w->draining)
		drain(w, tick);
	look_at_gap(w, tick);
	left = web_excuses(w, tick) ? false : sweep(w, tick);

	w->in_turn = true;
	w->more = false;
	turn_marked(w, now);
	http_turn_hellos(w, now);
	ws_engine_flush(w->engine);
	bridge_turn(w, tick);
	secure_report(w, now);
	free_dead(w);
	w->in_turn = false;
	if (w->counts.connections && !ev_is_active(&w->timer)) {
		ev_timer_set(&w->timer, (double)(WEB_TICK - now % WEB_TICK) / 1000., 0.);
		ev_timer_start(w->loop, &w->timer);
	}
	return left || w->more || w->marked || w->hellos;
}

void web_drain(struct web *w)
{
	w->draining = true;
}

void web_counts(const struct web *w, struct web_counts *c)
{
	*c = w->counts;
}

const struct refusals *web_refusals(const struct web *w)
{
	return &w->refusals;
}

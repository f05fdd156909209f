/* The live stream. One question a second for all readers of this worker, and one document. */
#include "app/status/feed.h"
#include "app/status/api.h"
#include "app/status/overview.h"
#include "base/mem.h"

#include <stdlib.h>

struct feed {
	struct worker *w; /* borrowed */
	ev_timer timer;	  /* runs while there is a reader */
	bool asked;	  /* a question is out */
	handle_t v[FEED_MAX];
	int n;
};

void feed_event(struct buf *b, const char *name, struct slice data)
{
	buf_addf(b, "event: %s\ndata: ", name);
	buf_adds(b, data);
	BUF_LIT(b, "\n\n");
}

static void drop(struct feed *f, int i)
{
	f->v[i] = f->v[--f->n];
	atomic_fetch_sub(&f->w->app->feeds, 1);
	if (f->n == 0)
		ev_timer_stop(f->w->loop, &f->timer);
}

static void send(struct worker *w, struct question *q)
{
	struct feed *f = w->feed;
	struct buf text = {0}, json;
	struct overview o;

	f->asked = false;
	if (f->n == 0)
		return;
	overview_init(&o, w, q);
	json = overview_json(&o, w);
	overview_clear(&o);
	feed_event(&text, "status", buf_slice(&json));
	for (int i = f->n; i-- > 0;)
		if (!web_stream_write(w->web, f->v[i], buf_slice(&text)))
			drop(f, i);
	buf_clear(&json);
	buf_clear(&text);
}

static void ask(struct feed *f)
{
	if (f->asked)
		return;
	f->asked = true;
	overview_ask(f->w, 0, send);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)events;
	ask(CONTAINER(t, struct feed, timer));
}

struct feed *feed_new(struct worker *w)
{
	struct feed *f = mem_zalloc(sizeof(*f));

	f->w = w;
	ev_timer_init(&f->timer, on_timer, 1., 1.);
	return f;
}

void feed_free(struct feed *f)
{
	ev_timer_stop(f->w->loop, &f->timer);
	free(f);
}

void feed_begin(struct feed *f, handle_t h)
{
	if (f->w->stopping) {
		api_error(f->w, h, 503, "Fairlead is shutting down.");
		return;
	}
	if (atomic_fetch_add(&f->w->app->feeds, 1) >= FEED_MAX) {
		atomic_fetch_sub(&f->w->app->feeds, 1);
		api_error(f->w, h, 503,
			  "Too many streams are open: close another status page, or ask for "
			  "/api/status now and then.");
		return;
	}
	if (!web_stream_begin(f->w->web, h, "text/event-stream")) {
		atomic_fetch_sub(&f->w->app->feeds, 1);
		return;
	}
	f->v[f->n++] = h;
	ev_timer_start(f->w->loop, &f->timer);
	ask(f);
}

bool feed_gone(struct feed *f, handle_t h)
{
	for (int i = 0; i < f->n; i++) {
		if (f->v[i] != h)
			continue;
		drop(f, i);
		return true;
	}
	return false;
}

void feed_end(struct feed *f)
{
	while (f->n) {
		web_stream_end(f->w->web, f->v[f->n - 1]);
		drop(f, f->n - 1);
	}
}

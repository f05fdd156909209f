/* The sampler. */
#include "app/status/sampler.h"
#include "app/process.h"
#include "app/status/api.h"
#include "app/status/history.h"
#include "app/status/overview.h"
#include "app/status/problem.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SUMMARY_EVERY = 6, GIVE_BACK_FROM = 1000 };

struct sampler {
	struct worker *w; /* borrowed */
	ev_timer timer;
	uint32_t samples; /* since the last summary */
	uint32_t most;	  /* sessions and connections, since memory was given back */
	struct history history;
	struct past past;
	uint64_t told[REFUSAL_COUNT]; /* refusals that a summary has had */
};

static void summary(struct sampler *s, const struct report *sum)
{
	struct buf line = {0};
	uint64_t total = refusal_summary(&line, s->told, sum->refusals);

	buf_addc(&line, '\0');
	if (total)
		log_info("shed",
			 "seconds=%d total=%llu%s text=\"refused or shed in this time, all "
			 "of it\"",
			 SUMMARY_EVERY * HISTORY_STEP / 1000, (unsigned long long)total,
			 buf_data(&line));
	buf_clear(&line);
}

/* After a rush: the allocator keeps what was freed, unless it is told. */
static void give_back(struct sampler *s)
{
	const struct app *app = s->w->app;
	uint32_t n = atomic_load_explicit(&app->sessions, memory_order_relaxed);

	for (int i = 0; i < app->n; i++)
		n += atomic_load_explicit(&app->workers[i]->load, memory_order_relaxed);
	if (n > s->most)
		s->most = n;
	if (s->most < GIVE_BACK_FROM || n > s->most / 2)
		return;
	s->most = n;
	mem_give_back();
}

static void see_problems(struct sampler *s, const struct overview *o)
{
	struct problem *v = mem_alloc(PROBLEMS_MAX * sizeof(*v));
	size_t n = overview_problems(o, s->w, v);
	uint64_t keys[PROBLEMS_MAX];

	for (size_t i = 0; i < n; i++)
		keys[i] = v[i].key;
	past_see(&s->past, keys, n, s->w->now);
	free(v);
}

static void sampled(struct worker *w, struct question *q)
{
	struct sampler *s = w->sampler;
	struct overview o;

	overview_init(&o, w, q);
	history_push(&s->history, o.silent ? NULL : o.sum, process_memory(), w->now);
	see_problems(s, &o);
	give_back(s);
	if (++s->samples >= SUMMARY_EVERY) {
		s->samples = 0;
		summary(s, o.sum);
	}
	overview_clear(&o);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct sampler *s = CONTAINER(t, struct sampler, timer);

	(void)loop;
	(void)events;
	overview_ask(s->w, 0, sampled);
}

struct sampler *sampler_new(struct worker *w)
{
	struct sampler *s;

	if (w->index != 0)
		return NULL;
	s = mem_zalloc(sizeof(*s));
	s->w = w;
	ev_timer_init(&s->timer, on_timer, 0., HISTORY_STEP / 1000.);
	return s;
}

void sampler_start(struct sampler *s)
{
	if (s)
		ev_timer_start(s->w->loop, &s->timer);
}

void sampler_stop(struct sampler *s)
{
	if (s)
		ev_timer_stop(s->w->loop, &s->timer);
}

void sampler_free(struct sampler *s)
{
	sampler_stop(s);
	free(s);
}

const struct past *sampler_past(const struct sampler *s)
{
	return &s->past;
}

void sampler_told(struct worker *w, const struct letter *l)
{
	struct history *copy = mem_alloc(sizeof(*copy));

	*copy = w->sampler->history;
	question_answer(w, l->from, l->handle, copy, free);
}

static void answer(struct worker *w, struct question *q)
{
	struct json j;
	struct buf body;

	if (!q->answers[0].p) {
		api_error(w, q->request, 503, "The worker that keeps the history does not answer.");
		return;
	}
	j = json_new();
	json_open(&j, NULL);
	json_int(&j, "step_ms", HISTORY_STEP);
	json_int(&j, "now_ms", worker_wall_clock());
	history_put(q->answers[0].p, &j);
	json_close(&j);
	body = json_done(&j);
	web_reply(w->web, q->request, 200, &body, "application/json");
}

void sampler_history(struct worker *w, handle_t h)
{
	struct question *q = question_new(w->questions, h, answer, NULL);

	question_ask(w->questions, q, 0, letter_new(LETTER_HISTORY));
}

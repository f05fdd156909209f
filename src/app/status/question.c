/* Questions on their way. */
#include "app/status/question.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { ANSWER_WAIT = 1000 }; /* ms for all who were asked */

struct questions {
	struct worker *w; /* borrowed */
	struct question *first;
	ev_timer timer; /* wakes the loop for deadlines; runs while a question is out */
};

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)t;
	(void)events;
}

struct questions *questions_new(struct worker *w)
{
	struct questions *all = mem_zalloc(sizeof(*all));

	all->w = w;
	ev_timer_init(&all->timer, on_timer, .25, .25);
	return all;
}

static void drop(struct questions *all, struct question **at)
{
	struct question *q = *at;

	*at = q->next;
	slots_remove(&all->w->slots, q->handle);
	for (int i = 0; i < WORKERS_MAX; i++)
		if (q->answers[i].p)
			q->answers[i].release(q->answers[i].p);
	free(q->about);
	free(q);
	if (!all->first)
		ev_timer_stop(all->w->loop, &all->timer);
}

void questions_free(struct questions *all)
{
	while (all->first)
		drop(all, &all->first);
	ev_timer_stop(all->w->loop, &all->timer);
	free(all);
}

struct question *question_new(struct questions *all, handle_t request,
			      void (*done)(struct worker *w, struct question *q), void *about)
{
	struct question *q = mem_zalloc(sizeof(*q));

	q->request = request;
	q->done = done;
	q->about = about;
	q->deadline = worker_clock() + ANSWER_WAIT; /* asked before the turn, which has its own */
	q->handle = slots_add(&all->w->slots, q);
	q->next = all->first;
	all->first = q;
	ev_timer_start(all->w->loop, &all->timer);
	return q;
}

void question_ask(struct questions *all, struct question *q, uint8_t worker, struct letter *l)
{
	assert(!q->to[worker]);
	q->to[worker] = true;
	q->asked++;
	l->handle = q->handle;
	l->from = all->w->index;
	worker_send(all->w, worker, l);
}

void question_answer(struct worker *w, uint8_t from, handle_t question, void *p,
		     void (*release)(void *p))
{
	struct letter *tell = letter_new(LETTER_TELL);

	tell->handle = question;
	tell->from = w->index;
	tell->u.tell.p = p;
	tell->u.tell.release = release;
	worker_send(w, from, tell);
}

static void finish(struct questions *all, struct question **at)
{
	(*at)->done(all->w, *at);
	drop(all, at);
}

void questions_tell(struct questions *all, struct letter *l)
{
	struct question *q = slots_get(&all->w->slots, l->handle), **at;

	if (!q || q->answers[l->from].p)
		return;
	q->answers[l->from].release = l->u.tell.release;
	q->answers[l->from].p = MEM_TAKE(l->u.tell.p);
	if (++q->told < q->asked)
		return;
	for (at = &all->first; *at != q; at = &(*at)->next)
		continue;
	finish(all, at);
}

void questions_expire(struct questions *all, int64_t now)
{
	struct question **at = &all->first;

	while (*at) {
		if (now >= (*at)->deadline)
			finish(all, at);
		else
			at = &(*at)->next;
	}
}

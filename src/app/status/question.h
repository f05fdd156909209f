/* Questions of one worker to all, or some: each goes by letter and is answered by letter, so that
 * nobody sees what is another worker's, and a worker that hangs is named instead of waited for. */
#ifndef APP_STATUS_QUESTION_H
#define APP_STATUS_QUESTION_H

#include "app/worker.h"

struct questions;

/* On its way until all have answered, or its time is over; then done() is called, once, and the
 * question is freed with its answers. */
struct question {
	struct question *next;
	handle_t request; /* the HTTP request that waits for it */
	handle_t handle;  /* its own, in the letters */
	int64_t deadline;
	void (*done)(struct worker *w, struct question *q);
	void *about; /* owned, one piece of memory; done()'s */
	int asked, told;
	bool to[WORKERS_MAX]; /* who was asked */
	struct answer {
		void *p; /* owned; NULL: has not answered */
		void (*release)(void *p);
	} answers[WORKERS_MAX];
};

struct questions *questions_new(struct worker *w);
void questions_free(struct questions *all);

/* Begins one, for an HTTP request; takes about (may be NULL). Who is asked comes next. */
struct question *question_new(struct questions *all, handle_t request,
			      void (*done)(struct worker *w, struct question *q), void *about);
void question_ask(struct questions *all, struct question *q, uint8_t worker,
		  struct letter *l); /* takes l */

/* The other side: w answers a question of worker `from`; takes p, which release() frees. */
void question_answer(struct worker *w, uint8_t from, handle_t question, void *p,
		     void (*release)(void *p));

void questions_tell(struct questions *all, struct letter *l); /* TELL: an answer came */
void questions_expire(struct questions *all, int64_t now);    /* done() with what is late */

#endif

/* The overview: what all workers tell of themselves, gathered and added up; as JSON it is the
 * document of /api/status. */
#ifndef APP_STATUS_OVERVIEW_H
#define APP_STATUS_OVERVIEW_H

#include "app/status/question.h"
#include "app/status/report.h"

struct overview {
	struct report *sum;			   /* owned */
	const struct report *reports[WORKERS_MAX]; /* borrowed; NULL: did not tell */
	struct health_row *rows;		   /* owned */
	size_t n_rows;
	int silent; /* workers */
};

/* Asks all workers; done() gets their reports as the question's answers. h: 0 where no request
 * waits for it. */
void overview_ask(struct worker *w, handle_t h, void (*done)(struct worker *w, struct question *q));

void overview_told(struct worker *w, const struct letter *l); /* REPORT: a worker wants to know */

/* What came of it. */
void overview_init(struct overview *o, struct worker *w, const struct question *q);
void overview_clear(struct overview *o);
/* What is wrong, by problem_find(): PROBLEMS_MAX of it at most. */
struct problem;
size_t overview_problems(const struct overview *o, struct worker *w, struct problem *v);
struct buf overview_json(const struct overview *o, struct worker *w);

/* NULL where new sessions can be served here, else why not, in few words. */
const char *overview_unready(struct worker *w);

#endif

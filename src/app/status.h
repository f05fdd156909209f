/* The status API of one worker: a question goes to all workers by letter, each answers for itself,
 * and what came in time is merged and told as JSON; who did not answer is named. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include "app/worker.h"

struct status *status_new(struct worker *w);
void status_free(struct status *s);

/* A GET of `path` ("/api/status", "/api/sessions?limit=100"), to be answered under handle h. */
void status_get(struct status *s, handle_t h, struct slice path);

void status_ask(struct status *s, const struct letter *l); /* ASK: a worker wants to know */
void status_tell(struct status *s, struct letter *l);	   /* TELL: a worker answers */
void status_expire(struct status *s, int64_t now);	   /* answers what has waited long enough */

/* The built-in page of the status listeners. */
extern const struct web_files status_page;

#endif

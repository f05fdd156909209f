/* The status API of one worker: what all workers tell of themselves is merged and told as JSON; who
 * did not answer in time is named. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include "app/worker.h"

/* A GET of /api/status or, with rows, /api/sessions, to be answered under handle h. */
void status_get(struct worker *w, handle_t h, bool rows, struct slice query);

void status_ask(struct worker *w, const struct letter *l); /* ASK: a worker wants to know */

/* The built-in page of the status listeners. */
extern const struct web_files status_page;

#endif

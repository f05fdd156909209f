/* The status API of one worker: what all workers tell of themselves is merged and told as JSON; who
 * did not answer in time is named. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include "app/worker.h"

/* A GET of /api/status, to be answered under handle h. */
void status_get(struct worker *w, handle_t h);

struct tally;

/* Worker `from` asked: its sessions are counted in y (taken), the rest is added. */
void status_counted(struct worker *w, uint8_t from, handle_t question, struct tally *y);

/* The built-in page of the status listeners. */
extern const struct web_files status_page;

#endif

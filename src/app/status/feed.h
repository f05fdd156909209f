/* The live stream of /api/status: the readers of one worker get the overview each second. */
#ifndef APP_STATUS_FEED_H
#define APP_STATUS_FEED_H

#include "app/worker.h"

enum { FEED_MAX = 16 /* readers, of the whole process */ };

struct feed *feed_new(struct worker *w);
void feed_free(struct feed *f);

void feed_begin(struct feed *f, handle_t h); /* GET /api/stream */
bool feed_gone(struct feed *f, handle_t h); /* a stream's reader went: whether it was one of ours */
void feed_end(struct feed *f);		    /* the worker stops */

/* Appends an event of a text/event-stream; data has no newline. */
void feed_event(struct buf *b, const char *name, struct slice data);

#endif

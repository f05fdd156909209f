/* Watching a session live: GET /api/sessions/ID/trace is a stream of what it says and hears,
 * redacted. While nobody watches, that costs one bit test an element. */
#ifndef APP_STATUS_TRACE_H
#define APP_STATUS_TRACE_H

#include "app/worker.h"

enum { TRACES_MAX = 8 }; /* of a process at a time */

/* The reader's side: the request under h is answered with the stream. */
void trace_start(struct worker *w, handle_t h, handle_t session);
void trace_tell(struct worker *w, struct letter *l); /* TRACED */
bool trace_gone(struct worker *w, handle_t stream);  /* false: not one of these */
void traces_forget(struct worker *w);		     /* at the end */

#endif

/* The sampler, on the first worker: asks all for their reports every ten seconds, keeps the last
 * hour of them, and writes one line a minute to the log that sums up what was refused or shed. */
#ifndef APP_STATUS_SAMPLER_H
#define APP_STATUS_SAMPLER_H

#include "app/worker.h"

struct sampler *sampler_new(struct worker *w); /* NULL on all but the first */
void sampler_free(struct sampler *s);	       /* NULL is fine */
void sampler_start(struct sampler *s);	       /* NULL is fine */
void sampler_stop(struct sampler *s);

/* Since when what is wrong is so; lent until the next look. */
struct past;
const struct past *sampler_past(const struct sampler *s);

/* GET /api/history on any worker: the first one is asked. */
void sampler_history(struct worker *w, handle_t h);
void sampler_told(struct worker *w, const struct letter *l); /* HISTORY: the first one tells */

#endif

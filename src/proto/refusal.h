/* What was refused or shed, counted by kind: sessions and requests by their reason (reason.def),
 * HTTP requests and connections by refusal.def. Each kind may have a few lines of its own in the
 * log each minute; the rest is only counted, so that a flood does not fill it. */
#ifndef PROTO_REFUSAL_H
#define PROTO_REFUSAL_H

#include <stdbool.h>
#include "base/buf.h"
#include "proto/reason.h"

enum refusal {
	REFUSAL_BEHIND_REASONS = REASON_COUNT - 1, /* kinds below REASON_COUNT are reasons */
#define X(name, label, text) REFUSAL_##name,
#include "proto/refusal.def"
#undef X
	REFUSAL_COUNT
};

enum { REFUSAL_PERIOD = 60000 /* ms */ };

struct refusals {
	uint64_t n[REFUSAL_COUNT];
	uint32_t told[REFUSAL_COUNT]; /* in this period */
	uint32_t most;		      /* of a kind that may have a line each in a period */
	int64_t period;
};

/* Start zeroed, with `most`. Counts one; whether it may have a line of its own. `now` ms,
 * monotonic. */
bool refusal_note(struct refusals *r, unsigned kind, int64_t now);

/* Appends " label=number" for each kind of which there are more in n than in told, as far as a log
 * line has room, and notes that in told. How many more there are in all. What a worker does not
 * tell for a while (n below told) is not told twice. */
uint64_t refusal_summary(struct buf *line, uint64_t told[REFUSAL_COUNT],
			 const uint64_t n[REFUSAL_COUNT]);

unsigned refusal_of_status(int status); /* of HTTP */
const char *refusal_label(unsigned kind);

#endif

/* The last hour, a point each ten seconds: kept by one worker, for pictures. Pure: time is a
 * number. */
#ifndef APP_STATUS_HISTORY_H
#define APP_STATUS_HISTORY_H

#include "app/status/json.h"
#include "app/status/report.h"

enum { HISTORY_STEP = 10000 /* ms */, HISTORY_POINTS = 360, HISTORY_UNKNOWN = -1 };

enum history_series {
#define X(name, kind, field) HISTORY_##name,
#include "app/status/history.def"
#undef X
	HISTORY_SERIES
};

struct history {
	int64_t v[HISTORY_POINTS][HISTORY_SERIES];
	uint32_t n, next;    /* points; where the next goes */
	struct numbers last; /* of the last point that was known, */
	int64_t last_at;     /* and when that was; 0: never */
};

/* A point: the sum of all workers, NULL where one of them did not tell; memory in bytes. */
void history_push(struct history *h, const struct report *sum, int64_t memory, int64_t now);

/* "points", "series": oldest first, what is not known as null. */
void history_put(const struct history *h, struct json *j);

#endif

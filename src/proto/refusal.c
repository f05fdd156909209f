/* Refusals. */
#include "proto/refusal.h"

#include <string.h>

enum { SUMMARY_LINE = 1500 };

static const char *const labels[] = {
#define X(name, label, text) label,
#include "proto/refusal.def"
#undef X
};

bool refusal_note(struct refusals *r, unsigned kind, int64_t now)
{
	int64_t period = now / REFUSAL_PERIOD;

	r->n[kind]++;
	if (r->period != period) {
		r->period = period;
		memset(r->told, 0, sizeof(r->told));
	}
	if (r->told[kind] >= r->most)
		return false;
	r->told[kind]++;
	return true;
}

uint64_t refusal_summary(struct buf *line, uint64_t told[REFUSAL_COUNT],
			 const uint64_t n[REFUSAL_COUNT])
{
	uint64_t total = 0;

	for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
		uint64_t by = n[i] > told[i] ? n[i] - told[i] : 0;

		told[i] += by;
		total += by;
		if (by && line->len < SUMMARY_LINE)
			buf_addf(line, " %s=%llu", refusal_label(i), (unsigned long long)by);
	}
	return total;
}

unsigned refusal_of_status(int status)
{
	switch (status) {
	case 400: return REFUSAL_HTTP_400;
	case 401: return REFUSAL_HTTP_401;
	case 403: return REFUSAL_HTTP_403;
	case 404: return REFUSAL_HTTP_404;
	case 405: return REFUSAL_HTTP_405;
	case 408: return REFUSAL_HTTP_408;
	case 411: return REFUSAL_HTTP_411;
	case 413: return REFUSAL_HTTP_413;
	case 415: return REFUSAL_HTTP_415;
	case 417: return REFUSAL_HTTP_417;
	case 426: return REFUSAL_HTTP_426;
	case 429: return REFUSAL_HTTP_429;
	case 431: return REFUSAL_HTTP_431;
	case 500: return REFUSAL_HTTP_500;
	case 501: return REFUSAL_HTTP_501;
	case 503: return REFUSAL_HTTP_503;
	case 505: return REFUSAL_HTTP_505;
	default: return REFUSAL_HTTP_OTHER;
	}
}

const char *refusal_label(unsigned kind)
{
	if (kind < REASON_COUNT)
		return reason_label((enum reason)kind);
	return labels[kind - REASON_COUNT];
}

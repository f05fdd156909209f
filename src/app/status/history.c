/* The last hour. */
#include "app/status/history.h"

enum kind { GAUGE, SECOND, MINUTE, OTHER };

/* What it grew by each `per` ms; of a counter that went back nothing is known. */
static int64_t rate(uint64_t now, uint64_t before, int64_t ms, int64_t per)
{
	if (ms <= 0 || now < before)
		return HISTORY_UNKNOWN;
	return (int64_t)(((now - before) * (uint64_t)per + (uint64_t)ms / 2) / (uint64_t)ms);
}

static int64_t value(enum kind kind, uint64_t now, uint64_t before, int64_t ms)
{
	switch (kind) {
	case GAUGE: return (int64_t)now;
	case SECOND: return rate(now, before, ms, 1000);
	case MINUTE: return rate(now, before, ms, 60000);
	default: return HISTORY_UNKNOWN;
	}
}

void history_push(struct history *h, const struct report *sum, int64_t memory, int64_t now)
{
	int64_t *v = h->v[h->next], ms = h->last_at ? now - h->last_at : 0;

	h->next = (h->next + 1) % HISTORY_POINTS;
	h->n += h->n < HISTORY_POINTS;
	for (int i = 0; i < HISTORY_SERIES; i++)
		v[i] = HISTORY_UNKNOWN;
	v[HISTORY_memory_bytes] = memory;
	if (!sum)
		return;
#define X(name, kind, field) v[HISTORY_##name] = value(kind, sum->n.field, h->last.field, ms);
#include "app/status/history.def"
#undef X
	v[HISTORY_memory_bytes] = memory;
	v[HISTORY_load_percent] = sum->meter.load_percent;
	h->last = sum->n;
	h->last_at = now;
}

void history_put(const struct history *h, struct json *j)
{
	static const char *const names[] = {
#define X(name, kind, field) #name,
#include "app/status/history.def"
#undef X
	};

	json_int(j, "points", h->n);
	json_open(j, "series");
	for (int s = 0; s < HISTORY_SERIES; s++) {
		json_array(j, names[s]);
		for (uint32_t i = 0; i < h->n; i++) {
			uint32_t at = (h->next + HISTORY_POINTS - h->n + i) % HISTORY_POINTS;

			if (h->v[at][s] == HISTORY_UNKNOWN)
				json_null(j, NULL);
			else
				json_int(j, NULL, h->v[at][s]);
		}
		json_array_close(j);
	}
	json_close(j);
}

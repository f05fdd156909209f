/* Why sessions went. */
#include "app/gone.h"

#include <stdio.h>

void gone_add(struct gone *g, uint64_t hash, handle_t h, enum reason r, int64_t now)
{
	g->v[g->next] = (struct gone_session){.hash = hash, .handle = h, .when = now, .reason = r};
	g->next = (g->next + 1) % GONE_MAX;
}

enum reason gone_find(const struct gone *g, uint64_t hash, int64_t *when)
{
	for (uint32_t i = 0; i < GONE_MAX; i++) {
		if (g->v[i].hash != hash || g->v[i].reason == REASON_NONE)
			continue;
		*when = g->v[i].when;
		return (enum reason)g->v[i].reason;
	}
	return REASON_NONE;
}

enum reason gone_find_handle(const struct gone *g, handle_t h, int64_t *when)
{
	for (uint32_t i = 0; i < GONE_MAX; i++) {
		if (g->v[i].handle != h || g->v[i].reason == REASON_NONE)
			continue;
		*when = g->v[i].when;
		return (enum reason)g->v[i].reason;
	}
	return REASON_NONE;
}

const char *gone_text(const struct gone *g, uint64_t hash, int64_t now, char dst[GONE_TEXT])
{
	int64_t when = 0;
	enum reason r = gone_find(g, hash, &when);

	if (r == REASON_NONE)
		return "";
	snprintf(dst, GONE_TEXT, " ended=%s ago=%lld", reason_label(r),
		 (long long)((now - when) / 1000));
	return dst;
}

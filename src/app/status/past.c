/* Since when things are wrong. */
#include "app/status/past.h"

void past_see(struct past *p, const uint64_t *keys, size_t n, int64_t now)
{
	struct past next = {.looked = 1, .well = past_well(p) < 0 ? now : p->well};

	for (size_t i = 0; i < n && next.n < PAST_MAX; i++) {
		int64_t since = past_since(p, keys[i]);

		next.v[next.n].key = keys[i];
		next.v[next.n++].since = since < 0 ? now : since;
	}
	*p = next;
}

int64_t past_since(const struct past *p, uint64_t key)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->v[i].key == key)
			return p->v[i].since;
	return -1;
}

int64_t past_well(const struct past *p)
{
	return p->looked && !p->n ? p->well : -1;
}

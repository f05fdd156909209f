/* What clients call themselves. */
#include "web/agents.h"
#include "base/mem.h"

#include <stdlib.h>

void agents_clear(struct agents *a)
{
	for (uint16_t i = 0; i < a->n; i++)
		free(a->v[i].text);
	free(a->v);
	*a = (struct agents){0};
}

static bool is(const struct agents *a, uint16_t i, struct slice text)
{
	return a->v[i].n == text.n && memcmp(a->v[i].text, text.p, text.n) == 0;
}

static uint32_t hash_of(struct slice text)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (uint8_t)text.p[i]) * 16777619u;
	return h;
}

static uint16_t add(struct agents *a, struct slice text, uint32_t hash)
{
	if (a->n == AGENTS_MAX)
		return AGENTS_OTHER;
	if (!a->v) {
		a->v = mem_zalloc(AGENTS_MAX * sizeof(*a->v));
		a->n = AGENTS_OTHER + 1;
	}
	a->v[a->n] = (struct agent){hash, (uint32_t)text.n, mem_strndup(text.p, text.n)};
	return a->n++;
}

uint16_t agents_find(struct agents *a, uint16_t last, struct slice text)
{
	uint32_t hash;

	if (!text.n)
		return AGENTS_NONE;
	if (text.n > AGENTS_TEXT)
		text.n = AGENTS_TEXT;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			return AGENTS_OTHER; /* no name that can be shown */
	if (last > AGENTS_OTHER && last < a->n && is(a, last, text))
		return last;
	hash = hash_of(text);
	for (uint16_t i = AGENTS_OTHER + 1; i < a->n; i++)
		if (a->v[i].hash == hash && is(a, i, text))
			return i;
	return add(a, text, hash);
}

const char *agents_text(const struct agents *a, uint16_t i)
{
	if (i == AGENTS_NONE)
		return "";
	return i > AGENTS_OTHER && i < a->n ? a->v[i].text : "(not remembered)";
}

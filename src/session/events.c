/* The last things that happened to a session. */
#include "session/events.h"

#include <assert.h>
#include <string.h>

enum { UNIT = 10, MANTISSA = 12, EXPONENT_MAX = 15 };

static uint16_t pack(uint32_t n)
{
	uint32_t e = 0;

	while (n >> MANTISSA && e < EXPONENT_MAX) {
		n >>= 1;
		e++;
	}
	if (n >> MANTISSA)
		n = (1 << MANTISSA) - 1;
	return (uint16_t)(e << MANTISSA | n);
}

static uint32_t unpack(uint16_t n)
{
	return (uint32_t)(n & ((1 << MANTISSA) - 1)) << (n >> MANTISSA);
}

static uint32_t units(int64_t age)
{
	return age < 0 ? 0 : age / UNIT > UINT32_MAX ? UINT32_MAX : (uint32_t)(age / UNIT);
}

static void count(struct events *v, enum event what)
{
	if (what == EVENT_LOGGED_IN && v->logins < UINT8_MAX)
		v->logins++;
	if (what >= EVENT_LOGIN_FAILED && what < EVENT_LOGGED_IN && v->failures < UINT8_MAX)
		v->failures++;
}

void events_note(struct events *v, enum event what, int64_t age)
{
	uint32_t at = units(age), since = at > v->last ? at - v->last : 0;
	uint8_t newest = (uint8_t)(v->noted - 1) % EVENTS_KEPT;

	count(v, what);
	v->last += since;
	if (v->n && v->what[newest] == what) {
		v->since[newest] = pack(unpack(v->since[newest]) + since);
		return;
	}
	v->what[v->noted % EVENTS_KEPT] = (uint8_t)what;
	v->since[v->noted % EVENTS_KEPT] = pack(since);
	v->noted++;
	if (v->n < EVENTS_KEPT)
		v->n++;
}

enum event events_get(const struct events *v, unsigned i, int64_t *age)
{
	uint32_t at = v->last;
	uint8_t k = (uint8_t)(v->noted - 1);

	for (; i; i--, k--)
		at -=
		    unpack(v->since[k % EVENTS_KEPT]) < at ? unpack(v->since[k % EVENTS_KEPT]) : at;
	*age = (int64_t)at * UNIT;
	return (enum event)v->what[k % EVENTS_KEPT];
}

const char *event_label(enum event e)
{
	static const char *const labels[] = {
#define X(name, label, words) label,
#include "session/event.def"
#undef X
	};

	return labels[e];
}

const char *event_words(enum event e)
{
	static const char *const texts[] = {
#define X(name, label, words) words,
#include "session/event.def"
#undef X
	};

	return texts[e];
}

struct slice event_condition(enum event e)
{
	const char *colon = strstr(event_words(e), ": ");

	return slice_str(colon ? colon + 2 : NULL);
}

enum event event_find(const char *label, struct slice condition)
{
	int first = EVENT_COUNT;

	for (int e = EVENT_COUNT - 1; e >= 0; e--) {
		if (strcmp(event_label((enum event)e), label) != 0)
			continue;
		if (condition.n && slice_eq(event_condition((enum event)e), condition))
			return (enum event)e;
		first = e;
	}
	assert(first < EVENT_COUNT);
	return (enum event)first;
}

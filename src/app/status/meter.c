/* A ring of seconds. */
#include "app/status/meter.h"

#include <string.h>

static struct meter_slot *slot(struct meter *m, int64_t second)
{
	return &m->v[(uint64_t)second % METER_SECONDS];
}

/* The slot of the present second; those that time went over are emptied. */
static struct meter_slot *present(struct meter *m, int64_t now)
{
	int64_t second = now / 1000;

	if (second - m->second >= METER_SECONDS)
		m->second = second - METER_SECONDS;
	while (m->second < second)
		memset(slot(m, ++m->second), 0, sizeof(*m->v));
	return slot(m, m->second);
}

void meter_turn(struct meter *m, int64_t now, uint64_t us)
{
	struct meter_slot *s = present(m, now);
	uint32_t n = us < UINT32_MAX / 2 ? (uint32_t)us : UINT32_MAX / 2;

	s->busy_us = s->busy_us < UINT32_MAX / 2 ? s->busy_us + n : UINT32_MAX / 2;
	if (n > s->turn_max_us)
		s->turn_max_us = n;
}

void meter_logins(struct meter *m, int64_t now, uint32_t well, uint32_t failed)
{
	struct meter_slot *s = present(m, now);

	s->logins += well;
	s->login_failures += failed;
}

void meter_look(struct meter *m, int64_t now, struct meter_view *v)
{
	uint64_t busy = 0;

	*v = (struct meter_view){.turn_max_us = present(m, now)->turn_max_us};
	for (int i = 0; i < METER_MINUTE; i++) {
		const struct meter_slot *s = slot(m, m->second - i);

		v->logins += s->logins;
		v->login_failures += s->login_failures;
		if (i == 0 || i > METER_LOAD)
			continue;
		busy += s->busy_us;
		if (s->turn_max_us > v->turn_max_us)
			v->turn_max_us = s->turn_max_us;
	}
	busy /= METER_LOAD * 10000;
	v->load_percent = busy < 100 ? (uint32_t)busy : 100;
}

/* Beats come at half the time that the service manager allows, so that one may be late. Who has not
 * answered by then is looked at often: the beat is given as soon as all have. */
#include "app/pulse.h"

enum { LOOKS = 8 }; /* at late workers, in the time between two beats */

void pulse_init(struct pulse *p, int64_t watchdog, int64_t now)
{
	*p = (struct pulse){.asked = 1};
	if (watchdog <= 0)
		return;
	p->every = watchdog / 2 ? watchdog / 2 : 1;
	p->due = now + p->every;
}

enum pulse_word pulse_look(struct pulse *p, const uint32_t *answers, size_t n, int64_t now,
			   size_t *who)
{
	bool was_late = p->late;

	if (!p->every || now < p->due)
		return PULSE_REST;
	for (*who = 0; *who < n; ++*who)
		if (answers[*who] != p->asked && answers[*who] != PULSE_LEFT)
			break;
	p->late = *who < n;
	if (p->late) {
		p->due = now + (p->every / LOOKS ? p->every / LOOKS : 1);
		return was_late ? PULSE_WAIT : PULSE_LATE;
	}
	p->due = now + p->every;
	if (++p->asked == PULSE_LEFT)
		p->asked = 1;
	return PULSE_BEAT;
}

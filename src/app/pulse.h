/* Whether every worker's turn goes round. Each is asked, with a number that goes up, and answers in
 * its turn; one that sleeps is woken by the question and healthy, one that hangs does not answer.
 * Pure: no thread, no clock. */
#ifndef APP_PULSE_H
#define APP_PULSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PULSE_LEFT = UINT32_MAX }; /* the answer of a worker that has ended in order */

struct pulse {
	int64_t every;	/* ms from one beat to the next; 0: nobody wants to know */
	int64_t due;	/* when to look again */
	uint32_t asked; /* the question that is out */
	bool late;	/* somebody has not answered in time */
};

/* watchdog: ms without a beat that the service manager waits; 0: none. The first question, 1, is to
 * be asked now. */
void pulse_init(struct pulse *p, int64_t watchdog, int64_t now);

enum pulse_word {
	PULSE_REST, /* nothing to do before p->due */
	PULSE_BEAT, /* all have answered: give a sign of life, and ask p->asked */
	PULSE_LATE, /* somebody has just turned out not to answer in time: *who */
	PULSE_WAIT  /* ... and still does not */
};
enum pulse_word pulse_look(struct pulse *p, const uint32_t *answers, size_t n, int64_t now,
			   size_t *who);

#endif

/* The last things that happened to a session, for whoever asks why it does not work. Pure, and
 * small: there is one for each session. */
#ifndef SESSION_EVENTS_H
#define SESSION_EVENTS_H

#include <stdint.h>
#include "base/slice.h"

enum event {
#define X(name, label, words) EVENT_##name,
#include "session/event.def"
#undef X
	EVENT_COUNT
};

enum { EVENTS_KEPT = 16 };

/* Times are kept as what lies between two, in 12 bits and an exponent: a ten-thousandth of it may
 * be wrong, and nobody asks on which millisecond of yesterday it was. */
struct events {
	uint32_t last;		     /* when the newest happened: since birth, in units of 10 ms */
	uint16_t since[EVENTS_KEPT]; /* of event i at i % EVENTS_KEPT: from the one before it */
	uint8_t what[EVENTS_KEPT];   /* enum event */
	uint8_t noted;		     /* so far, modulo 256 */
	uint8_t n;		     /* kept */
	uint8_t logins, failures;    /* noted so far, of each 255 at most */
};

/* age: ms since the session's birth; never less than that of the event before. What happens over
 * and over is kept once, with its last time. */
void events_note(struct events *v, enum event what, int64_t age);

/* The i-th of v->n, the newest first; *age as above. */
enum event events_get(const struct events *v, unsigned i, int64_t *age);

const char *event_label(enum event e); /* "login-failed" */
const char *event_words(enum event e);

/* The event of that label whose words have that condition; the first of that label where none has.
 */
enum event event_find(const char *label, struct slice condition);
struct slice event_condition(enum event e); /* empty where its words have none */

#endif

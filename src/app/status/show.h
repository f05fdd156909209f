/* One session as JSON: a row of the list, and all that is known of one. */
#ifndef APP_STATUS_SHOW_H
#define APP_STATUS_SHOW_H

#include "app/status/json.h"
#include "app/status/look.h"
#include "app/status/question.h"

/* What became of a question about one session: SHOW, KILL. */
struct shown {
	int status;	 /* of HTTP: 200, 404 */
	struct buf json; /* owned */
};
void shown_free(void *shown);

/* The members of a row, but for its backend, into the object that is open. */
void show_row(struct json *j, const struct look_row *r);

/* The one answer to such a question, NULL where there is none in time; passes it on to whoever
 * waits for it, or says that there is none. */
const struct shown *show_of(const struct worker *w, const struct question *q);
void show_pass_on(struct worker *w, struct question *q);

#endif

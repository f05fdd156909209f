/* One session as JSON: a row of the list, and all that is known of one. */
#ifndef APP_SHOW_H
#define APP_SHOW_H

#include "app/json.h"
#include "app/look.h"

/* What became of a question about one session: SHOW, KILL. */
struct shown {
	int status;	 /* of HTTP: 200, 404 */
	struct buf json; /* owned */
};
void shown_free(void *shown);

/* The members of a row, but for its backend, into the object that is open. */
void show_row(struct json *j, const struct look_row *r);

#endif

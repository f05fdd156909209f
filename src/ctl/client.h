/* Speaks to a Fairlead by its control socket: one request, one answer. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "base/buf.h"

/* Where the socket is, when nobody says: the first that is there of the places where a Fairlead
 * makes it. */
void client_find(char path[4096]);

/* The answer's status, its body in *body (the caller's). -1: stderr was told why not.
 * body_in NULL: a GET, else a POST. */
int client_ask(const char *socket, const char *target, const char *body_in, struct buf *body);

/* The same for a stream: line() gets each line as it comes, without its end, until it is false. */
int client_follow(const char *socket, const char *target, bool (*line)(struct slice text),
		  struct buf *body);

#endif

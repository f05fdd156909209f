/* The owner's table: every session of one worker, by sid and by handle, each with its leg to the
 * backend and its one timer. It carries out what sessions want, and frees them, in the turn only.
 */
#ifndef APP_SESSIONS_H
#define APP_SESSIONS_H

#include "app/worker.h"

struct report;

struct sessions *sessions_new(struct worker *w);
void sessions_free(struct sessions *t); /* logs and frees all that is left */

/* A letter from the web side: REQUEST, HURRY, GONE, FRAME, PONG, DRAINED, CLOSED. The letter stays
 * the caller's; what is taken out of it is gone from it. */
void sessions_deliver(struct sessions *t, struct letter *l);

/* Why no session may begin over a WebSocket now, in words for the client; NULL where one may. */
const char *sessions_refusal(const struct sessions *t);

/* A WebSocket is up: its session's handle, or 0 where a limit refuses it. Only makes room: the
 * session's own code does not run yet. Takes client. */
handle_t sessions_websocket(struct sessions *t, handle_t ws, const struct addr *peer,
			    struct web_client *client);

/* Pumps every session that something happened to, and frees the dead. */
void sessions_pump(struct sessions *t);

/* Ends some hundred sessions that are not ending yet; false when all are. */
bool sessions_stop(struct sessions *t, enum reason r);

/* LIST: every session is looked at, some in each turn by sessions_scan(), which tells whether there
 * are more; then the answer goes out. */
void sessions_list(struct sessions *t, struct letter *l);
bool sessions_scan(struct sessions *t);

/* SHOW: answers with all that is known of one session; KILL: ends one. */
void sessions_show(struct sessions *t, const struct letter *l);
void sessions_trace(struct sessions *t, const struct letter *l);   /* TRACE */
void sessions_untrace(struct sessions *t, const struct letter *l); /* UNTRACE */
void sessions_kill(struct sessions *t, const struct letter *l);

/* The sessions at that backend (taken) are ended, some hundred a call of sessions_drain_on(), which
 * is false when all were. */
void sessions_drain(struct sessions *t, char *backend);
bool sessions_drain_on(struct sessions *t);

/* Adds what the sessions add up to; the end of a turn that took us. */
void sessions_report(struct sessions *t, struct report *r);
void sessions_turned(struct sessions *t, uint64_t us);

#endif

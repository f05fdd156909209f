/* Plays scripts against a front machine, and checks on the way what must hold of any script.
 *
 * A script is a list of lines. One that starts in the first column is something that happens; the
 * indented ones below it are what the machine says and does about it, in order:
 *
 *	> a <body rid='1' to='example.com'/>   request a (BOSH), xmlns added; or: > <auth/>
 *(WebSocket)
 *	> a@1 <body rid='2'/>                  request a, by connection 1
 *	+> b <body rid='2'/>                    the same, and no turn follows yet
 *	gone a / hurry a                       the connection of a; WebSocket: gone
 *	header id='x' from='example.com'       the server's stream header
 *	server <message/>                      an element from the server
 *	wait 1000                              time passes, in ms
 *	close killed [<stream:error>..]        the hub ends the session
 *	stop / go                              the hub pulls no events, pulls again
 *	pong 1 / drained [late] / drained 100 / bad too-big   WebSocket
 *	proved 3                               nothing happens: so many stanzas are proved
 *
 *	  open to=example.com lang=en          event; also restart, end
 *	  payload 1 <message/>                 event, with the number of stanzas
 *	  < a <body/>                          answer to a, xmlns left away; WebSocket: < <message/>
 *	  < a (text/html) <body/>              the same with another Content-Type than the usual
 *	  < a 404 <body/>                      the same with another HTTP status than 200
 *	  ~ a 1500                             a is held for at most so long
 *	  < ping 1 / < close 1000              WebSocket
 *	  failed inactivity                    the machine wants an end, and the player closes it
 *	  closed                               nothing more will come
 */
#ifndef TESTS_FRONT_PLAYER_H
#define TESTS_FRONT_PLAYER_H

#include "proto/bosh.h"
#include "proto/wsfront.h"

struct player;

struct player *player_new(const struct bosh_config *bosh, const struct wsfront_config *ws);
void player_free(struct player *p);

/* Plays all lines; a difference, or anything that must never be, ends the program with a report. */
void player_run(struct player *p, const char *name, const char *const *lines);

/* The same, piece by piece, for the fuzzers. Bodies and frames are taken. */
void player_request(struct player *p, handle_t h, struct body *body);
void player_frame(struct player *p, struct frame *frame, enum reason bad);
void player_gone(struct player *p, handle_t h);
void player_hurry(struct player *p, handle_t h);
void player_header(struct player *p, const char *attributes);
void player_server(struct player *p, struct slice element);
void player_close(struct player *p, enum reason r, struct slice detail);
void player_pull(struct player *p, bool on);
void player_pong(struct player *p, uint64_t serial);
void player_drained(struct player *p, uint32_t n, bool waited);
void player_wait(struct player *p, int64_t ms);
void player_turn(struct player *p);

/* What was said since the last call: lines, each ended by a newline; lent. */
struct slice player_said(struct player *p);

/* The object under test (struct bosh * or struct wsfront *), NULL before its creation. */
void *player_machine(const struct player *p);
int64_t player_now(const struct player *p);
uint32_t player_proved(const struct player *p); /* stanzas, counted from the first one's 1 */

#endif

/* Requests: their order on the connection, and their way to a session and back. */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "web/web_priv.h"

/* A request behind all others of h. head NULL: one that could not be read. */
struct request *request_new(struct http *h, const struct http1_head *head);

/* It gets a handle and waits for web_held() or web_reply(): call before the hook that hands it on.
 */
void request_wait(struct request *r);
void request_held(struct request *r, handle_t session, int64_t wait);

/* Its answer, whole: goes out as soon as all older ones have. Takes *bytes; behind them come those
 * of `file`, which outlive the connection and are sent piece by piece. */
void request_answered(struct request *r, struct buf *bytes, struct slice file);

/* A piece of the file that is being sent joins the output where there is room. Whether one did. */
bool request_pour(struct http *h);

/* Its answer grows from now on, in the output: web/stream.c. */
void request_stream(struct request *r);
/* The oldest request's answer is in the output, to its end. */
void request_finished(struct request *r);

struct request *request_find(struct web *w, handle_t h); /* NULL where stale */

/* Nothing is answered (the oldest or the newest only): the connection is handed over, or gone. */
void request_drop(struct request *r);
void request_unname(struct request *r); /* its handle goes stale */
void request_drop_all(struct http *h);	/* with gone() for HELD ones, stream_gone() for STREAMs */
void request_hang_up(struct http *h);	/* the same, but a file that is being sent goes on */

/* Tells the sessions that hold requests which have something behind them. */
void request_hurry(struct http *h);

/* 503 to those whose time is over; the tick when the next is due, 0: none is. */
void request_expire(struct http *h, uint32_t tick);
uint32_t request_due(struct http *h, int64_t now);

/* Whether one more request, with a body of `size`, may be read behind those that wait. */
bool request_may_begin(const struct http *h, uint32_t size);

void request_free(struct request *r); /* one that web_turn() found among the dead */

#endif

/* BOSH requests: from a collected body to the hook. What cannot belong to a session is answered
 * here, with a terminal <body/>: clients that know `ver` read that, and take HTTP errors for ones
 * of the network. */
#include "web/bosh_post.h"
#include "base/log.h"
#include "proto/bosh.h"
#include "web/answer.h"
#include "web/client.h"
#include "web/coder.h"
#include "web/request.h"

static void terminal(struct request *r, bool close, enum reason reason)
{
	struct answer a = {
	    .status = 200, .close = close, .why = reason_text(reason), .kind = reason};
	struct buf body = {0};

	buf_headroom(&body, ANSWER_ROOM);
	bosh_terminal(&body, reason);
	answer(r, &a, &body);
}

void bosh_too_big(struct request *r)
{
	r->http->stop = true;
	terminal(r, true, REASON_TOO_BIG);
}

/* False where it was answered instead. */
static bool unpack(struct request *r)
{
	struct web *w = r->http->web;
	struct buf plain = {0};
	enum coder_result result =
	    coder_unpack(w->coder, r->coding, buf_slice(&r->buf), w->config->body_max, &plain);

	buf_clear(&r->buf);
	if (result == CODER_FINE) {
		r->buf = plain;
		return true;
	}
	buf_clear(&plain);
	if (result == CODER_TOO_BIG)
		bosh_too_big(r);
	else
		answer_words(r, 400, NULL, true, "The compressed body is damaged.");
	return false;
}

void bosh_post(struct request *r)
{
	struct web *w = r->http->web;
	enum reason reason;
	struct body *body;
	struct sid sid;
	bool create;

	if (r->coding != CODING_IDENTITY && !unpack(r))
		return;
	reason = body_parse(&body, w->judge, w->config->limits, &r->buf);
	if (reason != REASON_NONE) {
		terminal(r, false, reason);
		return;
	}
	body->via = r->http->name;
	body->by_tls = r->tls;
	body->bare = r->bare;
	create = !body->sid.p;
	if (!create && !sid_parse(&sid, body->sid)) {
		body_free(body);
		terminal(r, false, REASON_ITEM_NOT_FOUND);
		return;
	}
	request_wait(r);
	w->hooks->request(w->app, r->handle, create ? NULL : &sid, body->sid, body, request_peer(r),
			  create ? client_take(r) : NULL);
}

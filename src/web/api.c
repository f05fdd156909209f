/* What comes in on status listeners and the control socket: files of the page, and the API, whose
 * requests are handed on whole. */
#include "web/api.h"
#include "web/answer.h"
#include "web/files.h"
#include "web/guard.h"
#include "web/request.h"

#include <sys/socket.h>

static bool is_api(struct slice path)
{
	return slice_starts(path, SLICE("/api/")) || slice_is(path, "/metrics") ||
	       slice_is(path, "/ready");
}

/* Who is at the other end of the control socket. */
static int64_t peer_uid(const struct http *h)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (h->kind != WEB_CONTROL ||
	    getsockopt(h->conn.io.fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -1;
	return cred.uid;
}

static void hand_on(struct request *r, struct slice target, bool post, struct slice body)
{
	struct web *w = r->http->web;
	struct web_call c = {.post = post,
			     .body = body,
			     .peer = *request_peer(r),
			     .uid = peer_uid(r->http),
			     .trusted = r->trusted};

	c.path = slice_cut(&target, '?');
	c.query = target;
	request_wait(r);
	w->hooks->api(w->app, r->handle, &c);
}

void api_too_big(struct request *r)
{
	r->http->stop = true;
	answer_words(r, 413, NULL, true, "The body is longer than the 4 KiB that acts may have.");
}

static void begin_post(struct request *r, const struct http1_head *q)
{
	if (!q->chunked && q->length < 0) {
		answer_words(r, 411, NULL, true, "A POST needs a Content-Length.");
		return;
	}
	if (r->coding != CODING_IDENTITY) {
		answer_words(r, 415, NULL, true, "The body of an act is taken uncompressed only.");
		return;
	}
	if (q->length > API_BODY) {
		api_too_big(r);
		return;
	}
	r->state = REQUEST_READING;
	r->left = q->length > 0 ? (uint32_t)q->length : 0;
	r->keep = q->keep_alive;
}

void api_route(struct request *r, const struct http1_head *q)
{
	bool api = is_api(q->path), get = q->method == HTTP1_GET || q->method == HTTP1_HEAD;

	if (!guard(r, q, api))
		return;
	if (api && q->method == HTTP1_POST)
		begin_post(r, q);
	else if (!get)
		answer_words(r, 405, api ? "Allow: GET, HEAD, POST\r\n" : "Allow: GET, HEAD\r\n",
			     false, "That method has no meaning at this path.");
	else if (api)
		hand_on(r, q->target, false, SLICE_NONE);
	else
		files_answer(r, r->http->web->config->status_files, q);
}

void api_ready(struct request *r)
{
	hand_on(r, SLICE("/ready"), false, SLICE_NONE);
}

void api_post(struct request *r)
{
	struct buf body = buf_take(&r->buf);

	hand_on(r, slice_str(request_target(r)), true, buf_slice(&body));
	buf_clear(&body);
}

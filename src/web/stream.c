/* Answers without an end: a request whose answer grows for as long as its client stays. What waits
 * to be sent is bounded; a client that reads too slowly loses its connection instead of memory. */
#include "web/answer.h"
#include "web/http.h"
#include "web/request.h"

#include <stdio.h>

static struct request *streaming(struct web *w, handle_t h)
{
	struct request *r = request_find(w, h);

	return r && r->state == REQUEST_STREAM ? r : NULL;
}

bool web_stream_begin(struct web *w, handle_t h, const char *type)
{
	struct request *r = request_find(w, h);

	if (!r)
		return false;
	if (r != r->http->first) {
		answer_words(r, 503, "Retry-After: 1\r\n", false,
			     "A stream needs a connection on which no other answer is due.");
		return false;
	}
	answer_begin(r, type);
	if (r->head_only) {
		request_finished(r);
		return false;
	}
	request_stream(r);
	return true;
}

bool web_stream_write(struct web *w, handle_t h, struct slice data)
{
	struct request *r = streaming(w, h);
	struct buf *out;

	if (!r || data.n == 0)
		return r != NULL;
	out = &r->http->conn.out;
	if (!r->old)
		buf_addf(out, "%zx\r\n", data.n);
	buf_adds(out, data);
	if (!r->old)
		BUF_LIT(out, "\r\n");
	if (out->len > WEB_STREAM_QUEUE)
		r->http->dead = true;
	http_mark(r->http);
	web_more(w);
	return true;
}

void web_stream_end(struct web *w, handle_t h)
{
	struct request *r = streaming(w, h);

	if (!r)
		return;
	if (!r->old)
		BUF_LIT(&r->http->conn.out, "0\r\n\r\n");
	request_finished(r);
	web_more(w);
}

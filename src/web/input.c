/* What comes in on a connection: heads and bodies, one after another, as far ahead as is allowed.
 * Bytes leave the input as soon as they are understood, so that an idle connection holds none. */
#include "base/log.h"
#include "proto/bosh.h"
#include "web/answer.h"
#include "web/api.h"
#include "web/bosh_post.h"
#include "web/client.h"
#include "web/http.h"
#include "web/request.h"
#include "web/route.h"
#include "web/secure.h"

/* A request that cannot be read: where the next one begins is unknown too. */
static void refuse(struct http *h, int status, const char *words)
{
	answer_words(request_new(h, NULL), status, NULL, true, words);
	h->stop = true;
}

static void refuse_body(struct request *r, int status, const char *words)
{
	answer_words(r, status, NULL, true, words);
	r->http->stop = true;
}

struct request *http_reading(const struct http *h)
{
	struct request *r = h->first;

	while (r && r->next)
		r = r->next;
	return r && r->state == REQUEST_READING ? r : NULL;
}

/* BOSH clients take 4xx for the end, and try again after 5xx. It is no less the client that was
 * slow: what counts as 503 is what we had no room or time for. */
void http_slow(struct http *h)
{
	struct request *r = http_reading(h);

	answer_refusal(r ? r : request_new(h, NULL), h->kind == WEB_TRAFFIC ? 503 : 408,
		       REFUSAL_HTTP_408, "The request took too long to arrive.");
	h->stop = true;
}

static void body_done(struct request *r)
{
	struct http *h = r->http;

	h->restart = true;
	if (h->kind != WEB_TRAFFIC)
		api_post(r);
	else
		bosh_post(r);
	client_forget(h);
	request_hurry(h);
}

/* True where the body is complete, false where more must come or the connection ends. */
static bool read_plain(struct http *h, struct request *r)
{
	struct buf *in = &h->conn.in;
	uint32_t n = in->len < r->left ? in->len : r->left;

	r->left -= n;
	if (r->buf.len == 0 && n == in->len) {
		r->buf = buf_take(in);
		return r->left == 0;
	}
	if (r->buf.len == 0 && r->left == 0)
		r->buf = buf_copy(slice_of(buf_data(in), n));
	else
		buf_add(&r->buf, buf_data(in), n);
	buf_eat(in, n);
	return r->left == 0;
}

static uint32_t body_max(const struct http *h)
{
	return h->kind == WEB_TRAFFIC ? h->web->config->body_max : API_BODY;
}

static bool read_chunked(struct http *h, struct request *r)
{
	struct slice in = buf_slice(&h->conn.in), data;
	enum http1_result result;

	while ((result = http1_chunks(&r->chunks, &in, &data)) == HTTP1_DATA) {
		if (r->buf.len + data.n > body_max(h)) {
			(h->kind == WEB_TRAFFIC ? bosh_too_big : api_too_big)(r);
			return false;
		}
		buf_adds(&r->buf, data);
	}
	if (result == HTTP1_BAD) {
		refuse_body(r, 400, "The chunked body is malformed.");
		return false;
	}
	buf_eat(&h->conn.in, h->conn.in.len - in.n);
	r->size = result == HTTP1_DONE ? r->buf.len : r->size;
	return result == HTTP1_DONE;
}

static bool read_body(struct http *h, struct request *r)
{
	if (!(r->chunked ? read_chunked(h, r) : read_plain(h, r)))
		return false;
	body_done(r);
	return true;
}

/* RFC 9110 10.1.1. Behind older requests it must wait for their answers: they are hurried. */
static void expect(struct http *h, struct request *r)
{
	if (h->conn.in.len)
		return;
	if (r == h->first)
		BUF_LIT(&h->conn.out, "HTTP/1.1 100 Continue\r\n\r\n");
	else
		r->expect = true;
	request_hurry(h);
}

/* The most that a request with this head brings along. */
static uint32_t size_of(const struct http *h, const struct http1_head *head)
{
	uint32_t most = body_max(h);

	if (head->chunked)
		return most;
	return head->length > most ? most : head->length > 0 ? (uint32_t)head->length : 0;
}

static void take_head(struct http *h, const struct http1_head *head, size_t end)
{
	struct request *r = request_new(h, head);

	r->size = size_of(h, head);
	r->chunked = head->chunked;
	route(r, head);
	buf_eat(&h->conn.in, end);
	h->scan = 0;
	h->restart = true;
	if (http_reading(h) != r) {
		request_hurry(h);
		return;
	}
	if (!r->chunked && r->left == 0)
		body_done(r);
	else if (head->expect_continue)
		expect(h, r);
}

/* A client may send an empty line behind a body (RFC 9112 2.2). */
static void skip_blank(struct http *h)
{
	struct slice in = buf_slice(&h->conn.in);
	size_t n = 0;

	while (n + 1 < in.n && in.p[n] == '\r' && in.p[n + 1] == '\n')
		n += 2;
	if (n) {
		buf_eat(&h->conn.in, n);
		h->scan = 0;
	}
}

static bool read_head(struct http *h)
{
	uint32_t most = h->web->config->head_max;
	struct http1_head head;
	size_t scan, end = 0;
	enum http1_result result;
	struct slice in;
	int status;

	skip_blank(h);
	scan = h->scan;
	in = buf_slice(&h->conn.in);
	result = http1_find(in, &scan, &end);
	h->scan = (uint32_t)scan;
	if (result == HTTP1_BAD) {
		refuse(h, 400, "A line does not end in CR LF.");
		return false;
	}
	if (result == HTTP1_MORE ? in.n >= most : end > most) {
		refuse(h, 431, "The header fields are too large.");
		return false;
	}
	if (result == HTTP1_MORE)
		return false;
	status = http1_parse(slice_of(in.p, end), &head);
	if (status) {
		refuse(h, status, head.fault);
		return false;
	}
	if (!request_may_begin(h, size_of(h, &head))) {
		h->blocked = true;
		h->scan = 0;
		request_hurry(h);
		return false;
	}
	take_head(h, &head, end);
	return true;
}

/* A PROXY header stands before all else, TLS included. */
void http_input(struct http *h)
{
	if ((h->proxy && !client_proxy(h)) || secure_shaking(h) || secure_misplaced(h))
		return;
	while (h->conn.in.len && !http_rests(h)) {
		struct request *r = http_reading(h);

		if (!(r ? read_body(h, r) : read_head(h)))
			break;
	}
	if (h->upgrade)
		return;
	if (h->stop)
		buf_clear(&h->conn.in);
	conn_resume(&h->conn, h->web->loop);
}

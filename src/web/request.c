/* Requests: one list a connection, oldest first. An answer that is not the oldest waits in memory;
 * a request that is held while others stand behind it is hurried. */
#include "web/request.h"
#include "base/mem.h"
#include "proto/origin.h"
#include "web/answer.h"
#include "web/client.h"
#include "web/http.h"

#include <assert.h>
#include <stdlib.h>

_Static_assert(sizeof(struct request) <= 56, "there is one for each BOSH session");

/* Of a head that cannot be read it is looked for in the lines that came: a page must be able to
 * read the refusal. */
static struct slice origin_of(const struct http *h, const struct http1_head *head)
{
	struct slice lines = buf_slice(&h->conn.in), origin = SLICE_NONE;
	const char *end;

	if (head)
		return head->origin;
	if (lines.n == 0)
		return SLICE_NONE;
	end = memmem(lines.p, lines.n, "\r\n\r\n", 4);
	if (end)
		lines.n = (size_t)(end - lines.p) + 2;
	while (lines.n && lines.p[lines.n - 1] != '\n')
		lines.n--;
	http1_last_field(&lines, SLICE("Origin"), &origin);
	return origin;
}

static enum cors cors_of(const struct http *h, struct slice origin)
{
	const struct web *w = h->web;

	if (h->kind != WEB_TRAFFIC)
		return CORS_NONE;
	if (w->any_origin)
		return CORS_ANY;
	if (!origin.p)
		return CORS_ABSENT;
	return origin_allowed(w->config->origins, origin) ? CORS_ECHO : CORS_REFUSED;
}

/* What has to be known of a head when the body is there. */
static size_t target_of(const struct http *h, const struct http1_head *head)
{
	if (h->kind == WEB_TRAFFIC || !head || head->method != HTTP1_POST)
		return 0;
	return head->target.n + 1;
}

struct request *request_new(struct http *h, const struct http1_head *head)
{
	struct slice from = origin_of(h, head);
	enum cors cors = cors_of(h, from);
	size_t origin = cors == CORS_ECHO ? from.n + 1 : 0, via = 0;
	size_t target = target_of(h, head);
	struct request *r, **last = &h->first;
	struct forwarded f;
	bool bare;

	bare = client_asks(h, head, &f);
	if (!addr_same(&f.client, &h->peer))
		via = sizeof(f.client);
	r = mem_zalloc(sizeof(*r) + via + origin + target);
	r->thing = THING_REQUEST;
	r->http = h;
	r->via = via != 0;
	r->tls = f.tls == FORWARDED_TLS;
	r->bare = bare;
	memcpy(r->tail, &f.client, via);
	if (head) {
		r->head_only = head->method == HTTP1_HEAD;
		r->keep = head->keep_alive;
		r->old = head->minor == 0;
		r->coding = coding_of(head->coding);
		if (head->likes.p && h->web->config->compress)
			r->liked = coding_liked(head->likes);
	}
	r->cors = (uint8_t)cors;
	if (origin)
		memcpy(r->tail + via, from.p, origin - 1);
	if (target)
		memcpy(r->tail + via, head->target.p, target - 1);
	while (*last)
		last = &(*last)->next;
	*last = r;
	h->used = true;
	h->web->counts.requests++;
	return r;
}

/* Handed on, or about to be: not READING or ANSWERED. */
static bool pending(const struct request *r)
{
	return r->state == REQUEST_WAITING || r->state == REQUEST_HELD ||
	       r->state == REQUEST_STREAM;
}

struct request *request_find(struct web *w, handle_t h)
{
	struct request *r = slots_get(w->slots, h);

	assert(!r || r->thing == THING_REQUEST);
	return r;
}

void request_unname(struct request *r)
{
	struct web *w = r->http->web;

	if (!pending(r) || !r->handle)
		return;
	slots_remove(w->slots, r->handle);
	r->handle = 0;
	w->counts.requests_waiting--;
}

void request_free(struct request *r)
{
	if (!pending(r))
		buf_clear(&r->buf);
	if (r->state == REQUEST_ANSWERED || r->state == REQUEST_SENDING)
		free(r->rest);
	free(r);
}

/* web_turn() frees it. */
static void unlink_request(struct request *r)
{
	struct web *w = r->http->web;
	struct request **at = &r->http->first;

	request_unname(r);
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->next = w->dead;
	w->dead = r;
}

void request_drop(struct request *r)
{
	struct web *w = r->http->web;

	if (r->state == REQUEST_HELD) {
		w->hooks->gone(w->app, r->handle, r->session);
		web_more(w);
	} else if (r->state == REQUEST_STREAM) {
		w->hooks->stream_gone(w->app, r->handle);
		web_more(w);
	}
	unlink_request(r);
}

void request_drop_all(struct http *h)
{
	while (h->first)
		request_drop(h->first);
}

void request_hang_up(struct http *h)
{
	struct request *sent = h->first && h->first->state == REQUEST_SENDING ? h->first : NULL;

	while (sent ? sent->next != NULL : h->first != NULL)
		request_drop(sent ? sent->next : h->first);
	if (sent)
		sent->keep = false;
}

void request_wait(struct request *r)
{
	struct web *w = r->http->web;

	assert(!r->buf.mem);
	r->state = REQUEST_WAITING;
	r->handle = slots_add(w->slots, r);
	r->session = 0;
	r->fresh = true;
	r->due = 0;
	w->counts.requests_waiting++;
	if (!r->keep)
		r->http->stop = true;
	http_mark(r->http);
	web_more(w);
}

/* Only the newest can still be read; it counts from when its client waits for 100 Continue. */
static bool behind(const struct request *r)
{
	const struct request *next = r->next;

	return r->http->blocked || (next && (next->state != REQUEST_READING || next->expect));
}

static void hurry(struct request *r)
{
	struct web *w = r->http->web;

	if (r->state != REQUEST_HELD || r->hurried || !behind(r))
		return;
	r->hurried = true;
	w->hooks->hurry(w->app, r->handle, r->session);
	web_more(w);
}

void request_hurry(struct http *h)
{
	for (struct request *r = h->first; r; r = r->next)
		hurry(r);
}

void request_held(struct request *r, handle_t session, int64_t wait)
{
	r->state = REQUEST_HELD;
	r->session = session;
	r->fresh = true;
	r->due = wait < INT32_MAX ? (uint32_t)wait : INT32_MAX;
	http_mark(r->http);
	hurry(r);
}

static void leave(struct request *r)
{
	r->http->blocked = false;
	if (!r->keep)
		r->http->ending = true;
	unlink_request(r);
}

/* The oldest request's answer joins the output. */
static void emit(struct request *r)
{
	struct http *h = r->http;

	if (h->conn.out.len == 0) {
		buf_clear(&h->conn.out);
		h->conn.out = buf_take(&r->buf);
	} else {
		buf_adds(&h->conn.out, buf_slice(&r->buf));
		buf_clear(&r->buf);
	}
	h->out_due = 0;
	r->expect = false;
	if (r->rest)
		r->state = REQUEST_SENDING;
	else
		leave(r);
}

/* Answers that waited behind the one that has left. */
static void follow(struct http *h)
{
	while (h->first && h->first->state == REQUEST_ANSWERED && !h->ending)
		emit(h->first);
	if (h->ending) {
		request_drop_all(h);
	} else if (h->first && h->first->expect) {
		h->first->expect = false;
		BUF_LIT(&h->conn.out, "HTTP/1.1 100 Continue\r\n\r\n");
	}
}

bool request_pour(struct http *h)
{
	struct request *r = h->first;
	struct buf *out = &h->conn.out;
	size_t n;

	if (!r || r->state != REQUEST_SENDING || out->len >= HTTP_OUT_HIGH || h->conn.error)
		return false;
	n = r->rest->n < HTTP_OUT_HIGH ? r->rest->n : HTTP_OUT_HIGH;
	buf_add(out, r->rest->p, n);
	*r->rest = slice_of(r->rest->p + n, r->rest->n - n);
	if (r->rest->n == 0) {
		leave(r);
		follow(h);
	}
	return true;
}

void request_stream(struct request *r)
{
	assert(r == r->http->first && r->state == REQUEST_WAITING);
	r->state = REQUEST_STREAM;
	http_mark(r->http);
}

void request_finished(struct request *r)
{
	struct http *h = r->http;

	assert(r == h->first && pending(r));
	http_mark(h);
	if (!r->keep)
		h->stop = true;
	leave(r);
	follow(h);
}

void request_answered(struct request *r, struct buf *bytes, struct slice file)
{
	struct http *h = r->http;

	if (!pending(r))
		buf_clear(&r->buf);
	http_mark(h);
	if (!r->keep)
		h->stop = true;
	request_unname(r);
	r->state = REQUEST_ANSWERED;
	r->buf = buf_take(bytes);
	r->rest = NULL;
	if (file.n) {
		r->rest = mem_alloc(sizeof(*r->rest));
		*r->rest = file;
	}
	if (r == h->first)
		follow(h);
	else
		request_hurry(h);
}

static bool timed(const struct request *r)
{
	return pending(r) && r->state != REQUEST_STREAM;
}

static struct request *expired(const struct http *h, uint32_t tick)
{
	for (struct request *r = h->first; r; r = r->next)
		if (timed(r) && !r->fresh && tick >= r->due)
			return r;
	return NULL;
}

void request_expire(struct http *h, uint32_t tick)
{
	struct web *w = h->web;
	struct request *r;

	/* Each turn of this loop answers one of the few; an answer may take others out with it. */
	while ((r = expired(h, tick))) {
		if (r->state == REQUEST_HELD) {
			w->hooks->gone(w->app, r->handle, r->session);
			web_more(w);
		}
		r->state = REQUEST_WAITING; /* gone() is said */
		answer_words(r, 503, "Retry-After: 1\r\n", false,
			     "No answer came in time; try again.");
	}
}

uint32_t request_due(struct http *h, int64_t now)
{
	uint32_t least = 0;

	for (struct request *r = h->first; r; r = r->next) {
		if (!timed(r))
			continue;
		if (r->fresh)
			r->due = web_tick(now + r->due + h->web->config->answer_wait);
		r->fresh = false;
		if (!least || r->due < least)
			least = r->due;
	}
	return least;
}

bool request_may_begin(const struct http *h, uint32_t size)
{
	uint64_t ahead = size;
	uint32_t n = 0;

	if (!h->first)
		return true;
	for (const struct request *r = h->first->next; r; r = r->next) {
		ahead += r->size;
		n++;
	}
	return n < HTTP_AHEAD && ahead <= h->web->config->body_max;
}

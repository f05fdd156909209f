/* HTTP connections. A callback reads and marks; the turn sends, looks at the time and frees. What a
 * connection waits for, its phase, is derived from its state once a turn, and with it the
 * list of due connections that it stands in. */
#include "web/http.h"
#include "base/mem.h"
#include "net/sockaddr.h"
#include "web/answer.h"
#include "web/client.h"
#include "web/request.h"
#include "web/secure.h"
#include "web/socket.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
	IN_MIN = 32768, /* read at once where head_max is less: bodies come in fewer pieces */
	PIECES_MAX = 16 /* of a file, sent in one turn */
};

_Static_assert(sizeof(struct http) <= 200, "there is one for each BOSH session, and often two");

static void link_to(struct http **list, struct http *h)
{
	h->next = *list;
	h->link = list;
	if (h->next)
		h->next->link = &h->next;
	*list = h;
}

void http_unlink(struct http *h)
{
	struct web *w = h->web;

	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	else if (w->hellos_last == &h->next)
		w->hellos_last = h->link;
	else if (w->marked_last == &h->next)
		w->marked_last = h->link;
}

/* Behind those that came before it. */
static void append(struct http ***last, struct http *h)
{
	h->next = NULL;
	h->link = *last;
	**last = h;
	*last = &h->next;
}

void http_mark(struct http *h)
{
	if (h->marked)
		return;
	h->marked = true;
	http_unlink(h);
	append(&h->web->marked_last, h);
}

/* The client's end counts as its going even while requests are held: one that half-closes and reads
 * on is rare, one that left is not. What is in the output still goes. */
static void wake(struct conn *c)
{
	struct http *h = CONTAINER(c, struct http, conn);

	if (conn_has_tls(c) && !h->shaken)
		secure_news(h);
	http_input(h);
	if ((c->eof || c->error) && !h->upgrade) {
		request_hang_up(h);
		h->stop = true;
	}
	http_mark(h);
}

void http_new(struct web *w, int fd, const struct web_listener *l)
{
	struct http *h = mem_zalloc(sizeof(*h));
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);
	uint32_t in_max = w->config->head_max;

	h->web = w;
	h->kind = (uint8_t)l->kind;
	h->name = ++w->names << 8 | w->slots->worker;
	h->proxy = l->proxy;
	h->far = l->far;
	h->hello = l->tls;
	if (getpeername(fd, (struct sockaddr *)&ss, &n) == 0)
		h->peer = sockaddr_read((struct sockaddr *)&ss);
	conn_init(&h->conn, w->loop, fd, in_max < IN_MIN ? IN_MIN : in_max, wake);
	w->counts.connections++;
	w->counts.accepted++;
	h->restart = true;
	h->marked = true;
	append(&w->marked_last, h);
	client_check(h);
}

void http_free(struct http *h)
{
	struct web *w = h->web;

	conn_clear(&h->conn, w->loop, h->conn.out.len > 0);
	if (h->upgrade)
		socket_free(h->upgrade);
	web_client_free(h->client);
	w->counts.connections--;
	free(h);
}

static enum phase phase_of(const struct http *h)
{
	const struct request *r;

	if (secure_shaking(h))
		return PHASE_NEW;
	if (h->ending)
		return h->conn.out.len ? PHASE_REST : PHASE_LINGER;
	if (http_rests(h))
		return PHASE_REST;
	r = http_reading(h);
	if (r)
		return r->expect ? PHASE_REST : PHASE_BODY;
	if (h->conn.in.len)
		return PHASE_HEAD;
	if (h->first || h->conn.out.len)
		return PHASE_REST;
	return h->used ? PHASE_IDLE : PHASE_NEW;
}

static int64_t phase_limit(const struct http *h)
{
	const struct web_config *c = h->web->config;

	switch (h->phase) {
	case PHASE_NEW:
	case PHASE_HEAD: return c->head_timeout;
	case PHASE_IDLE: return c->idle_timeout;
	case PHASE_BODY: return c->body_timeout;
	case PHASE_LINGER: return HTTP_LINGER;
	default: return 0;
	}
}

/* Works out anew what is due where the state has changed since the last turn. */
static void set_dues(struct http *h, int64_t now)
{
	enum phase phase = phase_of(h);
	int64_t limit;

	if (phase != h->phase || h->restart) {
		h->phase = phase;
		h->restart = false;
		limit = phase_limit(h);
		h->in_due = limit ? web_tick(now + limit) : 0;
	}
	if (h->conn.out.len == 0) {
		h->out_due = 0;
	} else if (!h->out_due) {
		h->out_due = web_tick(now + h->web->config->write_timeout);
		h->conn.sent = false;
	}
}

static uint32_t sooner(uint32_t a, uint32_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* To those that are due when h is, as far ahead as the lists reach. */
static void wait_due(struct http *h, uint32_t requests)
{
	struct web *w = h->web;
	uint32_t due = sooner(sooner(h->in_due, h->out_due), requests);
	int32_t ahead = due ? (int32_t)(due - w->tick) : WEB_DUES;

	if (ahead < 0)
		ahead = 0;
	if (ahead >= WEB_DUES)
		ahead = WEB_DUES - 1;
	link_to(&w->due[(w->tick + (uint32_t)ahead) % WEB_DUES], h);
}

static void expire(struct http *h, uint32_t tick)
{
	if (web_excuses(h->web, tick))
		return;
	request_expire(h, tick);
	if (h->out_due && tick >= h->out_due) {
		h->dead = !h->conn.sent;
		h->out_due = 0;
	}
	if (!h->in_due || tick < h->in_due || phase_of(h) != h->phase)
		return;
	h->in_due = 0;
	if (h->proxy)
		client_late(h);
	else if (secure_shaking(h))
		secure_late(h);
	else if (h->phase == PHASE_HEAD || h->phase == PHASE_BODY)
		http_slow(h);
	else
		h->dead = true;
}

/* Nothing is left to be said or heard. */
static bool finished(struct http *h)
{
	struct conn *c = &h->conn;

	if (h->dead || c->error || (c->eof && c->out.len == 0 && !h->first))
		return true;
	if (h->web->swept && !h->first && c->out.len == 0 && c->in.len == 0 && !h->ending)
		return true;
	/* The client's end is waited for: closing over unread input would take our last answer
	 * away from it (RFC 9112 9.6). */
	if (h->ending)
		conn_shutdown(c, h->web->loop);
	return false;
}

/* Sends what is queued, and of a file as much as the kernel takes, but not all of a large one at
 * once. Whether more can be sent, or more of the input read now that there is room again. */
static bool flush(struct http *h)
{
	bool waited = h->conn.out.len >= HTTP_OUT_HIGH, poured = true;

	for (int i = 0; i < PIECES_MAX && poured && !h->conn.full; i++) {
		poured = request_pour(h);
		waited |= poured;
		if (h->conn.out.len && !h->conn.full)
			conn_flush(&h->conn, h->web->loop);
	}
	if (poured && !h->conn.full)
		return true;
	return waited && h->conn.out.len < HTTP_OUT_HIGH && h->conn.in.len;
}

/* h counts as marked throughout: whatever marks it in here is seen to in here, and it is in no list
 * when it is freed. */
void http_turn(struct http *h, int64_t now)
{
	uint32_t due;
	bool again;

	if (h->upgrade && !h->conn.error) {
		socket_adopt(MEM_TAKE(h->upgrade), &h->conn);
		http_free(h);
		return;
	}
	expire(h, (uint32_t)(now / WEB_TICK));
	http_input(h);
	again = flush(h) || h->upgrade; /* which the input just read may have been */
	if (finished(h)) {
		request_drop_all(h);
		http_free(h);
		return;
	}
	due = request_due(h, now);
	set_dues(h, now);
	h->marked = again;
	if (secure_due(h))
		append(&h->web->hellos_last, h);
	else if (again)
		append(&h->web->marked_last, h);
	else
		wait_due(h, due);
}

/* Shaking hands is dear: a flood of clients that want to must not keep the others waiting. */
void http_turn_hellos(struct web *w, int64_t now)
{
	if (w->hello_round != ev_iteration(w->loop))
		w->hello_n = 0;
	w->hello_round = ev_iteration(w->loop);
	while (w->hellos && w->hello_n++ < HTTP_HELLOS) {
		struct http *h = w->hellos;

		http_unlink(h);
		h->marked = true;
		secure_begin(h);
		http_turn(h, now);
	}
}

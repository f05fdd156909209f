/* WebSockets: what an upgrade must bring (RFC 6455 4.2.1, RFC 7395 3.1), and the way of messages
 * from the WebSocket engine to the hooks. All is checked before the engine sees the connection. */
#include "web/socket.h"
#include "base/mem.h"
#include "web/answer.h"
#include "web/bridge.h"
#include "web/client.h"
#include "web/http.h"
#include "web/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_LENGTH = 24, TRY_AGAIN_LATER = 1013 };

struct socket {
	enum thing thing;
	bool closed;
	bool deflate; /* permessage-deflate was offered, and is taken */
	bool bridged; /* TLS is ours */
	struct web *web;
	struct ws *ws; /* the engine's; NULL before opened() and after closed() */
	handle_t handle, session;
	struct socket *next, **link; /* of all; next also of the dead */
	struct addr peer;
	struct web_client *client; /* owned, until opened(); or NULL */
	union {
		char *key;	       /* owned, until adoption */
		struct bridge *bridge; /* from then on, where `bridged` and not closed */
	};
};

static bool base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* 16 bytes in base64: 22 characters and two signs. */
static bool key_valid(struct slice key)
{
	if (key.n != KEY_LENGTH || key.p[22] != '=' || key.p[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++)
		if (!base64(key.p[i]))
			return false;
	return true;
}

#define NGINX                                                                            \
	" nginx needs: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " \
	"proxy_set_header Connection \"upgrade\"; (all of it is in PROXIES.md)."
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"

/* The commonest mistake in front of Fairlead: a proxy that does not pass the upgrade on. */
static void no_upgrade(struct request *r, const struct http1_head *q)
{
	const char *what;
	char words[512];

	if (q->minor == 0)
		what = "the request came as HTTP/1.0";
	else if (!q->websocket && !q->upgrade)
		what = "the headers \"Upgrade: websocket\" and \"Connection: Upgrade\" are missing";
	else if (!q->websocket)
		what = "the header \"Upgrade: websocket\" is missing";
	else
		what = "the header \"Connection: Upgrade\" is missing";
	/* The other headers of a client pass any proxy; a browser's address bar sends none. */
	snprintf(words, sizeof(words), "This is a WebSocket endpoint, and %s.%s" NGINX, what,
		 q->key.p ? " A proxy in front has not passed on what the client sent."
			  : " It is for XMPP clients; opened as a page, there is nothing to see.");
	answer_words(r, 426, UPGRADE, false, words);
}

/* What else is wrong with the upgrade, NULL where nothing is. */
static const char *fault(const struct request *r, const struct http1_head *q, int *status)
{
	const struct http *h = r->http;

	*status = 400;
	if (q->method != HTTP1_GET || q->chunked || q->length > 0)
		return "An upgrade is a GET without a body.";
	if (r != h->first || h->conn.out.len)
		return "An upgrade cannot stand behind requests that are not answered yet.";
	if (!q->key.p || !key_valid(q->key))
		return "Sec-WebSocket-Key is not the base64 of 16 bytes.";
	if (!q->offers)
		return "There is no Sec-WebSocket-Protocol: RFC 7395 asks for xmpp.";
	if (!q->offers_xmpp)
		return "Sec-WebSocket-Protocol does not offer xmpp.";
	*status = 403;
	if (!q->origin.p && !h->web->config->absent_origin)
		return "There is no Origin; \"websocket.absent_origin\" in the configuration of "
		       "Fairlead says what becomes of clients that send none.";
	/* Once it is a WebSocket, a close frame would be all that its client hears: Strophe.js
	 * waits on then, and takes an upgrade that failed for what it is. */
	*status = 503;
	return h->web->hooks->ws_refusal(h->web->app);
}

void socket_upgrade(struct request *r, const struct http1_head *q)
{
	struct http *h = r->http;
	struct socket *s;
	const char *words;
	int status;

	if (!q->upgrade || !q->websocket || q->minor == 0) {
		no_upgrade(r, q);
		return;
	}
	if (!q->version_13) {
		answer_words(r, 426, "Sec-WebSocket-Version: 13\r\n" UPGRADE, false,
			     "The only version of WebSocket spoken here is 13.");
		return;
	}
	if (r->cors == CORS_REFUSED) {
		answer_bad_origin(r, true, q->origin);
		return;
	}
	words = fault(r, q, &status);
	if (words) {
		answer_words(r, status, NULL, true, words);
		return;
	}
	s = mem_zalloc(sizeof(*s));
	s->thing = THING_SOCKET;
	s->web = h->web;
	s->peer = *request_peer(r);
	client_note(h, q->host);
	h->agent = agents_find(&h->web->agents, h->agent, q->agent);
	s->client = client_take(r);
	s->deflate = s->web->config->deflate && coding_offers_deflate(q->offers_extensions);
	s->key = mem_strndup(q->key.p, q->key.n);
	h->upgrade = s;
	h->stop = true;
	request_drop(r);
	http_mark(h);
}

void socket_adopt(struct socket *s, struct conn *c)
{
	struct web *w = s->web;
	char *key = MEM_TAKE(s->key);
	struct slice rest = buf_slice(&c->in);
	int fd;

	if (conn_has_tls(c)) {
		fd = bridge_new(&s->bridge, w, c, s);
		if (fd < 0) {
			free(key);
			socket_free(s);
			return;
		}
		s->bridged = true;
		rest = bridge_rest(s->bridge);
	} else {
		fd = conn_release(c, w->loop);
	}
	s->next = w->sockets;
	s->link = &w->sockets;
	if (s->next)
		s->next->link = &s->next;
	w->sockets = s;
	w->counts.websockets++;
	ws_adopt(w->engine, fd, slice_of(key, KEY_LENGTH), s->deflate, rest, s);
	if (s->bridged && s->bridge)
		bridge_begin(s->bridge);
	free(key);
}

void socket_free(struct socket *s)
{
	web_client_free(s->client);
	if (!s->bridged)
		free(s->key);
	free(s);
}

static void free_list(struct socket **list)
{
	while (*list) {
		struct socket *s = *list;

		*list = s->next;
		socket_free(s);
	}
}

void socket_free_dead(struct web *w)
{
	free_list(&w->dead_sockets);
}

void socket_free_all(struct web *w)
{
	for (struct socket *s = w->sockets; s; s = s->next)
		slots_remove(w->slots, s->handle);
	free_list(&w->sockets);
}

struct ws *socket_ws(struct web *w, handle_t h)
{
	struct socket *s = slots_get(w->slots, h);

	assert(!s || s->thing == THING_SOCKET);
	return s ? s->ws : NULL;
}

void socket_flush(struct web *w, handle_t h)
{
	struct socket *s = slots_get(w->slots, h);

	if (s && s->bridged)
		bridge_mark(s->bridge);
}

size_t socket_unsent(struct web *w, handle_t h)
{
	struct socket *s = slots_get(w->slots, h);

	if (!s || !s->ws)
		return 0;
	return ws_unsent(s->ws) + (s->bridged ? bridge_unsent(s->bridge) : 0);
}

size_t socket_held_up(struct web *w, handle_t h)
{
	struct socket *s = slots_get(w->slots, h);
	bool full = s && s->ws && (ws_full(s->ws) || (s->bridged && bridge_full(s->bridge)));

	return full ? socket_unsent(w, h) : 0;
}

void socket_drained(struct socket *s, uint32_t n, bool waited)
{
	if (s->session)
		s->web->hooks->ws_drained(s->web->app, s->session, n, waited);
	web_more(s->web);
}

/* From the engine. */

static void opened(void *owner, struct ws *ws)
{
	struct socket *s = owner;
	struct web *w = s->web;

	s->ws = ws;
	s->handle = slots_add(w->slots, s);
	s->session = w->hooks->ws_open(w->app, s->handle, &s->peer, MEM_TAKE(s->client));
	if (!s->session)
		ws_close(ws, TRY_AGAIN_LATER);
	web_more(w);
}

static void bad_message(struct socket *s, enum reason reason)
{
	struct web *w = s->web;

	if (s->session)
		w->hooks->ws_frame(w->app, s->session, NULL, reason);
	web_more(w);
}

static void message(void *owner, struct buf *text)
{
	struct socket *s = owner;
	struct web *w = s->web;
	struct frame *frame;
	enum reason reason;

	if (!s->session) {
		buf_clear(text);
		return;
	}
	/* RFC 7395 3.8 wants no such keepalives; some clients send them all the same. */
	if (slice_trim(buf_slice(text)).n == 0) {
		buf_clear(text);
		w->hooks->ws_frame(w->app, s->session, NULL, REASON_NONE);
		web_more(w);
		return;
	}
	reason = frame_parse(&frame, w->judge, w->config->limits, text);
	if (reason != REASON_NONE) {
		bad_message(s, reason);
		return;
	}
	w->hooks->ws_frame(w->app, s->session, frame, REASON_NONE);
	web_more(w);
}

static void binary(void *owner)
{
	bad_message(owner, REASON_UNSUPPORTED_DATA);
}

static void too_big(void *owner)
{
	bad_message(owner, REASON_TOO_BIG);
}

static void pong(void *owner, uint64_t serial)
{
	struct socket *s = owner;

	if (s->session)
		s->web->hooks->ws_pong(s->web->app, s->session, serial);
	web_more(s->web);
}

static void drained(void *owner, uint32_t n, bool waited)
{
	struct socket *s = owner;

	if (s->bridged)
		bridge_drained(s->bridge, n);
	else
		socket_drained(s, n, waited);
}

static void closed(void *owner)
{
	struct socket *s = owner;
	struct web *w = s->web;

	assert(!s->closed);
	s->closed = true;
	s->ws = NULL;
	if (s->handle)
		slots_remove(w->slots, s->handle);
	if (s->session)
		w->hooks->ws_closed(w->app, s->session);
	if (s->bridged)
		bridge_left(MEM_TAKE(s->bridge));
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	s->next = w->dead_sockets;
	w->dead_sockets = s;
	w->counts.websockets--;
	web_more(w);
}

const struct ws_hooks socket_hooks = {
    .opened = opened,
    .message = message,
    .binary = binary,
    .too_big = too_big,
    .pong = pong,
    .drained = drained,
    .closed = closed,
};

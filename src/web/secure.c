/* TLS on HTTP connections. A listener with TLS accepts plain connections: the first byte shows who
 * means to speak HTTP there, and until it comes a connection costs no more than any other. */
#include "web/secure.h"
#include "base/log.h"
#include "net/tls.h"
#include "web/answer.h"
#include "web/http.h"
#include "web/request.h"

enum {
	HANDSHAKE = 0x16,	/* the first byte of TLS; no method begins so */
	MISPLACED_EVERY = 60000 /* ms between two lines in the log */
};

bool secure_shaking(const struct http *h)
{
	return h->hello || (conn_has_tls(&h->conn) && !h->shaken);
}

bool secure_due(const struct http *h)
{
	return h->hello && !h->proxy && !h->dead && h->conn.in.len > 0;
}

static void failed(struct http *h, enum tls_fault f)
{
	h->web->counts.tls_failed++;
	tls_server_failed(h->web->config->tls, f);
}

/* Not by answer_words(), which would log each. */
static void answer_plain(struct http *h, const char *words)
{
	struct buf body = {0};

	h->stop = true;
	web_refused(h->web, REFUSAL_HTTP_400);
	buf_headroom(&body, ANSWER_ROOM);
	buf_addz(&body, words);
	answer(request_new(h, NULL),
	       &(struct answer){.status = 400, .type = "text/plain; charset=utf-8", .close = true},
	       &body);
}

void secure_begin(struct http *h)
{
	unsigned char first;

	if (h->conn.error || !secure_due(h))
		return;
	first = (unsigned char)*buf_data(&h->conn.in);
	h->hello = false;
	if (first == HANDSHAKE) {
		conn_tls_accept(&h->conn, h->web->loop, tls_server_ssl(h->web->config->tls));
		return;
	}
	failed(h, TLS_FAULT_PLAIN);
	if (first >= 'A' && first <= 'Z')
		answer_plain(h, "This port speaks TLS: the address begins with https:// or wss://, "
				"not with http:// or ws://.\n");
	else
		h->dead = true;
}

void secure_news(struct http *h)
{
	struct conn *c = &h->conn;

	if (!c->secure && !c->error)
		return;
	h->shaken = true;
	h->restart = true;
	if (!c->secure) {
		failed(h, (enum tls_fault)conn_tls_fault(c));
		return;
	}
	h->tls = true;
	h->web->counts.tls_done++;
	h->web->counts.tls_resumed += conn_tls_resumed(c);
}

void secure_late(struct http *h)
{
	/* Who has not said a word has not failed in TLS. */
	if (conn_has_tls(&h->conn) || h->conn.in.len)
		failed(h, TLS_FAULT_LATE);
	h->dead = true;
}

/* A record of a handshake, in any version: 22, 3. */
bool secure_misplaced(struct http *h)
{
	struct web *w = h->web;
	struct slice in = buf_slice(&h->conn.in);
	char peer[ADDR_TEXT];

	if (h->used || conn_has_tls(&h->conn) || in.n < 2 || in.p[0] != HANDSHAKE || in.p[1] != 3)
		return false;
	answer_plain(h, "This port does not speak TLS.\n");
	if (w->tick >= w->plain_tick) {
		w->plain_tick = w->tick + MISPLACED_EVERY / WEB_TICK;
		log_info(
		    "connection-refused",
		    "peer=%s text=\"it begins with TLS, but this listener has none: \\\"tls\\\" "
		    "in the configuration of Fairlead, or http:// and ws:// for the client\"",
		    addr_print(&h->peer, true, peer));
	}
	return true;
}

uint8_t secure_suite(const struct http *h)
{
	return conn_tls_suite(&h->conn);
}

void secure_report(struct web *w, int64_t now)
{
	uint32_t counts[TLS_FAULT_KINDS], all = 0;
	struct buf text = {0};

	if (!w->config->tls || !tls_server_failures(w->config->tls, now, counts))
		return;
	for (int i = 0; i < TLS_FAULT_KINDS; i++) {
		if (!counts[i])
			continue;
		all += counts[i];
		buf_addf(&text, "%s%s: %u", text.len ? "; " : "", tls_fault_text(i), counts[i]);
	}
	log_info("tls-failed", "count=%u text=\"%.*s\"", all, (int)text.len, buf_data(&text));
	buf_clear(&text);
}

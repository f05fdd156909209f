/* What a request is for. Traffic listeners serve BOSH, WebSockets and files to any origin allowed;
 * what status listeners serve is in web/api.c. */
#include "web/route.h"
#include "base/log.h"
#include "web/answer.h"
#include "web/api.h"
#include "web/bosh_post.h"
#include "web/client.h"
#include "web/files.h"
#include "web/request.h"
#include "web/socket.h"

#include <stdio.h>

enum {
	WANTED_MAX = 256,  /* bytes of Access-Control-Request-Headers that are echoed */
	PAGE_EVERY = 60000 /* ms between two lines in the log that a page was opened */
};

/* With or without a slash at its end: both are in use. */
static bool listed(const char *const *paths, struct slice path)
{
	for (; *paths; paths++) {
		size_t n = strlen(*paths);

		if (path.n >= n && memcmp(*paths, path.p, n) == 0 &&
		    (path.n == n || (path.n == n + 1 && path.p[n] == '/')))
			return true;
	}
	return false;
}

/* Somebody tries the address out, or a balancer does, every few seconds: told once a minute. */
static void log_page(struct request *r)
{
	struct web *w = r->http->web;
	const struct addr *a = request_peer(r);
	char peer[ADDR_TEXT];

	if (w->tick < w->page_tick)
		return;
	w->page_tick = w->tick + PAGE_EVERY / WEB_TICK;
	log_info("page-opened",
		 "peer=%s text=\"the BOSH endpoint was opened as a page: its address belongs into "
		 "the settings of an XMPP client, which will POST to it\"",
		 addr_print(a, a->port != 0, peer));
}

static void page(struct request *r)
{
	struct buf body = {0};

	log_page(r);
	buf_headroom(&body, ANSWER_ROOM);
	BUF_LIT(&body, "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
		       "<title>Fairlead</title></head>\n<body><h1>Fairlead</h1>\n"
		       "<p>This is a BOSH endpoint: XMPP clients in browsers send their POST "
		       "requests to this address (XEP-0124, XEP-0206). It works; there is nothing "
		       "to see.</p>\n<p>To use it, put this address into the settings of a web "
		       "client, as its BOSH service.</p></body></html>\n");
	answer(r, &(struct answer){.status = 200, .type = "text/html; charset=utf-8"}, &body);
}

/* Fetch, 4.8: a browser asks before a POST whose content type is text/xml. */
static void preflight(struct request *r, const struct http1_head *q, const char *allow)
{
	char fields[ANSWER_FIELDS_MAX];
	struct slice wanted = q->wanted;
	struct buf none = {0};

	if (wanted.n == 0 || wanted.n > WANTED_MAX)
		wanted = SLICE("Content-Type");
	if (!r->http->web->config->cors)
		snprintf(fields, sizeof(fields), "Allow: %s\r\n", allow);
	else
		snprintf(fields, sizeof(fields),
			 "Allow: %s\r\n"
			 "Access-Control-Allow-Methods: %s\r\n"
			 "Access-Control-Allow-Headers: %.*s\r\n"
			 "Access-Control-Max-Age: 86400\r\n",
			 allow, allow, (int)wanted.n, wanted.p);
	answer(r, &(struct answer){.status = 204, .fields = fields}, &none);
}

static void refuse_method(struct request *r, const char *allow)
{
	char fields[128];

	snprintf(fields, sizeof(fields), "Allow: %s\r\n", allow);
	answer_words(r, 405, fields, false, "That method has no meaning at this path.");
}

static void begin_post(struct request *r, const struct http1_head *q)
{
	if (!q->chunked && q->length < 0) {
		answer_words(r, 411, NULL, true, "A POST needs a Content-Length.");
		return;
	}
	if (r->coding == CODING_UNKNOWN) {
		answer_words(r, 415, "Accept-Encoding: gzip, deflate\r\n", true,
			     "The Content-Encoding is none of gzip, deflate and identity.");
		return;
	}
	if (q->length > r->http->web->config->body_max) {
		bosh_too_big(r);
		return;
	}
	r->state = REQUEST_READING;
	r->left = q->length > 0 ? (uint32_t)q->length : 0;
	r->keep = q->keep_alive;
	client_note(r->http, q->host);
	r->http->agent = agents_find(&r->http->web->agents, r->http->agent, q->agent);
}

static void route_bosh(struct request *r, const struct http1_head *q)
{
	switch (q->method) {
	case HTTP1_POST:
		if (r->cors == CORS_REFUSED)
			answer_bad_origin(r, true, q->origin);
		else
			begin_post(r, q);
		return;
	case HTTP1_GET:
	case HTTP1_HEAD: page(r); return;
	default: refuse_method(r, "GET, HEAD, POST, OPTIONS"); return;
	}
}

/* Clients on any page look there before they know where to connect (XEP-0156 3): no origin rules.
 */
static bool route_hostmeta(struct request *r, const struct http1_head *q)
{
	const struct hostmeta *m = r->http->web->config->hostmeta;
	bool json = slice_is(q->path, "/.well-known/host-meta.json");
	struct answer a = {.status = 200, .cached = true};
	struct buf body = {0};

	if (!json && !slice_is(q->path, "/.well-known/host-meta"))
		return false;
	r->cors = CORS_ANY;
	if (q->method == HTTP1_OPTIONS) {
		preflight(r, q, "GET, HEAD, OPTIONS");
	} else if (q->method != HTTP1_GET && q->method != HTTP1_HEAD) {
		refuse_method(r, "GET, HEAD, OPTIONS");
	} else if (!m || !hostmeta_any(m)) {
		answer_words(
		    r, 404, NULL, false,
		    "There is no host-meta here: Fairlead makes one from \"public.bosh\" and "
		    "\"public.websocket\" in its configuration.");
	} else {
		buf_headroom(&body, ANSWER_ROOM);
		(json ? hostmeta_jrd : hostmeta_xrd)(&body, m);
		a.type = json ? "application/json" : "application/xrd+xml; charset=utf-8";
		answer(r, &a, &body);
	}
	return true;
}

static void route_traffic(struct request *r, const struct http1_head *q)
{
	const struct web_config *c = r->http->web->config;
	bool bosh = listed(c->bosh_paths, q->path), ws = listed(c->websocket_paths, q->path);
	bool get = q->method == HTTP1_GET || q->method == HTTP1_HEAD;

	if (route_hostmeta(r, q))
		return;
	if (q->method == HTTP1_OPTIONS && r->cors == CORS_REFUSED)
		answer_bad_origin(r, false, q->origin);
	else if (q->method == HTTP1_OPTIONS)
		preflight(r, q, bosh ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS");
	else if (ws && get && (q->upgrade || q->websocket || !bosh))
		socket_upgrade(r, q);
	else if (bosh)
		route_bosh(r, q);
	else if (get && slice_is(q->path, "/ready"))
		api_ready(r);
	else if (get)
		files_answer(r, c->traffic_files, q);
	else if (ws || files_find(c->traffic_files, q->path))
		refuse_method(r, "GET, HEAD, OPTIONS");
	else
		files_answer(r, NULL, q);
}

void route(struct request *r, const struct http1_head *q)
{
	if (q->chunked || q->length > 0)
		r->keep = false;
	r->state = REQUEST_WAITING; /* whatever answers it: nothing more of it is read */
	if (q->method == HTTP1_UNKNOWN)
		answer_words(r, 501, NULL, true, "That method is unknown here.");
	else if (r->http->kind != WEB_TRAFFIC)
		api_route(r, q);
	else
		route_traffic(r, q);
}

/* The one way to answer. The head is written to the stack and put before the body in place, so that
 * an answer is one run of bytes and one system call. */
#include "web/answer.h"
#include "base/log.h"
#include "proto/origin.h"
#include "web/coder.h"
#include "web/request.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

struct head {
	char v[ANSWER_FIELDS_MAX + ORIGIN_MAX + 1024];
	size_t n;
};

static void add(struct head *h, struct slice s)
{
	assert(h->n + s.n <= sizeof(h->v));
	memcpy(h->v + h->n, s.p, s.n);
	h->n += s.n;
}

#define ADD(h, lit) add((h), SLICE(lit))

static void add_number(struct head *h, uint32_t n)
{
	char digits[10];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	add(h, slice_of(digits + at, sizeof(digits) - at));
}

static const char *status_line(int status)
{
	switch (status) {
	case 200: return "200 OK";
	case 204: return "204 No Content";
	case 206: return "206 Partial Content";
	case 301: return "301 Moved Permanently";
	case 304: return "304 Not Modified";
	case 400: return "400 Bad Request";
	case 401: return "401 Unauthorized";
	case 403: return "403 Forbidden";
	case 404: return "404 Not Found";
	case 405: return "405 Method Not Allowed";
	case 408: return "408 Request Timeout";
	case 409: return "409 Conflict";
	case 411: return "411 Length Required";
	case 413: return "413 Content Too Large";
	case 415: return "415 Unsupported Media Type";
	case 416: return "416 Range Not Satisfiable";
	case 417: return "417 Expectation Failed";
	case 426: return "426 Upgrade Required";
	case 429: return "429 Too Many Requests";
	case 431: return "431 Request Header Fields Too Large";
	case 500: return "500 Internal Server Error";
	case 501: return "501 Not Implemented";
	case 503: return "503 Service Unavailable";
	case 505: return "505 HTTP Version Not Supported";
	default: assert(!"a status without words"); return "";
	}
}

/* Browsers hide every answer without this field from the page, errors too. No credentials are ever
 * allowed, so that "*" does no harm. Whether the answer depends on the origin. */
static bool add_cors(struct head *h, const struct request *r)
{
	if (!r->http->web->config->cors)
		return false;
	if (r->cors == CORS_ANY)
		ADD(h, "Access-Control-Allow-Origin: *\r\n");
	if (r->cors == CORS_ECHO) {
		ADD(h, "Access-Control-Allow-Origin: ");
		add(h, slice_str(request_origin(r)));
		ADD(h, "\r\n");
	}
	return r->cors >= CORS_ECHO;
}

/* What an answer went by, and what was done to it. */
static void add_variety(struct head *h, bool by_origin, bool by_coding, enum coding coding)
{
	if (by_origin)
		add(h, by_coding ? SLICE("Vary: Origin, Accept-Encoding\r\n")
				 : SLICE("Vary: Origin\r\n"));
	else if (by_coding)
		ADD(h, "Vary: Accept-Encoding\r\n");
	if (coding == CODING_GZIP)
		ADD(h, "Content-Encoding: gzip\r\n");
	else if (coding == CODING_DEFLATE)
		ADD(h, "Content-Encoding: deflate\r\n");
}

bool answer_packs(const char *type)
{
	static const char *const words[] = {"text/", "json", "xml", "javascript", "wasm"};

	for (size_t i = 0; type && i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(type, words[i]))
			return true;
	return !type;
}

/* Compresses the body where that is liked and worth it. */
static enum coding pack(const struct request *r, bool packs, struct buf *body)
{
	struct buf packed = {0};

	if (!packs || r->liked == CODING_IDENTITY)
		return CODING_IDENTITY;
	buf_headroom(&packed, ANSWER_ROOM);
	if (!coder_pack(r->http->web->coder, r->liked, buf_slice(body), &packed)) {
		buf_clear(&packed);
		return CODING_IDENTITY;
	}
	buf_clear(body);
	*body = packed;
	return r->liked;
}

/* The status page is alone with itself: it runs nothing and talks to nobody but what this listener
 * serves, and no other page may frame it, read it, or learn where its reader came from. */
static void add_security(struct head *h)
{
	ADD(h, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	       "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	       "frame-ancestors 'none'\r\n"
	       "X-Content-Type-Options: nosniff\r\n"
	       "X-Frame-Options: DENY\r\n"
	       "Referrer-Policy: no-referrer\r\n"
	       "Cross-Origin-Resource-Policy: same-origin\r\n"
	       "Cross-Origin-Opener-Policy: same-origin\r\n");
}

static void add_length(struct head *h, const struct request *r, const struct answer *a,
		       uint32_t length)
{
	if (a->endless) {
		if (!r->old)
			ADD(h, "\r\nTransfer-Encoding: chunked");
	} else {
		ADD(h, "\r\nContent-Length: ");
		add_number(h, length);
	}
}

/* RFC 9110 6.6.1. Rendered once a second. */
static void add_date(struct head *h, struct web *w)
{
	time_t now = time(NULL);
	struct tm tm;

	if (now != w->date_at || !*w->date) {
		w->date_at = now;
		strftime(w->date, sizeof(w->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n",
			 gmtime_r(&now, &tm));
	}
	add(h, slice_str(w->date));
}

static void build(struct head *h, const struct request *r, const struct answer *a, uint32_t length,
		  bool packs, enum coding coding)
{
	ADD(h, "HTTP/1.1 ");
	add(h, slice_str(status_line(a->status)));
	if (a->status != 204 && a->status != 304) {
		ADD(h, "\r\nContent-Type: ");
		add(h, a->type ? slice_str(a->type) : SLICE("text/xml; charset=utf-8"));
		add_length(h, r, a, length);
	}
	if (a->cached)
		ADD(h, "\r\nCache-Control: no-cache\r\n");
	else
		ADD(h, "\r\nCache-Control: no-store\r\n");
	add_date(h, r->http->web);
	add_variety(h, add_cors(h, r), packs, coding);
	if (r->http->kind != WEB_TRAFFIC)
		add_security(h);
	if (a->fields)
		add(h, slice_str(a->fields));
	if (!r->keep)
		ADD(h, "Connection: close\r\n");
	else if (r->old)
		ADD(h, "Connection: keep-alive\r\n");
	ADD(h, "\r\n");
}

static void log_refusal(struct request *r, const struct answer *a)
{
	unsigned kind = a->kind != REASON_NONE ? a->kind : refusal_of_status(a->status);
	const struct addr *from = request_peer(r);
	char peer[ADDR_TEXT], text[512];

	if (!web_refused(r->http->web, kind))
		return;
	log_info("request-refused", "status=%d why=%s peer=%s", a->status,
		 log_value(text, sizeof(text), slice_str(a->why)),
		 addr_print(from, from->port != 0, peer));
}

void answer(struct request *r, const struct answer *a, struct buf *body)
{
	struct web *w = r->http->web;
	bool packs =
	    a->packed || (body->len + a->file.n >= ANSWER_PACK_MIN && w->config->compress &&
			  r->cors != CORS_NONE && answer_packs(a->type));
	enum coding coding = a->packed ? CODING_GZIP : pack(r, packs && !a->file.n, body);
	bool bare = r->head_only || a->status == 304;
	struct head h;

	if (a->close || (w->draining && !r->next))
		r->keep = false;
	if (a->why)
		log_refusal(r, a);
	h.n = 0;
	build(&h, r, a, (uint32_t)(body->len + a->file.n), packs, coding);
	if (bare)
		buf_clear(body);
	buf_prepend(body, h.v, h.n);
	request_answered(r, body, bare ? SLICE_NONE : a->file);
}

void answer_begin(struct request *r, const char *type)
{
	struct answer a = {.status = 200, .type = type, .endless = true};
	struct head h = {.n = 0};

	if (r->old || (r->http->web->draining && !r->next))
		r->keep = false;
	/* Proxies that gather answers before they pass them on would hold this one for ever. */
	a.fields = "X-Accel-Buffering: no\r\n";
	build(&h, r, &a, 0, false, CODING_IDENTITY);
	buf_add(&r->http->conn.out, h.v, h.n);
}

static void add_json(struct buf *body, const char *words)
{
	BUF_LIT(body, "{\"error\":\"");
	for (; *words; words++) {
		if (*words == '"' || *words == '\\')
			buf_addc(body, '\\');
		buf_addc(body, *words);
	}
	BUF_LIT(body, "\"}");
}

/* a is complete but for its type and the words. */
static void answer_in_words(struct request *r, struct answer *a, const char *words)
{
	bool json = r->http->kind != WEB_TRAFFIC && a->status >= 400;
	struct buf body = {0};

	a->type = json ? "application/json" : "text/plain; charset=utf-8";
	a->why = a->status >= 400 ? words : NULL;
	buf_headroom(&body, ANSWER_ROOM);
	if (json)
		add_json(&body, words);
	else
		buf_addz(&body, words);
	buf_addc(&body, '\n');
	answer(r, a, &body);
}

void answer_words(struct request *r, int status, const char *fields, bool close, const char *words)
{
	struct answer a = {.status = status, .fields = fields, .close = close};

	answer_in_words(r, &a, words);
}

void answer_refusal(struct request *r, int status, unsigned kind, const char *words)
{
	struct answer a = {.status = status, .kind = kind, .close = true};

	answer_in_words(r, &a, words);
}

void answer_bad_origin(struct request *r, bool close, struct slice origin)
{
	char shown[ORIGIN_MAX + 8], words[2 * ORIGIN_MAX];

	snprintf(words, sizeof(words),
		 "The origin of this page, %s, is not among the allowed ones: they stand in "
		 "\"origins\" in the configuration of Fairlead.",
		 log_value(shown, sizeof(shown), origin));
	answer_words(r, 403, NULL, close, words);
}

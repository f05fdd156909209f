/* HTTP/1.1 request heads and chunked bodies (RFC 9112). One pass over a head, byte classes from a
 * table; a field that matters twice is refused, one that does not matter is skipped. */
#include "proto/http1.h"
#include "base/num.h"

#include <assert.h>

enum { CLASS_TOKEN = 1, CLASS_VALUE = 2, CLASS_TARGET = 4 };

#define T (CLASS_TOKEN | CLASS_VALUE | CLASS_TARGET)
#define V (CLASS_VALUE | CLASS_TARGET)
#define O CLASS_VALUE

/* RFC 9110 5.6.2 token, 5.5 field-content, RFC 3986 (loosely: visible ASCII but '#'). */
static const uint8_t class[256] = {
    ['\t'] = O,
    [' '] = O,
    ['!'] = T,
    ['"'] = V,
    ['#'] = T & ~CLASS_TARGET,
    ['$' ... '\''] = T,
    ['(' ... ')'] = V,
    ['*' ... '+'] = T,
    [','] = V,
    ['-' ... '.'] = T,
    ['/'] = V,
    ['0' ... '9'] = T,
    [':' ... '@'] = V,
    ['A' ... 'Z'] = T,
    ['[' ... ']'] = V,
    ['^' ... 'z'] = T,
    ['{'] = V,
    ['|'] = T,
    ['}'] = V,
    ['~'] = T,
    [0x80 ... 0xff] = O,
};

#undef T
#undef V
#undef O

static bool is(char c, uint8_t mask)
{
	return class[(uint8_t)c] & mask;
}

enum http1_result http1_find(struct slice in, size_t *scan, size_t *end)
{
	while (*scan < in.n) {
		const char *lf = memchr(in.p + *scan, '\n', in.n - *scan);
		size_t at;

		if (!lf) {
			*scan = in.n;
			break;
		}
		at = (size_t)(lf - in.p);
		*scan = at + 1;
		if (at == 0 || in.p[at - 1] != '\r')
			return HTTP1_BAD;
		if (at == 1 || in.p[at - 2] == '\n') {
			*end = at + 1;
			return HTTP1_DONE;
		}
	}
	return HTTP1_MORE;
}

bool http1_list(struct slice *rest, struct slice *item)
{
	while (rest->n) {
		*item = slice_trim(slice_cut(rest, ','));
		if (item->n)
			return true;
	}
	return false;
}

static bool list_has(struct slice list, const char *token)
{
	struct slice item;

	while (http1_list(&list, &item))
		if (slice_eq_nocase(item, slice_str(token)))
			return true;
	return false;
}

/* --- the request line (RFC 9112 3) --- */

static enum http1_method method_of(struct slice m)
{
	static const char *const others[] = {"PUT", "DELETE", "PATCH", "TRACE"};

	if (slice_is(m, "POST"))
		return HTTP1_POST;
	if (slice_is(m, "GET"))
		return HTTP1_GET;
	if (slice_is(m, "OPTIONS"))
		return HTTP1_OPTIONS;
	if (slice_is(m, "HEAD"))
		return HTTP1_HEAD;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (slice_is(m, others[i]))
			return HTTP1_OTHER;
	return HTTP1_UNKNOWN;
}

/* absolute-form (RFC 9112 3.2.2): its authority counts instead of Host. */
static bool absolute(struct http1_head *h)
{
	struct slice t = h->target;
	size_t skip, n = 0;

	if (t.n >= 7 && slice_eq_nocase(slice_of(t.p, 7), SLICE("http://")))
		skip = 7;
	else if (t.n >= 8 && slice_eq_nocase(slice_of(t.p, 8), SLICE("https://")))
		skip = 8;
	else
		return false;
	t = slice_of(t.p + skip, t.n - skip);
	while (n < t.n && t.p[n] != '/' && t.p[n] != '?')
		n++;
	if (n == 0)
		return false;
	h->host = slice_of(t.p, n);
	h->target = n < t.n && t.p[n] == '/' ? slice_of(t.p + n, t.n - n) : SLICE("/");
	return true;
}

static bool target_of(struct http1_head *h)
{
	if (h->method == HTTP1_UNKNOWN) /* CONNECT among them, whose target has a form of its own */
		return true;
	if (slice_is(h->target, "*"))
		return h->method == HTTP1_OPTIONS;
	return h->target.p[0] == '/' || absolute(h);
}

static int request_line(const char **at, const char *end, struct http1_head *h)
{
	const char *p = *at, *start = p;
	struct slice rest;

	while (is(*p, CLASS_TOKEN))
		p++;
	h->method = method_of(slice_of(start, (size_t)(p - start)));
	h->fault = "the request line is malformed";
	if (p == start || *p != ' ')
		return 400;
	start = ++p;
	while (is(*p, CLASS_TARGET))
		p++;
	h->target = slice_of(start, (size_t)(p - start));
	if (p == start || *p != ' ')
		return 400;
	p++;
	if (end - p < 10 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' ||
	    memcmp(p + 8, "\r\n", 2) != 0)
		return 400;
	if (p[5] < '0' || p[5] > '9' || p[7] < '0' || p[7] > '9')
		return 400;
	if (p[5] != '1' || p[7] > '1') {
		h->fault = "only HTTP/1.0 and HTTP/1.1 are spoken here";
		return 505;
	}
	h->minor = (uint8_t)(p[7] - '0');
	*at = p + 10;
	if (!target_of(h)) {
		h->fault = "the request target is neither a path nor a URL";
		return 400;
	}
	rest = h->target;
	h->path = slice_cut(&rest, '?');
	return 0;
}

/* --- the fields --- */

/* What was seen while a head is read. */
struct seen {
	int status; /* to refuse with, where there is a fault */
	bool host, length, encoding, origin, key, version, wanted, coding, close, keep;
};

static const char *once(bool *seen, const char *fault)
{
	if (*seen)
		return fault;
	*seen = true;
	return NULL;
}

static const char *field_connection(struct http1_head *h, struct seen *s, struct slice value)
{
	struct slice item;

	while (http1_list(&value, &item)) {
		if (slice_eq_nocase(item, SLICE("close")))
			s->close = true;
		else if (slice_eq_nocase(item, SLICE("keep-alive")))
			s->keep = true;
		else if (slice_eq_nocase(item, SLICE("upgrade")))
			h->upgrade = true;
	}
	return NULL;
}

/* RFC 9112 6.3: one length, or chunked and nothing else, or no body. */
static const char *field_length(struct http1_head *h, struct seen *s, struct slice value)
{
	h->length = num_parse(value, INT64_MAX / 16);
	if (h->length < 0)
		return "Content-Length is no number";
	return once(&s->length, "there are two Content-Length fields");
}

static const char *field_encoding(struct http1_head *h, struct seen *s, struct slice value)
{
	if (!slice_eq_nocase(value, SLICE("chunked")))
		return "the only transfer coding taken here is chunked";
	h->chunked = true;
	return once(&s->encoding, "there are two Transfer-Encoding fields");
}

static const char *field_protocol(struct http1_head *h, struct slice value)
{
	struct slice item;

	h->offers = true;
	while (http1_list(&value, &item))
		if (slice_is(item, "xmpp")) /* RFC 7395 3.1; RFC 6455 compares as is */
			h->offers_xmpp = true;
	return NULL;
}

static const char *field_expect(struct http1_head *h, struct seen *s, struct slice value)
{
	if (!slice_eq_nocase(value, SLICE("100-continue"))) {
		s->status = 417;
		return "nothing but 100-continue can be expected";
	}
	h->expect_continue = h->minor > 0;
	return NULL;
}

static const char *keep(struct slice *to, bool *seen, struct slice value, const char *fault)
{
	*to = value;
	return once(seen, fault);
}

/* Fields are told apart by length first: most are skipped by one comparison. */
static const char *field(struct http1_head *h, struct seen *s, struct slice name,
			 struct slice value)
{
#define NAMED(lit) (name.n == sizeof(lit) - 1 && slice_eq_nocase(name, SLICE(lit)))
	switch (name.n) {
	case 4:
		if (NAMED("host")) {
			if (!h->host.p)
				h->host = value;
			return once(&s->host, "there are two Host fields");
		}
		break;
	case 6:
		if (NAMED("origin"))
			return keep(&h->origin, &s->origin, value, "there are two Origin fields");
		if (NAMED("expect"))
			return field_expect(h, s, value);
		break;
	case 7:
		if (NAMED("upgrade"))
			h->websocket |= list_has(value, "websocket");
		break;
	case 10:
		if (NAMED("user-agent"))
			h->agent = value;
		if (NAMED("connection"))
			return field_connection(h, s, value);
		break;
	case 14:
		if (NAMED("content-length"))
			return field_length(h, s, value);
		break;
	case 15:
		if (NAMED("accept-encoding") && !h->likes.p)
			h->likes = value;
		break;
	case 16:
		if (NAMED("content-encoding"))
			return keep(&h->coding, &s->coding, value,
				    "there are two Content-Encoding fields");
		break;
	case 17:
		if (NAMED("transfer-encoding"))
			return field_encoding(h, s, value);
		if (NAMED("sec-websocket-key"))
			return keep(&h->key, &s->key, value,
				    "there are two Sec-WebSocket-Key fields");
		break;
	case 21:
		if (NAMED("sec-websocket-version")) {
			h->version_13 = slice_is(value, "13");
			return once(&s->version, "there are two Sec-WebSocket-Version fields");
		}
		break;
	case 22:
		if (NAMED("sec-websocket-protocol"))
			return field_protocol(h, value);
		break;
	case 24:
		if (NAMED("sec-websocket-extensions") && !h->offers_extensions.p)
			h->offers_extensions = value;
		break;
	case 30:
		if (NAMED("access-control-request-headers"))
			return keep(&h->wanted, &s->wanted, value,
				    "there are two Access-Control-Request-Headers fields");
		break;
	default: break;
	}
	return NULL;
#undef NAMED
}

/* One field line; p stands at its first byte. The head is known to end in CR LF CR LF, so that
 * every loop here stops inside of it. */
static const char *field_line(const char **at, struct http1_head *h, struct seen *s)
{
	const char *p = *at, *start = p, *end;
	struct slice name;

	if (*p == ' ' || *p == '\t')
		return "a field is folded over two lines"; /* RFC 9112 5.2 */
	while (is(*p, CLASS_TOKEN))
		p++;
	name = slice_of(start, (size_t)(p - start));
	if (p == start || *p != ':')
		return "a field name is malformed"; /* a blank before the colon: RFC 9112 5.1 */
	p++;
	while (*p == ' ' || *p == '\t')
		p++;
	start = p;
	while (is(*p, CLASS_VALUE))
		p++;
	if (p[0] != '\r' || p[1] != '\n')
		return "a field holds a control byte";
	end = p;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*at = p + 2;
	return field(h, s, name, slice_of(start, (size_t)(end - start)));
}

int http1_parse(struct slice head, struct http1_head *h)
{
	const char *p = head.p, *end = head.p + head.n;
	struct seen s = {.status = 400};
	int status;

	assert(head.n >= 2 && head.p[head.n - 2] == '\r' && head.p[head.n - 1] == '\n');
	*h = (struct http1_head){.bytes = head, .length = -1};
	status = request_line(&p, end, h);
	if (status)
		return status;
	h->fault = NULL;
	while (end - p > 2) {
		h->fault = field_line(&p, h, &s);
		if (h->fault)
			return s.status;
	}
	if (s.length && s.encoding)
		h->fault = "there are both Content-Length and Transfer-Encoding";
	else if (s.encoding && h->minor == 0)
		h->fault = "there is a Transfer-Encoding in HTTP/1.0";
	else if (!s.host && h->minor == 1)
		h->fault = "there is no Host field";
	if (h->fault)
		return 400;
	h->keep_alive = !s.close && (h->minor == 1 || s.keep);
	return 0;
}

/* The request line cannot be taken for a field: it has a blank before any colon. */
bool http1_last_field(struct slice *head, struct slice name, struct slice *value)
{
	while (head->n) {
		const char *end = head->p + head->n, *line;

		line = memrchr(head->p, '\n', head->n - 1);
		line = line ? line + 1 : head->p;
		head->n = (size_t)(line - head->p);
		if ((size_t)(end - line) <= name.n || line[name.n] != ':' ||
		    !slice_eq_nocase(slice_of(line, name.n), name))
			continue;
		*value = slice_trim(slice_of(line + name.n + 1, (size_t)(end - line) - name.n - 1));
		return true;
	}
	return false;
}

/* --- chunked (RFC 9112 7.1) --- */

enum {
	CHUNK_SIZE, /* the digits */
	CHUNK_EXT,  /* the extensions behind them */
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER, /* the start of a line behind the last chunk */
	CHUNK_TRAILER_REST,
	CHUNK_TRAILER_LF,
	CHUNK_END_LF,
	CHUNK_ENDED
};

static int hex(char c)
{
	return (int)num_parse_hex(slice_of(&c, 1), 15);
}

static bool size_byte(struct http1_chunks *c, char b)
{
	int digit = hex(b);

	if (digit >= 0) {
		if (c->left >> 28 || ++c->digits > 12) /* far above any limit */
			return false;
		c->left = c->left << 4 | (unsigned)digit;
		return true;
	}
	c->state = b == ';' ? CHUNK_EXT : CHUNK_SIZE_LF;
	return c->digits && (b == ';' || b == '\r');
}

static bool rest_byte(struct http1_chunks *c, char b, uint8_t next)
{
	if (b == '\r') {
		c->state = next;
		return true;
	}
	return is(b, CLASS_VALUE) && ++c->extra <= HTTP1_EXTRA_MAX;
}

static bool trailer_byte(struct http1_chunks *c, char b)
{
	if (b == '\r') {
		c->state = CHUNK_END_LF;
		return true;
	}
	c->state = CHUNK_TRAILER_REST;
	return is(b, CLASS_TOKEN) && ++c->extra <= HTTP1_EXTRA_MAX;
}

static bool lf_byte(struct http1_chunks *c, char b, uint8_t next)
{
	c->state = next;
	return b == '\n';
}

/* Any byte that is not data. */
static bool frame_byte(struct http1_chunks *c, char b)
{
	switch (c->state) {
	case CHUNK_SIZE: return size_byte(c, b);
	case CHUNK_EXT: return rest_byte(c, b, CHUNK_SIZE_LF);
	case CHUNK_SIZE_LF:
		c->digits = 0;
		return lf_byte(c, b, c->left ? CHUNK_DATA : CHUNK_TRAILER);
	case CHUNK_DATA_CR: c->state = CHUNK_DATA_LF; return b == '\r';
	case CHUNK_DATA_LF: return lf_byte(c, b, CHUNK_SIZE);
	case CHUNK_TRAILER: return trailer_byte(c, b);
	case CHUNK_TRAILER_REST: return rest_byte(c, b, CHUNK_TRAILER_LF);
	case CHUNK_TRAILER_LF: return lf_byte(c, b, CHUNK_TRAILER);
	case CHUNK_END_LF: return lf_byte(c, b, CHUNK_ENDED);
	default: return false;
	}
}

enum http1_result http1_chunks(struct http1_chunks *c, struct slice *in, struct slice *data)
{
	while (in->n) {
		if (c->state == CHUNK_DATA) {
			size_t n = in->n < c->left ? in->n : c->left;

			*data = slice_of(in->p, n);
			*in = slice_of(in->p + n, in->n - n);
			c->left -= (uint32_t)n;
			if (c->left == 0)
				c->state = CHUNK_DATA_CR;
			return HTTP1_DATA;
		}
		if (!frame_byte(c, in->p[0]))
			return HTTP1_BAD;
		*in = slice_of(in->p + 1, in->n - 1);
		if (c->state == CHUNK_ENDED)
			return HTTP1_DONE;
	}
	return HTTP1_MORE;
}

/* Request heads and chunked bodies: good and bad ones, whole, byte by byte and at random splits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "proto/http1.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST /http-bind HTTP/1.1\r\n" HOST

static int parse(const char *text, struct http1_head *h)
{
	size_t scan = 0, end = 0;
	struct slice in = slice_str(text);

	switch (http1_find(in, &scan, &end)) {
	case HTTP1_DONE: return http1_parse(slice_of(in.p, end), h);
	case HTTP1_BAD: return 400;
	default: return -1;
	}
}

static void good_heads_are_taken(void **state)
{
	static const char *const good[] = {
	    GET HOST "\r\n",
	    "GET / HTTP/1.0\r\n\r\n",
	    "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
	    "GET http://example.org:80/a?b HTTP/1.1\r\n" HOST "\r\n",
	    "GET HTTPS://example.org HTTP/1.1\r\n" HOST "\r\n",
	    GET "Host:\r\n\r\n",
	    GET "Host:   a  \t \r\n\r\n",
	    GET HOST "X-Empty:\r\nX-Bytes: \xc3\xa9\xff\r\nx!#$%&'*+-.^_`|~9: y\r\n\r\n",
	    GET HOST "Cookie: a=\"b\"; c=(d)\r\nCookie: again\r\n\r\n",
	    POST "Content-Length: 0\r\n\r\n",
	    POST "content-length:   12\r\n\r\n",
	    POST "Transfer-Encoding: Chunked\r\n\r\n",
	    POST "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n",
	    "PUT / HTTP/1.1\r\n" HOST "\r\n",
	    "BREW /pot HTTP/1.1\r\n" HOST "\r\n",
	    "CONNECT example.org:443 HTTP/1.1\r\n" HOST "\r\n",
	};
	struct http1_head h;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++)
		if (parse(good[i], &h) != 0)
			fail_msg("refused (%s): %s", h.fault, good[i]);
}

static void bad_heads_are_refused(void **state)
{
	static const struct {
		int status;
		const char *text;
	} bad[] = {
	    {400, "GET / HTTP/1.1\n" HOST "\r\n"},
	    {400, GET "Host: a\n\r\n"},
	    {400, GET HOST "\n"},
	    {400, "\n"},
	    {400, "GET  / HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /  HTTP/1.1\r\n" HOST "\r\n"},
	    {400, " GET / HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET / HTTP/1.1 \r\n" HOST "\r\n"},
	    {400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /\r\n" HOST "\r\n"},
	    {400, "GET\r\n" HOST "\r\n"},
	    {400, "G(T / HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET x HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET * HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET http:///x HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET ftp://a/x HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /\x01 HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET /#a HTTP/1.1\r\n" HOST "\r\n"},
	    {400, "GET / http/1.1\r\n" HOST "\r\n"},
	    {400, "GET / HTTP/1\r\n" HOST "\r\n"},
	    {400, "GET / HTTP/1.10\r\n" HOST "\r\n"},
	    {400, "GET / HTTP/x.y\r\n" HOST "\r\n"},
	    {505, "GET / HTTP/1.2\r\n" HOST "\r\n"},
	    {505, "GET / HTTP/0.9\r\n" HOST "\r\n"},
	    {505, "PRI * HTTP/2.0\r\n\r\n"},
	    {400, GET "\r\n"},
	    {400, GET HOST HOST "\r\n"},
	    {400, GET HOST " folded: b\r\n\r\n"},
	    {400, GET HOST "X: a\r\n b\r\n\r\n"},
	    {400, GET HOST "X : a\r\n\r\n"},
	    {400, GET HOST ": a\r\n\r\n"},
	    {400, GET HOST "X\r\n\r\n"},
	    {400, GET HOST "X@: a\r\n\r\n"},
	    {400, GET HOST "X: a\x01\r\n\r\n"},
	    {400, GET HOST "X: a\x7f\r\n\r\n"},
	    {400, GET HOST "X: a\rb\r\n\r\n"},
	    {400, GET HOST "Origin: a\r\nOrigin: a\r\n\r\n"},
	    {400, GET HOST "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n"},
	    {400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"},
	    {400, POST "Content-Length: 5, 5\r\n\r\n"},
	    {400, POST "Content-Length: -5\r\n\r\n"},
	    {400, POST "Content-Length: +5\r\n\r\n"},
	    {400, POST "Content-Length: 0x5\r\n\r\n"},
	    {400, POST "Content-Length:\r\n\r\n"},
	    {400, POST "Content-Length: 5 5\r\n\r\n"},
	    {400, POST "Content-Length: 99999999999999999999999999\r\n\r\n"},
	    {400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
	    {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
	    {400, POST "Transfer-Encoding: chunked, identity\r\n\r\n"},
	    {400, POST "Transfer-Encoding: identity\r\n\r\n"},
	    {400, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"},
	    {400, POST "Transfer-Encoding:\r\n\r\n"},
	    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {417, POST "Expect: a-miracle\r\n\r\n"},
	};
	static const char nul[] = GET "Host: a\0b\r\n\r\n";
	struct http1_head h;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		int status = parse(bad[i].text, &h);

		if (status != bad[i].status)
			fail_msg("%d instead of %d: %s", status, bad[i].status, bad[i].text);
	}
	assert_int_equal(http1_parse(slice_of(nul, sizeof(nul) - 1), &h), 400);
}

static void a_head_says_what_it_is(void **state)
{
	struct http1_head h;

	(void)state;
	assert_int_equal(parse("GET /a/b?c?d HTTP/1.1\r\nHost: example.org:5222\r\nOrigin: "
			       "https://a.example\r\nAccess-Control-Request-Headers: x-a, "
			       "x-b\r\nSec-WebSocket-Key: k==\r\nContent-Encoding: "
			       "gzip\r\nAccept-Encoding: a, b\r\nAccept-Encoding: c\r\n\r\n",
			       &h),
			 0);
	assert_int_equal(h.method, HTTP1_GET);
	assert_true(slice_is(h.target, "/a/b?c?d"));
	assert_true(slice_is(h.path, "/a/b"));
	assert_true(slice_is(h.host, "example.org:5222"));
	assert_true(slice_is(h.origin, "https://a.example"));
	assert_true(slice_is(h.wanted, "x-a, x-b"));
	assert_true(slice_is(h.key, "k=="));
	assert_true(slice_is(h.coding, "gzip"));
	assert_true(slice_is(h.likes, "a, b"));
	assert_int_equal(h.length, -1);
	assert_true(h.keep_alive && !h.chunked && !h.upgrade && !h.offers);

	assert_int_equal(parse("POST http://real:1/x?y HTTP/1.1\r\nHost: other\r\n"
			       "Content-Length: 7\r\nConnection: foo, Close\r\n\r\n",
			       &h),
			 0);
	assert_true(slice_is(h.host, "real:1"));
	assert_true(slice_is(h.target, "/x?y"));
	assert_int_equal(h.length, 7);
	assert_false(h.keep_alive);

	assert_int_equal(parse("GET http://real?y HTTP/1.1\r\n" HOST "\r\n", &h), 0);
	assert_true(slice_is(h.path, "/"));
}

static void an_upgrade_is_seen_through_its_lists(void **state)
{
	struct http1_head h;

	(void)state;
	assert_int_equal(parse(GET HOST
			       "Upgrade: foo, WebSocket\r\nConnection: keep-alive, "
			       "UPGRADE\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-"
			       "Protocol: foo\r\nSec-WebSocket-Protocol: bar ,xmpp\r\n\r\n",
			       &h),
			 0);
	assert_true(h.upgrade && h.websocket && h.version_13 && h.offers && h.offers_xmpp);
	assert_int_equal(parse(GET HOST "Upgrade: websocket2\r\nConnection: close\r\nSec-WebSocket-"
					"Version: 8\r\nSec-WebSocket-Protocol: XMPP, xmpp2\r\n\r\n",
			       &h),
			 0);
	assert_true(!h.upgrade && !h.websocket && !h.version_13 && h.offers && !h.offers_xmpp);
}

static void keep_alive_follows_the_version(void **state)
{
	struct http1_head h;

	(void)state;
	parse("GET / HTTP/1.0\r\n\r\n", &h);
	assert_false(h.keep_alive);
	parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\n\r\n", &h);
	assert_true(h.keep_alive);
	assert_false(h.expect_continue);
	parse(GET HOST "Connection: keep-alive, close\r\n\r\n", &h);
	assert_false(h.keep_alive);
}

static void the_end_of_a_head_is_found_at_any_split(void **state)
{
	static const char text[] = POST "Content-Length: 3\r\n\r\nabc";
	size_t length = sizeof(text) - 1 - 3;

	(void)state;
	for (size_t step = 1; step <= sizeof(text); step++) {
		size_t scan = 0, end = 0, n = 0;
		enum http1_result r = HTTP1_MORE;

		while (r == HTTP1_MORE && n < sizeof(text) - 1) {
			n = n + step < sizeof(text) - 1 ? n + step : sizeof(text) - 1;
			r = http1_find(slice_of(text, n), &scan, &end);
		}
		assert_int_equal(r, HTTP1_DONE);
		assert_int_equal(end, length);
		assert_true(n >= length && n < length + step);
	}
}

/* Feeds a chunked body in pieces of at most `step` bytes (0: random). Returns the last result. */
static enum http1_result feed(const char *text, size_t step, struct buf *out, size_t *left)
{
	struct http1_chunks c = {0};
	size_t at = 0, n = strlen(text);
	enum http1_result r = HTTP1_MORE;

	while (at < n && r == HTTP1_MORE) {
		size_t most = step ? step : 1 + (size_t)rand() % 7;
		struct slice in = slice_of(text + at, n - at < most ? n - at : most);
		struct slice data;

		at += in.n;
		while ((r = http1_chunks(&c, &in, &data)) == HTTP1_DATA)
			buf_adds(out, data);
		*left = n - at + in.n;
	}
	return r;
}

static void check_chunks(const char *text, enum http1_result wanted, const char *body,
			 size_t behind)
{
	for (size_t step = 0; step < 40; step++) {
		struct buf out = {0};
		size_t left = 0;
		enum http1_result r = feed(text, step, &out, &left);

		if (r != wanted)
			fail_msg("%d instead of %d at step %zu: %s", r, wanted, step, text);
		if (wanted == HTTP1_DONE) {
			assert_true(slice_is(buf_slice(&out), body));
			assert_int_equal(left, behind);
		}
		buf_clear(&out);
	}
}

static void chunks_become_a_body(void **state)
{
	(void)state;
	check_chunks("0\r\n\r\n", HTTP1_DONE, "", 0);
	check_chunks("5\r\nhello\r\n0\r\n\r\n", HTTP1_DONE, "hello", 0);
	check_chunks("5\r\nhello\r\n0\r\n\r\nGET ", HTTP1_DONE, "hello", 4);
	check_chunks("1\r\na\r\n00A\r\n0123\r\n6789\r\n000\r\n\r\n", HTTP1_DONE, "a0123\r\n6789",
		     0);
	check_chunks("1;a=b;c=\"d e\"\r\na\r\n0;x\r\n\r\n", HTTP1_DONE, "a", 0);
	check_chunks("1\r\na\r\n0\r\nContent-Length: 9\r\nX:\r\n\r\n", HTTP1_DONE, "a", 0);
	check_chunks("b\r\nxyz", HTTP1_MORE, "", 0);
	check_chunks("b", HTTP1_MORE, "", 0);
	check_chunks("0000ffffffff\r\nxyz", HTTP1_MORE, "xyz", 0);
}

static void malformed_chunks_are_refused(void **state)
{
	static const char *const bad[] = {
	    "\r\n",
	    "g\r\n",
	    " 5\r\nhello\r\n",
	    "5 \r\nhello\r\n",
	    "5\nhello\r\n",
	    "-5\r\n",
	    "0x5\r\n",
	    ";a\r\n",
	    "5;a\nhello",
	    "5;\x01\r\n",
	    "5\r\nhello!\r\n",
	    "5\r\nhello\n0\r\n\r\n",
	    "5\r\rhello",
	    "fffffffffffff\r\n",
	    "100000000\r\n",
	    "0000000000005\r\nhello",
	    "0\r\nX: y\n\r\n",
	    "0\r\n folded\r\n\r\n",
	    "0\r\n\n",
	    "0\r\n\rX",
	    "0\r\nX: \x01\r\n\r\n",
	};
	struct buf long_one = {0};

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		check_chunks(bad[i], HTTP1_BAD, NULL, 0);
	for (int i = 0; i < 1400; i++)
		buf_addz(&long_one, "1;abc\r\na\r\n");
	buf_addc(&long_one, 0);
	check_chunks(buf_data(&long_one), HTTP1_BAD, NULL, 0);
	buf_clear(&long_one);
}

static void lists_are_cut_at_commas(void **state)
{
	struct slice rest = SLICE(" ,a , b,,c d,"), item;

	(void)state;
	assert_true(http1_list(&rest, &item) && slice_is(item, "a"));
	assert_true(http1_list(&rest, &item) && slice_is(item, "b"));
	assert_true(http1_list(&rest, &item) && slice_is(item, "c d"));
	assert_false(http1_list(&rest, &item));
}

static void lines_of_a_field_are_taken_from_the_last_on(void **state)
{
	struct slice head = SLICE("GET /A: HTTP/1.1\r\n" HOST "A: 1\r\nAA: no\r\nB:A: no\r\n"
				  "a:\t2 \r\nA:\r\nX: A: no\r\n\r\n");
	static const char *const values[] = {"", "2", "1"};
	struct slice value;

	(void)state;
	for (size_t i = 0; i < LEN(values); i++) {
		assert_true(http1_last_field(&head, SLICE("A"), &value));
		assert_true(slice_is(value, values[i]));
	}
	assert_false(http1_last_field(&head, SLICE("A"), &value));
	assert_false(http1_last_field(&head, SLICE("A"), &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_heads_are_taken),
	    cmocka_unit_test(bad_heads_are_refused),
	    cmocka_unit_test(a_head_says_what_it_is),
	    cmocka_unit_test(an_upgrade_is_seen_through_its_lists),
	    cmocka_unit_test(keep_alive_follows_the_version),
	    cmocka_unit_test(the_end_of_a_head_is_found_at_any_split),
	    cmocka_unit_test(chunks_become_a_body),
	    cmocka_unit_test(malformed_chunks_are_refused),
	    cmocka_unit_test(lists_are_cut_at_commas),
	    cmocka_unit_test(lines_of_a_field_are_taken_from_the_last_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

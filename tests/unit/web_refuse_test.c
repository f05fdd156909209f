/* What is refused, and in which words: bad requests, limits, origins, upgrades, foreign hosts. */
#include "web_driver.h"

#include "web/coder.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "web/http.h"

static void every_fault_has_its_status(void **state)
{
	static const struct {
		int status;
		bool ends;
		const char *text;
	} cases[] = {
	    {400, true, "GET / HTTP/1.1\n"},
	    {400, true, "GET / HTTP/1.1\r\n\r\n"},
	    {400, true, "\x16\x03\x01\r\n\r\n"},
	    {400, true,
	     "POST /http-bind HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n"},
	    {505, true, "GET / HTTP/2.0\r\n" HOST "\r\n"},
	    {417, true, "GET / HTTP/1.1\r\n" HOST "Expect: x\r\n\r\n"},
	    {501, true, "BREW / HTTP/1.1\r\n" HOST "\r\n"},
	    {404, false, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n"},
	    {404, true, "GET /nowhere HTTP/1.0\r\n\r\n"},
	    {404, true, "POST /nowhere HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcd"},
	    {405, false, "PUT /http-bind HTTP/1.1\r\n" HOST "\r\n"},
	    {405, false, "DELETE /chat/ HTTP/1.1\r\n" HOST "\r\n"},
	    {405, true, "POST /ws HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nabcd"},
	    {411, true, "POST /http-bind HTTP/1.1\r\n" HOST "\r\n"},
	    {200, true, "POST /http-bind HTTP/1.1\r\n" HOST "Content-Length: 2001\r\n\r\n"},
	    {200, true,
	     "POST /http-bind HTTP/1.1\r\n" HOST "Content-Length: 99999999999999\r\n\r\n"},
	    {301, false, "GET /chat HTTP/1.1\r\n" HOST "\r\n"},
	    {200, false, "GET /http-bind HTTP/1.1\r\n" HOST "\r\n"},
	    {200, true, "GET /http-bind HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"},
	    {204, false, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"},
	    {200, false, "POST /http-bind HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = dial();

		say(fd, cases[i].text);
		expect_status(fd, cases[i].status, cases[i].ends);
		assert_non_null(strstr(buf_data(&got), "\r\nAccess-Control-Allow-Origin: *\r\n"));
		close(fd);
		turn();
	}
	expect_called("");
	assert_int_equal(web->counts.connections, 0);
}

static void limits_hold(void **state)
{
	char text[5000];
	struct buf b = {0};
	int fd = dial();

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\n", 16);
	say_bytes(fd, text, 4095);
	assert_string_equal(hear(fd), "");
	say_bytes(fd, text + 4095, 1);
	expect_status(fd, 431, true);
	close(fd);

	fd = dial();
	BUF_LIT(&b, "POST /bosh HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n7d1\r\n");
	buf_add(&b, text, 2001);
	say_bytes(fd, buf_data(&b), b.len);
	buf_clear(&b);
	expect_status(fd, 200, true);
	assert_non_null(strstr(buf_data(&got), "condition='policy-violation'"));
	pass(HTTP_LINGER); /* it says nothing, and does not go */
	pass(HTTP_LINGER);
	assert_int_equal(web->counts.connections, 0);
	close(fd);
}

static void cors_stands_on_every_answer_once(void **state)
{
	static const char allowed[] =
	    "GET /x HTTP/1.1\r\n" HOST "Origin: https://chat.example\r\n\r\n";
	int fd;

	(void)state;
	allow_some_origins();
	fd = dial();
	say(fd, allowed);
	expect_status(fd, 404, false);
	assert_non_null(strstr(buf_data(&got),
			       "\r\nAccess-Control-Allow-Origin: https://chat.example\r\n"
			       "Vary: Origin\r\n"));
	say(fd, "GET /x HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n");
	expect_status(fd, 404, false);
	assert_null(strstr(buf_data(&got), "Access-Control"));
	say(fd, "OPTIONS /bosh HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n");
	expect_status(fd, 403, false);
	assert_null(strstr(buf_data(&got), "Access-Control"));
	say_post(fd, BODY("5")); /* no Origin: not a browser */
	expect_called("create5 ");
	reply(1, "");
	expect_status(fd, 200, false);
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n"
		"Content-Length: 1\r\n\r\nx");
	expect_status(fd, 403, true);
	assert_null(strstr(buf_data(&got), "Access-Control"));
	close(fd);
	expect_called("");
}

static void a_preflight_is_granted(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "OPTIONS /http-bind HTTP/1.1\r\n" HOST
		"Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"
		"Access-Control-Request-Headers: content-type,x-y\r\n\r\n");
	assert_string_equal(hear(fd), "HTTP/1.1 204 No Content\r\nCache-Control: no-store\r\n"
				      "Access-Control-Allow-Origin: *\r\n"
				      "Allow: GET, HEAD, POST, OPTIONS\r\n"
				      "Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"
				      "Access-Control-Allow-Headers: content-type,x-y\r\n"
				      "Access-Control-Max-Age: 86400\r\n\r\n");
	close(fd);
}

static void bad_bodies_get_terminal_ones(void **state)
{
	static const struct {
		const char *body, *condition;
	} cases[] = {
	    {"<body", "bad-request"},
	    {"<!DOCTYPE a><a/>", "bad-request"},
	    {"<body xmlns='jabber:client'/>", "bad-request"},
	    {"<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='x'/>",
	     "item-not-found"},
	};
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		say_post(fd, cases[i].body);
		expect_status(fd, 200, false);
		assert_non_null(strstr(buf_data(&got), "type='terminate'"));
		assert_non_null(strstr(buf_data(&got), cases[i].condition));
	}
	expect_called("");
	close(fd);
}

#define WS_HEAD "GET /ws HTTP/1.1\r\n" HOST
#define WS_UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define WS_VERSION "Sec-WebSocket-Version: 13\r\n"
#define WS_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_XMPP "Sec-WebSocket-Protocol: xmpp\r\n"

static void an_upgrade_is_handed_over(void **state)
{
	struct buf frames = {0}, text = buf_copy(SLICE("<a xmlns='b'/>"));
	const struct ws_hooks *h = web->engine->hooks;
	int fd = dial();

	(void)state;
	say(fd, WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "\r\nrest");
	expect_called("adopt(dGhlIHNhbXBsZSBub25jZQ==,rest) ws-open ");
	assert_int_equal(web->counts.connections, 0);
	assert_int_equal(web->counts.websockets, 1);
	h->message(adopted.owner, &text);
	h->binary(adopted.owner);
	text = buf_copy(SLICE("<a"));
	h->message(adopted.owner, &text);
	expect_called("frame(ok,none) frame(none,unsupported-data) frame(none,not-well-formed) ");
	buf_addz(&frames, "abc");
	web_ws_send(web, handles[0], &frames);
	web_ws_close(web, handles[0], 1000);
	h->closed(adopted.owner);
	turn();
	expect_called("ws-send(3) ws-close(1000) ws-closed ");
	buf_addz(&frames, "abc");
	web_ws_send(web, handles[0], &frames); /* stale */
	expect_called("");
	assert_int_equal(web->counts.websockets, 0);
	close(adopted.fd);
	close(fd);
}

static void a_websocket_may_be_refused(void **state)
{
	int fd = dial();

	(void)state;
	ws_refusal = "There are enough.";
	say(fd, WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "\r\n");
	expect_status(fd, 503, true);
	assert_non_null(strstr(buf_data(&got), ws_refusal));
	close(fd);
	ws_refusal = NULL;

	fd = dial();
	ws_answer = 0;
	say(fd, WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "\r\n");
	expect_called("adopt(dGhlIHNhbXBsZSBub25jZQ==,) ws-open ws-close(1013) ");
	web->engine->hooks->closed(adopted.owner);
	expect_called("");
	close(adopted.fd);
	close(fd);
}

static void upgrades_are_checked(void **state)
{
	static const struct {
		int status;
		bool ends;
		const char *text, *words;
	} cases[] = {
	    {426, false, WS_HEAD "\r\n", "\"Upgrade: websocket\" and \"Connection: Upgrade\" are"},
	    {426, false, WS_HEAD "Connection: upgrade\r\n\r\n",
	     "\"Upgrade: websocket\" is missing"},
	    {426, false, WS_HEAD "Upgrade: websocket\r\n\r\n",
	     "\"Connection: Upgrade\" is missing"},
	    {426, false, WS_HEAD "\r\n", "opened as a page"},
	    {426, false, WS_HEAD WS_VERSION WS_KEY WS_XMPP "\r\n", "A proxy in front"},
	    {426, true, "GET /ws HTTP/1.0\r\n" WS_UP "\r\n", "HTTP/1.0"},
	    {426, false, WS_HEAD WS_UP WS_KEY WS_XMPP "Sec-WebSocket-Version: 8\r\n\r\n",
	     "\r\nSec-WebSocket-Version: 13\r\n"},
	    {400, true, WS_HEAD WS_UP WS_VERSION WS_XMPP "\r\n", "Sec-WebSocket-Key"},
	    {400, true, WS_HEAD WS_UP WS_VERSION WS_XMPP "Sec-WebSocket-Key: abc\r\n\r\n",
	     "Sec-WebSocket-Key"},
	    {400, true, WS_HEAD WS_UP WS_VERSION WS_KEY "\r\n", "Sec-WebSocket-Protocol"},
	    {400, true, WS_HEAD WS_UP WS_VERSION WS_KEY "Sec-WebSocket-Protocol: XMPP\r\n\r\n",
	     "does not offer xmpp"},
	    {403, true,
	     WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "Origin: https://evil.example\r\n\r\n",
	     "origin"},
	};

	(void)state;
	allow_some_origins();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = dial();

		say(fd, cases[i].text);
		expect_status(fd, cases[i].status, cases[i].ends);
		if (!strstr(buf_data(&got), cases[i].words))
			fail_msg("%s not in: %s", cases[i].words, buf_data(&got));
		close(fd);
		turn();
	}
	expect_called("");
}

static void an_upgrade_without_origin_has_its_own_switch(void **state)
{
	int fd = dial();

	(void)state;
	config.absent_origin = false;
	say(fd, WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "\r\n");
	expect_status(fd, 403, true);
	assert_non_null(strstr(buf_data(&got), "websocket.absent_origin"));
	close(fd);
	fd = dial();
	say(fd, WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "Origin: null\r\n\r\n");
	expect_called("adopt(dGhlIHNhbXBsZSBub25jZQ==,) ws-open ");
	web->engine->hooks->closed(adopted.owner);
	expect_called("ws-closed ");
	close(adopted.fd);
	close(fd);
}

static void cors_fields_can_be_left_to_a_proxy(void **state)
{
	int fd = dial();

	(void)state;
	config.cors = false;
	say(fd, "GET /x HTTP/1.1\r\n" HOST "Origin: https://chat.example\r\n\r\n");
	expect_status(fd, 404, false);
	assert_null(strstr(buf_data(&got), "Access-Control"));
	say(fd, "OPTIONS /bosh HTTP/1.1\r\n" HOST "Origin: https://chat.example\r\n\r\n");
	expect_status(fd, 204, false);
	assert_null(strstr(buf_data(&got), "Access-Control"));
	allow_some_origins();
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n"
		"Content-Length: 1\r\n\r\nx");
	expect_status(fd, 403, true);
	assert_non_null(strstr(buf_data(&got), "https://evil.example, is not among"));
	close(fd);
}

#define PAD "                                                                "

static void compressed_posts_are_read(void **state)
{
	static const char *const codings[] = {"gzip", "x-gzip", "deflate", "GZIP", "identity"};
	struct coder *c = coder_new(9);
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		enum coding coding = coding_of(slice_str(codings[i]));
		struct buf b = {0}, head = {0};

		if (coding == CODING_IDENTITY)
			buf_addz(&b, BODY("5"));
		else
			assert_true(coder_pack(c, coding, SLICE(BODY("5") PAD), &b));
		buf_addf(&head,
			 "POST /bosh HTTP/1.1\r\n" HOST
			 "Content-Encoding: %s\r\nContent-Length: %u\r\n\r\n",
			 codings[i], b.len);
		buf_adds(&head, buf_slice(&b));
		say_bytes(fd, buf_data(&head), head.len);
		expect_called("create5 ");
		reply((int)i + 1, "");
		expect_status(fd, 200, false);
		buf_clear(&b);
		buf_clear(&head);
	}
	coder_free(c);
	close(fd);
}

static void compressed_posts_have_limits(void **state)
{
	static char zeros[100000];
	struct coder *c = coder_new(9);
	struct buf bomb = {0}, head = {0};
	int fd = dial();

	(void)state;
	assert_true(coder_pack(c, CODING_GZIP, slice_of(zeros, sizeof(zeros)), &bomb));
	assert_true(bomb.len < 500);
	buf_addf(&head,
		 "POST /bosh HTTP/1.1\r\n" HOST
		 "Content-Encoding: gzip\r\nContent-Length: %u\r\n\r\n",
		 bomb.len);
	buf_adds(&head, buf_slice(&bomb));
	say_bytes(fd, buf_data(&head), head.len);
	expect_status(fd, 200, true);
	close(fd);
	fd = dial();
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST
		"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello");
	expect_status(fd, 400, true);
	close(fd);
	fd = dial();
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST
		"Content-Encoding: br\r\nContent-Length: 5\r\n\r\nhello");
	expect_status(fd, 415, true);
	assert_non_null(strstr(buf_data(&got), "\r\nAccept-Encoding: gzip, deflate\r\n"));
	close(fd);
	coder_free(c);
	buf_clear(&bomb);
	buf_clear(&head);
	expect_called("");
}

static void no_upgrade_behind_a_held_request(void **state)
{
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	hold(1, 60000);
	say(fd, WS_HEAD WS_UP WS_VERSION WS_KEY WS_XMPP "\r\n");
	expect_called("create5 hurry1 ");
	reply(1, "<a/>");
	expect_status(fd, 200, true);
	assert_non_null(strstr(buf_data(&got), "HTTP/1.1 400 "));
	close(fd);
}

static void status_is_for_this_machine(void **state)
{
	static const char *const good[] = {"localhost", "LOCALHOST:5282", "127.0.0.1:5282",
					   "127.3.2.1", "[::1]:80"};
	static const char *const bad[] = {
	    "evil.example", "localhost.evil.example", "192.0.2.1", "", "[::2]", "a@localhost"};
	char text[200];
	int fd = dial_kind(WEB_STATUS);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "GET /chat/ HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
		say(fd, text);
		expect_status(fd, 200, false);
		assert_null(strstr(buf_data(&got), "Access-Control"));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "GET /api/x HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
		say(fd, text);
		expect_status(fd, 403, true);
		close(fd);
		fd = dial_kind(WEB_STATUS);
	}
	say(fd, "GET /api/sessions?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect_called("api(/api/sessions?a=b) ");
	reply(1, "{}");
	expect_status(fd, 200, false);
	say(fd, "PUT /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
	expect_status(fd, 405, false);
	say(fd, "GET /http-bind HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect_status(fd, 404, false);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WEB_TEST(every_fault_has_its_status),
	    WEB_TEST(limits_hold),
	    WEB_TEST(cors_stands_on_every_answer_once),
	    WEB_TEST(a_preflight_is_granted),
	    WEB_TEST(bad_bodies_get_terminal_ones),
	    WEB_TEST(an_upgrade_is_handed_over),
	    WEB_TEST(a_websocket_may_be_refused),
	    WEB_TEST(upgrades_are_checked),
	    WEB_TEST(no_upgrade_behind_a_held_request),
	    WEB_TEST(status_is_for_this_machine),
	    WEB_TEST(an_upgrade_without_origin_has_its_own_switch),
	    WEB_TEST(compressed_posts_are_read),
	    WEB_TEST(compressed_posts_have_limits),
	    WEB_TEST(cors_fields_can_be_left_to_a_proxy),
	};

	log_open(false, LOG_LEVEL_WARN, "web_refuse_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

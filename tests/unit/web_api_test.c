/* The API of status listeners and the control socket: who may ask, bodies of acts, streams. */
#include "web_driver.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/guard.h"

#define LOCAL "Host: localhost:5282\r\n"
#define TOKEN "Authorization: Bearer right\r\n"
#define WRONG "Authorization: Bearer wrong\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const char *const open_paths[] = {"/api/status", "/metrics", NULL};
static const char *const names[] = {"ops.example", NULL};
static struct web_wrongs wrongs;

static int guarded(struct web_listener l)
{
	wrongs = (struct web_wrongs){.seed = 5};
	config.token = "right";
	config.status_open = open_paths;
	config.status_names = names;
	config.wrongs = &wrongs;
	return dial_listener(l);
}

static int near(void)
{
	return guarded((struct web_listener){.kind = WEB_STATUS});
}

/* One request on a connection of its own, and its status. */
static void ask(bool far, const char *request, int status)
{
	int fd = guarded((struct web_listener){.kind = WEB_STATUS, .far = far});

	say(fd, request);
	if (status == 200) {
		assert_true(handles[0] != 0);
		reply(1, "{}");
	}
	if (atoi(hear(fd) + 9) != status)
		fail_msg("not %d: %s -> %s", status, request, buf_data(&got));
	assert_null(strstr(buf_data(&got), "Access-Control"));
	assert_non_null(strstr(buf_data(&got), "Content-Security-Policy: default-src 'none';"));
	assert_non_null(strstr(buf_data(&got), "X-Content-Type-Options: nosniff\r\n"));
	if (status >= 400)
		assert_non_null(strstr(buf_data(&got), "\r\n\r\n{\"error\":\""));
	close(fd);
	turn();
	web_teardown(NULL);
	web_setup(NULL);
}

static void the_token_stands_before_acts_and_people(void **state)
{
	(void)state;
	ask(false, "GET /api/status HTTP/1.1\r\n" LOCAL "\r\n", 200);
	ask(false, "GET /metrics HTTP/1.1\r\n" LOCAL "\r\n", 200);
	ask(false, "GET /api/sessions HTTP/1.1\r\n" LOCAL "\r\n", 401);
	ask(false, "GET /api/status/ HTTP/1.1\r\n" LOCAL "\r\n", 401);
	ask(false, "GET /api/sessions HTTP/1.1\r\n" LOCAL TOKEN "\r\n", 200);
	ask(false, "GET /api/sessions HTTP/1.1\r\n" LOCAL WRONG "\r\n", 401);
	ask(false, "GET /api/status HTTP/1.1\r\n" LOCAL WRONG "\r\n", 401);
	ask(false, "POST /api/status HTTP/1.1\r\n" LOCAL "Content-Length: 0\r\n\r\n", 401);
	ask(false, "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN "Content-Length: 0\r\n\r\n", 200);
	ask(true, "GET /api/status HTTP/1.1\r\n" LOCAL "\r\n", 401);
	ask(true, "GET /metrics HTTP/1.1\r\n" LOCAL TOKEN "\r\n", 200);
}

static void pages_of_others_are_refused(void **state)
{
	(void)state;
	ask(false, "GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403);
	ask(false, "GET /chat/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403);
	ask(false, "GET /api/status HTTP/1.1\r\nHost: ops.example\r\n\r\n", 401);
	ask(false, "GET /api/status HTTP/1.1\r\nHost: ops.example\r\n" TOKEN "\r\n", 200);
	ask(false, "GET /api/status HTTP/1.1\r\n" LOCAL "Origin: http://localhost:5282\r\n\r\n",
	    200);
	ask(false, "GET /api/status HTTP/1.1\r\n" LOCAL "Origin: http://evil.example\r\n\r\n", 403);
	ask(false,
	    "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN
	    "Origin: http://localhost:81\r\nContent-Length: 0\r\n\r\n",
	    403);
	ask(false,
	    "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN "Origin: null\r\nContent-Length: 0\r\n\r\n",
	    403);
	ask(false, "OPTIONS /api/x HTTP/1.1\r\n" LOCAL TOKEN "\r\n", 405);
}

static void wrong_tokens_are_counted(void **state)
{
	int fd = near();

	(void)state;
	for (int i = 0; i <= GUARD_WRONG; i++) {
		say(fd, "GET /api/sessions HTTP/1.1\r\n" LOCAL WRONG "\r\n");
		expect_status(fd, i < GUARD_WRONG ? 401 : 429, true);
		close(fd);
		fd = dial_kind(WEB_STATUS);
	}
	say(fd, "GET /api/sessions HTTP/1.1\r\n" LOCAL TOKEN "\r\n");
	expect_status(fd, 429, true);
	close(fd);
	fd = dial_kind(WEB_STATUS);
	say(fd, "GET /api/status HTTP/1.1\r\n" LOCAL "\r\n");
	expect_called("api(/api/status) ");
	close(fd);
	pass(GUARD_WINDOW);
	fd = dial_kind(WEB_STATUS);
	say(fd, "GET /api/sessions HTTP/1.1\r\n" LOCAL TOKEN "\r\n");
	expect_called("api(/api/sessions) ");
	close(fd);
}

static void addresses_are_counted_apart(void **state)
{
	struct web_wrongs g = {.seed = 7};
	struct addr a = addr_v4("\x7f\0\0\1", 4000), b = addr_v4("\xc0\0\2\1", 4000);

	(void)state;
	for (int i = 0; i < GUARD_WRONG; i++) {
		assert_true(guard_may_try(&g, &a, 100));
		guard_wrong(&g, &a, 100);
		a.port++; /* another connection is the same address */
	}
	assert_false(guard_may_try(&g, &a, GUARD_WINDOW - 1));
	assert_true(guard_may_try(&g, &b, 100));
	assert_true(guard_may_try(&g, &a, GUARD_WINDOW));
	guard_wrong(&g, &a, GUARD_WINDOW);
	assert_true(guard_may_try(&g, &a, GUARD_WINDOW));
}

static void an_act_brings_a_body(void **state)
{
	static const char whole[] =
	    "POST /api/x?y=1 HTTP/1.1\r\n" LOCAL TOKEN "Content-Length: 11\r\n\r\n{\"on\":true}";
	static const char pieces[] = "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN CHUNKED
				     "\r\n3\r\n{\"o\r\n8\r\nn\":true}\r\n0\r\n\r\n";
	int fd = near();

	(void)state;
	say(fd, whole);
	expect_called("post(/api/x?y=1 {\"on\":true}) ");
	assert_true(called.trusted && called.uid == -1);
	reply(1, "{}");
	expect_status(fd, 200, false);
	for (size_t i = 0; pieces[i]; i++)
		say_bytes(fd, pieces + i, 1);
	expect_called("post(/api/x {\"on\":true}) ");
	reply(2, "{}");
	expect_status(fd, 200, false);
	say(fd, "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN "Content-Length: 4097\r\n\r\n");
	expect_status(fd, 413, true);
	close(fd);
	fd = dial_kind(WEB_STATUS);
	say(fd, "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN CHUNKED "\r\n1001\r\n");
	for (int i = 0; i < 0x1001; i += 17)
		say(fd, "seventeen letters");
	expect_status(fd, 413, true);
	close(fd);
	fd = dial_kind(WEB_STATUS);
	say(fd, "POST /chat/ HTTP/1.1\r\n" LOCAL TOKEN "Content-Length: 0\r\n\r\n");
	expect_status(fd, 405, false);
	say(fd, "POST /api/x HTTP/1.1\r\n" LOCAL TOKEN "\r\n");
	expect_status(fd, 411, true);
	expect_called("");
	close(fd);
}

static void the_control_socket_is_its_own_key(void **state)
{
	int fd = guarded((struct web_listener){.kind = WEB_CONTROL});

	(void)state;
	say(fd, "POST /api/x HTTP/1.1\r\nHost: fairlead\r\nContent-Length: 2\r\n\r\n{}");
	expect_called("post(/api/x {}) ");
	assert_true(called.trusted);
	assert_int_equal(called.uid, getuid());
	reply(1, "{}");
	expect_status(fd, 200, false);
	close(fd);
}

static void balancers_ask_traffic_listeners(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET /ready HTTP/1.1\r\n" HOST "\r\n");
	expect_called("api(/ready) ");
	assert_false(called.trusted);
	reply(1, "ready\n");
	expect_status(fd, 200, false);
	say(fd, "GET /api/status HTTP/1.1\r\n" HOST "\r\n");
	expect_status(fd, 404, false);
	say(fd, "GET /metrics HTTP/1.1\r\n" HOST "\r\n");
	expect_status(fd, 404, false);
	expect_called("");
	close(fd);
}

static handle_t stream(int fd)
{
	handles[0] = 0;
	say(fd, "GET /api/stream HTTP/1.1\r\n" LOCAL TOKEN "\r\n");
	return handles[0];
}

static bool hand(handle_t h, const char *text)
{
	bool good = web_stream_write(web, h, slice_str(text));

	turn();
	return good;
}

static void a_stream_goes_on(void **state)
{
	int fd = near();
	handle_t h = stream(fd);

	(void)state;
	assert_true(web_stream_begin(web, h, "text/event-stream"));
	turn();
	assert_non_null(strstr(hear(fd), "\r\nTransfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(buf_data(&got), "\r\nContent-Type: text/event-stream\r\n"));
	assert_true(hand(h, "data: 1\n\n"));
	assert_string_equal(hear(fd), "9\r\ndata: 1\n\n\r\n");
	pass(3600000); /* nothing is due */
	assert_true(hand(h, "data: 2\n\n"));
	assert_string_equal(hear(fd), "9\r\ndata: 2\n\n\r\n");
	say(fd, "GET /chat/ HTTP/1.1\r\n" LOCAL "\r\n");
	assert_string_equal(hear(fd), "");
	web_stream_end(web, h);
	turn();
	assert_int_equal(strncmp(hear(fd), "0\r\n\r\nHTTP/1.1 200 OK\r\n", 22), 0);
	assert_false(hand(h, "data: 3\n\n"));
	assert_int_equal(web->counts.requests_waiting, 0);
	expect_called("api(/api/stream) ");
	close(fd);
}

static void a_reader_goes(void **state)
{
	int fd = near();
	handle_t h = stream(fd);

	(void)state;
	assert_true(web_stream_begin(web, h, "text/event-stream"));
	turn();
	close(fd);
	turn();
	expect_called("api(/api/stream) stream-gone1 ");
	assert_false(hand(h, "data: 1\n\n"));
	assert_false(web_stream_begin(web, h, "text/event-stream"));
}

static void a_slow_reader_is_dropped(void **state)
{
	static char much[100000];
	int fd = near();
	handle_t h = stream(fd);
	size_t sent = 0;

	(void)state;
	memset(much, 'x', sizeof(much));
	assert_true(web_stream_begin(web, h, "text/event-stream"));
	while (web_stream_write(web, h, slice_of(much, sizeof(much)))) {
		sent += sizeof(much);
		turn();
		assert_true(sent < 8u * WEB_STREAM_QUEUE);
	}
	assert_true(sent > WEB_STREAM_QUEUE);
	expect_called("api(/api/stream) stream-gone1 ");
	assert_int_equal(web->counts.connections, 0);
	close(fd);
}

static void streams_of_other_shapes(void **state)
{
	int fd = near();

	(void)state;
	say(fd, "HEAD /api/stream HTTP/1.1\r\n" LOCAL TOKEN "\r\n");
	assert_false(web_stream_begin(web, handles[0], "text/event-stream"));
	turn();
	expect_status(fd, 200, false);
	say(fd, "GET /api/stream HTTP/1.0\r\n" TOKEN "\r\n");
	assert_true(web_stream_begin(web, handles[1], "text/event-stream"));
	hand(handles[1], "data: 1\n\n");
	assert_null(strstr(hear(fd), "chunked"));
	assert_non_null(strstr(buf_data(&got), "\r\n\r\ndata: 1\n\n"));
	web_stream_end(web, handles[1]);
	turn();
	assert_string_equal(hear(fd), "END");
	close(fd);
	fd = dial_kind(WEB_STATUS);
	say(fd, "GET /api/a HTTP/1.1\r\n" LOCAL TOKEN "\r\n"
		"GET /api/stream HTTP/1.1\r\n" LOCAL TOKEN "\r\n");
	assert_false(web_stream_begin(web, handles[3], "text/event-stream"));
	reply(3, "{}");
	assert_non_null(strstr(hear(fd), "HTTP/1.1 503 "));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WEB_TEST(the_token_stands_before_acts_and_people),
	    WEB_TEST(pages_of_others_are_refused),
	    WEB_TEST(wrong_tokens_are_counted),
	    WEB_TEST(addresses_are_counted_apart),
	    WEB_TEST(an_act_brings_a_body),
	    WEB_TEST(the_control_socket_is_its_own_key),
	    WEB_TEST(balancers_ask_traffic_listeners),
	    WEB_TEST(a_stream_goes_on),
	    WEB_TEST(a_reader_goes),
	    WEB_TEST(a_slow_reader_is_dropped),
	    WEB_TEST(streams_of_other_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

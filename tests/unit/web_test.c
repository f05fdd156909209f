/* HTTP connections: order, reading ahead, holding, deadlines, and what is left when nothing
 * happens. */
#include "web_driver.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "web/http.h"
#include "web/request.h"

static void a_post_is_handed_on_and_answered(void **state)
{
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	expect_called("create5 ");
	reply(1, "<a/>");
	assert_string_equal(hear(fd), HEAD_200("4") "<a/>");
	say_post(fd, BODY("6"));
	expect_called("create6 ");
	reply(2, "");
	assert_string_equal(hear(fd), HEAD_200("0"));
	assert_int_equal(web->counts.requests_waiting, 0);
	close(fd);
}

static void bytes_may_come_one_at_a_time(void **state)
{
	static const char chunked[] =
	    "\r\nPOST /bosh/ HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
	struct buf b = {0};
	int fd = dial();

	(void)state;
	post(&b, BODY("5"));
	buf_addz(&b, chunked);
	buf_addf(&b, "%zx\r\n%s\r\n0\r\nX: y\r\n\r\n", strlen(BODY("6")), BODY("6"));
	for (uint32_t i = 0; i < b.len; i++)
		say_bytes(fd, buf_data(&b) + i, 1);
	expect_called("create5 create6 ");
	buf_clear(&b);
	close(fd);
}

static void pipelined_posts_are_answered_in_order(void **state)
{
	struct buf b = {0};
	int fd = dial();

	(void)state;
	post(&b, BODY("5"));
	post(&b, BODY("6"));
	post(&b, BODY("7"));
	say_bytes(fd, buf_data(&b), b.len);
	buf_clear(&b);
	expect_called("create5 create6 create7 ");
	hold(1, 60000);
	hold(2, 60000);
	hold(3, 60000);
	expect_called("hurry1 hurry2 ");
	reply(3, "<c/>");
	reply(2, "<b/>");
	assert_string_equal(hear(fd), "");
	reply(1, "<a/>");
	assert_string_equal(hear(fd),
			    HEAD_200("4") "<a/>" HEAD_200("4") "<b/>" HEAD_200("4") "<c/>");
	expect_called("");
	close(fd);
}

static void reading_ahead_has_a_bound(void **state)
{
	struct buf b = {0};
	int fd = dial();

	(void)state;
	for (int i = 0; i < 8; i++)
		post(&b, BODY("5"));
	say_bytes(fd, buf_data(&b), b.len);
	buf_clear(&b);
	expect_called("create5 create5 create5 create5 create5 ");
	hold(5, 1000);
	expect_called("hurry5 "); /* what is too far ahead to be read counts as well */
	reply(1, "");
	expect_called("create5 ");
	reply(2, "");
	reply(3, "");
	expect_called("create5 create5 ");
	close(fd);
	turn();
	expect_called("gone5 ");
}

static void one_body_limit_is_read_ahead(void **state)
{
	char body[1500];
	struct buf b = {0};
	int fd = dial();

	(void)state;
	memset(body, ' ', sizeof(body));
	memcpy(body, BODY("5"), strlen(BODY("5")));
	body[sizeof(body) - 1] = 0;
	for (int i = 0; i < 3; i++)
		post(&b, body);
	say_bytes(fd, buf_data(&b), b.len);
	buf_clear(&b);
	expect_called("create5 create5 ");
	reply(1, "");
	expect_called("create5 ");
	close(fd);
}

static void a_get_hurries_the_post_before_it(void **state)
{
	const char *text;
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	hold(1, 60000);
	say(fd, "GET /chat/ HTTP/1.1\r\n" HOST "\r\n");
	expect_called("create5 hurry1 ");
	assert_string_equal(hear(fd), "");
	reply(1, "<a/>");
	text = hear(fd);
	assert_true(slice_starts(slice_str(text), SLICE(HEAD_200("4") "<a/>HTTP/1.1 200 ")));
	assert_string_equal(text + strlen(text) - 9, "\r\n\r\nhello");
	close(fd);
}

static void a_client_that_goes_is_reported(void **state)
{
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	hold(1, 60000);
	say_post(fd, BODY("6"));
	close(fd);
	turn();
	expect_called("create5 create6 hurry1 gone1 ");
	assert_int_equal(web->counts.connections, 0);
	assert_int_equal(web->counts.requests_waiting, 0);
	reply(1, "late"); /* a stale handle: dropped */
	hold(2, 60000);
	expect_called("gone2 ");
}

static void half_closed_clients_get_what_is_ready(void **state)
{
	int fd = dial();

	(void)state;
	send(fd, "GET /chat/ HTTP/1.0\r\n\r\n", 23, 0);
	shutdown(fd, SHUT_WR);
	turn();
	expect_status(fd, 200, true);
	close(fd);
}

static void no_answer_in_time_is_503(void **state)
{
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	pass(4999);
	assert_string_equal(hear(fd), "");
	pass(1);
	expect_status(fd, 503, false);
	assert_non_null(strstr(buf_data(&got), "Retry-After: 1\r\n"));
	expect_called("create5 ");
	say_post(fd, BODY("6"));
	hold(2, 60000);
	pass(64999);
	assert_string_equal(hear(fd), "");
	pass(1);
	expect_status(fd, 503, false);
	expect_called("create6 gone2 ");
	reply(2, "late");
	assert_string_equal(hear(fd), "");
	close(fd);
}

static void slowness_ends(void **state)
{
	int fd = dial();

	(void)state;
	pass(10000);
	assert_string_equal(hear(fd), "END");
	close(fd);

	fd = dial();
	say(fd, "GET / HT");
	pass(9999);
	say(fd, "TP/1.1\r\n");
	assert_string_equal(hear(fd), "");
	pass(1);
	expect_status(fd, 503, true);
	close(fd);

	fd = dial();
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabc");
	pass(19999);
	assert_string_equal(hear(fd), "");
	pass(1);
	expect_status(fd, 503, true);
	close(fd);

	fd = dial();
	say(fd, "GET /chat/ HTTP/1.1\r\n" HOST "\r\n");
	expect_status(fd, 200, false);
	pass(89999);
	assert_string_equal(hear(fd), "");
	pass(1);
	assert_string_equal(hear(fd), "END");
	close(fd);
}

/* Whatever the moment at which time began to count. */
static void deadlines_are_never_early_and_a_tick_late_at_most(void **state)
{
	(void)state;
	for (int i = 1; i <= WEB_TICK; i += 31) {
		int fd;

		pass(i);
		fd = dial();
		say_post(fd, BODY("5"));
		pass(4999);
		assert_string_equal(hear(fd), "");
		pass(WEB_TICK);
		expect_status(fd, 503, false);
		close(fd);
		turn();
	}
}

static void waits_may_be_longer_than_the_lists_reach(void **state)
{
	int64_t wait = 3 * WEB_TICK * WEB_DUES;
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	hold(1, wait);
	for (int64_t at = 0; at < wait; at += 1000) {
		pass(1000);
		assert_string_equal(hear(fd), "");
	}
	pass(5000);
	expect_status(fd, 503, false);
	expect_called("create5 gone1 ");
	say_post(fd, BODY("6"));
	hold(2, wait);
	leap(2 * wait); /* the machine was asleep */
	assert_string_equal(hear(fd), "");
	pass(1500);
	expect_status(fd, 503, false);
	close(fd);
}

/* Two requests of a BOSH session that are answered at once (XEP-0124 8). */
static void answers_leave_in_the_order_given(void **state)
{
	int older = dial(), newer = dial();
	const struct http *h;

	(void)state;
	say_post(older, BODY("5"));
	say_post(newer, BODY("6"));
	hold(1, 1000);
	hold(2, 1000);
	h = request_find(web, handles[0])->http;
	for (int i = 0; i < 2; i++)
		web_reply(web, handles[i], 200, &(struct buf){0}, NULL);
	assert_ptr_equal(web->marked, h);
	turn();
	expect_status(older, 200, false);
	expect_status(newer, 200, false);
	close(older);
	close(newer);
}

/* What a client said in time is read before it is held to a deadline that the loop missed itself.
 */
static void a_loop_that_was_away_is_lenient(void **state)
{
	int fd = dial(), silent = dial();

	(void)state;
	assert_false(leap(100000));
	say(fd, "GET /chat/ HTTP/1.1\r\n" HOST "\r\n");
	expect_status(fd, 200, false);
	assert_int_equal(web->counts.connections, 2);
	pass(1500);
	assert_int_equal(web->counts.connections, 1);
	close(silent);
	close(fd);
	turn();
}

enum { CROWD = WEB_SWEEP + 40 };

/* In one turn at most so many connections are looked at because of the time. */
static void many_deadlines_take_several_turns(void **state)
{
	int fd[CROWD];

	(void)state;
	for (int i = 0; i < CROWD; i++)
		fd[i] = dial();
	assert_true(pass_in_one_turn(10000));
	assert_int_equal(web->counts.connections, CROWD - WEB_SWEEP);
	assert_false(pass_in_one_turn(0));
	assert_int_equal(web->counts.connections, 0);
	for (int i = 0; i < CROWD; i++)
		close(fd[i]);
}

static void a_drain_of_many_takes_several_turns(void **state)
{
	int fd[CROWD];
	uint32_t n = CROWD;
	bool more = true;

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		fd[i] = dial();
		if (i < 10)
			say_post(fd[i], BODY("5"));
	}
	web_drain(web);
	pass_in_one_turn(0);
	assert_int_equal(web->counts.connections, CROWD);
	for (int64_t ms = 500; more; ms = 0) {
		more = pass_in_one_turn(ms);
		assert_true(n - web->counts.connections <= WEB_SWEEP);
		n = web->counts.connections;
	}
	assert_int_equal(n, 10);
	pass(4499);
	assert_int_equal(web->counts.requests_waiting, 10);
	pass(1);
	assert_int_equal(web->counts.requests_waiting, 0);
	for (int i = 0; i < CROWD; i++)
		close(fd[i]);
	turn();
	assert_int_equal(web->counts.connections, 0);
}

static void continue_is_said_when_it_is_true(void **state)
{
	static const char head[] =
	    "POST /bosh HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 59\r\n\r\n";
	int fd = dial();

	(void)state;
	assert_int_equal(strlen(BODY("5")), 59);
	say(fd, head);
	assert_string_equal(hear(fd), "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, BODY("5"));
	expect_called("create5 ");
	hold(1, 60000);
	say(fd, head);
	expect_called("hurry1 ");
	assert_string_equal(hear(fd), "");
	reply(1, "<a/>");
	assert_string_equal(hear(fd), HEAD_200("4") "<a/>HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, BODY("6"));
	expect_called("create6 ");
	say(fd,
	    "POST /bosh HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 9999\r\n\r\n");
	assert_string_equal(hear(fd), "");
	reply(2, "<a/>");
	assert_null(strstr(hear(fd), " 100 "));
	assert_non_null(strstr(buf_data(&got), "policy-violation"));
	close(fd);
}

static void old_and_closing_clients_are_heard(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET /chat/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	expect_status(fd, 200, false);
	assert_non_null(strstr(buf_data(&got), "\r\nConnection: keep-alive\r\n"));
	say(fd, "HEAD /chat/ HTTP/1.1\r\n" HOST "\r\n");
	expect_status(fd, 200, false);
	assert_non_null(strstr(buf_data(&got), "\r\nContent-Length: 5\r\n"));
	assert_null(strstr(buf_data(&got), "hello"));
	say(fd,
	    "POST /bosh HTTP/1.1\r\n" HOST
	    "Connection: close\r\nContent-Length: 59\r\n\r\n" BODY("5") "GET / HTTP/1.1\r\n\r\n");
	expect_called("create5 ");
	assert_string_equal(hear(fd), "");
	reply(1, "<a/>");
	expect_status(fd, 200, true);
	assert_non_null(strstr(buf_data(&got), "\r\nConnection: close\r\n"));
	close(fd);
}

static void a_drain_ends_connections_when_they_are_done(void **state)
{
	int idle = dial(), held = dial(), two = dial(), late = dial();

	(void)state;
	say(idle, "GET /chat/ HTTP/1.1\r\n" HOST "\r\n");
	expect_status(idle, 200, false);
	say_post(held, BODY("5"));
	hold(1, 60000);
	say_post(two, BODY("6"));
	say_post(two, BODY("7"));
	web_drain(web);
	turn();
	assert_string_equal(hear(idle), "");
	say_post(late, BODY("8"));
	pass(500);
	assert_string_equal(hear(idle), "END");
	assert_string_equal(hear(held), "");
	reply(1, "<a/>");
	expect_status(held, 200, true);
	reply(2, "<a/>");
	expect_status(two, 200, false);
	reply(3, "<a/>");
	expect_status(two, 200, true);
	reply(4, "<a/>");
	expect_status(late, 200, true);
	close(late);
	close(idle);
	close(held);
	close(two);
	turn();
	assert_int_equal(web->counts.connections, 0);
}

static void a_client_that_does_not_read_is_not_read(void **state)
{
	static const char get[] = "GET /big HTTP/1.1\r\n" HOST "\r\n";
	struct buf b = {0};
	int fd = dial();

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_addz(&b, get);
	say_bytes(fd, buf_data(&b), b.len);
	buf_clear(&b);
	assert_true(lone()->conn.out.len <= 2 * HTTP_OUT_HIGH);
	assert_true(web->counts.requests < 10);
	hear(fd);
	assert_int_equal(web->counts.requests, 100);
	assert_true(got.len > 100 * (size_t)BIG);

	for (int i = 0; i < 10; i++)
		say(fd, get);
	pass(29999);
	assert_int_equal(web->counts.connections, 1);
	pass(1);
	assert_int_equal(web->counts.connections, 0);
	close(fd);
}

static void an_idle_connection_is_small(void **state)
{
	int fd = dial();

	(void)state;
	say_post(fd, BODY("5"));
	assert_null(lone()->conn.in.mem);
	reply(1, "<a/>");
	assert_null(lone()->conn.out.mem);
	close(fd);
}

/* Found by fuzz_web: the answer marked a connection that the same turn then freed. */
static void a_connection_that_breaks_in_its_turn_is_freed_once(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET / HT");
	close(fd);
	pass_in_one_turn(9999);
	http_mark(lone());
	pass_in_one_turn(1); /* 503, to nobody */
	assert_int_equal(web->counts.connections, 0);
	turn();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WEB_TEST(a_post_is_handed_on_and_answered),
	    WEB_TEST(bytes_may_come_one_at_a_time),
	    WEB_TEST(pipelined_posts_are_answered_in_order),
	    WEB_TEST(reading_ahead_has_a_bound),
	    WEB_TEST(one_body_limit_is_read_ahead),
	    WEB_TEST(a_get_hurries_the_post_before_it),
	    WEB_TEST(a_client_that_goes_is_reported),
	    WEB_TEST(half_closed_clients_get_what_is_ready),
	    WEB_TEST(no_answer_in_time_is_503),
	    WEB_TEST(slowness_ends),
	    WEB_TEST(deadlines_are_never_early_and_a_tick_late_at_most),
	    WEB_TEST(waits_may_be_longer_than_the_lists_reach),
	    WEB_TEST(answers_leave_in_the_order_given),
	    WEB_TEST(a_loop_that_was_away_is_lenient),
	    WEB_TEST(many_deadlines_take_several_turns),
	    WEB_TEST(a_drain_of_many_takes_several_turns),
	    WEB_TEST(continue_is_said_when_it_is_true),
	    WEB_TEST(old_and_closing_clients_are_heard),
	    WEB_TEST(a_drain_ends_connections_when_they_are_done),
	    WEB_TEST(a_client_that_does_not_read_is_not_read),
	    WEB_TEST(an_idle_connection_is_small),
	    WEB_TEST(a_connection_that_breaks_in_its_turn_is_freed_once),
	};

	log_open(false, LOG_LEVEL_WARN, "web_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

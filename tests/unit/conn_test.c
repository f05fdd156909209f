/* Buffered sockets over socket pairs and loopback TCP, on a real loop that never waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"

enum { IN_MAX = 100000 };

static struct ev_loop *loop;
static struct conn c;
static int peer, woken;

static void on_wake(struct conn *conn)
{
	assert_ptr_equal(conn, &c);
	woken++;
}

static int open_pair(void **state)
{
	int fd[2];

	(void)state;
	woken = 0;
	loop = ev_loop_new(0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	peer = fd[1];
	conn_init(&c, loop, fd[0], IN_MAX, on_wake);
	return 0;
}

static int open_tcp(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	woken = 0;
	loop = ev_loop_new(0);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(listen(listener, 1), 0);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&in, n), 0);
	conn_init(&c, loop, accept(listener, NULL, NULL), IN_MAX, on_wake);
	close(listener);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	conn_clear(&c, loop, false);
	conn_clear(&c, loop, false);
	assert_false(conn_open(&c));
	if (peer >= 0)
		close(peer);
	ev_loop_destroy(loop);
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

static void say(const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), 0), strlen(text));
}

static size_t swallow(size_t n)
{
	static char sink[1 << 20];
	ssize_t got = recv(peer, sink, n < sizeof(sink) ? n : sizeof(sink), MSG_DONTWAIT);

	return got > 0 ? (size_t)got : 0;
}

static void expect_peer(const char *want)
{
	char text[100];
	ssize_t n = recv(peer, text, sizeof(text), MSG_DONTWAIT);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, strlen(want));
}

/* A peer that does not read: returns how much was queued. */
static size_t fill(void)
{
	size_t n = 0;

	while (!c.full) {
		memset(buf_room(&c.out, 65536), 'x', 65536);
		buf_commit(&c.out, 65536);
		conn_flush(&c, loop);
		n += 65536;
	}
	return n;
}

static void the_descriptor_is_set_up(void **state)
{
	(void)state;
	assert_true(conn_open(&c));
	assert_true(fcntl(c.io.fd, F_GETFL) & O_NONBLOCK);
}

static void input_is_collected(void **state)
{
	(void)state;
	say("one");
	turn();
	assert_int_equal(woken, 1);
	say("two");
	turn();
	assert_int_equal(woken, 2);
	assert_true(slice_is(buf_slice(&c.in), "onetwo"));
	assert_false(c.eof);
}

static void an_idle_one_owns_no_memory(void **state)
{
	(void)state;
	say("one");
	turn();
	buf_eat(&c.in, 3);
	BUF_LIT(&c.out, "two");
	conn_flush(&c, loop);
	assert_null(c.in.mem);
	assert_null(c.out.mem);
}

static void the_end_is_told_once(void **state)
{
	(void)state;
	say("last");
	shutdown(peer, SHUT_WR);
	turn();
	assert_true(c.eof);
	assert_int_equal(c.error, 0);
	assert_true(slice_is(buf_slice(&c.in), "last"));
	woken = 0;
	turn();
	assert_int_equal(woken, 0);
	BUF_LIT(&c.out, "still");
	conn_flush(&c, loop);
	expect_peer("still");
}

/* Nor again by what else happens to it. */
static void the_end_is_not_told_with_other_events(void **state)
{
	(void)state;
	shutdown(peer, SHUT_WR);
	turn();
	fill();
	memset(buf_room(&c.out, 1 << 24), 'x', 1 << 24);
	buf_commit(&c.out, 1 << 24);
	swallow(1 << 20);
	woken = 0;
	turn();
	assert_true(c.full);
	assert_int_equal(woken, 0);
}

static void reading_rests_while_paused(void **state)
{
	(void)state;
	conn_pause(&c, loop);
	say("one");
	turn();
	assert_int_equal(woken, 0);
	conn_resume(&c, loop);
	turn();
	assert_int_equal(woken, 1);
	assert_true(slice_is(buf_slice(&c.in), "one"));
}

static void reading_rests_while_in_is_full(void **state)
{
	char *big = calloc(1, IN_MAX);

	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t sent = 0;

		while (sent < IN_MAX) {
			ssize_t n = send(peer, big + sent, IN_MAX - sent, MSG_DONTWAIT);

			sent += n > 0 ? (size_t)n : 0;
			turn();
			if (n <= 0)
				break;
		}
	}
	turn();
	assert_int_equal(c.in.len, IN_MAX);
	woken = 0;
	turn();
	assert_int_equal(woken, 0);
	buf_eat(&c.in, 1000);
	conn_resume(&c, loop);
	turn();
	assert_true(woken > 0);
	assert_int_equal(c.in.len, IN_MAX);
	free(big);
}

static void a_callback_reads_no_more_than_its_share(void **state)
{
	char *big = calloc(1, 2 * CONN_READ_MAX);
	ssize_t n;

	(void)state;
	n = send(peer, big, 2 * CONN_READ_MAX, MSG_DONTWAIT);
	assert_true(n > 0);
	ev_run(loop, EVRUN_NOWAIT);
	assert_true(c.in.len > 0 && c.in.len <= CONN_READ_MAX);
	free(big);
}

static void output_goes_at_the_flush(void **state)
{
	(void)state;
	BUF_LIT(&c.out, "one");
	BUF_LIT(&c.out, "two");
	assert_int_equal(swallow(1), 0);
	conn_flush(&c, loop);
	expect_peer("onetwo");
	turn();
	assert_int_equal(woken, 0);
}

static void a_slice_goes_behind_what_is_queued(void **state)
{
	(void)state;
	conn_flush_with(&c, loop, SLICE("one"));
	expect_peer("one");
	assert_null(c.out.mem);
	BUF_LIT(&c.out, "two");
	conn_flush_with(&c, loop, SLICE("three"));
	expect_peer("twothree");
}

static void what_the_kernel_refuses_goes_later(void **state)
{
	size_t total = fill(), got = 0;

	(void)state;
	conn_flush_with(&c, loop, SLICE("end"));
	assert_true(c.out.len > 3);
	turn();
	assert_int_equal(woken, 0);
	while (got < total + 3) {
		got += swallow(1 << 20);
		turn();
	}
	assert_int_equal(got, total + 3);
	assert_int_equal(woken, 1);
	assert_int_equal(c.out.len, 0);
	assert_false(c.full);
	turn();
	assert_int_equal(woken, 1);
}

static void the_end_goes_out_behind_the_output(void **state)
{
	size_t total = fill(), got = 0;
	char last;

	(void)state;
	conn_shutdown(&c, loop);
	while (got < total) {
		got += swallow(1 << 20);
		turn();
	}
	assert_int_equal(recv(peer, &last, 1, MSG_DONTWAIT), 0);
	say("more");
	turn();
	assert_true(slice_is(buf_slice(&c.in), "more"));
}

static void the_end_goes_out_at_once_without_output(void **state)
{
	char last;

	(void)state;
	conn_shutdown(&c, loop);
	conn_shutdown(&c, loop);
	assert_int_equal(recv(peer, &last, 1, MSG_DONTWAIT), 0);
}

static void an_error_of_writing_is_told_by_the_loop(void **state)
{
	(void)state;
	close(peer);
	peer = -1;
	BUF_LIT(&c.out, "one");
	conn_pause(&c, loop);
	conn_flush(&c, loop);
	assert_int_equal(c.error, EPIPE);
	assert_int_equal(woken, 0);
	turn();
	assert_int_equal(woken, 1);
	BUF_LIT(&c.out, "two");
	conn_flush(&c, loop);
	conn_resume(&c, loop);
	conn_shutdown(&c, loop);
	turn();
	assert_int_equal(woken, 1);
	assert_null(c.out.mem);
}

/* As by a server that refuses what it is sent, and closes with some of it unread. */
static void what_the_peer_said_last_is_read_when_writing_fails(void **state)
{
	(void)state;
	assert_int_equal(send(peer, "why", 3, 0), 3);
	close(peer);
	peer = -1;
	BUF_LIT(&c.out, "one");
	conn_flush(&c, loop);
	assert_int_equal(c.error, EPIPE);
	assert_false(conn_over(&c));
	turn();
	assert_int_equal(woken, 1);
	assert_true(conn_over(&c));
	assert_true(slice_is(buf_slice(&c.in), "why"));
}

static void a_reset_is_an_error(void **state)
{
	struct linger linger = {1, 0};
	char text[100];

	(void)state;
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(peer);
	peer = -1;
	turn();
	assert_int_equal(c.error, ECONNRESET);
	assert_string_equal(conn_problem(&c, text, sizeof(text)), "Connection reset by peer");
	assert_int_equal(woken, 1);
	turn();
	assert_int_equal(woken, 1);
}

static void clearing_can_reset(void **state)
{
	char byte;

	(void)state;
	conn_clear(&c, loop, true);
	assert_int_equal(recv(peer, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void releasing_gives_the_descriptor_away(void **state)
{
	int fd;

	(void)state;
	say("one");
	turn();
	fd = conn_release(&c, loop);
	assert_false(conn_open(&c));
	assert_true(slice_is(buf_slice(&c.in), "one"));
	say("two");
	turn();
	assert_int_equal(c.in.len, 3);
	conn_flush(&c, loop);
	conn_pause(&c, loop);
	conn_resume(&c, loop);
	close(fd);
}

static struct conn moved;

static void on_moved(struct conn *conn)
{
	assert_ptr_equal(conn, &moved);
	woken++;
}

static void one_can_be_moved_with_its_buffers(void **state)
{
	size_t total, got = 0;

	(void)state;
	say("one");
	turn();
	total = fill();
	memset(&moved, 0xaa, sizeof(moved));
	conn_move(&moved, &c, loop, 5, on_moved);
	assert_false(conn_open(&c));
	assert_true(slice_is(buf_slice(&moved.in), "one"));
	say("two");
	woken = 0;
	turn();
	assert_int_equal(woken, 1);
	assert_true(slice_is(buf_slice(&moved.in), "onetw"));
	while (got < total) {
		got += swallow(1 << 20);
		turn();
	}
	assert_int_equal(moved.out.len, 0);
	buf_eat(&moved.in, 5);
	conn_resume(&moved, loop);
	turn();
	assert_true(slice_is(buf_slice(&moved.in), "o"));
	conn_clear(&moved, loop, false);
}

static void on_wake_moves(struct conn *conn)
{
	conn_move(&moved, conn, loop, IN_MAX, on_moved);
	memset(conn, 0xaa, sizeof(*conn));
}

static void one_can_be_moved_when_it_wakes(void **state)
{
	(void)state;
	c.wake = on_wake_moves;
	say("one");
	turn();
	c = (struct conn){0};
	assert_int_equal(woken, 0);
	assert_true(slice_is(buf_slice(&moved.in), "one"));
	say("two");
	turn();
	assert_int_equal(woken, 1);
	conn_clear(&moved, loop, false);
}

static void a_moved_pause_stays_one(void **state)
{
	(void)state;
	conn_pause(&c, loop);
	conn_move(&moved, &c, loop, IN_MAX, on_moved);
	say("one");
	turn();
	assert_int_equal(woken, 0);
	conn_resume(&moved, loop);
	turn();
	assert_int_equal(woken, 1);
	conn_clear(&moved, loop, false);
}

static void a_zeroed_one_is_closed(void **state)
{
	struct conn none = {0};

	(void)state;
	assert_false(conn_open(&none));
	conn_clear(&none, loop, true);
	conn_flush(&none, loop);
	conn_pause(&none, loop);
}

/* Input and output at once, in random portions, through a reader that is slow now and then. */
static void bytes_stay_in_order(void **state)
{
	unsigned seed = 3;
	uint32_t queued = 0, seen = 0;
	unsigned char chunk[5000];

	(void)state;
	while (seen < 3000000) {
		size_t n = (size_t)rand_r(&seed) % sizeof(chunk);
		ssize_t got;

		for (size_t i = 0; i < n; i++)
			chunk[i] = (unsigned char)((queued + i) * 31 >> 3);
		queued += (uint32_t)n;
		if (rand_r(&seed) % 2)
			conn_flush_with(&c, loop, slice_of((char *)chunk, n));
		else
			buf_add(&c.out, chunk, n);
		if (rand_r(&seed) % 3 == 0)
			conn_flush(&c, loop);
		ev_run(loop, EVRUN_NOWAIT);
		if (rand_r(&seed) % 4 == 0)
			continue;
		got = recv(peer, chunk, sizeof(chunk), MSG_DONTWAIT);
		for (ssize_t i = 0; i < got; i++, seen++)
			assert_int_equal(chunk[i], (unsigned char)(seen * 31 >> 3));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_pair, teardown)
#define TCP(f) cmocka_unit_test_setup_teardown(f, open_tcp, teardown)
#define BOTH(f) T(f), TCP(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(the_descriptor_is_set_up),
	    BOTH(input_is_collected),
	    BOTH(an_idle_one_owns_no_memory),
	    BOTH(the_end_is_told_once),
	    BOTH(the_end_is_not_told_with_other_events),
	    BOTH(reading_rests_while_paused),
	    BOTH(reading_rests_while_in_is_full),
	    BOTH(a_callback_reads_no_more_than_its_share),
	    BOTH(output_goes_at_the_flush),
	    BOTH(a_slice_goes_behind_what_is_queued),
	    BOTH(what_the_kernel_refuses_goes_later),
	    BOTH(the_end_goes_out_behind_the_output),
	    BOTH(the_end_goes_out_at_once_without_output),
	    T(an_error_of_writing_is_told_by_the_loop),
	    T(what_the_peer_said_last_is_read_when_writing_fails),
	    TCP(a_reset_is_an_error),
	    TCP(clearing_can_reset),
	    BOTH(releasing_gives_the_descriptor_away),
	    BOTH(one_can_be_moved_with_its_buffers),
	    BOTH(one_can_be_moved_when_it_wakes),
	    BOTH(a_moved_pause_stays_one),
	    T(a_zeroed_one_is_closed),
	    BOTH(bytes_stay_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

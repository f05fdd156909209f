/* WebSockets through libwebsockets, with a raw client at the other end of a socket pair or of a TCP
 * connection over loopback, both on one loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "web/ws.h"

#define KEY SLICE("dGhlIHNhbXBsZSBub25jZQ==")

enum { MESSAGE_MAX = 262144, ROUNDS = 20000 };

static struct ev_loop *loop;
static struct ws_engine *engine;
static ev_timer guard;

/* What the owner of the WebSocket under test saw. */
static struct seen {
	struct ws *ws;
	int opened, binary, too_big, drained, waited, full, closed, messages;
	uint32_t bytes; /* drained */
	uint64_t serial;
	struct buf text; /* all messages, each with a newline behind it */
} seen;

static int client = -1;
static struct buf got; /* what the client received */

static void on_opened(void *owner, struct ws *ws)
{
	struct seen *s = owner;

	s->opened++;
	s->ws = ws;
}

static void on_message(void *owner, struct buf *text)
{
	struct seen *s = owner;
	struct buf b = buf_take(text);

	assert_int_equal(s->closed, 0);
	s->messages++;
	buf_adds(&s->text, buf_slice(&b));
	buf_addc(&s->text, '\n');
	buf_clear(&b);
}

static void on_binary(void *owner)
{
	((struct seen *)owner)->binary++;
}

static void on_too_big(void *owner)
{
	((struct seen *)owner)->too_big++;
}

static void on_pong(void *owner, uint64_t serial)
{
	((struct seen *)owner)->serial = serial;
}

static void on_drained(void *owner, uint32_t n, bool waited)
{
	((struct seen *)owner)->bytes += n;
	((struct seen *)owner)->drained += n > 0;
	((struct seen *)owner)->full += n == 0;
	((struct seen *)owner)->waited += waited;
}

static void on_closed(void *owner)
{
	struct seen *s = owner;

	assert_int_equal(s->closed, 0);
	s->closed++;
	s->ws = NULL;
}

static const struct ws_hooks hooks = {
    .opened = on_opened,
    .message = on_message,
    .binary = on_binary,
    .too_big = on_too_big,
    .pong = on_pong,
    .drained = on_drained,
    .closed = on_closed,
};

static void on_guard(struct ev_loop *l, ev_timer *w, int events)
{
	(void)l, (void)w, (void)events;
	fprintf(stderr, "nothing happens any more\n");
	abort();
}

/* Reads what is there; false at the end. */
static bool client_reads(void)
{
	char *p = buf_room(&got, 65536);
	ssize_t n = recv(client, p, 65536, MSG_DONTWAIT);

	if (n > 0)
		buf_commit(&got, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void turn(void)
{
	ws_engine_flush(engine);
	ev_run(loop, EVRUN_NOWAIT);
	ws_engine_flush(engine);
}

/* Turns the loop until the condition holds; what the client gets is read meanwhile. */
#define UNTIL(condition)                      \
	do {                                  \
		ev_timer_again(loop, &guard); \
		while (!(condition)) {        \
			turn();               \
			client_reads();       \
		}                             \
	} while (0)

static void settle(void)
{
	for (int i = 0; i < 20; i++)
		turn();
	client_reads();
}

static void client_sends(struct slice s)
{
	while (s.n) {
		ssize_t n = send(client, s.p, s.n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			s.p += n;
			s.n -= (size_t)n;
		} else {
			assert_int_equal(errno, EAGAIN);
			turn();
		}
	}
}

/* A masked frame; head: FIN, RSV and opcode. */
static void add_frame(struct buf *b, uint8_t head, struct slice s)
{
	static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

	buf_addc(b, (char)head);
	if (s.n < 126) {
		buf_addc(b, (char)(0x80 | s.n));
	} else if (s.n < 65536) {
		buf_addc(b, (char)(0x80 | 126));
		buf_addc(b, (char)(s.n >> 8));
		buf_addc(b, (char)s.n);
	} else {
		buf_addc(b, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			buf_addc(b, (char)(s.n >> 8 * i));
	}
	buf_add(b, mask, 4);
	for (size_t i = 0; i < s.n; i++)
		buf_addc(b, (char)(s.p[i] ^ mask[i & 3]));
}

static void client_frame(uint8_t head, struct slice s)
{
	struct buf b = {0};

	add_frame(&b, head, s);
	client_sends(buf_slice(&b));
	buf_clear(&b);
}

/* An unmasked text frame, as the proto folder makes them. */
static struct buf server_frame(struct slice s)
{
	struct buf b = {0};

	buf_addc(&b, (char)0x81);
	if (s.n < 126) {
		buf_addc(&b, (char)s.n);
	} else {
		buf_addc(&b, 127);
		for (int i = 7; i >= 0; i--)
			buf_addc(&b, (char)((uint64_t)s.n >> 8 * i));
	}
	buf_adds(&b, s);
	return b;
}

static void pair(int fd[2])
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(listen(listener, 1), 0);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd[0], (struct sockaddr *)&in, n), 0);
	fd[1] = accept(listener, NULL, NULL);
	assert_true(fd[1] >= 0);
	close(listener);
}

static void adopt_pair(const int fd[2], struct slice rest)
{
	client = fd[0];
	ws_adopt(engine, fd[1], KEY, false, rest, &seen);
	UNTIL(seen.opened && got.len > 4 && memcmp(got.mem + got.len - 4, "\r\n\r\n", 4) == 0);
}

static void adopt(struct slice rest)
{
	int fd[2];

	pair(fd);
	adopt_pair(fd, rest);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	loop = ev_loop_new(0);
	ev_init(&guard, on_guard);
	guard.repeat = 10.;
	ev_timer_again(loop, &guard);
	engine = ws_engine_new(loop, MESSAGE_MAX, false, &hooks);
	return 0;
}

static int open_one(void **state)
{
	setup(state);
	adopt(SLICE_NONE);
	buf_clear(&got);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ws_engine_free(engine);
	ev_timer_stop(loop, &guard);
	ev_loop_destroy(loop);
	if (client >= 0)
		close(client);
	client = -1;
	buf_clear(&got);
	buf_clear(&seen.text);
	return 0;
}

static void expect_text(const char *want)
{
	assert_string_equal((buf_addc(&seen.text, 0), buf_data(&seen.text)), want);
}

static void expect_got(struct slice want)
{
	assert_int_equal(got.len, want.n);
	assert_memory_equal(buf_data(&got), want.p, want.n);
}

static void the_handshake_is_answered(void **state)
{
	(void)state;
	adopt(SLICE_NONE);
	buf_addc(&got, 0);
	assert_non_null(strstr(got.mem, "HTTP/1.1 101 "));
	assert_non_null(strstr(got.mem, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(got.mem, "Sec-WebSocket-Protocol: xmpp\r\n"));
	assert_int_equal(seen.closed, 0);
}

static void what_came_behind_the_head_is_read(void **state)
{
	struct buf b = {0};

	(void)state;
	add_frame(&b, 0x81, SLICE("<one/>"));
	add_frame(&b, 0x81, SLICE("<two/>"));
	adopt(buf_slice(&b));
	UNTIL(seen.messages == 2);
	expect_text("<one/>\n<two/>\n");
	buf_clear(&b);
}

static void a_bad_key_ends_in_closed(void **state)
{
	struct slice key = {memset(buf_room(&seen.text, 200), 'k', 200), 200};
	int fd[2];

	(void)state;
	pair(fd);
	client = fd[0];
	ws_adopt(engine, fd[1], key, false, SLICE_NONE, &seen);
	UNTIL(seen.closed);
	assert_int_equal(seen.opened, 0);
	ev_timer_again(loop, &guard);
	while (client_reads())
		turn();
	assert_int_equal(got.len, 0);
}

static void messages_come_whole(void **state)
{
	(void)state;
	client_frame(0x81, SLICE("<a/>"));
	client_frame(0x81, SLICE(""));
	client_frame(0x01, SLICE("<b>"));
	client_frame(0x89, SLICE("ping"));
	client_frame(0x00, SLICE("gr\xc3"));
	client_frame(0x80, SLICE("\xbc\xc3\x9f</b>"));
	UNTIL(seen.messages == 3 && got.len);
	expect_text("<a/>\n\n<b>gr\xc3\xbc\xc3\x9f</b>\n");
	expect_got(SLICE("\x8a\x04ping"));
}

static void bytes_may_come_one_at_a_time(void **state)
{
	struct buf b = {0};

	(void)state;
	add_frame(&b, 0x01, SLICE("<a"));
	add_frame(&b, 0x80, SLICE("/>"));
	for (uint32_t i = 0; i < b.len; i++) {
		client_sends(slice_of(b.mem + i, 1));
		turn();
	}
	UNTIL(seen.messages == 1);
	expect_text("<a/>\n");
	buf_clear(&b);
}

static void a_large_message_is_read_in_few_rounds(void **state)
{
	struct buf b = {0}, frame = {0};
	unsigned before;

	(void)state;
	memset(buf_room(&b, 100000), 'x', 100000);
	buf_commit(&b, 100000);
	add_frame(&frame, 0x81, buf_slice(&b));
	client_sends(buf_slice(&frame));
	before = ev_iteration(loop);
	UNTIL(seen.messages == 1);
	assert_int_equal(seen.text.len, 100001);
	assert_memory_equal(buf_data(&seen.text), b.mem, b.len);
	assert_true(ev_iteration(loop) - before < 20);
	buf_clear(&b);
	buf_clear(&frame);
}

static void a_burst_is_read_in_few_rounds(void **state)
{
	struct buf b = {0};
	unsigned before;

	(void)state;
	for (int i = 0; i < 500; i++)
		add_frame(&b, 0x81,
			  SLICE("<message to='a@b'><body>hello, how are you?</body></message>"));
	client_sends(buf_slice(&b));
	before = ev_iteration(loop);
	UNTIL(seen.messages == 500);
	assert_true(ev_iteration(loop) - before < 20);
	buf_clear(&b);
}

static void a_binary_message_is_told_once(void **state)
{
	(void)state;
	client_frame(0x02, SLICE("<a"));
	client_frame(0x80, SLICE("/>"));
	client_frame(0x81, SLICE("<b/>"));
	UNTIL(seen.messages == 1);
	assert_int_equal(seen.binary, 1);
	expect_text("<b/>\n");
}

static void a_message_over_the_limit_is_told_at_its_announcement(void **state)
{
	static const char head[] = "\x81\xff\x00\x00\x00\x00\x00\x04\x00\x01mask....";

	(void)state;
	client_sends(slice_of(head, sizeof(head) - 1));
	settle(); /* the library tells of a payload by the chunk */
	for (int i = 0; i < 100; i++)
		client_sends(SLICE("0123456789"));
	UNTIL(seen.too_big);
	assert_int_equal(seen.messages, 0);
	assert_int_equal(seen.closed, 0);
}

static void fragments_over_the_limit_are_told_once(void **state)
{
	char kilobyte[1024];

	(void)state;
	memset(kilobyte, 'x', sizeof(kilobyte));
	client_frame(0x01, SLICE("x"));
	for (int i = 0; i < 300; i++)
		client_frame(0x00, slice_of(kilobyte, sizeof(kilobyte)));
	client_frame(0x80, SLICE("x"));
	client_frame(0x81, SLICE("<b/>"));
	UNTIL(seen.messages == 1);
	assert_int_equal(seen.too_big, 1);
	expect_text("<b/>\n");
}

/* Whoever reads messages sees what they are. */
static void what_is_no_utf8_is_passed_on(void **state)
{
	(void)state;
	client_frame(0x81, SLICE("<a>\xc3</a>"));
	client_frame(0x81, SLICE("<a/>\xc3"));
	UNTIL(seen.messages == 2);
	expect_text("<a>\xc3</a>\n<a/>\xc3\n");
}

/* A library that checks text checks these as well: with that on, the 128th pong was the end. */
static void control_frames_behind_text_may_hold_any_bytes(void **state)
{
	(void)state;
	client_frame(0x81, SLICE("<a/>"));
	client_frame(0x8a, slice_of("\0\0\0\0\0\0\1\x80", 8));
	UNTIL(seen.serial);
	assert_int_equal(seen.serial, 384);
	client_frame(0x89, SLICE("\xff\xfe"));
	UNTIL(got.len >= 4);
	assert_memory_equal(buf_data(&got), "\x8a\x02\xff\xfe", 4);
	client_frame(0x81, SLICE("<b/>"));
	UNTIL(seen.messages == 2);
}

static void a_reserved_bit_is_closed_with_1002(void **state)
{
	(void)state;
	client_frame(0xc1, SLICE("<a/>"));
	UNTIL(got.len >= 4);
	assert_memory_equal(buf_data(&got) + 2, "\x03\xea", 2);
}

static void pongs_bring_their_serial(void **state)
{
	(void)state;
	client_frame(0x8a, SLICE("other"));
	client_frame(0x8a, SLICE(""));
	client_frame(0x8a, SLICE("\0\0\0\1\0\0\0\2"));
	UNTIL(seen.serial);
	assert_true(seen.serial == 0x100000002);
}

static void frames_go_out_in_one_piece(void **state)
{
	struct buf a = server_frame(SLICE("<a/>")), b = server_frame(SLICE("<b/>"));

	(void)state;
	ws_send(seen.ws, &a);
	ws_send(seen.ws, &b);
	assert_int_equal(a.len + b.len, 0);
	assert_int_equal(ws_unsent(seen.ws), 12);
	ws_engine_flush(engine);
	assert_int_equal(ws_unsent(seen.ws), 0);
	client_reads();
	expect_got(SLICE("\x81\x04<a/>\x81\x04<b/>"));
}

static struct buf megabytes(size_t n)
{
	struct buf b = {0}, frame;

	memset(buf_room(&b, n), 'y', n);
	buf_commit(&b, n);
	frame = server_frame(buf_slice(&b));
	buf_clear(&b);
	return frame;
}

static void a_slow_client_gets_everything_in_order(void **state)
{
	struct buf big = megabytes(16 << 20), last = server_frame(SLICE("<last/>"));
	uint32_t total = big.len + last.len;

	(void)state;
	ws_send(seen.ws, &big);
	ws_engine_flush(engine);
	assert_true(ws_unsent(seen.ws) > 0);
	ws_send(seen.ws, &last);
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(seen.drained, 0);
	assert_int_equal(seen.full, 1);
	client_frame(0x89, SLICE("ping"));
	UNTIL(got.len == total + 6);
	assert_memory_equal(buf_data(&got) + total - 9, "\x81\x07<last/>\x8a\x04ping", 15);
	assert_int_equal(ws_unsent(seen.ws), 0);
	assert_true(seen.drained >= 1 && seen.waited >= 1);
}

/* Of many frames, each piece that was waited for is told of: a client that takes them slowly is
 * one that is there. */
static void a_slow_client_shows_that_it_reads(void **state)
{
	struct buf out = {0};
	uint32_t total;
	int waited;

	(void)state;
	for (int i = 0; i < 160; i++) {
		struct buf frame = megabytes(100000);

		buf_adds(&out, buf_slice(&frame));
		buf_clear(&frame);
	}
	total = out.len;
	ws_send(seen.ws, &out);
	ws_engine_flush(engine);
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(seen.waited, 0);
	assert_int_equal(seen.bytes + ws_unsent(seen.ws), total);
	UNTIL(seen.waited == 1);
	waited = seen.waited;
	assert_true(ws_unsent(seen.ws) > 4 << 20);
	UNTIL(got.len == total);
	assert_true(seen.waited > waited + 3);
	assert_int_equal(seen.bytes, total);
	assert_int_equal(ws_unsent(seen.ws), 0);
}

static void a_fast_client_was_not_waited_for(void **state)
{
	struct buf big = megabytes(9000);

	(void)state;
	ws_send(seen.ws, &big);
	ws_engine_flush(engine);
	assert_int_equal(ws_unsent(seen.ws), 0);
	assert_int_equal(seen.drained, 1);
	assert_int_equal(seen.waited, 0);
}

static void pausing_stops_reading(void **state)
{
	(void)state;
	ws_pause(seen.ws);
	client_frame(0x81, SLICE("<a/>"));
	settle();
	assert_int_equal(seen.messages, 0);
	ws_resume(seen.ws);
	client_frame(0x81, SLICE("<b/>"));
	UNTIL(seen.messages == 2);
	expect_text("<a/>\n<b/>\n");
}

static void our_close_comes_after_what_was_sent(void **state)
{
	struct buf a = server_frame(SLICE("<a/>")), late = server_frame(SLICE("<late/>"));

	(void)state;
	ws_send(seen.ws, &a);
	ws_close(seen.ws, 1001);
	ws_send(seen.ws, &late);
	UNTIL(got.len >= 10);
	expect_got(SLICE("\x81\x04<a/>\x88\x02\x03\xe9"));
	assert_int_equal(seen.closed, 0);
	client_frame(0x81, SLICE("<ignored/>"));
	client_frame(0x88, SLICE("\x03\xe9"));
	UNTIL(seen.closed);
	assert_int_equal(seen.messages, 0);
	ev_timer_again(loop, &guard);
	while (client_reads())
		turn();
}

static void our_close_waits_for_a_slow_client(void **state)
{
	struct buf big = megabytes(16 << 20);
	uint32_t total = big.len + 4;

	(void)state;
	ws_send(seen.ws, &big);
	ws_close(seen.ws, 1000);
	for (int i = 0; i < 10; i++)
		turn();
	UNTIL(got.len == total);
	assert_memory_equal(buf_data(&got) + total - 4, "\x88\x02\x03\xe8", 4);
}

/* A kernel that took our last words, but is fuller than where it would tell that it has room. */
static void a_client_that_does_not_read_is_closed_all_the_same(void **state)
{
	static const char words[8192];
	int fd[2], size = 65536;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	adopt_pair(fd, SLICE_NONE);
	for (int i = 0; i < 6; i++) {
		struct buf b = server_frame(slice_of(words, sizeof(words)));

		ws_send(seen.ws, &b);
		ws_engine_flush(engine);
	}
	assert_int_equal(ws_unsent(seen.ws), 0);
	ws_close(seen.ws, 1000);
	guard.repeat = 20.;
	ev_timer_again(loop, &guard);
	while (!seen.closed) {
		ws_engine_flush(engine);
		ev_run(loop, EVRUN_ONCE);
	}
}

static void the_peers_close_is_echoed(void **state)
{
	struct buf late = server_frame(SLICE("<late/>"));

	(void)state;
	client_frame(0x88, SLICE("\x0f\xa1"));
	UNTIL(seen.closed || got.len);
	if (seen.ws)
		ws_send(seen.ws, &late);
	buf_clear(&late);
	UNTIL(seen.closed);
	while (client_reads())
		turn();
	expect_got(SLICE("\x88\x02\x0f\xa1"));
}

static void a_vanished_client_is_noticed(void **state)
{
	(void)state;
	shutdown(client, SHUT_WR);
	UNTIL(seen.closed);
}

static void a_reset_is_noticed(void **state)
{
	struct linger linger = {1, 0};

	(void)state;
	setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(client);
	client = -1;
	ev_timer_again(loop, &guard);
	while (!seen.closed)
		turn();
}

static void a_reset_is_noticed_by_writing_while_paused(void **state)
{
	struct linger linger = {1, 0};
	struct buf a = server_frame(SLICE("<a/>"));

	(void)state;
	ws_pause(seen.ws);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(client);
	client = -1;
	settle();
	if (seen.ws)
		ws_send(seen.ws, &a);
	buf_clear(&a);
	ev_timer_again(loop, &guard);
	while (!seen.closed)
		turn();
}

/* The library would go round and round on the end of input while output is pending. */
static void a_client_that_leaves_without_reading_is_noticed(void **state)
{
	struct buf big = megabytes(16 << 20);
	unsigned before;

	(void)state;
	ws_send(seen.ws, &big);
	settle();
	shutdown(client, SHUT_WR);
	before = ev_iteration(loop);
	ev_timer_again(loop, &guard);
	while (!seen.closed) {
		ev_run(loop, EVRUN_ONCE);
		ws_engine_flush(engine);
	}
	assert_true(ev_iteration(loop) - before < 50);
}

static void many_are_freed_with_the_engine(void **state)
{
	static struct seen others[20];
	int fd[20][2];

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct buf b = server_frame(SLICE("<a/>"));

		pair(fd[i]);
		ws_adopt(engine, fd[i][1], KEY, false, SLICE("\x81\x82...."), &others[i]);
		assert_int_equal(others[i].opened, 1);
		ws_send(others[i].ws, &b);
	}
	ws_engine_free(engine);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(others[i].closed, 0);
		close(fd[i][0]);
	}
	engine = ws_engine_new(loop, MESSAGE_MAX, false, &hooks);
}

static void noise(unsigned *seed)
{
	struct buf b = {0};
	char p[2000];

	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (char)rand_r(seed);
	for (int i = 0, n = rand_r(seed) % 4; i < n; i++)
		add_frame(&b, (uint8_t)(rand_r(seed) % 3 ? 0x81 : rand_r(seed)),
			  rand_r(seed) % 2 ? SLICE("<a/>")
					   : slice_of(p, (size_t)rand_r(seed) % 2000));
	if (rand_r(seed) % 2)
		buf_add(&b, p, (size_t)rand_r(seed) % 100);
	send(client, buf_data(&b), b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_clear(&b);
}

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 200; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_thousand_clients_of_any_kind_leave_nothing(void **state)
{
	unsigned seed = 7;
	int before = descriptors();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct buf out = server_frame(SLICE("<a/>"));

		buf_clear(&seen.text);
		memset(&seen, 0, sizeof(seen));
		adopt(SLICE_NONE);
		noise(&seed);
		if (seen.ws && rand_r(&seed) % 2)
			ws_send(seen.ws, &out);
		if (seen.ws && rand_r(&seed) % 4 == 0)
			ws_pause(seen.ws);
		if (rand_r(&seed) % 2)
			turn();
		if (seen.ws && rand_r(&seed) % 4 == 0)
			ws_close(seen.ws, 1000);
		turn();
		if (seen.ws)
			ws_resume(seen.ws);
		buf_clear(&out);
		close(client);
		client = -1;
		ev_timer_again(loop, &guard);
		while (!seen.closed)
			turn();
		buf_clear(&got);
	}
	assert_int_equal(descriptors(), before);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_one, teardown)
#define RAW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RAW(the_handshake_is_answered),
	    RAW(what_came_behind_the_head_is_read),
	    RAW(a_bad_key_ends_in_closed),
	    T(messages_come_whole),
	    T(bytes_may_come_one_at_a_time),
	    T(a_large_message_is_read_in_few_rounds),
	    T(a_burst_is_read_in_few_rounds),
	    T(a_binary_message_is_told_once),
	    T(a_message_over_the_limit_is_told_at_its_announcement),
	    T(fragments_over_the_limit_are_told_once),
	    T(what_is_no_utf8_is_passed_on),
	    T(control_frames_behind_text_may_hold_any_bytes),
	    T(a_reserved_bit_is_closed_with_1002),
	    T(pongs_bring_their_serial),
	    T(frames_go_out_in_one_piece),
	    T(a_slow_client_gets_everything_in_order),
	    T(a_slow_client_shows_that_it_reads),
	    T(a_fast_client_was_not_waited_for),
	    T(pausing_stops_reading),
	    T(our_close_comes_after_what_was_sent),
	    T(our_close_waits_for_a_slow_client),
	    RAW(a_client_that_does_not_read_is_closed_all_the_same),
	    T(the_peers_close_is_echoed),
	    T(a_vanished_client_is_noticed),
	    T(a_reset_is_noticed),
	    T(a_reset_is_noticed_by_writing_while_paused),
	    T(a_client_that_leaves_without_reading_is_noticed),
	    RAW(many_are_freed_with_the_engine),
	    RAW(a_thousand_clients_of_any_kind_leave_nothing),
	};

	log_open(false, LOG_LEVEL_WARN, "ws_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

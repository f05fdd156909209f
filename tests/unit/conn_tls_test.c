/* The TLS filter of connections: the same promises as without TLS, and those of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "tls_wire.h"

static void the_handshake_is_told_by_the_loop(void **state)
{
	(void)state;
	start();
	assert_int_equal(woken, 0);
	turn();
	assert_int_equal(woken, 0);
	assert_int_equal(watched(), EV_READ);
	quiet();
	settle();
	assert_true(c.secure);
	assert_int_equal(woken, 1);
	assert_int_equal(watched(), EV_READ);
	quiet();
	assert_int_equal(woken, 1);
}

static void output_waits_for_the_handshake(void **state)
{
	(void)state;
	start();
	BUF_LIT(&c.out, "one");
	conn_flush(&c, loop);
	conn_flush_with(&c, loop, SLICE(" two"));
	turn();
	BUF_LIT(&c.out, " three");
	assert_false(c.secure);
	assert_int_equal(c.out.len, 13);
	expect_far("one two three");
	assert_int_equal(c.out.len, 0);
	assert_false(c.full);
	conn_flush_with(&c, loop, SLICE("four"));
	expect_far("four");
	BUF_LIT(&c.out, "five ");
	conn_flush_with(&c, loop, SLICE("six"));
	expect_far("five six");
}

static void output_goes_at_the_handshakes_end_without_a_flush(void **state)
{
	(void)state;
	start();
	turn();
	BUF_LIT(&c.out, "one");
	expect_far("one");
}

static void a_pause_does_not_stop_the_handshake(void **state)
{
	(void)state;
	conn_pause(&c, loop);
	secure();
	far_write("one", 3);
	settle();
	assert_int_equal(c.in.len, 0);
	quiet();
	conn_resume(&c, loop);
	settle();
	expect_in("one");
}

/* Read along with the end of the handshake, while nobody wants it. */
static void what_comes_with_the_handshake_waits_for_the_end_of_a_pause(void **state)
{
	char byte;

	(void)state;
	conn_pause(&c, loop);
	start();
	for (int i = 0; i < 2; i++) {
		turn();
		carry(true);
		SSL_peek(far, &byte, 1);
		if (i == 0)
			carry(false);
	}
	far_write("one", 3);
	carry(false);
	turn();
	assert_true(c.secure);
	assert_int_equal(c.in.len, 0);
	quiet();
	conn_resume(&c, loop);
	ev_run(loop, EVRUN_NOWAIT);
	expect_in("one");
}

static void an_idle_one_has_empty_buffers(void **state)
{
	(void)state;
	secure();
	far_write("one", 3);
	settle();
	expect_in("one");
	BUF_LIT(&c.out, "two");
	conn_flush(&c, loop);
	expect_far("two");
	assert_null(c.in.mem);
	assert_null(c.out.mem);
}

static struct conn d; /* a server's end that is ours as well, and echoes */

static void on_echo(struct conn *conn)
{
	buf_adds(&conn->out, buf_slice(&conn->in));
	if (conn->in.len)
		buf_eat(&conn->in, conn->in.len);
	conn_flush(conn, loop);
}

static void echo(size_t n, size_t piece, size_t at_a_time)
{
	char *text = malloc(n);
	size_t sent = 0, got = 0;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(i * 31 >> 3);
	chunk = at_a_time;
	while (got < n) {
		size_t now = n - sent < piece ? n - sent : piece;

		conn_flush_with(&c, loop, slice_of(text + sent, now));
		sent += now;
		turn();
		carry(true);
		carry(false);
		if (c.in.len) {
			assert_memory_equal(buf_data(&c.in), text + got, c.in.len);
			got += c.in.len;
			buf_eat(&c.in, c.in.len);
			conn_resume(&c, loop);
		}
	}
	free(text);
}

static void what_is_sent_comes_back(void **state)
{
	SSL *accepting = SSL_new(server);

	(void)state;
	SSL_set_accept_state(accepting);
	conn_init(&d, loop, dup(SSL_get_fd(far)), WIRE_IN_MAX, on_echo);
	SSL_free(far);
	far = NULL;
	conn_tls(&d, loop, accepting);
	chunk = 1;
	secure();
	echo(200, 1, 1);
	echo(20000, 20000, 7);
	echo(2000000, 100000, 65536);
	echo(500000, 500000, 40000);
	echo(5000, 1, 65536);
	conn_clear(&d, loop, false);
}

static void what_the_kernel_refuses_goes_later(void **state)
{
	static char sink[1 << 20];
	size_t total, got = 0;

	(void)state;
	secure();
	woken = 0;
	total = fill() + 3;
	conn_flush_with(&c, loop, SLICE("end"));
	assert_true(c.out.len > 3);
	assert_int_equal(watched(), EV_READ | EV_WRITE);
	quiet();
	assert_int_equal(woken, 0);
	while (got < total) {
		size_t n = far_read(sink, sizeof(sink));

		assert_true(n > 0);
		got += n;
	}
	assert_int_equal(got, total);
	assert_int_equal(woken, 1);
	assert_int_equal(c.out.len, 0);
	assert_false(c.full);
	assert_int_equal(far_read(sink, 1), 0);
	quiet();
}

/* One record is in OpenSSL as a whole when its first byte is read, and the socket is silent. */
static void what_openssl_holds_is_read_without_the_socket(void **state)
{
	static char text[16000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 31 >> 3);
	secure();
	c.in_max = 1000;
	far_write(text, sizeof(text));
	settle();
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(c.in.len, 1000);
		assert_memory_equal(buf_data(&c.in), text + 1000 * i, 1000);
		quiet();
		buf_eat(&c.in, 1000);
		if (i == 5)
			conn_pause(&c, loop);
		quiet();
		woken = 0;
		conn_resume(&c, loop);
		assert_int_equal(woken, 0);
		ev_run(loop, EVRUN_NOWAIT);
		assert_int_equal(woken, i < 15);
	}
	assert_int_equal(c.in.len, 0);
	quiet();
}

static void it_is_not_read_while_paused(void **state)
{
	static char text[16000];

	(void)state;
	secure();
	c.in_max = 1000;
	far_write(text, sizeof(text));
	settle();
	buf_eat(&c.in, 1000);
	conn_resume(&c, loop);
	conn_pause(&c, loop);
	woken = 0;
	calls = 0;
	turn();
	assert_int_equal(calls, 0);
	quiet();
	assert_int_equal(woken, 0);
	assert_int_equal(c.in.len, 0);
	/* Nor by the way, when a write is to go on. */
	fill();
	turn();
	while (c.full) {
		char sink[65536];

		far_read(sink, sizeof(sink));
	}
	assert_int_equal(c.in.len, 0);
	quiet();
}

static void a_callback_reads_no_more_than_its_share(void **state)
{
	static char text[11 * 16384]; /* in full records, but for the first */
	uint32_t last = 0;

	(void)state;
	secure();
	c.in_max = sizeof(text) + 1;
	far_write(text, 100);
	for (size_t i = 100; i + 16384 <= sizeof(text); i += 16384) {
		far_write(text + i, 16384);
		carry(false);
	}
	while (c.in.len < 100 + 10 * 16384) {
		ev_run(loop, EVRUN_NOWAIT);
		carry(false);
		assert_true(c.in.len > last);
		assert_true(c.in.len - last <= CONN_READ_MAX);
		last = c.in.len;
	}
	turn();
	quiet();
}

static void reading_rests_while_in_is_full(void **state)
{
	static char text[50000];
	size_t got = 0;

	(void)state;
	secure();
	for (int i = 0; i < 4; i++) {
		far_write(text, sizeof(text));
		settle();
	}
	assert_int_equal(c.in.len, WIRE_IN_MAX);
	quiet();
	while (c.in.len) {
		uint32_t n = c.in.len < 7777 ? c.in.len : 7777;

		buf_eat(&c.in, n);
		got += n;
		conn_resume(&c, loop);
		settle();
	}
	assert_int_equal(got, 4 * sizeof(text));
}

static void ask_for_new_keys(void)
{
	if (SSL_version(far) == TLS1_3_VERSION)
		assert_int_equal(SSL_key_update(far, SSL_KEY_UPDATE_REQUESTED), 1);
	else
		assert_int_equal(SSL_renegotiate(far), 1);
	ERR_clear_error();
	SSL_do_handshake(far);
}

static void new_keys_are_agreed_on_in_silence(void **state)
{
	(void)state;
	secure();
	for (int i = 0; i < 3; i++) {
		ask_for_new_keys();
		settle();
		far_write("one", 3);
		settle();
		expect_in("one");
		conn_flush_with(&c, loop, SLICE("two"));
		expect_far("two");
		quiet();
	}
}

/* The answer to it cannot go, so reading cannot go on before writing does. */
static void a_read_that_must_write_waits_for_that(void **state)
{
	static char junk[4096];
	size_t stuffed = 0;
	ssize_t n;

	(void)state;
	secure();
	while ((n = send(c.io.fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		stuffed += (size_t)n;
	ask_for_new_keys();
	carry(false);
	turn();
	assert_int_equal(c.error, 0);
	assert_int_equal(watched(), EV_WRITE);
	quiet();
	conn_pause(&c, loop);
	quiet();
	conn_resume(&c, loop);
	while (stuffed) {
		n = recv(near, junk, stuffed < sizeof(junk) ? stuffed : sizeof(junk), 0);
		assert_true(n > 0);
		stuffed -= (size_t)n;
	}
	settle();
	assert_int_equal(watched(), EV_READ);
	far_write("one", 3);
	settle();
	expect_in("one");
	conn_flush_with(&c, loop, SLICE("two"));
	expect_far("two");
}

static void new_keys_while_output_is_stuck(void **state)
{
	static char sink[1 << 20];
	size_t total, got = 0, n;

	(void)state;
	secure();
	total = fill();
	SSL_key_update(far, SSL_KEY_UPDATE_REQUESTED);
	far_write("one", 3);
	carry(false);
	turn();
	expect_in("one");
	quiet();
	while (got < total && (n = far_read(sink, sizeof(sink))))
		got += n;
	assert_int_equal(got, total);
	conn_flush_with(&c, loop, SLICE("two"));
	expect_far("two");
	assert_int_equal(c.error, 0);
}

static void a_write_that_must_read_waits_for_that(void **state)
{
	(void)state;
	SSL_set_options(far, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	secure();
	woken = 0;
	assert_int_equal(SSL_renegotiate(ssl), 1);
	conn_flush_with(&c, loop, SLICE("one"));
	assert_true(c.full);
	conn_flush_with(&c, loop, SLICE(" two"));
	assert_int_equal(watched(), EV_READ);
	quiet();
	conn_pause(&c, loop);
	assert_int_equal(watched(), EV_READ);
	quiet();
	expect_far("one two");
	assert_false(c.full);
	assert_int_equal(woken, 1);
	assert_int_equal(c.error, 0);
	conn_resume(&c, loop);
	far_write("three", 5);
	settle();
	expect_in("three");
}

/* Others use OpenSSL on this thread, and not all clear up behind them. */
static void faults_of_others_do_not_count(void **state)
{
	static char junk[1000];

	(void)state;
	start();
	for (int i = 0; i < 100; i++) {
		chunk = 50;
		ERR_raise(ERR_LIB_USER, 1);
		ev_run(loop, EVRUN_NOWAIT);
		carry(true);
		carry(false);
		ERR_clear_error();
		SSL_peek(far, junk, 1);
	}
	assert_true(c.secure);
	far_write(junk, sizeof(junk));
	for (int i = 0; i < 30; i++) {
		carry(false);
		ERR_raise(ERR_LIB_USER, 1);
		ev_run(loop, EVRUN_NOWAIT);
	}
	assert_int_equal(c.in.len, sizeof(junk));
	ERR_raise(ERR_LIB_USER, 1);
	fill();
	ERR_raise(ERR_LIB_USER, 1);
	conn_shutdown(&c, loop);
	assert_int_equal(c.error, 0);
	assert_true(c.full);
}

static bool hasten;

/* More arrives just when a handshake has looked for it in vain. */
static void on_handshake(const SSL *of, int where, int result)
{
	(void)of;
	if (hasten && where == SSL_CB_CONNECT_EXIT && result <= 0) {
		hasten = false;
		chunk = SIZE_MAX;
		carry(false);
	}
}

/* The handshake is finished by reading, which comes after writing has been tried. */
static void reading_may_free_a_write(void **state)
{
	char byte;

	(void)state;
	SSL_set_options(far, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	secure();
	SSL_set_info_callback(ssl, on_handshake);
	assert_int_equal(SSL_renegotiate(ssl), 1);
	conn_flush_with(&c, loop, SLICE("one"));
	for (int i = 0; i < 2; i++) {
		carry(true);
		SSL_peek(far, &byte, 1);
		if (i == 1) {
			chunk = 10;
			hasten = true;
		}
		carry(false);
		assert_true(c.full);
		woken = 0;
		ev_run(loop, EVRUN_NOWAIT);
	}
	assert_false(hasten);
	assert_false(c.full);
	assert_int_equal(woken, 1);
	expect_far("one");
}

static void our_own_contexts_do_not_renegotiate(void **state)
{
	struct tls_client_config config = {.ca_file = "", .certificate = "", .key = ""};
	char error[256];
	struct tls_client *t = tls_client_new(&config, error);

	(void)state;
	assert_non_null(t);
	ssl = tls_client_ssl(t, "a.example", true);
	conn_tls(&c, loop, ssl);
	settle();
	assert_true(c.secure);
	ask_for_new_keys();
	carry(false);
	turn();
	assert_int_equal(c.error, 0);
	assert_int_equal(SSL_num_renegotiations(ssl), 0);
	assert_true(SSL_is_init_finished(ssl));
	conn_flush_with(&c, loop, SLICE("one"));
	assert_false(c.full);
	assert_int_equal(watched(), EV_READ);
	conn_clear(&c, loop, false);
	tls_client_free(t);
}

static void nothing_is_lost_or_turned_round(void **state)
{
	unsigned seed = 7;
	uint32_t queued = 0, seen = 0, back = 0, back_seen = 0;
	unsigned char p[40000];

	(void)state;
	secure();
	while (seen < 1000000 || back_seen < 300000) {
		size_t n = (size_t)rand_r(&seed) % sizeof(p);
		int got;

		for (size_t i = 0; i < n && c.out.len < 500000; i++)
			p[i] = (unsigned char)((queued + i) * 31 >> 3);
		if (c.out.len < 500000) {
			queued += (uint32_t)n;
			if (rand_r(&seed) % 2)
				conn_flush_with(&c, loop, slice_of((char *)p, n));
			else
				buf_add(&c.out, p, n);
		}
		if (rand_r(&seed) % 3 == 0)
			conn_flush(&c, loop);
		if (rand_r(&seed) % 5 == 0)
			conn_pause(&c, loop);
		else
			conn_resume(&c, loop);
		ev_run(loop, EVRUN_NOWAIT);
		chunk = 1 + (size_t)rand_r(&seed) % 70000;
		carry(true);
		carry(false);
		ERR_clear_error();
		got = SSL_read(far, p, sizeof(p));
		for (int i = 0; i < got; i++, seen++)
			assert_int_equal(p[i], (unsigned char)(seen * 31 >> 3));
		/* One small record at a time, so that it is on the wire as a whole. */
		n = (size_t)rand_r(&seed) % 3000;
		for (size_t i = 0; i < n; i++)
			p[i] = (unsigned char)((back + i) * 31 >> 3);
		if (back - back_seen < 150000 && n) {
			far_write(p, n);
			back += (uint32_t)n;
		}
		for (size_t i = 0; i < c.in.len; i++, back_seen++)
			assert_int_equal((unsigned char)buf_data(&c.in)[i],
					 (unsigned char)(back_seen * 31 >> 3));
		if (c.in.len)
			buf_eat(&c.in, c.in.len);
	}
	assert_int_equal(c.error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(the_handshake_is_told_by_the_loop),
	    BOTH(output_waits_for_the_handshake),
	    BOTH(output_goes_at_the_handshakes_end_without_a_flush),
	    BOTH(a_pause_does_not_stop_the_handshake),
	    T12(what_comes_with_the_handshake_waits_for_the_end_of_a_pause),
	    BOTH(an_idle_one_has_empty_buffers),
	    BOTH(what_is_sent_comes_back),
	    BOTH(what_the_kernel_refuses_goes_later),
	    BOTH(what_openssl_holds_is_read_without_the_socket),
	    BOTH(it_is_not_read_while_paused),
	    BOTH(a_callback_reads_no_more_than_its_share),
	    BOTH(reading_rests_while_in_is_full),
	    BOTH(new_keys_are_agreed_on_in_silence),
	    T12(a_read_that_must_write_waits_for_that),
	    T13(new_keys_while_output_is_stuck),
	    T12(a_write_that_must_read_waits_for_that),
	    T12(reading_may_free_a_write),
	    BOTH(faults_of_others_do_not_count),
	    T12(our_own_contexts_do_not_renegotiate),
	    BOTH(nothing_is_lost_or_turned_round),
	};

	return cmocka_run_group_tests(tests, wire_begin, wire_finish);
}

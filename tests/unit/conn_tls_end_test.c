/* The TLS filter of connections: ends, faults and moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "tls_wire.h"

static void assert_problem(int error, const char *start)
{
	char text[600];

	assert_int_equal(c.error, error);
	assert_ptr_equal(conn_problem(&c, text, sizeof(text)), text);
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("\"%s\" does not start with \"%s\"", text, start);
	conn_problem(&c, text, 5);
	assert_int_equal(strlen(text), 4);
	/* Told once, and then the loop leaves it alone. */
	assert_int_equal(woken, 1);
	quiet();
	assert_int_equal(woken, 1);
	/* Nor does anything else touch it. */
	conn_flush_with(&c, loop, SLICE("more"));
	conn_pause(&c, loop);
	conn_resume(&c, loop);
	conn_shutdown(&c, loop);
	quiet();
	assert_null(c.out.mem);
}

/* The end as TLS has it, and not just that of TCP. */
static bool far_told(void)
{
	char byte;
	int n;

	settle();
	ERR_clear_error();
	n = SSL_read(far, &byte, 1);
	return n <= 0 && SSL_get_error(far, n) == SSL_ERROR_ZERO_RETURN;
}

static void the_servers_end_is_told_once(void **state)
{
	(void)state;
	secure();
	woken = 0;
	far_write("last", 4);
	SSL_shutdown(far);
	settle();
	assert_true(c.eof);
	assert_int_equal(c.error, 0);
	assert_true(woken >= 1);
	woken = 0;
	quiet();
	assert_int_equal(woken, 0);
	expect_in("last");
	conn_flush_with(&c, loop, SLICE("still"));
	expect_far("still");
	conn_shutdown(&c, loop);
	assert_true(far_told());
}

static void an_end_without_close_notify_is_one(void **state)
{
	char big[5000] = {0};

	(void)state;
	secure();
	far_write("whole", 5);
	settle();
	far_write(big, sizeof(big));
	chunk = 3000; /* of a record of more than 5000 */
	carry(false);
	shutdown(near, SHUT_WR);
	turn();
	assert_true(c.eof);
	assert_int_equal(c.error, 0);
	expect_in("whole");
	quiet();
	/* The other direction is still of use. */
	conn_flush_with(&c, loop, SLICE("still"));
	assert_int_equal(c.error, 0);
	chunk = 65536;
	while (carry(true))
		;
	ERR_clear_error();
	assert_int_equal(SSL_read(far, big, sizeof(big)), 5);
	assert_memory_equal(big, "still", 5);
}

static void our_end_goes_out_and_input_is_still_read(void **state)
{
	(void)state;
	secure();
	conn_shutdown(&c, loop);
	conn_shutdown(&c, loop);
	assert_true(far_told());
	settle();
	assert_int_equal(recv(SSL_get_fd(far), (char[1]){0}, 1, MSG_DONTWAIT), 0);
	far_write("more", 4);
	settle();
	expect_in("more");
	SSL_shutdown(far);
	settle();
	assert_true(c.eof);
	assert_int_equal(c.error, 0);
	quiet();
}

static void our_end_goes_out_behind_the_output(void **state)
{
	static char sink[1 << 20];
	size_t total, got = 0, n;

	(void)state;
	secure();
	total = fill();
	conn_shutdown(&c, loop);
	quiet();
	while (got < total && (n = far_read(sink, sizeof(sink))))
		got += n;
	assert_int_equal(got, total);
	assert_true(far_told());
	assert_false(c.full);
	assert_int_equal(c.error, 0);
	quiet();
}

/* The kernel has room for nothing, not even for the alert. */
static void our_end_waits_for_the_kernel(void **state)
{
	static char junk[4096];
	size_t stuffed = 0;
	ssize_t n;

	(void)state;
	secure();
	while ((n = send(c.io.fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		stuffed += (size_t)n;
	conn_shutdown(&c, loop);
	assert_int_equal(watched(), EV_READ | EV_WRITE);
	quiet();
	for (; stuffed; stuffed -= (size_t)n) {
		n = recv(near, junk, stuffed < sizeof(junk) ? stuffed : sizeof(junk), 0);
		assert_true(n > 0);
	}
	assert_true(far_told());
	assert_int_equal(watched(), EV_READ);
}

static void an_end_during_the_handshake_follows_it(void **state)
{
	(void)state;
	start();
	BUF_LIT(&c.out, "last");
	conn_shutdown(&c, loop);
	expect_far("last");
	assert_true(far_told());
}

static void an_end_with_nothing_before_it_follows_the_handshake(void **state)
{
	(void)state;
	start();
	conn_shutdown(&c, loop);
	assert_int_equal(c.error, 0);
	settle();
	assert_true(c.secure);
	assert_true(far_told());
	assert_int_equal(c.error, 0);
}

static void clearing_says_goodbye(void **state)
{
	(void)state;
	secure();
	conn_clear(&c, loop, false);
	assert_false(conn_open(&c));
	assert_false(c.secure);
	assert_true(far_told());
}

static void clearing_with_output_does_not(void **state)
{
	(void)state;
	secure();
	BUF_LIT(&c.out, "never sent");
	conn_clear(&c, loop, false);
	assert_false(far_told());
}

static void clearing_by_reset_does_not(void **state)
{
	(void)state;
	secure();
	conn_clear(&c, loop, true);
	assert_false(far_told());
}

static void clearing_before_its_first_byte_is_safe(void **state)
{
	(void)state;
	start();
	conn_clear(&c, loop, false);
	turn();
	assert_int_equal(calls, 0);
	assert_false(carry(true));
}

static void clearing_during_the_handshake_is_safe(void **state)
{
	(void)state;
	start();
	turn();
	assert_true(carry(true));
	conn_clear(&c, loop, false);
	turn();
	assert_int_equal(woken, 0);
	assert_false(far_told());
}

static void a_server_that_hangs_up_is_told_of(void **state)
{
	(void)state;
	start();
	turn();
	assert_true(carry(true));
	close(near);
	near = -1;
	turn();
	assert_problem(EPROTO, "the server closed the connection during the TLS handshake");
	assert_false(c.secure);
}

static void bytes_that_are_no_tls_are_told_of(void **state)
{
	static const char text[] = "<?xml version='1.0'?><stream:stream>";

	(void)state;
	start();
	BUF_LIT(&c.out, "waits");
	conn_flush(&c, loop);
	turn();
	for (size_t i = 0; i < sizeof(text) - 1 && !c.error; i++) {
		assert_int_equal(send(near, text + i, 1, 0), 1);
		turn();
	}
	assert_problem(EPROTO, "no TLS there: ");
}

static void unprotected_bytes_before_it_are_a_fault(void **state)
{
	(void)state;
	assert_int_equal(send(near, "<features/>", 11, 0), 11);
	turn();
	woken = 0;
	/* The kernel is full and the server silent: the loop tells all the same. */
	fill();
	start();
	assert_int_equal(c.error, EPROTO);
	assert_int_equal(woken, 0);
	turn();
	assert_problem(EPROTO, "unprotected bytes came where TLS was to begin");
	assert_false(carry(false));
}

static void a_bad_record_breaks_it(void **state)
{
	(void)state;
	secure();
	woken = 0;
	fill();
	far_write("good", 4);
	while (carry(false))
		;
	assert_int_equal(send(near,
			      "\x17\x03\x03\x00\x20"
			      "0123456789abcdef0123456789abcdef",
			      37, 0),
			 37);
	turn();
	expect_in("good");
	assert_problem(EPROTO, "TLS fails: ");
}

static void a_certificate_is_told_of_on_both_sides(void **state)
{
	struct tls_client_config config = {
	    .verify = true, .ca_file = "", .certificate = "", .key = ""};
	char error[256];
	struct tls_client *t = tls_client_new(&config, error);
	int reason;

	(void)state;
	conn_tls(&c, loop, tls_client_ssl(t, "a.example", false));
	turn();
	carry(true);
	SSL_do_handshake(far);
	carry(false);
	turn();
	assert_problem(EPROTO, "certificate is self-signed");
	while (carry(true))
		;
	ERR_clear_error();
	assert_true(SSL_do_handshake(far) <= 0);
	reason = ERR_GET_REASON(ERR_peek_error());
	assert_true(reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA);
	assert_int_equal(woken, 1);
	conn_clear(&c, loop, false);
	tls_client_free(t);
}

/* TLS 1.3: the server's verdict comes when the handshake is over for us, and our next write is
 * what finds the connection closed. */
static void a_servers_refusal_is_told_even_if_a_write_fails(void **state)
{
	(void)state;
	SSL_set_verify(far, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	start();
	turn();
	carry(true);
	SSL_do_handshake(far);
	carry(false);
	turn();
	assert_true(c.secure);
	carry(true);
	ERR_clear_error();
	assert_true(SSL_do_handshake(far) <= 0);
	carry(false);
	close(near);
	near = -1;
	woken = 0;
	conn_flush_with(&c, loop, SLICE("<stream:stream>"));
	assert_int_equal(woken, 0);
	turn();
	assert_problem(EPROTO, "the server wants a certificate of ours (tls_certificate)");
}

static void a_closed_connection_is_an_error_and_no_signal(void **state)
{
	(void)state;
	secure();
	woken = 0;
	close(near);
	near = -1;
	conn_flush_with(&c, loop, SLICE("one"));
	assert_int_equal(c.error, EPIPE);
	assert_int_equal(woken, 0);
	turn();
	assert_problem(EPIPE, "Broken pipe");
}

static void what_was_said_last_is_read_when_a_write_fails(void **state)
{
	(void)state;
	secure();
	woken = 0;
	assert_int_equal(SSL_write(far, "why", 3), 3);
	carry(false);
	close(near);
	near = -1;
	conn_flush_with(&c, loop, SLICE("one"));
	assert_int_equal(c.error, EPIPE);
	turn();
	assert_problem(EPIPE, "Broken pipe");
	assert_true(slice_is(buf_slice(&c.in), "why"));
}

static void a_reset_is_an_error(void **state)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct linger linger = {1, 0};
	socklen_t n = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM, 0), peer = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	(void)state;
	conn_clear(&c, loop, false);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&in, n), 0);
	conn_init(&c, loop, accept(listener, NULL, NULL), WIRE_IN_MAX, on_wake);
	start();
	turn();
	assert_int_equal(recv(peer, &byte, 1, 0), 1);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(peer);
	close(listener);
	turn();
	assert_problem(ECONNRESET, "Connection reset by peer during the TLS handshake");
}

static struct conn moved;

static void on_moved(struct conn *conn)
{
	assert_ptr_equal(conn, &moved);
	woken++;
}

static void on_wake_moves(struct conn *conn)
{
	conn_move(&moved, conn, loop, WIRE_IN_MAX, on_moved);
	memset(conn, 0xaa, sizeof(*conn));
}

/* Bytes in both buffers, in OpenSSL and in the kernel. */
static void one_can_be_moved_in_the_middle_of_it_all(void **state)
{
	static char text[40000], sink[1 << 20];
	size_t total, got = 0, n;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 31 >> 3);
	secure();
	c.in_max = 1000;
	far_write(text, 10000);
	far_write(text + 10000, 10000);
	settle();
	total = fill();
	memset(&moved, 0xaa, sizeof(moved));
	conn_move(&moved, &c, loop, 2000, on_moved);
	assert_false(conn_open(&c));
	conn_clear(&c, loop, false);
	memset(&c, 0xaa, sizeof(c));
	woken = 0;
	assert_true(moved.secure && moved.full);
	assert_int_equal(moved.in.len, 1000);
	far_write(text + 20000, 20000);
	for (size_t at = 0; at < sizeof(text); at += n) {
		settle();
		n = moved.in.len;
		assert_true(n > 0 && n <= 2000);
		assert_memory_equal(buf_data(&moved.in), text + at, n);
		buf_eat(&moved.in, n);
		conn_resume(&moved, loop);
	}
	while (got < total && (n = far_read(sink, sizeof(sink))))
		got += n;
	assert_int_equal(got, total);
	assert_true(woken > 0);
	conn_flush_with(&moved, loop, SLICE("here"));
	expect_far("here");
	conn_clear(&moved, loop, false);
	assert_true(far_told());
	c = (struct conn){0};
}

static void one_can_be_moved_when_it_wakes(void **state)
{
	(void)state;
	c.wake = on_wake_moves;
	start();
	settle();
	assert_true(moved.secure);
	assert_int_equal(woken, 0);
	c = (struct conn){0};
	far_write("one", 3);
	settle();
	assert_true(slice_is(buf_slice(&moved.in), "one"));
	assert_int_equal(woken, 1);
	conn_clear(&moved, loop, false);
}

/* Also before the handshake is done, and before its first byte. */
static void one_can_be_moved_during_the_handshake(void **state)
{
	(void)state;
	start();
	conn_move(&moved, &c, loop, WIRE_IN_MAX, on_moved);
	turn();
	carry(true);
	conn_move(&c, &moved, loop, WIRE_IN_MAX, on_wake);
	settle();
	assert_true(c.secure);
	assert_int_equal(woken, 1);
}

static void on_wake_clears(struct conn *conn)
{
	woken++;
	conn_clear(conn, loop, false);
	memset(conn, 0xaa, sizeof(*conn));
}

static void one_can_be_cleared_when_it_wakes(void **state)
{
	(void)state;
	c.wake = on_wake_clears;
	start();
	settle();
	assert_int_equal(woken, 1);
	quiet();
	c = (struct conn){0};
	assert_true(far_told());
}

static void an_error_is_told_to_the_new_owner(void **state)
{
	(void)state;
	secure();
	woken = 0;
	close(near);
	near = -1;
	conn_flush_with(&c, loop, SLICE("one"));
	assert_int_equal(c.error, EPIPE);
	conn_move(&moved, &c, loop, WIRE_IN_MAX, on_moved);
	turn();
	assert_int_equal(woken, 1);
	assert_int_equal(moved.error, EPIPE);
	conn_clear(&moved, loop, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(the_servers_end_is_told_once),
	    BOTH(an_end_without_close_notify_is_one),
	    BOTH(our_end_goes_out_and_input_is_still_read),
	    BOTH(our_end_goes_out_behind_the_output),
	    BOTH(our_end_waits_for_the_kernel),
	    BOTH(an_end_during_the_handshake_follows_it),
	    BOTH(an_end_with_nothing_before_it_follows_the_handshake),
	    BOTH(clearing_says_goodbye),
	    BOTH(clearing_with_output_does_not),
	    BOTH(clearing_by_reset_does_not),
	    BOTH(clearing_before_its_first_byte_is_safe),
	    BOTH(clearing_during_the_handshake_is_safe),
	    BOTH(a_server_that_hangs_up_is_told_of),
	    BOTH(bytes_that_are_no_tls_are_told_of),
	    BOTH(unprotected_bytes_before_it_are_a_fault),
	    BOTH(a_bad_record_breaks_it),
	    BOTH(a_certificate_is_told_of_on_both_sides),
	    T13(a_servers_refusal_is_told_even_if_a_write_fails),
	    BOTH(a_closed_connection_is_an_error_and_no_signal),
	    BOTH(what_was_said_last_is_read_when_a_write_fails),
	    T13(a_reset_is_an_error),
	    BOTH(one_can_be_moved_in_the_middle_of_it_all),
	    BOTH(one_can_be_moved_when_it_wakes),
	    BOTH(one_can_be_moved_during_the_handshake),
	    BOTH(one_can_be_cleared_when_it_wakes),
	    BOTH(an_error_is_told_to_the_new_owner),
	};

	return cmocka_run_group_tests(tests, wire_begin, wire_finish);
}

/* TLS with clients: the filter in the server's role, on bytes that were read before it was there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "tls_wire.h"

/* The far end becomes the client, and c waits for its first bytes. */
static void swap_roles(void)
{
	int fd = SSL_get_fd(far);

	SSL_free(far);
	far = SSL_new(client);
	SSL_set_fd(far, fd);
	SSL_set_connect_state(far);
}

/* c has read at least n bytes of what comes. */
static void hear(size_t n)
{
	char byte;

	for (int i = 0; i < 1000 && c.in.len < n; i++) {
		ERR_clear_error();
		SSL_peek(far, &byte, 1);
		carry(false);
		turn();
	}
	assert_true(c.in.len >= n);
}

static void accept_after(size_t n)
{
	swap_roles();
	hear(n);
	ssl = SSL_new(server);
	SSL_set_accept_state(ssl);
	conn_tls_accept(&c, loop, ssl);
	assert_int_equal(c.in.len, 0);
}

static void what_was_read_before_is_part_of_the_handshake(void **state)
{
	static const size_t firsts[] = {1, 2, 5, 6, 100};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		if (i) {
			wire_close(NULL);
			wire_open_13(NULL);
		}
		chunk = firsts[i];
		accept_after(firsts[i]);
		chunk = SIZE_MAX;
		settle();
		assert_true(c.secure);
		assert_int_equal(c.error, 0);
		far_write("hello", 5);
		settle();
		expect_in("hello");
		BUF_LIT(&c.out, "and you");
		conn_flush(&c, loop);
		expect_far("and you");
		quiet();
	}
}

static void byte_by_byte(void **state)
{
	static char text[3000], got[3000];

	(void)state;
	chunk = 1;
	accept_after(1);
	settle();
	assert_true(c.secure);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	far_write(text, sizeof(text));
	settle();
	assert_int_equal(c.in.len, sizeof(text));
	assert_memory_equal(buf_data(&c.in), text, sizeof(text));
	conn_flush_with(&c, loop, buf_slice(&c.in));
	assert_int_equal(far_read(got, sizeof(got)), sizeof(got));
	assert_memory_equal(text, got, sizeof(got));
}

static void it_is_told_once_what_came_of_it(void **state)
{
	int before;

	(void)state;
	accept_after(1);
	assert_int_equal(conn_tls_suite(&c), 0);
	before = woken;
	settle();
	assert_int_equal(woken, before + 1);
	assert_false(conn_tls_resumed(&c));
	assert_int_equal(conn_tls_fault(&c), TLS_FAULT_NONE);
	assert_string_equal(tls_suite_text(conn_tls_suite(&c)),
			    SSL_version(ssl) == TLS1_3_VERSION
				? "TLSv1.3 TLS_AES_256_GCM_SHA384"
				: "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384");
}

static void an_idle_one_holds_nothing_of_before(void **state)
{
	(void)state;
	accept_after(50);
	settle();
	far_write("x", 1);
	settle();
	expect_in("x");
	assert_null(c.in.mem);
	assert_null(c.out.mem);
	quiet();
}

static void a_client_that_goes_in_between_has_gone(void **state)
{
	(void)state;
	accept_after(30);
	settle();
	wire_close(NULL);
	wire_open_13(NULL);
	chunk = 30;
	accept_after(30);
	shutdown(near, SHUT_WR);
	turn();
	assert_false(c.secure);
	assert_int_not_equal(c.error, 0);
	assert_int_equal(conn_tls_fault(&c), TLS_FAULT_GONE);
}

static void what_is_no_tls_is_named_so(void **state)
{
	char words[200];

	(void)state;
	assert_int_equal(send(near, "\x16GET / HTTP/1.1\r\n\r\n", 19, 0), 19);
	turn();
	ssl = SSL_new(server);
	SSL_set_accept_state(ssl);
	conn_tls_accept(&c, loop, ssl);
	turn();
	assert_int_not_equal(c.error, 0);
	assert_int_equal(conn_tls_fault(&c), TLS_FAULT_PLAIN);
	assert_string_equal(conn_problem(&c, words, sizeof(words)),
			    tls_fault_text(TLS_FAULT_PLAIN));
}

static void an_old_client_is_named_so(void **state)
{
	(void)state;
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	accept_after(1);
	settle();
	assert_false(c.secure);
	assert_int_equal(conn_tls_fault(&c), TLS_FAULT_VERSION);
}

static void a_client_that_believes_nobody_is_named_so(void **state)
{
	(void)state;
	SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
	accept_after(1);
	settle();
	assert_false(c.secure);
	assert_int_equal(conn_tls_fault(&c), TLS_FAULT_TRUST);
}

/* A fault of later is not one of the handshake. */
static void a_reset_later_is_no_failed_handshake(void **state)
{
	(void)state;
	accept_after(1);
	settle();
	assert_true(c.secure);
	assert_int_equal(send(near, "rubbish rubbish", 15, 0), 15);
	turn();
	assert_int_not_equal(c.error, 0);
	assert_int_equal(conn_tls_fault(&c), TLS_FAULT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T13(what_was_read_before_is_part_of_the_handshake),
	    BOTH(byte_by_byte),
	    BOTH(it_is_told_once_what_came_of_it),
	    BOTH(an_idle_one_holds_nothing_of_before),
	    T13(a_client_that_goes_in_between_has_gone),
	    BOTH(what_is_no_tls_is_named_so),
	    T13(an_old_client_is_named_so),
	    BOTH(a_client_that_believes_nobody_is_named_so),
	    BOTH(a_reset_later_is_no_failed_handshake),
	};

	return cmocka_run_group_tests(tests, wire_begin, wire_finish);
}

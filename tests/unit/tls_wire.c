#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls_wire.h"

struct ev_loop *loop;
struct conn c;
int woken, calls, near, beyond;
SSL *far, *ssl;
SSL_CTX *server, *client;
size_t chunk;

static struct cert cert;
static int far_fd;
static void (*real)(struct ev_loop *, ev_io *, int);

int wire_begin(void **state)
{
	(void)state;
	cert = cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, NULL);
	return 0;
}

int wire_finish(void **state)
{
	(void)state;
	cert_free(&cert);
	return 0;
}

void on_wake(struct conn *conn)
{
	assert_ptr_equal(conn, &c);
	woken++;
}

static void counted(struct ev_loop *l, ev_io *io, int events)
{
	calls++;
	real(l, io, events);
}

static int open_at(int version)
{
	int a[2], b[2];

	woken = calls = 0;
	chunk = SIZE_MAX;
	loop = ev_loop_new(0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
	near = a[1];
	beyond = b[1];
	far_fd = b[0];
	server = certs_server(&cert, NULL);
	client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(server, version);
	SSL_CTX_set_max_proto_version(server, version);
	SSL_CTX_set_mode(server, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	far = SSL_new(server);
	SSL_set_fd(far, far_fd);
	SSL_set_accept_state(far);
	conn_init(&c, loop, a[0], WIRE_IN_MAX, on_wake);
	real = ev_cb(&c.io);
	ev_set_cb(&c.io, counted);
	return 0;
}

int wire_open_12(void **state)
{
	(void)state;
	return open_at(TLS1_2_VERSION);
}

int wire_open_13(void **state)
{
	(void)state;
	return open_at(TLS1_3_VERSION);
}

int wire_close(void **state)
{
	(void)state;
	conn_clear(&c, loop, false);
	conn_clear(&c, loop, false);
	SSL_free(far);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	if (near >= 0)
		close(near);
	close(beyond);
	close(far_fd);
	ev_loop_destroy(loop);
	return 0;
}

void start(void)
{
	ssl = SSL_new(client);
	SSL_set_connect_state(ssl);
	conn_tls(&c, loop, ssl);
}

void turn(void)
{
	for (int i = 0; i < 4; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

bool carry(bool up)
{
	static char p[65536];
	int from = up ? near : beyond, to = up ? beyond : near;
	size_t most = chunk < sizeof(p) ? chunk : sizeof(p);
	ssize_t n = recv(from, p, most, MSG_PEEK), sent;

	if (n == 0)
		shutdown(to, SHUT_WR);
	if (n <= 0)
		return false;
	sent = send(to, p, (size_t)n, MSG_NOSIGNAL);
	if (sent > 0)
		assert_int_equal(recv(from, p, (size_t)sent, 0), sent);
	return sent > 0;
}

void settle(void)
{
	for (int idle = 0; idle < 3; idle++) {
		turn();
		idle = carry(true) ? 0 : idle;
		idle = carry(false) ? 0 : idle;
		if (far) {
			char byte;

			ERR_clear_error();
			SSL_peek(far, &byte, 1); /* shakes hands as well */
		}
	}
}

void secure(void)
{
	start();
	settle();
	assert_true(c.secure);
	assert_int_equal(c.error, 0);
}

void quiet(void)
{
	turn();
	calls = 0;
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(calls, 0);
}

int watched(void)
{
	return ev_is_active(&c.io) ? c.io.events & (EV_READ | EV_WRITE) : 0;
}

size_t far_read(char *p, size_t n)
{
	size_t got = 0;
	int r = 1;

	while (got < n && r > 0) {
		settle();
		ERR_clear_error();
		r = SSL_read(far, p + got, (int)(n - got));
		got += r > 0 ? (size_t)r : 0;
	}
	return got;
}

void far_write(const void *p, size_t n)
{
	ERR_clear_error();
	assert_int_equal(SSL_write(far, p, (int)n), n);
}

void expect_far(const char *want)
{
	char text[100];
	size_t n = far_read(text, sizeof(text));

	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, n);
}

void expect_in(const char *want)
{
	assert_int_equal(c.in.len, strlen(want));
	assert_true(slice_is(buf_slice(&c.in), want));
	if (c.in.len)
		buf_eat(&c.in, c.in.len);
}

size_t fill(void)
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

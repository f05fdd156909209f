#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "dial_rig.h"
#include "net/clock.h"
#include "net/sockaddr.h"

enum { SOCKETS = 64, HANGING = 3 };

struct ev_loop *loop;
struct health *health;
struct dialer *dialer;
struct name_server server;
struct dial_policy policy;
struct came came;
size_t first;
struct slice proxy;

static struct {
	int fd, port;
} open_sockets[SOCKETS];
static size_t n_sockets;
static int64_t began;

int rig_begin(void **state)
{
	(void)state;
	memset(&came, 0, sizeof(came));
	policy = (struct dial_policy){.domain = "example.org", .tls = DIAL_PLAIN};
	first = SIZE_MAX;
	proxy = SLICE_NONE;
	loop = ev_loop_new(0);
	health = health_new();
	dialer = dialer_new(loop, health);
	name_server_start(&server, loop);
	assert_true(dns_servers(dialer->dns, server.at));
	return 0;
}

void rig_drop(void)
{
	if (came.connected) {
		conn_clear(&came.conn, loop, false);
		health_leave(came.backend);
		if (came.served)
			health_cancel(came.served);
	}
	memset(&came, 0, sizeof(came));
}

int rig_end(void **state)
{
	(void)state;
	rig_drop();
	dialer_free(dialer);
	health_free(health);
	name_server_stop(&server);
	ev_loop_destroy(loop);
	while (n_sockets)
		close(open_sockets[--n_sockets].fd);
	return 0;
}

static void on_wake(struct conn *c)
{
	(void)c;
}

static void on_done(void *owner, struct dial_leg *leg)
{
	assert_ptr_equal(owner, &came);
	assert_true((leg->conn != NULL) == (leg->text == NULL));
	assert_true((leg->conn != NULL) == (leg->backend != NULL));
	came.calls++;
	came.exhausted = leg->exhausted;
	came.connected = leg->conn != NULL;
	came.tls = leg->tls;
	came.heard = leg->heard;
	came.peer = leg->peer;
	came.backend = leg->backend;
	came.served = leg->served;
	came.ms = clock_ms() - began;
	if (leg->conn) {
		snprintf(came.name, sizeof(came.name), "%s", leg->name);
		conn_move(&came.conn, leg->conn, loop, 100000, on_wake);
	} else {
		snprintf(came.text, sizeof(came.text), "%s", leg->text);
	}
	ev_break(loop, EVBREAK_ALL);
}

struct dial *rig_start(const struct dial_target *v, size_t n, int64_t ms)
{
	struct dial *d;

	rig_drop();
	began = clock_ms();
	d = dial_start(dialer, &policy, v, n, first < n ? first : n, proxy, ms, on_done, &came);
	assert_int_equal(came.calls, 0);
	return d;
}

void rig_wait(void)
{
	while (!came.calls)
		ev_run(loop, 0);
	assert_int_equal(came.calls, 1);
}

void rig_dial(const struct dial_target *v, size_t n, int64_t ms)
{
	rig_start(v, n, ms);
	rig_wait();
}

void rig_host(const char *host, int port, int64_t ms)
{
	rig_dial(&(struct dial_target){.host = host, .port = (uint16_t)port}, 1, ms);
}

void rig_expect_port(int port)
{
	if (!came.connected)
		print_error("%s\n", came.text);
	assert_true(came.connected);
	assert_int_equal(came.peer.port, port);
}

void rig_expect_text(const char *text)
{
	assert_false(came.connected);
	assert_string_equal(came.text, text);
}

static struct addr address(const char *ip, int port)
{
	struct addr a;

	assert_true(addr_parse(&a, slice_str(ip), false));
	a.port = (uint16_t)port;
	return a;
}

static void keep(int fd, int port)
{
	assert_true(n_sockets < SOCKETS);
	open_sockets[n_sockets].fd = fd;
	open_sockets[n_sockets++].port = port;
}

/* A full backlog lets further connections hang. */
static void fill_backlog(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t n = sockaddr_write(a, &ss);

	for (int i = 0; i < HANGING; i++) {
		int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

		connect(fd, (struct sockaddr *)&ss, n);
		keep(fd, 0);
	}
}

int rig_open(const char *ip, int port, enum rig_kind kind)
{
	struct addr a = address(ip, port);
	struct sockaddr_storage ss;
	socklen_t n = sockaddr_write(&a, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &n), 0);
	a = sockaddr_read((struct sockaddr *)&ss);
	if (kind != RIG_REFUSING)
		assert_int_equal(listen(fd, kind == RIG_DEAF ? 0 : 64), 0);
	if (kind == RIG_DEAF)
		fill_backlog(&a);
	keep(fd, a.port);
	return a.port;
}

int rig_accept(int port)
{
	for (size_t i = 0; i < n_sockets; i++)
		if (open_sockets[i].port == port) {
			int fd = accept(open_sockets[i].fd, NULL, NULL);

			assert_true(fd >= 0);
			return fd;
		}
	assert_true(!"a port that was opened");
	return -1;
}

struct health_row rig_row(const char *name)
{
	struct health_row row;

	health_row(health_find(health, name, 0), &row);
	return row;
}

/* Buffered sockets. What the loop watches is derived in one place, conn_watch(), from the fields:
 * reading unless paused, ended or full of input; writing only while the kernel has refused bytes. A
 * steady conversation therefore costs one recv and one send a message and never an epoll_ctl. */
#include "net/conn_priv.h"
#include "net/sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(struct conn) <= 96, "there is one for each session, and often two");

bool conn_open(const struct conn *c)
{
	return c->wake && c->io.fd >= 0;
}

struct addr conn_peer(const struct conn *c)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);

	if (!conn_open(c) || getpeername(c->io.fd, (struct sockaddr *)&ss, &n) < 0)
		return (struct addr){.family = ADDR_NONE};
	return sockaddr_read((struct sockaddr *)&ss);
}

static int plain_events(const struct conn *c)
{
	int want = c->full ? EV_WRITE : 0;

	if (!c->eof && !c->paused && c->in.len < c->in_max)
		want |= EV_READ;
	return want;
}

void conn_watch(struct conn *c, struct ev_loop *loop)
{
	int want;

	if (c->error)
		want = EV_WRITE;
	else
		want = conn_has_tls(c) ? conn_tls_events(c, loop) : plain_events(c);
	if (want == (ev_is_active(&c->io) ? c->io.events & (EV_READ | EV_WRITE) : 0))
		return;
	ev_io_stop(loop, &c->io);
	ev_io_modify(&c->io, want);
	if (want)
		ev_io_start(loop, &c->io);
}

/* A broken socket is always writable: watching for that alone brings the news from the loop, in its
 * next round, wherever the error was met. */
void conn_broken(struct conn *c, int error)
{
	c->error = (int16_t)(error ? error : EIO);
	c->full = false;
	buf_clear(&c->out);
}

static bool again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* Sends `out`, then `first`; keeps in `out` what the kernel did not take. */
static void push(struct conn *c, struct slice first)
{
	struct iovec v[2];
	struct msghdr msg = {.msg_iov = v};
	size_t total = c->out.len + first.n, rest;
	ssize_t n;

	if (conn_has_tls(c)) {
		conn_tls_write(c, first);
		return;
	}
	if (c->out.len)
		v[msg.msg_iovlen++] = (struct iovec){c->out.mem + c->out.off, c->out.len};
	if (first.n)
		v[msg.msg_iovlen++] = (struct iovec){(void *)first.p, first.n};
	n = msg.msg_iovlen == 1 ? send(c->io.fd, v[0].iov_base, v[0].iov_len, MSG_NOSIGNAL)
				: sendmsg(c->io.fd, &msg, MSG_NOSIGNAL);
	if (n < 0 && !again(errno)) {
		conn_broken(c, errno);
		return;
	}
	if (n < 0)
		n = 0;
	c->sent |= n > 0;
	c->full = (size_t)n < total;
	rest = (size_t)n < c->out.len ? 0 : (size_t)n - c->out.len;
	buf_eat(&c->out, (size_t)n < c->out.len ? (size_t)n : c->out.len);
	if (rest < first.n)
		buf_add(&c->out, first.p + rest, first.n - rest);
	if (!c->full && c->ending)
		shutdown(c->io.fd, SHUT_WR);
}

static void pull(struct conn *c)
{
	static _Thread_local char scratch[CONN_READ_MAX];
	size_t room = c->in_max - c->in.len, most = room < sizeof(scratch) ? room : sizeof(scratch);
	ssize_t n;

	if (conn_has_tls(c)) {
		buf_add(&c->in, scratch, conn_tls_read(c, scratch, most));
		return;
	}
	n = recv(c->io.fd, scratch, most, 0);
	if (n > 0)
		buf_add(&c->in, scratch, (size_t)n);
	else if (n == 0)
		c->eof = true;
	else if (!again(errno))
		conn_broken(c, errno);
}

/* What the peer said before it went, which may be why, is still with the kernel. */
static void read_last_words(struct conn *c)
{
	char words[4096];
	ssize_t n = 1;

	while (n > 0 && c->in.len < c->in_max) {
		size_t room = c->in_max - c->in.len;

		n = recv(c->io.fd, words, room < sizeof(words) ? room : sizeof(words), 0);
		if (n > 0)
			buf_add(&c->in, words, (size_t)n);
	}
}

/* Reads before it writes, for one that refuses what we write may have said so. wake() is the last
 * that happens here, so the owner may move or clear c in it. */
static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *c = (struct conn *)((char *)io - offsetof(struct conn, io));
	uint32_t had = c->in.len;
	bool was_full = c->full, was_secure = c->secure, had_eof = c->eof;

	if (conn_has_tls(c))
		events = conn_tls_ready(c, loop, events);
	if (!c->error && events & EV_READ && !c->eof && c->in.len < c->in_max)
		pull(c);
	if (!c->error && events & EV_WRITE && c->full)
		push(c, SLICE_NONE);
	if (c->error) {
		if (!conn_has_tls(c))
			read_last_words(c);
		ev_io_stop(loop, io);
		c->wake(c);
		return;
	}
	conn_watch(c, loop);
	if (c->in.len != had || (was_full && !c->full) || c->secure != was_secure ||
	    c->eof != had_eof)
		c->wake(c);
}

void conn_init(struct conn *c, struct ev_loop *loop, int fd, uint32_t in_max,
	       void (*wake)(struct conn *c))
{
	int flags = fcntl(fd, F_GETFL), one = 1;

	assert(fd >= 0 && in_max > 0 && wake);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on Unix sockets */
	*c = (struct conn){.in_max = in_max, .wake = wake};
	ev_io_init(&c->io, on_io, fd, EV_READ);
	ev_io_start(loop, &c->io);
}

bool conn_over(const struct conn *c)
{
	return c->error && !ev_is_active(&c->io);
}

const char *conn_problem(const struct conn *c, char *dst, size_t n)
{
	const char *problem = conn_tls_problem(c);

	snprintf(dst, n, "%s", problem ? problem : strerror(c->error));
	return dst;
}

void conn_move(struct conn *to, struct conn *from, struct ev_loop *loop, uint32_t in_max,
	       void (*wake)(struct conn *))
{
	assert(conn_open(from) && in_max > 0 && wake);
	ev_io_stop(loop, &from->io);
	*to = *from;
	*from = (struct conn){0};
	to->in_max = in_max;
	to->wake = wake;
	if (conn_has_tls(to))
		conn_tls_moved(to);
	conn_watch(to, loop);
}

void conn_flush(struct conn *c, struct ev_loop *loop)
{
	conn_flush_with(c, loop, SLICE_NONE);
}

void conn_flush_with(struct conn *c, struct ev_loop *loop, struct slice first)
{
	if (!conn_open(c) || c->error || c->out.len + first.n == 0) {
		if (c->error)
			buf_clear(&c->out);
		return;
	}
	if (c->full)
		buf_adds(&c->out, first);
	else
		push(c, first);
	conn_watch(c, loop);
}

void conn_pause(struct conn *c, struct ev_loop *loop)
{
	c->paused = true;
	if (conn_open(c) && !c->error)
		conn_watch(c, loop);
}

void conn_resume(struct conn *c, struct ev_loop *loop)
{
	c->paused = false;
	if (conn_open(c) && !c->error)
		conn_watch(c, loop);
}

int conn_release(struct conn *c, struct ev_loop *loop)
{
	int fd = c->io.fd;

	assert(conn_open(c) && !conn_has_tls(c));
	ev_io_stop(loop, &c->io);
	ev_io_set(&c->io, -1, 0);
	buf_clear(&c->out);
	return fd;
}

void conn_shutdown(struct conn *c, struct ev_loop *loop)
{
	if (!conn_open(c) || c->error || c->ending)
		return;
	c->ending = true;
	if (c->out.len)
		conn_flush(c, loop);
	else if (conn_has_tls(c))
		conn_tls_write(c, SLICE_NONE);
	else
		shutdown(c->io.fd, SHUT_WR);
	conn_watch(c, loop);
}

void conn_clear(struct conn *c, struct ev_loop *loop, bool reset)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (conn_has_tls(c))
		conn_tls_free(c, loop, !reset);
	if (conn_open(c)) {
		int fd = conn_release(c, loop);

		if (reset)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fd);
	}
	buf_clear(&c->in);
	buf_clear(&c->out);
}

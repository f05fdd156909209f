/*
 * The epoll set and its connections: level-triggered, one read per wake-up
 * into one shared buffer. Only a partial item is copied to a connection's
 * own buffer, only what the kernel did not take waits in `out`.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 65536, EVENTS = 512 };

static int epfd = -1;
static char shared[READ_SIZE];

void die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *must_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
		die("out of memory");
	return p;
}

void net_init(void)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0)
		die("epoll_create1: %m");
}

static void buf_add(struct net_buf *b, const char *p, size_t n)
{
	if (b->len + n > b->cap) {
		b->cap = (b->len + n) * 2;
		b->p = realloc(b->p, b->cap);
		if (b->p == NULL)
			die("out of memory");
	}
	memcpy(b->p + b->len, p, n);
	b->len += n;
}

static void buf_cut(struct net_buf *b, size_t n)
{
	b->len -= n;
	if (b->len > 0) {
		memmove(b->p, b->p + n, b->len);
		return;
	}
	free(b->p);
	*b = (struct net_buf){0};
}

static void watch(struct conn *c, int how, unsigned events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};

	if (epoll_ctl(epfd, how, c->fd, &ev) < 0)
		die("epoll_ctl: %m");
}

static void bury(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
	free(c->in.p);
	free(c->out.p);
	c->in = c->out = (struct net_buf){0};
	if (c->gone != NULL)
		c->gone(c);
}

static void conn_flush(struct conn *c)
{
	ssize_t n = write(c->fd, c->out.p, c->out.len);

	if (n < 0) {
		if (errno != EAGAIN)
			c->doomed = true;
		return;
	}
	buf_cut(&c->out, (size_t)n);
	if (c->out.len == 0) {
		c->flushing = false;
		watch(c, EPOLL_CTL_MOD, EPOLLIN);
	}
}

void conn_send(struct conn *c, const void *bytes, size_t n)
{
	ssize_t done = 0;

	if (!c->flushing) {
		done = write(c->fd, bytes, n);
		if (done == (ssize_t)n)
			return;
		if (done < 0 && errno != EAGAIN) {
			c->doomed = true;
			return;
		}
		if (done < 0)
			done = 0;
		c->flushing = true;
		watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	}
	buf_add(&c->out, (const char *)bytes + done, n - (size_t)done);
}

void conn_close(struct conn *c)
{
	c->doomed = true;
}

static void conn_read(struct conn *c)
{
	ssize_t n = read(c->fd, shared, sizeof(shared));
	size_t used;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			c->doomed = true;
		return;
	}
	if (c->in.len == 0) {
		used = c->data(c, shared, (size_t)n);
		if (used < (size_t)n && !c->doomed)
			buf_add(&c->in, shared + used, (size_t)n - used);
		return;
	}
	buf_add(&c->in, shared, (size_t)n);
	used = c->data(c, c->in.p, c->in.len);
	if (!c->doomed)
		buf_cut(&c->in, used);
}

static void accept_one(struct conn *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		c->accepted(fd);
	else if (errno != EAGAIN && errno != ECONNABORTED)
		die("accept: %m");
}

int net_turn(int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epfd, events, EVENTS, timeout_ms);

	if (n < 0 && errno != EINTR)
		die("epoll_wait: %m");
	for (int i = 0; i < n; i++) {
		struct conn *c = events[i].data.ptr;

		if (c->listener) {
			accept_one(c);
			continue;
		}
		if (events[i].events & EPOLLOUT)
			conn_flush(c);
		if (!c->doomed && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			conn_read(c);
		if (c->doomed)
			bury(c);
	}
	return n;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int net_listen(struct conn *c, int port, void (*accepted)(int fd))
{
	struct sockaddr_in a = loopback(port);
	socklen_t len = sizeof(a);
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	c->listener = true;
	c->accepted = accepted;
	setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(c->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(c->fd, 1024) < 0)
		die("listen on port %d: %m", port);
	getsockname(c->fd, (struct sockaddr *)&a, &len);
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
	return ntohs(a.sin_port);
}

void net_adopt(struct conn *c, int fd)
{
	int on = 1;

	c->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

void net_connect(struct conn *c, int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Loopback: the handshake is done before connect() returns. */
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("connect to port %d: %m", port);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	net_adopt(c, fd);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t cpu_ns(int pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		die("process %d: cannot read its CPU clock", pid);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

long pss_bytes(int pid)
{
	char path[64], line[256];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "r");
	if (f == NULL)
		die("%s: %m", path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss_Anon: %ld kB", &kb) == 1)
			break;
	fclose(f);
	if (kb < 0)
		die("%s: no Pss_Anon", path);
	return kb * 1024;
}

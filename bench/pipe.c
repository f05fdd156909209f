/*
 * The bare TCP pipe, the reference of every figure: one connection to the
 * backend for each from a client, read, write, epoll (level-triggered),
 * nothing else. Stands alone so that it can be judged at a glance.
 * Usage: pipe PORT BACKEND-PORT (127.0.0.1; port 0: any); prints its port.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENTS = 512 };

struct end {
	int fd;
	struct end *other; /* the pair's other half; both are freed together */
	char *rest;	   /* what fd did not take yet; other is not read meanwhile */
	size_t rest_len;
};

static int epfd, backend_port;
static char buffer[BUFFER];
static struct end *dead[EVENTS];
static int dead_count;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(struct end *e, int how, unsigned events)
{
	struct epoll_event ev = {.events = events, .data.ptr = e};

	if (epoll_ctl(epfd, how, e->fd, &ev) < 0)
		fail("epoll_ctl");
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((unsigned short)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct end *end_new(int fd)
{
	struct end *e = calloc(1, sizeof(*e));
	int on = 1;

	if (e == NULL)
		fail("calloc");
	e->fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return e;
}

/* Events of this wake-up may still name the pair: freed after the last. */
static void pair_close(struct end *e)
{
	close(e->fd);
	close(e->other->fd);
	e->fd = e->other->fd = -1;
	dead[dead_count++] = e;
}

static void pair_new(int client)
{
	struct sockaddr_in a = loopback(backend_port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct end *e, *f;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror("backend");
		close(fd);
		close(client);
		return;
	}
	e = end_new(client);
	f = end_new(fd);
	e->other = f;
	f->other = e;
	watch(e, EPOLL_CTL_ADD, EPOLLIN);
	watch(f, EPOLL_CTL_ADD, EPOLLIN);
}

static void end_read(struct end *e)
{
	struct end *to = e->other;
	ssize_t n = read(e->fd, buffer, sizeof(buffer)), done;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || to->rest != NULL) {
		pair_close(e);
		return;
	}
	done = write(to->fd, buffer, (size_t)n);
	if (done == n)
		return;
	if (done < 0 && errno != EAGAIN) {
		pair_close(e);
		return;
	}
	if (done < 0)
		done = 0;
	to->rest_len = (size_t)(n - done);
	to->rest = malloc(to->rest_len);
	if (to->rest == NULL)
		fail("malloc");
	memcpy(to->rest, buffer + done, to->rest_len);
	watch(e, EPOLL_CTL_MOD, 0);
	watch(to, EPOLL_CTL_MOD, EPOLLOUT);
}

static void end_write(struct end *e)
{
	ssize_t n = write(e->fd, e->rest, e->rest_len);

	if (n < 0) {
		if (errno != EAGAIN)
			pair_close(e);
		return;
	}
	e->rest_len -= (size_t)n;
	if (e->rest_len > 0) {
		memmove(e->rest, e->rest + n, e->rest_len);
		return;
	}
	free(e->rest);
	e->rest = NULL;
	watch(e, EPOLL_CTL_MOD, EPOLLIN);
	watch(e->other, EPOLL_CTL_MOD, e->other->rest != NULL ? EPOLLOUT : EPOLLIN);
}

static int listen_on(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	struct sockaddr_in a = loopback(port);
	socklen_t len = sizeof(a);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1024) < 0)
		fail("listen");
	getsockname(fd, (struct sockaddr *)&a, &len);
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static void serve(struct end *listener)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epfd, events, EVENTS, -1), fd;

	for (int i = 0; i < n; i++) {
		struct end *e = events[i].data.ptr;

		if (e == listener) {
			fd = accept(listener->fd, NULL, NULL);
			if (fd >= 0)
				pair_new(fd);
		} else if (e->fd >= 0 && e->rest != NULL) {
			end_write(e);
		} else if (e->fd >= 0) {
			end_read(e);
		}
	}
	while (dead_count > 0) {
		struct end *e = dead[--dead_count];

		free(e->other->rest);
		free(e->other);
		free(e->rest);
		free(e);
	}
}

int main(int argc, char **argv)
{
	struct end listener = {0};
	struct rlimit limit;

	if (argc != 3) {
		fprintf(stderr, "usage: pipe PORT BACKEND-PORT\n");
		return 2;
	}
	backend_port = atoi(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	epfd = epoll_create1(0);
	listener.fd = listen_on(atoi(argv[1]));
	watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
	for (;;)
		serve(&listener);
}

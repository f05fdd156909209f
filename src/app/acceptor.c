/* The acceptor: one thread that waits for connections on all listening sockets. A connection goes
 * to the worker that has the fewest, so that long ones do not stay lopsided for days. */
#include "app/acceptor.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
	ACCEPT_BATCH = 64, /* connections taken from one socket before the others are looked at */
	SCARCE_REST = 100, /* ms to rest when descriptors have run out */
	COMPLAINT_GAP = 10000 /* ms between lines about the same trouble */
};

struct acceptor {
	struct app *app; /* borrowed */
	pthread_t thread;
	int stop[2];			/* a pipe: closing its write end stops the thread */
	struct pollfd *fds;		/* owned: the pipe, then one a listener */
	struct web_listener *listeners; /* owned: one for each of them */
	nfds_t n;
	int64_t complained;
};

static int listen_on(const struct addr *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_write(addr, &ss);
	int on = 1, fd, saved;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool add(struct acceptor *a, const char *name, const struct addr *addr,
		struct web_listener listener)
{
	char text[ADDR_TEXT];
	int fd = listen_on(addr);

	addr_print(addr, true, text);
	if (fd < 0) {
		log_error("start", "listener=%s address=%s problem=\"%s\"%s", name, text,
			  strerror(errno),
			  errno == EADDRINUSE
			      ? " text=\"another program listens there: choose another address\""
			      : "");
		return false;
	}
	log_info("listen", "listener=%s address=%s", name, text);
	a->fds[a->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	a->listeners[a->n++] = listener;
	return true;
}

struct acceptor *acceptor_new(struct app *app)
{
	const struct config *c = app->config;
	struct acceptor *a = mem_zalloc(sizeof(*a));
	bool good = true;

	a->app = app;
	a->complained = -COMPLAINT_GAP;
	a->fds = mem_zalloc((c->n_listen + 2) * sizeof(*a->fds));
	a->listeners = mem_zalloc((c->n_listen + 2) * sizeof(*a->listeners));
	if (pipe2(a->stop, O_CLOEXEC) < 0) {
		log_error("start", "problem=\"%s\"", strerror(errno));
		a->stop[0] = a->stop[1] = -1;
		good = false;
	}
	a->fds[a->n++] = (struct pollfd){.fd = a->stop[0], .events = POLLIN};
	for (size_t i = 0; i < c->n_listen && good; i++)
		good =
		    add(a, c->listen[i].name, &c->listen[i].addr,
			(struct web_listener){.kind = WEB_TRAFFIC,
					      .proxy = c->listen[i].proxy_protocol == CONFIG_ON});
	if (good && c->status_listen.family)
		good =
		    add(a, "status", &c->status_listen, (struct web_listener){.kind = WEB_STATUS});
	if (good)
		return a;
	acceptor_free(a);
	return NULL;
}

static void complain(struct acceptor *a, const char *problem, const char *advice)
{
	int64_t now = worker_clock();

	if (now - a->complained < COMPLAINT_GAP)
		return;
	a->complained = now;
	log_warn("accept", "problem=\"%s\" text=\"%s\"", problem, advice);
}

static struct worker *least_loaded(const struct app *app, unsigned *total)
{
	struct worker *best = NULL;
	unsigned least = 0;

	*total = 0;
	for (int i = 0; i < app->n; i++) {
		struct worker *w = app->workers[i];
		unsigned load = atomic_load_explicit(&w->load, memory_order_relaxed);

		*total += load;
		if (!best || load < least) {
			best = w;
			least = load;
		}
	}
	return best;
}

static void hand_over(struct acceptor *a, int fd, const struct web_listener *listener)
{
	unsigned total;
	struct worker *w = least_loaded(a->app, &total);
	struct letter *l;

	/* The status page is for the hour when everything else is full. */
	if (listener->kind == WEB_TRAFFIC &&
	    total >= (unsigned)a->app->config->limits_connections) {
		close(fd);
		complain(a, "too many connections", "a new one was closed: limits.connections");
		return;
	}
	/* Counted here too, for the worker publishes its own count only once a turn. The sum is
	 * thus a little off while connections are on their way, and so is the limit. */
	atomic_fetch_add_explicit(&w->load, 1, memory_order_relaxed);
	l = letter_new(LETTER_ACCEPT);
	l->u.accept.fd = fd;
	l->u.accept.listener = *listener;
	worker_post(w, l);
}

static void accept_some(struct acceptor *a, nfds_t i)
{
	for (int k = 0; k < ACCEPT_BATCH; k++) {
		int fd = accept4(a->fds[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			hand_over(a, fd, &a->listeners[i]);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			complain(a, strerror(errno), "raise the limit on open files (ulimit -n)");
			poll(a->fds, 1, SCARCE_REST);
		}
		return;
	}
}

static void *run(void *arg)
{
	struct acceptor *a = arg;

	for (;;) {
		if (poll(a->fds, a->n, -1) < 0)
			continue;
		if (a->fds[0].revents)
			return NULL;
		for (nfds_t i = 1; i < a->n; i++)
			if (a->fds[i].revents)
				accept_some(a, i);
	}
}

void acceptor_start(struct acceptor *a)
{
	sigset_t all, old;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	assert(e == 0);
	pthread_setname_np(a->thread, "acceptor");
}

void acceptor_stop(struct acceptor *a)
{
	close(a->stop[1]);
	a->stop[1] = -1;
	pthread_join(a->thread, NULL);
	for (nfds_t i = 1; i < a->n; i++)
		close(a->fds[i].fd);
	a->n = 1;
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	for (nfds_t i = 1; i < a->n; i++)
		close(a->fds[i].fd);
	for (int i = 0; i < 2; i++)
		if (a->stop[i] >= 0)
			close(a->stop[i]);
	free(a->fds);
	free(a->listeners);
	free(a);
}

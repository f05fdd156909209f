/* The acceptor: one thread that waits for connections on all listening sockets. A connection goes
 * to the worker that has the fewest, so that long ones do not stay lopsided for days. */
#include "app/acceptor.h"
#include "app/runtime.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/inherit.h"
#include "net/listen.h"
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
	ACCEPT_BATCH = 64, /* connections taken from one socket before the others are looked at */
	SCARCE_REST = 100, /* ms to rest when descriptors have run out */
	COMPLAINT_GAP = 10000 /* ms between lines about the same trouble */
};

struct acceptor {
	struct app *app; /* borrowed */
	pthread_t thread;
	int stop[2];	    /* a pipe: a byte gives back what was lent, its end stops the thread */
	struct pollfd *fds; /* owned: the pipe, then one a listening socket */
	struct web_listener *listeners; /* owned: one for each of them */
	struct listen_socket *sockets;	/* owned: the same */
	nfds_t n;
	int64_t complained;
};

/* a->fds, ->listeners and ->sockets grow together. */
static void append(struct acceptor *a, const struct listen_socket *s, struct web_listener listener)
{
	a->fds = mem_realloc(a->fds, (a->n + 1) * sizeof(*a->fds));
	a->listeners = mem_realloc(a->listeners, (a->n + 1) * sizeof(*a->listeners));
	a->sockets = mem_realloc(a->sockets, (a->n + 1) * sizeof(*a->sockets));
	a->fds[a->n] = (struct pollfd){.fd = s->fd, .events = POLLIN};
	a->listeners[a->n] = listener;
	a->sockets[a->n++] = *s;
}

static bool fail(const char *name, const struct listen_at *at, const char *why)
{
	char text[LISTEN_TEXT], shown[LISTEN_TEXT + 8];

	log_error("start", "listener=%s address=%s problem=\"%s\"", name,
		  log_value(shown, sizeof(shown), slice_str(listen_print(at, text))), why);
	return false;
}

/* A listener on what systemd opened takes every socket of its name: a unit has one name for all of
 * its addresses. */
static bool add_inherited(struct acceptor *a, struct inherit *h, const char *name,
			  const struct listen_at *at, struct web_listener listener)
{
	struct inherited *d;
	const char *why;
	int n = 0;

	for (; (d = inherit_take(h, at->name)); n++) {
		if (!inherit_usable(d->fd, &why))
			return fail(name, at, why);
		append(a, &(struct listen_socket){.fd = d->fd, .lent = true}, listener);
	}
	if (n == 0)
		return fail(name, at,
			    "systemd passed no socket of that name: the socket unit has to have "
			    "it in FileDescriptorName=, and be started");
	log_info("listen", "listener=%s address=systemd:%s sockets=%d%s", name, at->name, n,
		 listener.tls ? " tls=on" : "");
	return true;
}

static bool add(struct acceptor *a, struct inherit *h, const char *name, const struct listen_at *at,
		int mode, struct web_listener listener)
{
	char text[LISTEN_TEXT], shown[LISTEN_TEXT + 8];
	struct listen_socket s;
	const char *why;

	if (at->kind == LISTEN_SYSTEMD)
		return add_inherited(a, h, name, at, listener);
	if (!listen_open(&s, at, (mode_t)mode, a->app->config->uid, a->app->config->gid, &why))
		return fail(name, at, why);
	log_info("listen", "listener=%s address=%s%s", name,
		 log_value(shown, sizeof(shown), slice_str(listen_print(at, text))),
		 listener.tls ? " tls=on" : "");
	append(a, &s, listener);
	return true;
}

/* Whether a connection's other end may be on another machine, or a proxy's that has such behind it:
 * then the status page is served to whoever has the token. */
static bool is_far(int fd, struct addr *a)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);

	getsockname(fd, (struct sockaddr *)&ss, &n);
	*a = sockaddr_read((struct sockaddr *)&ss);
	return a->family == ADDR_UNIX || !addr_loopback(a);
}

static bool add_status(struct acceptor *a, struct inherit *h)
{
	const struct config *c = a->app->config;
	const struct listen_at *at = &c->status_listen;
	nfds_t first = a->n;
	struct addr addr;

	if (at->kind == LISTEN_NONE)
		return true;
	if (!add(a, h, "status", at, c->status_mode,
		 (struct web_listener){.kind = WEB_STATUS, .tls = c->status_tls == CONFIG_ON}))
		return false;
	for (nfds_t i = first; i < a->n; i++) {
		a->listeners[i].far = is_far(a->fds[i].fd, &addr);
		/* Of an address of the configuration's own, config_finish() has said it. */
		if (a->listeners[i].far && addr.family != ADDR_UNIX && c->status_tls != CONFIG_ON &&
		    c->status_insecure != CONFIG_ON)
			return fail("status", at,
				    "other machines reach what systemd opened, without TLS: "
				    "status.tls, or status.insecure, allows that");
	}
	return true;
}

/* Another process may have it: this one does without. */
static void add_control(struct acceptor *a)
{
	const struct config *c = a->app->config;
	const char *path = a->app->runtime->socket, *why = "the path is too long for a socket";
	struct listen_at at = {.kind = LISTEN_UNIX};
	struct listen_socket s;
	char shown[LISTEN_TEXT + 8];

	if (!*path)
		return;
	if (strlen(path) < sizeof(at.name)) {
		memcpy(at.name, path, strlen(path));
		if (listen_open(&s, &at, 0600, c->uid, c->gid, &why)) {
			log_info("control", "socket=%s",
				 log_value(shown, sizeof(shown), slice_str(path)));
			append(a, &s, (struct web_listener){.kind = WEB_CONTROL});
			return;
		}
	}
	log_warn("start",
		 "listener=control address=%s problem=\"%s\" text=\"no control socket: "
		 "fairleadctl will not reach this process\"",
		 log_value(shown, sizeof(shown), slice_str(path)), why);
}

static bool add_all(struct acceptor *a, struct inherit *h)
{
	const struct config *c = a->app->config;
	const struct inherited *left;

	for (size_t i = 0; i < c->n_listen; i++) {
		const struct config_listen *l = &c->listen[i];

		if (!add(a, h, l->name, &l->at, l->mode,
			 (struct web_listener){.kind = WEB_TRAFFIC,
					       .proxy = l->proxy_protocol == CONFIG_ON,
					       .tls = l->tls == CONFIG_ON}))
			return false;
	}
	if (!add_status(a, h))
		return false;
	add_control(a);
	left = inherit_untaken(h);
	if (left)
		log_error("start",
			  "problem=\"systemd passed a socket that no listener names\" "
			  "descriptor=%d address=systemd:%s",
			  left->fd, *left->name ? left->name : "(its place: 1, 2, ...)");
	return !left;
}

/* What comes with the environment is meant for this process alone, and only once. */
static bool read_inherit(struct inherit *h)
{
	bool good = inherit_read(h, getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
				 getenv("LISTEN_FDNAMES"), getpid());

	if (!good)
		log_error("start", "problem=\"LISTEN_FDS and LISTEN_FDNAMES do not fit\"");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return good;
}

struct acceptor *acceptor_new(struct app *app)
{
	struct acceptor *a = mem_zalloc(sizeof(*a));
	struct inherit h;
	bool good;

	a->app = app;
	a->complained = -COMPLAINT_GAP;
	if (pipe2(a->stop, O_CLOEXEC) < 0) {
		log_error("start", "problem=\"%s\"", strerror(errno));
		a->stop[0] = a->stop[1] = -1;
	}
	append(a, &(struct listen_socket){.fd = a->stop[0]}, (struct web_listener){0});
	good = read_inherit(&h) && a->stop[0] >= 0 && add_all(a, &h);
	inherit_clear(&h);
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
		atomic_fetch_add_explicit(&a->app->shed, 1, memory_order_relaxed);
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

static void give_back(struct acceptor *a)
{
	nfds_t kept = 1;

	for (nfds_t i = 1; i < a->n; i++) {
		if (a->sockets[i].lent) {
			listen_close(&a->sockets[i]);
			continue;
		}
		a->fds[kept] = a->fds[i];
		a->listeners[kept] = a->listeners[i];
		a->sockets[kept++] = a->sockets[i];
	}
	a->n = kept;
}

static void *run(void *arg)
{
	struct acceptor *a = arg;
	char byte;

	for (;;) {
		if (poll(a->fds, a->n, -1) < 0)
			continue;
		if (a->fds[0].revents) {
			if (read(a->stop[0], &byte, 1) != 1)
				return NULL;
			give_back(a);
			continue;
		}
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

void acceptor_give_back(struct acceptor *a)
{
	if (write(a->stop[1], "", 1) != 1)
		log_warn("stop", "problem=\"%s\"", strerror(errno));
}

static void close_all(struct acceptor *a)
{
	for (nfds_t i = 1; i < a->n; i++)
		listen_close(&a->sockets[i]);
	a->n = 1;
}

void acceptor_stop(struct acceptor *a)
{
	close(a->stop[1]);
	a->stop[1] = -1;
	pthread_join(a->thread, NULL);
	close_all(a);
}

void acceptor_free(struct acceptor *a)
{
	if (!a)
		return;
	close_all(a);
	for (int i = 0; i < 2; i++)
		if (a->stop[i] >= 0)
			close(a->stop[i]);
	free(a->fds);
	free(a->listeners);
	free(a->sockets);
	free(a);
}

/* Dialling: one thing is under way at any time, a lookup or an attempt, and next() starts the one
 * after it. Each gets an equal share of the time that is left, so that one silent address cannot
 * use up what the others need. Everything is called from the loop, the first step too. */
#include "net/dial.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "net/dns.h"
#include "net/sockaddr.h"

enum { SHARE_MIN_MS = 1000, TEXT_MAX = 256 };

struct target {
	char *host; /* owned */
	uint16_t port;
};

struct dial {
	struct dns *dns;
	ev_io io;
	ev_timer timer; /* the first step; then the end of the lookup or attempt under way */
	dial_done *done;
	void *owner;
	int64_t deadline, share;  /* ms */
	size_t n, at;		  /* targets; the next one to look up */
	struct dns_query *query;  /* the lookup under way */
	struct addr *addrs;	  /* owned; of the target looked up last */
	size_t addrs_n, addrs_at; /* the next one to try */
	int fd;			  /* the attempt under way, else -1 */
	char text[TEXT_MAX];	  /* what failed last */
	struct target targets[];
};

static int64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void hang_up(struct dial *d)
{
	ev_timer_stop(dns_loop(d->dns), &d->timer);
	if (d->fd >= 0) {
		ev_io_stop(dns_loop(d->dns), &d->io);
		close(d->fd);
		d->fd = -1;
	}
	if (d->query)
		dns_forget(MEM_TAKE(d->query));
}

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	hang_up(d);
	for (size_t i = 0; i < d->n; i++)
		free(d->targets[i].host);
	free(d->addrs);
	free(d);
}

static void finish(struct dial *d, bool connected)
{
	struct addr peer = {.family = ADDR_NONE};
	int fd = -1;

	if (connected) {
		peer = d->addrs[d->addrs_at - 1];
		ev_io_stop(dns_loop(d->dns), &d->io);
		fd = d->fd;
		d->fd = -1;
	}
	hang_up(d);
	d->done(d->owner, fd, connected ? &peer : NULL, connected ? NULL : d->text);
	dial_cancel(d);
}

/* Gives what starts now its share: of the time left, over it and everything that may follow (a
 * lookup is followed by an attempt at least). */
static void share_time(struct dial *d, int64_t left)
{
	size_t others = d->addrs_n - d->addrs_at + d->n - d->at + (d->query ? 1 : 0);

	d->share = left / (int64_t)(others + 1);
	if (d->share < SHARE_MIN_MS)
		d->share = left < SHARE_MIN_MS ? left : SHARE_MIN_MS;
	ev_timer_stop(dns_loop(d->dns), &d->timer);
	ev_timer_set(&d->timer, (double)d->share / 1000., 0.);
	ev_timer_start(dns_loop(d->dns), &d->timer);
}

static void failed(struct dial *d, const struct addr *a, int error)
{
	char peer[ADDR_TEXT];

	addr_print(a, true, peer);
	if (error == ECONNREFUSED)
		snprintf(d->text, sizeof(d->text), "connection refused by %s", peer);
	else
		snprintf(d->text, sizeof(d->text), "cannot reach %s: %s", peer, strerror(error));
}

/* A port of the local range that nobody listens on can connect to itself. */
static bool to_itself(int fd)
{
	struct sockaddr_storage a = {0}, b = {0};
	socklen_t n = sizeof(a), m = sizeof(b);

	return getsockname(fd, (struct sockaddr *)&a, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&b, &m) == 0 && n == m && memcmp(&a, &b, n) == 0;
}

/* 1: connected; 0: under way; -1: failed, and d->text says so. */
static int attempt(struct dial *d, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t n = sockaddr_write(a, &ss);

	d->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd >= 0) {
		ev_io_set(&d->io, d->fd, EV_WRITE);
		if (connect(d->fd, (struct sockaddr *)&ss, n) == 0) {
			if (!to_itself(d->fd))
				return 1;
			errno = ECONNREFUSED;
		} else if (errno == EINPROGRESS) {
			ev_io_start(dns_loop(d->dns), &d->io);
			return 0;
		}
	}
	failed(d, a, errno);
	hang_up(d);
	return -1;
}

static void on_found(void *owner, const struct addr *v, size_t n, const char *why);

static void next(struct dial *d)
{
	for (;;) {
		int64_t left = d->deadline - clock_ms();

		if (left <= 0 || (d->addrs_at == d->addrs_n && d->at == d->n)) {
			finish(d, false);
			return;
		}
		if (d->addrs_at == d->addrs_n) {
			d->query = dns_ask(d->dns, d->targets[d->at++].host, on_found, d);
			share_time(d, left);
			return;
		}
		switch (attempt(d, &d->addrs[d->addrs_at++])) {
		case 1: finish(d, true); return;
		case 0: share_time(d, left); return;
		default: break;
		}
	}
}

static void on_found(void *owner, const struct addr *v, size_t n, const char *why)
{
	struct dial *d = owner;

	d->query = NULL;
	d->addrs = mem_realloc(d->addrs, n * sizeof(*v));
	d->addrs_n = n;
	d->addrs_at = 0;
	for (size_t i = 0; i < n; i++) {
		d->addrs[i] = v[i];
		d->addrs[i].port = d->targets[d->at - 1].port;
	}
	if (n == 0)
		snprintf(d->text, sizeof(d->text), "%s", why);
	next(d);
}

static void on_connected(struct ev_loop *loop, ev_io *io, int events)
{
	struct dial *d = io->data;
	int error = 0;
	socklen_t n = sizeof(error);

	(void)loop, (void)events;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (!error && to_itself(d->fd))
		error = ECONNREFUSED;
	if (!error) {
		finish(d, true);
		return;
	}
	failed(d, &d->addrs[d->addrs_at - 1], error);
	hang_up(d);
	next(d);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct dial *d = timer->data;
	char peer[ADDR_TEXT];

	(void)loop, (void)events;
	if (d->query)
		snprintf(d->text, sizeof(d->text),
			 "no answer from the name servers about %.100s in %g s",
			 d->targets[d->at - 1].host, (double)d->share / 1000.);
	else if (d->fd >= 0)
		snprintf(d->text, sizeof(d->text), "no answer from %s in %g s",
			 addr_print(&d->addrs[d->addrs_at - 1], true, peer),
			 (double)d->share / 1000.);
	hang_up(d);
	next(d);
}

struct dial *dial_start(struct dns *dns, const struct dial_target *targets, size_t n,
			int64_t deadline_ms, dial_done *done, void *owner)
{
	struct dial *d = mem_zalloc(sizeof(*d) + n * sizeof(d->targets[0]));

	assert(deadline_ms > 0 && done);
	d->dns = dns;
	d->done = done;
	d->owner = owner;
	d->deadline = clock_ms() + deadline_ms;
	d->fd = -1;
	d->n = n;
	for (size_t i = 0; i < n; i++)
		d->targets[i] = (struct target){mem_strdup(targets[i].host), targets[i].port};
	snprintf(d->text, sizeof(d->text), n ? "no time left" : "no server to dial");
	ev_init(&d->io, on_connected);
	d->io.data = d;
	ev_timer_init(&d->timer, on_timer, 0., 0.);
	d->timer.data = d;
	ev_timer_start(dns_loop(dns), &d->timer);
	return d;
}

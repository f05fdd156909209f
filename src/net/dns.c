/* The resolver. c-ares calls back whenever it likes, also from within the asking; answers are
 * therefore put on a list and delivered from the loop, where c-ares is not on the stack. A query
 * that was forgotten stays with c-ares until that calls back, and is freed then. */
#include "net/dns.h"

#include <ares.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "base/mem.h"
#include "net/sockaddr.h"

enum { TIMEOUT_MS = 1500, TRIES = 3, ADDRS_MAX = 16 };

struct dns_query {
	struct dns_query *next, **prev; /* in dns.ready; prev NULL while with c-ares */
	struct dns *dns;
	dns_found *found; /* NULL: forgotten */
	void *owner;
	size_t n;
	struct addr v[ADDRS_MAX];
	char why[160];
	char host[];
};

struct sock {
	struct sock *next;
	struct dns *dns;
	ev_io io;
};

struct dns {
	struct ev_loop *loop;
	ares_channel channel;
	ev_timer timer; /* c-ares' next retry, or at once for what is ready */
	struct sock *socks;
	struct dns_query *ready, **tail;
};

struct ev_loop *dns_loop(const struct dns *d)
{
	return d->loop;
}

static void rearm(struct dns *d)
{
	struct timeval tv, *t = ares_timeout(d->channel, NULL, &tv);
	bool ready = d->ready != NULL;

	ev_timer_stop(d->loop, &d->timer);
	if (!ready && !t)
		return;
	ev_timer_set(&d->timer, ready ? 0. : (double)t->tv_sec + (double)t->tv_usec / 1e6, 0.);
	ev_timer_start(d->loop, &d->timer);
}

static void unlink_ready(struct dns_query *q)
{
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	else
		q->dns->tail = q->prev;
}

static void ready(struct dns_query *q)
{
	struct dns *d = q->dns;

	q->next = NULL;
	q->prev = d->tail;
	*d->tail = q;
	d->tail = &q->next;
}

static void deliver(struct dns *d)
{
	struct dns_query *q;

	while ((q = d->ready)) {
		unlink_ready(q);
		q->found(q->owner, q->v, q->n, q->why);
		free(q);
	}
	rearm(d);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct dns *d = io->data;

	(void)loop;
	ares_process_fd(d->channel, events & EV_READ ? io->fd : ARES_SOCKET_BAD,
			events & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
	deliver(d); /* io may be gone */
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct dns *d = timer->data;

	(void)loop, (void)events;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	deliver(d);
}

/* c-ares says what it waits for; neither reading nor writing: it is about to close the socket. */
static void on_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = data;
	struct sock **at = &d->socks, *s;

	while (*at && (*at)->io.fd != fd)
		at = &(*at)->next;
	s = *at;
	if (s)
		ev_io_stop(d->loop, &s->io);
	if (!readable && !writable) {
		if (s)
			*at = s->next;
		free(s);
		return;
	}
	if (!s) {
		s = mem_zalloc(sizeof(*s));
		s->next = d->socks;
		d->socks = s;
		ev_init(&s->io, on_socket);
		s->io.data = d;
	}
	ev_io_set(&s->io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	ev_io_start(d->loop, &s->io);
}

struct dns *dns_new(struct ev_loop *loop)
{
	struct dns *d = mem_zalloc(sizeof(*d));
	struct ares_options o = {.timeout = TIMEOUT_MS,
				 .tries = TRIES,
				 .sock_state_cb = on_state,
				 .sock_state_cb_data = d};
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	d->loop = loop;
	d->tail = &d->ready;
	ev_init(&d->timer, on_timer);
	d->timer.data = d;
	if (rc == ARES_SUCCESS)
		rc = ares_init_options(
		    &d->channel, &o, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (rc != ARES_SUCCESS) {
		log_error("resolver", "reason=\"%s\"", ares_strerror(rc));
		abort();
	}
	return d;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	assert(!d->ready);
	ares_destroy(d->channel);
	ares_library_cleanup();
	assert(!d->socks);
	ev_timer_stop(d->loop, &d->timer);
	free(d);
}

static void explain(struct dns_query *q, int status)
{
	switch (status) {
	case ARES_SUCCESS:
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		snprintf(q->why, sizeof(q->why), "no address for %.120s", q->host);
		break;
	case ARES_ETIMEOUT:
	case ARES_ECONNREFUSED:
		snprintf(q->why, sizeof(q->why), "no answer from the name servers about %.100s",
			 q->host);
		break;
	default:
		snprintf(q->why, sizeof(q->why), "cannot resolve %.80s: %s", q->host,
			 ares_strerror(status));
	}
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct dns_query *q = arg;

	(void)timeouts;
	if (q->found && info)
		for (struct ares_addrinfo_node *a = info->nodes; a && q->n < ADDRS_MAX;
		     a = a->ai_next)
			if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
				q->v[q->n++] = sockaddr_read(a->ai_addr);
	if (info)
		ares_freeaddrinfo(info);
	if (!q->found) {
		free(q);
		return;
	}
	if (q->n == 0)
		explain(q, status);
	ready(q);
}

struct dns_query *dns_ask(struct dns *d, const char *host, dns_found *found, void *owner)
{
	static const struct addr v4 = {ADDR_V4, {127, 0, 0, 1}, 0};
	static const struct addr v6 = {ADDR_V6, {[15] = 1}, 0};
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct dns_query *q = mem_zalloc(sizeof(*q) + strlen(host) + 1);

	q->dns = d;
	q->found = found;
	q->owner = owner;
	memcpy(q->host, host, strlen(host) + 1);
	if (addr_parse(&q->v[0], slice_str(host), false)) {
		q->v[0].port = 0;
		q->n = 1;
		ready(q);
	} else if (slice_eq_nocase(slice_str(host), SLICE("localhost"))) {
		q->v[q->n++] = v4;
		q->v[q->n++] = v6;
		ready(q);
	} else {
		ares_getaddrinfo(d->channel, host, NULL, &hints, on_answer, q);
	}
	rearm(d);
	return q;
}

void dns_forget(struct dns_query *q)
{
	q->found = NULL;
	if (!q->prev)
		return;
	unlink_ready(q);
	free(q);
}

/* Bridges. The near end of the pair is read and written here, the far one is libwebsockets'. What
 * comes from the client is passed on in the socket's callback, and the far end is told of it in the
 * same round of the loop; what libwebsockets has written is fetched in the turn, right after it
 * wrote: a message costs its system calls, but no round more. */
#include "web/bridge.h"
#include "base/log.h"
#include "base/mem.h"
#include "web/socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE = 32768,		/* bytes passed on at a time */
	IN_MAX = 16384,		/* from the client, while libwebsockets takes no more */
	OUT_HIGH = 16384,	/* for the client: with so much waiting no more is fetched */
	PAIR_BUFFER = 16384,	/* of each end; the kernel takes twice as much */
	LINGER = 5000,		/* ms for the rest to go once libwebsockets is done */
	COMPLAINT_EVERY = 60000 /* ms */
};

struct bridge {
	struct conn client; /* first: conn's callbacks know nothing else */
	ev_io near;	    /* fd -1: closed */
	struct web *web;
	struct socket *socket;	     /* NULL once libwebsockets is done */
	struct bridge *next, **link; /* of all; or of those that are leaving */
	struct bridge *next_marked;
	int far;       /* the number only */
	uint32_t due;  /* leaving: the tick when that ends */
	uint32_t owed; /* bytes that socket_drained() is to be told of */
	bool marked : 1;
	bool blocked : 1; /* the pair takes no more from the client */
	bool shut : 1;	  /* the client's end was passed on */
	bool dry : 1;	  /* nothing was left in the pair when it was read last */
	bool full : 1;	  /* the kernel was, since socket_drained() */
};

static bool again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void link_to(struct bridge **list, struct bridge *b)
{
	b->next = *list;
	b->link = list;
	if (b->next)
		b->next->link = &b->next;
	*list = b;
}

static void unlink_bridge(struct bridge *b)
{
	*b->link = b->next;
	if (b->next)
		b->next->link = b->link;
}

void bridge_mark(struct bridge *b)
{
	if (b->marked)
		return;
	b->marked = true;
	b->next_marked = b->web->marked_bridges;
	b->web->marked_bridges = b;
}

static void close_near(struct bridge *b)
{
	if (b->near.fd < 0)
		return;
	ev_io_stop(b->web->loop, &b->near);
	close(b->near.fd);
	ev_io_set(&b->near, -1, 0);
	b->dry = true;
	bridge_mark(b);
}

/* Makes the loop watch what can go on. */
static void watch(struct bridge *b)
{
	int want = 0;

	if (b->near.fd < 0)
		return;
	if (b->client.out.len < OUT_HIGH)
		want |= EV_READ;
	if (b->blocked)
		want |= EV_WRITE;
	if (want == (ev_is_active(&b->near) ? b->near.events & (EV_READ | EV_WRITE) : 0))
		return;
	ev_io_stop(b->web->loop, &b->near);
	ev_io_modify(&b->near, want);
	if (want)
		ev_io_start(b->web->loop, &b->near);
}

/* From the client to libwebsockets. */
static void give(struct bridge *b)
{
	struct buf *in = &b->client.in;
	bool news = false;

	b->blocked = false;
	while (in->len && b->near.fd >= 0 && !b->blocked) {
		ssize_t n = send(b->near.fd, buf_data(in), in->len, MSG_NOSIGNAL);

		if (n >= 0) {
			buf_eat(in, (size_t)n);
			news = true;
		} else if (again()) {
			b->blocked = true;
		} else {
			buf_clear(in); /* libwebsockets is gone: reading will tell */
		}
	}
	if (b->near.fd < 0)
		buf_clear(in);
	if (!in->len && b->client.eof && !b->shut && b->near.fd >= 0) {
		shutdown(b->near.fd, SHUT_WR);
		b->shut = true;
		news = true;
	}
	if (news && b->socket)
		ev_feed_fd_event(b->web->loop, b->far, EV_READ);
	conn_resume(&b->client, b->web->loop);
}

/* From libwebsockets to the client. */
static void take(struct bridge *b)
{
	static _Thread_local char piece[PIECE];

	b->dry = b->near.fd < 0;
	while (b->near.fd >= 0 && !b->dry && !b->client.error && b->client.out.len < OUT_HIGH) {
		ssize_t n = recv(b->near.fd, piece, sizeof(piece), 0);

		if (n > 0)
			conn_flush_with(&b->client, b->web->loop, slice_of(piece, (size_t)n));
		if (n == 0 || (n < 0 && !again()))
			close_near(b);
		else
			b->dry = n < PIECE;
	}
}

size_t bridge_unsent(const struct bridge *b)
{
	int n = 0;

	if (b->near.fd >= 0)
		ioctl(b->near.fd, FIONREAD, &n);
	return b->client.out.len + (size_t)n;
}

bool bridge_full(const struct bridge *b)
{
	return b->full;
}

/* Tells of what has left: once all has, or where the client made room for it. */
static void tell_drained(struct bridge *b)
{
	size_t left = b->dry ? b->client.out.len : bridge_unsent(b);
	uint32_t n = left < b->owed ? b->owed - (uint32_t)left : 0;
	bool full = b->client.out.len > 0, told = n && (b->full || full || n == b->owed);

	if (told) {
		b->owed -= n;
		socket_drained(b->socket, n, b->full);
	} else if (full && !b->full) {
		socket_drained(b->socket, 0, false);
	}
	b->full = full || (b->full && !told);
}

/* What follows from the state, after each event. */
static void settle(struct bridge *b)
{
	struct conn *c = &b->client;

	if (conn_over(c))
		close_near(b);
	else if (b->near.fd < 0)
		conn_shutdown(c, b->web->loop);
	watch(b);
	if (c->error || c->eof)
		bridge_mark(b);
	if (b->socket)
		tell_drained(b);
}

static void wake(struct conn *c)
{
	struct bridge *b = CONTAINER(c, struct bridge, client);

	/* However long one large message takes. */
	if (b->full && b->socket && !c->error && c->out.len == 0)
		socket_drained(b->socket, 0, true);
	give(b);
	take(b);
	settle(b);
}

static void on_near(struct ev_loop *loop, ev_io *io, int events)
{
	struct bridge *b = io->data;

	(void)loop;
	if (events & EV_WRITE)
		give(b);
	take(b);
	settle(b);
}

static void complain(struct web *w)
{
	if (w->tick < w->scarce_tick)
		return;
	w->scarce_tick = w->tick + COMPLAINT_EVERY / WEB_TICK;
	log_warn("websocket",
		 "problem=\"%s\" text=\"a WebSocket over TLS was closed, which needs two "
		 "descriptors more: raise the limit on open files (ulimit -n)\"",
		 strerror(errno));
}

int bridge_new(struct bridge **at, struct web *w, struct conn *c, struct socket *s)
{
	struct bridge *b;
	int pair[2], size = PAIR_BUFFER;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
		complain(w);
		return -1;
	}
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	b = mem_zalloc(sizeof(*b));
	b->web = w;
	b->socket = s;
	b->far = pair[1];
	link_to(&w->bridges, b);
	conn_move(&b->client, c, w->loop, IN_MAX, wake);
	ev_io_init(&b->near, on_near, pair[0], EV_READ);
	b->near.data = b;
	*at = b;
	return pair[1];
}

struct slice bridge_rest(const struct bridge *b)
{
	return buf_slice(&b->client.in);
}

void bridge_begin(struct bridge *b)
{
	buf_clear(&b->client.in);
	give(b);
	settle(b);
	bridge_mark(b);
}

void bridge_drained(struct bridge *b, uint32_t n)
{
	b->owed += n;
	bridge_mark(b);
}

/* It counts as a connection until all is said. */
void bridge_left(struct bridge *b)
{
	struct web *w = b->web;

	b->socket = NULL;
	b->due = w->tick + LINGER / WEB_TICK;
	w->counts.connections++;
	unlink_bridge(b);
	link_to(&w->leaving_bridges, b);
	bridge_mark(b);
}

static void free_bridge(struct bridge *b)
{
	close_near(b);
	conn_clear(&b->client, b->web->loop, b->client.out.len > 0);
	unlink_bridge(b);
	free(b);
}

/* Nothing is left to be said or heard. */
static bool finished(const struct bridge *b, uint32_t tick)
{
	const struct conn *c = &b->client;

	if (b->socket)
		return false;
	return c->error || tick >= b->due || (b->near.fd < 0 && c->eof && c->out.len == 0);
}

void bridge_turn(struct web *w, uint32_t tick)
{
	struct bridge *b, *next, *list;

	for (b = tick != w->leaving_tick ? w->leaving_bridges : NULL; b; b = b->next)
		if (tick >= b->due)
			bridge_mark(b);
	w->leaving_tick = tick;
	list = w->marked_bridges;
	w->marked_bridges = NULL;
	for (b = list; b; b = next) {
		next = b->next_marked;
		take(b);
		settle(b);
		b->marked = false;
		if (!finished(b, tick))
			continue;
		b->marked = true; /* nothing is to put it into the list again */
		w->counts.connections--;
		free_bridge(b);
	}
}

void bridge_free_all(struct web *w)
{
	while (w->bridges)
		free_bridge(w->bridges);
	while (w->leaving_bridges)
		free_bridge(w->leaving_bridges);
}

/* WebSockets, by libwebsockets 4.1 on the worker's loop. It is handed checked upgrades under a
 * minimal head, and does frames, masking, fragments, pongs and the closing handshake. What
 * goes out are batches of our own frames, written raw in the turn (LWS_WRITE_HTTP passes bytes as
 * they are): one send, and no request for a WRITEABLE callback, which would cost two epoll_ctl and
 * a wake-up more. Only when the kernel does not take all, the library keeps the rest and the loop
 * comes into play. */
#include "web/ws.h"

#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/log.h"
#include "base/mem.h"
#include "proto/frame.h"

enum {
	RX = 512, /* the library keeps this much for each WebSocket, and reads as much at once */
	RX_FULL = RX - 32, /* a read of this many bytes may have left some behind */
	READ_MAX = 65536,  /* bytes read from one WebSocket in a round of the loop */
	TX_MAX = 1 << 30,  /* one send takes a whole batch */
	PIECE = 65536,	   /* a large batch is written in such, so that it shows how it gets on */
	CLOSE_TICKS = 5,   /* s that the rest of the output has once closing was asked for */
	END_TICKS = 10,	   /* s after which it is closed whatever the client does */
};

struct ws_engine {
	struct ev_loop *loop;
	struct lws_context *context; /* owned */
	struct lws_vhost *vhost;     /* the context's */
	const struct ws_hooks *hooks;
	struct ws *adopting; /* the one that the library is being given */
	struct ws *serving;  /* the one being read on; NULL once it is gone */
	struct ws *marked;   /* something to write, or waiting for the kernel */
	struct ws *ending;   /* all is written, and it is to be closed; or it is over */
	struct ws *unread;   /* more to read in this round */
	ev_timer tick;	     /* while there are WebSockets */
	ev_check read_on;    /* fed by hand: runs after this round's other callbacks */
	uint32_t message_max;
	uint32_t n;
	unsigned round, got; /* bytes that `reader` got in this round of the loop */
	const struct ws *reader;
	bool freeing;
};

struct ws {
	struct ws_engine *e;
	struct lws *wsi; /* the library's; it outlives this */
	void *owner;
	struct ws *next, **link; /* in marked or ending; link NULL: in neither */
	struct ws *next_unread;
	struct buf in;	  /* the message under way */
	struct buf out;	  /* whole frames that the library was not given */
	char *piece;	  /* owned: the message that the library compresses */
	uint32_t lent;	  /* bytes of which the library keeps some */
	uint32_t written; /* bytes that the library was given since drained(), `lent` among them */
	uint32_t acked;	  /* at the last tick at which it was stuck; see acked_by() */
	uint16_t code;	  /* to close with, once `out` is written; 0: not closing */
	uint8_t ticks;	  /* seconds since closing was asked for, or began */
	bool up : 1;	  /* the 101 is out */
	bool over : 1;	  /* the closing handshake has begun, or it is broken: nothing goes out */
	bool paused : 1;  /* by the owner: reading rests */
	bool stuck : 1;	  /* the client does not take its output: reading rests */
	bool full : 1;	  /* the same, at some time since drained(); or for a tick */
	bool deaf : 1;	  /* reading rests */
	bool skip : 1;	  /* the rest of this message is ignored */
	bool unread : 1;  /* in the engine's list of that name */
	bool deflate : 1; /* one message at a time goes out, and the library frames it */
};

/* The library's start and end touch what all contexts of the process share. */
static pthread_mutex_t global = PTHREAD_MUTEX_INITIALIZER;

/* --- lists --- */

static void unlist(struct ws *ws)
{
	if (!ws->link)
		return;
	*ws->link = ws->next;
	if (ws->next)
		ws->next->link = ws->link;
	ws->link = NULL;
}

static void list(struct ws *ws, struct ws **in)
{
	unlist(ws);
	ws->next = *in;
	ws->link = in;
	if (ws->next)
		ws->next->link = &ws->next;
	*in = ws;
}

static void mark(struct ws *ws)
{
	if (!ws->link)
		list(ws, &ws->e->marked);
}

static void forget_unread(struct ws *ws)
{
	struct ws **at = &ws->e->unread;

	if (!ws->unread)
		return;
	while (*at != ws)
		at = &(*at)->next_unread;
	*at = ws->next_unread;
	ws->unread = false;
}

/* --- out --- */

/* A client that does not take its output is not read from either. That bounds what it can make us
 * queue, and the library turns round and round on input that it cannot act on with output pending.
 */
static void set_reading(struct ws *ws)
{
	bool deaf = (ws->paused || ws->stuck) && !ws->over;

	if (deaf == ws->deaf || !ws->up)
		return;
	ws->deaf = deaf;
	lws_rx_flow_control(ws->wsi, !deaf);
}

/* The library closes it, in its own time; the tick sees to it that it does. */
static void end(struct ws *ws)
{
	if (ws->over)
		return;
	ws->over = true;
	buf_clear(&ws->out);
	set_reading(ws);
	list(ws, &ws->e->ending);
}

/* With the socket shut down, the library's next read or write fails and it lets go, whatever it was
 * waiting for. */
static void abandon(struct ws *ws)
{
	end(ws);
	shutdown(lws_get_socket_fd(ws->wsi), SHUT_RDWR);
}

/* All but `lent` is with the kernel. */
static void tell_drained(struct ws *ws, bool waited)
{
	uint32_t n = ws->written - ws->lent;
	bool full = ws->full;

	if (n == 0 || (!waited && n < WS_UNTOLD))
		return;
	ws->written = ws->lent;
	ws->full = false;
	ws->e->hooks->drained(ws->owner, n, full);
}

/* The owner is to know that output waits from now on, though nothing has drained. */
static void note_full(struct ws *ws, bool full)
{
	bool news = full && !ws->full;

	ws->full |= full;
	if (news)
		ws->e->hooks->drained(ws->owner, 0, false);
}

/* Gives the library the next message. It may keep what it compresses until it calls again. */
static int push_message(struct ws *ws)
{
	struct ws_frame f;
	int rc;

	ws_first(buf_slice(&ws->out), &f);
	free(ws->piece);
	ws->piece = mem_alloc(LWS_PRE + f.payload.n);
	memcpy(ws->piece + LWS_PRE, f.payload.p, f.payload.n);
	ws->lent = (uint32_t)f.size;
	ws->written += ws->lent;
	rc = lws_write(ws->wsi, (unsigned char *)ws->piece + LWS_PRE, f.payload.n,
		       f.op == WS_OP_PING ? LWS_WRITE_PING : LWS_WRITE_TEXT);
	buf_eat(&ws->out, f.size);
	return rc;
}

static bool is_full(const struct ws *ws)
{
	return lws_partial_buffered(ws->wsi);
}

/* With permessage-deflate all goes out from the library's callback: it calls once it has written
 * all of the message before. */
static void push_messages(struct ws *ws, bool may)
{
	bool ask = may || !ws->stuck;

	if (may)
		ws->lent = 0;
	if (ws->out.len == 0 && ask) {
		free(MEM_TAKE(ws->piece));
		ws->stuck = false;
		set_reading(ws);
		tell_drained(ws, may);
		return;
	}
	if (may)
		tell_drained(ws, ws->full);
	if (may && push_message(ws) < 0) {
		abandon(ws);
		return;
	}
	note_full(ws, is_full(ws));
	ws->stuck = true;
	set_reading(ws);
	if (ask)
		lws_callback_on_writable(ws->wsi);
}

/* Gives the library whole frames: it may put control frames of its own behind each piece. */
static int push_piece(struct ws *ws)
{
	struct slice rest = buf_slice(&ws->out);
	struct ws_frame f;
	uint32_t n = 0;
	int rc;

	if (rest.n <= PIECE)
		n = ws->out.len;
	while (n < PIECE && n < ws->out.len) {
		ws_first(slice_of(rest.p + n, rest.n - n), &f);
		n += (uint32_t)f.size;
	}
	rc = lws_write(ws->wsi, (unsigned char *)ws->out.mem + ws->out.off, n, LWS_WRITE_HTTP);
	buf_eat(&ws->out, n);
	ws->lent = n;
	ws->written += n;
	return rc;
}

/* Writes what is queued. Afterwards all is with the kernel, or the socket is stuck, or over. `may`:
 * the library called. */
static void push(struct ws *ws, bool may)
{
	bool waited;
	int rc = 0;

	if (lws_get_close_length(ws->wsi)) /* the library closes it for a fault of the peer's */
		end(ws);
	if (ws->over)
		return;
	if (ws->deflate) {
		push_messages(ws, may);
		return;
	}
	waited = ws->stuck && !is_full(ws);
	while (ws->out.len && !is_full(ws) && rc >= 0)
		rc = push_piece(ws);
	if (rc < 0) {
		abandon(ws);
		return;
	}
	ws->stuck = is_full(ws);
	if (!ws->stuck)
		ws->lent = 0;
	set_reading(ws);
	tell_drained(ws, waited);
	note_full(ws, ws->stuck);
}

void ws_engine_flush(struct ws_engine *e)
{
	struct ws *next;

	for (struct ws *ws = e->marked; ws; ws = next) {
		next = ws->next;
		push(ws, false);
		if (ws->over || ws->stuck)
			continue; /* writable() goes on, or the tick */
		unlist(ws);
		if (!ws->code)
			continue;
		list(ws, &e->ending);
		lws_callback_on_writable(ws->wsi);
	}
}

/* The kernel takes bytes again, and all that the library kept is written. */
static int writable(struct ws *ws)
{
	push(ws, true);
	if (ws->stuck || ws->over || !ws->code || ws->out.len)
		return 0;
	end(ws);
	lws_close_reason(ws->wsi, ws->code, NULL, 0);
	return -1;
}

void ws_send(struct ws *ws, struct buf *frames)
{
	if (ws->over || ws->code) {
		buf_clear(frames);
		return;
	}
	if (ws->out.len) {
		buf_adds(&ws->out, buf_slice(frames));
		buf_clear(frames);
	} else {
		buf_clear(&ws->out);
		ws->out = buf_take(frames);
	}
	mark(ws);
}

void ws_close(struct ws *ws, uint16_t code)
{
	if (ws->over || ws->code)
		return;
	ws->code = code;
	mark(ws);
}

void ws_pause(struct ws *ws)
{
	ws->paused = true;
	set_reading(ws);
}

void ws_resume(struct ws *ws)
{
	ws->paused = false;
	set_reading(ws);
}

size_t ws_unsent(const struct ws *ws)
{
	return ws->out.len + (size_t)ws->lent;
}

bool ws_full(const struct ws *ws)
{
	return ws->full;
}

/* --- in --- */

/* The library reads RX bytes and returns to the loop. Where more is to be expected, on_read_on()
 * makes it read again in the same round. */
static void expect_more(struct ws *ws, size_t n, size_t rest)
{
	struct ws_engine *e = ws->e;

	if (e->reader != ws || e->round != ev_iteration(e->loop))
		e->got = 0;
	e->reader = ws;
	e->round = ev_iteration(e->loop);
	e->got += (unsigned)n + 8;
	if ((rest == 0 && e->got < RX_FULL) || ws->unread || e->serving)
		return;
	ws->unread = true;
	ws->next_unread = e->unread;
	e->unread = ws;
	ev_feed_event(e->loop, &e->read_on, EV_CUSTOM);
}

static void on_read_on(struct ev_loop *loop, ev_check *w, int events)
{
	struct ws_engine *e = w->data;
	struct ws *ws;

	(void)events;
	while ((ws = e->unread)) {
		struct lws_pollfd fd = {.fd = lws_get_socket_fd(ws->wsi), .events = LWS_POLLIN};
		unsigned before;

		forget_unread(ws);
		e->serving = ws;
		e->reader = ws;
		e->round = ev_iteration(loop);
		e->got = 0;
		do {
			before = e->got;
			fd.revents = LWS_POLLIN;
			lws_service_fd(e->context, &fd);
		} while (e->serving && e->got > before && e->got < READ_MAX && !ws->deaf &&
			 !ws->over);
		e->serving = NULL;
	}
}

static void receive(struct ws *ws, const char *p, size_t n)
{
	const struct ws_hooks *hooks = ws->e->hooks;
	size_t rest = lws_remaining_packet_payload(ws->wsi);
	bool last = lws_is_final_fragment(ws->wsi);

	expect_more(ws, n, rest);
	if (ws->over)
		return;
	if (lws_is_first_fragment(ws->wsi)) {
		buf_clear(&ws->in);
		ws->skip = lws_frame_is_binary(ws->wsi);
		if (ws->skip)
			hooks->binary(ws->owner);
	}
	if (!ws->skip &&
	    (rest > ws->e->message_max || n + rest + ws->in.len > ws->e->message_max)) {
		buf_clear(&ws->in);
		ws->skip = true;
		hooks->too_big(ws->owner);
	}
	if (ws->skip)
		return;
	buf_add(&ws->in, p, n);
	if (!last)
		return;
	hooks->message(ws->owner, &ws->in);
	buf_clear(&ws->in);
}

static void receive_pong(struct ws *ws, const unsigned char *p, size_t n)
{
	uint64_t serial = 0;

	if (n != 8 || ws->over)
		return;
	for (size_t i = 0; i < n; i++)
		serial = serial << 8 | p[i];
	ws->e->hooks->pong(ws->owner, serial);
}

/* --- birth and death --- */

static void destroy(struct ws *ws)
{
	struct ws_engine *e = ws->e;

	if (e->adopting == ws)
		e->adopting = NULL;
	if (e->serving == ws)
		e->serving = NULL;
	if (e->reader == ws)
		e->reader = NULL;
	forget_unread(ws);
	unlist(ws);
	buf_clear(&ws->in);
	buf_clear(&ws->out);
	free(ws->piece);
	if (--e->n == 0)
		ev_timer_stop(e->loop, &e->tick);
	if (!e->freeing)
		e->hooks->closed(ws->owner);
	free(ws);
}

/* While the library is given a WebSocket it has no pointer of ours yet. */
static struct ws *find(struct lws *wsi)
{
	struct ws_engine *e = lws_context_user(lws_get_context(wsi));
	struct ws *ws = lws_get_opaque_user_data(wsi);

	return ws || !e || !e->adopting || e->adopting->wsi != wsi ? ws : e->adopting;
}

static void created(struct lws *wsi)
{
	struct ws_engine *e = lws_context_user(lws_get_context(wsi));

	if (e && e->adopting)
		e->adopting->wsi = wsi;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t n)
{
	struct ws *ws;

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_WSI_CREATE: created(wsi); return 0;
	case LWS_CALLBACK_HTTP: return -1;
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_RECEIVE_PONG:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
	case LWS_CALLBACK_WSI_DESTROY: ws = find(wsi); break;
	default: return 0;
	}
	if (!ws)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		lws_set_opaque_user_data(wsi, ws);
		ws->e->adopting = NULL;
		break;
	case LWS_CALLBACK_ESTABLISHED:
		ws->up = true;
		ws->e->hooks->opened(ws->owner, ws);
		break;
	case LWS_CALLBACK_RECEIVE: receive(ws, in, n); break;
	case LWS_CALLBACK_RECEIVE_PONG: receive_pong(ws, in, n); break;
	case LWS_CALLBACK_SERVER_WRITEABLE: return writable(ws);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: end(ws); break;
	default: destroy(ws);
	}
	return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_event, .rx_buffer_size = RX},
    {.name = "xmpp", .callback = on_event, .rx_buffer_size = RX, .tx_packet_size = TX_MAX},
    {.name = NULL},
};

void ws_adopt(struct ws_engine *e, int fd, struct slice key, bool deflate, struct slice rest,
	      void *owner)
{
	struct ws *ws = mem_zalloc(sizeof(*ws));
	struct buf head = {0};

	ws->e = e;
	ws->owner = owner;
	ws->deflate = deflate;
	e->adopting = ws;
	if (e->n++ == 0)
		ev_timer_again(e->loop, &e->tick);
	BUF_LIT(&head, "GET / HTTP/1.1\r\nHost: fairlead\r\nUpgrade: websocket\r\n"
		       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		       "Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Key: ");
	buf_adds(&head, key);
	if (deflate)
		BUF_LIT(&head, "\r\nSec-WebSocket-Extensions: permessage-deflate; "
			       "server_no_context_takeover; client_no_context_takeover");
	BUF_LIT(&head, "\r\n\r\n");
	buf_adds(&head, rest);
	lws_adopt_socket_vhost_readbuf(e->vhost, fd, buf_data(&head), head.len);
	buf_clear(&head);
	if (e->adopting == ws)
		destroy(ws); /* it was refused before the library took notice; fd is closed */
}

/* --- the engine --- */

/* Bytes that the client's kernel has acknowledged, modulo 2^32; 0 of what is no TCP (bridge.c). */
static uint32_t acked_by(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n);
	return (uint32_t)info.tcpi_bytes_acked;
}

/* However long one large message takes: a full kernel whose bytes are acknowledged has a client
 * that reads. */
static void look_for_life(struct ws *ws, int fd)
{
	uint32_t acked = acked_by(fd);

	note_full(ws, true);
	if (acked != ws->acked)
		ws->e->hooks->drained(ws->owner, 0, true);
	ws->acked = acked;
}

/* Neither the library's timers nor ours run on a quiet loop otherwise (PING of a closing handshake,
 * five seconds); and a client that is stuck is looked at for having left. If it gets on, it was
 * waited for: with permessage-deflate nothing else tells, and its pongs are not read. */
static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct ws_engine *e = w->data;
	struct ws *next;
	char c;

	(void)loop, (void)events;
	lws_cancel_service(e->context);
	for (struct ws *ws = e->marked; ws; ws = next) {
		int fd = lws_get_socket_fd(ws->wsi);

		next = ws->next;
		if (!ws->stuck)
			continue;
		look_for_life(ws, fd);
		if ((ws->code && ++ws->ticks >= CLOSE_TICKS) ||
		    recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			abandon(ws);
	}
	/* A kernel that has room for the last words need not have enough to tell of it. */
	for (struct ws *ws = e->ending; ws; ws = next) {
		next = ws->next;
		if (++ws->ticks >= END_TICKS)
			abandon(ws);
	}
}

static void emit(int level, const char *line)
{
	char text[256];

	(void)level;
	log_warn("libwebsockets", "text=%s",
		 log_value(text, sizeof(text), slice_trim(slice_str(line))));
}

/* The library makes its lines in one static buffer, whatever the thread, so it is heard only while
 * it starts. Later it would tell of peers' faults, and of each hand-over as an error. */
static void start(struct ws_engine *e, const struct lws_context_creation_info *info)
{
	static bool first = true;

	pthread_mutex_lock(&global);
	lws_set_log_level(first ? LLL_ERR | LLL_WARN : 0, emit);
	e->context = lws_create_context(info);
	e->vhost = e->context ? lws_create_vhost(e->context, info) : NULL;
	first = false;
	lws_set_log_level(0, NULL);
	pthread_mutex_unlock(&global);
	if (e->vhost)
		return;
	log_error("libwebsockets", "text=\"cannot start; is its libev plugin installed?\"");
	exit(1);
}

static const struct lws_extension extensions[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, "permessage-deflate"},
    {NULL, NULL, NULL},
};

struct ws_engine *ws_engine_new(struct ev_loop *loop, uint32_t message_max, bool deflate,
				const struct ws_hooks *hooks)
{
	static const lws_retry_bo_t no_pings = {0};
	struct ws_engine *e = mem_zalloc(sizeof(*e));
	void *loops[] = {loop};
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN_SERVER,
	    .protocols = protocols,
	    .extensions = deflate ? extensions : NULL,
	    .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		       LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
	    .foreign_loops = loops,
	    .count_threads = 1,
	    .retry_and_idle_policy = &no_pings,
	    .user = e,
	};

	e->loop = loop;
	e->message_max = message_max;
	e->hooks = hooks;
	ev_init(&e->tick, on_tick);
	e->tick.repeat = 1.;
	e->tick.data = e;
	ev_init(&e->read_on, on_read_on);
	ev_set_priority(&e->read_on, EV_MINPRI);
	e->read_on.data = e;
	start(e, &info);
	return e;
}

void ws_engine_free(struct ws_engine *e)
{
	if (!e)
		return;
	e->freeing = true;
	ev_clear_pending(e->loop, &e->read_on);
	pthread_mutex_lock(&global);
	lws_context_destroy(e->context);
	pthread_mutex_unlock(&global);
	ev_timer_stop(e->loop, &e->tick);
	assert(e->n == 0);
	free(e);
}

/* Drives the HTTP engine; see web_driver.h. */
#include "web_driver.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "web/http.h"

/* --- the stand-in for the WebSocket engine --- */

struct ws adopted;
static struct buf journal; /* what was called, one word each */

struct ws_engine *ws_engine_new(struct ev_loop *loop, uint32_t message_max, bool deflate,
				const struct ws_hooks *hooks)
{
	struct ws_engine *e = mem_zalloc(sizeof(*e));

	(void)loop;
	(void)message_max;
	(void)deflate;
	e->hooks = hooks;
	return e;
}

void ws_engine_free(struct ws_engine *e)
{
	free(e);
}

void ws_adopt(struct ws_engine *e, int fd, struct slice key, bool deflate, struct slice rest,
	      void *owner)
{
	if (deflate)
		buf_addz(&journal, "deflate ");
	buf_addf(&journal, "adopt(%.*s,%.*s) ", (int)key.n, key.p, (int)rest.n, rest.p);
	adopted = (struct ws){.owner = owner, .fd = fd};
	e->hooks->opened(owner, &adopted);
}

void ws_send(struct ws *ws, struct buf *frames)
{
	(void)ws;
	buf_addf(&journal, "ws-send(%u) ", frames->len);
	buf_clear(frames);
}

void ws_pause(struct ws *ws)
{
	(void)ws;
}

void ws_resume(struct ws *ws)
{
	(void)ws;
}

void ws_close(struct ws *ws, uint16_t code)
{
	(void)ws;
	buf_addf(&journal, "ws-close(%u) ", code);
}

size_t ws_unsent(const struct ws *ws)
{
	(void)ws;
	return 0;
}

bool ws_full(const struct ws *ws)
{
	(void)ws;
	return false;
}

void ws_engine_flush(struct ws_engine *e)
{
	(void)e;
}

/* --- the hooks --- */

handle_t handles[HANDLES];
static int handles_n;
handle_t ws_answer;
const char *ws_refusal;

static void remember(handle_t h)
{
	handles[handles_n++ % HANDLES] = h;
}

static int index_of(handle_t h)
{
	for (int i = 0; i < handles_n && i < HANDLES; i++)
		if (handles[i] == h)
			return i + 1;
	return 0;
}

struct addr asker;
struct web_client *asker_client;

static void note_asker(const struct addr *peer, struct web_client *client)
{
	asker = *peer;
	web_client_free(asker_client);
	asker_client = client;
}

static void on_request(void *app, handle_t h, const struct sid *sid, struct slice text,
		       struct body *body, const struct addr *peer, struct web_client *client)
{
	(void)app;
	(void)text;
	note_asker(peer, client);
	remember(h);
	buf_addf(&journal, "%s%lld ", sid ? "request" : "create", (long long)body->rid);
	body_free(body);
}

static void on_hurry(void *app, handle_t h, handle_t session)
{
	(void)app;
	assert_true(session == SESSION);
	buf_addf(&journal, "hurry%d ", index_of(h));
}

static void on_gone(void *app, handle_t h, handle_t session)
{
	(void)app;
	assert_true(session == SESSION);
	buf_addf(&journal, "gone%d ", index_of(h));
}

struct web_call called;

static void on_api(void *app, handle_t h, const struct web_call *call)
{
	(void)app;
	called = *call;
	remember(h);
	buf_addf(&journal, "%s(%.*s%s%.*s%s%.*s) ", call->post ? "post" : "api", (int)call->path.n,
		 call->path.p, call->query.p ? "?" : "", (int)call->query.n,
		 call->query.p ? call->query.p : "", call->body.n ? " " : "", (int)call->body.n,
		 call->body.p ? call->body.p : "");
}

static void on_stream_gone(void *app, handle_t h)
{
	(void)app;
	buf_addf(&journal, "stream-gone%d ", index_of(h));
}

static const char *on_ws_refusal(void *app)
{
	(void)app;
	return ws_refusal;
}

static handle_t on_ws_open(void *app, handle_t ws, const struct addr *peer,
			   struct web_client *client)
{
	(void)app;
	note_asker(peer, client);
	remember(ws);
	buf_addz(&journal, "ws-open ");
	return ws_answer;
}

static void on_ws_frame(void *app, handle_t session, struct frame *frame, enum reason bad)
{
	(void)app;
	assert_true(session == SESSION);
	buf_addf(&journal, "frame(%s,%s) ", frame ? "ok" : "none", reason_label(bad));
	frame_free(frame);
}

static void on_ws_pong(void *app, handle_t session, uint64_t serial)
{
	(void)app;
	(void)session;
	(void)serial;
}

static void on_ws_drained(void *app, handle_t session, uint32_t n, bool waited)
{
	(void)app;
	(void)session;
	(void)n;
	(void)waited;
}

static void on_ws_closed(void *app, handle_t session)
{
	(void)app;
	(void)session;
	buf_addz(&journal, "ws-closed ");
}

static const struct web_hooks hooks = {
    .request = on_request,
    .hurry = on_hurry,
    .gone = on_gone,
    .api = on_api,
    .stream_gone = on_stream_gone,
    .ws_refusal = on_ws_refusal,
    .ws_open = on_ws_open,
    .ws_frame = on_ws_frame,
    .ws_pong = on_ws_pong,
    .ws_drained = on_ws_drained,
    .ws_closed = on_ws_closed,
};

/* --- the driver --- */

static const char *const any[] = {"*", NULL};
static const char *const some[] = {"https://chat.example", NULL};
static const char *const bosh_paths[] = {"/http-bind", "/bosh", NULL};
static const char *const ws_paths[] = {"/ws", NULL};
static char big[BIG];
static struct web_file files_v[] = {{"/chat/index.html", "text/html", {"hello", 5}, {0}, ""},
				    {"/big", "text/plain", {big, sizeof(big)}, {0}, ""}};
static const struct web_files files = {files_v, 2};
static struct xml_limits limits;
struct web_config config;
static struct ev_loop *loop;
static struct slots slots;
struct web *web;
struct buf got;
static int64_t now;

int web_setup(void **state)
{
	(void)state;
	limits = (struct xml_limits){.depth = 64, .attributes = 64, .bytes = 65536};
	config = (struct web_config){.head_max = 4096,
				     .body_max = 2000,
				     .head_timeout = 10000,
				     .body_timeout = 20000,
				     .idle_timeout = 90000,
				     .write_timeout = 30000,
				     .answer_wait = 5000,
				     .limits = &limits,
				     .bosh_paths = bosh_paths,
				     .websocket_paths = ws_paths,
				     .origins = any,
				     .cors = true,
				     .compress = true,
				     .absent_origin = true,
				     .traffic_files = &files,
				     .status_files = &files};
	loop = ev_loop_new(EVFLAG_AUTO);
	slots_init(&slots, 3, 1);
	web = web_new(loop, &slots, &config, &hooks, NULL);
	now = 1000;
	handles_n = 0;
	memset(handles, 0, sizeof(handles));
	ws_answer = SESSION;
	return 0;
}

int web_teardown(void **state)
{
	(void)state;
	web_free(web);
	slots_clear(&slots);
	ev_loop_destroy(loop);
	buf_clear(&journal);
	buf_clear(&got);
	web_client_free(MEM_TAKE(asker_client));
	return 0;
}

/* A few rounds of the loop; the last must find nothing left to do. */
void turn(void)
{
	bool more = true;

	for (int i = 0; i < 20 || more; i++) {
		assert_true(i < 1000);
		ev_run(loop, EVRUN_NOWAIT);
		more = web_turn(web, now);
	}
	assert_false(more);
}

/* As the loop does it: with a turn at each tick, but for the last, which is the caller's. */
static void go_by(int64_t ms)
{
	int64_t until = now + ms;

	while (now + WEB_TICK < until) {
		now += WEB_TICK;
		web_turn(web, now);
	}
	now = until;
}

void pass(int64_t ms)
{
	go_by(ms);
	turn();
}

bool pass_in_one_turn(int64_t ms)
{
	go_by(ms);
	return web_turn(web, now);
}

bool leap(int64_t ms)
{
	now += ms;
	return web_turn(web, now);
}

struct http *lone(void)
{
	assert_int_equal(web->counts.connections, 1);
	assert_null(web->marked);
	for (int i = 0; i < WEB_DUES; i++)
		if (web->due[i])
			return web->due[i];
	fail_msg("it is in no list");
	return NULL;
}

int dial_listener(struct web_listener listener)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	web_accept(web, fd[0], &listener);
	turn();
	return fd[1];
}

int dial_kind(enum web_listener_kind kind)
{
	return dial_listener((struct web_listener){.kind = kind});
}

int dial(void)
{
	return dial_kind(WEB_TRAFFIC);
}

void allow_some_origins(void)
{
	config.origins = some;
	web->any_origin = false;
}

void say_bytes(int fd, const char *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
	turn();
}

void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* It is another one each second. */
static void forget_dates(struct buf *b)
{
	char *at, *end;

	while (b->len && (at = memmem(buf_data(b), b->len, "\r\nDate: ", 8)) &&
	       (end = memmem(at + 2, b->len - (size_t)(at + 2 - buf_data(b)), "\r\n", 2))) {
		memmove(at, end, b->len - (size_t)(end - buf_data(b)));
		b->len -= (uint32_t)(end - at);
	}
}

/* All that came by now, as text. "END" is added where the server ended the connection. */
const char *hear(int fd)
{
	char piece[4096];
	ssize_t n;

	buf_clear(&got);
	while ((n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0) {
		buf_add(&got, piece, (size_t)n);
		turn();
	}
	if (n == 0)
		buf_addz(&got, "END");
	else
		assert_true(errno == EAGAIN || errno == ECONNRESET);
	forget_dates(&got);
	buf_addc(&got, 0);
	return buf_data(&got);
}

void expect_status(int fd, int status, bool ends)
{
	const char *text = hear(fd);
	int seen = strncmp(text, "HTTP/1.1 ", 9) == 0 ? atoi(text + 9) : 0;
	size_t n = strlen(text);

	if (seen != status || ends != (n >= 3 && strcmp(text + n - 3, "END") == 0))
		fail_msg("not %d%s: %s", status, ends ? " and the end" : "", text);
}

void expect_called(const char *words)
{
	buf_addc(&journal, 0);
	assert_string_equal(buf_data(&journal), words);
	buf_clear(&journal);
}

void reply(int index, const char *text)
{
	struct buf body = buf_copy(slice_str(text));

	web_reply(web, handles[index - 1], 200, &body, NULL);
	assert_int_equal(body.len, 0);
	turn();
}

void hold(int index, int64_t wait)
{
	web_held(web, handles[index - 1], SESSION, wait);
	turn();
}

void post(struct buf *b, const char *body)
{
	buf_addf(b, "POST /http-bind HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
}

void say_post(int fd, const char *body)
{
	struct buf b = {0};

	post(&b, body);
	say_bytes(fd, buf_data(&b), b.len);
	buf_clear(&b);
}

/* The daemon: makes what the threads share, starts them, waits for a signal, and takes it all down
 * in the reverse order. What the main thread does meanwhile is in supervise.c. */
#include "app/daemon.h"
#include "app/acceptor.h"
#include "app/privileges.h"
#include "app/process.h"
#include "app/runtime.h"
#include "app/status/api.h"
#include "app/status/page.h"
#include "app/supervise.h"
#include "app/worker.h"
#include "app/www.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "web/ws.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	XML_ELEMENT_DEPTH_SPARE = 2, /* a stanza stands one or two levels deep in <body/> */
	OPEN_LIMIT = 10000,	     /* ms for a WebSocket client's first <open/> */
	WS_CLOSE_WAIT = 2000,	     /* ms for it to answer <close/> */
	WS_PROVE_WAIT = 1500,	     /* ms for it to pong what it was sent before its own */
	SESSION_CLOSE_WAIT = 3000,   /* ms for both halves of a session to finish */
	OWN_DESCRIPTORS = 4096,	     /* of loops, name servers, listeners, the status page */
	MOST_DESCRIPTORS = 10000000  /* libwebsockets takes more for a mistake, and serves 2560 */
};

static const char *const bosh_paths[] = {"/http-bind", "/bosh", NULL};
static const char *const websocket_paths[] = {"/xmpp-websocket", "/ws", NULL};

/* Of a session: its client, its server, and the bridge of a WebSocket over TLS of our own
 * (web/bridge.c). The second connection that a BOSH client may have comes on top. */
static rlim_t descriptors_each(const struct config *c)
{
	for (size_t i = 0; i < c->n_listen; i++)
		if (c->listen[i].tls == CONFIG_ON)
			return 4;
	return 2;
}

/* Those open now are lent to us, or were left open by who started us. That a session's client is
 * also one of the connections leaves room for servers that are dialled at several addresses. */
static rlim_t descriptors_wanted(const struct config *c)
{
	int64_t open = process_descriptors();
	rlim_t n = descriptors_each(c) * (rlim_t)c->limits_sessions +
		   (rlim_t)c->limits_connections + OWN_DESCRIPTORS + (rlim_t)(open > 0 ? open : 0);

	return n < MOST_DESCRIPTORS ? n : MOST_DESCRIPTORS;
}

/* Takes what the limits of the configuration need, where we may have it, and not all there is: the
 * tables of libwebsockets are as large, and containers often have a limit of a thousand million. */
static void limit_descriptors(const struct config *c)
{
	rlim_t each = descriptors_each(c), wanted = descriptors_wanted(c);
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	lim.rlim_cur = wanted < lim.rlim_max ? wanted : lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
		log_warn("start", "problem=\"the limit on open files cannot be set: %s\"",
			 strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < each * (rlim_t)c->limits_sessions)
		log_info("start", "open-files=%llu text=\"enough for about %llu sessions%s\"",
			 (unsigned long long)lim.rlim_cur,
			 (unsigned long long)(lim.rlim_cur / each),
			 lim.rlim_cur < lim.rlim_max ? "" : "; raise the hard limit for more");
}

static void name_publicly(struct app *app)
{
	uint64_t n;

	random_bytes(&n, sizeof(n));
	snprintf(app->public_id, sizeof(app->public_id), "%016llx", (unsigned long long)n);
	app->started_at = worker_wall_clock() / 1000;
}

static int count_workers(const struct config *c)
{
	cpu_set_t set;
	int n = (int)c->workers;

	if (n == 0 && sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
}

static void fill_env(struct app *app)
{
	const struct config *c = app->config;
	struct session_env *e = &app->env;

	e->routes = c->routes;
	e->backend_limits = (struct xml_limits){.bytes = (uint32_t)c->limits_stanza,
						.depth = (uint16_t)c->limits_depth,
						.attributes = (uint16_t)c->limits_attributes};
	e->bosh.wait = c->bosh_wait * 1000;
	e->bosh.inactivity = c->bosh_inactivity * 1000;
	e->bosh.polling = c->bosh_polling * 1000;
	e->bosh.maxpause = c->bosh_maxpause * 1000;
	e->bosh.features_wait = c->bosh_features_wait_ms;
	e->bosh.hold = (int)c->bosh_hold;
	e->bosh.queue = (uint32_t)c->limits_queue;
	e->websocket.ping = c->websocket_ping * 1000;
	e->websocket.open_wait = c->websocket_open_wait_ms;
	e->websocket.open_limit = OPEN_LIMIT;
	e->websocket.close_wait = WS_CLOSE_WAIT;
	e->websocket.prove_wait = WS_PROVE_WAIT;
	e->websocket.see_other_uri = c->shutdown_see_other_uri;
	e->websocket.queue = (uint32_t)c->limits_queue;
	e->websocket.untold = WS_UNTOLD;
	e->client_queue = (uint32_t)c->limits_queue;
	e->backend_queue = (uint32_t)c->limits_queue;
	e->server_queue = (uint32_t)c->delivery_server_queue;
	e->leave_wait = c->delivery_leave * 1000;
	e->stop_wait =
	    c->shutdown_deadline * 1000 * 3 / 4; /* then each stream can still be ended */
	if (e->stop_wait > e->leave_wait)
		e->stop_wait = e->leave_wait;
	e->close_wait = SESSION_CLOSE_WAIT;
	e->trace_bodies = c->trace_bodies == CONFIG_ON;
	e->header_wait = c->backend_connect * 1000;
}

static void fill_web(struct app *app, const struct web_files *www)
{
	const struct config *c = app->config;
	struct web_config *w = &app->web;

	app->client_limits =
	    (struct xml_limits){.bytes = (uint32_t)c->limits_body,
				.depth = (uint16_t)(c->limits_depth + XML_ELEMENT_DEPTH_SPARE),
				.attributes = (uint16_t)c->limits_attributes};
	w->head_max = (uint32_t)c->http_head;
	w->body_max = (uint32_t)c->limits_body;
	w->head_timeout = c->http_head_timeout * 1000;
	w->body_timeout = c->http_body_timeout * 1000;
	w->idle_timeout = c->http_idle_timeout * 1000;
	w->write_timeout = c->http_write_timeout * 1000;
	w->answer_wait = 5000;
	w->log_refusals = (uint32_t)c->log_refusals;
	w->limits = &app->client_limits;
	w->bosh_paths = bosh_paths;
	w->websocket_paths = websocket_paths;
	w->origins = c->allowed;
	w->deflate = c->websocket_deflate == CONFIG_DEFLATE_ON;
	w->compress = c->http_compress == CONFIG_COMPRESS_ON;
	w->cors = c->http_cors == CONFIG_CORS_ON;
	w->absent_origin = c->websocket_absent_origin == CONFIG_ABSENT_ORIGIN_ALLOW;
	for (size_t i = 0; i < c->n_domains; i++)
		w->clients |= c->domains[i].proxy_protocol != CONFIG_PROXY_OFF;
	w->forwarded = (struct forwarded_rules){c->trusted, c->n_trusted,
						c->http_forwarded_header == CONFIG_FORWARDED};
	w->traffic_files = www;
	w->status_files = &status_page;
	app->hostmeta = (struct hostmeta){.bosh = c->public_bosh,
					  .websocket = c->public_websocket,
					  .ips = c->public_ips,
					  .ttl = c->public_ttl};
	w->hostmeta = &app->hostmeta;
}

static void fill_guard(struct app *app)
{
	struct web_config *w = &app->web;

	random_bytes(&app->wrongs.seed, sizeof(app->wrongs.seed));
	w->wrongs = &app->wrongs;
	w->token = app->runtime->token;
	w->status_names = app->config->status_names;
	w->status_open = api_open_paths;
}

/* The link holds a credential: for the person who started us here, and for no log. */
static void tell_link(const struct app *app)
{
	const struct runtime *r = app->runtime;
	char text[RUNTIME_PATH + 8], at[LISTEN_TEXT], url[RUNTIME_LINK];

	if (!runtime_link(r, app->config, url))
		return;
	log_info("status-page",
		 "address=%s token-file=%s text=\"fairleadctl link prints its link\"",
		 listen_print(&app->config->status_listen, at),
		 log_value(text, sizeof(text), slice_str(r->token_file)));
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "status page: %s\n", url);
}

static bool start_workers(struct app *app)
{
	for (int i = 0; i < app->n; i++) {
		app->workers[i] = worker_new(app, (uint8_t)i);
		if (!app->workers[i])
			return false;
	}
	for (int i = 0; i < app->n; i++)
		worker_start(app->workers[i]);
	return true;
}

static void tell_all(struct app *app, enum letter_type type)
{
	for (int i = 0; i < app->n; i++)
		worker_post(app->workers[i], letter_new(type));
}

static void read_again(void *certificates)
{
	certificates_reload(certificates);
}

static void serve(struct app *app, struct acceptor *a, struct supervise *s,
		  struct certificates *certificates)
{
	acceptor_start(a);
	tell_link(app);
	log_info("ready", "version=%s workers=%d domains=%zu", PACKAGE_VERSION, app->n,
		 app->config->n_domains);
	supervise_run(s, read_again, certificates);
	acceptor_give_back(a);
	tell_all(app, LETTER_STOP);
	supervise_await(s);
	acceptor_stop(a);
	tell_all(app, LETTER_LEAVE);
	supervise_await(s);
	for (int i = 0; i < app->n; i++)
		worker_join(app->workers[i]);
	log_info("stopped", "version=%s", PACKAGE_VERSION);
}

int daemon_run(const struct config *config, struct backends *backends,
	       struct certificates *certificates)
{
	struct app app = {.config = config, .backends = backends, .started = worker_clock()};
	struct runtime runtime = {.token = ""};
	struct acceptor *a = NULL;
	struct supervise s;
	struct web_files *www = NULL;
	bool good;

	supervise_block_signals();
	mem_join();
	limit_descriptors(config);
	random_bytes(&app.instance, sizeof(app.instance));
	random_bytes(app.key, sizeof(app.key));
	name_publicly(&app);
	app.n = count_workers(config);
	if (*config->www_directory && !(www = www_load(config->www_directory)))
		return 1;
	if (www && config->http_compress == CONFIG_COMPRESS_ON)
		web_files_pack(www);
	fill_env(&app);
	fill_web(&app, www);
	app.web.tls = certificates_server(certificates);
	backends_warn(backends);
	app.runtime = &runtime;
	certificates_tell(certificates);
	sem_init(&app.done, 0, 0);
	good =
	    supervise_init(&s, &app) && privileges_check(config) && runtime_open(&runtime, config);
	fill_guard(&app);
	good = good && (a = acceptor_new(&app));
	/* What needs root stands above, and what starts threads below. */
	good = good && privileges_drop(config) && start_workers(&app);
	if (good)
		serve(&app, a, &s, certificates);
	for (int i = 0; i < app.n; i++)
		worker_free(app.workers[i]);
	acceptor_free(a);
	supervise_clear(&s);
	sem_destroy(&app.done);
	www_free(www);
	return good ? 0 : 1;
}

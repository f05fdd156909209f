/* The API: from method and path to who answers. */
#include "app/status/api.h"
#include "app/runtime.h"
#include "app/status/act.h"
#include "app/status/api_sessions.h"
#include "app/status/feed.h"
#include "app/status/json.h"
#include "app/status/metrics.h"
#include "app/status/overview.h"
#include "app/status/sampler.h"
#include "app/status/trace.h"

#include <stdio.h>

const char *const api_open_paths[] = {"/api/status", "/api/history", "/api/stream",
				      "/metrics",    "/ready",	     NULL};

void api_error(struct worker *w, handle_t h, int status, const char *words)
{
	struct json j = json_new();
	struct buf body;

	json_open(&j, NULL);
	json_text(&j, "error", slice_str(words));
	json_close(&j);
	body = json_done(&j);
	web_reply(w->web, h, status, &body, "application/json");
}

const char *api_who(const struct web_call *call, char dst[API_WHO])
{
	if (call->uid >= 0)
		snprintf(dst, API_WHO, "uid:%lld", (long long)call->uid);
	else
		addr_print(&call->peer, false, dst);
	return dst;
}

static void answer_text(struct worker *w, handle_t h, int status, const char *text)
{
	struct buf body = buf_copy(slice_str(text));

	web_reply(w->web, h, status, &body, "text/plain; charset=utf-8");
}

static void get_ready(struct worker *w, handle_t h, struct slice query)
{
	const char *why = overview_unready(w);
	char text[64];

	(void)query;
	snprintf(text, sizeof(text), "%s\n", why ? why : "ready");
	answer_text(w, h, why ? 503 : 200, text);
}

static void answer_status(struct worker *w, struct question *q)
{
	struct overview o;
	struct buf body;

	overview_init(&o, w, q);
	body = overview_json(&o, w);
	overview_clear(&o);
	web_reply(w->web, q->request, 200, &body, "application/json");
}

static void get_status(struct worker *w, handle_t h, struct slice query)
{
	(void)query;
	overview_ask(w, h, answer_status);
}

static void answer_metrics(struct worker *w, struct question *q)
{
	struct overview o;
	struct buf body;

	overview_init(&o, w, q);
	body = metrics_text(&o, w);
	overview_clear(&o);
	web_reply(w->web, q->request, 200, &body, METRICS_TYPE);
}

static void get_metrics(struct worker *w, handle_t h, struct slice query)
{
	(void)query;
	overview_ask(w, h, answer_metrics);
}

static void get_history(struct worker *w, handle_t h, struct slice query)
{
	(void)query;
	sampler_history(w, h);
}

static void get_stream(struct worker *w, handle_t h, struct slice query)
{
	(void)query;
	feed_begin(w->feed, h);
}

static const struct {
	const char *path;
	void (*get)(struct worker *w, handle_t h, struct slice query);
	void (*post)(struct worker *w, handle_t h, const struct web_call *call);
} routes[] = {
    {"/ready", get_ready, NULL},
    {"/metrics", get_metrics, NULL},
    {"/api/status", get_status, NULL},
    {"/api/history", get_history, NULL},
    {"/api/stream", get_stream, NULL},
    {"/api/drain", NULL, act_drain},
    {"/api/backends/drain", NULL, act_drain_backend},
    {"/api/log", NULL, act_log_level},
};

/* The token is not given to those who come over the net, were it theirs already. */
static void get_link(struct worker *w, handle_t h, const struct web_call *call)
{
	char url[RUNTIME_LINK];
	struct json j;
	struct buf body;

	if (call->uid < 0 || !runtime_link(w->app->runtime, w->app->config, url)) {
		api_error(w, h, 404,
			  call->uid < 0 ? "The link is told on the control socket only."
					: "The status page has no address of the net, or no token: "
					  "status.listen and the log say which.");
		return;
	}
	j = json_new();
	json_open(&j, NULL);
	json_text(&j, "url", slice_str(url));
	json_close(&j);
	body = json_done(&j);
	web_reply(w->web, h, 200, &body, "application/json");
}

void api_call(struct worker *w, handle_t h, const struct web_call *call)
{
	if (slice_starts(call->path, SLICE("/api/sessions"))) {
		api_sessions(w, h, call);
		return;
	}
	if (slice_is(call->path, "/api/link") && !call->post) {
		get_link(w, h, call);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!slice_is(call->path, routes[i].path))
			continue;
		if (call->post && routes[i].post)
			routes[i].post(w, h, call);
		else if (!call->post && routes[i].get)
			routes[i].get(w, h, call->query);
		else
			api_error(w, h, 405,
				  call->post ? "This path is only read: GET it."
					     : "This path is for acts: POST to it.");
		return;
	}
	api_error(w, h, 404, "Nothing is known by this name: doc/API.md lists the paths.");
}

void api_stream_gone(struct worker *w, handle_t h)
{
	if (!feed_gone(w->feed, h))
		trace_gone(w, h);
}

/* The API: from method and path to who answers. */
#include "app/api.h"
#include "app/api_sessions.h"
#include "app/json.h"
#include "app/status.h"

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

static void ready(struct worker *w, handle_t h)
{
	struct buf body = buf_copy(SLICE("ready\n"));

	web_reply(w->web, h, 200, &body, "text/plain; charset=utf-8");
}

void api_call(struct worker *w, handle_t h, const struct web_call *call)
{
	if (slice_is(call->path, "/ready"))
		ready(w, h);
	else if (slice_starts(call->path, SLICE("/api/sessions")))
		api_sessions(w, h, call);
	else if (call->post)
		api_error(w, h, 404, "There is no such act.");
	else if (slice_is(call->path, "/api/status"))
		status_get(w, h);
	else
		api_error(w, h, 404, "Nothing is known by this name: see doc/API.md.");
}

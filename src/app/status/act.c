/* Acts. */
#include "app/status/act.h"
#include "app/status/api.h"
#include "app/status/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

yajl_val act_body(struct worker *w, handle_t h, const struct web_call *call)
{
	struct slice text = slice_trim(call->body);
	char *whole = text.n ? mem_strndup(text.p, text.n) : mem_strdup("{}"), problem[128];
	/* It is read up to its first NUL, so what has one is none of ours. */
	bool cut = text.n && memchr(text.p, '\0', text.n);
	yajl_val v = cut ? NULL : yajl_tree_parse(whole, problem, sizeof(problem));

	free(whole);
	if (v && YAJL_IS_OBJECT(v))
		return v;
	yajl_tree_free(v);
	api_error(w, h, 400, "The body is no JSON object, such as {\"on\": true}.");
	return NULL;
}

static yajl_val member(yajl_val body, const char *name)
{
	return yajl_tree_get(body, (const char *[]){name, NULL}, yajl_t_any);
}

const char *act_text(yajl_val body, const char *name, bool *fault)
{
	yajl_val v = member(body, name);

	if (!v)
		return NULL;
	*fault |= !YAJL_IS_STRING(v);
	return YAJL_GET_STRING(v);
}

bool act_bool(yajl_val body, const char *name, bool def, bool *fault)
{
	yajl_val v = member(body, name);

	if (!v)
		return def;
	*fault |= !YAJL_IS_TRUE(v) && !YAJL_IS_FALSE(v);
	return YAJL_IS_TRUE(v);
}

void act_log(const char *what, const char *by, const char *fmt, ...)
{
	char fields[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fields, sizeof(fields), fmt, ap);
	va_end(ap);
	log_info("act", "what=%s by=%s %s", what, by, fields);
}

static void answer(struct worker *w, handle_t h, struct json *j)
{
	struct buf body;

	json_close(j);
	body = json_done(j);
	web_reply(w->web, h, 200, &body, "application/json");
}

void act_drain(struct worker *w, handle_t h, const struct web_call *call)
{
	yajl_val body = act_body(w, h, call);
	bool fault = false, on;
	char by[API_WHO];
	struct json j;

	if (!body)
		return;
	on = act_bool(body, "on", true, &fault);
	yajl_tree_free(body);
	if (fault) {
		api_error(w, h, 400, "\"on\" is true or false.");
		return;
	}
	act_log("drain", api_who(call, by), "on=%s", on ? "true" : "false");
	atomic_store(&w->app->draining, on);
	j = json_new();
	json_open(&j, NULL);
	json_bool(&j, "draining", on);
	answer(w, h, &j);
}

/* Each worker ends its own sessions there. */
static void end_sessions(struct worker *w, const char *backend)
{
	for (int i = 0; i < w->app->n; i++) {
		struct letter *l = letter_new(LETTER_EMPTY);

		l->u.backend = mem_strdup(backend);
		worker_send(w, (uint8_t)i, l);
	}
}

static void drain_backend(struct worker *w, handle_t h, const struct web_call *call,
			  const char *name, bool on, bool end)
{
	char shown[HEALTH_NAME + 8], by[API_WHO];
	uint32_t sessions;
	struct json j;

	if (!health_drain(backends_health(w->app->backends), name, on, &sessions)) {
		api_error(w, h, 404,
			  "No backend has this name: /api/status lists them, as host:port.");
		return;
	}
	act_log("drain-backend", api_who(call, by), "backend=%s on=%s end=%s",
		log_value(shown, sizeof(shown), slice_str(name)), on ? "true" : "false",
		on && end ? "true" : "false");
	if (on && end)
		end_sessions(w, name);
	j = json_new();
	json_open(&j, NULL);
	json_text(&j, "name", slice_str(name));
	json_bool(&j, "draining", on);
	json_int(&j, "sessions", sessions);
	answer(w, h, &j);
}

void act_drain_backend(struct worker *w, handle_t h, const struct web_call *call)
{
	yajl_val body = act_body(w, h, call);
	bool fault = false, on, end;
	const char *name;

	if (!body)
		return;
	name = act_text(body, "name", &fault);
	on = act_bool(body, "on", true, &fault);
	end = act_bool(body, "end", false, &fault);
	if (fault || !name)
		api_error(w, h, 400,
			  "What is wanted is {\"name\": \"host:port\", \"on\": true, \"end\": "
			  "false}.");
	else
		drain_backend(w, h, call, name, on, end);
	yajl_tree_free(body);
}

void act_log_level(struct worker *w, handle_t h, const struct web_call *call)
{
	yajl_val body = act_body(w, h, call);
	bool fault = false;
	char by[API_WHO];
	const char *name;
	int level;
	struct json j;

	if (!body)
		return;
	name = act_text(body, "level", &fault);
	level = name ? log_level_of(slice_str(name)) : -1;
	if (level < 0) {
		api_error(w, h, 400, "\"level\" is one of error, warn, info and debug.");
		yajl_tree_free(body);
		return;
	}
	act_log("log", api_who(call, by), "level=%s", name);
	log_set_level((enum log_level)level);
	j = json_new();
	json_open(&j, NULL);
	json_text(&j, "level", slice_str(name));
	answer(w, h, &j);
	yajl_tree_free(body);
}

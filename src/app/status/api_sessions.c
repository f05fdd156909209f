/* The part of the API that is about single sessions: every worker looks for itself, what came in
 * time is merged. */
#include "app/status/api_sessions.h"
#include "app/status/act.h"
#include "app/status/api.h"
#include "app/status/json.h"
#include "app/status/look.h"
#include "app/status/question.h"
#include "app/status/show.h"
#include "app/status/trace.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define SESSIONS "/api/sessions"

static void put_silent(struct json *j, const struct question *q, int n)
{
	json_array(j, "silent_workers");
	for (int i = 0; i < n; i++)
		if (q->to[i] && !q->answers[i].p)
			json_int(j, NULL, i);
	json_array_close(j);
}

static void listed(struct worker *w, struct question *q)
{
	const struct look *look = q->about;
	struct looked *all = looked_new(look);
	struct json j = json_new();
	char cursor[LOOK_CURSOR];
	struct buf body;

	for (int i = 0; i < w->app->n; i++)
		if (q->answers[i].p)
			looked_merge(all, q->answers[i].p, look);
	json_open(&j, NULL);
	json_int(&j, "total", all->total);
	json_int(&j, "matched", all->matched);
	json_array(&j, "list");
	for (uint32_t i = 0; i < all->n; i++) {
		json_open(&j, NULL);
		show_row(&j, all->rows[i]);
		json_text(&j, "backend", slice_str(all->rows[i]->backend));
		json_close(&j);
	}
	json_array_close(&j);
	if (*look_cursor(look, all, cursor))
		json_text(&j, "cursor", slice_str(cursor));
	put_silent(&j, q, w->app->n);
	json_close(&j);
	looked_free(all);
	body = json_done(&j);
	web_reply(w->web, q->request, 200, &body, "application/json");
}

static void list(struct worker *w, handle_t h, struct slice query)
{
	struct look *look = mem_zalloc(sizeof(*look));
	const char *problem = look_parse(look, query);
	struct question *q;

	if (problem) {
		api_error(w, h, 400, problem);
		free(look);
		return;
	}
	q = question_new(w->questions, h, listed, look);
	for (int i = 0; i < w->app->n; i++) {
		struct letter *l = letter_new(LETTER_LIST);

		l->u.look = mem_alloc(sizeof(*look));
		*l->u.look = *look;
		question_ask(w->questions, q, (uint8_t)i, l);
	}
}

/* --- one session --- */

/* Who ends one, and how: for the log. */
struct ending {
	char by[API_WHO], id[PUBLIC_ID], text[256];
};

static void ended(struct worker *w, struct question *q)
{
	const struct ending *e = q->about;
	const struct shown *s = show_of(w, q);
	char text[2 * sizeof(e->text)];

	act_log("end", e->by, "session=%s done=%s text=%s", e->id,
		s && s->status == 200 ? "yes" : "no",
		log_value(text, sizeof(text), slice_str(e->text)));
	show_pass_on(w, q);
}

static void ask_owner(struct worker *w, struct question *q, handle_t session, struct letter *l)
{
	l->session = session;
	question_ask(w->questions, q, handle_worker(session), l);
}

static void end(struct worker *w, handle_t h, handle_t session, const struct web_call *call)
{
	struct json_doc *d = json_read(call->body.n ? call->body : SLICE("{}"));
	const char *text = d ? json_get_text(d, "text") : NULL;
	struct ending *e = mem_zalloc(sizeof(*e));
	struct letter *l;

	if (!d || (text && strlen(text) >= sizeof(e->text))) {
		api_error(w, h, 400,
			  "The body is to be {\"text\": \"why\"}, of 255 bytes at most, or empty.");
		json_free(d);
		free(e);
		return;
	}
	api_who(call, e->by);
	look_id(session, e->id);
	snprintf(e->text, sizeof(e->text), "%s", text ? text : "");
	json_free(d);
	l = letter_new(LETTER_KILL);
	l->u.text = mem_strdup(e->text);
	ask_owner(w, question_new(w->questions, h, ended, e), session, l);
}

static void one(struct worker *w, handle_t h, const struct web_call *call, struct slice rest)
{
	struct slice id = slice_cut(&rest, '/');
	handle_t session;

	if (!look_id_parse(&session, id) || handle_worker(session) >= w->app->n)
		api_error(w, h, 404, "There is no such session.");
	else if (!rest.p && !call->post)
		ask_owner(w, question_new(w->questions, h, show_pass_on, NULL), session,
			  letter_new(LETTER_SHOW));
	else if (slice_is(rest, "trace") && !call->post)
		trace_start(w, h, session);
	else if (slice_is(rest, "end") && call->post)
		end(w, h, session, call);
	else if (slice_is(rest, "end") || !rest.p)
		api_error(w, h, 405, "A session is shown by GET, and ended by POST to its /end.");
	else
		api_error(w, h, 404, "Nothing is known by this name: see doc/API.md.");
}

void api_sessions(struct worker *w, handle_t h, const struct web_call *call)
{
	struct slice rest = call->path;

	rest = slice_of(rest.p + strlen(SESSIONS), rest.n - strlen(SESSIONS));
	if (rest.n == 0 && !call->post)
		list(w, h, call->query);
	else if (rest.n == 0)
		api_error(w, h, 405, "Sessions are listed by GET.");
	else if (rest.n > 1 && *rest.p == '/')
		one(w, h, call, slice_of(rest.p + 1, rest.n - 1));
	else
		api_error(w, h, 404, "Nothing is known by this name: see doc/API.md.");
}

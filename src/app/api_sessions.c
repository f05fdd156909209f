/* The part of the API that is about single sessions: every worker looks for itself, what came in
 * time is merged. */
#include "app/api_sessions.h"
#include "app/api.h"
#include "app/json.h"
#include "app/look.h"
#include "app/question.h"
#include "base/mem.h"

#include <stdlib.h>

static void put_row(struct json *j, const struct look_row *r)
{
	const struct session_facts *f = &r->facts;
	char from[ADDR_TEXT], id[PUBLIC_ID];

	json_open(j, NULL);
	json_text(j, "id", slice_str(look_id(r->handle, id)));
	json_int(j, "worker", handle_worker(r->handle));
	json_text(j, "transport", slice_str(f->front));
	json_text(j, "state", slice_str(session_state_name(f->state)));
	json_text(j, "jid", f->jid);
	json_text(j, "domain", slice_str(f->domain));
	json_text(j, "peer", slice_str(addr_print(&r->peer, false, from)));
	json_int(j, "age_ms", r->age);
	json_int(j, "held", f->counts.held);
	json_int(j, "waiting", f->counts.waiting);
	json_int(j, "queued_bytes", (int64_t)f->counts.queued);
	json_int(j, "replay_bytes", (int64_t)f->counts.kept);
	json_int(j, "stanzas_in", (int64_t)f->in.stanzas);
	json_int(j, "stanzas_out", (int64_t)f->out.stanzas);
	json_text(j, "delivery", slice_str(f->delivery.mode));
	json_int(j, "unproved", f->delivery.unproved);
	json_int(j, "proved", f->delivery.proved);
	json_int(j, "returned", f->delivery.returned);
	json_int(j, "unacknowledged", f->delivery.unacknowledged);
	json_int(j, "given_up", f->delivery.given_up);
	json_int(j, "bytes_in", (int64_t)f->in.bytes);
	json_int(j, "bytes_out", (int64_t)f->out.bytes);
	json_text(j, "backend", slice_str(r->backend));
	json_bool(j, "traced", r->traced);
	json_close(j);
}

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
	for (uint32_t i = 0; i < all->n; i++)
		put_row(&j, all->rows[i]);
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

void api_sessions(struct worker *w, handle_t h, const struct web_call *call)
{
	if (!call->post && slice_is(call->path, "/api/sessions"))
		list(w, h, call->query);
	else
		api_error(w, h, 404, "Nothing is known by this name: see doc/API.md.");
}

/* One session, shown or ended for whoever asked. */
#include "app/status/show.h"
#include "app/sessions_priv.h"
#include "app/status/api.h"
#include "app/status/question.h"
#include "base/mem.h"
#include "net/tls.h"

#include <stdlib.h>
#include <time.h>

void shown_free(void *p)
{
	struct shown *s = p;

	buf_clear(&s->json);
	free(s);
}

void show_row(struct json *j, const struct look_row *r)
{
	const struct session_facts *f = &r->facts;
	char from[ADDR_TEXT], id[PUBLIC_ID];

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
	json_bool(j, "traced", r->traced);
}

static void put_held(struct json *j, const struct front_detail *d)
{
	json_array(j, "held");
	for (uint8_t i = 0; i < d->held; i++) {
		json_open(j, NULL);
		json_int(j, "rid", d->v[i].rid);
		json_int(j, "since_ms", d->v[i].since);
		json_close(j);
	}
	json_array_close(j);
}

static void put_window(struct json *j, const struct front_detail *d, int64_t rid)
{
	json_int(j, "rid", rid);
	json_open(j, "window");
	json_int(j, "requests", d->requests);
	json_int(j, "hold", d->hold);
	json_int(j, "wait_ms", d->wait);
	json_int(j, "inactivity_ms", d->inactivity);
	put_held(j, d);
	json_close(j);
	json_bool(j, "acks", d->acks);
	json_bool(j, "paused", d->paused);
	if (d->left >= 0)
		json_int(j, "inactivity_left_ms", d->left);
}

static void put_backend(struct json *j, const struct entry *e)
{
	bool up = e->leg.state == LEG_UP;
	char address[ADDR_TEXT] = "";
	struct health_row row = {0};
	struct addr peer;

	if (up) {
		peer = conn_peer(&e->leg.conn);
		addr_print(&peer, true, address);
	}
	if (up && e->leg.backend)
		health_row(e->leg.backend, &row);
	json_open(j, "backend");
	json_text(j, "name", slice_str(row.name));
	json_text(j, "address", slice_str(address));
	json_text(j, "tls", slice_str(up ? tls_suite_text(conn_tls_suite(&e->leg.conn)) : ""));
	json_int(j, "unsent_bytes",
		 (int64_t)(session_unsent(e->session) + (up ? e->leg.conn.out.len : 0)));
	json_close(j);
}

static void put_client(struct json *j, const struct entry *e)
{
	char peer[ADDR_TEXT];

	json_open(j, "client");
	json_text(j, "peer", slice_str(addr_print(&e->peer, false, peer)));
	json_text(j, "tls", slice_str(web_tls_text(e->suite)));
	json_text(j, "agent", slice_str(web_agent(table_of(e)->w->web, e->agent)));
	json_close(j);
}

static const char *login_name(enum session_login login)
{
	static const char *const names[] = {"none",  "offered", "missing", "tls-first",
					    "tried", "failed",	"done"};

	return names[login];
}

static void put_events(struct json *j, const struct entry *e, int64_t lived)
{
	uint8_t noted;
	unsigned n = session_events(e->session, &noted);

	json_array(j, "events");
	while (n--) {
		int64_t age;
		enum event what = session_event(e->session, n, &age);

		json_open(j, NULL);
		json_int(j, "at_ms", lived > age ? lived - age : 0);
		json_text(j, "what", slice_str(event_words(what)));
		json_text(j, "label", slice_str(event_label(what)));
		json_close(j);
	}
	json_array_close(j);
}

static void put_row(struct json *j, const struct entry *e, int64_t now)
{
	struct look_row r = {.handle = e->handle,
			     .peer = e->peer,
			     .websocket = e->websocket,
			     .traced = session_traced(e->session)};
	struct buf plain = {0};

	entry_facts(e, &r.facts);
	if (r.facts.jid.n && xml_unescape(&plain, r.facts.jid))
		r.facts.jid = buf_slice(&plain);
	r.age = now - r.facts.born;
	show_row(j, &r);
	buf_clear(&plain);
}

static struct buf show(const struct entry *e)
{
	int64_t now = table_of(e)->w->now;
	struct json j = json_new();
	struct session_facts f;
	struct front_detail d;

	entry_facts(e, &f);
	json_open(&j, NULL);
	put_row(&j, e, now);
	json_int(&j, "born_at", (int64_t)time(NULL) - (now - f.born) / 1000);
	json_text(&j, "login", slice_str(login_name(session_login(e->session))));
	if (session_detail(e->session, now, &d))
		put_window(&j, &d, f.counts.rid);
	put_client(&j, e);
	put_backend(&j, e);
	put_events(&j, e, now - f.born);
	json_close(&j);
	return json_done(&j);
}

/* What is known of one that is not there (any more). */
static struct buf missing(const struct sessions *t, handle_t h)
{
	struct json j = json_new();
	int64_t when = 0;
	enum reason r = gone_find_handle(&t->gone, h, &when);

	if (r == REASON_NONE)
		r = gone_find_handle(&t->gone_ws, h, &when);
	json_open(&j, NULL);
	json_text(&j, "error",
		  r == REASON_NONE ? SLICE("There is no such session (any more).")
				   : SLICE("The session has ended."));
	if (r != REASON_NONE) {
		json_text(&j, "reason", slice_str(reason_label(r)));
		json_text(&j, "text", slice_str(reason_text(r)));
		json_int(&j, "ago_ms", t->w->now - when);
	}
	json_close(&j);
	return json_done(&j);
}

void show_tell(struct sessions *t, const struct letter *l, int status, struct buf json)
{
	struct shown *s = mem_alloc(sizeof(*s));

	s->status = status;
	s->json = json;
	question_answer(t->w, l->from, l->handle, s, shown_free);
}

struct entry *entry_asked(struct sessions *t, const struct letter *l)
{
	struct entry *e = slots_get_tagged(&t->w->slots, l->session, SLOT_SESSION);

	if (!e)
		show_tell(t, l, 404, missing(t, l->session));
	else
		entry_begin(e);
	return e;
}

void sessions_show(struct sessions *t, const struct letter *l)
{
	struct entry *e = entry_asked(t, l);

	if (e)
		show_tell(t, l, 200, show(e));
}

void sessions_kill(struct sessions *t, const struct letter *l)
{
	struct entry *e = entry_asked(t, l);

	if (!e)
		return;
	entry_mark(e);
	session_kill(e->session, slice_str(l->u.text), t->w->now);
	show_tell(t, l, 200, buf_copy(SLICE("{\"ended\":true}")));
}

const struct shown *show_of(const struct worker *w, const struct question *q)
{
	for (int i = 0; i < w->app->n; i++)
		if (q->answers[i].p)
			return q->answers[i].p;
	return NULL;
}

void show_pass_on(struct worker *w, struct question *q)
{
	const struct shown *s = show_of(w, q);
	struct buf body;

	if (!s) {
		api_error(w, q->request, 503, "The session's worker did not answer in time.");
		return;
	}
	body = buf_copy(buf_slice(&s->json));
	web_reply(w->web, q->request, s->status, &body, "application/json");
}

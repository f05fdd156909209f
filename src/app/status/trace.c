/* Watching sessions: the owner's side, which tells of its sessions, and the reader's side, which
 * writes that to an HTTP stream. A trace ends with its session or with its reader. */
#include "app/status/trace.h"
#include "app/sessions_priv.h"
#include "app/status/api.h"
#include "app/status/json.h"
#include "app/status/question.h"
#include "app/status/show.h"
#include "base/mem.h"

#include <stdlib.h>
#include <time.h>

/* --- the owner's side --- */

struct trace {
	struct trace *next;
	handle_t session, stream;
	uint8_t seen;	/* events of the session told of: as session_events() counts them */
	struct buf out; /* gathered in this turn */
};

static int64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void put_event(struct buf *out, const char *event, struct json *j)
{
	struct buf data;

	json_close(j);
	data = json_done(j);
	buf_addf(out, "event: %s\ndata: ", event);
	buf_adds(out, buf_slice(&data));
	BUF_LIT(out, "\n\n");
	buf_clear(&data);
}

static struct json event_new(const char *event)
{
	struct json j = json_new();

	json_open(&j, NULL);
	json_text(&j, "event", slice_str(event));
	json_int(&j, "at_ms", unix_ms());
	return j;
}

static void put_note(struct trace *t, enum event what)
{
	struct json j = event_new("note");

	json_text(&j, "label", slice_str(event_label(what)));
	json_text(&j, "text", slice_str(event_words(what)));
	put_event(&t->out, "note", &j);
}

static void put_stanza(struct trace *t, const struct effect *x)
{
	struct json j = event_new("stanza");

	json_text(&j, "from", x->code == TRACE_CLIENT ? SLICE("client") : SLICE("server"));
	json_int(&j, "bytes", x->ms);
	json_text(&j, "xml", buf_slice(&x->data));
	put_event(&t->out, "stanza", &j);
}

static void send(struct sessions *all, struct trace *t, bool last)
{
	struct letter *l;

	if (!t->out.len && !last)
		return;
	l = letter_new(LETTER_TRACED);
	l->handle = t->stream;
	l->session = t->session;
	l->u.traced.text = buf_take(&t->out);
	l->u.traced.last = last;
	worker_send(all->w, handle_worker(t->stream), l);
}

void trace_stanza(struct entry *e, const struct effect *x)
{
	for (struct trace *t = table_of(e)->traces; t; t = t->next)
		if (t->session == e->handle)
			put_stanza(t, x);
}

/* What has happened since the last turn, as far as it is still known. */
static void notes(struct trace *t, const struct session *s)
{
	uint8_t noted;
	unsigned kept = session_events(s, &noted), n = (uint8_t)(noted - t->seen);
	int64_t age;

	for (n = n < kept ? n : kept; n--;)
		put_note(t, session_event(s, n, &age));
	t->seen = noted;
}

void trace_turn(struct entry *e)
{
	for (struct trace *t = table_of(e)->traces; t; t = t->next) {
		if (t->session != e->handle)
			continue;
		notes(t, e->session);
		send(table_of(e), t, false);
	}
}

static void drop(struct trace **at)
{
	struct trace *t = *at;

	*at = t->next;
	buf_clear(&t->out);
	free(t);
}

void trace_end(struct entry *e, enum reason r)
{
	struct trace **at = &table_of(e)->traces;

	while (*at) {
		struct json j;

		if ((*at)->session != e->handle) {
			at = &(*at)->next;
			continue;
		}
		notes(*at, e->session);
		j = event_new("end");
		json_text(&j, "reason", slice_str(reason_label(r)));
		json_text(&j, "text", slice_str(reason_text(r)));
		put_event(&(*at)->out, "end", &j);
		send(table_of(e), *at, true);
		drop(at);
	}
}

void traces_free(struct sessions *all)
{
	while (all->traces)
		drop(&all->traces);
}

void sessions_trace(struct sessions *all, const struct letter *l)
{
	struct entry *e = entry_asked(all, l);
	struct trace *t;

	if (!e)
		return;
	t = mem_zalloc(sizeof(*t));
	t->session = l->session;
	t->stream = l->u.stream;
	session_events(e->session, &t->seen);
	/* Each reader is told that its trace runs; the session notes that for the first alone. */
	if (session_traced(e->session))
		put_note(t, EVENT_TRACED);
	t->next = all->traces;
	all->traces = t;
	session_trace(e->session, true, all->w->now);
	show_tell(all, l, 200, (struct buf){0});
	entry_mark(e);
}

void sessions_untrace(struct sessions *all, const struct letter *l)
{
	struct entry *e = slots_get_tagged(&all->w->slots, l->session, SLOT_SESSION);
	struct trace **at = &all->traces;
	bool others = false;

	while (*at) {
		if ((*at)->stream == l->handle && (*at)->session == l->session) {
			drop(at);
			continue;
		}
		others |= (*at)->session == l->session;
		at = &(*at)->next;
	}
	if (e && e->session && !others)
		session_trace(e->session, false, all->w->now);
}

/* --- the reader's side --- */

struct reader {
	struct reader *next;
	handle_t session, stream;
};

static void let_go(struct worker *w)
{
	atomic_fetch_sub_explicit(&w->app->traces, 1, memory_order_relaxed);
}

static void untrace(struct worker *w, handle_t session, handle_t stream)
{
	struct letter *l = letter_new(LETTER_UNTRACE);

	l->handle = stream;
	l->session = session;
	worker_send(w, handle_worker(session), l);
	let_go(w);
}

static struct reader **find(struct worker *w, handle_t stream)
{
	struct reader **at = &w->readers;

	while (*at && (*at)->stream != stream)
		at = &(*at)->next;
	return at;
}

static void forget(struct reader **at)
{
	struct reader *r = *at;

	*at = r->next;
	free(r);
}

bool trace_gone(struct worker *w, handle_t stream)
{
	struct reader **at = find(w, stream);
	handle_t session;

	if (!*at)
		return false;
	session = (*at)->session;
	forget(at);
	untrace(w, session, stream);
	return true;
}

void trace_tell(struct worker *w, struct letter *l)
{
	struct reader **at = find(w, l->handle);

	if (!*at)
		return;
	web_stream_write(w->web, l->handle, buf_slice(&l->u.traced.text));
	if (!l->u.traced.last)
		return;
	forget(at);
	let_go(w);
	web_stream_end(w->web, l->handle);
}

void traces_forget(struct worker *w)
{
	while (w->readers)
		forget(&w->readers);
}

/* The owner has begun, or does not know the session, or has not answered: then it may begin late.
 */
static void begun(struct worker *w, struct question *q)
{
	handle_t session = *(const handle_t *)q->about;
	const struct shown *s = show_of(w, q);
	struct reader *r;

	if (s && s->status == 200 && web_stream_begin(w->web, q->request, "text/event-stream")) {
		r = mem_zalloc(sizeof(*r));
		r->session = session;
		r->stream = q->request;
		r->next = w->readers;
		w->readers = r;
		return;
	}
	if (!s || s->status == 200)
		untrace(w, session, q->request);
	else
		let_go(w);
	if (!s || s->status != 200)
		show_pass_on(w, q);
}

void trace_start(struct worker *w, handle_t h, handle_t session)
{
	handle_t *about;
	struct letter *l;

	if (atomic_fetch_add_explicit(&w->app->traces, 1, memory_order_relaxed) >= TRACES_MAX) {
		let_go(w);
		api_error(w, h, 503, "Eight sessions are traced already: end one of these traces.");
		return;
	}
	about = mem_alloc(sizeof(*about));
	*about = session;
	l = letter_new(LETTER_TRACE);
	l->session = session;
	l->u.stream = h;
	question_ask(w->questions, question_new(w->questions, h, begun, about),
		     handle_worker(session), l);
}

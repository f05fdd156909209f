/* Looking at all sessions of a worker: so many a turn, so that nobody waits for it. One question is
 * worked on at a time, in the order that they came. */
#include "app/sessions_priv.h"
#include "app/status/look.h"
#include "app/status/question.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SCAN_BATCH = 1000 }; /* sessions looked at in one turn: about a millisecond */

/* A question that every session is looked at for. */
struct scan {
	struct scan *next;
	uint8_t from; /* who asks */
	handle_t question;
	struct look *look;    /* owned */
	struct looked *found; /* owned */
};

static struct scan *add(struct sessions *t, const struct letter *l)
{
	struct scan *s = mem_zalloc(sizeof(*s)), **at = &t->scans;

	s->from = l->from;
	s->question = l->handle;
	while (*at)
		at = &(*at)->next;
	*at = s;
	return s;
}

void sessions_list(struct sessions *t, struct letter *l)
{
	struct scan *s = add(t, l);

	s->look = MEM_TAKE(l->u.look);
	s->found = looked_new(s->look);
}

static void list(struct scan *s, const struct entry *e, const struct session_facts *f)
{
	const struct look_at at = {f, &e->peer, e->handle, e->websocket};
	struct look_row *r = looked_see(s->found, s->look, &at, table_of(e)->w->now);
	struct health_row backend;

	if (r)
		r->traced = session_traced(e->session);
	if (!r || e->leg.state != LEG_UP || !e->leg.backend)
		return;
	health_row(e->leg.backend, &backend);
	memcpy(r->backend, backend.name, sizeof(r->backend));
}

static void visit(struct scan *s, struct entry *e)
{
	struct session_facts f;
	struct buf plain = {0};

	if (!e->session)
		return;
	entry_facts(e, &f);
	if (f.jid.n && memchr(f.jid.p, '&', f.jid.n) && xml_unescape(&plain, f.jid))
		f.jid = buf_slice(&plain);
	list(s, e, &f);
	buf_clear(&plain);
}

static void begin(struct sessions *t)
{
	t->scanning = true;
	t->scan_at = t->first;
}

static void release(void *found)
{
	looked_free(found);
}

static void scan_free(struct scan *s)
{
	free(s->look);
	if (s->found)
		looked_free(s->found);
	free(s);
}

static void finish(struct sessions *t)
{
	struct scan *s = t->scans;

	t->scanning = false;
	t->scans = s->next;
	looked_sort(s->found, s->look);
	question_answer(t->w, s->from, s->question, MEM_TAKE(s->found), release);
	scan_free(s);
}

bool sessions_scan(struct sessions *t)
{
	for (int i = 0; t->scans && i < SCAN_BATCH; i++) {
		if (!t->scanning)
			begin(t);
		if (t->scan_at) {
			struct entry *e = t->scan_at;

			t->scan_at = e->next;
			visit(t->scans, e);
		} else {
			finish(t);
		}
	}
	return t->scans != NULL;
}

void scan_bury(struct entry *e)
{
	struct sessions *t = table_of(e);

	if (t->scan_at == e)
		t->scan_at = e->next;
}

void scans_free(struct sessions *t)
{
	while (t->scans) {
		struct scan *s = t->scans;

		t->scans = s->next;
		scan_free(s);
	}
	t->scanning = false;
}

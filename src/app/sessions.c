/* The owner's table: finds a session by its sid or its handle, hands it what came for it, lets each
 * session that something happened to act in the turn, and buries those that are dead. */
#include "app/sessions_priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	STOP_BATCH = 200, /* sessions that are told to end in one turn */
	BACKEND_IN_SLACK = 65536,
	DOMAIN_SHOWN = 256, /* bytes in a log line, of one that is not served */
	CONDITION_SHOWN = 64
};

static void on_leg(struct leg *l)
{
	entry_mark(CONTAINER(l, struct entry, leg));
}

struct sessions *sessions_new(struct worker *w)
{
	struct sessions *t = mem_zalloc(sizeof(*t));

	t->w = w;
	t->legs = (struct legs){.loop = w->loop,
				.dialer = dialer_new(w->loop, backends_health(w->app->backends)),
				.backends = w->app->backends,
				.connect = w->app->config->backend_connect * 1000,
				.in_max = w->app->env.backend_limits.bytes + BACKEND_IN_SLACK,
				.news = on_leg};
	random_bytes(t->seed, sizeof(t->seed));
	census_init(&t->census, w->app->config->n_domains);
	t->census.refusals.most = (uint32_t)w->app->config->log_refusals;
	return t;
}

static struct entry *entry_new(struct sessions *t, const struct addr *peer, struct web_client *c)
{
	struct entry *e = mem_zalloc(sizeof(*e));
	char id[PUBLIC_ID], from[ADDR_TEXT];

	e->leg.legs = &t->legs;
	e->peer = *peer;
	e->leg.client = c;
	e->suite = c ? c->suite : 0;
	e->agent = c ? c->agent : 0;
	e->handle = slots_add(&t->w->slots, e);
	slots_tag(&t->w->slots, e->handle, SLOT_SESSION);
	entry_timer_init(e);
	e->next = t->first;
	e->link = &t->first;
	if (t->first)
		t->first->link = &e->next;
	t->first = e;
	t->n++;
	log_debug("session-start", "session=%s peer=%s", entry_id(e, id),
		  addr_print(peer, false, from));
	atomic_fetch_add_explicit(&t->w->app->sessions, 1, memory_order_relaxed);
	return e;
}

static void entry_free(struct entry *e)
{
	struct sessions *t = table_of(e);

	leg_drop(&e->leg);
	ev_timer_stop(t->w->loop, &e->timer);
	if (!e->websocket)
		htab_remove(&t->by_sid, &e->node);
	slots_remove(&t->w->slots, e->handle);
	if (t->stop == e)
		t->stop = e->next;
	if (t->drain_next == e)
		t->drain_next = e->next;
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	session_free(e->session);
	web_client_free(e->leg.client); /* where it never dialled */
	free(e);
	t->n--;
	atomic_fetch_sub_explicit(&t->w->app->sessions, 1, memory_order_relaxed);
}

static bool same_sid(const struct htab_node *node, struct slice key)
{
	return memcmp(CONTAINER(node, struct entry, node)->secret, key.p, key.n) == 0;
}

static struct slice sid_key(const struct sid *sid, uint8_t secret[SID_RANDOM + SID_TAG])
{
	memcpy(secret, sid->random, SID_RANDOM);
	memcpy(secret + SID_RANDOM, sid->tag, SID_TAG);
	return slice_of((const char *)secret, SID_RANDOM + SID_TAG);
}

/* A forged tag is not found, although no HMAC is computed here: ours is part of the key. */
static struct entry *find(const struct sessions *t, const struct sid *sid)
{
	uint8_t secret[SID_RANDOM + SID_TAG];
	struct slice key = sid_key(sid, secret);
	struct htab_node *node = htab_find(&t->by_sid, htab_hash(key, t->seed), key, same_sid);

	return node ? CONTAINER(node, struct entry, node) : NULL;
}

/* Why no session can be made now; REASON_NONE where one can. */
static enum reason refusal(const struct sessions *t)
{
	const struct app *app = t->w->app;

	if (t->w->stopping || atomic_load_explicit(&app->draining, memory_order_relaxed))
		return REASON_SYSTEM_SHUTDOWN;
	if (atomic_load_explicit(&app->sessions, memory_order_relaxed) >=
	    (unsigned)app->config->limits_sessions)
		return REASON_OVERLOADED;
	return REASON_NONE;
}

const char *sessions_refusal(const struct sessions *t)
{
	enum reason r = refusal(t);

	if (r == REASON_NONE)
		return NULL;
	return r == REASON_OVERLOADED
		   ? "This Fairlead has as many sessions as limits.sessions allows."
		   : "This Fairlead takes no new sessions: it is being drained, "
		     "or is shutting down.";
}

static void log_refused(struct sessions *t, const char *transport, const struct addr *peer,
			enum reason r, const char *more)
{
	char from[ADDR_TEXT];

	if (!refusal_note(&t->census.refusals, r, t->w->now))
		return;
	log_info("refused", "transport=%s reason=%s peer=%s%s text=\"%s\"", transport,
		 reason_label(r), addr_print(peer, false, from), more, reason_text(r));
}

/* A request that finds no session, or may not have one. */
static void refuse(struct sessions *t, const struct letter *request, enum reason r)
{
	const struct body *body = request->u.request.body;
	bool create = request->u.request.create;
	struct slice content = create ? bosh_content(body) : SLICE_NONE;
	struct letter *l = letter_new(LETTER_REPLY);
	uint8_t secret[SID_RANDOM + SID_TAG];
	char gone[GONE_TEXT] = "";

	l->handle = request->handle;
	l->u.reply.status = bosh_status(r, create && bosh_legacy(body));
	if (content.p)
		l->u.reply.type = mem_strndup(content.p, content.n);
	if (r == REASON_SEE_OTHER_URI)
		bosh_see_other(&l->u.reply.body, t->w->app->config->bosh_see_other_uri);
	else
		bosh_terminal(&l->u.reply.body, r);
	if (!create)
		gone_text(&t->gone, htab_hash(sid_key(&request->u.request.sid, secret), t->seed),
			  t->w->now, gone);
	log_refused(t, "bosh", &request->u.request.peer, r, gone);
	worker_send(t->w, handle_worker(l->handle), l);
}

/* XEP-0124 19.1: whoever asks for a secure session on a plain connection loses that connection, and
 * the session goes on. */
static void drop(struct sessions *t, const struct letter *request)
{
	struct letter *l = letter_new(LETTER_REPLY);

	l->handle = request->handle;
	log_refused(t, "bosh", &request->u.request.peer, REASON_NOT_SECURE, "");
	worker_send(t->w, handle_worker(l->handle), l);
}

static void create(struct sessions *t, struct letter *l)
{
	struct worker *w = t->w;
	enum reason r = bosh_check_creation(l->u.request.body);
	struct sid sid = {.instance = w->app->instance, .worker = w->index};
	char text[SID_LENGTH];
	struct entry *e;

	if (r == REASON_NONE && *w->app->config->bosh_see_other_uri)
		r = REASON_SEE_OTHER_URI;
	if (r == REASON_NONE)
		r = refusal(t);
	if (r != REASON_NONE) {
		refuse(t, l, r);
		return;
	}
	random_bytes(sid.random, sizeof(sid.random));
	sid_print(w->signer, &sid, text);
	e = entry_new(t, &l->u.request.peer, MEM_TAKE(l->u.request.client));
	e->secure = l->u.request.body->by_tls;
	t->census.tally.created[TRANSPORT_BOSH]++;
	htab_add(&t->by_sid, &e->node, htab_hash(sid_key(&sid, e->secret), t->seed));
	e->session = session_new_bosh(&w->app->env, slice_of(text, sizeof(text)), l->handle,
				      &l->u.request.body, w->now);
	mem_wipe(text, sizeof(text));
	entry_mark(e);
}

handle_t sessions_websocket(struct sessions *t, handle_t ws, const struct addr *peer,
			    struct web_client *client)
{
	enum reason r = refusal(t);
	struct entry *e;

	if (r != REASON_NONE) {
		log_refused(t, "websocket", peer, r, "");
		web_client_free(client);
		return 0;
	}
	e = entry_new(t, peer, client);
	t->census.tally.created[TRANSPORT_WEBSOCKET]++;
	e->ws = ws;
	e->websocket = true;
	entry_mark(e);
	return e->handle;
}

static void request(struct sessions *t, struct letter *l)
{
	struct worker *w = t->w;
	struct entry *e;

	t->requests++;
	t->foreign += handle_worker(l->handle) != w->index;
	if (l->u.request.create) {
		create(t, l);
		return;
	}
	e = find(t, &l->u.request.sid);
	if (!e) {
		refuse(t, l, REASON_ITEM_NOT_FOUND);
		return;
	}
	if (e->secure && l->u.request.body->bare) {
		drop(t, l);
		return;
	}
	entry_mark(e);
	session_request(e->session, l->handle, &l->u.request.body, w->now, &w->effects);
	entry_carry_out(e);
}

void sessions_deliver(struct sessions *t, struct letter *l)
{
	int64_t now = t->w->now;
	struct entry *e;

	if (l->type == LETTER_REQUEST) {
		request(t, l);
		return;
	}
	e = slots_get(&t->w->slots, l->session);
	if (!e)
		return;
	entry_begin(e);
	entry_mark(e);
	switch (l->type) {
	case LETTER_HURRY: session_hurry(e->session, l->handle, now); break;
	case LETTER_GONE: session_gone(e->session, l->handle, now); break;
	case LETTER_FRAME: session_frame(e->session, &l->u.frame.frame, l->u.frame.bad, now); break;
	case LETTER_PONG: session_pong(e->session, l->u.serial, now); break;
	case LETTER_DRAINED:
		session_drained(e->session, l->u.drained.n, l->u.drained.waited);
		break;
	case LETTER_CLOSED: session_ws_gone(e->session, now); break;
	default: assert(!"a letter for a session");
	}
}

/* For the log. One that is not served may be anything: it is cut, and in quotes where it is odd. */
static const char *domain_asked(const struct entry *e, char dst[DOMAIN_SHOWN])
{
	const char *domain = session_domain(e->session);

	if (!*domain)
		return "-";
	if (session_route(e->session))
		return domain;
	return log_value(dst, DOMAIN_SHOWN, slice_str(domain));
}

/* How the server named its error, as a field with a blank before it. */
static const char *condition_given(const struct entry *e, enum reason r, char dst[CONDITION_SHOWN])
{
	struct slice c = session_condition(e->session);

	if (r != REASON_SERVER_ERROR)
		return "";
	snprintf(dst, CONDITION_SHOWN, " condition=%.*s", c.n ? (int)c.n : 1, c.n ? c.p : "-");
	return dst;
}

static void log_end(const struct entry *e, const struct session_facts *f)
{
	char id[PUBLIC_ID], from[ADDR_TEXT], domain[DOMAIN_SHOWN], condition[CONDITION_SHOWN];
	struct worker *w = table_of(e)->w;

	log_info(
	    "session-end",
	    "session=%s reason=%s%s transport=%s domain=%s peer=%s age=%lld.%03d stanzas-in=%llu "
	    "stanzas-out=%llu bytes-in=%llu bytes-out=%llu unproved=%u returned=%u unacked=%u "
	    "given-up=%u text=\"%s\"",
	    entry_id(e, id), reason_label(f->reason), condition_given(e, f->reason, condition),
	    f->front, domain_asked(e, domain), addr_print(&e->peer, false, from),
	    (long long)((w->now - f->born) / 1000), (int)((w->now - f->born) % 1000),
	    (unsigned long long)f->in.stanzas, (unsigned long long)f->out.stanzas,
	    (unsigned long long)f->in.bytes, (unsigned long long)f->out.bytes, f->delivery.unproved,
	    f->delivery.returned, f->delivery.unacknowledged, f->delivery.given_up,
	    reason_text(f->reason));
}

static void bury(struct entry *e)
{
	struct session_facts f;

	session_facts(e->session, &f);
	log_end(e, &f);
	gone_add(e->websocket ? &table_of(e)->gone_ws : &table_of(e)->gone, e->node.hash, e->handle,
		 f.reason, table_of(e)->w->now);
	if (session_traced(e->session))
		trace_end(e, f.reason);
	scan_bury(e);
	entry_uncount(e);
	census_end(&table_of(e)->census, &f, e->websocket ? TRANSPORT_WEBSOCKET : TRANSPORT_BOSH);
	entry_free(e);
}

/* Those that did not end in time end here, and are told of like all others. */
void sessions_free(struct sessions *t)
{
	traces_free(t); /* first: they would be told of the end at a worker that is gone */
	while (t->first) {
		entry_begin(t->first);
		bury(t->first);
	}
	scans_free(t);
	htab_clear(&t->by_sid);
	dialer_free(t->legs.dialer);
	census_clear(&t->census);
	sessions_drained(t);
	free(t);
}

void sessions_pump(struct sessions *t)
{
	struct entry *e, *list = t->marked;

	t->marked = NULL;
	while ((e = list)) {
		list = e->next_marked;
		e->marked = false;
		if (!entry_pump(e))
			bury(e);
	}
}

bool sessions_stop(struct sessions *t, enum reason r)
{
	if (!t->stopping)
		t->stop = t->first; /* no new ones are made from now on: one walk reaches all */
	t->stopping = true;
	for (int i = 0; i < STOP_BATCH && t->stop; i++) {
		struct entry *e = t->stop;

		t->stop = e->next;
		entry_begin(e);
		entry_mark(e);
		session_close(e->session, r, t->w->now);
	}
	return t->stop != NULL;
}

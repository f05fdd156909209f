/* The owner's table. An entry is what the world knows of a session: its place in the table, its leg
 * to the backend (a dial, then a socket), its timer. Events mark an entry; sessions_pump() lets
 * each marked session act, carries out its effects, and frees those that are dead. */
#include "app/sessions.h"
#include "app/gone.h"
#include "app/leg.h"
#include "app/tally.h"
#include "base/htab.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

#include <assert.h>
#include <stdlib.h>

enum {
	STOP_BATCH = 200, /* sessions that are told to end in one turn */
	BACKEND_IN_SLACK = 65536
};

struct entry {
	struct htab_node node;	    /* by sid; BOSH only */
	struct session *session;    /* owned */
	struct entry *next, **link; /* all entries */
	struct entry *next_marked;  /* valid while marked */
	struct leg leg;		    /* to the backend */
	ev_timer timer;
	handle_t handle;
	int64_t armed;		   /* when the timer fires; TIME_NEVER: not running */
	struct web_client *client; /* owned, until it dials; or NULL */
	struct addr peer;
	bool websocket, marked;
	bool greeted; /* the server's first features were looked at */
	union {
		handle_t ws;			      /* of a WebSocket */
		uint8_t secret[SID_RANDOM + SID_TAG]; /* BOSH: what nobody can guess of its sid */
	};
};

struct sessions {
	struct worker *w; /* borrowed */
	struct legs legs;
	struct htab by_sid;
	uint8_t seed[16];
	struct entry *first, *marked;
	struct entry *stop; /* stopping: the next to be told to end */
	bool stopping;
	uint32_t n;
	struct gone gone;
	struct tally past; /* what ended sessions add up to; gauges unused */
};

static struct sessions *table_of(const struct entry *e)
{
	return CONTAINER(e->leg.legs, struct sessions, legs);
}

static void mark(struct entry *e)
{
	if (e->marked)
		return;
	e->marked = true;
	e->next_marked = table_of(e)->marked;
	table_of(e)->marked = e;
}

static void on_leg(struct leg *l)
{
	mark(CONTAINER(l, struct entry, leg));
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
	return t;
}

/* The public name of a session, worker-slot-generation: says nothing of its sid. */
static const char *public_id(const struct entry *e, char dst[PUBLIC_ID])
{
	snprintf(dst, PUBLIC_ID, "%u-%u-%u", handle_worker(e->handle),
		 (unsigned)(e->handle >> 32) & 0xffffff, (unsigned)e->handle);
	return dst;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct entry *e = CONTAINER(timer, struct entry, timer);

	(void)loop, (void)events;
	e->armed = TIME_NEVER;
	mark(e);
}

/* A later expiry leaves the timer alone: it fires early, looks, and is armed anew. */
static void arm(struct entry *e)
{
	struct worker *w = table_of(e)->w;
	int64_t at = session_expiry(e->session);

	if (at >= e->armed)
		return;
	ev_timer_stop(w->loop, &e->timer);
	ev_timer_set(&e->timer, at <= w->now ? 0. : (double)(at - w->now) / 1000. + .0005, 0.);
	ev_timer_start(w->loop, &e->timer);
	e->armed = at;
}

static struct entry *entry_new(struct sessions *t, const struct addr *peer, struct web_client *c)
{
	struct entry *e = mem_zalloc(sizeof(*e));
	char id[PUBLIC_ID], from[ADDR_TEXT];

	e->leg.legs = &t->legs;
	e->peer = *peer;
	e->client = c;
	e->armed = TIME_NEVER;
	e->handle = slots_add(&t->w->slots, e);
	ev_timer_init(&e->timer, on_timer, 0., 0.);
	e->next = t->first;
	e->link = &t->first;
	if (t->first)
		t->first->link = &e->next;
	t->first = e;
	t->n++;
	t->past.created++;
	log_debug("session-start", "session=%s peer=%s", public_id(e, id),
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
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	session_free(e->session);
	web_client_free(e->client);
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

	if (t->w->stopping)
		return REASON_SYSTEM_SHUTDOWN;
	if (atomic_load_explicit(&app->sessions, memory_order_relaxed) >=
	    (unsigned)app->config->limits_sessions)
		return REASON_OVERLOADED;
	return REASON_NONE;
}

static void log_refused(struct sessions *t, const char *transport, const struct addr *peer,
			enum reason r, const char *more)
{
	char from[ADDR_TEXT];

	t->past.refused++;
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
	htab_add(&t->by_sid, &e->node, htab_hash(sid_key(&sid, e->secret), t->seed));
	e->session = session_new_bosh(&w->app->env, slice_of(text, sizeof(text)), l->handle,
				      &l->u.request.body, w->now);
	mem_wipe(text, sizeof(text));
	mark(e);
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
	e->ws = ws;
	e->websocket = true;
	mark(e);
	return e->handle;
}

static void carry_out(struct entry *e);

static void request(struct sessions *t, struct letter *l)
{
	struct worker *w = t->w;
	struct entry *e;

	t->past.requests++;
	t->past.foreign += handle_worker(l->handle) != w->index;
	if (l->u.request.create) {
		create(t, l);
		return;
	}
	e = find(t, &l->u.request.sid);
	if (!e) {
		refuse(t, l, REASON_ITEM_NOT_FOUND);
		return;
	}
	session_request(e->session, l->handle, &l->u.request.body, w->now, &w->effects);
	carry_out(e);
	mark(e);
}

/* A WebSocket's session begins with the first letter about it, or with its first turn. */
static void begin(struct entry *e)
{
	struct worker *w = table_of(e)->w;

	if (!e->session)
		e->session = session_new_websocket(&w->app->env, e->ws, w->now);
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
	begin(e);
	switch (l->type) {
	case LETTER_HURRY: session_hurry(e->session, l->handle, now); break;
	case LETTER_GONE: session_gone(e->session, l->handle, now); break;
	case LETTER_FRAME: session_frame(e->session, &l->u.frame.frame, l->u.frame.bad, now); break;
	case LETTER_PONG: session_pong(e->session, l->u.serial, now); break;
	case LETTER_DRAINED: session_drained(e->session); break;
	case LETTER_CLOSED: session_ws_gone(e->session, now); break;
	default: assert(!"a letter for a session");
	}
	mark(e);
}

static void dial(struct entry *e)
{
	char id[PUBLIC_ID];
	struct proxy who = {.source = e->peer};

	if (e->client) {
		who.destination = e->client->local;
		who.tls = e->client->tls;
		who.authority = slice_str(e->client->host);
	}
	leg_dial(&e->leg, session_route(e->session), session_domain(e->session),
		 session_backend(e->session), &who, public_id(e, id));
	web_client_free(MEM_TAKE(e->client));
}

static void to_backend(struct entry *e, struct buf *data)
{
	assert(e->leg.state == LEG_UP);
	if (e->leg.conn.out.len) {
		buf_adds(&e->leg.conn.out, buf_slice(data));
	} else {
		buf_clear(&e->leg.conn.out);
		e->leg.conn.out = buf_take(data);
	}
}

static void to_web(struct entry *e, enum letter_type type, struct effect *x)
{
	struct letter *l = letter_new(type);

	l->handle = x->handle;
	l->session = e->handle;
	if (type == LETTER_REPLY) {
		l->u.reply.status = x->code;
		l->u.reply.body = buf_take(&x->data);
		if (x->content)
			l->u.reply.type = mem_strndup(x->content, strlen(x->content));
	} else if (type == LETTER_HELD) {
		l->u.wait = x->ms;
	} else if (type == LETTER_SEND) {
		l->u.frames = buf_take(&x->data);
	} else if (type == LETTER_CLOSE) {
		l->u.code = (uint16_t)x->code;
	}
	worker_send(table_of(e)->w, handle_worker(x->handle), l);
}

static void carry_out_one(struct entry *e, struct effect *x)
{
	struct ev_loop *loop = table_of(e)->w->loop;

	switch (x->type) {
	case EFFECT_REPLY: to_web(e, LETTER_REPLY, x); break;
	case EFFECT_HELD: to_web(e, LETTER_HELD, x); break;
	case EFFECT_SEND: to_web(e, LETTER_SEND, x); break;
	case EFFECT_CLOSE: to_web(e, LETTER_CLOSE, x); break;
	case EFFECT_PAUSE: to_web(e, LETTER_PAUSE, x); break;
	case EFFECT_RESUME: to_web(e, LETTER_RESUME, x); break;
	case EFFECT_DIAL: dial(e); break;
	case EFFECT_WRITE: to_backend(e, &x->data); break;
	case EFFECT_HANGUP:
		assert(e->leg.state == LEG_UP);
		conn_shutdown(&e->leg.conn, loop);
		break;
	case EFFECT_DROP: leg_drop(&e->leg); break;
	case EFFECT_READ_OFF:
		assert(e->leg.state == LEG_UP);
		conn_pause(&e->leg.conn, loop);
		break;
	case EFFECT_READ_ON:
		assert(e->leg.state == LEG_UP);
		conn_resume(&e->leg.conn, loop);
		break;
	}
}

/* The effects of one session, in order; then one write for all that goes to its backend. */
static void carry_out(struct entry *e)
{
	struct effects *fx = &table_of(e)->w->effects;

	for (uint32_t i = 0; i < fx->n; i++)
		carry_out_one(e, &fx->v[i]);
	effects_reset(fx);
	if (e->leg.state == LEG_UP && e->leg.conn.out.len)
		conn_flush(&e->leg.conn, table_of(e)->w->loop);
}

static void log_end(const struct entry *e, const struct session_facts *f)
{
	char id[PUBLIC_ID], from[ADDR_TEXT];
	struct worker *w = table_of(e)->w;

	log_info(
	    "session-end",
	    "session=%s reason=%s transport=%s domain=%s peer=%s age=%lld.%03d stanzas-in=%llu "
	    "stanzas-out=%llu bytes-in=%llu bytes-out=%llu unproved=%u returned=%u unacked=%u "
	    "given-up=%u text=\"%s\"",
	    public_id(e, id), reason_label(f->reason), f->front, *f->domain ? f->domain : "-",
	    addr_print(&e->peer, false, from), (long long)((w->now - f->born) / 1000),
	    (int)((w->now - f->born) % 1000), (unsigned long long)f->in.stanzas,
	    (unsigned long long)f->out.stanzas, (unsigned long long)f->in.bytes,
	    (unsigned long long)f->out.bytes, f->delivery.unproved, f->delivery.returned,
	    f->delivery.unacknowledged, f->delivery.given_up, reason_text(f->reason));
}

static void bury(struct entry *e)
{
	struct session_facts f;

	session_facts(e->session, &f);
	log_end(e, &f);
	if (!e->websocket)
		gone_add(&table_of(e)->gone, e->node.hash, f.reason, table_of(e)->w->now);
	tally_traffic(&table_of(e)->past, &f);
	table_of(e)->past.ended++;
	entry_free(e);
}

/* After all that came was used up, an end of the connection is the session's too. */
static bool backend_ended(struct entry *e)
{
	struct conn *c = &e->leg.conn;

	return e->leg.state == LEG_UP && (c->error || c->eof) && !c->paused;
}

/* An error is told of: a machine that went away, or a server that does not take our certificate, of
 * which TLS 1.3 hears only after its handshake. */
static void lost(struct entry *e)
{
	char id[PUBLIC_ID], problem[256];

	if (e->leg.conn.error)
		log_info("backend-lost", "session=%s domain=%s problem=\"%s\"", public_id(e, id),
			 session_domain(e->session),
			 conn_problem(&e->leg.conn, problem, sizeof(problem)));
	leg_drop(&e->leg);
	session_disconnected(e->session, REASON_SERVER_LOST, table_of(e)->w->now);
}

/* Tells the session how its dial went. */
static void dialled(struct entry *e)
{
	if (e->leg.state == LEG_READY) {
		e->leg.state = LEG_UP;
		session_connected(e->session, table_of(e)->w->now);
	} else if (e->leg.state == LEG_FAILED) {
		e->leg.state = LEG_NONE;
		session_disconnected(e->session, REASON_SERVER_UNREACHABLE, table_of(e)->w->now);
	}
}

static void greeted(struct entry *e)
{
	enum session_login login = session_login(e->session);
	char id[PUBLIC_ID];

	e->greeted = login != SESSION_LOGIN_UNTOLD;
	if (login == SESSION_LOGIN_MISSING || login == SESSION_LOGIN_TLS_FIRST)
		leg_no_login(&e->leg, session_route(e->session), session_domain(e->session),
			     login == SESSION_LOGIN_TLS_FIRST, table_of(e)->w->now,
			     public_id(e, id));
}

static void pump(struct entry *e)
{
	struct worker *w = table_of(e)->w;
	struct buf none = {0};
	struct conn *c = &e->leg.conn;
	bool up, was_full;

	begin(e);
	dialled(e);
	up = e->leg.state == LEG_UP;
	was_full = up && c->in.len >= c->in_max;
	session_pump(e->session, up ? &c->in : &none, up ? c->out.len : 0, w->now, &w->effects);
	if (up && session_unheard(e->session))
		leg_blame(&e->leg, w->now, "connected, but no stream header");
	if (!e->greeted)
		greeted(e);
	carry_out(e);
	if (was_full && e->leg.state == LEG_UP && !c->paused)
		conn_resume(c, w->loop);
	if (backend_ended(e)) {
		lost(e);
		session_pump(e->session, &none, 0, w->now, &w->effects);
		carry_out(e);
	}
	if (session_state(e->session) == SESSION_DEAD) {
		bury(e);
		return;
	}
	/* What was too much went out at once: nobody else would tell. */
	if (session_crowded(e->session) && e->leg.state == LEG_UP && c->out.len == 0)
		mark(e);
	arm(e);
}

/* Those that did not end in time end here, and are told of like all others. */
void sessions_free(struct sessions *t)
{
	while (t->first) {
		begin(t->first);
		bury(t->first);
	}
	htab_clear(&t->by_sid);
	dialer_free(t->legs.dialer);
	free(t);
}

void sessions_pump(struct sessions *t)
{
	struct entry *e, *list = t->marked;

	t->marked = NULL;
	while ((e = list)) {
		list = e->next_marked;
		e->marked = false;
		pump(e);
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
		begin(e);
		if (session_state(e->session) >= SESSION_CLOSING)
			continue;
		session_close(e->session, r, t->w->now);
		mark(e);
	}
	return t->stop != NULL;
}

void sessions_tally(struct sessions *t, struct tally *y, uint32_t most)
{
	uint8_t worker = y->worker;

	*y = t->past;
	y->worker = worker;
	y->sessions = t->n;
	if (most > t->n)
		most = t->n;
	y->rows = mem_alloc(most * sizeof(*y->rows));
	for (struct entry *e = t->first; e; e = e->next) {
		struct session_facts f;

		if (!e->session)
			continue;
		session_facts(e->session, &f);
		if (e->websocket) /* the session hears of what was written only now and then */
			f.counts.queued = web_ws_unsent(t->w->web, e->ws);
		tally_session(y, &f, e->websocket);
		if (y->n_rows < most)
			public_id(e, tally_row(y, &f, &e->peer, t->w->now)->id);
	}
}

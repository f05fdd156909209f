/* One session of the owner's table: its timer, its effects, its leg to the backend. Events mark an
 * entry; in the turn entry_pump() lets the session act on them and carries out what it wants. */
#include "app/sessions_priv.h"
#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>

enum {
	NO_LOGIN_LATELY = 120000, /* ms */
	AWAY_GRACE = 500	  /* ms */
};

static const ev_tstamp AWAY_MIN = .5; /* s that a timer comes too late: see excused() */

static void see(struct entry *e, const struct session_facts *f, bool back)
{
	struct sessions *t = table_of(e);
	const struct route *r = session_route(e->session);
	size_t domain = r ? (size_t)(r - t->w->app->env.routes.v) : t->census.tally.n_domains;

	census_see(&t->census, f, e->websocket ? TRANSPORT_WEBSOCKET : TRANSPORT_BOSH, domain,
		   back);
	e->counted = !back;
}

void entry_uncount(struct entry *e)
{
	struct session_facts f;

	if (!e->counted)
		return;
	session_facts(e->session, &f);
	if (e->websocket)
		f.counts.queued = e->queue;
	see(e, &f, true);
}

/* How long things wait for the client: what went out in the turn in which it came took as long as
 * that turn, which is known at its end. */
static void watch_queue(struct entry *e, const struct session_facts *f, uint64_t had)
{
	struct sessions *t = table_of(e);
	uint32_t now = (uint32_t)t->w->now | 1;

	if (f->counts.queued) {
		if (!e->queued_since)
			e->queued_since = now;
	} else if (e->queued_since) {
		histogram_add(&t->census.tally.deliveries, (uint64_t)(now - e->queued_since) * 1000,
			      1);
		e->queued_since = 0;
	} else if (f->out.bytes != had) {
		t->delivered++;
	}
}

static void count(struct entry *e, uint64_t had)
{
	struct session_facts f;

	session_facts(e->session, &f);
	if (e->websocket) /* the session hears of what was written only now and then */
		f.counts.queued = e->queue = (uint32_t)web_ws_held_up(table_of(e)->w->web, e->ws);
	see(e, &f, false);
	watch_queue(e, &f, had);
}

void entry_mark(struct entry *e)
{
	entry_uncount(e);
	if (e->marked)
		return;
	e->marked = true;
	e->next_marked = table_of(e)->marked;
	table_of(e)->marked = e;
}

const char *entry_id(const struct entry *e, char dst[PUBLIC_ID])
{
	return look_id(e->handle, dst);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct entry *e = CONTAINER(timer, struct entry, timer);

	(void)events;
	if (ev_timer_remaining(loop, timer) < -AWAY_MIN)
		table_of(e)->w->grace = worker_clock() + AWAY_GRACE;
	entry_mark(e);
}

/* Where a timer came far too late the loop did not come round, as of a process that was stopped:
 * what the clients said in time may still be with the kernel, and is read first. */
static bool excused(const struct entry *e)
{
	const struct worker *w = table_of(e)->w;

	return w->now < w->grace && session_expiry(e->session) <= w->now;
}

/* A later expiry leaves the timer alone: it fires early, looks, and is armed anew. */
static void arm(struct entry *e)
{
	struct worker *w = table_of(e)->w;
	int64_t at = session_expiry(e->session), left;

	if (at == TIME_NEVER)
		return;
	if (at < w->grace)
		at = w->grace;
	left = at <= w->now ? 0 : at - w->now;
	if (ev_is_active(&e->timer) &&
	    (double)left / 1000. + .001 >= ev_timer_remaining(w->loop, &e->timer))
		return;
	ev_timer_stop(w->loop, &e->timer);
	ev_timer_set(&e->timer, left ? (double)left / 1000. + .0005 : 0., 0.);
	ev_timer_start(w->loop, &e->timer);
}

void entry_timer_init(struct entry *e)
{
	ev_timer_init(&e->timer, on_timer, 0., 0.);
}

void entry_begin(struct entry *e)
{
	struct worker *w = table_of(e)->w;

	if (!e->session)
		e->session = session_new_websocket(&w->app->env, e->ws, w->now);
}

void entry_facts(const struct entry *e, struct session_facts *f)
{
	session_facts(e->session, f);
	if (e->websocket)
		f->counts.queued = web_ws_unsent(table_of(e)->w->web, e->ws);
}

static void dial(struct entry *e)
{
	char id[PUBLIC_ID];
	struct proxy who = {.source = e->peer};
	struct web_client *c = MEM_TAKE(e->leg.client);

	if (c) {
		who.destination = c->local;
		who.tls = c->tls;
		who.authority = slice_str(c->host);
	}
	leg_dial(&e->leg, session_route(e->session), session_domain(e->session),
		 session_backend(e->session), &who, entry_id(e, id));
	web_client_free(c);
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
	case EFFECT_TRACE: trace_stanza(e, x); break;
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

void entry_carry_out(struct entry *e)
{
	struct effects *fx = &table_of(e)->w->effects;

	for (uint32_t i = 0; i < fx->n; i++)
		carry_out_one(e, &fx->v[i]);
	effects_reset(fx);
	if (e->leg.state == LEG_UP && e->leg.conn.out.len)
		conn_flush(&e->leg.conn, table_of(e)->w->loop);
}

/* After all that came was used up, an end of the connection is the session's too. */
static bool backend_ended(struct entry *e)
{
	struct conn *c = &e->leg.conn;

	return e->leg.state == LEG_UP && (conn_over(c) || c->eof) && !c->paused;
}

/* An error is told of: a machine that went away, or a server that does not take our certificate, of
 * which TLS 1.3 hears only after its handshake. It may be a proxy in front of a server that is
 * down, which takes connections all the same. */
static void lost(struct entry *e)
{
	struct worker *w = table_of(e)->w;
	char id[PUBLIC_ID], problem[256];

	if (e->leg.conn.error)
		log_info("backend-lost", "session=%s domain=%s problem=\"%s\"", entry_id(e, id),
			 session_domain(e->session),
			 conn_problem(&e->leg.conn, problem, sizeof(problem)));
	if (session_state(e->session) == SESSION_OPENING)
		leg_blame(&e->leg, session_domain(e->session), w->now,
			  "connected, and closed before a stream header");
	leg_drop(&e->leg);
	session_disconnected(e->session, REASON_SERVER_LOST, w->now);
}

/* Tells the session how its dial went. */
static void dialled(struct entry *e)
{
	if (e->leg.state == LEG_READY) {
		e->leg.state = LEG_UP;
		session_connected(e->session, table_of(e)->w->now);
	} else if (e->leg.state == LEG_FAILED) {
		e->leg.state = LEG_NONE;
		e->leg.client = NULL;
		session_disconnected(e->session, REASON_SERVER_UNREACHABLE, table_of(e)->w->now);
	}
}

/* For the status page, as long as it is of late. */
static void note_no_login(struct entry *e, bool starttls)
{
	struct sessions *t = table_of(e);

	t->no_login_until = t->w->now + NO_LOGIN_LATELY;
	snprintf(t->no_login, sizeof(t->no_login),
		 "The server of %.100s offers no way to log in: %s", session_domain(e->session),
		 starttls ? "it asks for TLS first. Set \"tls\" of the domain to starttls, or let "
			    "the server take logins from here without TLS."
			  : "look at the SASL mechanisms that it allows on this connection.");
}

static void greeted(struct entry *e)
{
	enum session_login login = session_login(e->session);
	char id[PUBLIC_ID];

	e->greeted = login != SESSION_LOGIN_UNTOLD;
	if (login == SESSION_LOGIN_MISSING || login == SESSION_LOGIN_TLS_FIRST)
		note_no_login(e, login == SESSION_LOGIN_TLS_FIRST);
	if (login == SESSION_LOGIN_MISSING || login == SESSION_LOGIN_TLS_FIRST)
		leg_no_login(&e->leg, session_route(e->session), session_domain(e->session),
			     login == SESSION_LOGIN_TLS_FIRST, table_of(e)->w->now,
			     entry_id(e, id));
}

bool entry_pump(struct entry *e)
{
	struct worker *w = table_of(e)->w;
	struct buf none = {0};
	struct conn *c = &e->leg.conn;
	bool up, was_full;
	uint64_t had;

	entry_begin(e);
	entry_uncount(e);
	had = session_bytes_out(e->session);
	if (excused(e)) {
		count(e, had);
		arm(e);
		return true;
	}
	dialled(e);
	up = e->leg.state == LEG_UP;
	was_full = up && c->in.len >= c->in_max;
	session_pump(e->session, up ? &c->in : &none, up ? c->out.len : 0, w->now, &w->effects);
	if (up && (session_state(e->session) == SESSION_OPEN ||
		   session_state(e->session) == SESSION_DETACHED))
		leg_heard(&e->leg, session_domain(e->session));
	if (up && session_unheard(e->session))
		leg_blame(&e->leg, session_domain(e->session), w->now,
			  "connected, but no stream header");
	if (!e->greeted)
		greeted(e);
	entry_carry_out(e);
	if (was_full && e->leg.state == LEG_UP && !c->paused)
		conn_resume(c, w->loop);
	if (backend_ended(e)) {
		lost(e);
		session_pump(e->session, &none, 0, w->now, &w->effects);
		entry_carry_out(e);
	}
	if (session_state(e->session) == SESSION_DEAD)
		return false;
	if (session_traced(e->session))
		trace_turn(e);
	count(e, had);
	/* What was too much went out at once: nobody else would tell. */
	if (session_crowded(e->session) && e->leg.state == LEG_UP && c->out.len == 0)
		entry_mark(e);
	arm(e);
	return true;
}

/* The hub. Every event only changes a machine; session_pump() then walks the session through
 * whatever has become possible, always in the same order: what the client said, what the server
 * said, why it should end, what can go out. So no event has to know what state the other half is
 * in. */
#include "session/session_priv.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/features.h"

#include <assert.h>
#include <stdlib.h>

enum {
	PRESSURE_MAX = 10000, /* ms without reading from a backend, which may drop us for it */
	DOMAIN_MAX = 1023 /* bytes of a name (RFC 7622 3.2); one that is not served is cut there */
};

static void enter(struct session *s, enum session_state next)
{
	static const uint8_t from[] = {
	    [SESSION_OPENING] = 0,
	    [SESSION_OPEN] = 1 << SESSION_OPENING | 1 << SESSION_DETACHED,
	    [SESSION_DETACHED] = 1 << SESSION_OPEN,
	    [SESSION_CLOSING] = 1 << SESSION_OPENING | 1 << SESSION_OPEN | 1 << SESSION_DETACHED,
	    [SESSION_DEAD] = 1 << SESSION_CLOSING,
	};

	assert(from[next] & 1 << s->state);
	s->state = next;
}

static struct session *new_session(const struct session_env *env, bool websocket, void *front,
				   int64_t now)
{
	struct session *s = mem_zalloc(sizeof(*s));

	s->env = env;
	s->websocket = websocket;
	s->front = front;
	s->born = now;
	s->until = TIME_NEVER;
	s->reading = true;
	note(s, EVENT_CREATED, now);
	xstream_init(&s->stream, &env->backend_limits);
	delivery_init(&s->delivery, websocket);
	return s;
}

struct session *session_new_bosh(const struct session_env *env, struct slice sid, handle_t h,
				 struct body **create, int64_t now)
{
	return new_session(env, false, bosh_new(&env->bosh, sid, h, create, now), now);
}

struct session *session_new_websocket(const struct session_env *env, handle_t ws, int64_t now)
{
	return new_session(env, true, wsfront_new(&env->websocket, ws, now), now);
}

void session_free(struct session *s)
{
	if (!s)
		return;
	ops(s)->free(s->front);
	xstream_clear(&s->stream);
	delivery_clear(&s->delivery);
	buf_clear(&s->out);
	free(s->jid);
	free(s->domain);
	free(s);
}

void session_request(struct session *s, handle_t h, struct body **request, int64_t now,
		     struct effects *fx)
{
	int64_t expected = bosh_next_rid(s->front);

	assert(!s->websocket);
	if ((*request)->rid != expected)
		note(s, (*request)->rid < expected ? EVENT_REPEATED : EVENT_EARLY, now);
	if ((*request)->pause > 0)
		note(s, EVENT_PAUSED, now);
	bosh_request(s->front, h, request, now, fx);
}

void session_hurry(struct session *s, handle_t h, int64_t now)
{
	if (!s->websocket)
		bosh_hurry(s->front, h, now);
}

void session_gone(struct session *s, handle_t h, int64_t now)
{
	if (!s->websocket)
		bosh_gone(s->front, h, now);
}

void session_frame(struct session *s, struct frame **frame, enum reason bad, int64_t now)
{
	assert(s->websocket);
	wsfront_frame(s->front, frame, bad, now);
}

void session_pong(struct session *s, uint64_t serial, int64_t now)
{
	assert(s->websocket);
	wsfront_pong(s->front, serial, now);
}

void session_drained(struct session *s, uint32_t n, bool waited)
{
	assert(s->websocket);
	wsfront_drained(s->front, n, waited);
}

void session_ws_gone(struct session *s, int64_t now)
{
	assert(s->websocket);
	wsfront_gone(s->front, now);
}

void session_connected(struct session *s, int64_t now)
{
	s->connected = true;
	note(s, EVENT_CONNECTED, now);
	if (s->state == SESSION_OPENING && s->env->header_wait)
		s->until = now + s->env->header_wait;
}

bool session_unheard(const struct session *s)
{
	return s->unheard;
}

/* A server that is stuck takes connections and says nothing, for its kernel does the one thing
 * without it. */
static void give_up(struct session *s, int64_t now)
{
	s->unheard = true;
	session_close(s, REASON_SERVER_UNREACHABLE, now);
}

void session_disconnected(struct session *s, enum reason r, int64_t now)
{
	if (s->state < SESSION_CLOSING)
		note(s, EVENT_SERVER_GONE, now);
	s->connected = false;
	s->dialled = false;
	buf_clear(&s->out);
	session_close(s, r, now);
}

static void close_with(struct session *s, enum reason r, struct slice detail, int64_t now)
{
	if (s->state >= SESSION_CLOSING)
		return;
	if (reason_of_server(r))
		hop_lost(s, now);
	if (r == REASON_CLIENT_CLOSED)
		delivery_proved(&s->delivery, ops(s)->received(s->front));
	note(s, EVENT_CLOSING, now);
	enter(s, SESSION_CLOSING);
	s->reason = (uint8_t)r;
	s->until = now + s->env->close_wait;
	ops(s)->close(s->front, r, detail, now);
}

void session_close(struct session *s, enum reason r, int64_t now)
{
	if (s->state == SESSION_CLOSING && r == REASON_SYSTEM_SHUTDOWN)
		ops(s)->close(s->front, r, SLICE_NONE, now);
	close_with(s, r, SLICE_NONE, now);
}

void session_kill(struct session *s, struct slice text, int64_t now)
{
	struct buf detail = {0};

	if (text.n) {
		buf_addf(&detail,
			 "<stream:error><%s xmlns='" NS_STREAM_ERRORS
			 "'/><text xmlns='" NS_STREAM_ERRORS "'>",
			 reason_stream_error(REASON_KILLED));
		xml_escape(&detail, text);
		BUF_LIT(&detail, "</text></stream:error>");
	}
	close_with(s, REASON_KILLED, buf_slice(&detail), now);
	buf_clear(&detail);
}

/* The major version of XMPP that the client asks for: 1 where it asks for none, -1 for nonsense. */
static int64_t major_version(struct slice version)
{
	struct slice minor = version, major = slice_cut(&minor, '.');

	if (!version.p)
		return 1;
	return num_parse(minor, INT32_MAX) < 0 ? -1 : num_parse(major, INT32_MAX);
}

/* What the server is asked for: the lower of what the client asks and XMPP 1 (RFC 6120 4.7.5). */
static struct slice spoken_version(struct slice version)
{
	return major_version(version) == 1 ? version : SLICE_NONE;
}

/* As it is looked up, and shown: without the dot of the root, ASCII in lower case. */
static char *domain_name(struct slice to)
{
	char *name;

	if (to.p[to.n - 1] == '.')
		to.n--;
	name = mem_strndup(to.p, to.n < DOMAIN_MAX ? to.n : DOMAIN_MAX);
	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return name;
}

/* The client asks for a stream: the domain says where to. */
static void open_stream(struct session *s, const struct front_event *e, int64_t now,
			struct effects *fx)
{
	const struct route *route;

	if (!e->to.n) {
		session_close(s, REASON_IMPROPER_ADDRESSING, now);
		return;
	}
	if (major_version(e->version) < 1) {
		session_close(s, REASON_UNSUPPORTED_VERSION, now);
		return;
	}
	route = routes_find(&s->env->routes, e->to);
	if (!route || route_is_pattern(route))
		s->domain = domain_name(e->to);
	if (!route) {
		session_close(s, REASON_HOST_UNKNOWN, now);
		return;
	}
	s->route = (uint16_t)(route - s->env->routes.v + 1);
	if (route->transparent)
		delivery_transparent(&s->delivery);
	s->backend = (uint16_t)route_wanted(route, e->route);
	xstream_open(&s->out, e->to, e->from, e->lang, spoken_version(e->version));
	effects_add(fx, EFFECT_DIAL, 0);
	note(s, EVENT_DIALLING, now);
	s->dialled = true;
}

/* What a stream was opened for is what the routes were asked about. */
static bool is_same_domain(const struct session *s, struct slice to)
{
	if (to.p[to.n - 1] == '.')
		to.n--;
	return slice_eq_nocase(to, slice_str(session_domain(s)));
}

static void restart_stream(struct session *s, const struct front_event *e, int64_t now)
{
	struct slice to = e->to.n ? e->to : slice_str(session_domain(s));

	if (!is_same_domain(s, to)) {
		session_close(s, REASON_HOST_UNKNOWN, now);
		return;
	}
	note(s, EVENT_RESTARTED, now);
	xstream_restart(&s->stream, &s->out, to, e->from, e->lang, spoken_version(e->version));
}

static void payload(struct session *s, const struct front_event *e, int64_t now, struct effects *fx)
{
	if (s->traced)
		trace_client(s, e->payload, fx);
	if (login_open(s))
		login_asked(s, e->payload, now);
	hop_from_client(s, e, now);
}

/* What the client said, as long as the backend takes it. What is not pulled stays with the front: a
 * BOSH request is then answered late, which is what slows the client. */
static void from_client(struct session *s, size_t unsent, int64_t now, struct effects *fx)
{
	struct front_event e;

	while (s->state < SESSION_CLOSING) {
		s->crowded = unsent + s->out.len > s->env->backend_queue;
		if (s->crowded || delivery_full(&s->delivery)) {
			if (ops(s)->next_empty)
				ops(s)->next_empty(s->front);
			return;
		}
		ops(s)->next(s->front, &e);
		switch (e.type) {
		case FRONT_NONE: return;
		case FRONT_OPEN: open_stream(s, &e, now, fx); break;
		case FRONT_RESTART: restart_stream(s, &e, now); break;
		case FRONT_PAYLOAD: payload(s, &e, now, fx); break;
		case FRONT_END: session_close(s, REASON_CLIENT_CLOSED, now); break;
		}
	}
}

static void to_front(struct session *s, const struct xstream_item *item, int64_t now)
{
	uint32_t serial = s->delivery.passed;

	if (login_open(s))
		login_told(s, item, now);
	if (item->kind != STANZA_NONE)
		serial = hop_to_client(s, item, now);
	else if (!hop_from_server(s, item, now))
		return;
	s->stanzas_out += item->kind != STANZA_NONE;
	s->bytes_out += item->element.bytes.n;
	ops(s)->element(s->front, &item->element, xstream_scope(&s->stream), serial, now);
}

/* The element with every declaration that the stream's header lent it. */
static struct xml_element complete(const struct buf *b, const struct xml_element *e)
{
	struct xml_element whole = *e;

	whole.bytes = buf_slice(b);
	whole.name.p = whole.bytes.p + 1;
	whole.xmlns = e->xmlns.p ? e->xmlns : SLICE("");
	whole.prefixes = 0;
	return whole;
}

static void features(struct session *s, const struct xstream_item *item, int64_t now)
{
	struct buf edited = {0};
	struct features f = {.hide_sm = delivery_hides(&s->delivery)};
	struct xml_element e;

	if (!features_edit(&edited, &item->element, xstream_scope(&s->stream), SLICE_NONE, 0, &f)) {
		session_close(s, REASON_SERVER_BAD_XML, now);
		return;
	}
	note(s, EVENT_FEATURES, now);
	if (s->login == SESSION_LOGIN_UNTOLD)
		s->login = f.mechanisms ? SESSION_LOGIN_OFFERED
			   : f.starttls ? SESSION_LOGIN_TLS_FIRST
					: SESSION_LOGIN_MISSING;
	if (s->login == SESSION_LOGIN_MISSING || s->login == SESSION_LOGIN_TLS_FIRST)
		note(s, EVENT_NO_LOGIN, now);
	if (f.sm && s->state < SESSION_CLOSING)
		delivery_offered(&s->delivery, &s->out, now);
	e = complete(&edited, &item->element);
	s->bytes_out += e.bytes.n;
	ops(s)->element(s->front, &e, xstream_scope(&s->stream), s->delivery.passed, now);
	buf_clear(&edited);
}

static void stream_error(struct session *s, const struct xml_element *e, int64_t now)
{
	struct buf whole = {0};

	note(s, event_of_error("stream-error", e->bytes), now);
	xml_append(&whole, e, xstream_scope(&s->stream), SLICE_NONE, 0);
	close_with(s, REASON_SERVER_ERROR, buf_slice(&whole), now);
	buf_clear(&whole);
}

static void opened(struct session *s, const struct stream_info *info, int64_t now)
{
	if (s->state == SESSION_OPENING) {
		enter(s, SESSION_OPEN);
		s->until = TIME_NEVER;
	}
	note(s, EVENT_HEADER, now);
	ops(s)->opened(s->front, info, now);
}

/* What the server said; what is not whole yet stays in `in`. */
static void from_backend(struct session *s, struct buf *in, int64_t now, struct effects *fx)
{
	struct xstream_item item;
	enum xstream_result r = XSTREAM_ELEMENT;
	bool leaving = s->leaving;
	size_t eaten = 0;

	while ((s->state < SESSION_CLOSING || s->leaving) && r != XSTREAM_MORE && in->len > eaten) {
		r = xstream_next(&s->stream, slice_of(buf_data(in) + eaten, in->len - eaten),
				 &item);
		if (s->traced &&
		    (r == XSTREAM_ELEMENT || r == XSTREAM_FEATURES || r == XSTREAM_ERROR))
			trace_server(s, &item.element, fx);
		switch (r) {
		case XSTREAM_MORE: break;
		case XSTREAM_OPENED: opened(s, &item.info, now); break;
		case XSTREAM_FEATURES: features(s, &item, now); break;
		case XSTREAM_ELEMENT: (s->leaving ? hop_left_over : to_front)(s, &item, now); break;
		case XSTREAM_ERROR: stream_error(s, &item.element, now); break;
		case XSTREAM_END: session_close(s, REASON_SERVER_CLOSED, now); break;
		case XSTREAM_BAD: session_close(s, item.reason, now); break;
		}
		if (r == XSTREAM_ERROR || r == XSTREAM_END || r == XSTREAM_BAD)
			s->leaving = false;
		eaten += item.consumed;
	}
	/* However late that came, what is said now has its time. */
	if (leaving && !s->leaving)
		s->until = now + s->env->close_wait;
	/* What is here when the session ends may be whole stanzas, which leaving has to look at. */
	if (s->hung_up || (s->left && !s->leaving) ||
	    (s->state >= SESSION_CLOSING && reason_of_server(s->reason)))
		eaten = in->len;
	buf_eat(in, eaten);
}

/* Our last words to the server: it is told which of its own faults ended the stream. */
static const char *parting(enum reason r)
{
	switch (r) {
	case REASON_SERVER_BAD_XML: return "not-well-formed";
	case REASON_SERVER_RESTRICTED_XML: return "restricted-xml";
	case REASON_SERVER_TOO_BIG: return "policy-violation";
	default: return "";
	}
}

/* A client that was lost may resume a stream that it manages itself (XEP-0198 5), as long as nobody
 * ends it: the server keeps what it has not acknowledged, and it comes back by another session, or
 * by another Fairlead. */
static bool is_left_open(const struct session *s)
{
	return s->delivery.resumable &&
	       (s->reason == REASON_CLIENT_LOST || s->reason == REASON_PING_TIMEOUT ||
		s->reason == REASON_INACTIVITY || s->reason == REASON_QUEUE_FULL ||
		s->reason == REASON_SYSTEM_SHUTDOWN);
}

/* What it answers for goes first, so that the server knows when the stream ends. */
static void part(struct session *s)
{
	delivery_end(&s->delivery, &s->out, s->env->server_queue, slice_str(s->jid));
	if (!is_left_open(s))
		xstream_end(&s->out, parting(s->reason));
}

/* Lets both halves finish; past the deadline neither is waited for, but a BOSH client, which has a
 * deadline of its own for when it must have come. */
static void closing(struct session *s, int64_t now, struct effects *fx)
{
	bool proving = s->websocket && wsfront_proving(s->front), late;

	/* Nothing that is said now is for the server, but the last pong and <close/> count. */
	if (s->paused && !ops(s)->closed(s->front))
		effects_add(fx, EFFECT_RESUME, wsfront_handle(s->front));
	s->paused = false;
	if (s->dialled && !s->hung_up && !reason_of_server(s->reason))
		hop_leave(s, now, fx);
	if (s->leaving)
		hop_leave_on(s, proving, now);
	late = now >= s->until;
	if (s->dialled && !s->hung_up && !s->leaving && !proving) {
		if (!s->connected)
			buf_clear(&s->out);
		else
			part(s);
	}
	if (s->connected && s->out.len)
		effects_add(fx, EFFECT_WRITE, 0)->data = buf_take(&s->out);
	if (s->leaving || proving)
		return;
	if (s->dialled && !s->hung_up) {
		if (!s->reading && s->connected)
			effects_add(fx, EFFECT_READ_ON, 0);
		s->reading = true;
		effects_add(fx, s->connected ? EFFECT_HANGUP : EFFECT_DROP, 0);
		s->hung_up = true;
		s->dialled = s->connected;
	} else if (s->dialled && late) {
		effects_add(fx, EFFECT_DROP, 0);
		s->dialled = false;
	}
	if (late && s->websocket && !ops(s)->closed(s->front))
		effects_add(fx, EFFECT_CLOSE, wsfront_handle(s->front))->code =
		    reason_ws_code(s->reason);
	if (ops(s)->closed(s->front) ? !s->dialled || late : late && s->websocket)
		enter(s, SESSION_DEAD);
	else if (late)
		s->until = s->dialled ? now + s->env->close_wait : TIME_NEVER;
}

/* The client is slow: rest the backend, but never for long. The backend is slow: rest the client.
 */
static void pressure(struct session *s, size_t unsent, int64_t now, struct effects *fx)
{
	struct front_counts c;
	uint32_t cap = s->env->client_queue;
	bool rest, crowded;

	ops(s)->counts(s->front, &c);
	/* Before the server's header there is nothing to rest from, and `until` is when that is
	 * due. */
	rest = s->state != SESSION_OPENING && c.queued > (s->reading ? cap / 2 : cap / 4) &&
	       ops(s)->attached(s->front);
	if (rest && s->reading) {
		s->until = now + PRESSURE_MAX;
		effects_add(fx, EFFECT_READ_OFF, 0);
		s->reading = false;
		note(s, EVENT_SLOW_CLIENT, now);
	} else if (!s->reading && (!rest || now >= s->until)) {
		s->until = TIME_NEVER;
		effects_add(fx, EFFECT_READ_ON, 0);
		s->reading = true;
		note(s, EVENT_CLIENT_GOES_ON, now);
	}
	if (!s->websocket)
		return;
	crowded = unsent + s->out.len > s->env->backend_queue / (s->paused ? 2 : 1) ||
		  delivery_full(&s->delivery);
	if (crowded == s->paused)
		return;
	s->paused = crowded;
	note(s, crowded ? EVENT_SLOW_SERVER : EVENT_SERVER_GOES_ON, now);
	wsfront_rest(s->front, crowded);
	effects_add(fx, crowded ? EFFECT_PAUSE : EFFECT_RESUME, wsfront_handle(s->front));
}

static void follow_client(struct session *s, int64_t now)
{
	bool attached = ops(s)->attached(s->front);

	if (s->state == SESSION_OPEN && !attached) {
		enter(s, SESSION_DETACHED);
		note(s, EVENT_DETACHED, now);
	} else if (s->state == SESSION_DETACHED && attached) {
		enter(s, SESSION_OPEN);
		note(s, EVENT_BACK, now);
	}
}

/* Who does stream management is settled in several places. */
static void follow_delivery(struct session *s, int64_t now)
{
	if (s->delivery.mode == s->mode)
		return;
	s->mode = s->delivery.mode;
	if (s->mode == DELIVERY_ON)
		note(s, EVENT_SM_ON, now);
	else if (s->mode == DELIVERY_OFF)
		note(s, EVENT_SM_OFF, now);
	else if (s->mode == DELIVERY_CLIENT)
		note(s, EVENT_SM_CLIENT, now);
}

void session_pump(struct session *s, struct buf *in, size_t unsent, int64_t now, struct effects *fx)
{
	enum reason r;
	bool full;

	if (s->state == SESSION_DEAD)
		return;
	if (now >= ops(s)->expiry(s->front))
		ops(s)->expire(s->front, now);
	delivery_expire(&s->delivery, now);
	if (!s->left || s->reason == REASON_CLIENT_CLOSED)
		delivery_proved(&s->delivery, ops(s)->proved(s->front));
	from_client(s, unsent, now, fx);
	full = delivery_full(&s->delivery);
	from_backend(s, in, now, fx);
	if (s->state == SESSION_OPENING && s->connected && now >= s->until)
		give_up(s, now);
	if (full && !delivery_full(&s->delivery)) /* what waited for that is still there */
		from_client(s, unsent, now, fx);
	r = ops(s)->failed(s->front);
	if (r != REASON_NONE)
		session_close(s, r, now);
	ops(s)->flush(s->front, now, fx);
	if (s->state == SESSION_CLOSING) {
		closing(s, now, fx);
		return;
	}
	follow_client(s, now);
	follow_delivery(s, now);
	delivery_flush(&s->delivery, &s->out, now);
	pressure(s, unsent, now, fx);
	if (s->connected && s->out.len)
		effects_add(fx, EFFECT_WRITE, 0)->data = buf_take(&s->out);
}

bool session_crowded(const struct session *s)
{
	/* What waits for the server's acknowledgement goes on when that comes, or by time. */
	if (s->state >= SESSION_CLOSING || delivery_full(&s->delivery))
		return false;
	return s->crowded || s->paused;
}

int64_t session_expiry(const struct session *s)
{
	int64_t at;

	if (s->state == SESSION_DEAD)
		return TIME_NEVER;
	at = ops(s)->expiry(s->front);
	if (s->state < SESSION_CLOSING && delivery_expiry(&s->delivery) < at)
		at = delivery_expiry(&s->delivery);
	if (s->until < at)
		at = s->until;
	return at;
}

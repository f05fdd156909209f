/* One candidate: its addresses are looked up and raced (RFC 8305, "Happy Eyeballs"). A and AAAA are
 * asked for together; IPv6 has 50 ms to be first; the next attempt, of the other family where there
 * is one, begins 250 ms after the last or when one failed; the first to connect wins. */
#include "net/dial_priv.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "base/mem.h"

enum { V4, V6 };

static void add(struct dial *d, const struct addr *a)
{
	struct race *r = &d->race;
	struct attempt *t = &r->v[r->n++];

	*t = (struct attempt){.dial = d, .addr = *a, .fd = -1};
	t->addr.port = d->c->port;
}

static void on_found(struct dial *d, int family, const struct dns_answer *a)
{
	struct race *r = &d->race;

	r->query[family] = NULL;
	for (size_t i = 0; i < a->n && i < DIAL_ADDRESSES / 2; i++)
		add(d, &a->addrs[i]);
	/* Of a name without addresses of one kind nothing is said while there may be others. */
	if (a->outcome == DNS_FAILED ? !strstr(d->problem, a->why)
				     : !r->query[V4] && !r->query[V6] && !r->n && !*d->problem)
		dial_problem(d, BLAME_IT, "%s", a->why);
	if (d->state == DIAL_RACING)
		dial_step(d);
}

static void on_v4(void *owner, const struct dns_answer *a)
{
	on_found(owner, V4, a);
}

static void on_v6(void *owner, const struct dns_answer *a)
{
	on_found(owner, V6, a);
}

void dial_race_begin(struct dial *d, int64_t now)
{
	static dns_told *const told[] = {on_v4, on_v6};
	struct race *r = &d->race;
	struct addr a = {.family = ADDR_UNIX};

	*r = (struct race){0};
	d->again = DIAL_ADDRESSES;
	if (!d->c->local)
		d->c->literal = addr_parse(&a, slice_str(d->c->host), false);
	if (d->c->local || d->c->literal) {
		add(d, &a);
		return;
	}
	for (int i = V4; i <= V6; i++)
		r->query[i] =
		    dns_ask(d->dialer->dns, i == V4 ? DNS_A : DNS_AAAA, d->c->host, told[i], d);
	r->lookup_until = dial_share(d, now, 1);
}

static void hang_up(struct attempt *t, enum attempt_state state)
{
	t->state = state;
	t->connected = false;
	t->error = 0;
	if (t->fd < 0)
		return;
	ev_io_stop(t->dial->dialer->loop, &t->io);
	close(t->fd);
	t->fd = -1;
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void failed(struct attempt *t, int error)
{
	struct dial *d = t->dial;
	char peer[DIAL_PEER];

	if (is_shortage(error))
		dial_problem(d, BLAME_OUR_RULES, "no socket for it: %s", strerror(error));
	else if (error == EAGAIN)
		dial_problem(d, BLAME_IT, "its queue of connections stays full");
	else if (error == ECONNREFUSED)
		dial_problem(d, BLAME_IT, "connection refused%s",
			     dial_peer(d, &t->addr, "by", peer));
	else
		dial_problem(d, BLAME_IT, "cannot connect%s: %s",
			     dial_peer(d, &t->addr, "to", peer), strerror(error));
	hang_up(t, ATTEMPT_FAILED);
	d->race.next_at = 0;
}

static void on_connected(struct ev_loop *loop, ev_io *io, int events)
{
	struct attempt *t = io->data;

	(void)events;
	ev_io_stop(loop, io);
	t->error = dial_socket_error(t->fd);
	t->connected = t->error == 0;
	dial_step(t->dial);
}

/* Rules of ours that forbid an address. They are not held against the backend. */
static bool forbidden(struct attempt *t)
{
	struct dial *d = t->dial;
	char peer[ADDR_TEXT];

	if (!d->policy->public_only || addr_public(&t->addr))
		return false;
	dial_problem(d, BLAME_OUR_RULES, "%s is not a public address",
		     addr_print(&t->addr, false, peer));
	hang_up(t, ATTEMPT_FAILED);
	return true;
}

/* The listener of a Unix socket does not keep up (TCP would wait by itself): not for long. */
static bool is_busy(struct attempt *t, int64_t now)
{
	if (errno != EAGAIN || now + DIAL_BUSY >= t->until)
		return false;
	t->busy = true;
	t->state = ATTEMPT_NEW;
	t->dial->race.next_at = now + DIAL_BUSY;
	return true;
}

static void start(struct attempt *t, int64_t now)
{
	struct dial *d = t->dial;
	char peer[DIAL_PEER];
	size_t others = 0;

	if (forbidden(t))
		return;
	for (size_t i = 0; i < d->race.n; i++)
		others += d->race.v[i].state == ATTEMPT_NEW;
	if (!t->busy) {
		t->since = now;
		t->until = dial_share(d, now, others - 1);
	}
	t->state = ATTEMPT_TRYING;
	d->race.last = t->addr.family;
	d->race.next_at = now + DIAL_STAGGER;
	switch (dial_socket(d->dialer, d->policy, &t->addr, d->c->host, &t->fd)) {
	case SOCKET_CONNECTED: t->connected = true; return;
	case SOCKET_WAIT:
		ev_io_init(&t->io, on_connected, t->fd, EV_WRITE);
		t->io.data = t;
		ev_io_start(d->dialer->loop, &t->io);
		return;
	case SOCKET_FAILED:
		if (!is_busy(t, now))
			failed(t, errno);
		return;
	case SOCKET_NO_PORT:
		dial_problem(d, BLAME_OUR_PORTS, "no local port is left for it%s",
			     dial_peer(d, &t->addr, "at", peer));
		break;
	case SOCKET_NO_SOURCE:
		dial_problem(d, BLAME_OUR_RULES,
			     "none of the source addresses is one of this machine");
	}
	hang_up(t, ATTEMPT_FAILED);
	d->race.next_at = 0;
}

/* The next address: of the other family than the last one, IPv6 first. */
static struct attempt *next(struct dial *d)
{
	struct race *r = &d->race;
	uint8_t want = r->last == ADDR_V6 ? ADDR_V4 : ADDR_V6;
	struct attempt *any = NULL;

	if (d->again < r->n && r->v[d->again].state == ATTEMPT_NEW)
		return &r->v[d->again];
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].state != ATTEMPT_NEW)
			continue;
		if (r->v[i].addr.family == want)
			return &r->v[i];
		if (!any)
			any = &r->v[i];
	}
	return any;
}

static void settle_lookups(struct dial *d, int64_t now)
{
	struct race *r = &d->race;

	if (r->query[V4] || !r->query[V6])
		r->hold_until = 0;
	else if (!r->hold_until)
		r->hold_until = now + DIAL_AAAA_WAIT;
	if ((!r->query[V4] && !r->query[V6]) || now < r->lookup_until)
		return;
	for (int i = V4; i <= V6; i++)
		if (r->query[i])
			dns_forget(MEM_TAKE(r->query[i]));
	if (!r->n)
		dial_problem(d, BLAME_IT, "no answer from the name servers about %.100s in %g s",
			     d->c->host, (double)(now - d->began) / 1000.);
}

/* True where an attempt has won. */
static bool settle_attempts(struct dial *d, int64_t now)
{
	struct race *r = &d->race;
	char peer[DIAL_PEER];

	for (size_t i = 0; i < r->n; i++) {
		struct attempt *t = &r->v[i];

		if (t->state != ATTEMPT_TRYING)
			continue;
		if (t->connected) {
			d->won = i;
			return true;
		}
		if (t->error) {
			failed(t, t->error);
		} else if (now >= t->until) {
			dial_problem(d, BLAME_IT, "no answer%s in %g s",
				     dial_peer(d, &t->addr, "from", peer),
				     (double)(now - t->since) / 1000.);
			hang_up(t, ATTEMPT_FAILED);
			r->next_at = 0;
		}
	}
	return false;
}

static void sooner(int64_t *due, int64_t at)
{
	if (at < *due)
		*due = at;
}

/* When something is to be done next; INT64_MAX: nothing is under way any more. */
static int64_t next_due(struct dial *d, bool more)
{
	const struct race *r = &d->race;
	int64_t due = INT64_MAX;

	if (r->query[V4] || r->query[V6])
		sooner(&due, r->lookup_until);
	if (more)
		sooner(&due, r->hold_until > r->next_at ? r->hold_until : r->next_at);
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].state == ATTEMPT_TRYING)
			sooner(&due, r->v[i].until);
	return due;
}

enum dial_progress dial_race_step(struct dial *d, int64_t now)
{
	struct race *r = &d->race;
	struct attempt *t;

	settle_lookups(d, now);
	for (;;) {
		if (settle_attempts(d, now))
			return DIAL_DONE;
		t = now < d->deadline ? next(d) : NULL;
		if (!t || now < r->hold_until || now < r->next_at)
			break;
		start(t, now);
	}
	d->due = next_due(d, t != NULL);
	return d->due == INT64_MAX ? DIAL_LOST : DIAL_WAIT;
}

int dial_race_take(struct dial *d)
{
	struct race *r = &d->race;
	struct attempt *t = &r->v[d->won];
	int fd = t->fd;

	t->fd = -1;
	t->connected = false;
	ev_io_stop(d->dialer->loop, &t->io);
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].state == ATTEMPT_TRYING && i != d->won)
			hang_up(&r->v[i], ATTEMPT_NEW);
	return fd;
}

void dial_race_again(struct dial *d, bool lost)
{
	d->race.v[d->won].state = lost ? ATTEMPT_FAILED : ATTEMPT_NEW;
	d->again = lost ? DIAL_ADDRESSES : d->won;
	d->race.next_at = 0;
}

void dial_race_clear(struct dial *d)
{
	struct race *r = &d->race;

	for (int i = V4; i <= V6; i++)
		if (r->query[i])
			dns_forget(MEM_TAKE(r->query[i]));
	for (size_t i = 0; i < r->n; i++)
		hang_up(&r->v[i], ATTEMPT_FAILED);
	r->n = 0;
}

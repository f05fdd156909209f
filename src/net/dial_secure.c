/* The connection that won, up to where the session's own stream begins: the PROXY header, then what
 * makes it secure. The wake of the connection only asks for another step, for a connection may not
 * be closed from within. */
#include "net/dial_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "net/clock.h"
#include "net/tls.h"

enum { IN_MAX = STARTTLS_IN_MAX + 4096 };

static void on_wake(struct conn *c)
{
	dial_mark(CONTAINER(c, struct dial, conn));
}

/* What servers' certificates say is long and may be cut: where it was goes before it. */
static void tell(struct dial *d, enum dial_blame blame, const char *what)
{
	char peer[DIAL_PEER];

	dial_peer(d, &d->race.v[d->won].addr, "at", peer);
	dial_problem(d, blame, "%s%s%s", *peer ? peer + 1 : "", *peer ? ": " : "", what);
}

/* A fault of the connection: another address may do better. A server that does not know the domain,
 * or has no good certificate for it, may serve others; only silence is held against the machine. */
static enum dial_progress fault(struct dial *d, enum dial_blame blame, const char *what)
{
	tell(d, blame, what);
	dial_race_again(d, true);
	return DIAL_FAULT;
}

static enum dial_progress lost(struct dial *d, const char *what)
{
	tell(d, BLAME_FOR_DOMAIN, what);
	return DIAL_LOST;
}

static void begin_tls(struct dial *d)
{
	struct ssl_st *ssl = tls_client_ssl(d->policy->trust, d->policy->domain, d->c->direct);

	d->shaking = true;
	conn_tls(&d->conn, d->dialer->loop, ssl);
}

enum dial_progress dial_secure_begin(struct dial *d, int64_t now)
{
	size_t others = 0;

	conn_init(&d->conn, d->dialer->loop, dial_race_take(d), IN_MAX, on_wake);
	d->shaking = false;
	buf_adds(&d->conn.out, buf_slice(&d->proxy));
	if (!d->c->direct && !dial_plainly(d, &d->race.v[d->won].addr)) {
		d->starttls = mem_alloc(sizeof(*d->starttls));
		starttls_init(d->starttls);
		starttls_open(&d->conn.out, slice_str(d->policy->domain));
	}
	conn_flush(&d->conn, d->dialer->loop);
	for (size_t i = 0; i < d->race.n; i++)
		others += d->race.v[i].state == ATTEMPT_NEW;
	d->race.v[d->won].since = now;
	d->race.v[d->won].until = dial_share(d, now, others);
	return dial_secure_step(d, now);
}

/* It can do without: it is dialled again, and those who come after us do so at once. */
static enum dial_progress dial_again_plainly(struct dial *d, int64_t now)
{
	health_offers_no_tls(d->served, now);
	d->plain = true;
	xstream_end(&d->conn.out, "");
	conn_flush(&d->conn, d->dialer->loop);
	dial_race_again(d, false);
	return DIAL_FAULT;
}

static enum dial_progress eat(struct dial *d, int64_t now)
{
	enum starttls_result r;
	size_t used;

	r = starttls_eat(d->starttls, buf_slice(&d->conn.in), &used, &d->conn.out);
	buf_eat(&d->conn.in, used);
	switch (r) {
	case STARTTLS_MORE: break;
	case STARTTLS_FAILED: return lost(d, starttls_text(d->starttls));
	case STARTTLS_NOT_OFFERED:
		if (d->policy->tls == DIAL_STARTTLS_OFFERED)
			return dial_again_plainly(d, now);
		return lost(d, "it offers no STARTTLS");
	case STARTTLS_PROCEED:
		/* RFC 6120 5.4.3.3: somebody may have put words into the server's mouth. */
		if (d->conn.in.len)
			return lost(d, "unprotected bytes came behind <proceed/>");
		begin_tls(d);
		return DIAL_WAIT;
	}
	if (d->conn.eof)
		return fault(d, BLAME_FOR_DOMAIN, "the connection was closed before TLS");
	conn_flush(&d->conn, d->dialer->loop);
	conn_resume(&d->conn, d->dialer->loop);
	return DIAL_WAIT;
}

static enum dial_progress broken(struct dial *d)
{
	char text[DIAL_PROBLEM];

	conn_problem(&d->conn, text, sizeof(text));
	return d->conn.error == EPROTO ? lost(d, text) : fault(d, BLAME_FOR_DOMAIN, text);
}

enum dial_progress dial_secure_step(struct dial *d, int64_t now)
{
	struct attempt *t = &d->race.v[d->won];
	enum dial_progress p = DIAL_WAIT;
	char text[80];

	if (d->conn.error)
		return broken(d);
	if (d->conn.secure || (!d->c->direct && dial_plainly(d, &d->race.v[d->won].addr)))
		return DIAL_DONE;
	if (!d->shaking && d->c->direct && !d->conn.out.len)
		begin_tls(d);
	else if (!d->shaking && !d->c->direct)
		p = eat(d, now);
	if (p == DIAL_WAIT && now >= t->until) {
		snprintf(text, sizeof(text), "no answer to the %s in %g s",
			 d->shaking ? "TLS handshake" : "stream header",
			 (double)(now - t->since) / 1000.);
		return fault(d, BLAME_IT, text);
	}
	d->due = t->until;
	return p;
}

void dial_secure_clear(struct dial *d)
{
	conn_clear(&d->conn, d->dialer->loop, false);
	if (d->starttls)
		starttls_clear(d->starttls);
	free(MEM_TAKE(d->starttls));
	d->shaking = false;
}

/* TLS between a connection's buffers and its socket. OpenSSL may have to write in order to read and
 * to read in order to write (handshakes, KeyUpdate, renegotiation), so each of the two remembers
 * which event of the socket it waits for, and nothing else is watched: no loop is ever kept busy by
 * an event that changes nothing. And it may hold input while the socket is silent (`more`), which
 * is then fetched in the loop's next round, unless nobody wants it. */
#include "net/conn_priv.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/mem.h"
#include "net/tls_priv.h"

struct conn_tls {
	struct conn *c;	  /* whose it is */
	SSL *ssl;	  /* owned */
	ev_timer soon;	  /* calls back in the next round of the loop */
	struct buf early; /* what was read before it became TLS */
	char *problem;	  /* owned; what broke it, in words; NULL: c->error says it all */
	int errnum;	  /* errno of the socket's last fault */
	uint8_t read_on,
	    write_on;  /* the event with which reading (shaking hands) and writing go on */
	bool more;     /* OpenSSL may hold input */
	uint8_t fault; /* enum tls_fault */
};

static struct conn_tls *tls_of(const struct conn *c)
{
	return c->io.data;
}

enum { RECORD_MAX = SSL3_RT_MAX_PLAIN_LENGTH, PROBLEM_MAX = 512 };

/* The socket as OpenSSL sees it. Its own kind would raise SIGPIPE. */
static int bio_write(BIO *bio, const char *p, int n)
{
	struct conn_tls *t = BIO_get_data(bio);
	ssize_t done = send(t->c->io.fd, p, (size_t)n, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_write(bio);
	else if (done < 0)
		t->errnum = errno;
	return (int)done;
}

static int bio_read(BIO *bio, char *p, int n)
{
	struct conn_tls *t = BIO_get_data(bio);
	ssize_t done;

	BIO_clear_retry_flags(bio);
	if (t->early.len) {
		done = (uint32_t)n < t->early.len ? n : (int)t->early.len;
		memcpy(p, buf_data(&t->early), (size_t)done);
		buf_eat(&t->early, (size_t)done);
		return (int)done;
	}
	done = recv(t->c->io.fd, p, (size_t)n, 0);
	if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_read(bio);
	else if (done < 0)
		t->errnum = errno;
	else if (done == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)done;
}

static long bio_ctrl(BIO *bio, int what, long n, void *p)
{
	(void)n, (void)p;
	switch (what) {
	case BIO_CTRL_FLUSH: return 1;
	case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default: return 0;
	}
}

static BIO_METHOD *method; /* for the life of the process */
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
	assert(method);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

/* Takes in what was said before the end; returns what OpenSSL said last. */
static int read_last_words(struct conn *c)
{
	char words[4096];
	int n = 1;

	while (n > 0 && c->in.len < c->in_max) {
		size_t room = c->in_max - c->in.len;

		ERR_clear_error();
		n = SSL_read(tls_of(c)->ssl, words,
			     room < sizeof(words) ? (int)room : (int)sizeof(words));
		if (n > 0)
			buf_add(&c->in, words, (size_t)n);
	}
	return n;
}

/* One that closes on us may have said why before that: in its stream, or by an alert. */
static bool alerted(struct conn *c)
{
	struct conn_tls *t = tls_of(c);
	int errnum = t->errnum, n;
	char byte;

	t->errnum = 0;
	ERR_clear_error();
	n = c->secure ? read_last_words(c) : SSL_peek(t->ssl, &byte, 1);
	if (n <= 0 && SSL_get_error(t->ssl, n) == SSL_ERROR_SSL)
		return true;
	t->errnum = errnum;
	return false;
}

/* Shutting the socket makes it ready for anything at once, so that the news comes from the loop
 * even if the kernel's buffer is full and the peer silent. An alert that was sent still goes. */
static void fault(struct conn *c, const char *what)
{
	struct conn_tls *t = c->io.data;
	char text[PROBLEM_MAX];

	if (what) {
		snprintf(text, sizeof(text), "%s", what);
	} else if (t->errnum && !alerted(c)) {
		snprintf(text, sizeof(text), "%s%s", strerror(t->errnum),
			 c->secure ? "" : " during the TLS handshake");
	} else {
		tls_explain(t->ssl, text, sizeof(text));
	}
	if (SSL_is_server(t->ssl) && !c->secure)
		t->fault = t->errnum ? TLS_FAULT_GONE : (uint8_t)tls_fault_of(t->ssl);
	ERR_clear_error();
	free(t->problem);
	t->problem = mem_strdup(text);
	shutdown(c->io.fd, SHUT_RDWR);
	conn_broken(c, t->errnum ? t->errnum : EPROTO);
}

/* What a call that returned n, no success, means: the event it waits for; 0 after the end of input
 * or a fault, which is then recorded. */
static uint8_t outcome(struct conn *c, int n)
{
	switch (SSL_get_error(tls_of(c)->ssl, n)) {
	case SSL_ERROR_WANT_READ: return EV_READ;
	case SSL_ERROR_WANT_WRITE: return EV_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		if (c->secure) {
			c->eof = true;
			return 0;
		}
		/* fall through */
	default: fault(c, NULL); return 0;
	}
}

/* Joins what the socket may have to say in this round, so that its share is not read twice. */
static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct conn_tls *t = CONTAINER(timer, struct conn_tls, soon);

	(void)events;
	ev_feed_event(loop, &t->c->io, 0);
}

static void begin(struct conn *c, struct ssl_st *ssl)
{
	struct conn_tls *t = mem_zalloc(sizeof(*t));
	BIO *bio;

	assert(conn_open(c) && !conn_has_tls(c) && ssl);
	CRYPTO_THREAD_run_once(&method_once, make_method);
	bio = BIO_new(method);
	assert(bio);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			      SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	/* One recv a record and not two. */
	SSL_set_read_ahead(ssl, 1);
	/* XMPP has an end of its own, so a missing close_notify hides nothing, and the other
	 * direction may still be used. */
	SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	*t = (struct conn_tls){
	    .c = c, .ssl = ssl, .read_on = EV_READ, .write_on = EV_WRITE, .more = true};
	ev_timer_init(&t->soon, on_soon, 0., 0.);
	c->io.data = t;
}

void conn_tls(struct conn *c, struct ev_loop *loop, struct ssl_st *ssl)
{
	begin(c, ssl);
	if (c->in.len && !c->error)
		fault(c, "unprotected bytes came where TLS was to begin");
	conn_watch(c, loop);
}

void conn_tls_accept(struct conn *c, struct ev_loop *loop, struct ssl_st *ssl)
{
	begin(c, ssl);
	tls_of(c)->early = buf_take(&c->in);
	conn_watch(c, loop);
}

uint8_t conn_tls_suite(const struct conn *c)
{
	return c->secure ? tls_suite(tls_of(c)->ssl) : 0;
}

bool conn_tls_resumed(const struct conn *c)
{
	return c->secure && SSL_session_reused(tls_of(c)->ssl);
}

int conn_tls_fault(const struct conn *c)
{
	return conn_has_tls(c) ? tls_of(c)->fault : TLS_FAULT_NONE;
}

int conn_tls_events(struct conn *c, struct ev_loop *loop)
{
	struct conn_tls *t = c->io.data;
	bool reading = !c->secure || (!c->eof && !c->paused && c->in.len < c->in_max);
	int want = 0;

	if (reading && t->more && !ev_is_active(&t->soon)) {
		ev_timer_set(&t->soon, 0., 0.);
		ev_timer_start(loop, &t->soon);
	} else if (!(reading && t->more)) {
		ev_timer_stop(loop, &t->soon);
	}
	if (reading)
		want |= t->read_on;
	if (c->secure && c->full)
		want |= t->write_on;
	return want;
}

/* Whether the handshake is done. */
static bool shake(struct conn *c)
{
	struct conn_tls *t = c->io.data;
	int n;

	ERR_clear_error();
	t->more = false;
	n = SSL_do_handshake(t->ssl);
	if (n != 1) {
		t->read_on = outcome(c, n);
		return false;
	}
	c->secure = true;
	c->full = c->out.len || c->ending;
	t->read_on = EV_READ;
	t->more = true;
	return true;
}

int conn_tls_ready(struct conn *c, struct ev_loop *loop, int events)
{
	struct conn_tls *t = c->io.data;
	int may = 0;

	ev_timer_stop(loop, &t->soon);
	if (c->error)
		return 0;
	if (!c->secure) {
		if (!shake(c))
			return 0;
		events = EV_READ | EV_WRITE;
	}
	if (!c->paused && (t->more || events & t->read_on))
		may |= EV_READ;
	if (events & t->write_on)
		may |= EV_WRITE;
	return may;
}

size_t conn_tls_read(struct conn *c, char *dst, size_t n)
{
	struct conn_tls *t = c->io.data;
	size_t got = 0;

	t->more = false;
	while (got < n) {
		int r;

		ERR_clear_error();
		r = SSL_read(t->ssl, dst + got, (int)(n - got));
		if (r <= 0) {
			t->read_on = outcome(c, r);
			break;
		}
		t->read_on = EV_READ;
		got += (size_t)r;
		t->more = SSL_has_pending(t->ssl);
		/* A full record is seldom the last one; after any other the kernel is asked when
		 * it says that there is something. */
		if (!t->more && r < RECORD_MAX)
			break;
	}
	/* Reading may have brought what a write has been waiting for. */
	if (c->full && t->write_on == EV_READ && !c->error)
		conn_tls_write(c, SLICE_NONE);
	return got;
}

/* close_notify, and the socket's own end behind it. */
static void end(struct conn *c)
{
	struct conn_tls *t = c->io.data;
	int n;

	ERR_clear_error();
	n = SSL_shutdown(t->ssl);
	if (n < 0) {
		t->write_on = outcome(c, n);
		c->full = !c->error;
		return;
	}
	shutdown(c->io.fd, SHUT_WR);
}

void conn_tls_write(struct conn *c, struct slice first)
{
	struct conn_tls *t = c->io.data;
	struct slice all = first;
	size_t done = 0;

	/* One run of bytes makes the fewest records. */
	if (c->out.len || !c->secure) {
		buf_adds(&c->out, first);
		all = buf_slice(&c->out);
	}
	while (c->secure && done < all.n) {
		size_t rest = all.n - done;
		int n;

		ERR_clear_error();
		n = SSL_write(t->ssl, all.p + done, rest < INT_MAX ? (int)rest : INT_MAX);
		if (n <= 0) {
			t->write_on = outcome(c, n);
			if (c->error)
				return;
			break;
		}
		done += (size_t)n;
	}
	if (c->out.len)
		buf_eat(&c->out, done);
	else if (done < all.n)
		buf_add(&c->out, all.p + done, all.n - done);
	c->sent |= done > 0;
	c->full = done < all.n || (!c->secure && c->ending);
	if (!c->full && c->ending)
		end(c);
}

void conn_tls_moved(struct conn *c)
{
	tls_of(c)->c = c;
}

const char *conn_tls_problem(const struct conn *c)
{
	return conn_has_tls(c) ? tls_of(c)->problem : NULL;
}

void conn_tls_free(struct conn *c, struct ev_loop *loop, bool polite)
{
	struct conn_tls *t = c->io.data;

	ev_timer_stop(loop, &t->soon);
	ERR_clear_error();
	if (polite && c->secure && !c->error && !c->full && !c->out.len && !c->ending)
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	ERR_clear_error();
	buf_clear(&t->early);
	free(t->problem);
	free(t);
	c->io.data = NULL;
	c->secure = false;
}

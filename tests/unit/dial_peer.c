#include "dial_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/sockaddr.h"
#include "proto/xml.h"

struct peer {
	pthread_t thread;
	int fd, port;
	const char *script;
	SSL_CTX *ctx;
	SSL *ssl; /* of the connection under way; NULL: plain */
	int at;	  /* the connection under way */
	atomic_int calls;
	atomic_bool stopping;
	pthread_mutex_t lock;
	char fault[600], alpn[32], sni[64];
};

static const char header[] = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
			     "xmlns:stream='" NS_STREAM "' id='1' version='1.0'>";

static void complain(struct peer *p, const char *what)
{
	pthread_mutex_lock(&p->lock);
	if (!*p->fault)
		snprintf(p->fault, sizeof(p->fault), "connection %d: %s", atomic_load(&p->calls),
			 what);
	pthread_mutex_unlock(&p->lock);
}

static bool say(struct peer *p, const char *text)
{
	if (p->ssl)
		return SSL_write(p->ssl, text, (int)strlen(text)) > 0;
	return send(p->at, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static int get(struct peer *p, char *byte)
{
	return p->ssl ? SSL_read(p->ssl, byte, 1) : (int)recv(p->at, byte, 1, 0);
}

/* Reads up to and with `end`, the text of which must hold `part`. */
static bool hear(struct peer *p, const char *part, char end)
{
	char text[300], what[500];
	size_t n = 0;

	while (n < sizeof(text) - 1 && get(p, &text[n]) == 1)
		if (text[n++] == end && !(n > 2 && text[n - 2] == '?'))
			break;
	text[n] = '\0';
	if (strstr(text, part) && text[n - 1] == end)
		return true;
	snprintf(what, sizeof(what), "came: %s, and not: %s", text, part);
	complain(p, what);
	return false;
}

static bool mute(struct peer *p)
{
	char byte;

	while (get(p, &byte) == 1)
		;
	return true;
}

static bool shake(struct peer *p)
{
	const unsigned char *alpn;
	unsigned n;
	const char *sni;
	bool good;

	p->ssl = SSL_new(p->ctx);
	SSL_set_fd(p->ssl, p->at);
	good = SSL_accept(p->ssl) == 1;
	SSL_get0_alpn_selected(p->ssl, &alpn, &n);
	sni = SSL_get_servername(p->ssl, TLSEXT_NAMETYPE_host_name);
	pthread_mutex_lock(&p->lock);
	snprintf(p->alpn, sizeof(p->alpn), "%.*s", (int)n, (const char *)alpn);
	snprintf(p->sni, sizeof(p->sni), "%s", sni ? sni : "");
	pthread_mutex_unlock(&p->lock);
	return good;
}

static bool act(struct peer *p, char letter)
{
	switch (letter) {
	case 'p': return hear(p, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", '\n');
	case 'h': return hear(p, " to='example.org'", '>') && say(p, header);
	case 'o': return hear(p, " to='example.net'", '>') && say(p, header);
	case 'f':
		return say(p, "<stream:features><starttls xmlns='" NS_TLS
			      "'><required/></starttls></stream:features>");
	case 'n': return say(p, "<stream:features><a xmlns='b'/></stream:features>");
	case 's': return hear(p, "<starttls xmlns='" NS_TLS "'/>", '>');
	case 'P': return say(p, "<proceed xmlns='" NS_TLS "'/>");
	case 'I': return say(p, "<proceed xmlns='" NS_TLS "'/><iq/>");
	case 'F': return say(p, "<failure xmlns='" NS_TLS "'/></stream:stream>");
	case 'E':
		return say(p, "<stream:error><host-unknown xmlns='" NS_STREAM_ERRORS
			      "'/></stream:error></stream:stream>");
	case 'H': return say(p, "HTTP/1.1 400 Bad Request\r\n\r\n");
	case 'T': return shake(p);
	case 'e': return hear(p, "</stream:stream>", '>');
	default: return mute(p);
	}
}

static void *run(void *arg)
{
	struct peer *p = arg;
	const char *script = p->script;
	sigset_t pipe;

	/* OpenSSL's; that of the main thread shall kill. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	while ((p->at = accept(p->fd, NULL, NULL)) >= 0 && !atomic_load(&p->stopping)) {
		atomic_fetch_add(&p->calls, 1);
		while (*script && *script != '|' && act(p, *script))
			script++;
		script += strcspn(script, "|");
		script = *script ? script + 1 : p->script;
		if (p->ssl)
			SSL_free(p->ssl);
		p->ssl = NULL;
		close(p->at);
	}
	if (p->at >= 0)
		close(p->at);
	return NULL;
}

/* ALPN "xmpp-client" alone is spoken. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
		  unsigned in_n, void *arg)
{
	static const unsigned char mine[] = "\x0bxmpp-client";

	(void)ssl, (void)arg;
	return SSL_select_next_proto((unsigned char **)out, n, mine, sizeof(mine) - 1, in, in_n) ==
		       OPENSSL_NPN_NEGOTIATED
		   ? SSL_TLSEXT_ERR_OK
		   : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void hark(struct peer *p, const char *ip, int port)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t n;
	int one = 1;

	if (!addr_parse(&a, slice_str(ip), false))
		abort();
	a.port = (uint16_t)port;
	n = sockaddr_write(&a, &ss);
	p->fd = socket(ss.ss_family, SOCK_STREAM, 0);
	setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(p->fd, (struct sockaddr *)&ss, n) < 0 || listen(p->fd, 16) < 0 ||
	    getsockname(p->fd, (struct sockaddr *)&ss, &n) < 0) {
		perror("peer");
		abort();
	}
	p->port = sockaddr_read((struct sockaddr *)&ss).port;
}

/* The kernel may give the port of a peer that is gone, of which a test's dialler thinks ill. */
static bool is_used(int port)
{
	static bool used[65536];
	bool was = used[port];

	used[port] = true;
	return was;
}

struct peer *peer_start(const char *ip, int port, const char *script, SSL_CTX *ctx)
{
	struct peer *p = mem_zalloc(sizeof(*p));

	hark(p, ip, port);
	while (port == 0 && is_used(p->port)) {
		close(p->fd);
		hark(p, ip, port);
	}
	p->script = script;
	p->ctx = ctx;
	if (ctx)
		SSL_CTX_set_alpn_select_cb(ctx, choose, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_create(&p->thread, NULL, run, p);
	return p;
}

int peer_port(const struct peer *p)
{
	return p->port;
}

int peer_calls(struct peer *p)
{
	return atomic_load(&p->calls);
}

static const char *copy(struct peer *p, const char *from)
{
	static _Thread_local char text[600];

	pthread_mutex_lock(&p->lock);
	snprintf(text, sizeof(text), "%s", from);
	pthread_mutex_unlock(&p->lock);
	return text;
}

const char *peer_fault(struct peer *p)
{
	return copy(p, p->fault);
}

const char *peer_alpn(struct peer *p)
{
	return copy(p, p->alpn);
}

const char *peer_sni(struct peer *p)
{
	return copy(p, p->sni);
}

void peer_stop(struct peer *p)
{
	atomic_store(&p->stopping, true);
	shutdown(p->fd, SHUT_RDWR); /* ends accept() */
	pthread_join(p->thread, NULL);
	close(p->fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

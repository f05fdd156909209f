/* Who is asking. A connection has a peer, of its socket or of its PROXY header; a request may have
 * another one, where a proxy that is believed says so in a field: such a connection carries the
 * requests of many clients.
 *
 * What a backend may be told beyond that (struct web_client) is only wanted of a request that makes
 * a session, which shows when its body is there. http.client keeps what the head said until then:
 * only one request of a connection is being read at a time. Besides, it keeps for the connection's
 * life what a PROXY header said that no socket knows. */
#include "web/client.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/sockaddr.h"
#include "net/tls.h"
#include "proto/proxy.h"
#include "web/http.h"
#include "web/secure.h"

#include <stdlib.h>

static void drop(struct http *h, const char *why)
{
	char peer[ADDR_TEXT];

	h->dead = true;
	http_mark(h);
	if (!web_refused(h->web, REFUSAL_PROXY_HEADER))
		return;
	log_info("connection-refused", "peer=%s text=\"%s\"", addr_print(&h->peer, true, peer),
		 why);
}

void client_check(struct http *h)
{
	if (!h->proxy || forwarded_trusts(&h->web->config->forwarded, &h->peer))
		return;
	if (h->peer.family == ADDR_NONE) /* it is gone already: a balancer's look at the port */
		h->dead = true;
	else
		drop(h, "this listener takes connections from http.trusted_proxies alone, for it "
			"has proxy_protocol");
}

void client_late(struct http *h)
{
	drop(h, "no PROXY header came within http.head_timeout: the proxy has to send one, or "
		"proxy_protocol be off for this listener");
}

static struct web_client *note(struct http *h)
{
	if (!h->client)
		h->client = mem_zalloc(sizeof(*h->client));
	return h->client;
}

bool client_proxy(struct http *h)
{
	struct proxy p;
	size_t used;

	if (h->dead)
		return false;
	switch (proxy_parse(buf_slice(&h->conn.in), &p, &used)) {
	case PROXY_DONE: break;
	case PROXY_BAD:
		drop(h, "this is no PROXY header: the proxy has to send one, or proxy_protocol be "
			"off for this listener");
		return false;
	default: return false;
	}
	/* Without a source the proxy speaks for itself, as in its checks of our health. */
	if (p.source.family != ADDR_NONE) {
		h->peer = p.source;
		h->tls = p.tls;
		if (h->web->config->clients)
			note(h)->local = p.destination;
	}
	buf_eat(&h->conn.in, (uint32_t)used);
	h->proxy = false;
	h->restart = true;
	return true;
}

bool client_asks(const struct http *h, const struct http1_head *head, struct forwarded *f)
{
	const struct forwarded_rules *rules = &h->web->config->forwarded;

	bool proxied = head && h->kind == WEB_TRAFFIC && forwarded_trusts(rules, &h->peer), sure;

	*f = (struct forwarded){.client = h->peer, .tls = FORWARDED_UNTOLD};
	if (proxied)
		forwarded_read(rules, head->bytes, &h->peer, f);
	sure = !proxied || f->tls != FORWARDED_UNTOLD;
	if (f->tls == FORWARDED_UNTOLD)
		f->tls = h->tls ? FORWARDED_TLS : FORWARDED_PLAIN;
	return sure && f->tls == FORWARDED_PLAIN;
}

/* TLS asks for names only (RFC 6066 3), and so do those who read what is told here. */
static char *name_of(struct slice host)
{
	struct addr a;
	int port;

	if (!addr_split(host, &host, &port) || host.n > PROXY_AUTHORITY_MAX ||
	    addr_parse(&a, host, false))
		return NULL;
	return mem_strndup(host.p, host.n);
}

void client_note(struct http *h, struct slice host)
{
	struct web_client *c;

	if (!h->web->config->clients)
		return;
	c = note(h);
	free(c->host);
	c->host = name_of(host);
}

void client_forget(struct http *h)
{
	struct web_client *c = h->client;

	if (!c)
		return;
	free(MEM_TAKE(c->host));
	if (c->local.family == ADDR_NONE)
		web_client_free(MEM_TAKE(h->client));
}

static struct addr local_of(const struct http *h)
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);

	getsockname(h->conn.io.fd, (struct sockaddr *)&ss, &n);
	return sockaddr_read((struct sockaddr *)&ss);
}

struct web_client *client_take(struct request *r)
{
	struct http *h = r->http;
	struct web_client *c;

	if (!h->web->config->clients && !conn_has_tls(&h->conn) && !h->agent)
		return NULL;
	c = mem_zalloc(sizeof(*c));
	c->tls = r->tls;
	c->agent = h->agent;
	c->suite = secure_suite(h);
	if (h->client) {
		c->local = h->client->local;
		c->host = MEM_TAKE(h->client->host);
	}
	if (c->local.family == ADDR_NONE)
		c->local = local_of(h);
	return c;
}

void web_client_free(struct web_client *c)
{
	if (!c)
		return;
	free(c->host);
	free(c);
}

const char *web_tls_text(uint8_t suite)
{
	return tls_suite_text(suite);
}

const char *web_agent(const struct web *w, uint16_t agent)
{
	return agents_text(&w->agents, agent);
}

/*
 * The scripted server's side of one stream. It plays the login by rote and
 * answers everything that one read brought with one write. An echo is the
 * message's own bytes without an `xmlns='jabber:client'`, which no real
 * server repeats within its stream.
 */
#include "echo.h"
#include "net.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer {
	struct conn c;
	unsigned number;
	bool authenticated;
};

static struct conn listener;
static const char *domain;
static unsigned streams;
static unsigned long echoed;

/* The answers to one read; larger than any, for an answer to a header or an
 * iq is at most ANSWER_MAX and an echo is no longer than what it echoes. */
enum { OUT_SIZE = 1 << 20, ANSWER_MAX = 1024 };
static char out[OUT_SIZE];
static size_t out_len;

static void put(struct peer *s, const char *p, size_t n)
{
	if (out_len + n > OUT_SIZE) {
		conn_send(&s->c, out, out_len);
		out_len = 0;
	}
	if (n > OUT_SIZE)
		die("an item of %zu bytes", n);
	memcpy(out + out_len, p, n);
	out_len += n;
}

static void put_text(struct peer *s, const char *text)
{
	put(s, text, strlen(text));
}

static void put_header(struct peer *s)
{
	char text[ANSWER_MAX];

	snprintf(text, sizeof(text),
		 "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
		 "xmlns:stream='http://etherx.jabber.org/streams' id='s%u' from='%s' "
		 "version='1.0' xml:lang='en'>",
		 s->number, domain);
	put_text(s, text);
	if (s->authenticated)
		put_text(s, "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
			    "<required/></bind><session xmlns='urn:ietf:params:xml:ns:"
			    "xmpp-session'><optional/></session></stream:features>");
	else
		put_text(s, "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:"
			    "xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
			    "</stream:features>");
}

static void put_iq(struct peer *s, const char *p, size_t n)
{
	size_t type_len = 0, id_len = 0;
	const char *type = scan_attr(p, n, "type", &type_len);
	const char *id = scan_attr(p, n, "id", &id_len);
	char text[ANSWER_MAX];

	if (type == NULL || id == NULL || type_len != 3 || id_len > ANSWER_MAX / 2)
		return;
	if (scan_has(p, n, "urn:ietf:params:xml:ns:xmpp-bind"))
		snprintf(text, sizeof(text),
			 "<iq type='result' id='%.*s'><bind xmlns='urn:ietf:params:xml:ns:"
			 "xmpp-bind'><jid>u%u@%s/bench</jid></bind></iq>",
			 (int)id_len, id, s->number, domain);
	else
		snprintf(text, sizeof(text), "<iq type='result' id='%.*s'/>", (int)id_len, id);
	put_text(s, text);
}

static void put_echo(struct peer *s, const char *p, size_t n)
{
	static const char tag[] = "<message", ns[] = " xmlns='jabber:client'";
	size_t skip = sizeof(tag) - 1;

	echoed++;
	put(s, p, skip);
	if (n > skip + sizeof(ns) && memcmp(p + skip, ns, sizeof(ns) - 1) == 0)
		skip += sizeof(ns) - 1;
	put(s, p + skip, n - skip);
}

static void serve(struct peer *s, enum scan_kind kind, const char *p, size_t n)
{
	if (kind == SCAN_OPEN) {
		put_header(s);
	} else if (kind == SCAN_CLOSE) {
		put_text(s, "</stream:stream>");
		conn_close(&s->c);
	} else if (scan_is(p, n, "message")) {
		put_echo(s, p, n);
	} else if (scan_is(p, n, "iq")) {
		put_iq(s, p, n);
	} else if (scan_is(p, n, "auth")) {
		s->authenticated = true;
		put_text(s, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
	}
}

static size_t peer_data(struct conn *c, char *p, size_t n)
{
	struct peer *s = (struct peer *)c;
	size_t used = 0, len = 0;
	enum scan_kind kind;

	out_len = 0;
	while (!c->doomed && (kind = scan_item(p + used, n - used, &len)) != SCAN_MORE) {
		if (kind != SCAN_SPACE)
			serve(s, kind, p + used, len);
		used += len;
	}
	if (out_len > 0)
		conn_send(c, out, out_len);
	return used;
}

static void peer_gone(struct conn *c)
{
	free(c);
}

static void peer_new(int fd)
{
	struct peer *s = must_alloc(sizeof(*s));

	s->number = ++streams;
	s->c.data = peer_data;
	s->c.gone = peer_gone;
	net_adopt(&s->c, fd);
}

int echo_listen(int port, const char *name)
{
	domain = name;
	return net_listen(&listener, port, peer_new);
}

unsigned long echo_count(void)
{
	return echoed;
}

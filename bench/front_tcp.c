/* The bare XMPP stream, for the pipe: what the other fronts are compared with. */
#include "client.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tcp_header(struct client *k)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "<?xml version='1.0'?><stream:stream to='%s' version='1.0' "
			 "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
			 options.domain);

	conn_send(&k->c, text, (size_t)n);
}

static void tcp_send(struct client *k, const char *xml, size_t n)
{
	conn_send(&k->c, xml, n);
}

static void tcp_prepare(struct client *k, const char *message, size_t id_at)
{
	k->wire_len = MESSAGE_SIZE;
	k->wire = strdup(message);
	k->id_at = id_at;
}

static void tcp_fire(struct client *k, const char *digits)
{
	memcpy(k->wire + k->id_at, digits, ID_DIGITS);
	conn_send(&k->c, k->wire, k->wire_len);
}

static void tcp_leave(struct client *k)
{
	static const char end[] = "</stream:stream>";

	conn_send(&k->c, end, sizeof(end) - 1);
}

static size_t tcp_data(struct conn *c, char *p, size_t n)
{
	struct client *k = (struct client *)c;
	size_t used = 0, len = 0;
	enum scan_kind kind;

	while (!c->doomed && (kind = scan_item(p + used, n - used, &len)) != SCAN_MORE) {
		if (kind == SCAN_ELEMENT)
			client_element(k, p + used, len);
		else if (kind == SCAN_CLOSE)
			client_ended(k);
		used += len;
	}
	return used;
}

const struct front front_tcp = {
    .name = "tcp",
    .open = tcp_header,
    .restart = tcp_header,
    .send = tcp_send,
    .prepare = tcp_prepare,
    .fire = tcp_fire,
    .leave = tcp_leave,
    .data = tcp_data,
};

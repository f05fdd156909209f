/*
 * XMPP over WebSocket (RFC 7395): upgrade, masked text frames, one element
 * in each. A relay may not fragment (ours never needs to) in this benchmark.
 */
#include "client.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, HEAD_MAX = 8 };

/* RFC 6455, 1.3: the sample key and its answer. */
static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char accept_key[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static void ws_open(struct client *k)
{
	char text[1024];
	int n;

	for (int i = 0; i < 4; i++)
		k->mask[i] = (unsigned char)(0x35 + 0x4d * i + (int)k->number * 7);
	n = snprintf(text, sizeof(text),
		     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
		     "Upgrade: websocket\r\nOrigin: http://127.0.0.1:%d\r\n"
		     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
		     "Sec-WebSocket-Protocol: xmpp\r\n\r\n",
		     options.path, options.port, options.port, key);
	conn_send(&k->c, text, (size_t)n);
}

/* Writes a masked frame to out (room for n + HEAD_MAX); returns its size. */
static size_t frame_write(struct client *k, char *out, int op, const char *p, size_t n)
{
	size_t at = 0;

	out[at++] = (char)(0x80 | op);
	if (n < 126) {
		out[at++] = (char)(0x80 | n);
	} else {
		out[at++] = (char)(0x80 | 126);
		out[at++] = (char)(n >> 8);
		out[at++] = (char)n;
	}
	memcpy(out + at, k->mask, 4);
	at += 4;
	for (size_t i = 0; i < n; i++)
		out[at + i] = (char)(p[i] ^ k->mask[i & 3]);
	return at + n;
}

static void ws_frame(struct client *k, int op, const char *p, size_t n)
{
	char text[2048];

	if (n + HEAD_MAX > sizeof(text))
		die("a frame of %zu bytes", n);
	conn_send(&k->c, text, frame_write(k, text, op, p, n));
}

static void ws_send(struct client *k, const char *xml, size_t n)
{
	ws_frame(k, OP_TEXT, xml, n);
}

static void ws_header(struct client *k)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='%s' "
			 "version='1.0'/>",
			 options.domain);

	ws_send(k, text, (size_t)n);
}

static void ws_prepare(struct client *k, const char *message, size_t id_at)
{
	k->wire = must_alloc(MESSAGE_SIZE + HEAD_MAX);
	k->wire_len = frame_write(k, k->wire, OP_TEXT, message, MESSAGE_SIZE);
	k->id_at = id_at;
}

static void ws_fire(struct client *k, const char *digits)
{
	char *at = k->wire + k->wire_len - MESSAGE_SIZE + k->id_at;

	for (size_t i = 0; i < ID_DIGITS; i++)
		at[i] = (char)(digits[i] ^ k->mask[(k->id_at + i) & 3]);
	conn_send(&k->c, k->wire, k->wire_len);
}

static void ws_leave(struct client *k)
{
	static const char end[] = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

	ws_send(k, end, sizeof(end) - 1);
}

/* The subprotocol is granted, however its header's name is spelt. */
static bool ws_granted(const char *p, size_t n)
{
	static const char line[] = "Sec-WebSocket-Protocol: xmpp\r\n";

	for (size_t i = 0; i + sizeof(line) - 1 <= n; i++)
		if (strncasecmp(p + i, line, sizeof(line) - 1) == 0)
			return true;
	return false;
}

static size_t ws_upgraded(struct client *k, const char *p, size_t n)
{
	const char *end = scan_find(p, n, "\r\n\r\n");

	if (end == NULL)
		return 0;
	if (memcmp(p, "HTTP/1.1 101", 12) != 0 || !scan_has(p, n, accept_key) ||
	    !ws_granted(p, (size_t)(end - p) + 2))
		client_fail(k, "upgrade refused", p, n);
	k->upgraded = true;
	ws_header(k);
	return (size_t)(end - p) + 4;
}

static void ws_arrived(struct client *k, int op, const char *p, size_t n)
{
	size_t len = 0;

	if (op == OP_PING) {
		ws_frame(k, OP_PONG, p, n);
	} else if (op == OP_CLOSE) {
		client_ended(k);
	} else if (op == OP_TEXT) {
		if (scan_item(p, n, &len) != SCAN_ELEMENT || len != n)
			client_fail(k, "not one element in a frame", p, n);
		if (!scan_is(p, n, "close"))
			client_element(k, p, n);
		else if (k->phase == PHASE_LEAVING)
			client_ended(k);
		else
			client_fail(k, "closed by the other side", p, n);
	} else if (op != OP_PONG) {
		client_fail(k, "a frame of another kind", p, n);
	}
}

static size_t ws_data(struct conn *c, char *p, size_t n)
{
	struct client *k = (struct client *)c;
	const unsigned char *u = (const unsigned char *)p;
	size_t used = 0, head, len;

	if (!k->upgraded)
		used = ws_upgraded(k, p, n);
	while (k->upgraded && !c->doomed && n - used >= 2) {
		u = (const unsigned char *)p + used;
		len = u[1];
		head = 2;
		if (len > 126 || !(u[0] & 0x80))
			client_fail(k, "a masked, huge or fragmented frame", p + used, 2);
		if (len == 126) {
			head = 4;
			if (n - used < head)
				break;
			len = (size_t)u[2] << 8 | u[3];
		}
		if (n - used < head + len)
			break;
		ws_arrived(k, u[0] & 15, p + used + head, len);
		used += head + len;
	}
	return used;
}

const struct front front_ws = {
    .name = "ws",
    .path = "/xmpp-websocket",
    .open = ws_open,
    .restart = ws_header,
    .send = ws_send,
    .prepare = ws_prepare,
    .fire = ws_fire,
    .leave = ws_leave,
    .data = ws_data,
};

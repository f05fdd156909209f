/*
 * The client's login and its messages. Each message has an id of the
 * client's number and a serial; the echo must carry the very id that is
 * outstanding, so a lost, repeated or crossed message ends the run.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "client.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options;
struct totals totals;
void (*client_echoed)(uint64_t ns);

static const char *const phase_names[] = {"open",  "auth", "reopen",  "bind",
					  "ready", "busy", "leaving", "gone"};

void client_fail(struct client *k, const char *why, const char *p, size_t n)
{
	die("session %u, %s, message %u: %s: %.*s", k->number, phase_names[k->phase], k->seq, why,
	    (int)(n > 600 ? 600 : n), p);
}

static void base64(const char *in, size_t n, char *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned char)in[i] << 16;

		v |= i + 1 < n ? (unsigned)(unsigned char)in[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned char)in[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*out = 0;
}

static void login_auth(struct client *k)
{
	char plain[256], code[352], xml[512];
	int n = snprintf(plain, sizeof(plain), "%c%s%c%s", 0, options.user, 0, options.password);

	base64(plain, (size_t)n, code);
	n = snprintf(xml, sizeof(xml),
		     "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>",
		     code);
	k->phase = PHASE_AUTH;
	options.front->send(k, xml, (size_t)n);
}

static void login_bind(struct client *k)
{
	static const char xml[] = "<iq xmlns='jabber:client' type='set' id='bind'>"
				  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

	k->phase = PHASE_BIND;
	options.front->send(k, xml, sizeof(xml) - 1);
}

/* A message to oneself of exactly MESSAGE_SIZE bytes. */
static void message_build(struct client *k)
{
	static const char end[] = "</body></message>";
	char message[MESSAGE_SIZE + 1];
	int n = snprintf(message, sizeof(message),
			 "<message xmlns='jabber:client' id='%0*d' to='%s' type='chat'><body>",
			 ID_DIGITS, 0, k->jid);

	if (n < 0 || (size_t)n + sizeof(end) - 1 > MESSAGE_SIZE)
		die("the jid %s is too long for a message of %d bytes", k->jid, MESSAGE_SIZE);
	memset(message + n, 'x', MESSAGE_SIZE - (size_t)n);
	memcpy(message + MESSAGE_SIZE - sizeof(end) + 1, end, sizeof(end) - 1);
	message[MESSAGE_SIZE] = 0;
	options.front->prepare(k, message, (size_t)(strstr(message, "id='") - message) + 4);
}

static void login_done(struct client *k, const char *p, size_t n)
{
	const char *jid = memmem(p, n, "<jid>", 5), *end;

	end = jid != NULL ? memchr(jid + 5, '<', n - (size_t)(jid + 5 - p)) : NULL;
	if (end == NULL || (size_t)(end - jid - 5) >= sizeof(k->jid))
		client_fail(k, "no jid", p, n);
	memcpy(k->jid, jid + 5, (size_t)(end - jid - 5));
	message_build(k);
	k->phase = PHASE_READY;
	totals.ready++;
}

static void put_digits(char *at, uint64_t v, int n)
{
	while (n-- > 0) {
		at[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

static void message_id(const struct client *k, char *digits)
{
	put_digits(digits, k->number, 5);
	put_digits(digits + 5, k->seq, ID_DIGITS - 5);
}

void client_fire(struct client *k)
{
	char digits[ID_DIGITS];

	k->seq++;
	totals.sent++;
	message_id(k, digits);
	k->phase = PHASE_BUSY;
	k->sent_at = now_ns();
	options.front->fire(k, digits);
}

static void message_arrived(struct client *k, const char *p, size_t n)
{
	char want[ID_DIGITS];
	size_t len = 0;
	const char *id = scan_attr(p, n, "id", &len);

	message_id(k, want);
	if (k->phase != PHASE_BUSY || id == NULL || len != ID_DIGITS || memcmp(id, want, len) != 0)
		client_fail(k, "not the message that is outstanding", p, n);
	if (!scan_has(p, n, "xxx</body></message>"))
		client_fail(k, "a mangled message", p, n);
	totals.echoed++;
	client_echoed(now_ns() - k->sent_at);
	k->phase = PHASE_READY;
	if (totals.running)
		client_fire(k);
}

void client_element(struct client *k, const char *p, size_t n)
{
	if (scan_is(p, n, "message")) {
		message_arrived(k, p, n);
		return;
	}
	if (scan_is(p, n, "presence") || scan_is(p, n, "r") || scan_is(p, n, "open"))
		return;
	if (k->phase == PHASE_OPEN && scan_is(p, n, "features") && scan_has(p, n, "PLAIN")) {
		login_auth(k);
	} else if (k->phase == PHASE_AUTH && scan_is(p, n, "success")) {
		k->phase = PHASE_REOPEN;
		options.front->restart(k);
	} else if (k->phase == PHASE_REOPEN && scan_is(p, n, "features")) {
		login_bind(k);
	} else if (k->phase == PHASE_BIND && scan_is(p, n, "iq")) {
		login_done(k, p, n);
	} else {
		client_fail(k, "unexpected", p, n);
	}
}

void client_leave(struct client *k)
{
	if (k->phase != PHASE_READY)
		client_fail(k, "not ready to leave", "", 0);
	k->phase = PHASE_LEAVING;
	options.front->leave(k);
}

void client_ended(struct client *k)
{
	if (k->phase != PHASE_LEAVING)
		client_fail(k, "ended by the other side", "", 0);
	k->phase = PHASE_GONE;
	totals.gone++;
	conn_close(&k->c);
}

static void client_closed(struct conn *c)
{
	struct client *k = (struct client *)c;

	if (k->phase == PHASE_LEAVING)
		totals.gone++;
	else if (k->phase != PHASE_GONE)
		client_fail(k, "connection lost", "", 0);
	k->phase = PHASE_GONE;
	free(k->wire);
	k->wire = NULL;
}

struct client *client_new(unsigned number)
{
	struct client *k = must_alloc(sizeof(*k));

	k->number = number;
	k->c.data = options.front->data;
	k->c.gone = client_closed;
	net_connect(&k->c, options.port);
	options.front->open(k);
	return k;
}

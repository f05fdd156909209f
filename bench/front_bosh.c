/*
 * BOSH (XEP-0124, XEP-0206) with hold 1 over one keep-alive connection, one
 * request outstanding at a time: each message is a POST, held by the relay
 * until the echo answers it.
 */
#include "client.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RID_DIGITS = 10, HEAD_SIZE = 1024 };

static const char browser_headers[] =
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://chat.bench.example/\r\nOrigin: https://chat.bench.example\r\n"
    "Connection: keep-alive\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Site: same-site\r\n";

static int head_write(char *out, size_t size, size_t body)
{
	return snprintf(out, size,
			"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s"
			"Content-Type: text/xml; charset=utf-8\r\nContent-Length: %zu\r\n\r\n",
			options.path, options.port, options.browser ? browser_headers : "", body);
}

/* A request whose body element has these attributes and this content. */
static void bosh_post(struct client *k, const char *attributes, const char *xml, size_t n)
{
	size_t size = HEAD_SIZE + 1024 + strlen(attributes) + n;
	char *text = must_alloc(size), body[1024];
	int body_len, head;

	if (k->asked)
		client_fail(k, "a request is outstanding already", "", 0);
	body_len =
	    snprintf(body, sizeof(body),
		     "<body rid='%0*llu'%s%s%s xmlns='http://jabber.org/protocol/httpbind'%s>",
		     RID_DIGITS, (unsigned long long)++k->rid, k->sid[0] ? " sid='" : "", k->sid,
		     k->sid[0] ? "'" : "", attributes);
	head = head_write(text, HEAD_SIZE, (size_t)body_len + n + 7);
	memcpy(text + head, body, (size_t)body_len);
	memcpy(text + head + body_len, xml, n);
	memcpy(text + head + body_len + n, "</body>", 7);
	k->asked = true;
	conn_send(&k->c, text, (size_t)(head + body_len) + n + 7);
	free(text);
}

static void bosh_open(struct client *k)
{
	char attributes[512];

	k->rid = 1000000000 + k->number * 1000;
	snprintf(attributes, sizeof(attributes),
		 " to='%s' content='text/xml; charset=utf-8' ver='1.6' hold='1' wait='3600' "
		 "xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'",
		 options.domain);
	bosh_post(k, attributes, "", 0);
}

static void bosh_restart(struct client *k)
{
	char attributes[512];

	snprintf(attributes, sizeof(attributes),
		 " to='%s' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'", options.domain);
	bosh_post(k, attributes, "", 0);
}

static void bosh_send(struct client *k, const char *xml, size_t n)
{
	bosh_post(k, "", xml, n);
}

static void bosh_prepare(struct client *k, const char *message, size_t id_at)
{
	size_t size = HEAD_SIZE + 512 + MESSAGE_SIZE;
	char body[512 + MESSAGE_SIZE];
	int n = snprintf(body, sizeof(body),
			 "<body rid='%0*d' sid='%s' xmlns='http://jabber.org/protocol/httpbind'>",
			 RID_DIGITS, 0, k->sid);
	int head;

	k->wire = must_alloc(size);
	head = head_write(k->wire, HEAD_SIZE, (size_t)n + MESSAGE_SIZE + 7);
	k->wire_len = (size_t)(head + n) + MESSAGE_SIZE + 7;
	snprintf(k->wire + head, size - (size_t)head, "%s%s</body>", body, message);
	k->rid_at = (size_t)head + strlen("<body rid='");
	k->id_at = (size_t)(head + n) + id_at;
}

static void bosh_fire(struct client *k, const char *digits)
{
	uint64_t v = ++k->rid;

	if (k->asked)
		client_fail(k, "a request is outstanding already", "", 0);
	for (int i = RID_DIGITS; i-- > 0; v /= 10)
		k->wire[k->rid_at + (size_t)i] = (char)('0' + v % 10);
	memcpy(k->wire + k->id_at, digits, ID_DIGITS);
	k->asked = true;
	conn_send(&k->c, k->wire, k->wire_len);
}

static void bosh_leave(struct client *k)
{
	bosh_post(k, " type='terminate'", "", 0);
}

static void bosh_first(struct client *k, const char *tag, size_t n)
{
	size_t len = 0;
	const char *sid = scan_attr(tag, n, "sid", &len);

	if (sid == NULL || len >= sizeof(k->sid))
		client_fail(k, "no sid", tag, n);
	memcpy(k->sid, sid, len);
}

static void bosh_answer(struct client *k, const char *p, size_t n)
{
	size_t used = 0, len = 0, attr_len = 0;
	const char *tag_end = memchr(p, '>', n);
	bool more, ended;
	enum scan_kind kind;

	if (tag_end == NULL || !scan_is(p, n, "body"))
		client_fail(k, "not a body", p, n);
	used = (size_t)(tag_end - p) + 1;
	more = tag_end[-1] != '/';
	ended = scan_attr(p, used, "type", &attr_len) != NULL;
	k->asked = false;
	if (k->sid[0] == 0)
		bosh_first(k, p, used);
	while (more && (kind = scan_item(p + used, n - used, &len)) != SCAN_MORE) {
		if (kind == SCAN_ELEMENT && !ended)
			client_element(k, p + used, len);
		more = kind != SCAN_CLOSE;
		used += len;
	}
	if (more)
		client_fail(k, "a broken body", p, n);
	if (ended && k->phase != PHASE_LEAVING)
		client_fail(k, "terminated", p, n);
	if (ended || k->phase == PHASE_LEAVING)
		client_ended(k);
	else if (!k->asked && (k->phase != PHASE_READY || options.idle))
		bosh_post(k, "", "", 0);
}

/* The length of the answer's head, 0 if it is not whole; checks its status. */
static size_t answer_head(struct client *k, const char *p, size_t n, size_t *body)
{
	const char *end = scan_find(p, n, "\r\n\r\n");
	const char *at = p;

	if (end == NULL)
		return 0;
	if (memcmp(p, "HTTP/1.1 200", 12) != 0)
		client_fail(k, "not a 200", p, n);
	while ((at = scan_find(at, (size_t)(end - at), "\r\n")) != NULL) {
		at += 2;
		if (strncasecmp(at, "Content-Length:", 15) == 0) {
			*body = strtoul(at + 15, NULL, 10);
			return (size_t)(end - p) + 4;
		}
	}
	client_fail(k, "no Content-Length", p, n);
}

static size_t bosh_data(struct conn *c, char *p, size_t n)
{
	struct client *k = (struct client *)c;
	size_t used = 0, head, body = 0;

	while (!c->doomed && used < n) {
		head = answer_head(k, p + used, n - used, &body);
		if (head == 0 || n - used < head + body)
			break;
		if (!k->asked)
			client_fail(k, "an answer to nothing", p, n);
		bosh_answer(k, p + used + head, body);
		used += head + body;
	}
	return used;
}

const struct front front_bosh = {
    .name = "bosh",
    .path = "/http-bind",
    .open = bosh_open,
    .restart = bosh_restart,
    .send = bosh_send,
    .prepare = bosh_prepare,
    .fire = bosh_fire,
    .leave = bosh_leave,
    .data = bosh_data,
};

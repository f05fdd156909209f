#include "name_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/mem.h"

#define CHECK(x)                                                          \
	do {                                                              \
		if (!(x)) {                                               \
			fprintf(stderr, "name_server: %s: failed\n", #x); \
			abort();                                          \
		}                                                         \
	} while (0)

enum { BIG = 60000, QUESTION = 12 };

struct reply {
	uint8_t m[BIG];
	size_t n;
};

static void put(struct reply *r, const void *p, size_t n)
{
	CHECK(r->n + n <= BIG);
	memcpy(r->m + r->n, p, n);
	r->n += n;
}

static void put16(struct reply *r, unsigned v)
{
	put(r, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void put32(struct reply *r, uint32_t v)
{
	put16(r, v >> 16);
	put16(r, v & 0xffff);
}

static void put_name(struct reply *r, const char *name)
{
	while (*name && strcmp(name, ".") != 0) {
		size_t n = strcspn(name, ".");

		put(r, (uint8_t[]){(uint8_t)n}, 1);
		put(r, name, n);
		name += n + (name[n] == '.');
	}
	put(r, "", 1);
}

static size_t get_name(const uint8_t *m, size_t n, char *dst)
{
	size_t at = QUESTION;
	char *d = dst;

	while (at < n && m[at]) {
		size_t len = m[at];

		CHECK(at + len + 1 < n && d - dst + len < 255);
		if (d > dst)
			*d++ = '.';
		memcpy(d, m + at + 1, len);
		d += len;
		at += len + 1;
	}
	*d = '\0';
	return at + 1;
}

static void put_record(struct reply *r, const struct ns_record *rec)
{
	size_t at;
	unsigned a, b, c;
	char host[256];
	uint8_t ip[16];

	put_name(r, rec->name);
	put16(r, (unsigned)rec->type);
	put16(r, 1);
	put32(r, rec->ttl);
	put16(r, 0);
	at = r->n;
	switch (rec->type) {
	case NS_A:
		CHECK(inet_pton(AF_INET, rec->text, ip) == 1);
		put(r, ip, 4);
		break;
	case NS_AAAA:
		CHECK(inet_pton(AF_INET6, rec->text, ip) == 1);
		put(r, ip, 16);
		break;
	case NS_CNAME: put_name(r, rec->text); break;
	default:
		CHECK(sscanf(rec->text, "%u %u %u %255s", &a, &b, &c, host) == 4);
		put16(r, a);
		put16(r, b);
		put16(r, c);
		put_name(r, host);
	}
	r->m[at - 2] = (uint8_t)((r->n - at) >> 8);
	r->m[at - 1] = (uint8_t)(r->n - at);
}

static void put_soa(struct reply *r, uint32_t ttl)
{
	size_t at;

	put_name(r, "example");
	put16(r, 6);
	put16(r, 1);
	put32(r, ttl + 100);
	put16(r, 0);
	at = r->n;
	put_name(r, "ns.example");
	put_name(r, "root.example");
	for (int i = 0; i < 4; i++)
		put32(r, 7);
	put32(r, ttl);
	r->m[at - 1] = (uint8_t)(r->n - at);
}

static bool begins(const char *name, const char *word)
{
	const char *dot = strrchr(name, '_') ? strchr(strrchr(name, '_'), '.') : NULL;

	return strncmp(dot ? dot + 1 : name, word, strlen(word)) == 0;
}

/* The answer to a question; false: none is given. */
static bool answer(struct name_server *s, const uint8_t *m, size_t n, bool tcp, struct reply *r)
{
	char name[256], *want = name;
	size_t end = get_name(m, n, name) + 4;
	int type, found = 0;
	bool known = false;

	CHECK(end <= n);
	type = m[end - 4] << 8 | m[end - 3];
	if (begins(name, "silent"))
		return false;
	r->n = 0;
	put(r, m, end);
	r->m[2] = 0x85;
	r->m[3] = 0x80;
	memset(r->m + 6, 0, 6);
	if (begins(name, "big") && !tcp) {
		r->m[2] |= 2;
		return true;
	}
	if (begins(name, "broken")) {
		r->m[3] |= 2;
		return true;
	}
	if (begins(name, "garbage")) {
		r->m[7] = 5;
		put(r, "\xff\xc0\x0c\xc0\x0d\x3f garbage", 14);
		return true;
	}
	for (int hops = 0; hops < 4; hops++) {
		const char *next = NULL;

		for (size_t i = 0; i < s->n; i++) {
			if (strcasecmp(s->records[i].name, want) != 0)
				continue;
			known = true;
			if (s->records[i].type == NS_CNAME)
				next = s->records[i].text;
			else if (s->records[i].type != type)
				continue;
			put_record(r, &s->records[i]);
			found++;
		}
		if (!next)
			break;
		want = (char *)next;
	}
	r->m[6] = (uint8_t)(found >> 8);
	r->m[7] = (uint8_t)found;
	r->m[3] |= known ? 0 : 3;
	if (!found && s->soa) {
		put_soa(r, s->soa);
		r->m[9] = 1;
	}
	return true;
}

static void count(struct name_server *s, const uint8_t *m, size_t n)
{
	char name[256];
	size_t end = get_name(m, n, name);

	s->asked++;
	s->asked_of[m[end + 1] & 63]++;
}

static void reply_udp(struct name_server *s, const uint8_t *m, size_t n, const void *to)
{
	struct reply *r = mem_alloc(sizeof(*r));

	if (answer(s, m, n, false, r)) {
		CHECK(r->n < 65000);
		sendto(s->udp.fd, r->m, r->n, 0, to, sizeof(struct sockaddr_in));
	}
	free(r);
}

static void on_udp(struct ev_loop *loop, ev_io *io, int events)
{
	struct name_server *s = io->data;
	uint8_t m[300];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(io->fd, m, sizeof(m), 0, (struct sockaddr *)&from, &len);
	char name[256];
	size_t end;

	(void)loop, (void)events;
	if (n < 17)
		return;
	count(s, m, (size_t)n);
	end = get_name(m, (size_t)n, name);
	if (s->held && s->held == m[end + 1]) {
		CHECK(s->kept_count < 8);
		memcpy(s->kept[s->kept_count], m, (size_t)n);
		memcpy(s->from[s->kept_count], &from, sizeof(from));
		s->kept_n[s->kept_count++] = (size_t)n;
		return;
	}
	reply_udp(s, m, (size_t)n, &from);
}

void name_server_release(struct name_server *s)
{
	for (size_t i = 0; i < s->kept_count; i++)
		reply_udp(s, s->kept[i], s->kept_n[i], s->from[i]);
	s->kept_count = 0;
	s->held = 0;
}

static void on_talk(struct ev_loop *loop, ev_io *io, int events)
{
	struct name_server *s = io->data;
	struct reply *r = mem_alloc(sizeof(*r));
	uint8_t m[300], head[2];
	ssize_t n = recv(io->fd, m, sizeof(m), 0);

	(void)events;
	/* On loopback a question comes in one piece, its length before it. */
	if (n > 19 && m[0] << 8 == 0 && m[1] == n - 2) {
		count(s, m + 2, (size_t)n - 2);
		s->by_tcp++;
		if (answer(s, m + 2, (size_t)n - 2, true, r)) {
			head[0] = (uint8_t)(r->n >> 8);
			head[1] = (uint8_t)r->n;
			send(io->fd, head, 2, MSG_NOSIGNAL | MSG_MORE);
			send(io->fd, r->m, r->n, MSG_NOSIGNAL);
		}
	} else {
		ev_io_stop(loop, io);
		close(io->fd);
		ev_io_set(io, -1, 0);
	}
	free(r);
}

static void on_tcp(struct ev_loop *loop, ev_io *io, int events)
{
	struct name_server *s = io->data;
	int fd = accept(io->fd, NULL, NULL);

	(void)events;
	if (fd < 0)
		return;
	if (s->talk.fd >= 0) {
		ev_io_stop(loop, &s->talk);
		close(s->talk.fd);
	}
	ev_io_set(&s->talk, fd, EV_READ);
	ev_io_start(loop, &s->talk);
}

void name_server_start(struct name_server *s, struct ev_loop *loop)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(in);
	int udp = -1, tcp = -1;

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	for (int tries = 0; tries < 50; tries++) {
		in.sin_port = 0;
		udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		CHECK(bind(udp, (struct sockaddr *)&in, n) == 0);
		CHECK(getsockname(udp, (struct sockaddr *)&in, &n) == 0);
		if (bind(tcp, (struct sockaddr *)&in, n) == 0 && listen(tcp, 4) == 0)
			break;
		close(udp);
		close(tcp);
		CHECK(tries < 49);
	}
	snprintf(s->at, sizeof(s->at), "127.0.0.1:%u", ntohs(in.sin_port));
	ev_io_init(&s->udp, on_udp, udp, EV_READ);
	ev_io_init(&s->tcp, on_tcp, tcp, EV_READ);
	ev_io_init(&s->talk, on_talk, -1, 0);
	s->udp.data = s->tcp.data = s->talk.data = s;
	ev_io_start(loop, &s->udp);
	ev_io_start(loop, &s->tcp);
}

void name_server_know(struct name_server *s, const struct ns_record *v, size_t n)
{
	s->records = v;
	s->n = n;
}

void name_server_stop(struct name_server *s)
{
	ev_io *v[] = {&s->udp, &s->tcp, &s->talk};

	for (int i = 0; i < 3; i++)
		if (v[i]->fd >= 0) {
			ev_io_stop(s->loop, v[i]);
			close(v[i]->fd);
		}
}

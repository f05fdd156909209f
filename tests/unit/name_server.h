/* A name server on a loopback port, UDP and TCP, on the test's own loop. It knows the records that
 * the test gives it, and misbehaves for names that begin with: "silent" (no answer), "broken"
 * (SERVFAIL), "garbage" (a header, then nonsense), "big" (truncated over UDP). */
#ifndef TESTS_NAME_SERVER_H
#define TESTS_NAME_SERVER_H

#include <ev.h>
#include <stdint.h>

enum { NS_A = 1, NS_CNAME = 5, NS_AAAA = 28, NS_SRV = 33 };

struct ns_record {
	const char *name;
	int type;
	uint32_t ttl;
	const char *text; /* "127.0.0.1", "::1", "10 5 5222 host.example", "alias.example" */
};

struct name_server {
	struct ev_loop *loop;
	ev_io udp, tcp, talk;
	char at[64]; /* "127.0.0.1:port" */
	const struct ns_record *records;
	size_t n;
	uint32_t soa;	      /* TTL of negative answers; 0: they say none */
	int held;	      /* questions of this type wait for name_server_release() */
	int asked, by_tcp;    /* questions so far */
	int asked_of[64];     /* by type, those below 64 */
	uint8_t kept[8][300]; /* held questions */
	size_t kept_n[8], kept_count;
	uint8_t from[8][16];
};

void name_server_start(struct name_server *s, struct ev_loop *loop);
void name_server_know(struct name_server *s, const struct ns_record *v, size_t n); /* borrows v */
void name_server_release(struct name_server *s);
void name_server_stop(struct name_server *s);

#endif

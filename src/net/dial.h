/* Dialling: from a list of host:port targets to one connected socket, by name resolution (c-ares, A
 * and AAAA) and attempts one after another, under one deadline. */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <ev.h>
#include <stdint.h>
#include "proto/addr.h"

struct dns; /* one resolver a worker; answers IP literals and "localhost" without asking anyone */
struct dns *dns_new(struct ev_loop *loop);
void dns_free(struct dns *d); /* outstanding dials must be cancelled before */

struct dial_target {
	const char *host; /* name or IP literal */
	uint16_t port;
};

/* fd >= 0: connected, the callee's. Else fd is -1 and text says, in words for a log line, what
 * failed last ("connection refused by 127.0.0.1:5222", "no address for xmpp.example.org", "no
 * answer from 192.0.2.1:5222 in 5 s"). Never called from within dial_start(). The dial is gone
 * afterwards. */
typedef void dial_done(void *owner, int fd, const struct addr *peer, const char *text);

struct dial;
struct dial *dial_start(struct dns *dns, const struct dial_target *targets, size_t n,
			int64_t deadline_ms, dial_done *done, void *owner); /* borrows targets */
void dial_cancel(struct dial *d);					    /* done is not called */

#endif

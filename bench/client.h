/*
 * One benchmark client: the XMPP login, then one numbered message after the
 * other, each sent when the echo of the one before has come. How its bytes
 * travel (bare stream, BOSH, WebSocket) is its front's matter.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_SIZE = 160, ID_DIGITS = 14 };

enum phase {
	PHASE_OPEN,    /* stream header sent, the SASL features are awaited */
	PHASE_AUTH,    /* PLAIN sent */
	PHASE_REOPEN,  /* restarted, the bind features are awaited */
	PHASE_BIND,    /* bind sent */
	PHASE_READY,   /* logged in, nothing outstanding */
	PHASE_BUSY,    /* one message outstanding */
	PHASE_LEAVING, /* logout sent */
	PHASE_GONE,    /* closed */
};

struct client {
	struct conn c;
	unsigned number; /* from 1 */
	enum phase phase;
	uint32_t seq; /* of the message last sent */
	uint64_t sent_at;
	char jid[128];
	/* The message request as it goes over the wire; only digits change. */
	char *wire;
	size_t wire_len, id_at, rid_at;
	unsigned char mask[4]; /* WebSocket: of every frame */
	uint64_t rid;	       /* BOSH: of the last request */
	char sid[256];
	bool upgraded; /* WebSocket: 101 has come */
	bool asked;    /* BOSH: a request is outstanding */
};

struct front {
	const char *name;
	const char *path; /* default request path */
	void (*open)(struct client *k);
	void (*restart)(struct client *k);
	void (*send)(struct client *k, const char *xml, size_t n);
	/* Lays out k->wire around the message; its id digits are at id_at. */
	void (*prepare)(struct client *k, const char *message, size_t id_at);
	/* Sends k->wire with the id's digits. */
	void (*fire)(struct client *k, const char *digits);
	/* Logs out with this last element (may be empty). */
	void (*leave)(struct client *k);
	size_t (*data)(struct conn *c, char *p, size_t n);
};

extern const struct front front_tcp, front_bosh, front_ws;

struct options {
	const struct front *front;
	const char *domain, *path, *user, *password;
	int port;
	bool browser; /* send the request headers that a browser sends */
	bool idle;    /* stay logged in, keep a BOSH request held */
};
extern struct options options;

struct totals {
	uint64_t sent, echoed, ready, gone;
	bool running; /* an echo is followed by the next message */
};
extern struct totals totals;

struct client *client_new(unsigned number);
/* Sends the next numbered message. */
void client_fire(struct client *k);
void client_leave(struct client *k);
/* Called by the fronts for each whole element, and for a clean end. */
void client_element(struct client *k, const char *p, size_t n);
void client_ended(struct client *k);
_Noreturn void client_fail(struct client *k, const char *why, const char *p, size_t n);

/* Called for each verified echo with the time it took. */
extern void (*client_echoed)(uint64_t ns);

#endif

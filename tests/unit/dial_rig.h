/* What tests of the dial share: a loop with a dialer and a name server, listeners of every kind,
 * and what came of a dial. */
#ifndef TESTS_DIAL_RIG_H
#define TESTS_DIAL_RIG_H

#include "name_server.h"
#include "net/dial_priv.h"

struct came {
	int calls;
	bool heard, connected, tls, exhausted;
	struct conn conn; /* where connected */
	struct addr peer;
	struct health_backend *backend, *served;
	char name[HEALTH_NAME];
	char text[DIAL_TEXT + 40];
	int64_t ms; /* the whole dial took */
};

extern struct ev_loop *loop;
extern struct health *health;
extern struct dialer *dialer;
extern struct name_server server;
extern struct dial_policy policy; /* plain, anywhere, for example.org */
extern struct came came;
extern size_t first;	   /* of the next dial; SIZE_MAX: none */
extern struct slice proxy; /* of the next dial */

int rig_begin(void **state);
int rig_end(void **state);

/* Lets go of what the last dial brought. */
void rig_drop(void);

/* Dials and waits for the end. */
void rig_dial(const struct dial_target *v, size_t n, int64_t ms);
void rig_host(const char *host, int port, int64_t ms); /* one target */
struct dial *rig_start(const struct dial_target *v, size_t n, int64_t ms);
void rig_wait(void);

/* Turns the loop until `port` is what the leg is connected to, or the text is. */
void rig_expect_port(int port);
void rig_expect_text(const char *text);

/* A TCP socket on a loopback address; the port is the kernel's, or that which is given. */
enum rig_kind { RIG_LISTENING, RIG_REFUSING, RIG_DEAF /* connecting to it hangs */ };
int rig_open(const char *ip, int port, enum rig_kind kind); /* the port */
int rig_accept(int port);				    /* blocking; a descriptor */
struct health_row rig_row(const char *name);

#define RIG_NAME(dst, port) (snprintf((dst), sizeof(dst), "127.0.0.1:%d", (port)), (dst))

#endif

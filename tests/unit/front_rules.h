/* What must hold of every BOSH session, whatever the client, the server and the network do: each
 * request is answered at most once, answers leave in rid order, a repeat gets the same bytes,
 * nothing is lost, doubled or reordered either way, and whoever waits knows for how long. A broken
 * rule aborts. */
#ifndef TESTS_FRONT_RULES_H
#define TESTS_FRONT_RULES_H

#include "proto/bosh.h"

struct rules;

struct rules *rules_new(const struct bosh_config *c);
void rules_free(struct rules *r);

void rules_asked(struct rules *r, handle_t h, const struct body *body);
void rules_gone(struct rules *r, handle_t h);
void rules_payload(struct rules *r, const struct front_event *e);
void rules_server(struct rules *r, struct slice element, uint32_t serial);
void rules_closing(struct rules *r);
void rules_effect(struct rules *r, const struct effect *e);

/* After a turn; `pulled` is whether the hub took all events. */
void rules_turn(struct rules *r, const struct front_ops *ops, const void *f, int64_t now,
		bool pulled);

/* Nothing is on its way: answers brought all that the server said; events, in rid order, all that
 * the client said. */
bool rules_all_down(const struct rules *r);
bool rules_all_up(struct rules *r);

/* Ends the program with a report. */
_Noreturn void rules_broken(const char *rule, const char *what);

#endif

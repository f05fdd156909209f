/* Who may use what a status listener serves. Any page in the operator's browser can reach loopback,
 * and by DNS rebinding under a name of its own: so the name that was asked for must be one that
 * nobody else can own, a page must be ours, and a token stands before whatever acts or names
 * people. Wrong tokens are counted by address. */
#ifndef PROTO_GUARD_H
#define PROTO_GUARD_H

#include "proto/addr.h"

/* Whether `host` (of Host, port and all; p NULL: there is none, so no browser asks) is localhost, a
 * loopback literal, one of `names` (NULL-terminated, or NULL), or the literal of `local`, the
 * address that the connection came to (NULL: unknown). */
bool guard_host(struct slice host, const char *const *names, const struct addr *local);

/* Whether `origin` is that of a page under this very Host. A proxy in front may have taken off TLS,
 * so https is fine without it; http is not with it. */
bool guard_origin(struct slice origin, struct slice host, bool tls);

/* The token of an Authorization field's value ("Bearer T"); p NULL where there is none. */
struct slice guard_bearer(struct slice authorization);

/* In a time that depends on nothing but the length of `shown`. An empty `token` is nobody's. */
bool guard_same(struct slice shown, const char *token);

#endif

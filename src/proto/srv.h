/* The order in which service records are tried (RFC 2782): by priority, and at random by weight
 * within one. Pure; the randomness is the caller's. */
#ifndef PROTO_SRV_H
#define PROTO_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct srv_record {
	uint16_t priority; /* the lowest goes first */
	uint16_t weight;   /* chances within the priority; 0: hardly ever before others */
	uint16_t port;
	bool direct;  /* TLS from the first byte (XEP-0368) */
	uint16_t tag; /* the caller's */
};

/* Puts v in order. below() answers 0 .. limit-1, all alike. */
void srv_order(struct srv_record *v, size_t n, uint32_t (*below)(void *ctx, uint32_t limit),
	       void *ctx);

#endif

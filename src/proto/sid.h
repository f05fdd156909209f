/* Session ids: base32 of instance (64 bits), worker (8), random (128) and an HMAC tag (64) by the
 * machine's key. The sid names its owner, so that any worker finds it without a shared table; it is
 * a bearer secret and stands in no log, page, trace or metric. */
#ifndef PROTO_SID_H
#define PROTO_SID_H

#include <stdbool.h>
#include <stdint.h>
#include "base/slice.h"

enum { SID_LENGTH = 53, SID_RANDOM = 16, SID_TAG = 8, SID_KEY = 32 };

struct sid {
	uint64_t instance;
	uint8_t worker;
	uint8_t random[SID_RANDOM];
	uint8_t tag[SID_TAG]; /* filled in by sid_print() and sid_parse() */
};

struct sid_signer; /* the key, prepared; one a thread */

struct sid_signer *sid_signer_new(const uint8_t key[SID_KEY]);
void sid_signer_free(struct sid_signer *s);

/* Signs sid (its tag is set) and writes SID_LENGTH characters (lower case a-z2-7), no NUL. */
void sid_print(struct sid_signer *s, struct sid *sid, char out[SID_LENGTH]);

/* Reads the form only; the tag is not looked at. False where it cannot be a sid. */
bool sid_parse(struct sid *sid, struct slice text);

/* Whether the tag is right; compares in constant time. For sids that cost a letter to look up. */
bool sid_verify(struct sid_signer *s, struct slice text);

#endif

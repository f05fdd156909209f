/* Hash table of objects that embed their node; the table owns nothing but its array of buckets. */
#ifndef BASE_HTAB_H
#define BASE_HTAB_H

#include <stddef.h>
#include <stdint.h>
#include "base/mem.h"
#include "base/slice.h"

struct htab_node {
	struct htab_node *next;
	uint64_t hash;
};

struct htab {
	struct htab_node **v; /* owned */
	size_t n, size;	      /* nodes; buckets (0 or a power of two) */
};

void htab_clear(struct htab *t); /* frees the buckets; nodes stay with their owners */

/* The caller computes hashes; equal() decides among nodes of the same hash. */
void htab_add(struct htab *t, struct htab_node *node, uint64_t hash);
struct htab_node *htab_find(const struct htab *t, uint64_t hash, struct slice key,
			    bool (*equal)(const struct htab_node *, struct slice key));
void htab_remove(struct htab *t, struct htab_node *node);

/* A hash for keys that an attacker chooses: seed from random bytes. */
uint64_t htab_hash(struct slice key, const uint8_t seed[16]);

#endif

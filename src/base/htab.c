/* Hash table with chains, doubled when it holds as many nodes as buckets. The hash is SipHash-1-3,
 * so that peers who choose keys cannot choose collisions. */
#include "base/htab.h"
#include "base/mem.h"

#include <stdlib.h>

void htab_clear(struct htab *t)
{
	free(t->v);
	*t = (struct htab){0};
}

static void resize(struct htab *t, size_t size)
{
	struct htab_node **v = mem_zalloc(size * sizeof(struct htab_node *));

	for (size_t i = 0; i < t->size; i++) {
		struct htab_node *node, *next;

		for (node = t->v[i]; node; node = next) {
			struct htab_node **head = &v[node->hash & (size - 1)];

			next = node->next;
			node->next = *head;
			*head = node;
		}
	}
	free(t->v);
	t->v = v;
	t->size = size;
}

void htab_add(struct htab *t, struct htab_node *node, uint64_t hash)
{
	struct htab_node **head;

	if (t->n >= t->size)
		resize(t, t->size ? t->size * 2 : 16);
	head = &t->v[hash & (t->size - 1)];
	node->hash = hash;
	node->next = *head;
	*head = node;
	t->n++;
}

struct htab_node *htab_find(const struct htab *t, uint64_t hash, struct slice key,
			    bool (*equal)(const struct htab_node *, struct slice key))
{
	struct htab_node *node;

	if (t->size == 0)
		return NULL;
	for (node = t->v[hash & (t->size - 1)]; node; node = node->next)
		if (node->hash == hash && equal(node, key))
			return node;
	return NULL;
}

void htab_remove(struct htab *t, struct htab_node *node)
{
	struct htab_node **at = &t->v[node->hash & (t->size - 1)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	t->n--;
}

#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

static uint64_t load64(const void *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)((const uint8_t *)p)[i] << (8 * i);
	return x;
}

uint64_t htab_hash(struct slice key, const uint8_t seed[16])
{
	uint64_t k0 = load64(seed, 8), k1 = load64(seed + 8, 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573};
	size_t i;
	uint64_t last;

	for (i = 0; i + 8 <= key.n; i += 8) {
		uint64_t m = load64(key.p + i, 8);

		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	last = (uint64_t)key.n << 56 | load64(key.p + i, key.n - i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

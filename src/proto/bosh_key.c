/* Key sequences in a session (XEP-0124 15). Keys are checked in rid order: a request ahead of its
 * turn waits, unchecked, until all before it have come. Of each rid that may be repeated the key is
 * remembered, for a repeat must have the same. */
#include "proto/bosh_priv.h"
#include "base/mem.h"
#include "proto/key.h"

struct bosh_keys {
	int64_t base, rid;	 /* the creation's rid; the last one whose key was checked */
	uint8_t next[KEY_BYTES]; /* what the next key stands before */
	uint32_t n;
	uint8_t of[][KEY_BYTES]; /* of rid r at r % n */
};

void bosh_keys_begin(struct bosh *b, const struct body *create)
{
	uint32_t n = bosh_room(b) + bosh_size(b);
	struct bosh_keys *k = mem_zalloc(sizeof(*k) + n * sizeof(k->of[0]));

	k->base = k->rid = create->rid;
	k->n = n;
	key_read(k->next, create->newkey);
	bosh_more(b)->keys = k;
}

/* The next in rid order. */
static bool check(struct bosh_keys *k, const struct body *r)
{
	uint8_t *own = k->of[(uint64_t)r->rid % k->n];

	if (!key_read(own, r->key) || !key_precedes(r->key, k->next))
		return false;
	if (!r->newkey.p)
		memcpy(k->next, own, KEY_BYTES);
	else if (!key_read(k->next, r->newkey))
		return false;
	k->rid = r->rid;
	return true;
}

bool bosh_key_fits(struct bosh *b, const struct body *r)
{
	struct bosh_keys *k = b->more ? b->more->keys : NULL;

	return !k || r->rid > k->rid + 1 || check(k, r);
}

struct bosh_request *bosh_key_misfit(struct bosh *b)
{
	struct bosh_keys *k = b->more ? b->more->keys : NULL;

	while (k && k->rid + 1 < bosh_limit(b)) {
		struct bosh_request *r = bosh_slot(b, k->rid + 1);

		if (!r->body)
			return NULL;
		if (!check(k, r->body))
			return r;
	}
	return NULL;
}

bool bosh_key_repeats(const struct bosh *b, const struct body *r)
{
	const struct bosh_keys *k = b->more ? b->more->keys : NULL;
	uint8_t own[KEY_BYTES];

	if (!k)
		return true;
	if (r->rid > k->rid) /* its first copy waits, unchecked */
		return slice_eq_nocase(r->key, bosh_slot(b, r->rid)->body->key);
	return r->rid != k->base && key_read(own, r->key) &&
	       memcmp(own, k->of[(uint64_t)r->rid % k->n], KEY_BYTES) == 0;
}

/* The hash table, and its hash against an independent SipHash-1-3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/htab.h"

enum { MANY = 5000 };

struct item {
	char key[16];
	struct htab_node node;
};

static const uint8_t seed[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static struct item items[MANY];

static bool equal(const struct htab_node *node, struct slice key)
{
	return slice_is(key, CONTAINER(node, struct item, node)->key);
}

static struct item *find(const struct htab *t, uint64_t hash, const char *key)
{
	struct htab_node *node = htab_find(t, hash, slice_str(key), equal);

	return node ? CONTAINER(node, struct item, node) : NULL;
}

/* mask 0: all in one chain. */
static void add_find_and_remove(uint64_t mask, int n)
{
	struct htab t = {0};
	uint64_t hash[MANY];

	assert_null(find(&t, 1, "nobody"));
	for (int i = 0; i < n; i++) {
		snprintf(items[i].key, sizeof(items[i].key), "key-%d", i);
		hash[i] = htab_hash(slice_str(items[i].key), seed) & mask;
		htab_add(&t, &items[i].node, hash[i]);
	}
	assert_int_equal(t.n, n);
	for (int i = 0; i < n; i += 2)
		htab_remove(&t, &items[i].node);
	assert_int_equal(t.n, n / 2);
	for (int i = 0; i < n; i++)
		assert_ptr_equal(find(&t, hash[i], items[i].key), i % 2 ? &items[i] : NULL);
	assert_null(find(&t, hash[1], "nobody"));
	for (int i = 1; i < n; i += 2)
		htab_remove(&t, &items[i].node);
	assert_int_equal(t.n, 0);
	htab_clear(&t);
	assert_null(t.v);
}

static void what_was_added_is_found(void **state)
{
	(void)state;
	add_find_and_remove(UINT64_MAX, MANY);
}

static void equal_hashes_are_told_apart(void **state)
{
	(void)state;
	add_find_and_remove(0, 100);
}

/* Values of SipHash-1-3 for the key 00..0f and the texts "", 00, 00 01, ... */
static void the_hash_is_siphash(void **state)
{
	static const uint64_t want[] = {
	    0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb,
	    0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140,
	    0x369095118d299a8e, 0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
	    0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34, 0xd320d86d2a519956,
	    0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c,
	};
	char text[64];

	(void)state;
	for (size_t n = 0; n < sizeof(want) / sizeof(want[0]); n++) {
		for (size_t i = 0; i < n; i++)
			text[i] = (char)i;
		assert_true(htab_hash(slice_of(text, n), seed) == want[n]);
	}
}

static void the_seed_changes_the_hash(void **state)
{
	static const uint8_t other[16] = {1};

	(void)state;
	assert_true(htab_hash(SLICE("a"), seed) != htab_hash(SLICE("a"), other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_added_is_found),
	    cmocka_unit_test(equal_hashes_are_told_apart),
	    cmocka_unit_test(the_hash_is_siphash),
	    cmocka_unit_test(the_seed_changes_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

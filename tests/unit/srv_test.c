/* The order of service records, with a generator of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/srv.h"

static uint32_t below(void *ctx, uint32_t limit)
{
	uint64_t *seed = ctx;

	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	assert_true(limit > 0);
	return (uint32_t)((*seed >> 16) % limit);
}

static uint32_t always(void *ctx, uint32_t limit)
{
	uint32_t want = *(uint32_t *)ctx;

	return want < limit ? want : limit - 1;
}

static void priorities_come_in_order(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct srv_record v[] = {
		    {30, 1, 1, false, 0}, {10, 9, 2, true, 1},	  {20, 0, 3, false, 2},
		    {10, 1, 4, false, 3}, {65535, 0, 5, true, 4}, {0, 65535, 6, false, 5},
		};
		unsigned seen = 0;

		srv_order(v, 6, below, &seed);
		for (int i = 0; i < 6; i++) {
			assert_true(i == 0 || v[i - 1].priority <= v[i].priority);
			seen |= 1u << v[i].tag;
			assert_int_equal(v[i].port, v[i].tag + 1);
		}
		assert_int_equal(seen, 0x3f);
	}
}

static void weights_are_chances(void **state)
{
	enum { ROUNDS = 20000 };
	int first[4] = {0};
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct srv_record v[] = {{5, 60, 0, false, 0},
					 {5, 30, 0, false, 1},
					 {5, 10, 0, false, 2},
					 {5, 0, 0, false, 3}};

		srv_order(v, 4, below, &seed);
		first[v[0].tag]++;
	}
	/* Of 101 numbers 60, 30, 10 and 1. */
	assert_in_range(first[0], ROUNDS * 57 / 101, ROUNDS * 63 / 101);
	assert_in_range(first[1], ROUNDS * 28 / 101, ROUNDS * 32 / 101);
	assert_in_range(first[2], ROUNDS * 9 / 101, ROUNDS * 11 / 101);
	assert_in_range(first[3], 1, ROUNDS * 2 / 101);
}

static void the_second_is_drawn_among_those_left(void **state)
{
	enum { ROUNDS = 20000 };
	int second[3] = {0};
	uint64_t seed = 99;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct srv_record v[] = {
		    {0, 65535, 0, false, 0}, {0, 30, 0, false, 1}, {0, 10, 0, false, 2}};

		srv_order(v, 3, below, &seed);
		if (v[0].tag == 0)
			second[v[1].tag]++;
	}
	assert_in_range(second[1], ROUNDS * 72 / 100, ROUNDS * 78 / 100);
	assert_int_equal(second[0], 0);
}

static void without_weights_the_order_stays(void **state)
{
	uint64_t seed = 3;
	struct srv_record v[] = {{1, 0, 0, false, 0}, {1, 0, 0, false, 1}, {1, 0, 0, false, 2}};

	(void)state;
	srv_order(v, 3, below, &seed);
	for (int i = 0; i < 3; i++)
		assert_int_equal(v[i].tag, i);
}

static void the_ends_of_the_range_are_taken(void **state)
{
	struct srv_record low[] = {{1, 5, 0, false, 0}, {1, 0, 0, false, 1}, {1, 5, 0, false, 2}};
	struct srv_record high[] = {{1, 5, 0, false, 0}, {1, 0, 0, false, 1}, {1, 5, 0, false, 2}};
	uint32_t want = 0;

	(void)state;
	srv_order(low, 3, always, &want);
	assert_int_equal(low[0].tag, 1);
	want = UINT32_MAX;
	srv_order(high, 3, always, &want);
	assert_int_equal(high[0].tag, 2);
	assert_int_equal(high[1].tag, 0);
	assert_int_equal(high[2].tag, 1);
}

/* Where all have a weight none has a chance that its weight does not give it. */
static void even_weights_are_even_chances(void **state)
{
	enum { ROUNDS = 20000 };
	int first[2] = {0};
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct srv_record v[] = {{0, 1, 0, false, 0}, {0, 1, 0, false, 1}};

		srv_order(v, 2, below, &seed);
		first[v[0].tag]++;
	}
	assert_in_range(first[0], ROUNDS * 48 / 100, ROUNDS * 52 / 100);
}

static void none_and_one_are_orders(void **state)
{
	struct srv_record one = {7, 7, 5222, true, 9};
	uint64_t seed = 1;

	(void)state;
	srv_order(NULL, 0, below, &seed);
	srv_order(&one, 1, below, &seed);
	assert_int_equal(one.tag, 9);
}

static void many_heavy_records_do_not_overflow(void **state)
{
	struct srv_record v[512];
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 512; i++)
		v[i] = (struct srv_record){1, 65535, 0, false, (uint16_t)i};
	srv_order(v, 512, below, &seed);
	assert_true(v[0].tag != 0 || v[1].tag != 1 || v[2].tag != 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(priorities_come_in_order),
	    cmocka_unit_test(weights_are_chances),
	    cmocka_unit_test(the_second_is_drawn_among_those_left),
	    cmocka_unit_test(without_weights_the_order_stays),
	    cmocka_unit_test(the_ends_of_the_range_are_taken),
	    cmocka_unit_test(even_weights_are_even_chances),
	    cmocka_unit_test(none_and_one_are_orders),
	    cmocka_unit_test(many_heavy_records_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

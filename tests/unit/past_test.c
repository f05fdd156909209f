/* Since when things are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/status/past.h"

static void what_stays_wrong_is_so_since_it_was_seen_first(void **state)
{
	struct past p = {0};

	(void)state;
	past_see(&p, (const uint64_t[]){7}, 1, 1000);
	past_see(&p, (const uint64_t[]){8, 7}, 2, 2000);
	past_see(&p, (const uint64_t[]){7, 8}, 2, 3000);
	assert_int_equal(past_since(&p, 7), 1000);
	assert_int_equal(past_since(&p, 8), 2000);
	assert_int_equal(past_since(&p, 9), -1);
}

static void what_comes_back_is_new(void **state)
{
	struct past p = {0};

	(void)state;
	past_see(&p, (const uint64_t[]){7}, 1, 1000);
	past_see(&p, NULL, 0, 2000);
	assert_int_equal(past_since(&p, 7), -1);
	past_see(&p, (const uint64_t[]){7}, 1, 3000);
	assert_int_equal(past_since(&p, 7), 3000);
}

static void all_is_well_since_the_last_of_it_went(void **state)
{
	struct past p = {0};

	(void)state;
	assert_int_equal(past_well(&p), -1); /* nobody has looked */
	past_see(&p, NULL, 0, 1000);
	past_see(&p, NULL, 0, 2000);
	assert_int_equal(past_well(&p), 1000);
	past_see(&p, (const uint64_t[]){7}, 1, 3000);
	assert_int_equal(past_well(&p), -1);
	past_see(&p, NULL, 0, 4000);
	past_see(&p, NULL, 0, 5000);
	assert_int_equal(past_well(&p), 4000);
}

static void more_than_there_is_room_for_is_forgotten(void **state)
{
	uint64_t keys[PAST_MAX + 5];
	struct past p = {0};

	(void)state;
	for (size_t i = 0; i < PAST_MAX + 5; i++)
		keys[i] = i + 1;
	past_see(&p, keys, PAST_MAX + 5, 1000);
	assert_int_equal(past_since(&p, PAST_MAX), 1000);
	assert_int_equal(past_since(&p, PAST_MAX + 1), -1);
	assert_int_equal(past_well(&p), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_stays_wrong_is_so_since_it_was_seen_first),
	    cmocka_unit_test(what_comes_back_is_new),
	    cmocka_unit_test(all_is_well_since_the_last_of_it_went),
	    cmocka_unit_test(more_than_there_is_room_for_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a worker did in the last minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/status/meter.h"

static struct meter_view look(struct meter *m, int64_t now)
{
	struct meter_view v;

	meter_look(m, now, &v);
	return v;
}

static void load_is_of_the_last_full_seconds(void **state)
{
	struct meter m = {0};
	int64_t now = 5000000;

	(void)state;
	for (int i = 0; i < 20; i++, now += 500)
		meter_turn(&m, now, 250000); /* half of the time */
	assert_int_equal(look(&m, now).load_percent, 50);
	now += 5000; /* at rest */
	assert_int_equal(look(&m, now).load_percent, 25);
	assert_int_equal(look(&m, now + 5000).load_percent, 0);
	now += 5000;
	meter_turn(&m, now, 200000000); /* a turn longer than all of it */
	assert_int_equal(look(&m, now + 1000).load_percent, 100);
	assert_int_equal(look(&m, now + 100000000).load_percent, 0);
}

static void the_longest_turn_is_forgotten_in_time(void **state)
{
	struct meter m = {0};

	(void)state;
	meter_turn(&m, 1000000, 70);
	meter_turn(&m, 1000000, 9000);
	meter_turn(&m, 1000001, 80);
	assert_int_equal(look(&m, 1000001).turn_max_us, 9000);
	assert_int_equal(look(&m, 1000000 + METER_LOAD * 1000).turn_max_us, 9000);
	assert_int_equal(look(&m, 1000000 + (METER_LOAD + 1) * 1000).turn_max_us, 0);
}

static void logins_are_of_a_minute(void **state)
{
	struct meter m = {0};

	(void)state;
	meter_logins(&m, 1000000, 1, 0);
	meter_logins(&m, 1030000, 2, 5);
	assert_int_equal(look(&m, 1030000).logins, 3);
	assert_int_equal(look(&m, 1059999).logins, 3);
	assert_int_equal(look(&m, 1060000).logins, 2);
	assert_int_equal(look(&m, 1060000).login_failures, 5);
	assert_int_equal(look(&m, 1090000).login_failures, 0);
	/* A leap of exactly the ring's length leaves nothing behind. */
	meter_logins(&m, 2000000, 1, 1);
	assert_int_equal(look(&m, 2000000 + METER_SECONDS * 1000).logins, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(load_is_of_the_last_full_seconds),
	    cmocka_unit_test(the_longest_turn_is_forgotten_in_time),
	    cmocka_unit_test(logins_are_of_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

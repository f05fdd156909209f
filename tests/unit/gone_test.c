/* Why BOSH sessions went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/gone.h"

static void the_last_are_remembered(void **state)
{
	static struct gone g;
	int64_t when = -1;

	(void)state;
	assert_int_equal(gone_find(&g, 0, &when), REASON_NONE);
	for (uint64_t i = 0; i < GONE_MAX + 2; i++)
		gone_add(&g, i, i + 7, i % 2 ? REASON_INACTIVITY : REASON_KILLED,
			 1000 + (int64_t)i);
	assert_int_equal(gone_find(&g, 0, &when), REASON_NONE);
	assert_int_equal(gone_find(&g, 1, &when), REASON_NONE);
	assert_int_equal(when, -1);
	assert_int_equal(gone_find(&g, 2, &when), REASON_KILLED);
	assert_int_equal(when, 1002);
	assert_int_equal(gone_find(&g, GONE_MAX + 1, &when), REASON_INACTIVITY);
	assert_int_equal(when, 1000 + GONE_MAX + 1);
	assert_int_equal(gone_find(&g, GONE_MAX + 2, &when), REASON_NONE);
	assert_int_equal(gone_find_handle(&g, 9, &when), REASON_KILLED);
	assert_int_equal(when, 1002);
	assert_int_equal(gone_find_handle(&g, 8, &when), REASON_NONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_are_remembered)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

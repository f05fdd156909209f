/* Histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/histogram.h"

static void what_is_on_a_bound_is_within_it(void **state)
{
	struct histogram h = {{0}, 0}, sum = {{0}, 0};

	(void)state;
	for (int i = 1; i < HISTOGRAM_BOUNDS; i++)
		assert_true(histogram_bounds[i] > histogram_bounds[i - 1]);
	histogram_add(&h, 0, 1);
	histogram_add(&h, histogram_bounds[0], 2);
	histogram_add(&h, histogram_bounds[0] + 1, 3);
	histogram_add(&h, histogram_bounds[HISTOGRAM_BOUNDS - 1], 4);
	histogram_add(&h, UINT32_MAX, 5);
	histogram_add(&h, 77, 0);
	assert_int_equal(h.n[0], 3);
	assert_int_equal(h.n[1], 3);
	assert_int_equal(h.n[HISTOGRAM_BOUNDS - 1], 4);
	assert_int_equal(h.n[HISTOGRAM_BOUNDS], 5);
	assert_int_equal(histogram_count(&h), 15);
	assert_int_equal(h.sum, 2 * 100 + 3 * 101 + 4 * 60000000ULL + 5ULL * UINT32_MAX);
	histogram_merge(&sum, &h);
	histogram_merge(&sum, &h);
	assert_int_equal(histogram_count(&sum), 30);
	assert_int_equal(sum.sum, 2 * h.sum);
	assert_int_equal(sum.n[1], 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_on_a_bound_is_within_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

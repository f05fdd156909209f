/* What was refused, by kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/refusal.h"

static void every_kind_has_a_label_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
		assert_true(*refusal_label(i) != '\0');
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(refusal_label(i), refusal_label(k));
	}
	assert_string_equal(refusal_label(REASON_OVERLOADED), reason_label(REASON_OVERLOADED));
	assert_string_equal(refusal_label(refusal_of_status(403)), "http-403");
	assert_string_equal(refusal_label(refusal_of_status(418)), "http-other");
}

static void a_flood_gets_a_few_lines(void **state)
{
	struct refusals r = {.most = 5};
	int told = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		told += refusal_note(&r, REFUSAL_HTTP_403, 60000 + i);
	assert_int_equal(told, 5);
	assert_true(refusal_note(&r, REFUSAL_HTTP_404, 61000)); /* kinds are apart */
	assert_int_equal(r.n[REFUSAL_HTTP_403], 1000);
	assert_true(refusal_note(&r, REFUSAL_HTTP_403, 120000)); /* the next minute */
	assert_int_equal(r.n[REFUSAL_HTTP_403], 1001);
}

static void summed_up(uint64_t *told, const uint64_t *n, uint64_t total, const char *words)
{
	struct buf line = {0};

	assert_int_equal(refusal_summary(&line, told, n), total);
	buf_addc(&line, '\0');
	assert_string_equal(buf_data(&line), words);
	buf_clear(&line);
}

static void a_minute_is_summed_up_by_kind(void **state)
{
	uint64_t told[REFUSAL_COUNT] = {0}, n[REFUSAL_COUNT] = {0};

	(void)state;
	summed_up(told, n, 0, "");
	n[REASON_OVERLOADED] = 4;
	n[REFUSAL_HTTP_404] = 7;
	summed_up(told, n, 11, " overloaded=4 http-404=7");
	summed_up(told, n, 0, "");
	n[REFUSAL_HTTP_404] = 9;
	summed_up(told, n, 2, " http-404=2");
	n[REFUSAL_HTTP_404] = 5; /* one worker is silent */
	summed_up(told, n, 0, "");
	n[REFUSAL_HTTP_404] = 10;
	summed_up(told, n, 1, " http-404=1");
}

static void a_summary_fits_into_a_line(void **state)
{
	uint64_t told[REFUSAL_COUNT] = {0}, n[REFUSAL_COUNT];
	struct buf line = {0};

	(void)state;
	for (unsigned i = 0; i < REFUSAL_COUNT; i++)
		n[i] = UINT64_MAX / REFUSAL_COUNT;
	assert_true(refusal_summary(&line, told, n) > UINT64_MAX / 2);
	assert_in_range(line.len, 1000, 1600);
	buf_clear(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_has_a_label_of_its_own),
	    cmocka_unit_test(a_flood_gets_a_few_lines),
	    cmocka_unit_test(a_minute_is_summed_up_by_kind),
	    cmocka_unit_test(a_summary_fits_into_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

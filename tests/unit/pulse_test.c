/* The judgment whether all workers live, with time as a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "app/pulse.h"

enum { N = 3, WATCHDOG = 1000 };

static void beats_come_at_half_the_time_while_all_answer(void **state)
{
	struct pulse p;
	size_t who;

	(void)state;
	pulse_init(&p, WATCHDOG, 5000);
	for (int64_t now = 5000, last = 5000; now < 20000; now++) {
		uint32_t answers[N] = {p.asked, p.asked, p.asked};
		enum pulse_word word = pulse_look(&p, answers, N, now, &who);

		assert_int_equal(word, now == last + WATCHDOG / 2 ? PULSE_BEAT : PULSE_REST);
		if (word == PULSE_BEAT)
			last = now;
	}
}

static void one_that_hangs_stops_them_until_it_is_back(void **state)
{
	struct pulse p;
	size_t who = N;
	int late = 0;

	(void)state;
	pulse_init(&p, WATCHDOG, 0);
	for (int64_t now = 0; now < 10000; now++) {
		uint32_t answers[N] = {p.asked, p.asked - 1, p.asked};
		enum pulse_word word = pulse_look(&p, answers, N, now, &who);

		assert_int_not_equal(word, PULSE_BEAT);
		if (word == PULSE_LATE) {
			assert_int_equal(who, 1);
			late++;
		}
	}
	assert_int_equal(late, 1);    /* it is told once */
	assert_int_equal(p.asked, 1); /* nothing new is asked meanwhile */
	for (int64_t now = 10000;; now++) {
		uint32_t answers[N] = {p.asked, p.asked, p.asked};

		assert_true(now < 10000 + WATCHDOG / 8);
		if (pulse_look(&p, answers, N, now, &who) == PULSE_BEAT)
			break;
	}
	assert_false(p.late);
}

static void an_answer_that_is_late_but_in_time_keeps_the_watchdog_quiet(void **state)
{
	struct pulse p;
	uint32_t answered = 0, seen = 0;
	int64_t answer_at = -1, last = 0;
	size_t who;

	(void)state;
	srand(7);
	pulse_init(&p, WATCHDOG, 0);
	for (int64_t now = 0; now < 100000; now++) {
		if (seen != p.asked) {
			seen = p.asked;
			answer_at = now + rand() % (WATCHDOG * 3 / 4);
		}
		if (now == answer_at)
			answered = p.asked;
		if (pulse_look(&p, &answered, 1, now, &who) == PULSE_BEAT) {
			assert_in_range(now - last, 1, WATCHDOG - 1);
			last = now;
		}
	}
	assert_true(last > 90000);
}

static void one_that_ended_in_order_counts_as_alive(void **state)
{
	uint32_t answers[N] = {PULSE_LEFT, PULSE_LEFT, PULSE_LEFT};
	struct pulse p;
	size_t who;

	(void)state;
	pulse_init(&p, WATCHDOG, 0);
	assert_int_equal(pulse_look(&p, answers, N, 500, &who), PULSE_BEAT);
}

static void the_number_of_the_question_goes_round(void **state)
{
	uint32_t answer = PULSE_LEFT - 1;
	struct pulse p;
	size_t who;

	(void)state;
	pulse_init(&p, WATCHDOG, 0);
	p.asked = answer;
	assert_int_equal(pulse_look(&p, &answer, 1, 500, &who), PULSE_BEAT);
	assert_int_equal(p.asked, 1);
}

static void nobody_is_asked_without_a_watchdog_and_in_no_time_with_a_short_one(void **state)
{
	uint32_t answer = 1;
	struct pulse p;
	size_t who;

	(void)state;
	pulse_init(&p, 0, 0);
	assert_int_equal(pulse_look(&p, &answer, 1, 1000000, &who), PULSE_REST);
	pulse_init(&p, 1, 0);
	assert_int_equal(pulse_look(&p, &answer, 1, 1, &who), PULSE_BEAT);
	assert_int_equal(pulse_look(&p, &answer, 1, 2, &who), PULSE_LATE);
	assert_int_equal(p.due, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(beats_come_at_half_the_time_while_all_answer),
	    cmocka_unit_test(one_that_hangs_stops_them_until_it_is_back),
	    cmocka_unit_test(an_answer_that_is_late_but_in_time_keeps_the_watchdog_quiet),
	    cmocka_unit_test(one_that_ended_in_order_counts_as_alive),
	    cmocka_unit_test(the_number_of_the_question_goes_round),
	    cmocka_unit_test(nobody_is_asked_without_a_watchdog_and_in_no_time_with_a_short_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The last things that happened to a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "session/events.h"

static void the_newest_come_first(void **state)
{
	struct events v = {0};
	int64_t age;

	(void)state;
	events_note(&v, EVENT_CREATED, 0);
	events_note(&v, EVENT_DIALLING, 20);
	events_note(&v, EVENT_CONNECTED, 1500);
	assert_int_equal(v.n, 3);
	assert_int_equal(events_get(&v, 0, &age), EVENT_CONNECTED);
	assert_int_equal(age, 1500);
	assert_int_equal(events_get(&v, 1, &age), EVENT_DIALLING);
	assert_int_equal(age, 20);
	assert_int_equal(events_get(&v, 2, &age), EVENT_CREATED);
	assert_int_equal(age, 0);
}

static void sixteen_are_kept(void **state)
{
	struct events v = {0};
	int64_t age;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		events_note(&v, i % 2 ? EVENT_DETACHED : EVENT_BACK, i * 1000);
		assert_int_equal(v.n, i < 16 ? i + 1 : 16);
	}
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(events_get(&v, i, &age), i % 2 ? EVENT_BACK : EVENT_DETACHED);
		assert_int_equal(age, (999 - (int)i) * 1000);
	}
}

static void what_happens_over_and_over_is_kept_once(void **state)
{
	struct events v = {0};
	int64_t age;

	(void)state;
	events_note(&v, EVENT_BOUND, 100);
	for (int i = 1; i <= 100; i++)
		events_note(&v, EVENT_REPEATED, 100 + i * 100);
	assert_int_equal(v.n, 2);
	assert_int_equal(v.noted, 2);
	assert_int_equal(events_get(&v, 0, &age), EVENT_REPEATED);
	assert_in_range(age, 10090, 10100);
	assert_int_equal(events_get(&v, 1, &age), EVENT_BOUND);
	assert_in_range(age, 100, 110);
}

/* Days between them, for a year; and two at once. */
static void times_are_near_the_truth(void **state)
{
	int64_t at[40], now = 0, age;
	struct events v = {0};

	(void)state;
	srand(1);
	for (int i = 0; i < 40; i++) {
		now += (int64_t)rand() % (i % 3 ? 800000000 : 2);
		at[i] = now;
		events_note(&v, i % 2 ? EVENT_DETACHED : EVENT_BACK, now);
	}
	for (int i = 0; i < 16; i++) {
		int64_t real = at[39 - i];

		events_get(&v, (unsigned)i, &age);
		assert_in_range(age, real - real / 1000, real + real / 1000 + 10);
	}
	events_note(&v, EVENT_CLOSING, INT64_MAX);
	events_get(&v, 0, &age);
	assert_true(age > 0);
	events_note(&v, EVENT_BACK, 0); /* a clock that went back */
	events_get(&v, 0, &age);
	assert_true(age > 0);
}

static void logins_are_counted(void **state)
{
	struct events v = {0};

	(void)state;
	events_note(&v, EVENT_LOGIN_FAILED, 0);
	events_note(&v, EVENT_LOGIN_NOT_AUTHORIZED, 0);
	events_note(&v, EVENT_LOGIN_NOT_AUTHORIZED, 0);
	events_note(&v, EVENT_LOGIN_ABORTED, 0);
	events_note(&v, EVENT_LOGGED_IN, 0);
	events_note(&v, EVENT_LOGIN_TRIED, 0);
	assert_int_equal(v.failures, 4);
	assert_int_equal(v.logins, 1);
	for (int i = 0; i < 400; i++)
		events_note(&v, EVENT_LOGIN_FAILED, 0);
	assert_int_equal(v.failures, 255);
	for (int i = 0; i < EVENT_COUNT; i++)
		assert_true(*event_label((enum event)i) && *event_words((enum event)i));
}

static void errors_are_found_by_their_condition(void **state)
{
	static const struct {
		const char *label, *condition;
		enum event event;
	} v[] = {{"login-failed", "not-authorized", EVENT_LOGIN_NOT_AUTHORIZED},
		 {"stream-error", "not-authorized", EVENT_ERROR_NOT_AUTHORIZED},
		 {"stream-error", "conflict", EVENT_ERROR_CONFLICT},
		 {"stream-error", "conflic", EVENT_ERROR},
		 {"stream-error", "", EVENT_ERROR},
		 {"login-failed", "conflict", EVENT_LOGIN_FAILED}};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		assert_int_equal(event_find(v[i].label, slice_str(v[i].condition)), v[i].event);
	assert_int_equal(event_find("stream-error", SLICE_NONE), EVENT_ERROR);
	assert_true(slice_is(event_condition(EVENT_ERROR_SEE_OTHER_HOST), "see-other-host"));
	assert_int_equal(event_condition(EVENT_ERROR).n, 0);
	assert_int_equal(event_condition(EVENT_BOUND).n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_newest_come_first),
	    cmocka_unit_test(sixteen_are_kept),
	    cmocka_unit_test(what_happens_over_and_over_is_kept_once),
	    cmocka_unit_test(times_are_near_the_truth),
	    cmocka_unit_test(logins_are_counted),
	    cmocka_unit_test(errors_are_found_by_their_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

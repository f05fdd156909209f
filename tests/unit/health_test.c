/* What is known of backends. Time is a number; the last test has threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <cmocka.h>

#include "net/health.h"

static struct health *h;

static int setup(void **state)
{
	(void)state;
	h = health_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	health_free(h);
	return 0;
}

static struct health_row row_of(struct health_backend *b)
{
	struct health_row row;

	health_row(b, &row);
	return row;
}

static void try_and_fail(struct health_backend *b, int64_t now, bool news)
{
	assert_int_equal(health_ask(b, now), HEALTH_YES);
	assert_int_equal(health_failed(b, now, "connection refused"), news);
}

static void one_name_is_one_backend(void **state)
{
	struct health_backend *a = health_find(h, "a:5222", 0);

	(void)state;
	assert_ptr_equal(a, health_find(h, "a:5222", 0));
	assert_ptr_not_equal(a, health_find(h, "a:5223", 0));
	assert_string_equal(row_of(a).name, "a:5222");
	assert_int_equal(row_of(a).connect_ms, -1);
}

static void a_very_long_name_is_cut(void **state)
{
	char name[1000];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[999] = '\0';
	assert_ptr_equal(health_find(h, name, 0), health_find(h, name, 0));
	assert_int_equal(strlen(row_of(health_find(h, name, 0)).name), HEALTH_NAME - 1);
}

static void places_are_taken_and_given_back(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 2);

	(void)state;
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	assert_int_equal(health_ask(b, 0), HEALTH_FULL);
	assert_int_equal(row_of(b).sessions, 2);
	health_cancel(b);
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	assert_false(health_well(b, 12));
	assert_int_equal(health_ask(b, 0), HEALTH_FULL);
	health_leave(b);
	assert_int_equal(row_of(b).sessions, 1);
	assert_int_equal(row_of(b).connected, 1);
	assert_int_equal(row_of(b).failed, 0);
	assert_int_equal(row_of(b).connect_ms, 12);
}

static void the_limit_is_the_one_last_told(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 1);

	(void)state;
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	assert_int_equal(health_ask(b, 0), HEALTH_FULL);
	health_find(h, "a:5222", 0);
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
}

static void a_failing_one_is_left_alone_ever_longer(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);
	static const int64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
	int64_t now = 5000;

	(void)state;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		try_and_fail(b, now, i == 0);
		assert_true(row_of(b).down);
		assert_int_equal(row_of(b).retry_at, now + pauses[i]);
		assert_int_equal(health_ask(b, now), HEALTH_DOWN);
		assert_int_equal(health_ask(b, now + pauses[i] - 1), HEALTH_DOWN);
		now += pauses[i];
	}
	assert_string_equal(row_of(b).why, "connection refused");
	assert_int_equal(row_of(b).sessions, 0);
}

static void one_asker_tries_it_for_all(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	try_and_fail(b, 0, true);
	assert_int_equal(health_ask(b, 1000), HEALTH_YES);
	assert_int_equal(health_ask(b, 1000), HEALTH_DOWN);
	assert_int_equal(health_ask(b, 100000), HEALTH_DOWN);
	assert_true(health_well(b, 3));
	assert_false(row_of(b).down);
	assert_int_equal(health_ask(b, 100000), HEALTH_YES);
	assert_false(health_well(b, 3));
	/* It starts again with a short pause. */
	assert_int_equal(health_ask(b, 200000), HEALTH_YES);
	assert_true(health_failed(b, 200000, "x"));
	assert_int_equal(row_of(b).retry_at, 201000);
}

static void a_trial_given_up_is_another_askers(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	try_and_fail(b, 0, true);
	assert_int_equal(health_ask(b, 1000), HEALTH_YES);
	health_cancel(b);
	assert_true(row_of(b).down);
	assert_int_equal(health_ask(b, 1000), HEALTH_YES);
	assert_int_equal(health_ask(b, 1000), HEALTH_DOWN);
}

static void sessions_that_end_do_not_make_more_trials(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(health_ask(b, 0), HEALTH_YES);
		assert_false(health_well(b, 1));
	}
	try_and_fail(b, 0, true);
	assert_int_equal(health_ask(b, 1000), HEALTH_YES);
	health_leave(b);
	assert_int_equal(health_ask(b, 1000), HEALTH_DOWN);
}

static void attempts_that_fail_together_count_once(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	for (int i = 0; i < 50; i++)
		assert_int_equal(health_ask(b, 0), HEALTH_YES);
	for (int i = 0; i < 50; i++)
		assert_int_equal(health_failed(b, 10 + i, "x"), i == 0);
	assert_int_equal(row_of(b).failed, 50);
	assert_int_equal(row_of(b).retry_at, 1010);
}

static void one_that_is_down_and_full_is_down(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 2);

	(void)state;
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	try_and_fail(b, 0, true);
	assert_int_equal(health_ask(b, 10), HEALTH_DOWN);
	health_find(h, "a:5222", 1);
	assert_int_equal(health_ask(b, 1000), HEALTH_FULL);
	/* That was no trial. */
	health_leave(b);
	assert_int_equal(health_ask(b, 1000), HEALTH_YES);
}

static void connecting_is_smoothed(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	for (int i = 0; i < 40; i++) {
		assert_int_equal(health_ask(b, 0), HEALTH_YES);
		health_well(b, i == 0 ? 800 : 0);
		if (i == 1)
			assert_int_equal(row_of(b).connect_ms, 700);
	}
	assert_in_range(row_of(b).connect_ms, 0, 10);
}

static void no_tls_is_remembered_for_a_while(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	assert_false(health_lacks_tls(b, 1));
	health_offers_no_tls(b, 1000);
	assert_true(health_lacks_tls(b, 1000 + HEALTH_PLAIN - 1));
	assert_false(health_lacks_tls(b, 1000 + HEALTH_PLAIN));
}

static void crowding_is_told_once_a_minute(void **state)
{
	struct health_backend *b = health_find(h, "a:5222", 0);

	(void)state;
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	assert_false(health_crowded(b, 2, 0));
	assert_int_equal(health_ask(b, 0), HEALTH_YES);
	assert_true(health_crowded(b, 2, 5));
	assert_false(health_crowded(b, 2, 60004));
	assert_true(health_crowded(b, 2, 60005));
}

static void the_idle_name_used_longest_ago_is_forgotten(void **state)
{
	static struct health_row rows[HEALTH_NAMES + 10];
	struct health_backend *kept = health_find(h, "kept:1", 0);
	char name[32];
	bool seen_first = false, seen_kept = false;

	(void)state;
	assert_int_equal(health_ask(kept, 0), HEALTH_YES);
	try_and_fail(health_find(h, "first:1", 0), 0, true);
	for (int i = 0; i < HEALTH_NAMES - 1; i++) {
		snprintf(name, sizeof(name), "n%d:1", i);
		health_find(h, name, 0);
	}
	assert_int_equal(health_rows(h, rows, HEALTH_NAMES + 10), HEALTH_NAMES);
	for (int i = 0; i < HEALTH_NAMES; i++) {
		seen_first |= strcmp(rows[i].name, "first:1") == 0;
		seen_kept |= strcmp(rows[i].name, "kept:1") == 0;
	}
	assert_true(seen_kept);
	assert_false(seen_first);
	/* What is named so from now on is another one. */
	assert_false(row_of(health_find(h, "first:1", 0)).down);
	assert_int_equal(health_rows(h, rows, 5), 5);
}

static void names_with_sessions_are_never_forgotten(void **state)
{
	static struct health_row rows[HEALTH_NAMES + 20];
	char name[32];

	(void)state;
	for (int i = 0; i < HEALTH_NAMES + 10; i++) {
		snprintf(name, sizeof(name), "n%d:1", i);
		assert_int_equal(health_ask(health_find(h, name, 0), 0), HEALTH_YES);
	}
	assert_int_equal(health_rows(h, rows, HEALTH_NAMES + 20), HEALTH_NAMES + 10);
}

static void a_domain_is_thought_of_by_itself(void **state)
{
	struct health_backend *all = health_find(h, "a:5222", 1);
	struct health_backend *one = health_find_domain(h, "a:5222", "one.example", false);
	struct health_backend *two = health_find_domain(h, "a:5222", "two.example", false);
	struct health_row rows[4];

	(void)state;
	assert_ptr_equal(one, health_find_domain(h, "a:5222", "one.example", false));
	assert_int_equal(health_rows(h, rows, 4), 1);
	try_and_fail(one, 0, true);
	assert_int_equal(health_ask(one, 0), HEALTH_DOWN);
	assert_int_equal(health_ask(two, 0), HEALTH_YES);
	assert_int_equal(health_ask(all, 0), HEALTH_YES);
	assert_int_equal(health_rows(h, rows, 4), 2);
	assert_string_equal(rows[strcmp(rows[0].name, "a:5222") == 0].name, "a:5222 (one.example)");
}

/* Whoever may name any domain could else have us called unable to serve. */
static void what_clients_name_says_nothing_of_us(void **state)
{
	struct health_backend *theirs = health_find_relayed(h, "theirs:5222"), *ours;
	struct health_row rows[4];

	(void)state;
	try_and_fail(theirs, 0, true);
	assert_false(health_all_out(h, 0));
	ours = health_find(h, "ours:5222", 7);
	try_and_fail(health_find_domain(h, "ours:5222", "x.example", true), 0, true);
	health_find_relayed(h, "theirs:5222");
	assert_false(health_all_out(h, 0));
	assert_int_equal(health_rows(h, rows, 4), 3);
	assert_string_equal(rows[0].name, "ours:5222");
	assert_false(rows[0].relayed);
	assert_true(rows[1].relayed && rows[2].relayed);
	try_and_fail(ours, 0, true);
	assert_true(health_all_out(h, 0));

	assert_ptr_equal(health_find_relayed(h, "ours:5222"), ours);
	assert_false(row_of(ours).relayed);
	assert_int_equal(row_of(ours).most, 7);
	health_find(h, "theirs:5222", 0); /* the configuration names it, too */
	assert_false(row_of(theirs).relayed);
}

/* DNS names the new one instead of the old, which may not even run any more. */
static void one_that_dns_no_longer_names_is_gone(void **state)
{
	struct health_backend *old = health_find(h, "old:5222", 0);
	struct health_backend *here = health_find(h, "new:5222", 0);
	struct health_row rows[4];

	(void)state;
	assert_int_equal(health_ask(old, 0), HEALTH_YES);
	try_and_fail(here, HEALTH_GONE, true);
	assert_int_equal(health_rows(h, rows, 4), 2); /* it has a session */
	assert_false(health_all_out(h, HEALTH_GONE));
	health_leave(old);
	assert_int_equal(health_rows(h, rows, 4), 1);
	assert_string_equal(rows[0].name, "new:5222");
	assert_true(health_all_out(h, HEALTH_GONE));
	assert_int_equal(health_ask(old, HEALTH_GONE), HEALTH_YES);
	health_cancel(old);
	assert_int_equal(health_rows(h, rows, 4), 2);
	assert_false(health_all_out(h, HEALTH_GONE));
}

static void one_that_failed_is_a_problem_until_it_is_gone(void **state)
{
	struct health_backend *old = health_find(h, "old:5222", 0);
	struct health_backend *served = health_find_domain(h, "old:5222", "a.example", false);
	struct health_backend *theirs = health_find_relayed(h, "theirs:5222");
	struct health_backend *here = health_find(h, "new:5222", 0);
	struct health_row rows[4];
	uint32_t sessions;

	(void)state;
	try_and_fail(old, 5, true);
	try_and_fail(served, 5, true);
	try_and_fail(theirs, 5, true);
	assert_int_equal(health_ask(here, HEALTH_GONE + 4), HEALTH_YES);
	assert_int_equal(health_rows(h, rows, 4), 4);
	assert_int_equal(health_ask(here, HEALTH_GONE + 5), HEALTH_YES);
	assert_int_equal(health_rows(h, rows, 4), 1);
	assert_string_equal(rows[0].name, "new:5222");
	assert_true(health_drain(h, "old:5222", true, &sessions));
	assert_int_equal(health_rows(h, rows, 4), 2);
}

static void one_that_the_configuration_lists_is_never_gone(void **state)
{
	struct health_backend *served, *other;
	struct health_row rows[4];

	(void)state;
	health_list(h, "listed:5222", 3);
	served = health_find_domain(h, "listed:5222", "a.example", false);
	try_and_fail(served, 0, true);
	try_and_fail(health_find_domain(h, "listed:5222", "theirs.example", true), 0, true);
	other = health_find(h, "other:5222", 0);
	try_and_fail(other, 50 * HEALTH_GONE, true);
	assert_false(health_all_out(h, 50 * HEALTH_GONE));
	assert_int_equal(health_rows(h, rows, 4), 3);
	assert_true(rows[0].most == 3 || rows[1].most == 3 || rows[2].most == 3);
	assert_false(rows[0].relayed || rows[1].relayed || rows[2].relayed);
	for (int i = 0; i < HEALTH_NAMES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%d:1", i);
		health_find_relayed(h, name);
	}
	assert_int_equal(row_of(health_find(h, "listed:5222", 3)).most, 3);
	assert_true(row_of(served).down);
	assert_false(health_all_out(h, 100 * HEALTH_GONE));
}

static void *worker(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char name[32];

	for (int i = 0; i < 4000; i++) {
		struct health_backend *b;

		seed = seed * 1103515245u + 12345u;
		snprintf(name, sizeof(name), "n%u:1", (seed >> 16) % 7);
		b = health_find(h, name, 3);
		health_crowded(b, 2, i);
		if (health_ask(b, (int64_t)i * 50) != HEALTH_YES)
			continue;
		switch ((seed >> 8) % 4) {
		case 0: health_failed(b, (int64_t)i * 50, "x"); break;
		case 1: health_cancel(b); break;
		default: health_well(b, 1); health_leave(b);
		}
	}
	return NULL;
}

static void workers_share_it(void **state)
{
	pthread_t v[4];
	struct health_row rows[16];
	size_t n;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&v[i], NULL, worker, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(v[i], NULL);
	n = health_rows(h, rows, 16);
	assert_int_equal(n, 7);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rows[i].sessions, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(one_name_is_one_backend),
	    T(a_very_long_name_is_cut),
	    T(places_are_taken_and_given_back),
	    T(the_limit_is_the_one_last_told),
	    T(a_failing_one_is_left_alone_ever_longer),
	    T(one_asker_tries_it_for_all),
	    T(a_trial_given_up_is_another_askers),
	    T(sessions_that_end_do_not_make_more_trials),
	    T(attempts_that_fail_together_count_once),
	    T(one_that_is_down_and_full_is_down),
	    T(connecting_is_smoothed),
	    T(no_tls_is_remembered_for_a_while),
	    T(crowding_is_told_once_a_minute),
	    T(the_idle_name_used_longest_ago_is_forgotten),
	    T(names_with_sessions_are_never_forgotten),
	    T(a_domain_is_thought_of_by_itself),
	    T(what_clients_name_says_nothing_of_us),
	    T(one_that_dns_no_longer_names_is_gone),
	    T(one_that_failed_is_a_problem_until_it_is_gone),
	    T(one_that_the_configuration_lists_is_never_gone),
	    T(workers_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

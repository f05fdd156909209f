/* Who may use what a status listener serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/guard.h"

static const char *const names[] = {"status.example.org", "ops", NULL};

static void names_that_nobody_else_can_own_are_answered(void **state)
{
	static const char *const good[] = {
	    "localhost", "LOCALHOST:5282",     "127.0.0.1:5282",
	    "127.3.2.1", "[::1]:80",	       "192.0.2.7:5282",
	    "192.0.2.7", "status.example.org", "Status.Example.org:443",
	    "ops:5282"};
	static const char *const bad[] = {"evil.example",
					  "localhost.evil.example",
					  "192.0.2.8",
					  "",
					  "[::2]",
					  "a@localhost",
					  "status.example.org.evil",
					  "x.status.example.org",
					  "127.0.0.1.evil",
					  "localhost:x",
					  "2130706433"};
	struct addr local;

	(void)state;
	assert_true(addr_parse(&local, SLICE("192.0.2.7:5282"), true));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(guard_host(slice_str(good[i]), names, &local));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(guard_host(slice_str(bad[i]), names, &local));
	assert_true(guard_host(SLICE_NONE, NULL, NULL));
	assert_false(guard_host(SLICE("192.0.2.7"), NULL, NULL));
	assert_false(guard_host(SLICE("ops"), NULL, NULL));
}

static void a_page_must_be_ours(void **state)
{
	struct slice host = SLICE("localhost:5282");

	(void)state;
	assert_true(guard_origin(SLICE("http://localhost:5282"), host, false));
	assert_true(guard_origin(SLICE("HTTP://LocalHost:5282"), host, false));
	assert_true(guard_origin(SLICE("https://localhost:5282"), host, false));
	assert_true(guard_origin(SLICE("https://localhost:5282"), host, true));
	assert_false(guard_origin(SLICE("http://localhost:5282"), host, true));
	assert_false(guard_origin(SLICE("http://localhost:5283"), host, false));
	assert_false(guard_origin(SLICE("http://localhost"), host, false));
	assert_false(guard_origin(SLICE("http://"), host, false));
	assert_false(guard_origin(SLICE("null"), host, false));
	assert_false(guard_origin(SLICE(""), host, false));
	assert_false(guard_origin(SLICE("ftp://localhost:5282"), host, false));
	assert_false(guard_origin(SLICE("http://localhost:5282.evil"), host, false));
	assert_false(guard_origin(SLICE("http://a"), SLICE_NONE, false));
}

static void a_token_is_taken_whole_or_not_at_all(void **state)
{
	const char *token = "abcdefghij";

	(void)state;
	assert_true(slice_is(guard_bearer(SLICE("Bearer abc")), "abc"));
	assert_true(slice_is(guard_bearer(SLICE("bearer  abc ")), "abc"));
	assert_null(guard_bearer(SLICE("Bearer ")).p);
	assert_null(guard_bearer(SLICE("Basic abc")).p);
	assert_null(guard_bearer(SLICE("")).p);
	assert_true(guard_same(slice_str(token), token));
	for (size_t n = 0; n < strlen(token); n++)
		assert_false(guard_same(slice_of(token, n), token));
	assert_false(guard_same(SLICE("abcdefghik"), token));
	assert_false(guard_same(SLICE("abcdefghijabcdefghij"), token));
	assert_false(guard_same(SLICE("abcdefghijk"), token));
	assert_false(guard_same(SLICE_NONE, token));
	assert_false(guard_same(SLICE(""), ""));
	assert_false(guard_same(SLICE("a"), ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_that_nobody_else_can_own_are_answered),
	    cmocka_unit_test(a_page_must_be_ours),
	    cmocka_unit_test(a_token_is_taken_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Origin rules: which origins they let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/origin.h"

static const char *const rules[] = {"https://chat.example.org",
				    "https://*.example.com",
				    "http://*.example.net:8080",
				    "null",
				    "file://",
				    NULL};
static const char *const open_rules[] = {"https://a", "*", NULL};

static bool allowed(const char *origin)
{
	return origin_allowed(rules, slice_str(origin));
}

static void an_origin_is_matched_as_a_whole(void **state)
{
	(void)state;
	assert_true(allowed("https://chat.example.org"));
	assert_true(allowed("HTTPS://Chat.Example.ORG"));
	assert_true(allowed("null"));
	assert_true(allowed("file://"));
	assert_false(allowed("file://host"));
	assert_false(allowed("http://chat.example.org"));
	assert_false(allowed("https://chat.example.org:8443"));
	assert_false(allowed("https://chat.example.org.evil.example"));
	assert_false(allowed("https://evil-chat.example.org"));
	assert_false(allowed(""));
}

static void a_star_stands_for_labels(void **state)
{
	(void)state;
	assert_true(allowed("https://a.example.com"));
	assert_true(allowed("https://a.b.EXAMPLE.com"));
	assert_true(allowed("http://a.example.net:8080"));
	assert_false(allowed("https://example.com"));
	assert_false(allowed("https://.example.com"));
	assert_false(allowed("https://evilexample.com"));
	assert_false(allowed("http://a.example.com"));
	assert_false(allowed("https://a.example.com:444"));
	assert_false(allowed("https://evil.example/.example.com"));
	assert_false(allowed("https://evil.example:80.example.com"));
	assert_false(allowed("https://a@b.example.com"));
	assert_false(allowed("https://a\rb.example.com"));
	assert_false(allowed("https://a\x7f.b.example.com"));
	assert_false(allowed("https://\xc3\xa4.example.com"));
	assert_false(allowed("http://a.example.net"));
}

static void a_lone_star_allows_all(void **state)
{
	(void)state;
	assert_true(origin_any(open_rules));
	assert_false(origin_any(rules));
	assert_true(origin_allowed(open_rules, SLICE("https://anything")));
	assert_true(origin_allowed(open_rules, SLICE("null")));
}

static void an_endless_origin_is_refused(void **state)
{
	char text[ORIGIN_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_false(origin_allowed(open_rules, slice_of(text, sizeof(text))));
}

static void rules_are_checked(void **state)
{
	static const char *const good[] = {
	    "*",	  "null",	   "file://",	      "https://a",
	    "http://a:1", "https://*.a.b", "http://[::1]:80", "capacitor://localhost"};
	static const char *const bad[] = {"",		"a.b",		"https://",
					  "https://*",	"https://*.",	"://a",
					  "https://a/", "https://a*.b", "https://*.*.b",
					  "a/b://c",	"https://a b",	"https://a,https://b"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!origin_rule_valid(slice_str(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (origin_rule_valid(slice_str(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_origin_is_matched_as_a_whole),
	    cmocka_unit_test(a_star_stands_for_labels),
	    cmocka_unit_test(a_lone_star_allows_all),
	    cmocka_unit_test(an_endless_origin_is_refused),
	    cmocka_unit_test(rules_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

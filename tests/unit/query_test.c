/* The query of a URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/query.h"

/* The pairs of a query as "name=value;", then "!" where it is bad. */
static void reads(const char *query, const char *want)
{
	struct slice rest = slice_str(query), name;
	struct buf value = {0}, all = {0};
	enum query_result r;

	while ((r = query_next(&rest, &name, &value)) == QUERY_PAIR) {
		buf_adds(&all, name);
		buf_addc(&all, '=');
		buf_adds(&all, buf_slice(&value));
		buf_addc(&all, ';');
	}
	if (r == QUERY_BAD)
		buf_addc(&all, '!');
	buf_addc(&all, '\0');
	assert_string_equal(buf_data(&all), want);
	buf_clear(&value);
	buf_clear(&all);
}

static void pairs_are_read_in_order(void **state)
{
	(void)state;
	reads("", "");
	reads("&&", "");
	reads("a", "a=;");
	reads("a=", "a=;");
	reads("=b", "=b;");
	reads("a=b", "a=b;");
	reads("a=b=c&d", "a=b=c;d=;");
	reads("&a=1&&b=2&", "a=1;b=2;");
	reads("q=Romeo%20%26+Juliet&x=%c3%A4", "q=Romeo & Juliet;x=\xc3\xa4;");
	reads("%61=b", "%61=b;");
	assert_int_equal(query_next(&(struct slice){NULL, 0}, &(struct slice){0}, &(struct buf){0}),
			 QUERY_END);
}

static void a_bad_escape_ends_it(void **state)
{
	static const char *const bad[] = {"a=%",   "a=%4",  "a=%4g", "a=%g4",
					  "a=%00", "a=%-1", "a=% 1"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		reads(bad[i], "!");
	reads("a=b&c=%zz&d=e", "a=b;!");
}

static void a_part_of_a_path_keeps_its_plus(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_true(query_unescape(&out, SLICE("a+b%2Fc")));
	buf_addc(&out, '\0');
	assert_string_equal(buf_data(&out), "a+b/c");
	assert_false(query_unescape(&out, SLICE("%2")));
	buf_clear(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pairs_are_read_in_order),
	    cmocka_unit_test(a_bad_escape_ends_it),
	    cmocka_unit_test(a_part_of_a_path_keeps_its_plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

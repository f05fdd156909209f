/* Entity tags and ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/condition.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void a_tag_is_found_in_a_list(void **state)
{
	static const struct {
		const char *list;
		bool found;
	} cases[] = {
	    {"\"a\"", true},	    {"W/\"a\"", true},
	    {"\"b\", \"a\"", true}, {"\"b\" ,W/\"a\"", true},
	    {" * ", true},	    {"\"a-gzip\"", false},
	    {"a", false},	    {"", false},
	    {"\"A\"", false},	    {"\"b\"", false},
	    {"W/", false},	    {",,\"a\",", true},
	    {"w/\"a\"", false},	    {"\"*\"", false},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		if (condition_names(slice_str(cases[i].list), SLICE("\"a\"")) != cases[i].found)
			fail_msg("%s", cases[i].list);
}

static void ranges_are_read(void **state)
{
	static const struct {
		const char *text;
		enum condition_range result;
		uint64_t from, n;
	} cases[] = {
	    {"bytes=0-0", CONDITION_PART, 0, 1},
	    {"bytes=0-99", CONDITION_PART, 0, 100},
	    {"bytes=0-1000", CONDITION_PART, 0, 100},
	    {"Bytes=7-", CONDITION_PART, 7, 93},
	    {"bytes= 7-8 ", CONDITION_PART, 7, 2},
	    {"bytes=99-99", CONDITION_PART, 99, 1},
	    {"bytes=-1", CONDITION_PART, 99, 1},
	    {"bytes=-100", CONDITION_PART, 0, 100},
	    {"bytes=-1000", CONDITION_PART, 0, 100},
	    {"bytes=0-9223372036854775807", CONDITION_PART, 0, 100},
	    {"bytes=100-", CONDITION_BEYOND, 0, 0},
	    {"bytes=100-200", CONDITION_BEYOND, 0, 0},
	    {"bytes=-0", CONDITION_BEYOND, 0, 0},
	    {"bytes=8-7", CONDITION_WHOLE, 0, 0},
	    {"bytes=-", CONDITION_WHOLE, 0, 0},
	    {"bytes=", CONDITION_WHOLE, 0, 0},
	    {"bytes=5", CONDITION_WHOLE, 0, 0},
	    {"bytes=0-1,3-4", CONDITION_WHOLE, 0, 0},
	    {"bytes=a-b", CONDITION_WHOLE, 0, 0},
	    {"bytes=0-1-2", CONDITION_WHOLE, 0, 0},
	    {"bytes=0-9223372036854775808", CONDITION_WHOLE, 0, 0},
	    {"lines=0-1", CONDITION_WHOLE, 0, 0},
	    {"", CONDITION_WHOLE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t from = 0, n = 0;

		if (condition_range(slice_str(cases[i].text), 100, &from, &n) != cases[i].result ||
		    (cases[i].result == CONDITION_PART &&
		     (from != cases[i].from || n != cases[i].n)))
			fail_msg("%s: %u %u", cases[i].text, (unsigned)from, (unsigned)n);
	}
	assert_int_equal(condition_range(SLICE("bytes=0-"), 0, &(uint64_t){0}, &(uint64_t){0}),
			 CONDITION_BEYOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tag_is_found_in_a_list),
	    cmocka_unit_test(ranges_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

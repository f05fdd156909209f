/* Strict integers: what is one and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/num.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct number {
	const char *text;
	int64_t max, want;
};

static const struct number decimal[] = {
    {"0", 0, 0},
    {"00", 9, 0},
    {"007", 7, 7},
    {"7", 7, 7},
    {"8", 7, -1},
    {"9", 5, -1},
    {"1", 0, -1},
    {"65535", 65535, 65535},
    {"65536", 65535, -1},
    {"9007199254740991", 9007199254740991, 9007199254740991},
    {"9007199254740992", 9007199254740991, -1},
    {"9223372036854775807", INT64_MAX, INT64_MAX},
    {"9223372036854775808", INT64_MAX, -1},
    {"18446744073709551617", INT64_MAX, -1},
    {"99999999999999999999999999", INT64_MAX, -1},
    {"", 9, -1},
    {"-1", 9, -1},
    {"+1", 9, -1},
    {" 1", 9, -1},
    {"1 ", 9, -1},
    {"1.0", 9, -1},
    {"0x1", 9, -1},
    {"1e1", 99, -1},
    {"\xd9\xa1", 9, -1},
};

static const struct number hex[] = {
    {"0", 0, 0},
    {"f", 15, 15},
    {"F", 14, -1},
    {"00fF", 255, 255},
    {"100", 255, -1},
    {"7fffffffffffff", INT64_MAX, 0x7fffffffffffff},
    {"fffffffffffffff", INT64_MAX, 0xfffffffffffffff},
    {"1fffffffffffffff", INT64_MAX, -1},
    {"0000000000000001", INT64_MAX, -1},
    {"", 9, -1},
    {"g", 99, -1},
    {"0x1", 99, -1},
    {"-1", 99, -1},
    {"1;", 99, -1},
};

static void decimals_are_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(decimal); i++)
		if (num_parse(slice_str(decimal[i].text), decimal[i].max) != decimal[i].want)
			fail_msg("%s of at most %ld", decimal[i].text, (long)decimal[i].max);
	assert_int_equal(num_parse(slice_of("1\0", 2), 9), -1);
}

static void hexadecimals_are_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(hex); i++)
		if (num_parse_hex(slice_str(hex[i].text), hex[i].max) != hex[i].want)
			fail_msg("%s of at most %ld", hex[i].text, (long)hex[i].max);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decimals_are_strict),
	    cmocka_unit_test(hexadecimals_are_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

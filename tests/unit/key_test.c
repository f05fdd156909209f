/* Key sequences, with the keys of XEP-0124's own examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/key.h"

#define K3 "ca393b51b682f61f98e7877d61146407f3d0a770"
#define K2 "bfb06a6f113cd6fd3838ab9d300fdb4fe3da2f7d"
#define K1 "6f825e81f4532b2c5fa2d12457d8a1f22e8f838e"

static void reads_forty_digits_of_either_case(void **state)
{
	static const uint8_t want[KEY_BYTES] = {0xca, 0x39, 0x3b, 0x51, 0xb6, 0x82, 0xf6,
						0x1f, 0x98, 0xe7, 0x87, 0x7d, 0x61, 0x14,
						0x64, 0x07, 0xf3, 0xd0, 0xa7, 0x70};
	uint8_t key[KEY_BYTES];

	(void)state;
	assert_true(key_read(key, SLICE(K3)));
	assert_memory_equal(key, want, KEY_BYTES);
	assert_true(key_read(key, SLICE("CA393B51B682F61F98E7877D61146407F3D0A770")));
	assert_memory_equal(key, want, KEY_BYTES);
	assert_false(key_read(key, SLICE("")));
	assert_false(key_read(key, SLICE_NONE));
	assert_false(key_read(key, SLICE("ca393b51b682f61f98e7877d61146407f3d0a77")));
	assert_false(key_read(key, SLICE(K3 "0")));
	assert_false(key_read(key, SLICE("ca393b51b682f61f98e7877d61146407f3d0a77g")));
	assert_false(key_read(key, SLICE("ca393b51b682f61f98e7877d61146407f3d0a7 0")));
	assert_false(key_read(key, SLICE("@a393b51b682f61f98e7877d61146407f3d0a770")));
}

static void one_key_comes_before_another(void **state)
{
	uint8_t key[KEY_BYTES];

	(void)state;
	assert_true(key_read(key, SLICE(K3)));
	assert_true(key_precedes(SLICE(K2), key));
	assert_false(key_precedes(SLICE(K1), key));
	assert_false(key_precedes(SLICE(K3), key));
	assert_false(key_precedes(SLICE_NONE, key));
	assert_true(key_read(key, SLICE(K2)));
	assert_true(key_precedes(SLICE(K1), key));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_forty_digits_of_either_case),
	    cmocka_unit_test(one_key_comes_before_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

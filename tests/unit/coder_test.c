/* Bodies compressed and decompressed: there and back, damaged, too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "web/coder.h"

enum { LONG = 100000 };

static char text[LONG];
static struct coder *coder;

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < LONG; i++)
		text[i] = "<message to='a'/>"[(i + i / 777) % 17];
	coder = coder_new(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	coder_free(coder);
	return 0;
}

static enum coder_result unpack(enum coding coding, struct buf *packed, uint32_t max,
				struct buf *out)
{
	buf_clear(out);
	return coder_unpack(coder, coding, buf_slice(packed), max, out);
}

static void what_is_packed_unpacks_to_the_same(void **state)
{
	static const size_t sizes[] = {200, 1024, 16383, 16384, 16385, 32768, LONG};
	struct buf packed = {0}, out = {0};

	(void)state;
	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct slice in = slice_of(text, sizes[i]);

			buf_clear(&packed);
			assert_true(coder_pack(coder, c, in, &packed));
			assert_true(packed.len < in.n);
			assert_int_equal(unpack(c, &packed, (uint32_t)in.n, &out), CODER_FINE);
			assert_true(slice_eq(buf_slice(&out), in));
			assert_int_equal(unpack(c, &packed, (uint32_t)in.n - 1, &out),
					 CODER_TOO_BIG);
			assert_true(out.len <= in.n);
		}
	buf_clear(&packed);
	buf_clear(&out);
}

static void deflate_is_also_taken_bare(void **state)
{
	struct buf packed = {0}, out = {0};

	(void)state;
	assert_true(coder_pack(coder, CODING_DEFLATE, slice_of(text, 5000), &packed));
	buf_eat(&packed, 2);
	buf_cut(&packed, packed.len - 4);
	assert_int_equal(unpack(CODING_DEFLATE, &packed, LONG, &out), CODER_FINE);
	assert_true(slice_eq(buf_slice(&out), slice_of(text, 5000)));
	buf_clear(&packed);
	buf_clear(&out);
}

static void what_is_not_whole_is_bad(void **state)
{
	struct buf packed = {0}, out = {0};

	(void)state;
	assert_true(coder_pack(coder, CODING_GZIP, slice_of(text, 300), &packed));
	for (size_t n = 0; n < packed.len; n++) {
		struct buf part = buf_copy(slice_of(buf_data(&packed), n));

		assert_int_equal(unpack(CODING_GZIP, &part, LONG, &out), CODER_BAD);
		buf_clear(&part);
	}
	assert_int_equal(unpack(CODING_DEFLATE, &packed, LONG, &out), CODER_BAD);
	buf_addc(&packed, 'x');
	assert_int_equal(unpack(CODING_GZIP, &packed, LONG, &out), CODER_BAD);
	buf_clear(&packed);
	buf_clear(&out);
}

static void any_damage_is_bad_or_read(void **state)
{
	struct buf packed = {0}, out = {0};

	(void)state;
	assert_true(coder_pack(coder, CODING_GZIP, slice_of(text, 2000), &packed));
	for (size_t i = 0; i < packed.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			packed.mem[packed.off + i] ^= (char)(1 << bit);
			unpack(CODING_GZIP, &packed, 4000, &out);
			assert_true(out.len <= 4001);
			packed.mem[packed.off + i] ^= (char)(1 << bit);
		}
	buf_clear(&packed);
	buf_clear(&out);
}

static void what_gets_no_shorter_is_left_alone(void **state)
{
	char noise[2000];
	struct buf packed = {0};
	unsigned x = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1103515245 + 12345;
		noise[i] = (char)(x >> 16);
	}
	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++) {
		assert_false(coder_pack(coder, c, slice_of(noise, sizeof(noise)), &packed));
		assert_false(coder_pack(coder, c, SLICE("a"), &packed));
		assert_false(coder_pack(coder, c, SLICE(""), &packed));
		assert_int_equal(packed.len, 0);
		assert_true(coder_pack(coder, c, slice_of(text, 500), &packed));
		buf_clear(&packed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_packed_unpacks_to_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(deflate_is_also_taken_bare, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_not_whole_is_bad, setup, teardown),
	    cmocka_unit_test_setup_teardown(any_damage_is_bad_or_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_gets_no_shorter_is_left_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

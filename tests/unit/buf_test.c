/* Buffers: each operation, then random ones beside a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/buf.h"

static void expect(const struct buf *b, const char *want)
{
	if (!slice_is(buf_slice(b), want))
		fail_msg("\"%.*s\" is not \"%s\"", (int)b->len, b->len ? buf_data(b) : "", want);
}

static void an_empty_buffer_owns_nothing(void **state)
{
	struct buf b = {0};

	(void)state;
	expect(&b, "");
	buf_eat(&b, 0);
	buf_add(&b, NULL, 0);
	buf_prepend(&b, NULL, 0);
	assert_null(b.mem);
	buf_clear(&b);
	BUF_LIT(&b, "x");
	buf_eat(&b, 1);
	assert_null(b.mem);
}

static void everything_is_added_behind(void **state)
{
	struct buf b = {0};

	(void)state;
	BUF_LIT(&b, "a");
	buf_adds(&b, SLICE("bc"));
	buf_addz(&b, "de");
	buf_addc(&b, 'f');
	buf_addu(&b, 0);
	buf_addu(&b, UINT64_MAX);
	buf_addf(&b, "<%s %d>", "g", -7);
	expect(&b, "abcdef018446744073709551615<g -7>");
	buf_cut(&b, 3);
	expect(&b, "abc");
	buf_reset(&b);
	expect(&b, "");
	assert_non_null(b.mem);
	buf_clear(&b);
}

static void a_prefix_goes_into_the_head_room(void **state)
{
	struct buf b = {0};
	const char *at;

	(void)state;
	buf_headroom(&b, 8);
	BUF_LIT(&b, "body");
	at = buf_data(&b);
	buf_prepend(&b, "head-", 5);
	expect(&b, "head-body");
	assert_ptr_equal(buf_data(&b), at - 5);
	buf_prepend(&b, "without room ", 13);
	expect(&b, "without room head-body");
	buf_clear(&b);
	buf_prepend(&b, "alone", 5);
	expect(&b, "alone");
	buf_clear(&b);
}

static void eaten_room_is_used_again(void **state)
{
	struct buf b = {0};
	const char *mem = NULL;
	int moved = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		BUF_LIT(&b, "0123456789");
	for (int i = 0; i < 100000; i++) {
		buf_eat(&b, 10);
		BUF_LIT(&b, "0123456789");
		moved += b.mem != mem;
		mem = b.mem;
	}
	assert_int_equal(b.len, 100);
	assert_true(moved < 5); /* it settled, so it does not grow */
	buf_clear(&b);
}

static void contents_change_owner(void **state)
{
	struct buf a = {0}, b;

	(void)state;
	BUF_LIT(&a, "text");
	b = buf_take(&a);
	assert_null(a.mem);
	assert_int_equal(a.len, 0);
	expect(&b, "text");
	a = buf_copy(buf_slice(&b));
	expect(&a, "text");
	buf_clear(&a);
	buf_clear(&b);
	a = buf_copy(SLICE_NONE);
	assert_null(a.mem);
}

static void random_operations_match_a_plain_array(void **state)
{
	enum { MAX = 4000 };
	static char plain[3 * MAX], chunk[300];
	unsigned seed = 11;
	struct buf b = {0};
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand_r(&seed) % sizeof(chunk);

		memset(chunk, 'a' + i % 26, n);
		switch (rand_r(&seed) % 4) {
		case 0:
			n = len < MAX ? n : 0;
			memcpy(plain + len, chunk, n);
			len += n;
			buf_add(&b, chunk, n);
			break;
		case 1:
			n = len < MAX ? n % 20 : 0;
			memmove(plain + n, plain, len);
			memcpy(plain, chunk, n);
			len += n;
			buf_prepend(&b, chunk, n);
			break;
		case 2:
			n = n < len ? n : len;
			memmove(plain, plain + n, len - n);
			len -= n;
			buf_eat(&b, n);
			break;
		default:
			n = len < MAX ? n : 0;
			memcpy(plain + len, chunk, n / 2);
			memcpy(buf_room(&b, n), chunk, n / 2);
			len += n / 2;
			buf_commit(&b, n / 2);
		}
		assert_int_equal(b.len, len);
		assert_true(slice_eq(buf_slice(&b), slice_of(plain, len)));
	}
	buf_clear(&b);
}

static void slices_are_compared_trimmed_and_cut(void **state)
{
	struct slice rest = SLICE("a,,b");

	(void)state;
	assert_true(slice_eq(SLICE_NONE, SLICE("")));
	assert_true(slice_eq_nocase(SLICE("Upgrade"), SLICE("uPGRADE")));
	assert_false(slice_eq_nocase(SLICE("Upgrade"), SLICE("Upgrad")));
	assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
	assert_true(slice_starts(SLICE("abc"), SLICE_NONE));
	assert_false(slice_starts(SLICE("a"), SLICE("ab")));
	assert_true(slice_is(slice_trim(SLICE(" \t\r\na b\n ")), "a b"));
	assert_true(slice_is(slice_trim(SLICE(" \n")), ""));
	assert_true(slice_is(slice_cut(&rest, ','), "a"));
	assert_true(slice_is(slice_cut(&rest, ','), ""));
	assert_true(slice_is(slice_cut(&rest, ','), "b"));
	assert_null(rest.p);
	assert_int_equal(slice_cut(&rest, ',').n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_buffer_owns_nothing),
	    cmocka_unit_test(everything_is_added_behind),
	    cmocka_unit_test(a_prefix_goes_into_the_head_room),
	    cmocka_unit_test(eaten_room_is_used_again),
	    cmocka_unit_test(contents_change_owner),
	    cmocka_unit_test(random_operations_match_a_plain_array),
	    cmocka_unit_test(slices_are_compared_trimmed_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

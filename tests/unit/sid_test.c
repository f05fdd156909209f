/* Session ids: they say whose they are, have one text each, and cannot be made by guessing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/sid.h"

static const uint8_t key[SID_KEY] = {1, 2, 3};
static struct sid some = {
    .instance = 0x0123456789abcdef, .worker = 200, .random = {255, 0, 17, 4, 5, 6, 7, 8, 9, 254}};

static void says_whose_it_is(void **state)
{
	struct sid_signer *s = sid_signer_new(key);
	char text[SID_LENGTH];
	struct sid read;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct sid sid = {.instance = i * 0x9e3779b97f4a7c15, .worker = (uint8_t)i};

		for (unsigned k = 0; k < SID_RANDOM; k++)
			sid.random[k] = (uint8_t)(i * 31 + k * 77);
		sid_print(s, &sid, text);
		assert_true(sid_parse(&read, slice_of(text, SID_LENGTH)));
		assert_int_equal(read.instance, sid.instance);
		assert_int_equal(read.worker, sid.worker);
		assert_memory_equal(read.random, sid.random, SID_RANDOM);
		assert_memory_equal(read.tag, sid.tag, SID_TAG);
		assert_true(sid_verify(s, slice_of(text, SID_LENGTH)));
	}
	sid_signer_free(s);
}

/* From another implementation: HMAC-SHA256 of the 25 bytes, cut to 8, base32. */
static void is_what_it_always_was(void **state)
{
	struct sid_signer *s = sid_signer_new(key);
	char text[SID_LENGTH + 1] = {0};

	(void)state;
	sid_print(s, &some, text);
	assert_string_equal(text, "aerukz4jvpg67sh7aaiqibiga4eat7qaaaaaaaaane6dpqk4rllt4");
	sid_signer_free(s);
}

static void one_changed_letter_is_found_out(void **state)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	struct sid_signer *s = sid_signer_new(key);
	char text[SID_LENGTH];

	(void)state;
	sid_print(s, &some, text);
	for (size_t at = 0; at < SID_LENGTH; at++) {
		char was = text[at];

		for (size_t i = 0; i < 32; i++) {
			text[at] = letters[i];
			assert_int_equal(sid_verify(s, slice_of(text, SID_LENGTH)),
					 letters[i] == was);
		}
		text[at] = was;
	}
	sid_signer_free(s);
}

static void another_key_makes_another_sid(void **state)
{
	static const uint8_t other[SID_KEY] = {1, 2, 4};
	struct sid_signer *s = sid_signer_new(key), *o = sid_signer_new(other);
	char text[SID_LENGTH];

	(void)state;
	sid_print(s, &some, text);
	assert_false(sid_verify(o, slice_of(text, SID_LENGTH)));
	sid_print(o, &some, text);
	assert_true(sid_verify(o, slice_of(text, SID_LENGTH)));
	assert_false(sid_verify(s, slice_of(text, SID_LENGTH)));
	sid_signer_free(s);
	sid_signer_free(o);
}

static void refuses_what_is_no_sid(void **state)
{
	struct sid_signer *s = sid_signer_new(key);
	char text[SID_LENGTH + 1];
	struct sid read;

	(void)state;
	sid_print(s, &some, text);
	text[SID_LENGTH] = 'a';
	assert_true(sid_parse(&read, slice_of(text, SID_LENGTH)));
	assert_false(sid_parse(&read, SLICE("")));
	assert_false(sid_parse(&read, SLICE_NONE));
	assert_false(sid_parse(&read, slice_of(text, SID_LENGTH - 1)));
	assert_false(sid_parse(&read, slice_of(text, SID_LENGTH + 1)));
	for (size_t at = 0; at < SID_LENGTH; at++)
		for (const char *bad = "A018=-_/ \xc3\x7f"; *bad; bad++) {
			char was = text[at];

			text[at] = *bad;
			assert_false(sid_parse(&read, slice_of(text, SID_LENGTH)));
			assert_false(sid_verify(s, slice_of(text, SID_LENGTH)));
			text[at] = was;
		}
	sid_signer_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_whose_it_is),
	    cmocka_unit_test(is_what_it_always_was),
	    cmocka_unit_test(one_changed_letter_is_found_out),
	    cmocka_unit_test(another_key_makes_another_sid),
	    cmocka_unit_test(refuses_what_is_no_sid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The table of reasons: whole, without contradictions, fit for the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/reason.h"

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

/* XEP-0124 17.2 */
static void bosh_conditions_are_known(void **state)
{
	static const char *const known[] = {"",
					    "bad-request",
					    "host-gone",
					    "host-unknown",
					    "improper-addressing",
					    "internal-server-error",
					    "item-not-found",
					    "other-request",
					    "policy-violation",
					    "remote-connection-failed",
					    "remote-stream-error",
					    "see-other-uri",
					    "system-shutdown",
					    "undefined-condition",
					    NULL};

	(void)state;
	for (int r = 0; r < REASON_COUNT; r++)
		assert_true(is_one_of(reason_condition((enum reason)r), known));
}

/* RFC 6120 4.9.3 */
static void stream_errors_are_known(void **state)
{
	static const char *const known[] = {"",
					    "bad-format",
					    "bad-namespace-prefix",
					    "conflict",
					    "connection-timeout",
					    "host-gone",
					    "host-unknown",
					    "improper-addressing",
					    "internal-server-error",
					    "invalid-from",
					    "invalid-namespace",
					    "invalid-xml",
					    "not-authorized",
					    "not-well-formed",
					    "policy-violation",
					    "remote-connection-failed",
					    "reset",
					    "resource-constraint",
					    "restricted-xml",
					    "see-other-host",
					    "system-shutdown",
					    "undefined-condition",
					    "unsupported-encoding",
					    "unsupported-feature",
					    "unsupported-stanza-type",
					    "unsupported-version",
					    NULL};

	(void)state;
	for (int r = 0; r < REASON_COUNT; r++)
		assert_true(is_one_of(reason_stream_error((enum reason)r), known));
}

/* RFC 6455 7.4: 1005, 1006 and 1015 are never sent. */
static void close_codes_may_be_sent(void **state)
{
	(void)state;
	for (int r = 0; r < REASON_COUNT; r++) {
		uint16_t code = reason_ws_code((enum reason)r);

		assert_in_range(code, 1000, 1014);
		assert_true(code < 1004 || code > 1006);
	}
}

static void labels_are_words_of_their_own(void **state)
{
	(void)state;
	for (int r = 0; r < REASON_COUNT; r++) {
		const char *label = reason_label((enum reason)r);

		assert_true(strlen(label) > 0);
		assert_int_equal(strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(label));
		for (int other = 0; other < r; other++)
			assert_string_not_equal(label, reason_label((enum reason)other));
	}
}

static void sentences_say_something(void **state)
{
	(void)state;
	for (int r = 0; r < REASON_COUNT; r++) {
		const char *text = reason_text((enum reason)r);

		assert_true(strlen(text) > 10);
		assert_int_not_equal(text[strlen(text) - 1], '.');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bosh_conditions_are_known),
	    cmocka_unit_test(stream_errors_are_known),
	    cmocka_unit_test(close_codes_may_be_sent),
	    cmocka_unit_test(labels_are_words_of_their_own),
	    cmocka_unit_test(sentences_say_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

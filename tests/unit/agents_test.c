/* What clients call themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "web/agents.h"

static void each_is_kept_once(void **state)
{
	struct agents a = {0};
	uint16_t one = agents_find(&a, 0, SLICE("Mozilla/5.0")), two;

	(void)state;
	two = agents_find(&a, one, SLICE("gloox"));
	assert_int_not_equal(one, two);
	assert_int_equal(agents_find(&a, two, SLICE("Mozilla/5.0")), one);
	assert_int_equal(agents_find(&a, one, SLICE("Mozilla/5.0")), one);
	assert_string_equal(agents_text(&a, one), "Mozilla/5.0");
	assert_string_equal(agents_text(&a, two), "gloox");
	assert_int_equal(agents_find(&a, one, SLICE("")), AGENTS_NONE);
	assert_string_equal(agents_text(&a, AGENTS_NONE), "");
	agents_clear(&a);
}

static void there_are_so_many_at_most(void **state)
{
	struct agents a = {0};
	char text[300];

	(void)state;
	for (int i = 0; i < 2 * AGENTS_MAX; i++) {
		snprintf(text, sizeof(text), "agent %d", i);
		assert_int_equal(agents_find(&a, 0, slice_str(text)),
				 i < AGENTS_MAX - 2 ? i + 2 : AGENTS_OTHER);
	}
	assert_string_equal(agents_text(&a, AGENTS_OTHER), "(not remembered)");
	agents_clear(&a);
	memset(text, 'a', sizeof(text));
	assert_int_equal(strlen(agents_text(&a, agents_find(&a, 0, slice_of(text, sizeof(text))))),
			 AGENTS_TEXT);
	assert_int_equal(agents_find(&a, 0, SLICE("\x1b[2J")), AGENTS_OTHER);
	agents_clear(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_is_kept_once),
	    cmocka_unit_test(there_are_so_many_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

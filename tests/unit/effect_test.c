/* The list of effects: in order, owning its data until that is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/effect.h"

static void keeps_the_order(void **state)
{
	struct effects fx = {0};

	(void)state;
	for (handle_t h = 1; h <= 1000; h++)
		effects_add(&fx, h % 2 ? EFFECT_REPLY : EFFECT_HELD, h)->ms = (int64_t)h;
	assert_int_equal(fx.n, 1000);
	for (uint32_t i = 0; i < fx.n; i++) {
		assert_int_equal(fx.v[i].handle, i + 1);
		assert_int_equal(fx.v[i].ms, i + 1);
		assert_int_equal(fx.v[i].type, i % 2 ? EFFECT_HELD : EFFECT_REPLY);
	}
	effects_clear(&fx);
	assert_null(fx.v);
}

static void starts_each_effect_blank(void **state)
{
	struct effects fx = {0};
	struct effect *e = effects_add(&fx, EFFECT_REPLY, 1);

	(void)state;
	e->code = 200;
	e->ms = 5;
	BUF_LIT(&e->data, "left behind");
	effects_reset(&fx);
	assert_int_equal(fx.n, 0);
	e = effects_add(&fx, EFFECT_CLOSE, 2);
	assert_int_equal(e->code, 0);
	assert_int_equal(e->ms, 0);
	assert_int_equal(e->data.len, 0);
	assert_null(e->data.mem);
	effects_clear(&fx);
}

static void lets_go_of_data_that_was_taken(void **state)
{
	struct effects fx = {0};
	struct buf taken;

	(void)state;
	BUF_LIT(&effects_add(&fx, EFFECT_WRITE, 0)->data, "bytes");
	taken = buf_take(&fx.v[0].data);
	effects_reset(&fx);
	assert_int_equal(taken.len, 5);
	buf_clear(&taken);
	effects_clear(&fx);
	effects_clear(&fx);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_the_order),
	    cmocka_unit_test(starts_each_effect_blank),
	    cmocka_unit_test(lets_go_of_data_that_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

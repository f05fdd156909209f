/* Handle slots: a handle finds its object, and nothing once that is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/slots.h"

enum { MANY = 1000 };

static struct slots slots;
static int objects[MANY];

static int setup(void **state)
{
	(void)state;
	slots_init(&slots, 7, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	slots_clear(&slots);
	return 0;
}

static void a_handle_finds_its_object(void **state)
{
	handle_t h[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		h[i] = slots_add(&slots, &objects[i]);
		assert_true(h[i] != 0);
		assert_int_equal(handle_worker(h[i]), 7);
	}
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(slots_get(&slots, h[i]), &objects[i]);
}

static void nothing_else_is_found(void **state)
{
	handle_t h = slots_add(&slots, &objects[0]);

	(void)state;
	assert_null(slots_get(&slots, 0));
	assert_null(slots_get(&slots, h + 1));
	assert_null(slots_get(&slots, h ^ (handle_t)1 << 56));
	assert_null(slots_get(&slots, h ^ (handle_t)1 << 32));
	assert_null(slots_get(&slots, h | (handle_t)0xffffff << 32));
	assert_null(slots_get(&slots, UINT64_MAX));
}

static void a_tag_is_of_one_handle(void **state)
{
	handle_t session = slots_add(&slots, &objects[0]), other = slots_add(&slots, &objects[1]);

	(void)state;
	slots_tag(&slots, session, SLOT_SESSION);
	assert_ptr_equal(slots_get_tagged(&slots, session, SLOT_SESSION), &objects[0]);
	assert_ptr_equal(slots_get(&slots, session), &objects[0]);
	assert_null(slots_get_tagged(&slots, other, SLOT_SESSION));
	assert_null(slots_get_tagged(&slots, session + 1, SLOT_SESSION));
	slots_remove(&slots, session);
	assert_null(slots_get_tagged(&slots, session, SLOT_SESSION));
	session = slots_add(&slots, &objects[2]);
	assert_null(slots_get_tagged(&slots, session, SLOT_SESSION));
}

static void a_handle_goes_stale(void **state)
{
	handle_t old = slots_add(&slots, &objects[0]), new;

	(void)state;
	slots_remove(&slots, old);
	assert_null(slots_get(&slots, old));
	new = slots_add(&slots, &objects[1]);
	assert_true(new != old);
	assert_null(slots_get(&slots, old));
	slots_remove(&slots, old);
	assert_ptr_equal(slots_get(&slots, new), &objects[1]);
	slots_remove(&slots, 0);
	slots_remove(&slots, UINT64_MAX);
}

static void slots_are_used_again(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		handle_t h = slots_add(&slots, &objects[i % MANY]);

		assert_ptr_equal(slots_get(&slots, h), &objects[i % MANY]);
		slots_remove(&slots, h);
	}
	assert_true(slots.n <= 16);
}

static void handles_of_an_empty_one_find_nothing(void **state)
{
	handle_t h = slots_add(&slots, &objects[0]);

	(void)state;
	slots_clear(&slots);
	assert_null(slots_get(&slots, h));
}

static uint32_t generation(handle_t h)
{
	return (uint32_t)h;
}

static void generations_begin_where_told(void **state)
{
	handle_t h, before = slots_add(&slots, &objects[0]);

	(void)state;
	slots_clear(&slots);
	slots_init(&slots, 7, 54321);
	h = slots_add(&slots, &objects[0]);
	assert_int_equal(generation(h), 54321);
	assert_int_equal(generation(slots_add(&slots, &objects[1])), 54321);
	assert_null(slots_get(&slots, before));
	slots_remove(&slots, h);
	assert_int_equal(generation(slots_add(&slots, &objects[2])), 54322);
}

static void no_generation_is_0(void **state)
{
	handle_t h;

	(void)state;
	slots_init(&slots, 0, UINT32_MAX);
	h = slots_add(&slots, &objects[0]);
	assert_int_equal(generation(h), UINT32_MAX);
	slots_remove(&slots, h);
	h = slots_add(&slots, &objects[1]);
	assert_int_equal(generation(h), 1);
	assert_ptr_equal(slots_get(&slots, h), &objects[1]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_handle_finds_its_object),    T(nothing_else_is_found),
	    T(a_tag_is_of_one_handle),	     T(a_handle_goes_stale),
	    T(slots_are_used_again),	     T(handles_of_an_empty_one_find_nothing),
	    T(generations_begin_where_told), T(no_generation_is_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

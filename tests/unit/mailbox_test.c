/* The mailbox: order, wake-ups, and several threads that post at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "net/mailbox.h"

enum { THREADS = 4, EACH = 20000 };

struct item {
	struct mail mail; /* first */
	int thread, number;
};

static struct ev_loop *loop;
static struct mailbox box;

static int setup(void **state)
{
	(void)state;
	loop = ev_loop_new(0);
	mailbox_init(&box, loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_null(mailbox_take(&box));
	mailbox_clear(&box);
	ev_loop_destroy(loop);
	return 0;
}

static void an_empty_box_gives_nothing(void **state)
{
	(void)state;
	assert_null(mailbox_take(&box));
}

static void mail_comes_in_order(void **state)
{
	struct mail v[5], *m;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 5; i++)
			mailbox_post(&box, &v[i]);
		m = mailbox_take(&box);
		for (int i = 0; i < 5; i++, m = m->next)
			assert_ptr_equal(m, &v[i]);
		assert_null(m);
		assert_null(mailbox_take(&box));
	}
}

static void only_the_first_mail_wakes(void **state)
{
	struct mail a, b;

	(void)state;
	mailbox_post(&box, &a);
	assert_true(ev_async_pending(&box.async));
	ev_run(loop, EVRUN_ONCE); /* returns: it was woken */
	assert_false(ev_async_pending(&box.async));
	mailbox_post(&box, &b);
	assert_false(ev_async_pending(&box.async));
	mailbox_take(&box);
	mailbox_post(&box, &a);
	assert_true(ev_async_pending(&box.async));
	mailbox_take(&box);
}

static void *post_many(void *arg)
{
	for (int i = 0; i < EACH; i++) {
		struct item *item = malloc(sizeof(*item));

		item->thread = (int)(intptr_t)arg;
		item->number = i;
		mailbox_post(&box, &item->mail);
	}
	return NULL;
}

static int left, next_of[THREADS];

static void on_turn(struct ev_loop *l, ev_prepare *w, int events)
{
	struct mail *m = mailbox_take(&box);

	(void)l, (void)w, (void)events;
	while (m) {
		struct item *item = (struct item *)m;

		m = m->next;
		assert_int_equal(item->number, next_of[item->thread]++);
		left--;
		free(item);
	}
	if (left == 0)
		ev_break(loop, EVBREAK_ALL);
}

static void nothing_is_lost_between_threads(void **state)
{
	pthread_t threads[THREADS];
	ev_prepare turn;

	(void)state;
	left = THREADS * EACH;
	ev_prepare_init(&turn, on_turn);
	ev_prepare_start(loop, &turn);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, post_many, (void *)i);
	ev_run(loop, 0); /* a lost wake-up would block it for ever */
	assert_int_equal(left, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ev_prepare_stop(loop, &turn);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(an_empty_box_gives_nothing),
	    T(mail_comes_in_order),
	    T(only_the_first_mail_wakes),
	    T(nothing_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

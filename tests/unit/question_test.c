/* Questions to workers, without workers: what is sent to them is kept here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/status/question.h"
#include "base/mem.h"

static struct {
	int64_t now;
	struct letter *sent[WORKERS_MAX]; /* to each worker, the last one; owned */
	int done, told, asked, released;
	char said[64]; /* the answers, in the workers' order; '-' for none */
} world;

int64_t worker_clock(void)
{
	return world.now;
}

void worker_send(struct worker *w, uint8_t to, struct letter *l)
{
	(void)w;
	free(world.sent[to]);
	world.sent[to] = l;
}

static void release(void *p)
{
	world.released++;
	free(p);
}

static void done(struct worker *w, struct question *q)
{
	char *at = world.said;

	(void)w;
	world.done++;
	world.told = q->told;
	world.asked = q->asked;
	for (int i = 0; i < WORKERS_MAX; i++)
		if (q->to[i])
			*at++ = q->answers[i].p ? *(const char *)q->answers[i].p : '-';
	*at = '\0';
}

static void open_world(struct worker *w)
{
	memset(&world, 0, sizeof(world));
	world.now = 5000;
	*w = (struct worker){.loop = ev_loop_new(0), .index = 2};
	slots_init(&w->slots, w->index, 1);
	w->questions = questions_new(w);
}

static void close_world(struct worker *w)
{
	questions_free(w->questions);
	slots_clear(&w->slots);
	ev_loop_destroy(w->loop);
	for (int i = 0; i < WORKERS_MAX; i++)
		free(world.sent[i]);
}

static struct question *ask(struct worker *w, int n)
{
	struct question *q = question_new(w->questions, 77, done, mem_strdup("about"));

	for (int i = 0; i < n; i++)
		question_ask(w->questions, q, (uint8_t)i, letter_new(LETTER_LIST));
	return q;
}

/* Worker `from` answers the question of that handle. */
static void tell(struct worker *w, uint8_t from, handle_t question, const char *answer)
{
	struct letter l = {.type = LETTER_TELL, .handle = question, .from = from};

	l.u.tell.p = mem_strdup(answer);
	l.u.tell.release = release;
	questions_tell(w->questions, &l);
	if (l.u.tell.p) /* it was not taken */
		release(l.u.tell.p);
}

static void it_is_done_once_all_have_answered(void **state)
{
	struct worker w;
	handle_t h;

	(void)state;
	open_world(&w);
	h = ask(&w, 3)->handle;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world.sent[i]->handle, h);
		assert_int_equal(world.sent[i]->from, 2);
	}
	tell(&w, 2, h, "c");
	tell(&w, 0, h, "a");
	assert_int_equal(world.done, 0);
	tell(&w, 1, h, "b");
	assert_int_equal(world.done, 1);
	assert_string_equal(world.said, "abc");
	assert_int_equal(world.told, 3);
	assert_int_equal(world.released, 3);
	close_world(&w);
}

static void who_does_not_answer_is_not_waited_for(void **state)
{
	struct worker w;
	handle_t h;

	(void)state;
	open_world(&w);
	h = ask(&w, 3)->handle;
	tell(&w, 1, h, "b");
	questions_expire(w.questions, 5999);
	assert_int_equal(world.done, 0);
	questions_expire(w.questions, 6000);
	assert_int_equal(world.done, 1);
	assert_string_equal(world.said, "-b-");
	tell(&w, 0, h, "a"); /* too late: its handle is stale */
	assert_int_equal(world.done, 1);
	assert_int_equal(world.released, 2);
	close_world(&w);
}

static void an_answer_counts_once(void **state)
{
	struct worker w;
	handle_t h;

	(void)state;
	open_world(&w);
	h = ask(&w, 2)->handle;
	tell(&w, 0, h, "a");
	tell(&w, 0, h, "x");
	assert_int_equal(world.done, 0);
	tell(&w, 1, h, "b");
	assert_string_equal(world.said, "ab");
	close_world(&w);
}

static void several_are_out_at_a_time(void **state)
{
	struct worker w;
	handle_t one, two;

	(void)state;
	open_world(&w);
	one = ask(&w, 1)->handle;
	world.now += 500;
	two = ask(&w, 1)->handle;
	assert_int_not_equal(one, two);
	questions_expire(w.questions, 6000);
	assert_int_equal(world.done, 1);
	assert_string_equal(world.said, "-");
	tell(&w, 0, two, "2");
	assert_int_equal(world.done, 2);
	assert_string_equal(world.said, "2");
	close_world(&w);
}

/* The loop may sleep otherwise, and a deadline pass. */
static void the_loop_is_woken_while_one_is_out(void **state)
{
	struct worker w;
	handle_t h;

	(void)state;
	open_world(&w);
	assert_false(ev_run(w.loop, EVRUN_NOWAIT));
	h = ask(&w, 1)->handle;
	assert_true(ev_run(w.loop, EVRUN_NOWAIT));
	tell(&w, 0, h, "a");
	assert_false(ev_run(w.loop, EVRUN_NOWAIT));
	close_world(&w);
}

static void what_is_out_at_the_end_is_freed_and_not_done(void **state)
{
	struct worker w;
	handle_t h;

	(void)state;
	open_world(&w);
	h = ask(&w, 2)->handle;
	tell(&w, 0, h, "a");
	close_world(&w);
	assert_int_equal(world.done, 0);
	assert_int_equal(world.released, 1);
}

static void the_other_side_answers_whoever_asked(void **state)
{
	struct worker w;

	(void)state;
	open_world(&w);
	question_answer(&w, 5, 99, mem_strdup("x"), release);
	assert_int_equal(world.sent[5]->type, LETTER_TELL);
	assert_int_equal(world.sent[5]->handle, 99);
	assert_int_equal(world.sent[5]->from, 2);
	world.sent[5]->u.tell.release(world.sent[5]->u.tell.p);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_done_once_all_have_answered),
	    cmocka_unit_test(who_does_not_answer_is_not_waited_for),
	    cmocka_unit_test(an_answer_counts_once),
	    cmocka_unit_test(several_are_out_at_a_time),
	    cmocka_unit_test(the_loop_is_woken_while_one_is_out),
	    cmocka_unit_test(what_is_out_at_the_end_is_freed_and_not_done),
	    cmocka_unit_test(the_other_side_answers_whoever_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is wrong, in words, from overviews that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "app/status/problem.h"

/* Two workers, two servers, and nothing wrong. */
struct scene {
	struct config config;
	struct report sum, a, b;
	struct health_row rows[3];
	struct overview o;
	struct problem_view view;
	struct problem found[PROBLEMS_MAX];
	size_t n;
};

static void begin(struct scene *s)
{
	*s = (struct scene){.config = {.limits_sessions = 1000, .limits_connections = 2000}};
	s->rows[0] = (struct health_row){.name = "a.example:5222", .sessions = 10};
	s->rows[1] = (struct health_row){.name = "b.example:5222", .sessions = 20};
	s->sum.n.sessions = 30;
	s->o = (struct overview){
	    .sum = &s->sum, .reports = {&s->a, &s->b}, .rows = s->rows, .n_rows = 2};
	s->view = (struct problem_view){.config = &s->config,
					.workers = 2,
					.now = 100000,
					.descriptors = 50,
					.descriptors_max = 1000};
}

static void look(struct scene *s)
{
	s->n = problem_find(&s->o, &s->view, s->found, PROBLEMS_MAX);
}

/* The i-th problem: "error where: text" or "warn ...". */
static void is(struct scene *s, size_t i, const char *expected)
{
	char said[PROBLEM_TEXT + 64];

	assert_true(i < s->n);
	snprintf(said, sizeof(said), "%s %s: %s", s->found[i].error ? "error" : "warn",
		 s->found[i].where, s->found[i].text);
	assert_string_equal(said, expected);
}

/* It is the only one. */
static void alone(struct scene *s, const char *expected)
{
	look(s);
	assert_int_equal(s->n, expected ? 1 : 0);
	if (expected)
		is(s, 0, expected);
}

static void all_is_well(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	alone(&s, NULL);
	s.o.n_rows = 0; /* nobody was ever asked for */
	alone(&s, NULL);
}

static void one_server_is_down(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.rows[1].down = true;
	s.rows[1].retry_at = s.view.now + 1001;
	strcpy(s.rows[1].why, "connection refused");
	alone(&s,
	      "warn backend: The server b.example:5222 is down: connection refused. It is tried "
	      "again in 2 s.");
	s.rows[1].retry_at = s.view.now;
	alone(&s, "warn backend: The server b.example:5222 is down: connection refused. The next "
		  "session tries it again.");
}

static void all_servers_are_out(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.rows[0].drained = true;
	s.rows[1].down = true;
	s.rows[1].retry_at = s.view.now;
	strcpy(s.rows[1].why, "timed out");
	look(&s);
	assert_int_equal(s.n, 3);
	is(&s, 0,
	   "error backend: No XMPP server can be reached: new sessions fail. Look whether the "
	   "server runs, and whether the addresses in \"domains\" are right.");
	is(&s, 1,
	   "error backend: The server b.example:5222 is down: timed out. The next session "
	   "tries it again.");
	is(&s, 2,
	   "warn backend: The server a.example:5222 is being drained and gets no new "
	   "sessions; 10 are left. fairleadctl drain backend a.example:5222 --off ends that.");
}

static void limits_are_near_or_reached(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.sum.n.sessions = 899;
	alone(&s, NULL);
	s.sum.n.sessions = 900;
	alone(&s, "warn limits: 900 sessions of 1000: the limit is limits.sessions.");
	s.sum.n.sessions = 1000;
	alone(&s, "error limits: 1000 sessions of 1000: the limit is limits.sessions.");
	s.sum.n.sessions = 30;
	s.sum.n.connections = 1000;
	s.sum.n.websockets = 799;
	alone(&s, NULL);
	s.sum.n.websockets = 800;
	alone(&s, "warn limits: 1800 connections of 2000: the limit is limits.connections.");
	s.sum.n.websockets = 0;
	s.view.descriptors = 999;
	alone(&s,
	      "warn limits: 999 open files of 1000: raise the limit (LimitNOFILE= of the unit, or "
	      "ulimit -n).");
	s.view.descriptors = -1; /* it is not known */
	alone(&s, NULL);
	s.view.descriptors = 100;
	s.view.descriptors_max = -1;
	alone(&s, NULL);
}

static void local_ports_run_short(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.rows[0].sessions = 22399;
	alone(&s, NULL);
	s.rows[0].sessions = 22400;
	alone(&s,
	      "warn limits: Local ports towards a.example:5222 run short: 22400 sessions of about "
	      "28000. Name more local addresses in backend.source.");
	s.config.n_sources = 2;
	alone(&s, NULL);
	s.config.n_sources = 0;
	strcpy(s.rows[0].name, "unix:/run/xmpp");
	alone(&s, NULL);
}

static void workers_that_are_late(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.o.reports[1] = NULL;
	alone(&s,
	      "error worker: Worker 1 did not answer within a second: it hangs or has too much to "
	      "do, and its sessions with it.");
	s.o.reports[1] = &s.b;
	s.b.meter.turn_max_us = 499999;
	s.b.meter.load_percent = 84;
	alone(&s, NULL);
	s.b.meter.turn_max_us = 500000;
	alone(&s,
	      "warn worker: Worker 1 took 500 ms for one turn lately: all of its sessions waited "
	      "for that.");
	s.b.meter.load_percent = 85;
	look(&s);
	assert_int_equal(s.n, 2);
	is(&s, 1,
	   "warn worker: Worker 1 works 85 % of the time: more \"workers\" help where there are "
	   "cores for them.");
}

static void logins_that_fail(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.sum.meter.login_failures = 19;
	alone(&s, NULL);
	s.sum.meter.login_failures = 20;
	alone(&s, "warn login: 20 attempts to log in failed within the last minute, 0 went well: "
		  "somebody guesses passwords, or the server refuses its users.");
	s.sum.meter.logins = 20;
	alone(&s, NULL);
	s.sum.meter.login_failures = 0;
	strcpy(s.sum.no_login, "The server of 100%s offers no way to log in: do this");
	alone(&s, "error login: The server of 100%s offers no way to log in: do this");
}

static void errors_come_first_and_in_order(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.view.draining = true;
	s.o.reports[0] = NULL;
	s.sum.n.sessions = 1000;
	strcpy(s.sum.no_login, "no login");
	look(&s);
	assert_int_equal(s.n, 4);
	assert_string_equal(s.found[0].where, "worker");
	is(&s, 1, "error login: no login");
	assert_string_equal(s.found[2].where, "limits");
	is(&s, 3,
	   "warn draining: This Fairlead is being drained: it takes no new sessions, and /ready "
	   "says 503. fairleadctl drain --off ends that.");
}

static void each_says_since_when_where_that_is_known(void **state)
{
	uint64_t busy, late;
	struct scene s;

	(void)state;
	begin(&s);
	s.b.meter.load_percent = 90;
	s.b.meter.turn_max_us = 600000;
	look(&s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.found[0].since, -1);
	late = s.found[0].key;
	busy = s.found[1].key;
	past_see(&s.a.past, &busy, 1, 70000);
	s.b.meter.load_percent = 91; /* another number, the same problem */
	s.a.meter.load_percent = 90; /* the same words, another worker */
	look(&s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.found[1].key, late);
	assert_int_equal(s.found[0].since, -1);
	assert_int_equal(s.found[1].since, -1);
	assert_int_equal(s.found[2].since, 70000);
	s.o.reports[0] = NULL; /* who knows it is silent */
	look(&s);
	assert_int_equal(s.found[2].key, busy);
	assert_int_equal(s.found[2].since, -1);
}

static void a_server_itself_says_since_when_it_is_down(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.rows[0].down = true;
	s.rows[0].since = 12345;
	look(&s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.found[0].since, 12345);
}

static void no_more_are_told_than_there_is_room_for(void **state)
{
	struct scene s;

	(void)state;
	begin(&s);
	s.o.reports[0] = s.o.reports[1] = NULL;
	s.view.workers = WORKERS_MAX;
	assert_int_equal(problem_find(&s.o, &s.view, s.found, 3), 3);
	assert_int_equal(problem_find(&s.o, &s.view, s.found, PROBLEMS_MAX), PROBLEMS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_is_well),
	    cmocka_unit_test(one_server_is_down),
	    cmocka_unit_test(all_servers_are_out),
	    cmocka_unit_test(limits_are_near_or_reached),
	    cmocka_unit_test(local_ports_run_short),
	    cmocka_unit_test(workers_that_are_late),
	    cmocka_unit_test(logins_that_fail),
	    cmocka_unit_test(errors_come_first_and_in_order),
	    cmocka_unit_test(each_says_since_when_where_that_is_known),
	    cmocka_unit_test(a_server_itself_says_since_when_it_is_down),
	    cmocka_unit_test(no_more_are_told_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The last hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/status/history.h"

static struct history h;
static struct report sum;
static char text[400000];

static const char *shown(void)
{
	struct json j = json_new();
	struct buf b;

	json_open(&j, NULL);
	history_put(&h, &j);
	json_close(&j);
	b = json_done(&j);
	assert_true(b.len < sizeof(text));
	memcpy(text, buf_data(&b), b.len);
	text[b.len] = '\0';
	buf_clear(&b);
	return text;
}

static void has(const char *part)
{
	if (!strstr(shown(), part))
		fail_msg("no %s in %s", part, text);
}

static int setup(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	memset(&sum, 0, sizeof(sum));
	return 0;
}

static void counters_become_rates(void **state)
{
	(void)state;
	sum.n.sessions = 7;
	sum.n.stanzas_in = 1000;
	sum.n.logins = 50;
	sum.meter.load_percent = 42;
	history_push(&h, &sum, 123456, 100000);
	has("\"points\":1");
	has("\"sessions\":[7]");
	has("\"stanzas_in_per_s\":[null]"); /* since when? */
	has("\"load_percent\":[42]");
	has("\"memory_bytes\":[123456]");
	sum.n.stanzas_in = 1255;
	sum.n.logins = 53;
	history_push(&h, &sum, 123456, 110000);
	has("\"stanzas_in_per_s\":[null,26]");
	has("\"logins_per_min\":[null,18]");
}

static void what_was_not_told_is_not_made_up(void **state)
{
	(void)state;
	history_push(&h, &sum, 1, 100000);
	history_push(&h, NULL, 2, 110000);
	sum.n.stanzas_in = 400;
	history_push(&h, &sum, 3, 120000);
	has("\"sessions\":[0,null,0]");
	has("\"stanzas_in_per_s\":[null,null,20]"); /* over both steps */
	has("\"memory_bytes\":[1,2,3]");
	sum.n.stanzas_in = 0;
	history_push(&h, &sum, 3, 130000);
	has("\"stanzas_in_per_s\":[null,null,20,null]");
}

static void an_hour_is_kept(void **state)
{
	char part[64];

	(void)state;
	for (int i = 0; i < HISTORY_POINTS + 5; i++) {
		sum.n.sessions = (uint64_t)i;
		history_push(&h, &sum, 1, 100000 + i * (int64_t)HISTORY_STEP);
	}
	has("\"points\":360");
	has("\"sessions\":[5,6,7,");
	snprintf(part, sizeof(part), ",%d,%d]", HISTORY_POINTS + 3, HISTORY_POINTS + 4);
	has(part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(counters_become_rates, setup),
	    cmocka_unit_test_setup(what_was_not_told_is_not_made_up, setup),
	    cmocka_unit_test_setup(an_hour_is_kept, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

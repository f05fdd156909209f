/* Looking for sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/status/look.h"

enum { PEOPLE = 700, WORKERS = 3 };

struct person {
	struct session_facts facts;
	struct addr peer;
	char jid[64], domain[32];
	handle_t handle;
	bool websocket;
};

static struct person people[PEOPLE];

/* All of them have many equals by any order. */
static void make_people(void)
{
	srand(7);
	for (int i = 0; i < PEOPLE; i++) {
		struct person *p = &people[i];
		uint8_t ip[16] = {10, 0, (uint8_t)(rand() % 3), (uint8_t)(rand() % 20)};

		p->handle = (handle_t)(i % WORKERS) << 56 | (handle_t)i << 32 | 1;
		p->websocket = rand() % 2;
		p->peer = rand() % 4 ? addr_v4(ip, 1) : addr_v6(ip, 1);
		snprintf(p->domain, sizeof(p->domain), "d%d.example", rand() % 4);
		if (rand() % 10)
			snprintf(p->jid, sizeof(p->jid), "User%d@%s/r", rand() % 200, p->domain);
		p->facts.domain = p->domain;
		p->facts.jid = slice_str(p->jid);
		p->facts.state = (enum session_state)(rand() % 4);
		p->facts.born = rand() % 50;
		p->facts.counts.queued = (size_t)(rand() % 5);
		p->facts.in.stanzas = (uint64_t)(rand() % 9);
		p->facts.out.bytes = (uint64_t)(rand() % 99);
		p->facts.delivery.unproved = (uint32_t)(rand() % 3);
	}
}

static struct look_at at_of(const struct person *p)
{
	return (struct look_at){&p->facts, &p->peer, p->handle, p->websocket};
}

/* What all workers find, merged. */
static struct looked *look_at_all(const struct look *l)
{
	struct looked *all = looked_new(l);

	for (int w = 0; w < WORKERS; w++) {
		struct looked *found = looked_new(l);

		for (int i = w; i < PEOPLE; i += WORKERS) {
			struct look_at at = at_of(&people[i]);

			looked_see(found, l, &at, 100);
		}
		looked_sort(found, l);
		looked_merge(all, found, l);
		looked_free(found);
	}
	return all;
}

static int place_of(handle_t h)
{
	return (int)(h >> 32 & 0xffffff);
}

static int64_t number(enum look_sort sort, const struct session_facts *f, bool websocket)
{
	switch (sort) {
	case LOOK_AGE: return -f->born;
	case LOOK_TRANSPORT: return websocket;
	case LOOK_STATE: return f->state;
	case LOOK_QUEUE: return (int64_t)f->counts.queued;
	case LOOK_IN: return (int64_t)f->in.stanzas;
	case LOOK_OUT: return (int64_t)f->out.stanzas;
	case LOOK_BYTES: return (int64_t)(f->in.bytes + f->out.bytes);
	case LOOK_UNPROVED: return f->delivery.unproved;
	default: return 0;
	}
}

/* Below, equal, above 0: by what is sorted for, or else by handle. */
static int by(enum look_sort sort, const struct person *a, const struct person *b)
{
	int64_t m = number(sort, &a->facts, a->websocket),
		n = number(sort, &b->facts, b->websocket);
	int c = m < n ? -1 : m > n;

	if (sort == LOOK_JID)
		c = strcmp(a->jid, b->jid);
	if (sort == LOOK_DOMAIN)
		c = strcmp(a->domain, b->domain);
	if (sort == LOOK_PEER)
		c = a->peer.family != b->peer.family ? a->peer.family - b->peer.family
						     : memcmp(a->peer.ip, b->peer.ip, 16);
	return c ? c : a->handle < b->handle ? -1 : 1;
}

/* Page by page all of them come, each once, in order. */
static void pages_are_exact(const char *sort, int number, bool descending, const char *more,
			    int want)
{
	char query[LOOK_CURSOR + 200], cursor[LOOK_CURSOR] = "";
	const struct person *last = NULL;
	bool seen[PEOPLE] = {false};
	int n = 0;

	do {
		struct looked *all;
		struct look l;

		snprintf(query, sizeof(query), "sort=%s&order=%s&limit=37&cursor=%s%s", sort,
			 descending ? "desc" : "asc", cursor, more);
		assert_null(look_parse(&l, slice_str(query)));
		all = look_at_all(&l);
		assert_int_equal(all->total, PEOPLE);
		if (want >= 0)
			assert_int_equal(all->matched, want);
		want = (int)all->matched;
		for (uint32_t i = 0; i < all->n; i++) {
			const struct person *p = &people[place_of(all->rows[i]->handle)];
			int c = last ? by((enum look_sort)number, last, p) : 0;

			assert_true(!last || (descending ? c > 0 : c < 0));
			assert_false(seen[p - people]);
			seen[p - people] = true;
			last = p;
			n++;
		}
		look_cursor(&l, all, cursor);
		looked_free(all);
	} while (*cursor);
	assert_int_equal(n, want);
}

static void pages_neither_repeat_nor_leave_out(void **state)
{
	static const char *const sorts[] = {
#define X(name, label) label,
#include "app/status/look.def"
#undef X
	};

	(void)state;
	for (int i = 0; i < LOOK_SORTS; i++) {
		pages_are_exact(sorts[i], i, false, "", PEOPLE);
		pages_are_exact(sorts[i], i, true, "", PEOPLE);
		pages_are_exact(sorts[i], i, false, "&transport=bosh", -1);
		pages_are_exact(sorts[i], i, true, "&q=user1&state=open&domain=D1.example", -1);
	}
}

static int count(const char *query)
{
	struct looked *all;
	struct look l;
	int n;

	assert_null(look_parse(&l, slice_str(query)));
	all = look_at_all(&l);
	n = (int)all->matched;
	looked_free(all);
	return n;
}

/* How many people there are of whom `text` is a part of what can be searched. */
static int model(const char *text)
{
	int n = 0;

	for (int i = 0; i < PEOPLE; i++) {
		char id[PUBLIC_ID], ip[ADDR_TEXT];

		look_id(people[i].handle, id);
		addr_print(&people[i].peer, false, ip);
		n += strcasestr(people[i].jid, text) || strcasestr(people[i].domain, text) ||
		     strstr(ip, text) || strstr(id, text);
	}
	return n;
}

static void a_text_is_searched_for_everywhere(void **state)
{
	static const char *const texts[] = {
	    "user1", "USER19", "@d2.", "d3.example", "10.0.1.1", "a00", "1-",
	    "-12",   "2-5-1",  "::",   "nobody",     "r",	 "/r",	"example/r"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char query[64];

		snprintf(query, sizeof(query), "q=%s", texts[i]);
		assert_int_equal(count(query), model(texts[i]));
	}
	assert_true(model("2-5-1") == 1 && model("nobody") == 0 && model("user1") > 9);
}

static void what_makes_no_sense_is_told(void **state)
{
	static const char *const bad[] = {"limit=0",
					  "limit=1001",
					  "limit=x",
					  "limit=-1",
					  "sort=size",
					  "order=up",
					  "state=dead",
					  "state=x",
					  "transport=http",
					  "q=%",
					  "cursor=zz",
					  "cursor=00",
					  "cursor=0",
					  "transport=bosh&sort=x",
					  "cursor=01000000000000000000000000000000000000&sort=age"};
	struct look l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_non_null(look_parse(&l, slice_str(bad[i])));
	assert_null(look_parse(&l, slice_str("")));
	assert_int_equal(l.k, 100);
	assert_null(look_parse(&l, slice_str("later=1&q=&state=&limit=")));
	assert_int_equal(l.state, -1);
	assert_null(look_parse(&l, slice_str("cursor=00000000000000000000000000000000000000")));
	assert_null(look_parse(&l, SLICE_NONE));
}

static void a_cursor_is_of_one_order(void **state)
{
	char cursor[LOOK_CURSOR], query[LOOK_CURSOR + 64];
	struct looked *all;
	struct look l;

	(void)state;
	assert_null(look_parse(&l, SLICE("sort=jid&limit=5")));
	all = look_at_all(&l);
	assert_int_not_equal(strlen(look_cursor(&l, all, cursor)), 0);
	looked_free(all);
	snprintf(query, sizeof(query), "cursor=%s", cursor);
	assert_non_null(look_parse(&l, slice_str(query)));
	snprintf(query, sizeof(query), "cursor=%s&sort=jid&order=desc", cursor);
	assert_non_null(look_parse(&l, slice_str(query)));
	snprintf(query, sizeof(query), "cursor=%s&sort=jid&order=asc", cursor);
	assert_null(look_parse(&l, slice_str(query)));
}

static void ids_are_read_as_they_are_written(void **state)
{
	static const char *const bad[] = {"",	    "1",       "1-2",
					  "1-2-0",  "256-2-1", "1-16777216-1",
					  "-1-2-3", "1-2-3-4", "1-2-4294967296",
					  "a-b-c",  "1--3"};
	char id[PUBLIC_ID];
	handle_t h;

	(void)state;
	assert_true(look_id_parse(&h, SLICE("255-16777215-4294967295")));
	assert_int_equal(h, UINT64_MAX);
	assert_string_equal(look_id(h, id), "255-16777215-4294967295");
	assert_true(look_id_parse(&h, SLICE("1-2-3")));
	assert_string_equal(look_id(h, id), "1-2-3");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(look_id_parse(&h, slice_str(bad[i])));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_neither_repeat_nor_leave_out),
	    cmocka_unit_test(a_text_is_searched_for_everywhere),
	    cmocka_unit_test(what_makes_no_sense_is_told),
	    cmocka_unit_test(a_cursor_is_of_one_order),
	    cmocka_unit_test(ids_are_read_as_they_are_written),
	};

	make_people();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

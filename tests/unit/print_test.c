/* What fairleadctl shows people, and how it puts what they typed into requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/doc.h"
#include "ctl/print.h"

static void sizes(void **state)
{
	static const struct {
		int64_t n;
		const char *words;
	} v[] = {{-1, "-"},
		 {0, "0 B"},
		 {1023, "1023 B"},
		 {1024, "1.0 KiB"},
		 {1536, "1.5 KiB"},
		 {102400, "100 KiB"},
		 {1048576, "1.0 MiB"},
		 {INT64_C(5) << 40, "5.0 TiB"},
		 {INT64_C(5000) << 40, "5000 TiB"}};
	char text[PRINT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		assert_string_equal(print_size(v[i].n, text), v[i].words);
}

static void ages(void **state)
{
	static const struct {
		int64_t ms;
		const char *words;
	} v[] = {{-1, "-"},
		 {0, "0 ms"},
		 {999, "999 ms"},
		 {1000, "1 s"},
		 {59999, "59 s"},
		 {60000, "1 min"},
		 {61000, "1 min 1 s"},
		 {3600000, "1 h"},
		 {3661000, "1 h 1 min"},
		 {86400000, "1 d"},
		 {100 * 86400000LL + 3600000, "100 d 1 h"}};
	char text[PRINT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		assert_string_equal(print_age(v[i].ms, text), v[i].words);
}

static void numbers(void **state)
{
	static const struct {
		int64_t n;
		const char *words;
	} v[] = {{-1, "-"},
		 {0, "0"},
		 {999, "999"},
		 {1000, "1,000"},
		 {12345, "12,345"},
		 {123456, "123,456"},
		 {INT64_MAX, "9,223,372,036,854,775,807"}};
	char text[PRINT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		assert_string_equal(print_number(v[i].n, text), v[i].words);
}

static void a_terminal_gets_nothing_to_obey(void **state)
{
	static const char *const v[][2] = {
	    {"", ""},
	    {"ann@example.org/b\xc3\xbcro", "ann@example.org/b\xc3\xbcro"},
	    {"\x1b[2Ja\tb\nc\x7f", "?[2Ja?b?c?"},
	    {"a\xc2\x9b"
	     "2Jb\xc2\x80\xc2\x9f",
	     "a?2Jb??"}, /* CSI in one character */
	    {"\xc2\xa0\xc3\x9b", "\xc2\xa0\xc3\x9b"},
	    {"cut\xc2", "cut\xc2"}};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		char *clean = print_clean(v[i][0]);

		assert_string_equal(clean, v[i][1]);
		free(clean);
	}
}

/* What print_table() prints; the caller's. */
static char *printed(struct print_table *t, const char *indent)
{
	FILE *before = stdout;
	char *text = NULL;
	size_t n;

	stdout = open_memstream(&text, &n);
	print_table(t, indent);
	fclose(stdout);
	stdout = before;
	return text;
}

static void columns_stand_in_line(void **state)
{
	struct print_table t = {.columns = 3, .heads = {"NAME", ">SESSIONS", "WHY"}};
	char *text;

	(void)state;
	print_cell(&t, "b\xc3\xbcro");
	print_cell(&t, "1,234,567");
	print_cell(&t, "");
	print_cell(&t, "a longer name");
	print_cell(&t, "5");
	print_cell(&t, "down\x1b");
	text = printed(&t, "  ");
	assert_string_equal(text, "  NAME            SESSIONS  WHY\n"
				  "  b\xc3\xbcro           1,234,567  -\n"
				  "  a longer name          5  down?\n");
	free(text);
	assert_int_equal(t.n, 0);
	assert_null(t.cells);
}

static void a_table_without_rows_is_its_head(void **state)
{
	struct print_table t = {.columns = 2, .heads = {">A", "B"}};
	char *text = printed(&t, "");

	(void)state;
	assert_string_equal(text, "A  B\n");
	free(text);
}

static void what_was_typed_is_escaped(void **state)
{
	struct buf b = {0};

	(void)state;
	doc_escape(&b, "go \"home\"\\\n\x1f \xc3\xbc");
	buf_addc(&b, '\0');
	assert_string_equal(buf_data(&b), "\"go \\\"home\\\"\\\\\\u000a\\u001f \xc3\xbc\"");
	buf_clear(&b);
	doc_query(&b, "a-Z_0.~/ &=?#%\r\n\xc3\xbc");
	buf_addc(&b, '\0');
	assert_string_equal(buf_data(&b), "a-Z_0.~%2F%20%26%3D%3F%23%25%0D%0A%C3%BC");
	buf_clear(&b);
}

static void what_is_missing_has_a_value(void **state)
{
	char problem[64];
	yajl_val v = yajl_tree_parse("{\"n\": 7, \"t\": \"x\", \"on\": true, \"off\": false, "
				     "\"none\": null, \"list\": [1, 2], \"f\": 1.5}",
				     problem, sizeof(problem));

	(void)state;
	assert_non_null(v);
	assert_int_equal(doc_number(v, "n"), 7);
	assert_int_equal(doc_number(v, "t"), -1);
	assert_int_equal(doc_number(v, "f"), -1);
	assert_int_equal(doc_number(v, "nothing"), -1);
	assert_string_equal(doc_text(v, "t"), "x");
	assert_string_equal(doc_text(v, "n"), "");
	assert_string_equal(doc_text(v, "none"), "");
	assert_true(doc_true(v, "on"));
	assert_false(doc_true(v, "off") || doc_true(v, "n") || doc_true(v, "nothing"));
	assert_int_equal(doc_length(doc_member(v, "list")), 2);
	assert_int_equal(doc_length(doc_member(v, "n")), 0);
	assert_int_equal(doc_length(doc_member(v, "nothing")), 0);
	assert_int_equal(YAJL_GET_INTEGER(doc_item(doc_member(v, "list"), 1)), 2);
	yajl_tree_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(ages),
	    cmocka_unit_test(numbers),
	    cmocka_unit_test(a_terminal_gets_nothing_to_obey),
	    cmocka_unit_test(columns_stand_in_line),
	    cmocka_unit_test(a_table_without_rows_is_its_head),
	    cmocka_unit_test(what_was_typed_is_escaped),
	    cmocka_unit_test(what_is_missing_has_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

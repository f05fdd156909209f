/* What the XML modules share: start tags, scopes, declarations added, escaping, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "proto/xmlcut.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

static void expect(struct buf *b, const char *wanted, const char *what)
{
	if (!slice_is(buf_slice(b), wanted))
		fail_msg("%s\n  gives: %.*s\n  wanted: %s", what, (int)b->len, buf_data(b), wanted);
	buf_clear(b);
}

/* --- start tags --- */

static const struct {
	const char *tag, *read; /* name|attribute=value|... and what is left, or NULL */
} tags[] = {
    {"<a>", "a>"},
    {"<a/>", "a/>"},
    {"<p:a-b.c >", "p:a-b.c>"},
    {"<a b='c'>", "a|b=c>"},
    {"<a b='c' p:d=\"'>/\"/>", "a|b=c|p:d='>//>"},
    {"<a\n\tb\r=\n'c'\n>text", "a|b=c>text"},
    {"<a b=''/><c d='e'/>", "a|b=/><c d='e'/>"},
    {"<a b='&amp;'>", "a|b=&amp;>"},
    {"<a b='c", "ab='c"},
    {"", NULL},
    {"a", NULL},
    {"<", NULL},
    {"<>", NULL},
    {"< a>", NULL},
};

static void a_start_tag_is_walked(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(tags); i++) {
		struct slice name, value;
		struct buf out = {0};
		struct xml_tag t;

		if (!xml_tag_open(&t, slice_str(tags[i].tag))) {
			assert_null(tags[i].read);
			continue;
		}
		assert_non_null(tags[i].read);
		buf_adds(&out, t.name);
		while (xml_tag_next(&t, &name, &value)) {
			buf_addc(&out, '|');
			buf_adds(&out, name);
			buf_addc(&out, '=');
			buf_adds(&out, value);
		}
		buf_adds(&out, t.rest);
		expect(&out, tags[i].read, tags[i].tag);
	}
}

static void a_name_is_split_at_its_colon(void **state)
{
	struct slice prefix, local;

	(void)state;
	xml_split(SLICE("a:b"), &prefix, &local);
	assert_true(slice_is(prefix, "a") && slice_is(local, "b"));
	xml_split(SLICE("b"), &prefix, &local);
	assert_true(prefix.n == 0 && slice_is(local, "b"));
	xml_split(SLICE(""), &prefix, &local);
	assert_true(prefix.n == 0 && local.n == 0);
}

static void a_scope_is_what_a_start_tag_declares(void **state)
{
	const struct slice eight =
	    SLICE("<a xmlns:a='1' xmlns:b='2' xmlns:c='3' xmlns:d='4' xmlns:e='5'"
		  " xmlns:f='6' xmlns:g='7' xmlns:h='8' xmlns:xml='9'>");
	const struct slice nine =
	    SLICE("<a xmlns:a='1' xmlns:b='2' xmlns:c='3' xmlns:d='4' xmlns:e='5'"
		  " xmlns:f='6' xmlns:g='7' xmlns:h='8' xmlns:i='9'>");
	struct xml_scope s;
	size_t n;

	(void)state;
	assert_true(xml_scope_read(&s, SLICE("<a b='c' xmlns=\"d\" xmlns:e='f'/><g/>"), &n));
	assert_int_equal(n, strlen("<a b='c' xmlns=\"d\" xmlns:e='f'/>"));
	assert_true(slice_is(s.xmlns, "d"));
	assert_int_equal(s.n, 1);
	assert_true(slice_is(s.v[0].prefix, "e") && slice_is(s.v[0].uri, "f"));
	assert_true(xml_scope_read(&s, SLICE("<a>"), &n));
	assert_int_equal(n, 3);
	assert_null(s.xmlns.p);
	assert_true(xml_scope_read(&s, eight, NULL));
	assert_int_equal(s.n, 8);
	assert_false(xml_scope_read(&s, nine, NULL));
	assert_false(xml_scope_read(&s, SLICE("<a b='c'"), NULL));
	assert_false(xml_scope_read(&s, SLICE("<a b='c"), NULL));
}

/* --- elements --- */

#define SCOPE "<s xmlns='urn:d' xmlns:p='urn:p' xmlns:q=\"it's\">"

static const struct xml_limits limits = {.bytes = 1000, .depth = 10, .attributes = 10};

static struct xml_element element_of(const char *text, const struct xml_scope *scope)
{
	struct xml_element e;
	struct xmlcut c;
	size_t used;

	xmlcut_init(&c, XMLCUT_CONTENT, &limits);
	assert_int_equal(xmlcut_next(&c, slice_str(text), scope, &e, &used), XMLCUT_ELEMENT);
	return e;
}

static const struct {
	const char *element, *wrapper;
	uint16_t supplied;
	const char *appended;
} appends[] = {
    {"<a/>", NULL, 0, "<a xmlns='urn:d'/>"},
    {"<a b='c'>d</a>", NULL, 0, "<a xmlns='urn:d' b='c'>d</a>"},
    {"<a/>", "urn:w", 0, "<a xmlns='urn:d'/>"},
    {"<a/>", "urn:d", 0, "<a/>"},
    {"<a xmlns='b'/>", NULL, 0, "<a xmlns='b'/>"},
    {"<a xmlns=''/>", NULL, 0, "<a xmlns=''/>"},
    {"<p:a/>", NULL, 0, "<p:a xmlns:p='urn:p'/>"},
    {"<p:a/>", NULL, 1, "<p:a/>"},
    {"<p:a q:b=''/>", NULL, 1, "<p:a xmlns:q=\"it's\" q:b=''/>"},
    {"<p:a q:b=''/>", NULL, 0, "<p:a xmlns:p='urn:p' xmlns:q=\"it's\" q:b=''/>"},
    {"<p:a xmlns:p='r'/>", NULL, 0, "<p:a xmlns:p='r'/>"},
    {"<p:a><b xmlns='c'/></p:a>", NULL, 0, "<p:a xmlns:p='urn:p'><b xmlns='c'/></p:a>"},
    {"<p:a><b/></p:a>", NULL, 0, "<p:a xmlns='urn:d' xmlns:p='urn:p'><b/></p:a>"},
    {"<p:a><b/></p:a>", "urn:d", 1, "<p:a><b/></p:a>"},
    {"<a><b><p:c/></b></a>", "urn:d", 0, "<a xmlns:p='urn:p'><b><p:c/></b></a>"},
};

static void an_element_gets_the_declarations_that_it_lacks(void **state)
{
	struct xml_scope scope;

	(void)state;
	assert_true(xml_scope_read(&scope, SLICE(SCOPE), NULL));
	for (size_t i = 0; i < LENGTH(appends); i++) {
		struct xml_element e = element_of(appends[i].element, &scope);
		struct buf out = {0};

		xml_append(&out, &e, &scope, slice_str(appends[i].wrapper), appends[i].supplied);
		expect(&out, appends[i].appended, appends[i].element);
		xml_append(&out, &e, NULL, SLICE_NONE, 0);
		expect(&out, appends[i].element, appends[i].element);
	}
}

static const struct {
	const char *element, *ns;
} namespaces[] = {
    {"<a/>", "urn:d"},
    {"<a xmlns='x&amp;y'/>", "x&amp;y"},
    {"<a xmlns=''/>", ""},
    {"<p:a xmlns='x'/>", "urn:p"},
    {"<p:a xmlns:pp='1' xmlns:p='2'/>", "2"},
    {"<r:a/>", NULL},
};

static void an_element_is_in_the_namespace_of_its_tag_or_scope(void **state)
{
	struct xml_scope scope;

	(void)state;
	assert_true(xml_scope_read(&scope, SLICE(SCOPE), NULL));
	for (size_t i = 0; i < LENGTH(namespaces); i++) {
		struct xml_element e = element_of(namespaces[i].element, &scope);
		struct slice ns = xml_namespace(&e, &scope);

		assert_true(slice_eq(ns, slice_str(namespaces[i].ns)));
		assert_int_equal(ns.p == NULL, namespaces[i].ns == NULL);
	}
	assert_null(xml_namespace(&(struct xml_element){.name = SLICE("a")}, NULL).p);
}

static void a_raw_value_is_compared_decoded(void **state)
{
	(void)state;
	assert_true(xml_raw_is(SLICE("urn:a"), "urn:a"));
	assert_true(xml_raw_is(SLICE("urn&#58;&#x61;"), "urn:a"));
	assert_true(xml_raw_is(SLICE_NONE, ""));
	assert_false(xml_raw_is(SLICE("urn&#58;b"), "urn:a"));
	assert_false(xml_raw_is(SLICE("urn:a&"), "urn:a"));
}

static void a_stanza_is_told_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(xml_stanza_kind(SLICE("message")), STANZA_MESSAGE);
	assert_int_equal(xml_stanza_kind(SLICE("presence")), STANZA_PRESENCE);
	assert_int_equal(xml_stanza_kind(SLICE("iq")), STANZA_IQ);
	assert_int_equal(xml_stanza_kind(SLICE("messages")), STANZA_NONE);
	assert_int_equal(xml_stanza_kind(SLICE("i")), STANZA_NONE);
}

/* --- text --- */

static const struct {
	const char *raw, *text; /* NULL: wrong */
} escapes[] = {
    {"", ""},
    {"a", "a"},
    {"&amp;&lt;&gt;&quot;&apos;", "&<>\"'"},
    {"a&#97;&#x62;&#x000063;d", "aabcd"},
    {"&#9;&#xA0;&#x20AC;&#x1F600;&#x10FFFF;",
     "\t\xc2\xa0\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"},
    {"&", NULL},
    {"&amp", NULL},
    {"&foo;", NULL},
    {"&#;", NULL},
    {"&#x;", NULL},
    {"&#xG;", NULL},
    {"&#0;", NULL},
    {"&#8;", NULL},
    {"&#xD800;", NULL},
    {"&#xFFFE;", NULL},
    {"&#x110000;", NULL},
    {"&#99999999999999999999;", NULL},
    {"&#x1 0;", NULL},
};

static void text_is_unescaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(escapes); i++) {
		struct buf out = {0};
		bool fine = xml_unescape(&out, slice_str(escapes[i].raw));

		if (fine != (escapes[i].text != NULL))
			fail_msg("%s", escapes[i].raw);
		if (fine)
			expect(&out, escapes[i].text, escapes[i].raw);
		buf_clear(&out);
	}
}

static void text_is_escaped(void **state)
{
	struct buf out = {0};

	(void)state;
	xml_escape(&out, SLICE("<a b='c'>&\"\xc3\xa9"));
	expect(&out, "&lt;a b=&apos;c&apos;&gt;&amp;&quot;\xc3\xa9", "escape");
	xml_escape(&out, SLICE(""));
	expect(&out, "", "nothing");
}

static void any_text_comes_back_from_its_escape(void **state)
{
	unsigned first = (unsigned)time(NULL), seed = first;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct buf escaped = {0}, back = {0};
		char text[16];

		for (size_t k = 0; k < sizeof(text); k++)
			text[k] = "&<>'\"ab;#x1 \xc3\xa9"[(size_t)rand_r(&seed) % 14];
		xml_escape(&escaped, slice_of(text, sizeof(text)));
		if (!xml_unescape(&back, buf_slice(&escaped)) ||
		    !slice_eq(buf_slice(&back), slice_of(text, sizeof(text))))
			fail_msg("seed %u", first);
		buf_clear(&escaped);
		buf_clear(&back);
	}
}

/* --- the XML declaration --- */

static const struct {
	const char *in;
	enum xml_decl decl;
	size_t len;
} declarations[] = {
    {"", XML_DECL_NONE, 0},
    {"<a/>", XML_DECL_NONE, 0},
    {"<?xmlfoo ?>", XML_DECL_NONE, 0},
    {"<?xm", XML_DECL_MORE, 0},
    {"<?xml", XML_DECL_MORE, 0},
    {"<?xml version='1.0'?", XML_DECL_MORE, 0},
    {"<?xml version='1.0'?><a/>", XML_DECL_FINE, 21},
    {"<?xml version=\"1.0\" encoding=\"uTf-8\" standalone='no' ?>", XML_DECL_FINE, 55},
    {"<?xml version='1.0' encoding='UTF-16'?>", XML_DECL_ENCODING, 39},
    {"<?xml encoding='UTF-8'?>", XML_DECL_BAD, 24},
    {"<?xml version='1.0' version='1.0'?>", XML_DECL_BAD, 35},
    {"<?xml version='1'?>", XML_DECL_BAD, 19},
    {"<?xml version='1.0' x?>", XML_DECL_BAD, 23},
    {"<?xml ?>", XML_DECL_BAD, 8},
    {"<?xml >", XML_DECL_BAD, 0},
};

static void an_xml_declaration_is_read(void **state)
{
	char endless[300] = "<?xml ";
	size_t len;

	(void)state;
	for (size_t i = 0; i < LENGTH(declarations); i++) {
		if (xml_declaration(slice_str(declarations[i].in), &len) != declarations[i].decl ||
		    len != declarations[i].len)
			fail_msg("%s: %zu", declarations[i].in, len);
	}
	memset(endless + 6, ' ', sizeof(endless) - 6);
	assert_int_equal(xml_declaration(slice_of(endless, 255), &len), XML_DECL_MORE);
	assert_int_equal(xml_declaration(slice_of(endless, 256), &len), XML_DECL_BAD);
}

/* --- UTF-8 --- */

static const char *const utf8[] = {
    "",
    "a",
    "01234567",
    "0123456789abcdef\x7f",
    "\xc2\x80\xdf\xbf",
    "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
    "1234567\xc3\xa9",
};

static const char *const not_utf8[] = {
    "\x80",
    "\xc0\xaf", /* overlong */
    "\xc1\xbf",
    "\xe0\x9f\xbf",
    "\xf0\x8f\xbf\xbf",
    "\xed\xa0\x80",	/* a surrogate */
    "\xf4\x90\x80\x80", /* above U+10FFFF */
    "\xf5\x80\x80\x80",
    "\xff",
    "\xc3", /* cut short */
    "\xe2\x82",
    "\xf0\x9f\x98",
    "\xc3\x28",
    "\xe2\x28\xa1",
    "\xe2\x82\x28",
    "\xf0\x9f\x98\x28",
    "01234567012345\xc3",
};

static void utf8_is_told_from_what_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(utf8); i++) {
		struct buf b = buf_copy(slice_str(utf8[i]));

		assert_true(xml_utf8(buf_slice(&b)));
		buf_clear(&b);
	}
	for (size_t i = 0; i < LENGTH(not_utf8); i++) {
		struct buf b = buf_copy(slice_str(not_utf8[i]));

		if (xml_utf8(buf_slice(&b)))
			fail_msg("row %zu", i);
		buf_clear(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_start_tag_is_walked),
	    cmocka_unit_test(a_name_is_split_at_its_colon),
	    cmocka_unit_test(a_scope_is_what_a_start_tag_declares),
	    cmocka_unit_test(an_element_gets_the_declarations_that_it_lacks),
	    cmocka_unit_test(an_element_is_in_the_namespace_of_its_tag_or_scope),
	    cmocka_unit_test(a_raw_value_is_compared_decoded),
	    cmocka_unit_test(a_stanza_is_told_by_its_name),
	    cmocka_unit_test(text_is_unescaped),
	    cmocka_unit_test(text_is_escaped),
	    cmocka_unit_test(any_text_comes_back_from_its_escape),
	    cmocka_unit_test(an_xml_declaration_is_read),
	    cmocka_unit_test(utf8_is_told_from_what_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Children seen one level in: which is found, what stands between them, and what cannot be cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/xmlpeek.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

static const struct xml_scope stream = {
    .xmlns = {NS_CLIENT, sizeof(NS_CLIENT) - 1},
    .n = 1,
    .v = {{.prefix = {"s", 1}, .uri = {"urn:s", 5}}},
};

static const struct {
	const char *element, *name, *ns, *child;
} good[] = {
    {"<iq><bind xmlns='urn:b'><jid>a</jid></bind></iq>", "bind", "urn:b",
     "<bind xmlns='urn:b'><jid>a</jid></bind>"},
    {"<iq>\n <x/><bind xmlns='urn:b'/></iq>", "bind", "urn:b", "<bind xmlns='urn:b'/>"},
    {"<iq><bind/><bind xmlns='urn:b'/></iq>", "bind", "urn:b", "<bind xmlns='urn:b'/>"},
    {"<iq xmlns='urn:b'><bind/></iq>", "bind", "urn:b", "<bind/>"},
    {"<iq xmlns:p='urn:b'><p:bind/></iq>", "bind", "urn:b", "<p:bind/>"},
    {"<iq><x/></iq>", "x", NS_CLIENT, "<x/>"},
    {"<iq><s:x/></iq>", "x", "urn:s", "<s:x/>"},
    {"<iq><x xmlns='urn:&#98;'/></iq>", "x", "urn:b", "<x xmlns='urn:&#98;'/>"},
};

static const struct {
	const char *element, *name, *ns;
} bad[] = {
    {"<iq/>", "bind", "urn:b"},
    {"<iq></iq>", "bind", "urn:b"},
    {"<iq>text</iq>", "bind", "urn:b"},
    {"<iq><a><bind xmlns='urn:b'/></a></iq>", "bind", "urn:b"},
    {"<iq><bind xmlns='urn:c'/></iq>", "bind", "urn:b"},
    {"<iq><binds xmlns='urn:b'/></iq>", "bind", "urn:b"},
    {"<iq><bind xmlns=''/></iq>", "bind", NS_CLIENT},
    {"<iq>text<bind xmlns='urn:b'/></iq>", "bind", "urn:b"},
};

static void the_first_child_of_a_name_and_namespace_is_found(void **state)
{
	struct xml_element child;

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++)
		if (!xml_peek_find(slice_str(good[i].element), &stream, good[i].name, good[i].ns,
				   &child) ||
		    !slice_is(child.bytes, good[i].child))
			fail_msg("%s", good[i].element);
}

static void what_is_not_there_is_not_found(void **state)
{
	struct xml_element child;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++)
		if (xml_peek_find(slice_str(bad[i].element), &stream, bad[i].name, bad[i].ns,
				  &child))
			fail_msg("%s", bad[i].element);
}

static void all_children_and_what_stands_between_make_the_inside(void **state)
{
	static const char text[] = "<a b='>'> <c>x</c>\n<d/> </a>";
	struct xml_element child;
	struct slice before;
	struct xml_peek p;

	(void)state;
	assert_true(xml_peek_open(&p, slice_str(text)));
	assert_int_equal(p.start, 9);
	assert_true(xml_peek_next(&p, &child, &before));
	assert_true(slice_is(before, " ") && slice_is(child.bytes, "<c>x</c>"));
	assert_true(xml_peek_next(&p, &child, &before));
	assert_true(slice_is(before, "\n") && slice_is(child.bytes, "<d/>"));
	assert_false(xml_peek_next(&p, &child, &before));
	assert_true(slice_is(before, " "));
	assert_true(slice_is(slice_of(text + p.end, sizeof(text) - 1 - p.end), "</a>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_child_of_a_name_and_namespace_is_found),
	    cmocka_unit_test(what_is_not_there_is_not_found),
	    cmocka_unit_test(all_children_and_what_stands_between_make_the_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

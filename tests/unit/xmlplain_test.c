/* The short way past the judge: what it takes, the judge's long way takes too, and tells alike.
 * What it leaves is not wrong, so the rows of left[] are of both kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "proto/xmlplain.h"

static const struct xml_limits limits = {.bytes = 2000, .depth = 6, .attributes = 5};

static const char *const taken[] = {
    "<a/>",
    "<a ></a >",
    "<a b='' xmlns=''/>",
    "<a b='1' c=\"it's\" xml:lang = 'en'>\r\n\t</a>",
    "<message xmlns='jabber:client' to='a@b/c'><body>x &amp; &lt;y&gt; &quot;&apos; é "
    "🎣</body></message>",
    "<body rid='1' sid='a' xmlns='http://jabber.org/protocol/httpbind'><iq "
    "xmlns='jabber:client'/></body>",
    "<xml><xmlns a='xmlns'/></xml>",
    "<a><b><c><d><e><f/></e></d></c></b></a>",
};

static const char *const left[] = {
    "",
    "a",
    "<a>",
    "<a/><b/>",
    "<a/>x",
    "<a></b>",
    "<a></a",
    "<a b/>",
    "<a b=c/>",
    "<a b='1'c='2'/>",
    "<a b='1' b='2'/>",
    "<a xmlns='x' xmlns='x'/>",
    "<a b='<'/>",
    "<a b='&amp;'/>",
    "<a b='\t'/>",
    "<a b='1",
    "<a>&nbsp;</a>",
    "<a>&#65;</a>",
    "<a>&amp</a>",
    "<a>]]></a>",
    "<a>]</a>",
    "<a>\x01</a>",
    "<a>\xef\xbf\xbf</a>",
    "<a:b/>",
    "<a b:c='1'/>",
    "<a xmlns:b='c'/>",
    "<a xml:space='preserve'/>",
    "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
    "<a><![CDATA[x]]></a>",
    "<a><!-- x --></a>",
    "<a><?x y?></a>",
    "<!DOCTYPE a><a/>",
    "<é/>",
    "<1/>",
    "< a/>",
    "<a / >",
    "<a b='1' c='2' d='3' e='4' f='5' g='6'/>",
    "<a><b><c><d><e><f><g/></f></e></d></c></b></a>",
};

static bool take(const char *text, struct xmljudge_root *root)
{
	static struct xmljudge_attribute v[XMLPLAIN_ATTRIBUTES];

	return xmlplain_read(slice_str(text), &limits, root, v);
}

static void must_agree(struct xmljudge *j, const char *text, const struct xmljudge_root *plain)
{
	struct xmljudge_root root;

	assert_int_equal(xmljudge_thorough(j, slice_str(text), &root), REASON_NONE);
	assert_true(slice_eq(root.name, plain->name));
	assert_true(slice_eq(root.ns, plain->ns));
	assert_int_equal(root.n, plain->n);
	for (uint16_t i = 0; i < root.n; i++) {
		assert_true(slice_eq(root.attributes[i].ns, plain->attributes[i].ns));
		assert_true(slice_eq(root.attributes[i].name, plain->attributes[i].name));
		assert_true(slice_eq(root.attributes[i].value, plain->attributes[i].value));
	}
}

static void plain_documents_are_told_as_libxml2_tells_them(void **state)
{
	struct xmljudge *j = xmljudge_new(&limits);
	struct xmljudge_root root;

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (!take(taken[i], &root))
			fail_msg("not taken: %s", taken[i]);
		must_agree(j, taken[i], &root);
	}
	xmljudge_free(j);
}

static void all_else_is_left_to_libxml2(void **state)
{
	struct xmljudge_root root;

	(void)state;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (take(left[i], &root))
			fail_msg("taken: %s", left[i]);
}

static void every_beginning_is_left(void **state)
{
	struct xmljudge_root root;
	struct xmljudge_attribute v[XMLPLAIN_ATTRIBUTES];

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		for (size_t n = 0; n < strlen(taken[i]); n++) {
			/* a copy of that size, so that a sanitizer sees a byte too many read */
			char *text = malloc(n + !n);

			memcpy(text, taken[i], n);
			assert_false(xmlplain_read(slice_of(text, n), &limits, &root, v));
			free(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_documents_are_told_as_libxml2_tells_them),
	    cmocka_unit_test(all_else_is_left_to_libxml2),
	    cmocka_unit_test(every_beginning_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

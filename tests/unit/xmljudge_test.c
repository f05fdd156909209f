/* The judge: what it lets pass, what it refuses and as what, and that nothing of one document is
 * left for the next. Documents come whole; so each is followed by a good one on the same judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/xmljudge.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

static const struct xml_limits limits = {.bytes = 500, .depth = 4, .attributes = 5};

static struct buf document; /* the root borrows it */
static struct xmljudge *judge;

static int set_up(void **state)
{
	(void)state;
	judge = xmljudge_new(&limits);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	xmljudge_free(judge);
	buf_clear(&document);
	return 0;
}

/* A copy of the size of the text, so that a look beyond it is seen; gone before the root is read.
 */
static enum reason read(struct slice text, struct xmljudge_root *root)
{
	buf_clear(&document);
	document = buf_copy(text);
	return xmljudge_document(judge, buf_slice(&document), root);
}

static void add_name(struct buf *out, struct slice ns, struct slice name)
{
	if (ns.n)
		buf_addf(out, "{%.*s}", (int)ns.n, ns.p);
	buf_adds(out, name);
}

/* {namespace}name {namespace}attribute=value ... [unbound] */
static void describe(struct buf *out, const struct xmljudge_root *root)
{
	add_name(out, root->ns, root->name);
	for (int i = 0; i < root->n; i++) {
		buf_addc(out, ' ');
		add_name(out, root->attributes[i].ns, root->attributes[i].name);
		buf_addc(out, '=');
		buf_adds(out, root->attributes[i].value);
	}
	for (int i = 0; i < root->unbound; i++)
		buf_addz(out, " unbound");
}

static const struct {
	const char *document, *root;
} good[] = {
    {"<a/>", "a"},
    {"<a></a>", "a"},
    {" \r\n\t<a/>\n ", "a"},
    {"<?xml version='1.0'?><a/>", "a"},
    {"<?xml version='1.0' encoding='utf-8'?>\n<a/>", "a"},
    {"<a xmlns='urn:x'/>", "{urn:x}a"},
    {"<p:a xmlns:p='urn:x'/>", "{urn:x}a"},
    {"<p:a xmlns:p='u&#114;n:x'/>", "{urn:x}a"},
    {"<a b='' c=\"d\"/>", "a b= c=d"},
    {"<a b='&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;'/>", "a b=<&>\"'A\xf0\x9f\x98\x80"},
    {"<a b='\xc3\xa9\t\n x'/>", "a b=\xc3\xa9   x"},
    {"<a xml:lang='de' p:b='c' b='d' xmlns:p='urn:p'/>",
     "a {http://www.w3.org/XML/1998/namespace}lang=de {urn:p}b=c b=d"},
    {"<a xmlns='no proper URI'/>", "{no proper URI}a"},
    {"<a xmlns='rel'><b xmlns=''/></a>", "{rel}a"},
    {"<a><b><c><d/></c></b>text &amp; <![CDATA[</a>]]></a>", "a"},
    {"<a b='1' c='2' d='3' e='4' f='5'/>", "a b=1 c=2 d=3 e=4 f=5"},
    {"<a xmpp:restart='true' b='c'/>", "a {urn:xmpp:xbosh}restart=true b=c unbound"},
    {"<a xmlns:xmpp='urn:x' xmpp:restart='true'/>", "a {urn:x}restart=true"},
    {"<a>\xf0\x9f\x98\x80\xef\xbf\xbd</a>", "a"},
    {"<\xc3\xa9 \xc3\xa9='\xc3\xa9'/>", "\xc3\xa9 \xc3\xa9=\xc3\xa9"},
};

static void what_is_good_passes_with_its_root_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		struct xmljudge_root root;
		enum reason r = read(slice_str(good[i].document), &root);
		struct buf out = {0};

		if (r != REASON_NONE)
			fail_msg("%s: %s", good[i].document, reason_label(r));
		describe(&out, &root);
		if (!slice_is(buf_slice(&out), good[i].root))
			fail_msg("%s\n  gives: %.*s", good[i].document, (int)out.len,
				 buf_data(&out));
		buf_clear(&out);
	}
}

#define NWF REASON_NOT_WELL_FORMED
#define XML REASON_RESTRICTED_XML
#define ENC REASON_BAD_UTF8
#define BIG REASON_TOO_BIG

#define LAUGHS                                                                                   \
	"<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;'>]>" \
	"<a>&d;</a>"
#define HUNDRED                                              \
	"01234567890123456789012345678901234567890123456789" \
	"01234567890123456789012345678901234567890123456789"

static const struct {
	const char *document;
	enum reason reason;
} bad[] = {
    {"", NWF},
    {" ", NWF},
    {"x", NWF},
    {"<a>", NWF},
    {"<a", NWF},
    {"</a>", NWF},
    {"<a></b>", NWF},
    {"<a><b></a></b>", NWF},
    {"<a><b></c></a>", NWF},
    {"<a/><b/>", NWF},
    {"<a/>x", NWF},
    {"x<a/>", NWF},
    {"<a/>&#32;", NWF},
    {"<a b/>", NWF},
    {"<a b=c/>", NWF},
    {"<a b='c' b='d'/>", NWF},
    {"<a b='<'/>", NWF},
    {"<a>& </a>", NWF},
    {"<a>]]></a>", NWF},
    {"<a>&#0;</a>", NWF},
    {"<a>&#xFFFF;</a>", NWF},
    {"<a>\x01</a>", NWF},
    {"<a>\xef\xbf\xbf</a>", NWF},
    {"<a b='\x1f'/>", NWF},
    {"<\xc3\x97/>", NWF},
    {"<?xml version='1.0'?>", NWF},
    {"<?xml version='2.0'?><a/>", NWF},
    {"<?xml version='1.0'", NWF},
    {"\xef\xbb\xbf<a/>", NWF},
    /* namespaces */
    {"<p:a/>", NWF},
    {"<a p:b=''/>", NWF},
    {"<a><p:b/></a>", NWF},
    {"<a><b xmlns:p='x'/><p:c/></a>", NWF},
    {"<a><b xmpp:restart='true'/></a>", NWF},
    {"<xmpp:a/>", NWF},
    {"<a xmpp:b='' p:c=''/>", NWF},
    {"<a xmlns:p=''/>", NWF},
    {"<a xmlns:p='x' xmlns:q='x' p:b='' q:b=''/>", NWF},
    {"<a:b:c xmlns:a='x'/>", NWF},
    {"<:a/>", NWF},
    {"<a xmlns:xml='x'/>", NWF},
    {"<a xmlns:xmlns='x'/>", NWF},
    {"<a xmlns='http://www.w3.org/2000/xmlns/'/>", NWF},
    /* restricted */
    {"<!DOCTYPE a><a/>", XML},
    {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", XML},
    {LAUGHS, XML},
    {"<a>&b;</a>", XML},
    {"<a b='&c;'/>", XML},
    {"<!-- --><a/>", XML},
    {"<a><!-- --></a>", XML},
    {"<a/><!-- -->", XML},
    {"<?a?><a/>", XML},
    {"<a><?b?></a>", XML},
    {"<a/><?b?>", XML},
    {"<a/> <?xml version='1.0'?>", XML},
    {" <?xml version='1.0'?><a/>", XML},
    {"<?xml version='1.0'?><?xml version='1.0'?><a/>", XML},
    {"<a><!ELEMENT b></a>", XML},
    /* encodings */
    {"<?xml version='1.0' encoding='iso-8859-1'?><a/>", ENC},
    {"<?xml version='1.0' encoding='UTF-16'?><a/>", ENC},
    {"<a>\xe9</a>", ENC},
    {"<a>\xc0\xbc/a><b></a>", ENC},
    {"<a>\xe0\x80\xbc/a></a>", ENC},
    {"<a>\xed\xa0\x80</a>", ENC},
    {"\xff\xfe<", ENC},
    /* limits */
    {"<a><b><c><d><e/></d></c></b></a>", BIG},
    {"<a b='1' c='2' d='3' e='4' f='5' g='6'/>", BIG},
    {"<a><b b='1' c='2' d='3' e='4' f='5' g='6'/></a>", BIG},
    {"<a>" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED "</a>", BIG},
};

static void what_is_bad_is_refused_and_leaves_nothing_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct xmljudge_root root;
		enum reason r = read(slice_str(bad[i].document), &root);

		if (r != bad[i].reason)
			fail_msg("%s: %s", bad[i].document, reason_label(r));
		if (read(SLICE("<a xmlns='b' c='d'/>"), &root) != REASON_NONE)
			fail_msg("a good one after %s", bad[i].document);
		assert_int_equal(root.n, 1);
	}
}

static void a_nul_is_refused_wherever_it_stands(void **state)
{
	const char text[] = "<a b='cd'>ef</a>";
	struct xmljudge_root root;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		assert_int_equal(read(slice_of(copy, sizeof(copy)), &root), NWF);
	}
	assert_int_equal(read(SLICE("<\0a\0/\0>\0"), &root), NWF);
	assert_int_equal(read(SLICE("\0<\0a\0/\0>"), &root), NWF);
}

static void every_prefix_of_a_document_is_refused(void **state)
{
	const struct slice text = SLICE("<?xml version='1.0'?><p:a xmlns:p='b' c='&lt;'>d&amp;<e/>"
					"<![CDATA[f]]>\xc3\xa9</p:a>");
	struct xmljudge_root root;

	(void)state;
	assert_int_equal(read(text, &root), REASON_NONE);
	for (size_t n = 0; n < text.n; n++)
		assert_int_not_equal(read(slice_of(text.p, n), &root), REASON_NONE);
}

/* Distinct names are kept for the life of a parser context; the judge must not keep them for its.
 */
static void names_without_end_are_no_harm(void **state)
{
	struct xmljudge_root root;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct buf b = {0};

		buf_addf(&b, "<a%d_%0200d xmlns='urn:%d' b%d='c'/>", i, i, i, i);
		assert_int_equal(read(buf_slice(&b), &root), REASON_NONE);
		buf_clear(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_good_passes_with_its_root_decoded),
	    cmocka_unit_test(what_is_bad_is_refused_and_leaves_nothing_behind),
	    cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
	    cmocka_unit_test(every_prefix_of_a_document_is_refused),
	    cmocka_unit_test(names_without_end_are_no_harm),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

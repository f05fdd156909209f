/* The cutter: what it cuts and what it refuses, the same however the bytes arrive. A stream is
 * written down as a transcript: H, E or X (header, element, end tag) with what was found, then the
 * outcome. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "proto/xmlcut.h"

static const struct xml_limits limits = {.bytes = 400, .depth = 4, .attributes = 5};

#define STREAM "http://etherx.jabber.org/streams"
#define ZEROS "0000000000000000000000000000000000000000000000000000000" /* 55 */
#define HEADER "<stream:stream xmlns='jabber:client' xmlns:stream='" STREAM "' xmlns:q='urn:q'>"
#define HEADED "H stream:stream/jabber:client "

static struct xml_scope scope_of_header(void)
{
	struct xml_scope s;

	assert_true(xml_scope_read(&s, SLICE(HEADER), NULL));
	return s;
}

/* E name[/xmlns][ +prefixes][ inherits] */
static void note(struct buf *out, char what, const struct xml_element *e)
{
	buf_addf(out, "%c %.*s", what, (int)e->name.n, e->name.p);
	if (e->xmlns.p)
		buf_addf(out, "/%.*s", (int)e->xmlns.n, e->xmlns.p);
	if (e->prefixes)
		buf_addf(out, " +%x", e->prefixes);
	if (e->inherits)
		buf_addz(out, " inherits");
	buf_addc(out, ' ');
	if (what == 'E') {
		assert_int_equal(e->insert, e->name.n + 1);
		assert_ptr_equal(e->name.p, e->bytes.p + 1);
		assert_int_equal(e->bytes.p[0], '<');
		assert_int_equal(e->bytes.p[e->bytes.n - 1], '>');
	}
}

static const char *outcome(enum xmlcut_result r)
{
	return r == XMLCUT_MORE		? "more"
	       : r == XMLCUT_MALFORMED	? "malformed"
	       : r == XMLCUT_RESTRICTED ? "restricted"
					: "too big";
}

/* Feeds `in`, each time `step` more bytes (0: a random number of them). A copy of just the bytes
 * that have arrived is what the cutter sees, so that a look beyond them is seen too. */
static void cut(struct buf *out, enum xmlcut_mode mode, struct slice in, size_t step,
		unsigned *seed)
{
	struct xml_scope scope = scope_of_header();
	size_t have = 0, from = 0, used;
	enum xmlcut_result r = XMLCUT_MORE;
	struct xml_element e;
	struct xmlcut c;

	xmlcut_init(&c, mode, &limits);
	while (r < XMLCUT_MALFORMED) {
		struct buf seen = buf_copy(slice_of(in.p + from, have - from));

		r = xmlcut_next(&c, buf_slice(&seen), &scope, &e, &used);
		assert_true(used <= have - from);
		from += used;
		if (r == XMLCUT_HEADER || r == XMLCUT_ELEMENT)
			note(out, r == XMLCUT_HEADER ? 'H' : 'E', &e);
		else if (r == XMLCUT_END)
			buf_addz(out, "X ");
		buf_clear(&seen);
		if (r != XMLCUT_MORE)
			continue;
		if (have == in.n)
			break;
		have += step ? step : 1 + (size_t)rand_r(seed) % 20;
		have = have > in.n ? in.n : have;
	}
	buf_addf(out, "%s", outcome(r));
	if (r == XMLCUT_MORE)
		buf_addf(out, " %u", (unsigned)(in.n - from));
	buf_addc(out, '\0');
}

struct row {
	enum xmlcut_mode mode;
	const char *in, *transcript;
};

static void check(const struct row *row)
{
	unsigned first = (unsigned)time(NULL), seed = first;

	for (int i = 0; i < 22; i++) {
		size_t step = i == 0 ? 10000 : i == 1 ? 1 : 0;
		struct buf out = {0};

		cut(&out, row->mode, slice_str(row->in), step, &seed);
		if (strcmp(buf_data(&out), row->transcript) != 0)
			fail_msg("%s\n  gives: %s\n  wanted: %s (step %zu, seed %u)", row->in,
				 buf_data(&out), row->transcript, step, first);
		buf_clear(&out);
	}
}

#define S XMLCUT_STREAM
#define C XMLCUT_CONTENT

static const struct row good[] = {
    /* streams */
    {S, "", "more 0"},
    {S, HEADER, HEADED "more 0"},
    {S, " \n" HEADER, HEADED "more 0"},
    {S, "<?xml version='1.0'?>" HEADER, HEADED "more 0"},
    {S, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n" HEADER, HEADED "more 0"},
    {S, "<?xml version='1.1' encoding='UTF-8' standalone='yes' ?>" HEADER, HEADED "more 0"},
    {S, HEADER "</stream:stream>", HEADED "X more 0"},
    {S, HEADER "<a/> </stream:stream > \n", HEADED "E a inherits X more 0"},
    {S, "<stream xmlns='" STREAM "'><a/></stream>", "H stream/" STREAM " E a inherits X more 0"},
    {S, "<x:stream a='&lt;>'>", "H x:stream more 0"},
    /* what is whole and what is not */
    {C, "<a/><b></b>\n<c>x</c> ", "E a inherits E b inherits E c inherits more 0"},
    {C, "  <a", "more 2"},
    {C, "<a><b/></a", "more 10"},
    {C, "<a", "more 2"},
    {C, "<", "more 1"},
    {C, " \t\r\n", "more 0"},
    {C, "<a.b-c_d\xc3\xa9 \n\t/>", "E a.b-c_d\xc3\xa9 inherits more 0"},
    {C, "<a ></a >", "E a inherits more 0"},
    {C, "<stream/>", "E stream inherits more 0"},
    {C, "<a><a><a/></a></a><b/>", "E a inherits E b inherits more 0"},
    /* attributes */
    {C, "<a b='>' c=\"/>\" d='\"'/><e/>", "E a inherits E e inherits more 0"},
    {C, "<a b = '' c\n=\n\"'\"\n/>", "E a inherits more 0"},
    {C, "<a b='1' c='2' d='3' e='4' f='5'/>", "E a inherits more 0"},
    {C, "<a b='&amp;&lt;&gt;&quot;&apos;&#32;&#x20;'/>", "E a inherits more 0"},
    {C, "<a b='a value that is longer than one stride: 0123456789 >>> 0123456789'/>",
     "E a inherits more 0"},
    /* text */
    {C, "<a>> ' \" ]] /> =</a>", "E a inherits more 0"},
    {C, "<a>&amp;&#x10FFFF;&#0000000000000000000065;&apos;</a>", "E a inherits more 0"},
    {C, "<a>&#" ZEROS "065;</a>", "E a inherits more 0"},
    {C, "<a>text that is longer than one stride, and with an &amp; quite far behind</a>",
     "E a inherits more 0"},
    {C, "<a><![CDATA[</a>]]><b/></a>", "E a inherits more 0"},
    {C, "<a><![CDATA[]]></a>", "E a inherits more 0"},
    {C, "<a><![CDATA[>]>]]]]]></a>", "E a inherits more 0"},
    {C, "<a><![CDATA[&foo; <!-- <?x?> ]]></a>", "E a inherits more 0"},
    /* namespaces */
    {C, "<a xmlns='b'/>", "E a/b more 0"},
    {C, "<a x='1' xmlns=\"\"/>", "E a/ more 0"},
    {C, "<a xmlns='&amp;'><b/></a>", "E a/&amp; more 0"},
    {C, "<a><b xmlns='c'/></a>", "E a inherits more 0"},
    {C, "<p:a/>", "E p:a more 0"},
    {C, "<p:a><b xmlns='c'><d/></b></p:a>", "E p:a more 0"},
    {C, "<p:a><b xmlns='c'/><d/></p:a>", "E p:a inherits more 0"},
    {C, "<p:a xmlns='c'><d/></p:a>", "E p:a/c more 0"},
    {C, "<p:a xmlns='c'/><b/>", "E p:a/c E b inherits more 0"},
    /* prefixes of the scope: stream is 1, q is 2 */
    {C, "<stream:a/>", "E stream:a +1 more 0"},
    {C, "<a><b stream:c=''/></a>", "E a +1 inherits more 0"},
    {C, "<a><q:b/><stream:c/></a>", "E a +3 inherits more 0"},
    {C, "<q:a xmlns:q='r'/>", "E q:a more 0"},
    {C, "<q:a xmlns:q='r'/><q:a/>", "E q:a E q:a +2 more 0"},
    {C, "<a><q:b xmlns:q='r'/></a>", "E a +2 inherits more 0"},
    {C, "<a b='q:c'>stream:d</a>", "E a inherits more 0"},
    {C, "<a xml:lang='x' qq:b='' xq:c=''/>", "E a inherits more 0"},
};

static const struct row bad[] = {
    /* not the shape of a stream */
    {S, "x", "malformed"},
    {S, "<a/>", "malformed"},
    {S, "<message>", "malformed"},
    {S, "<stream:stream/>", "malformed"},
    {S, "</stream:stream>", "malformed"},
    {S, HEADER HEADER, HEADED "malformed"},
    {S, HEADER "<stream:stream/>", HEADED "malformed"},
    {S, HEADER "<stream/>", HEADED "malformed"},
    {S, HEADER "</a>", HEADED "malformed"},
    {S, HEADER "</stream:strea>", HEADED "malformed"},
    {S, HEADER "x", HEADED "malformed"},
    {S, HEADER "&amp;", HEADED "malformed"},
    {S, HEADER "</stream:stream><a/>", HEADED "X malformed"},
    {S, "<?xml version='2.0'?>", "malformed"},
    {S, "<?xml encoding='UTF-8'?>", "malformed"},
    {S, "<?xml version='1.0' encoding='latin1'?>", "malformed"},
    {S, "<?xml version='1.0' foo='x'?>", "malformed"},
    {S, "<?xml version='1.0'>", "malformed"},
    {S, "<?xml version='1.0'?><?xml version='1.0'?>", "restricted"},
    {S, HEADER "<?xml version='1.0'?>", HEADED "restricted"},
    {C, "<?xml version='1.0'?>", "restricted"},
    {S, "<?xmlx?>", "restricted"},
    {S, "<!DOCTYPE stream:stream>", "restricted"},
    /* restricted */
    {C, "<!-- x -->", "restricted"},
    {C, "<a/><!DOCTYPE a>", "E a inherits restricted"},
    {C, "<![CDATA[x]]>", "restricted"},
    {C, "<a><!-- x --></a>", "restricted"},
    {C, "<a><!ENTITY x 'y'></a>", "restricted"},
    {C, "<a><![INCLUDE[x]]></a>", "restricted"},
    {C, "<a><?x?></a>", "restricted"},
    {C, "<a>&foo;</a>", "restricted"},
    {C, "<a b='&foo;'/>", "restricted"},
    {C, "<a>&ampx;</a>", "restricted"},
    {C, "<a>&LT;</a>", "restricted"},
    /* malformed */
    {C, "x<a/>", "malformed"},
    {C, "<a/>x", "E a inherits malformed"},
    {C, "\xef\xbb\xbf<a/>", "malformed"},
    {C, "</a>", "malformed"},
    {C, "<>", "malformed"},
    {C, "< a/>", "malformed"},
    {C, "<1/>", "malformed"},
    {C, "<a<b/>", "malformed"},
    {C, "<a b/>", "malformed"},
    {C, "<a b=c/>", "malformed"},
    {C, "<a b='c'd='e'/>", "malformed"},
    {C, "<a b='<'/>", "malformed"},
    {C, "<a ='b'/>", "malformed"},
    {C, "<a / >", "malformed"},
    {C, "<a xmlns='b' xmlns='c'/>", "malformed"},
    {C, "<a></b>", "malformed"},
    {C, "<a><b></a></b>", "malformed"},
    {C, "<a></a b>", "malformed"},
    {C, "<a></>", "malformed"},
    {C, "<a><b></></a>", "malformed"},
    {C, "<a>& </a>", "malformed"},
    {C, "<a>&;</a>", "malformed"},
    {C, "<a>&#;</a>", "malformed"},
    {C, "<a>&#" ZEROS ZEROS, "malformed"}, /* read again from its start with each byte */
    {C, "<a b='&#x" ZEROS ZEROS, "malformed"},
    {C, "<a>&#x;</a>", "malformed"},
    {C, "<a>&#0;</a>", "malformed"},
    {C, "<a>&#xFFFF;</a>", "malformed"},
    {C, "<a>&#xD800;</a>", "malformed"},
    {C, "<a>&#x110000;</a>", "malformed"},
    {C, "<a>&#12a;</a>", "malformed"},
    /* over a limit */
    {C, "<a><a><a><a/></a></a></a><a><a><a><a><a/>", "E a inherits too big"},
    {C, "<a b='1' c='2' d='3' e='4' f='5' g='6'/>", "too big"},
};

static void good_input_is_cut_the_same_however_it_arrives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check(&good[i]);
}

static void bad_input_is_refused_the_same_however_it_arrives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(&bad[i]);
}

static void an_element_may_have_just_the_bytes_allowed(void **state)
{
	char in[402];

	(void)state;
	memset(in, 'x', sizeof(in));
	in[401] = '\0';
	memcpy(in, "<a>", 3);
	memcpy(in + 396, "</a>", 5);
	check(&(struct row){C, in, "E a inherits more 0"});
	memset(in + 396, 'x', 5);
	in[400] = '\0';
	check(&(struct row){C, in, "more 400"});
	in[400] = 'x';
	check(&(struct row){C, in, "too big"});
	memcpy(in + 397, "</a>", 5);
	check(&(struct row){C, in, "too big"});
}

static void after_a_failure_it_stays_with_it(void **state)
{
	struct xml_element e;
	struct xmlcut c;
	size_t used;

	(void)state;
	xmlcut_init(&c, S, &limits);
	assert_int_equal(xmlcut_next(&c, SLICE("<!x"), NULL, &e, &used), XMLCUT_RESTRICTED);
	xmlcut_restart(&c);
	assert_int_equal(xmlcut_next(&c, SLICE(HEADER), NULL, &e, &used), XMLCUT_RESTRICTED);
	assert_int_equal(used, 0);
}

static void after_a_restart_it_wants_one_new_header(void **state)
{
	const struct slice in = SLICE("\n<?xml version='1.0'?> " HEADER "<a/>");
	struct xml_element e;
	struct xmlcut c;
	size_t used, n;

	(void)state;
	xmlcut_init(&c, S, &limits);
	assert_int_equal(xmlcut_next(&c, SLICE(HEADER), NULL, &e, &used), XMLCUT_HEADER);
	assert_int_equal(xmlcut_next(&c, SLICE("<a/>"), NULL, &e, &used), XMLCUT_ELEMENT);
	xmlcut_restart(&c);
	assert_int_equal(xmlcut_next(&c, in, NULL, &e, &n), XMLCUT_HEADER);
	assert_true(slice_eq(e.bytes, SLICE(HEADER)));
	assert_int_equal(xmlcut_next(&c, slice_of(in.p + n, in.n - n), NULL, &e, &used),
			 XMLCUT_ELEMENT);
	xmlcut_restart(&c);
	assert_int_equal(xmlcut_next(&c, SLICE("<a/>"), NULL, &e, &used), XMLCUT_MALFORMED);
}

static void its_state_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct xmlcut) <= 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_input_is_cut_the_same_however_it_arrives),
	    cmocka_unit_test(bad_input_is_refused_the_same_however_it_arrives),
	    cmocka_unit_test(an_element_may_have_just_the_bytes_allowed),
	    cmocka_unit_test(after_a_failure_it_stays_with_it),
	    cmocka_unit_test(after_a_restart_it_wants_one_new_header),
	    cmocka_unit_test(its_state_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

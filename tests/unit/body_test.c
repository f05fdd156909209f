/* <body/> from clients: attributes decoded, payload made ready for the backend, the rest refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/body.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))
#define BODY "<body xmlns='http://jabber.org/protocol/httpbind'"

static const struct xml_limits limits = {.bytes = 1000, .depth = 5, .attributes = 20};

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
	return 0;
}

static enum reason parse(struct body **b, const char *text)
{
	struct buf document = buf_copy(slice_str(text));
	enum reason r = body_parse(b, judge, &limits, &document);

	assert_null(document.mem);
	assert_int_equal(r == REASON_NONE, *b != NULL);
	return r;
}

static struct body *parsed(const char *text)
{
	struct body *b;
	enum reason r = parse(&b, text);

	if (r != REASON_NONE)
		fail_msg("%s: %s", text, reason_label(r));
	return b;
}

/* --- payload --- */

#define HTTPBIND "http://jabber.org/protocol/httpbind"
#define STREAM "http://etherx.jabber.org/streams"

static const struct {
	const char *document, *payload;
	uint32_t elements, stanzas;
	enum body_type type;
} payloads[] = {
    {BODY "/>", "", 0, 0, 0},
    {BODY "></body>", "", 0, 0, 0},
    {BODY "> \n </body >", "", 0, 0, 0},
    {"<?xml version='1.0'?>\n" BODY "><a/></body>\n", "<a/>", 1, 0, 0},
    {"\xef\xbb\xbf" BODY "><a/></body>", "<a/>", 1, 0, 0},
    {"\xef\xbb\xbf<?xml version='1.0'?>" BODY "/>", "", 0, 0, 0},
    {BODY "> <a/> <b/> </body>", "<a/> <b/>", 2, 0, 0},
    /* jabber:client, by inheritance or said, is left alone */
    {BODY "><message a='>'><body>b</body></message><iq/><presence/><x/></body>",
     "<message a='>'><body>b</body></message><iq/><presence/><x/>", 4, 3, 0},
    {BODY "><message xmlns='jabber:client'/><auth xmlns='urn:s'>x=</auth></body>",
     "<message xmlns='jabber:client'/><auth xmlns='urn:s'>x=</auth>", 2, 1, 0},
    {"<h:body xmlns:h='" HTTPBIND "' xmlns='jabber:client'><a/></h:body>", "<a/>", 1, 0, 0},
    /* a stanza is in jabber:client, however that is said */
    {BODY "><message xmlns='urn:x'/><iq xmlns='jabber:clien&#116;'/></body>",
     "<message xmlns='urn:x'/><iq xmlns='jabber:clien&#116;'/>", 2, 1, 0},
    {BODY " xmlns:c='jabber:client'><c:message/></body>", "<c:message xmlns:c='jabber:client'/>", 1,
     1, 0},
    {"<h:body xmlns:h='" HTTPBIND "' xmlns='urn:x'><presence/></h:body>",
     "<presence xmlns='urn:x'/>", 1, 0, 0},
    {"<h:body xmlns:h='" HTTPBIND "'><a/></h:body>", "<a/>", 1, 0, 0},
    {"<body xmlns='http&#58;//jabber.org/protocol/httpbind'><a/></body>", "<a/>", 1, 0, 0},
    {BODY "><message xmlns=''/><iq/></body>", "<message xmlns=''/><iq/>", 2, 1, 0},
    /* httpbind, said, is rewritten */
    {BODY "><message xmlns='" HTTPBIND "' to='x'><body/></message></body>",
     "<message xmlns='jabber:client' to='x'><body/></message>", 1, 1, 0},
    {BODY "><a/><iq to='x' xmlns=\"http&#x3a;//jabber.org/protocol/httpbind\"/> <b/></body>",
     "<a/><iq to='x' xmlns=\"jabber:client\"/><b/>", 3, 1, 0},
    {"<h:body xmlns:h='" HTTPBIND "'><h:a/></h:body>", "<h:a xmlns:h='jabber:client'/>", 1, 0, 0},
    /* another default is inserted */
    {"<h:body xmlns:h='" HTTPBIND "' xmlns='urn:x'><a/><b xmlns='c'/><d><e/></d></h:body>",
     "<a xmlns='urn:x'/><b xmlns='c'/><d xmlns='urn:x'><e/></d>", 3, 0, 0},
    {"<h:body xmlns:h='" HTTPBIND "' xmlns='urn:x'><i:a xmlns:i='i'><b/></i:a></h:body>",
     "<i:a xmlns='urn:x' xmlns:i='i'><b/></i:a>", 1, 0, 0},
    /* prefixes of <body/> follow those who use them */
    {BODY " xmlns:p='urn:p' xmlns:q=\"q'\"><a/><b p:c='d'><q:e/></b><f/></body>",
     "<a/><b xmlns:p='urn:p' xmlns:q=\"q'\" p:c='d'><q:e/></b><f/>", 3, 0, 0},
    {BODY " xmlns:p='urn:p'><p:a xmlns:p='r'/></body>", "<p:a xmlns:p='r'/>", 1, 0, 0},
    {BODY " xmlns:p='urn:p'><p:a xmlns='" HTTPBIND "'/></body>",
     "<p:a xmlns:p='urn:p' xmlns='jabber:client'/>", 1, 0, 0},
    {BODY " xmlns:stream='" STREAM "'><a><stream:b/></a></body>",
     "<a xmlns:stream='" STREAM "'><stream:b/></a>", 1, 0, 0},
    /* a stream error ends the session and goes nowhere */
    {BODY " xmlns:s='" STREAM "'><a/><s:error><b/></s:error><c/></body>", "<a/><c/>", 2, 0,
     BODY_TYPE_TERMINATE},
    {BODY "><error xmlns='" STREAM "'/></body>", "", 0, 0, BODY_TYPE_TERMINATE},
    {BODY "><error/></body>", "<error/>", 1, 0, 0},
};

static void payload_is_made_ready_for_the_backend(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(payloads); i++) {
		struct body *b = parsed(payloads[i].document);

		if (!slice_is(b->payload, payloads[i].payload))
			fail_msg("%s\n  gives: %.*s", payloads[i].document, (int)b->payload.n,
				 b->payload.p);
		assert_int_equal(b->elements, payloads[i].elements);
		assert_int_equal(b->stanzas, payloads[i].stanzas);
		assert_int_equal(b->type, payloads[i].type);
		body_free(b);
	}
}

/* --- what is refused --- */

static const struct {
	const char *document;
	enum reason reason;
} bad[] = {
    {"", REASON_NOT_WELL_FORMED},
    {"GET / HTTP/1.1", REASON_NOT_WELL_FORMED},
    {BODY ">", REASON_NOT_WELL_FORMED},
    {BODY "><a></body>", REASON_NOT_WELL_FORMED},
    {BODY "><p:a/></body>", REASON_NOT_WELL_FORMED},
    {BODY "><a xmpp:b=''/></body>", REASON_NOT_WELL_FORMED},
    {BODY "/><a/>", REASON_NOT_WELL_FORMED},
    {"<!DOCTYPE body>" BODY "/>", REASON_RESTRICTED_XML},
    {BODY "><!-- x --></body>", REASON_RESTRICTED_XML},
    {BODY "><?x?></body>", REASON_RESTRICTED_XML},
    {BODY ">&x;</body>", REASON_RESTRICTED_XML},
    {BODY "><a>\xff</a></body>", REASON_BAD_UTF8},
    {"<?xml version='1.0' encoding='latin1'?>" BODY "/>", REASON_BAD_UTF8},
    {BODY "><a><a><a><a><a/></a></a></a></a></body>", REASON_TOO_BIG},
    {"<body/>", REASON_INVALID_NAMESPACE},
    {"<body xmlns='jabber:client'/>", REASON_INVALID_NAMESPACE},
    {"<b xmlns='" HTTPBIND "'/>", REASON_INVALID_NAMESPACE},
    {"<p:body xmlns='" HTTPBIND "' xmlns:p='x'/>", REASON_INVALID_NAMESPACE},
    {BODY ">x</body>", REASON_BAD_REQUEST},
    {BODY "><a/>x<b/></body>", REASON_BAD_REQUEST},
    {BODY ">&#32;</body>", REASON_BAD_REQUEST},
    {BODY "><a/><![CDATA[<b/>]]></body>", REASON_BAD_REQUEST},
    {BODY " xmlns:s='" STREAM "'><s:stream/></body>", REASON_BAD_REQUEST},
    {BODY " xmlns:s='" STREAM "'><a/><s:features/></body>", REASON_BAD_REQUEST},
    {BODY "><stream xmlns='" STREAM "'/></body>", REASON_BAD_REQUEST},
    {BODY "><a xmlns='http://etherx.jabber.org/stream&#115;'/></body>", REASON_BAD_REQUEST},
    {BODY "><s:a xmlns:s='" STREAM "'/></body>", REASON_BAD_REQUEST},
    {"<h:body xmlns:h='" HTTPBIND "' xmlns='" STREAM "'><a/></h:body>", REASON_BAD_REQUEST},
    {BODY " xmlns:p='" HTTPBIND "' xmlns:q='jabber:client'><a p:b='' q:b=''/></body>",
     REASON_BAD_REQUEST},
    {BODY " xmlns:a='1' xmlns:b='1' xmlns:c='1' xmlns:d='1' xmlns:e='1' xmlns:f='1' xmlns:g='1'"
	  " xmlns:h='1' xmlns:i='1'/>",
     REASON_BAD_REQUEST},
};

static void what_is_no_body_is_refused_with_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct body *b;
		enum reason r = parse(&b, bad[i].document);

		if (r != bad[i].reason)
			fail_msg("%s: %s", bad[i].document, reason_label(r));
	}
}

/* Each child needs the declaration, so the payload would grow with the square of the body. */
static void declarations_lent_to_many_children_are_bounded(void **state)
{
	static const struct xml_limits wide = {.bytes = 65536, .depth = 8, .attributes = 8};
	struct xmljudge *j = xmljudge_new(&wide);
	struct buf document = {0};
	struct body *b;

	(void)state;
	BUF_LIT(&document, "<b:body rid='1' xmlns:b='http://jabber.org/protocol/httpbind' xmlns='");
	for (int i = 0; i < 30000; i++)
		buf_addc(&document, 'u');
	BUF_LIT(&document, "'>");
	for (int i = 0; i < 7000; i++)
		BUF_LIT(&document, "<x/>");
	BUF_LIT(&document, "</b:body>");
	assert_int_equal(body_parse(&b, j, &wide, &document), REASON_TOO_BIG);
	assert_null(b);
	xmljudge_free(j);
}

static void a_body_over_the_limit_is_too_big(void **state)
{
	struct buf document = {0};
	struct body *b;

	(void)state;
	BUF_LIT(&document, BODY "><a>");
	while (document.len < 1000 - 11)
		buf_addc(&document, 'x');
	BUF_LIT(&document, "</a></body>");
	assert_int_equal(document.len, 1000);
	assert_int_equal(body_parse(&b, judge, &limits, &document), REASON_NONE);
	document = buf_copy(buf_slice(&b->document));
	body_free(b);
	BUF_LIT(&document, " ");
	assert_int_equal(body_parse(&b, judge, &limits, &document), REASON_TOO_BIG);
	assert_null(b);
}

/* --- attributes --- */

static const struct {
	const char *value;
	int64_t rid, wait;
} numbers[] = {
    {"1", 1, 1},
    {"0", BODY_BAD, 0},
    {"9007199254740991", 9007199254740991, 9007199254740991},
    {"9007199254740992", BODY_BAD, BODY_BAD},
    {"00012", 12, 12},
    {"99999999999999999999999999", BODY_BAD, BODY_BAD},
    {"", BODY_BAD, BODY_BAD},
    {"-1", BODY_BAD, BODY_BAD},
    {"+1", BODY_BAD, BODY_BAD},
    {" 1", BODY_BAD, BODY_BAD},
    {"1.0", BODY_BAD, BODY_BAD},
    {"1e3", BODY_BAD, BODY_BAD},
    {"0x1", BODY_BAD, BODY_BAD},
    {"&#49;", 1, 1},
};

static void numbers_are_read_strictly(void **state)
{
	struct body *b = parsed(BODY "/>");

	(void)state;
	assert_int_equal(b->rid, BODY_ABSENT);
	assert_int_equal(b->wait, BODY_ABSENT);
	assert_int_equal(b->ack, BODY_ABSENT);
	assert_int_equal(b->ver_major, BODY_ABSENT);
	body_free(b);
	for (size_t i = 0; i < LENGTH(numbers); i++) {
		char text[200];

		snprintf(text, sizeof(text), BODY " rid='%s' wait='%s'/>", numbers[i].value,
			 numbers[i].value);
		b = parsed(text);
		if (b->rid != numbers[i].rid || b->wait != numbers[i].wait)
			fail_msg("%s", numbers[i].value);
		body_free(b);
	}
}

static void every_number_has_its_place(void **state)
{
	struct body *b = parsed(BODY " rid='1' wait='2' hold='3' ack='4' pause='5' time='6'"
				     " inactivity='7' ver='8.9'/>");

	(void)state;
	assert_int_equal(b->rid, 1);
	assert_int_equal(b->wait, 2);
	assert_int_equal(b->hold, 3);
	assert_int_equal(b->ack, 4);
	assert_int_equal(b->pause, 5);
	assert_int_equal(b->time, 6);
	assert_int_equal(b->inactivity, 7);
	assert_int_equal(b->ver_major, 8);
	assert_int_equal(b->ver_minor, 9);
	body_free(b);
	b = parsed(BODY " ver='1'/>");
	assert_int_equal(b->ver_major, 1);
	assert_int_equal(b->ver_minor, BODY_BAD);
	body_free(b);
}

static void every_text_has_its_place_and_is_decoded(void **state)
{
	struct body *b = parsed(BODY " sid='a&amp;b' to='c' from='d' xml:lang='e' route='f'"
				     " content='g' key='h' newkey='i' condition='j' charsets='k'"
				     " accept='l' stream='m' report='n' xmlns:x='urn:xmpp:xbosh'"
				     " x:version='1.0' x:to='no' other='no'/>");

	(void)state;
	assert_true(slice_is(b->sid, "a&b"));
	assert_true(slice_is(b->to, "c"));
	assert_true(slice_is(b->from, "d"));
	assert_true(slice_is(b->lang, "e"));
	assert_true(slice_is(b->route, "f"));
	assert_true(slice_is(b->content, "g"));
	assert_true(slice_is(b->key, "h"));
	assert_true(slice_is(b->newkey, "i"));
	assert_true(slice_is(b->condition, "j"));
	assert_true(slice_is(b->charsets, "k"));
	assert_true(slice_is(b->accept, "l"));
	assert_true(slice_is(b->stream, "m"));
	assert_true(slice_is(b->report, "n"));
	assert_true(slice_is(b->xmpp_version, "1.0"));
	body_free(b);
	b = parsed(BODY " to=''/>");
	assert_non_null(b->to.p);
	assert_int_equal(b->to.n, 0);
	assert_null(b->sid.p);
	assert_null(b->lang.p);
	body_free(b);
}

static const struct {
	const char *attributes;
	bool restart;
	enum body_type type;
} flags[] = {
    {"", false, BODY_TYPE_NONE},
    {"xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'", true, BODY_TYPE_NONE},
    {"xmlns:x='urn:xmpp:xbosh' x:restart='1'", true, BODY_TYPE_NONE},
    {"xmpp:restart='true' xmpp:version='1.0'", true, BODY_TYPE_NONE},
    {"xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='false'", false, BODY_TYPE_NONE},
    {"xmlns:xmpp='urn:other' xmpp:restart='true'", false, BODY_TYPE_NONE},
    {"restart='true'", false, BODY_TYPE_NONE},
    {"type='terminate'", false, BODY_TYPE_TERMINATE},
    {"type='terminal'", false, BODY_TYPE_TERMINATE},
    {"type='error'", false, BODY_TYPE_ERROR},
    {"type='x'", false, BODY_TYPE_OTHER},
    {"type=''", false, BODY_TYPE_OTHER},
};

static void restart_and_type_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(flags); i++) {
		struct body *b;
		char text[200];

		snprintf(text, sizeof(text), BODY " %s/>", flags[i].attributes);
		b = parsed(text);
		if (b->restart != flags[i].restart || b->type != flags[i].type)
			fail_msg("%s", flags[i].attributes);
		body_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(payload_is_made_ready_for_the_backend),
	    cmocka_unit_test(what_is_no_body_is_refused_with_its_reason),
	    cmocka_unit_test(declarations_lent_to_many_children_are_bounded),
	    cmocka_unit_test(a_body_over_the_limit_is_too_big),
	    cmocka_unit_test(numbers_are_read_strictly),
	    cmocka_unit_test(every_number_has_its_place),
	    cmocka_unit_test(every_text_has_its_place_and_is_decoded),
	    cmocka_unit_test(restart_and_type_are_read),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

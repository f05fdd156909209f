/* Features as clients see them: without STARTTLS, compression and channel binding, the rest byte
 * for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/features.h"
#include "proto/xmlcut.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

#define STREAMS "http://etherx.jabber.org/streams"
#define HEADER "<s xmlns='jabber:client' xmlns:stream='" STREAMS "' xmlns:t='" NS_TLS "'>"
#define OPEN "<stream:features>"
#define SHOWN "<stream:features xmlns:stream='" STREAMS "'>"
#define CLOSE "</stream:features>"
#define STARTTLS "<starttls xmlns='" NS_TLS "'><required/></starttls>"
#define COMPRESSION     \
	"<compression " \
	"xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>"
#define SASL                                                                                \
	"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>" \
	"</mechanisms>"
#define SASL_NS "urn:ietf:params:xml:ns:xmpp-sasl"
#define M(name) "<mechanism>" name "</mechanism>"
#define BIND "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"

static const struct xml_limits limits = {.bytes = 2000, .depth = 20, .attributes = 10};

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
	const char *features, *shown;
	bool mechanisms;
} rows[] = {
    {"<stream:features/>", "<stream:features xmlns:stream='" STREAMS "'/>", false},
    {OPEN CLOSE, SHOWN CLOSE, false},
    {OPEN SASL CLOSE, SHOWN SASL CLOSE, true},
    {OPEN STARTTLS SASL CLOSE, SHOWN SASL CLOSE, true},
    {OPEN STARTTLS CLOSE, SHOWN CLOSE, false},
    {OPEN SASL COMPRESSION CLOSE, SHOWN SASL CLOSE, true},
    {OPEN COMPRESSION BIND STARTTLS CLOSE, SHOWN BIND CLOSE, true},
    {OPEN " <a xmlns='b'>&amp;<![CDATA[<]]></a >\n" BIND "\t" CLOSE,
     SHOWN " <a xmlns='b'>&amp;<![CDATA[<]]></a >\n" BIND "\t" CLOSE, true},
    {OPEN "<authentication xmlns='urn:xmpp:sasl:2'/>" CLOSE,
     SHOWN "<authentication xmlns='urn:xmpp:sasl:2'/>" CLOSE, false},
    {OPEN "<authentication xmlns='urn:xmpp:sasl:2'>" M("PLAIN") "</authentication>" CLOSE,
     SHOWN "<authentication xmlns='urn:xmpp:sasl:2'>" M("PLAIN") "</authentication>" CLOSE, true},
    {OPEN "<mechanisms xmlns='" SASL_NS "'>" M("A-PLUS") "</mechanisms>" CLOSE,
     SHOWN "<mechanisms xmlns='" SASL_NS "'></mechanisms>" CLOSE, false},
    {OPEN "<mechanism xmlns='" SASL_NS "-'>A</mechanism>" CLOSE,
     SHOWN "<mechanism xmlns='" SASL_NS "-'>A</mechanism>" CLOSE, false},
    {OPEN "<auth xmlns='http://jabber.org/features/iq-auth'/>" CLOSE,
     SHOWN "<auth xmlns='http://jabber.org/features/iq-auth'/>" CLOSE, true},
    /* by namespace, however it is said */
    {OPEN "<x:starttls xmlns:x='" NS_TLS "'/><a xmlns='b'/>" CLOSE, SHOWN "<a xmlns='b'/>" CLOSE,
     false},
    {OPEN "<a xmlns='urn:ietf:params:xml:ns:xmpp-tl&#115;'/>" CLOSE, SHOWN CLOSE, false},
    {"<features xmlns='" STREAMS "' xmlns:x='" NS_TLS "'><x:starttls/></features>",
     "<features xmlns='" STREAMS "' xmlns:x='" NS_TLS "'></features>", false},
    {"<features xmlns='" NS_TLS "'><starttls/></features>",
     "<features xmlns='" NS_TLS "'></features>", false},
    {"<features xmlns='" STREAMS "'><t:starttls/></features>",
     "<features xmlns:t='" NS_TLS "' xmlns='" STREAMS "'></features>", false},
    {OPEN "<starttls xmlns='urn:other'/>" CLOSE, SHOWN "<starttls xmlns='urn:other'/>" CLOSE,
     false},
    {OPEN "<a xmlns='b'>" STARTTLS "</a>" CLOSE, SHOWN "<a xmlns='b'>" STARTTLS "</a>" CLOSE,
     false},
    /* channel binding, in SASL, SASL2 and FAST, and what announces its types */
    {OPEN "<mechanisms xmlns='" SASL_NS "'>\n" M("SCRAM-SHA-1-PLUS") " " M("SCRAM-SHA-1")
	 M(" SCRAM-SHA-256-PLUS\n") "<hostname xmlns='urn:xmpp:domain-based-name:1'>a</hostname>"
				    "</mechanisms>" CLOSE,
     SHOWN "<mechanisms xmlns='" SASL_NS "'>\n " M(
	 "SCRAM-SHA-1") "<hostname "
			"xmlns='urn:xmpp:domain-based-name:1'>a</hostname></mechanisms>" CLOSE,
     true},
    {OPEN "<x:mechanisms xmlns:x='" SASL_NS "'><x:mechanism>A-PLUS</x:mechanism><x:mechanism>B"
	  "</x:mechanism></x:mechanisms>" CLOSE,
     SHOWN "<x:mechanisms xmlns:x='" SASL_NS "'><x:mechanism>B</x:mechanism></x:mechanisms>" CLOSE,
     true},
    {OPEN "<mechanisms xmlns='" SASL_NS "'>" M("A&#45;PLUS") M("<![CDATA[B-]]>PL<![CDATA[US]]>")
	 M("C-PLUSH") M("PLUS") "<mechanism/></mechanisms>" CLOSE,
     SHOWN "<mechanisms xmlns='" SASL_NS "'>" M("C-PLUSH")
	 M("PLUS") "<mechanism/></mechanisms>" CLOSE,
     true},
    {OPEN "<authentication xmlns='urn:xmpp:sasl:2'>" M("SCRAM-SHA-1-PLUS")
	 M("SCRAM-SHA-1") "<inline><bind xmlns='urn:xmpp:bind:0'><inline/></bind><fast "
			  "xmlns='urn:xmpp:fast:0' "
			  "tls-0rtt='true'>" M("HT-SHA-256-NONE") M("HT-SHA-256-ENDP")
			      M("HT-SHA-256-UNIQ")
				  M("HT-SHA-256-EXPR") "</fast></inline></authentication>" CLOSE,
     SHOWN "<authentication xmlns='urn:xmpp:sasl:2'>" M(
	 "SCRAM-SHA-1") "<inline><bind xmlns='urn:xmpp:bind:0'><inline/></bind><fast "
			"xmlns='urn:xmpp:fast:0' "
			"tls-0rtt='true'>" M(
			    "HT-SHA-256-NONE") "</fast></inline></authentication>" CLOSE,
     true},
    {OPEN "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>"
	  "</sasl-channel-binding>" BIND CLOSE,
     SHOWN BIND CLOSE, true},
    {OPEN "<a xmlns='b'>" M("A-PLUS") "</a>" CLOSE, SHOWN "<a xmlns='b'>" M("A-PLUS") "</a>" CLOSE,
     false},
};

static void what_cannot_hold_is_taken_out_and_the_rest_kept(void **state)
{
	struct xml_scope scope;

	(void)state;
	assert_true(xml_scope_read(&scope, SLICE(HEADER), NULL));
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct xml_element e = element_of(rows[i].features, &scope);
		struct buf out = {0};
		struct features f = {.mechanisms = !rows[i].mechanisms, .sm = true};

		assert_true(features_edit(&out, &e, &scope, SLICE_NONE, 0, &f));
		if (!slice_is(buf_slice(&out), rows[i].shown))
			fail_msg("%s\n  gives: %.*s", rows[i].features, (int)out.len,
				 buf_data(&out));
		assert_int_equal(f.mechanisms, rows[i].mechanisms);
		assert_false(f.sm);
		buf_clear(&out);
	}
}

static void an_offer_of_starttls_is_told_though_it_is_hidden(void **state)
{
	static const struct {
		const char *features;
		bool starttls;
	} cases[] = {{OPEN STARTTLS CLOSE, true},
		     {OPEN SASL STARTTLS CLOSE, true},
		     {"<features xmlns='" STREAMS "'><t:starttls/></features>", true},
		     {OPEN SASL CLOSE, false},
		     {OPEN "<a xmlns='b'>" STARTTLS "</a>" CLOSE, false},
		     {OPEN "<starttls xmlns='urn:other'/>" CLOSE, false}};
	struct xml_scope scope;

	(void)state;
	assert_true(xml_scope_read(&scope, SLICE(HEADER), NULL));
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct xml_element e = element_of(cases[i].features, &scope);
		struct features f = {.starttls = !cases[i].starttls};
		struct buf out = {0};

		assert_true(features_edit(&out, &e, &scope, SLICE_NONE, 0, &f));
		assert_int_equal(f.starttls, cases[i].starttls);
		buf_clear(&out);
	}
}

#define SM "<sm xmlns='urn:xmpp:sm:3'><optional/></sm>"
#define SM2 "<sm xmlns='urn:xmpp:sm:2'/>"
#define LOGIN(inside)                                                           \
	"<authentication xmlns='urn:xmpp:sasl:2'>" M("PLAIN") "<inline>" inside \
							      "</inline></authentication>"
#define BIND2(inside) "<bind xmlns='urn:xmpp:bind:0'>" inside "</bind>"
#define VAR(v) "<feature var='" v "'/>"

/* Stream management, wherever it is offered (XEP-0198 9): top level, SASL2, Bind 2. */
static const struct {
	const char *features, *hidden;
	bool sm;
} offers[] = {
    {BIND SM SM2, BIND, true},
    {BIND, BIND, false},
    {SM2 BIND, BIND, false},
    {LOGIN("<sm xmlns='urn:xmpp:sm:3'/>"), LOGIN(""), true},
    {LOGIN("<sm xmlns='urn:xmpp:sm:3'/>" BIND2("<inline>" VAR("urn:xmpp:carbons:2")
						   VAR("urn:xmpp:sm:3") "</inline>")),
     LOGIN(BIND2("<inline>" VAR("urn:xmpp:carbons:2") "</inline>")), true},
    {LOGIN(BIND2("<inline>" VAR("urn:xmpp:sm:3") "</inline>")), LOGIN(BIND2("<inline></inline>")),
     true},
    {LOGIN(BIND2("<inline>" VAR("urn:xmpp:csi:0") "</inline>")),
     LOGIN(BIND2("<inline>" VAR("urn:xmpp:csi:0") "</inline>")), false},
    {"<c xmlns='http://jabber.org/protocol/caps' ver='urn:xmpp:sm:3'/>",
     "<c xmlns='http://jabber.org/protocol/caps' ver='urn:xmpp:sm:3'/>", false},
    {"<x:sm xmlns:x='urn:xmpp:sm:&#51;'/>", "", true},
};

static void stream_management_is_told_and_hidden_where_asked(void **state)
{
	struct xml_scope scope;

	(void)state;
	assert_true(xml_scope_read(&scope, SLICE(HEADER), NULL));
	for (size_t i = 0; i < 2 * LENGTH(offers); i++) {
		struct features f = {.hide_sm = i % 2};
		struct buf text = {0}, want = {0}, out = {0};
		struct xml_element e;

		buf_addf(&text, OPEN "%s" CLOSE "%c", offers[i / 2].features, 0);
		buf_addf(&want, SHOWN "%s" CLOSE,
			 f.hide_sm ? offers[i / 2].hidden : offers[i / 2].features);
		e = element_of(buf_data(&text), &scope);
		assert_true(features_edit(&out, &e, &scope, SLICE_NONE, 0, &f));
		if (!slice_eq(buf_slice(&out), buf_slice(&want)) || f.sm != offers[i / 2].sm)
			fail_msg("%s\n  gives: %.*s", offers[i / 2].features, (int)out.len,
				 buf_data(&out));
		buf_clear(&text);
		buf_clear(&want);
		buf_clear(&out);
	}
}

static void a_wrapper_that_supplies_declarations_is_heeded(void **state)
{
	struct xml_scope scope;
	struct xml_element e;
	struct buf out = {0};
	struct features f = {0};

	(void)state;
	assert_true(xml_scope_read(&scope, SLICE(HEADER), NULL));
	e = element_of(OPEN "<a/>" STARTTLS CLOSE, &scope);
	BUF_LIT(&out, "before ");
	assert_true(features_edit(&out, &e, &scope, SLICE("jabber:client"), 1, &f));
	assert_true(slice_is(buf_slice(&out), "before " OPEN "<a/>" CLOSE));
	buf_clear(&out);
	assert_true(features_edit(&out, &e, &scope, SLICE(NS_HTTPBIND), 1, &f));
	assert_true(slice_is(buf_slice(&out), "<stream:features xmlns='jabber:client'><a/>" CLOSE));
	buf_clear(&out);
}

#define DEEP                                                                           \
	"<mechanisms xmlns='" SASL_NS "'><mechanisms xmlns='" SASL_NS "'><mechanisms " \
	"xmlns='" SASL_NS "'>"

/* Text among features: well-formed, and nothing that a server sends. */
static const char *const bad[] = {
    OPEN "x" CLOSE,
    OPEN "<a/>x" CLOSE,
    OPEN "<![CDATA[x]]>" CLOSE,
    OPEN "&amp;" CLOSE,
    OPEN "<mechanisms xmlns='" SASL_NS "'>PLAIN</mechanisms>" CLOSE,
    OPEN DEEP DEEP DEEP "</mechanisms></mechanisms></mechanisms></mechanisms></mechanisms>"
			"</mechanisms></mechanisms></mechanisms></mechanisms>" CLOSE,
};

static void an_inside_that_cannot_be_cut_adds_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct xml_element e = element_of(bad[i], NULL);
		struct buf out = {0};
		struct features f = {0};

		assert_false(features_edit(&out, &e, NULL, SLICE_NONE, 0, &f));
		assert_int_equal(out.len, 0);
		buf_clear(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_cannot_hold_is_taken_out_and_the_rest_kept),
	    cmocka_unit_test(an_offer_of_starttls_is_told_though_it_is_hidden),
	    cmocka_unit_test(stream_management_is_told_and_hidden_where_asked),
	    cmocka_unit_test(a_wrapper_that_supplies_declarations_is_heeded),
	    cmocka_unit_test(an_inside_that_cannot_be_cut_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

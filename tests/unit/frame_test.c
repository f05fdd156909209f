/* Messages of RFC 7395 read, and frames of RFC 6455 written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/frame.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))
#define FRAMING "xmlns='urn:ietf:params:xml:ns:xmpp-framing'"
#define STREAMS "http://etherx.jabber.org/streams"

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

static enum reason parse(struct frame **f, const char *message)
{
	struct buf text = buf_copy(slice_str(message));
	enum reason r = frame_parse(f, judge, &limits, &text);

	assert_null(text.mem);
	assert_int_equal(r == REASON_NONE, *f != NULL);
	return r;
}

static struct frame *parsed(const char *message)
{
	struct frame *f;
	enum reason r = parse(&f, message);

	if (r != REASON_NONE)
		fail_msg("%s: %s", message, reason_label(r));
	return f;
}

static const struct {
	const char *message;
	enum frame_kind kind;
	enum stanza_kind stanza;
	const char *text;
} good[] = {
    {"<open " FRAMING "/>", FRAME_OPEN, 0, NULL},
    {"<?xml version='1.0'?><open " FRAMING "/>", FRAME_OPEN, 0, "<open " FRAMING "/>"},
    {" <f:open xmlns:f='urn:ietf:params:xml:ns:xmpp-framing'></f:open>\n", FRAME_OPEN, 0,
     "<f:open xmlns:f='urn:ietf:params:xml:ns:xmpp-framing'></f:open>"},
    {"<close " FRAMING "/>", FRAME_CLOSE, 0, NULL},
    {"<close " FRAMING " see-other-uri='x'>text</close>", FRAME_CLOSE, 0, NULL},
    {"<stream:error xmlns:stream='" STREAMS "'/>", FRAME_CLOSE, 0, NULL},
    {"<error xmlns='" STREAMS "'><a/></error>", FRAME_CLOSE, 0, NULL},
    {"<message xmlns='jabber:client'><body>\xf0\x9f\x98\x80</body></message>", FRAME_ELEMENT,
     STANZA_MESSAGE, NULL},
    {"<presence/>", FRAME_ELEMENT, STANZA_PRESENCE, NULL},
    {"<iq to='a&amp;b'/>", FRAME_ELEMENT, STANZA_IQ, NULL},
    {"<?xml version='1.0' encoding='utf-8'?>\r\n <a xmlns='urn:s'> x </a> ", FRAME_ELEMENT, 0,
     "<a xmlns='urn:s'> x </a>"},
    {"<p:iq xmlns:p='jabber:client'/>", FRAME_ELEMENT, STANZA_IQ, NULL},
    {"<message xmlns='urn:other'/>", FRAME_ELEMENT, 0, NULL},
    {"<message xmlns=''/>", FRAME_ELEMENT, 0, NULL},
    {"<messages xmlns='jabber:client'/>", FRAME_ELEMENT, 0, NULL},
    {"<streams/>", FRAME_ELEMENT, 0, NULL},
    {"<stream xmlns='urn:other'/>", FRAME_ELEMENT, 0, NULL},
    {"<error/>", FRAME_ELEMENT, 0, NULL},
    {"<open/>", FRAME_ELEMENT, 0, NULL},
};

static void messages_are_told_apart_and_passed_as_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		struct frame *f = parsed(good[i].message);
		const char *text = good[i].text ? good[i].text : good[i].message;

		if (f->kind != good[i].kind || f->stanza != good[i].stanza)
			fail_msg("%s: kind %d, stanza %d", good[i].message, f->kind, f->stanza);
		assert_true(slice_is(buf_slice(&f->text), text));
		if (f->kind == FRAME_ELEMENT)
			assert_true(slice_is(f->payload, text));
		else
			assert_null(f->payload.p);
		frame_free(f);
	}
}

static const struct {
	const char *message;
	enum reason reason;
} bad[] = {
    {"", REASON_NOT_WELL_FORMED},
    {" ", REASON_NOT_WELL_FORMED},
    {"\n", REASON_NOT_WELL_FORMED},
    {"hello", REASON_NOT_WELL_FORMED},
    {"<?xml version='1.0'?>", REASON_NOT_WELL_FORMED},
    {"<?xml version='1.0'?><?xml version='1.0'?><a/>", REASON_NOT_WELL_FORMED},
    {"<?xml version='1.0'?> <?xml version='1.0'?><a/>", REASON_NOT_WELL_FORMED},
    {"<a>", REASON_NOT_WELL_FORMED},
    {"<a/><b/>", REASON_NOT_WELL_FORMED},
    {"<a/>x", REASON_NOT_WELL_FORMED},
    {"<p:a/>", REASON_NOT_WELL_FORMED},
    {"<message xmpp:restart='true'/>", REASON_NOT_WELL_FORMED},
    {"</stream:stream>", REASON_NOT_WELL_FORMED},
    {"<message></message></stream:stream>", REASON_NOT_WELL_FORMED},
    {"<!DOCTYPE a><a/>", REASON_RESTRICTED_XML},
    {"<!-- x --><a/>", REASON_RESTRICTED_XML},
    {"<a>&x;</a>", REASON_RESTRICTED_XML},
    {"<?xml version='1.0' encoding='latin1'?><a/>", REASON_BAD_UTF8},
    {"<a>\xff</a>", REASON_BAD_UTF8},
    {"<a><a><a><a><a><a/></a></a></a></a></a>", REASON_TOO_BIG},
    {"<stream:stream to='x' xmlns='jabber:client' xmlns:stream='" STREAMS "'>",
     REASON_UNSUPPORTED_FRAMING},
    {"<?xml version='1.0'?> <stream:stream>", REASON_UNSUPPORTED_FRAMING},
    {"<stream:stream xmlns:stream='" STREAMS "'/>", REASON_UNSUPPORTED_FRAMING},
    {"<stream:stream xmlns:stream='" STREAMS "'></stream:stream>", REASON_UNSUPPORTED_FRAMING},
    {"<s:stream xmlns:s='" STREAMS "' version='1.0'>", REASON_UNSUPPORTED_FRAMING},
    {"<stream xmlns='" STREAMS "' version='1.0'>", REASON_UNSUPPORTED_FRAMING},
    {"<stream xmlns='http://etherx.jabber.org/stream&#115;'/>", REASON_UNSUPPORTED_FRAMING},
    {"<other " FRAMING "/>", REASON_INVALID_NAMESPACE},
    {"<stream:features xmlns:stream='" STREAMS "'/>", REASON_INVALID_NAMESPACE},
    {"<a xmlns='http://etherx.jabber.org/stream&#115;'/>", REASON_INVALID_NAMESPACE},
};

static void what_is_no_message_is_refused_with_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct frame *f;
		enum reason r = parse(&f, bad[i].message);

		if (r != bad[i].reason)
			fail_msg("%s: %s", bad[i].message, reason_label(r));
	}
}

static void a_message_over_the_limit_is_too_big(void **state)
{
	struct buf text = {0};
	struct frame *f;

	(void)state;
	memset(buf_room(&text, 1001), ' ', 1001);
	buf_commit(&text, 1001);
	memcpy(text.mem, "<a/>", 4);
	assert_int_equal(frame_parse(&f, judge, &limits, &text), REASON_TOO_BIG);
	assert_null(f);
}

static void the_attributes_of_open_are_decoded(void **state)
{
	struct frame *f =
	    parsed("<open " FRAMING " to='a&amp;b' from=\"c\" xml:lang='de' version='1.0'"
		   " id='x' xmlns:p='q' p:to='y'/>");

	(void)state;
	assert_true(slice_is(f->to, "a&b"));
	assert_true(slice_is(f->from, "c"));
	assert_true(slice_is(f->lang, "de"));
	assert_true(slice_is(f->version, "1.0"));
	frame_free(f);
	f = parsed("<open " FRAMING " to=''/>");
	assert_non_null(f->to.p);
	assert_null(f->from.p);
	assert_null(f->lang.p);
	assert_null(f->version.p);
	frame_free(f);
}

/* --- towards the client --- */

static const struct {
	size_t payload, header;
	const char *bytes;
} sizes[] = {
    {0, 2, "\x81\x00"},
    {1, 2, "\x81\x01"},
    {125, 2, "\x81\x7d"},
    {126, 4, "\x81\x7e\x00\x7e"},
    {300, 4, "\x81\x7e\x01\x2c"},
    {65535, 4, "\x81\x7e\xff\xff"},
    {65536, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
    {70000, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70"},
};

static void what_was_framed_is_found_again(void **state)
{
	static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, 70000};
	struct buf out = {0};
	struct ws_frame f;
	struct slice rest;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		size_t mark = ws_begin(&out);

		memset(buf_room(&out, lengths[i]), 'a' + (int)i, lengths[i]);
		buf_commit(&out, lengths[i]);
		ws_end(&out, mark);
	}
	ws_ping(&out, 7);
	rest = buf_slice(&out);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		ws_first(rest, &f);
		assert_int_equal(f.op, WS_OP_TEXT);
		assert_int_equal(f.payload.n, lengths[i]);
		for (size_t j = 0; j < f.payload.n; j++)
			assert_int_equal(f.payload.p[j], 'a' + (int)i);
		rest = slice_of(rest.p + f.size, rest.n - f.size);
	}
	ws_first(rest, &f);
	assert_int_equal(f.op, WS_OP_PING);
	assert_true(slice_eq(f.payload, slice_of("\0\0\0\0\0\0\0\7", 8)));
	assert_int_equal(f.size, rest.n);
	buf_clear(&out);
}

static void a_frame_has_the_shortest_header_that_fits(void **state)
{
	struct buf out = {0};
	size_t at = 0;

	(void)state;
	BUF_LIT(&out, "before");
	buf_eat(&out, 3);
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		size_t mark = ws_begin(&out);

		memset(buf_room(&out, sizes[i].payload), 'a' + (int)i, sizes[i].payload);
		buf_commit(&out, sizes[i].payload);
		ws_end(&out, mark);
	}
	assert_memory_equal(buf_data(&out), "ore", 3);
	at = 3;
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		assert_memory_equal(buf_data(&out) + at, sizes[i].bytes, sizes[i].header);
		at += sizes[i].header;
		for (size_t k = 0; k < sizes[i].payload; k++)
			assert_int_equal(buf_data(&out)[at + k], 'a' + (int)i);
		at += sizes[i].payload;
	}
	assert_int_equal(at, out.len);
	buf_clear(&out);
}

static void a_ping_carries_its_serial(void **state)
{
	struct buf out = {0};

	(void)state;
	ws_ping(&out, 0x0123456789abcdefU);
	assert_int_equal(out.len, 10);
	assert_memory_equal(buf_data(&out), "\x89\x08\x01\x23\x45\x67\x89\xab\xcd\xef", 10);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_are_told_apart_and_passed_as_they_are),
	    cmocka_unit_test(what_is_no_message_is_refused_with_its_reason),
	    cmocka_unit_test(a_message_over_the_limit_is_too_big),
	    cmocka_unit_test(the_attributes_of_open_are_decoded),
	    cmocka_unit_test(what_was_framed_is_found_again),
	    cmocka_unit_test(a_frame_has_the_shortest_header_that_fits),
	    cmocka_unit_test(a_ping_carries_its_serial),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

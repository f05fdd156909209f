/* The stream machine: headers out, items in, at every split of the input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/xstream.h"

static const struct xml_limits limits = {.bytes = 4096, .depth = 32, .attributes = 32};

#define HEADER                                                                        \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "                  \
	"xmlns:stream='http://etherx.jabber.org/streams' id='x1' from='example.org' " \
	"xml:lang='en' version='1.0'>"

/* Feeds text in pieces of `step` bytes and writes what came out as words. */
static void play(const char *text, size_t step, struct buf *said)
{
	struct xstream x;
	struct xstream_item item;
	struct buf in = {0};
	size_t n = strlen(text);

	xstream_init(&x, &limits);
	for (size_t at = 0; at < n; at += step) {
		enum xstream_result r;

		buf_add(&in, text + at, n - at < step ? n - at : step);
		do {
			r = xstream_next(&x, buf_slice(&in), &item);
			switch (r) {
			case XSTREAM_MORE: break;
			case XSTREAM_OPENED:
				buf_addf(said, "[opened %.*s]", (int)item.info.id.n,
					 item.info.id.p);
				break;
			case XSTREAM_FEATURES: BUF_LIT(said, "[features]"); break;
			case XSTREAM_ERROR: BUF_LIT(said, "[error]"); break;
			case XSTREAM_ELEMENT:
				buf_addc(said, '[');
				xml_append(said, &item.element, xstream_scope(&x), SLICE_NONE, 0);
				buf_addf(said, " %d]", item.kind);
				break;
			case XSTREAM_END: BUF_LIT(said, "[end]"); break;
			case XSTREAM_BAD:
				buf_addf(said, "[bad %s]", reason_label(item.reason));
				break;
			}
			buf_eat(&in, item.consumed);
		} while (r != XSTREAM_MORE && in.len);
	}
	buf_clear(&in);
	xstream_clear(&x);
}

static void expect(const char *text, const char *want)
{
	static const size_t steps[] = {100000, 1, 2, 7, 64};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct buf said = {0};
		char *got;

		play(text, steps[i], &said);
		got = mem_strndup(buf_slice(&said).p, said.len);
		assert_string_equal(got, want);
		free(got);
		buf_clear(&said);
	}
}

static void a_stream_is_told_item_by_item(void **state)
{
	(void)state;
	expect(HEADER "<stream:features><mechanisms/></stream:features>"
		      " <message to='a'><body>x</body></message>\n<iq/><presence/>"
		      "<success xmlns='s'/></stream:stream>",
	       "[opened x1][features]"
	       "[<message xmlns='jabber:client' to='a'><body>x</body></message> 1]"
	       "[<iq xmlns='jabber:client'/> 3][<presence xmlns='jabber:client'/> 2]"
	       "[<success xmlns='s'/> 0][end]");
}

static void a_stanza_is_in_the_namespace_of_clients(void **state)
{
	(void)state;
	expect(HEADER "<message xmlns='urn:x'/><c:iq xmlns:c='jabber:client'/><messages/>",
	       "[opened x1][<message xmlns='urn:x'/> 0][<c:iq xmlns:c='jabber:client'/> 3]"
	       "[<messages xmlns='jabber:client'/> 0]");
}

static void another_prefix_for_the_stream_namespace_is_understood(void **state)
{
	(void)state;
	expect("<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' id='y'>"
	       "<s:features/><s:error><x/></s:error>",
	       "[opened y][features][error]");
}

static void prefixes_of_the_header_reach_the_elements(void **state)
{
	(void)state;
	expect(
	    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
	    " xmlns:db='jabber:server:dialback' id='z'><message><db:x/></message>",
	    "[opened z]"
	    "[<message xmlns='jabber:client' xmlns:db='jabber:server:dialback'><db:x/></message> "
	    "1]");
}

static void what_is_no_stream_is_refused(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
	    {"HTTP/1.1 400 Bad Request\r\n\r\n", "[bad server-bad-xml]"},
	    {"<html><body>", "[bad server-bad-xml]"},
	    {HEADER "text", "[opened x1][bad server-bad-xml]"},
	    {HEADER "<stream:stream>", "[opened x1][bad server-bad-xml]"},
	    {HEADER "<!DOCTYPE x>", "[opened x1][bad server-restricted-xml]"},
	    {HEADER "<!-- x -->", "[opened x1][bad server-restricted-xml]"},
	    {HEADER "<?php x?>", "[opened x1][bad server-restricted-xml]"},
	    {HEADER "<message>&nbsp;</message>", "[opened x1][bad server-restricted-xml]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(bad[i].text, bad[i].want);
}

static void a_stanza_over_the_limit_is_refused(void **state)
{
	struct buf text = {0};

	(void)state;
	BUF_LIT(&text, HEADER "<message>");
	for (int i = 0; i < 5000; i++)
		buf_addc(&text, 'x');
	buf_addc(&text, '\0');
	expect(buf_slice(&text).p, "[opened x1][bad server-too-big]");
	buf_clear(&text);
}

static void headers_are_escaped(void **state)
{
	struct buf out = {0};

	(void)state;
	xstream_open(&out, SLICE("a'b<c>&\""), SLICE_NONE, SLICE("de"), SLICE_NONE);
	buf_addc(&out, '\0');
	assert_string_equal(buf_slice(&out).p,
			    "<?xml version='1.0'?><stream:stream "
			    "to='a&apos;b&lt;c&gt;&amp;&quot;' xml:lang='de' version='1.0' "
			    "xmlns='jabber:client' "
			    "xmlns:stream='http://etherx.jabber.org/streams'>");
	buf_clear(&out);
}

static void a_restart_takes_one_new_header(void **state)
{
	struct xstream x;
	struct xstream_item item;
	struct buf out = {0};
	struct slice in = SLICE(HEADER);

	(void)state;
	xstream_init(&x, &limits);
	assert_int_equal(xstream_next(&x, in, &item), XSTREAM_OPENED);
	xstream_restart(&x, &out, SLICE("example.org"), SLICE_NONE, SLICE_NONE, SLICE("1.1"));
	assert_true(out.len > 0);
	assert_int_equal(xstream_next(&x, in, &item), XSTREAM_OPENED);
	assert_int_equal(xstream_next(&x, in, &item), XSTREAM_BAD);
	buf_clear(&out);
	xstream_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_stream_is_told_item_by_item),
	    cmocka_unit_test(a_stanza_is_in_the_namespace_of_clients),
	    cmocka_unit_test(another_prefix_for_the_stream_namespace_is_understood),
	    cmocka_unit_test(prefixes_of_the_header_reach_the_elements),
	    cmocka_unit_test(what_is_no_stream_is_refused),
	    cmocka_unit_test(a_stanza_over_the_limit_is_refused),
	    cmocka_unit_test(headers_are_escaped),
	    cmocka_unit_test(a_restart_takes_one_new_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

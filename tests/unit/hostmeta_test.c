/* Host metadata: the documents byte for byte, and which URLs are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/hostmeta.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))
#define XRD                                            \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" \
	"<XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n"
#define REL "\"urn:xmpp:alt-connections:"

static void expect(struct buf *out, const char *text)
{
	if (!slice_is(buf_slice(out), text))
		fail_msg("%.*s\n  instead of\n%s", (int)out->len, buf_data(out), text);
	buf_clear(out);
}

static void xrd_has_a_link_for_each_url(void **state)
{
	struct hostmeta m = {.bosh = "https://a.example/b?c=1&d='", .websocket = "wss://a.example"};
	struct buf out = {0};

	(void)state;
	hostmeta_xrd(&out, &m);
	expect(&out,
	       XRD "\t<Link rel=" REL "xbosh\" href=\"https://a.example/b?c=1&amp;d=&apos;\"/>\n"
		   "\t<Link rel=" REL "websocket\" href=\"wss://a.example\"/>\n</XRD>\n");
	m.bosh = "";
	hostmeta_xrd(&out, &m);
	expect(&out, XRD "\t<Link rel=" REL "websocket\" href=\"wss://a.example\"/>\n</XRD>\n");
}

static void jrd_without_addresses_is_that_of_xep_0156(void **state)
{
	struct hostmeta m = {.bosh = "https://a.example/b", .websocket = "wss://a.example/w"};
	struct buf out = {0};

	(void)state;
	hostmeta_jrd(&out, &m);
	expect(&out, "{\n\t\"links\": [\n\t\t{\"rel\": " REL
		     "xbosh\", \"href\": \"https://a.example/b\"},\n\t\t{\"rel\": " REL
		     "websocket\", \"href\": \"wss://a.example/w\"}\n\t]\n}\n");
	m.websocket = NULL;
	hostmeta_jrd(&out, &m);
	expect(&out, "{\n\t\"links\": [\n\t\t{\"rel\": " REL
		     "xbosh\", \"href\": \"https://a.example/b\"}\n\t]\n}\n");
}

static void jrd_with_addresses_has_what_xep_0487_demands(void **state)
{
	struct hostmeta m = {.bosh = "https://a.example:444/b",
			     .websocket = "wss://b.example/w",
			     .ips = "192.0.2.1, 2001:db8::1",
			     .ttl = 60};
	struct buf out = {0};

	(void)state;
	hostmeta_jrd(&out, &m);
	expect(&out, "{\n\t\"xmpp\": {\"ttl\": 60},\n\t\"links\": [\n\t\t{\"rel\": " REL
		     "xbosh\", \"href\": \"https://a.example:444/b\", \"priority\": 20, "
		     "\"weight\": 0, \"sni\": \"a.example\", \"ips\": [\"192.0.2.1\", "
		     "\"2001:db8::1\"]},\n\t\t{\"rel\": " REL
		     "websocket\", \"href\": \"wss://b.example/w\", \"priority\": 10, "
		     "\"weight\": 0, \"sni\": \"b.example\", \"ips\": [\"192.0.2.1\", "
		     "\"2001:db8::1\"]}\n\t]\n}\n");
}

static void nothing_is_told_without_a_url(void **state)
{
	(void)state;
	assert_false(hostmeta_any(&(struct hostmeta){.bosh = "", .ips = "192.0.2.1"}));
	assert_true(hostmeta_any(&(struct hostmeta){.websocket = "wss://a"}));
}

static void urls_are_checked(void **state)
{
	static const char *const good[] = {"wss://a",	      "wss://a.b-c.d:1/e?f=g;h",
					   "wss://[::1]:80/", "wss://192.0.2.1:65535",
					   "wss://a?b",	      "wss://a_b/%20'"};
	static const char *const bad[] = {
	    "",		 "wss",	      "wss:",	    "wss://",	  "wss:///",	    "ws://a",
	    "WSS://a",	 "https://a", "wss://:80",  "wss://a:",	  "wss://a:0",	    "wss://a:65536",
	    "wss://a b", "wss://a\"", "wss://a\\",  "wss://u@a",  "wss://[::1",	    "wss://[::1]x",
	    "wss://a<",	 "wss://a#b", "wss://a:8x", "wss://\x7f", "wss://\xc3\xa9", "wss://a:+1"};

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++)
		if (!hostmeta_url_valid(slice_str(good[i]), "wss"))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < LENGTH(bad); i++)
		if (hostmeta_url_valid(slice_str(bad[i]), "wss"))
			fail_msg("taken: %s", bad[i]);
}

static void a_url_has_a_host_and_an_origin(void **state)
{
	static const char *const rows[][3] = {
	    {"wss://Chat.example/x", "Chat.example", "https://Chat.example"},
	    {"https://a.b:443/x", "a.b", "https://a.b"},
	    {"https://a.b:5281?x", "a.b", "https://a.b:5281"},
	    {"wss://192.0.2.1/x:1", "", "https://192.0.2.1"},
	    {"wss://[2001:db8::1]:444", "", "https://[2001:db8::1]:444"},
	};
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		assert_true(slice_is(hostmeta_host(slice_str(rows[i][0])), rows[i][1]));
		hostmeta_origin(&out, slice_str(rows[i][0]));
		expect(&out, rows[i][2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(xrd_has_a_link_for_each_url),
	    cmocka_unit_test(jrd_without_addresses_is_that_of_xep_0156),
	    cmocka_unit_test(jrd_with_addresses_has_what_xep_0487_demands),
	    cmocka_unit_test(nothing_is_told_without_a_url),
	    cmocka_unit_test(urls_are_checked),
	    cmocka_unit_test(a_url_has_a_host_and_an_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

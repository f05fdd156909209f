/* Addresses: good and bad texts, and what they print as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "proto/addr.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void good_addresses_are_taken(void **state)
{
	static const struct {
		const char *text, *print;
		bool needs_port; /* refused where a port is needed */
	} good[] = {
	    {"127.0.0.1:5280", "127.0.0.1:5280", false},
	    {"0.0.0.0:0", "0.0.0.0:0", false},
	    {"255.255.255.255:65535", "255.255.255.255:65535", false},
	    {"[::1]:5280", "[::1]:5280", false},
	    {"[2001:DB8::0:1]:1", "[2001:db8::1]:1", false},
	    {"[::ffff:192.0.2.1]:80", "192.0.2.1:80", false},
	    {"192.0.2.1", "192.0.2.1:0", true},
	    {"[::]", "[::]:0", true},
	    {"::", "[::]:0", true},
	    {"fe80::1", "[fe80::1]:0", true},
	    {"::ffff:10.0.0.1", "10.0.0.1:0", true},
	};
	char text[ADDR_TEXT];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_true(addr_parse(&a, slice_str(good[i].text), false));
		assert_string_equal(addr_print(&a, true, text), good[i].print);
		assert_true(addr_parse(&a, slice_str(good[i].text), true) != good[i].needs_port);
	}
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    ":",
	    ":5280",
	    "127.0.0.1:",
	    "127.0.0.1:65536",
	    "127.0.0.1:-1",
	    "127.0.0.1: 1",
	    "127.0.0.1:+1",
	    "127.0.0.1:1x",
	    "127.0.0.1:0x1",
	    "127.0.0:80",
	    "127.1:80",
	    "256.0.0.1:1",
	    "localhost:1",
	    "localhost",
	    "[::1",
	    "[::1]5280",
	    "[::1]:",
	    "[]:1",
	    "[127.0.0.1]:80",
	    "[localhost]:80",
	    "::1]:80",
	    "[[::1]]:80",
	    "fe80::1%eth0",
	    "[fe80::1%1]:1",
	    "1:2:3",
	    " 127.0.0.1:1",
	    "127.0.0.1:1 ",
	    "[1:2:3:4:5:6:7:8:9]:1",
	    "[0000:0000:0000:0000:0000:ffff:192.168.100.200000000]:1",
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		if (addr_parse(&a, slice_str(bad[i]), false))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(a.family, ADDR_NONE);
	}
	assert_false(addr_parse(&a, SLICE("127.0.0.1\0:1"), false));
	assert_false(addr_parse(&a, SLICE_NONE, false));
}

static void names_and_ports_are_split(void **state)
{
	static const struct {
		const char *text, *host; /* host NULL: refused */
		int port;
	} cases[] = {
	    {"xmpp.example.org:5222", "xmpp.example.org", 5222},
	    {"xmpp.example.org", "xmpp.example.org", -1},
	    {"[::1]:5222", "::1", 5222},
	    {"[::1]", "::1", -1},
	    {"::1", "::1", -1},
	    {"host:0", "host", 0},
	    {"host:", NULL, 0},
	    {":1", NULL, 0},
	    {"", NULL, 0},
	    {"host:port", NULL, 0},
	    {"a:b:1", NULL, 0},
	    {"host:99999999999999999999", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct slice host;
		int port;
		bool ok = addr_split(slice_str(cases[i].text), &host, &port);

		assert_true(ok == (cases[i].host != NULL));
		if (!ok)
			continue;
		assert_true(slice_is(host, cases[i].host));
		assert_int_equal(port, cases[i].port);
	}
}

static void loopback_is_known(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {{"127.0.0.1", true},  {"127.255.0.9", true}, {"::1", true},
		     {"128.0.0.1", false}, {"::", false},	  {"0.0.0.0", false},
		     {"::2", false}};
	char text[ADDR_TEXT];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		assert_true(addr_parse(&a, slice_str(cases[i].text), false));
		assert_true(addr_loopback(&a) == cases[i].is);
	}
	a = (struct addr){.family = ADDR_UNIX};
	assert_true(addr_loopback(&a));
	assert_string_equal(addr_print(&a, true, text), "unix");
	a.family = ADDR_NONE;
	assert_false(addr_loopback(&a));
	assert_string_equal(addr_print(&a, true, text), "none");
}

/* RFC 6890 and the registries it began; the first and the last of each block, and their neighbours.
 */
static void only_addresses_of_the_public_internet_are_public(void **state)
{
	static const char *const yes[] = {
	    "1.1.1.1",	       "9.255.255.255",	   "11.0.0.0",	     "100.63.255.255",
	    "100.128.0.0",     "126.255.255.255",  "128.0.0.0",	     "169.253.255.255",
	    "169.255.0.0",     "172.15.255.255",   "172.32.0.0",     "192.0.1.0",
	    "192.167.255.255", "192.169.0.0",	   "198.17.255.255", "198.20.0.0",
	    "223.255.255.255", "2001:4860::1",	   "2001:200::1",    "2a00::1",
	    "3fff:1000::1",    "64:ff9b::9.9.9.9", "::ffff:1.1.1.1", "2001:db9::1",
	};
	static const char *const no[] = {
	    "0.0.0.0",
	    "0.255.255.255",
	    "10.0.0.0",
	    "10.255.255.255",
	    "100.64.0.0",
	    "100.127.255.255",
	    "127.0.0.1",
	    "127.255.255.255",
	    "169.254.0.0",
	    "169.254.169.254",
	    "172.16.0.0",
	    "172.31.255.255",
	    "192.0.0.1",
	    "192.0.2.1",
	    "192.88.99.1",
	    "192.168.0.0",
	    "192.168.255.255",
	    "198.18.0.0",
	    "198.19.255.255",
	    "198.51.100.1",
	    "203.0.113.1",
	    "224.0.0.1",
	    "239.255.255.255",
	    "240.0.0.0",
	    "255.255.255.255",
	    "::",
	    "::1",
	    "::ffff:10.0.0.1",
	    "::ffff:127.0.0.1",
	    "::1.1.1.1",
	    "64:ff9b::10.0.0.1",
	    "64:ff9b::127.0.0.1",
	    "64:ff9b:1::1",
	    "100::1",
	    "2001::1",
	    "2001:1ff:ffff::1",
	    "2001:db8::1",
	    "2002:a00:1::1",
	    "2002:101:101::1",
	    "3fff:fff::1",
	    "4000::1",
	    "fc00::1",
	    "fdff::1",
	    "fe80::1",
	    "febf::1",
	    "fec0::1",
	    "ff02::1",
	    "1fff::1",
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_true(addr_parse(&a, slice_str(yes[i]), false));
		if (!addr_public(&a))
			print_error("%s\n", yes[i]);
		assert_true(addr_public(&a));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_true(addr_parse(&a, slice_str(no[i]), false));
		if (addr_public(&a))
			print_error("%s\n", no[i]);
		assert_false(addr_public(&a));
	}
	a = (struct addr){.family = ADDR_UNIX};
	assert_false(addr_public(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_addresses_are_taken),
	    cmocka_unit_test(bad_addresses_are_refused),
	    cmocka_unit_test(names_and_ports_are_split),
	    cmocka_unit_test(loopback_is_known),
	    cmocka_unit_test(only_addresses_of_the_public_internet_are_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

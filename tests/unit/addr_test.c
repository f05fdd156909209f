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

static void networks_are_read_and_hold_what_they_should(void **state)
{
	static const struct {
		const char *net, *print, *in[3], *out[3];
	} good[] = {
	    {"10.0.0.0/8",
	     "10.0.0.0/8",
	     {"10.0.0.0", "10.255.255.255"},
	     {"9.255.255.255", "11.0.0.0"}},
	    {"0.0.0.0/0", "0.0.0.0/0", {"0.0.0.0", "255.255.255.255"}, {"::", "::1"}},
	    {"192.0.2.1",
	     "192.0.2.1",
	     {"192.0.2.1", "::ffff:192.0.2.1"},
	     {"192.0.2.0", "192.0.2.2"}},
	    {"192.0.2.1/32", "192.0.2.1", {"192.0.2.1"}, {"192.0.2.3"}},
	    {"192.0.2.128/25", "192.0.2.128/25", {"192.0.2.128", "192.0.2.255"}, {"192.0.2.127"}},
	    {"172.16.0.0/12", "172.16.0.0/12", {"172.31.255.255"}, {"172.32.0.0", "172.15.0.0"}},
	    {"::1", "::1", {"::1"}, {"::2", "127.0.0.1", "0.0.0.1"}},
	    {"::/0", "::/0", {"::", "2001:db8::1", "ffff::"}, {"10.0.0.1"}},
	    {"2001:db8::/33", "2001:db8::/33", {"2001:db8:7fff::1"}, {"2001:db8:8000::1"}},
	    {"fe80::/10", "fe80::/10", {"fe80::1", "febf::1"}, {"fec0::1", "fe7f::1"}},
	    {"::ffff:10.0.0.0/104", "10.0.0.0/8", {"10.1.2.3"}, {"11.0.0.0"}},
	    {"::ffff:0.0.0.0/96", "0.0.0.0/0", {"10.1.2.3"}, {"::1"}},
	    {"::ffff:10.0.0.1", "10.0.0.1", {"10.0.0.1"}, {"10.0.0.2"}},
	};
	char text[ADDR_TEXT];
	struct addr_net n;
	struct addr a;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		assert_true(addr_net_parse(&n, slice_str(good[i].net)));
		assert_string_equal(addr_net_print(&n, text), good[i].print);
		for (size_t k = 0; k < 3; k++) {
			if (good[i].in[k]) {
				assert_true(addr_parse(&a, slice_str(good[i].in[k]), false));
				assert_true(addr_in(&n, &a));
			}
			if (good[i].out[k]) {
				assert_true(addr_parse(&a, slice_str(good[i].out[k]), false));
				assert_false(addr_in(&n, &a));
			}
		}
	}
}

static void bad_networks_are_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "/8",
	    "10.0.0.0/",
	    "10.0.0.0/33",
	    "10.0.0.0/-1",
	    "10.0.0.0/+8",
	    "10.0.0.0/8 ",
	    "10.0.0.0/8/8",
	    "10.0.0.1/8",
	    "10/8",
	    "10.0.0.0:80/8",
	    "[::1]",
	    "[::1]/128",
	    "::1/129",
	    "::1/64",
	    "2001:db8::1/32",
	    "localhost",
	    "10.0.0.0/255.0.0.0",
	    "::ffff:10.0.0.0/95",
	    "::ffff:10.0.0.0/8",
	    "unix",
	    "fe80::1%lo",
	};
	struct addr_net n;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++)
		if (addr_net_parse(&n, slice_str(bad[i])))
			fail_msg("taken: %s", bad[i]);
	assert_false(addr_net_parse(&n, SLICE_NONE));
}

static void what_is_no_ip_is_in_no_network_of_ips(void **state)
{
	const struct addr_net local = {.base = {.family = ADDR_UNIX}};
	struct addr a = {.family = ADDR_UNIX};
	struct addr_net all;

	(void)state;
	assert_true(addr_net_parse(&all, SLICE("0.0.0.0/0")));
	assert_false(addr_in(&all, &a));
	assert_true(addr_in(&local, &a));
	a.family = ADDR_NONE;
	assert_false(addr_in(&all, &a));
	assert_false(addr_in(&local, &a));
}

static void public_addresses_are_told_from_special_ones(void **state)
{
	static const char *const public[] = {
	    "1.1.1.1",		"8.8.8.8",
	    "9.255.255.255",	"11.0.0.0",
	    "100.63.255.255",	"100.128.0.0",
	    "126.255.255.255",	"128.0.0.1",
	    "169.253.255.255",	"172.15.255.255",
	    "172.32.0.0",	"192.0.1.0",
	    "192.0.3.0",	"192.167.255.255",
	    "192.169.0.0",	"198.17.255.255",
	    "198.20.0.0",	"198.51.99.1",
	    "203.0.112.1",	"223.255.255.255",
	    "2606:4700::1111",	"2001:4860:4860::8888",
	    "2a00::1",		"3ffe::1",
	    "2001:200::1",	"2001:db7::1",
	    "2001:db9::1",	"2002:808:808::1",
	    "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
	};
	static const char *const special[] = {
	    "0.0.0.0",
	    "0.1.2.3",
	    "10.0.0.0",
	    "10.255.255.255",
	    "100.64.0.0",
	    "100.127.255.255",
	    "127.0.0.1",
	    "127.255.255.255",
	    "169.254.169.254",
	    "172.16.0.0",
	    "172.31.255.255",
	    "192.0.0.8",
	    "192.0.2.1",
	    "192.88.99.1",
	    "192.168.1.1",
	    "198.18.0.1",
	    "198.19.255.255",
	    "198.51.100.1",
	    "203.0.113.1",
	    "224.0.0.1",
	    "239.255.255.255",
	    "240.0.0.1",
	    "255.255.255.255",
	    "::",
	    "::1",
	    "::2",
	    "::127.0.0.1",
	    "::8.8.8.8",
	    "fe80::1",
	    "febf::1",
	    "fec0::1",
	    "fc00::1",
	    "fdff::1",
	    "ff02::1",
	    "ffff::1",
	    "100::1",
	    "2001:db8::1",
	    "3fff::1",
	    "3fff:fff::1",
	    "2001::1",
	    "2001:2::1",
	    "2001:1ff::1",
	    "4000::1",
	    "5f00::1",
	    "2002:a00:1::1",
	    "2002:7f00:1::",
	    "2002:c0a8:101::1",
	    "2002:a9fe:a9fe::",
	    "64:ff9b::10.0.0.1",
	    "64:ff9b::127.0.0.1",
	    "64:ff9b:1::8.8.8.8",
	    "64:ff9b::1:8.8.8.8",
	    "::ffff:10.0.0.1",
	    "::ffff:127.0.0.1",
	    "::ffff:0:8.8.8.8",
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < LEN(public); i++) {
		assert_true(addr_parse(&a, slice_str(public[i]), false));
		if (!addr_public(&a))
			fail_msg("not public: %s", public[i]);
	}
	for (size_t i = 0; i < LEN(special); i++) {
		assert_true(addr_parse(&a, slice_str(special[i]), false));
		if (addr_public(&a))
			fail_msg("public: %s", special[i]);
	}
	assert_false(addr_public(&(struct addr){.family = ADDR_UNIX}));
	assert_false(addr_public(&(struct addr){.family = ADDR_NONE}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_addresses_are_taken),
	    cmocka_unit_test(bad_addresses_are_refused),
	    cmocka_unit_test(names_and_ports_are_split),
	    cmocka_unit_test(loopback_is_known),
	    cmocka_unit_test(networks_are_read_and_hold_what_they_should),
	    cmocka_unit_test(bad_networks_are_refused),
	    cmocka_unit_test(what_is_no_ip_is_in_no_network_of_ips),
	    cmocka_unit_test(public_addresses_are_told_from_special_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

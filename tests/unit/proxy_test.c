/* PROXY headers, both versions, both ways: whole, byte by byte and at random splits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proxy.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IP4 "\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x34\x01\xbb" /* 192.0.2.7:4660, ...100.1:443 */
#define IP6                                                                              \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0" \
	"\x02\x12\x34\x01\xbb" /* 2001:db8::1, and 10.0.0.2 mapped */
#define CRC "\xc0\x20\xd6\xf2"
#define X8(c) c c c c c c c c
#define X64(c) X8(c) X8(c) X8(c) X8(c) X8(c) X8(c) X8(c) X8(c)
#define X216 X64("u") X64("u") X64("u") X8("u") X8("u") X8("u")

struct good {
	struct slice bytes;
	const char *source, *destination; /* as printed */
	bool tls;
	const char *authority; /* "": none */
};

static const struct good good[] = {
    {SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n"), "192.0.2.7:4660", "198.51.100.1:443",
     false, ""},
    {SLICE("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n"), "0.0.0.0:0", "255.255.255.255:65535",
     false, ""},
    {SLICE("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "[2001:db8::1]:1", "[::1]:2", false, ""},
    {SLICE("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::2 1 2\r\n"), "192.0.2.7:1", "[2001:db8::2]:2",
     false, ""},
    {SLICE("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", false, ""},
    {SLICE("PROXY UNKNOWN\r\n"), "none", "none", false, ""},
    {SLICE("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "none", "none", false,
     ""},
    {SLICE(SIGNATURE "\x21\x11\x00\x0c" IP4), "192.0.2.7:4660", "198.51.100.1:443", false, ""},
    {SLICE(SIGNATURE "\x21\x12\x00\x0c" IP4), "192.0.2.7:4660", "198.51.100.1:443", false, ""},
    {SLICE(SIGNATURE "\x21\x21\x00\x24" IP6), "[2001:db8::1]:4660", "10.0.0.2:443", false, ""},
    {SLICE(SIGNATURE "\x21\x31\x00\xd8" X216), "unix", "unix", false, ""},
    {SLICE(SIGNATURE "\x21\x00\x00\x00"), "none", "none", false, ""},
    {SLICE(SIGNATURE "\x21\x00\x00\x05junk!"), "none", "none", false, ""},
    {SLICE(SIGNATURE "\x20\x00\x00\x00"), "none", "none", false, ""},
    {SLICE(SIGNATURE "\x20\x11\x00\x0c" IP4), "none", "none", false, ""},
    {SLICE(SIGNATURE "\x20\x11\x00\x02xx"), "none", "none", false, ""},
    /* TLVs: NOOP and ALPN are passed over, SSL and AUTHORITY are read */
    {SLICE(SIGNATURE "\x21\x11\x00\x25" IP4 "\x04\0\x02xx\x01\0\x02h2\x20\0\x05\x01\0\0\0\0"
		     "\x02\0\x04"
		     "a.bc"),
     "192.0.2.7:4660", "198.51.100.1:443", true, "a.bc"},
    {SLICE(SIGNATURE "\x21\x11\x00\x1e" IP4 "\x20\0\x0f\x03\0\0\0\0\x21\0\x07TLSv1.3"),
     "192.0.2.7:4660", "198.51.100.1:443", true, ""},
    {SLICE(SIGNATURE "\x21\x11\x00\x14" IP4 "\x20\0\x05\x06\0\0\0\0"), "192.0.2.7:4660",
     "198.51.100.1:443", false, ""},
    {SLICE(SIGNATURE "\x21\x11\x00\x14" IP4 "\x02\0\x05"
		     "a b\nc"),
     "192.0.2.7:4660", "198.51.100.1:443", false, ""},
    {SLICE(SIGNATURE "\x21\x11\x00\x1d" IP4 "\x04\0\x02"
		     "ab\x03\0\x04" CRC "\x01\0\x02h2"),
     "192.0.2.7:4660", "198.51.100.1:443", false, ""},
};

static void expect(const struct good *g, const struct proxy *p)
{
	char text[ADDR_TEXT];

	assert_string_equal(addr_print(&p->source, true, text), g->source);
	assert_string_equal(addr_print(&p->destination, true, text), g->destination);
	assert_true(p->tls == g->tls);
	assert_true(slice_is(p->authority, g->authority));
}

/* On the heap, as long as it is: a sanitizer sees whatever is read beyond. */
static enum proxy_result parse(struct slice in, struct proxy *p, size_t *used)
{
	char *copy = malloc(in.n + !in.n);
	enum proxy_result r;

	memcpy(copy, in.p, in.n);
	r = proxy_parse(slice_of(copy, in.n), p, used);
	if (p->authority.p)
		p->authority.p = in.p + (p->authority.p - copy);
	free(copy);
	return r;
}

static void good_headers_are_read_whole_and_nothing_behind_them(void **state)
{
	struct proxy p;
	size_t used;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		struct buf b = buf_copy(good[i].bytes);

		assert_int_equal(parse(good[i].bytes, &p, &used), PROXY_DONE);
		assert_int_equal(used, good[i].bytes.n);
		expect(&good[i], &p);
		buf_addz(&b, "PROXY \r\n\r\n");
		assert_int_equal(proxy_parse(buf_slice(&b), &p, &used), PROXY_DONE);
		assert_int_equal(used, good[i].bytes.n);
		expect(&good[i], &p);
		buf_clear(&b);
	}
}

static void good_headers_are_read_byte_by_byte(void **state)
{
	struct proxy p;
	size_t used;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		for (size_t n = 0; n < good[i].bytes.n; n++)
			assert_int_equal(parse(slice_of(good[i].bytes.p, n), &p, &used),
					 PROXY_MORE);
		assert_int_equal(parse(good[i].bytes, &p, &used), PROXY_DONE);
		expect(&good[i], &p);
	}
}

static void headers_are_read_at_random_splits(void **state)
{
	struct buf b = {0};
	struct proxy p;
	size_t used;

	(void)state;
	srand(7);
	for (int round = 0; round < 2000; round++) {
		const struct good *g = &good[(size_t)rand() % LEN(good)];
		enum proxy_result r = PROXY_MORE;

		for (size_t at = 0; at < g->bytes.n;) {
			size_t n = 1 + (size_t)rand() % 40;

			n = n < g->bytes.n - at ? n : g->bytes.n - at;
			assert_int_equal(r, PROXY_MORE);
			buf_add(&b, g->bytes.p + at, n);
			at += n;
			r = proxy_parse(buf_slice(&b), &p, &used);
		}
		assert_int_equal(r, PROXY_DONE);
		expect(g, &p);
		buf_clear(&b);
	}
}

static void bad_headers_are_refused(void **state)
{
	static const struct slice bad[] = {
	    SLICE("GET / HTTP/1.1\r\n\r\n"),
	    SLICE("\x16\x03\x01\x02"),
	    SLICE("PROXY\r\n"),
	    SLICE("PROXY \r\n"),
	    SLICE("proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n"),
	    SLICE("PROXY \n"),
	    SLICE("PROXY UNKNOWN\n"),
	    SLICE("PROXY UNKNOWNS\r\n"),
	    SLICE("PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n"),
	    SLICE("PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7\t198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 0x1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7:9 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP4 ::1 ::1 1 2\r\n"),
	    SLICE("PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP6 ::1 198.51.100.1 1 2\r\n"),
	    SLICE("PROXY TCP6 [::1] [::1] 1 2\r\n"),
	    SLICE("PROXY TCP6 ::1%lo ::1 1 2\r\n"),
	    SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\0\r\n"),
	    SLICE("PROXY UNKNOWN " X64("x") X8("x") X8("x") X8("x") X8("x") "\r\n"),
	    SLICE("\r\n\r\nGET"),
	    SLICE("\r\n\r\n\0\r\nQUIT\r"),
	    SLICE(SIGNATURE "\x11"),
	    SLICE(SIGNATURE "\x22"),
	    SLICE(SIGNATURE "\x21\x10"),
	    SLICE(SIGNATURE "\x21\x13"),
	    SLICE(SIGNATURE "\x21\x41"),
	    SLICE(SIGNATURE "\x21\x01"),
	    SLICE(SIGNATURE "\x21\x11\x0f\xf1"), /* 4097 bytes in all */
	    SLICE(SIGNATURE "\x20\x00\xff\xff"),
	    SLICE(SIGNATURE "\x21\x11\x00\x0b" IP4),
	    SLICE(SIGNATURE "\x21\x21\x00\x0c" IP4),
	    SLICE(SIGNATURE "\x21\x31\x00\x0c" IP4),
	    SLICE(SIGNATURE "\x21\x11\x00\x0e" IP4 "\x04\0"),
	    SLICE(SIGNATURE "\x21\x11\x00\x0f" IP4 "\x04\0\x01"),
	    SLICE(SIGNATURE "\x21\x11\x00\x10" IP4 "\x04\0\x02x"),
	    SLICE(SIGNATURE "\x21\x11\x00\x13" IP4 "\x20\0\x04\x01\0\0\0"),
	    SLICE(SIGNATURE "\x21\x11\x00\x12" IP4 "\x03\0\x03xxx"),
	    SLICE(SIGNATURE "\x21\x11\x00\x13" IP4 "\x03\0\x04xxxx"),
	    SLICE(SIGNATURE "\x21\x11\x00\x1d" IP4 "\x04\0\x02"
			    "aB\x03\0\x04" CRC "\x01\0\x02h2"),
	};
	struct proxy p;
	size_t used;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		enum proxy_result r = PROXY_MORE;

		if (parse(bad[i], &p, &used) != PROXY_BAD)
			fail_msg("whole, taken: %zu: %.*s", i, (int)bad[i].n, bad[i].p);
		for (size_t n = 1; r == PROXY_MORE && n <= bad[i].n; n++)
			r = parse(slice_of(bad[i].p, n), &p, &used);
		if (r != PROXY_BAD)
			fail_msg("in pieces, taken: %zu", i);
	}
}

static void nonsense_is_refused_at_its_first_byte(void **state)
{
	struct proxy p;
	size_t used;

	(void)state;
	assert_int_equal(parse(SLICE("G"), &p, &used), PROXY_BAD);
	assert_int_equal(parse(SLICE("PRI"), &p, &used), PROXY_BAD); /* HTTP/2 */
	assert_int_equal(parse(SLICE("\r\n\n"), &p, &used), PROXY_BAD);
	assert_int_equal(parse(SLICE(""), &p, &used), PROXY_MORE);
}

static struct proxy said(const char *source, const char *destination, bool tls,
			 const char *authority)
{
	struct proxy p = {.tls = tls, .authority = slice_str(authority)};

	addr_parse(&p.source, slice_str(source), false);
	addr_parse(&p.destination, slice_str(destination), false);
	return p;
}

static void headers_of_version_1_are_written(void **state)
{
	static const struct {
		const char *source, *destination, *line; /* "": no address */
	} cases[] = {
	    {"192.0.2.7:4660", "198.51.100.1:443", "TCP4 192.0.2.7 198.51.100.1 4660 443"},
	    {"192.0.2.7", "198.51.100.1:443", "TCP4 192.0.2.7 198.51.100.1 0 443"},
	    {"[2001:db8::1]:1", "[::1]:2", "TCP6 2001:db8::1 ::1 1 2"},
	    {"192.0.2.7:1", "[::1]:2", "TCP6 ::ffff:192.0.2.7 ::1 1 2"},
	    {"[2001:db8::1]:1", "10.0.0.1:2", "TCP6 2001:db8::1 ::ffff:10.0.0.1 1 2"},
	    {"192.0.2.7:1", "", "TCP4 192.0.2.7 0.0.0.0 1 0"},
	    {"[2001:db8::1]:1", "", "TCP6 2001:db8::1 :: 1 0"},
	    {"", "10.0.0.1:2", "UNKNOWN"},
	    {"", "", "UNKNOWN"},
	};
	char line[PROXY_V1_MAX + 1];

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct proxy p = said(cases[i].source, cases[i].destination, true, "a.bc");
		struct buf b = {0};

		proxy_render(&b, 1, &p);
		snprintf(line, sizeof(line), "PROXY %s\r\n", cases[i].line);
		assert_true(slice_is(buf_slice(&b), line));
		buf_clear(&b);
	}
}

static void headers_of_version_2_are_written(void **state)
{
	static const struct {
		const char *source, *destination;
		bool tls;
		const char *authority;
		struct slice bytes; /* behind the signature */
	} cases[] = {
	    {"192.0.2.7:4660", "198.51.100.1:443", false, "a.bc", SLICE("\x21\x11\x00\x0c" IP4)},
	    {"[2001:db8::1]:4660", "10.0.0.2:443", false, "", SLICE("\x21\x21\x00\x24" IP6)},
	    {"192.0.2.7:4660", "198.51.100.1:443", true, "",
	     SLICE("\x21\x11\x00\x14" IP4 "\x20\0\x05\x01\0\0\0\1")},
	    {"192.0.2.7:4660", "198.51.100.1:443", true, "a.bc",
	     SLICE("\x21\x11\x00\x1b" IP4 "\x02\0\x04"
		   "a.bc\x20\0\x05\x01\0\0\0\1")},
	    {"192.0.2.7:4660", "", false, "",
	     SLICE("\x21\x11\x00\x0c\xc0\x00\x02\x07\0\0\0\0\x12\x34\0\0")},
	    {"", "198.51.100.1:443", true, "a.bc", SLICE("\x20\0\0\0")},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct proxy p =
		    said(cases[i].source, cases[i].destination, cases[i].tls, cases[i].authority);
		struct buf b = {0};

		proxy_render(&b, 2, &p);
		assert_true(slice_starts(buf_slice(&b), SLICE(SIGNATURE)));
		buf_eat(&b, sizeof(SIGNATURE) - 1);
		if (!slice_eq(buf_slice(&b), cases[i].bytes))
			fail_msg("case %zu: %u bytes", i, b.len);
		buf_clear(&b);
	}
}

static void what_is_written_is_read_as_the_same(void **state)
{
	struct addr unix_socket = {.family = ADDR_UNIX};
	struct buf b = {0};
	char text[ADDR_TEXT];
	size_t used;

	(void)state;
	for (int version = 1; version <= 2; version++)
		for (size_t i = 0; i < LEN(good); i++) {
			struct proxy p, q;

			assert_int_equal(parse(good[i].bytes, &p, &used), PROXY_DONE);
			proxy_render(&b, version, &p);
			assert_true(version == 2 || b.len <= PROXY_V1_MAX);
			assert_int_equal(proxy_parse(buf_slice(&b), &q, &used), PROXY_DONE);
			assert_int_equal(used, b.len);
			if (p.source.family == ADDR_UNIX)
				p.source.family = p.destination.family = ADDR_NONE;
			assert_string_equal(addr_print(&q.source, true, text),
					    p.source.family ? good[i].source : "none");
			assert_string_equal(addr_print(&q.destination, true, text),
					    p.source.family ? good[i].destination : "none");
			assert_true(q.tls == (version == 2 && p.tls));
			assert_true(slice_is(q.authority, q.tls ? good[i].authority : ""));
			buf_clear(&b);
		}
	proxy_render(&b, 1, &(struct proxy){.source = unix_socket, .destination = unix_socket});
	assert_true(slice_is(buf_slice(&b), "PROXY UNKNOWN\r\n"));
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_headers_are_read_whole_and_nothing_behind_them),
	    cmocka_unit_test(good_headers_are_read_byte_by_byte),
	    cmocka_unit_test(headers_are_read_at_random_splits),
	    cmocka_unit_test(bad_headers_are_refused),
	    cmocka_unit_test(nonsense_is_refused_at_its_first_byte),
	    cmocka_unit_test(headers_of_version_1_are_written),
	    cmocka_unit_test(headers_of_version_2_are_written),
	    cmocka_unit_test(what_is_written_is_read_as_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

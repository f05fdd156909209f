/* Forwarded chains: who is found at their end, whatever a client wrote into them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/forwarded.h"
#include "proto/http1.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define XFF "X-Forwarded-For: "
#define FWD "Forwarded: "
#define END "\r\n"

static struct addr_net trusted[3];

static int setup(void **state)
{
	static const char *const nets[] = {"127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"};

	(void)state;
	for (size_t i = 0; i < LEN(nets); i++)
		if (!addr_net_parse(&trusted[i], slice_str(nets[i])))
			return -1;
	return 0;
}

/* On the heap, as long as it is: a sanitizer sees whatever is read beyond. */
static void ask(const char *fields, bool rfc7239, struct forwarded *f)
{
	struct forwarded_rules rules = {trusted, LEN(trusted), rfc7239};
	struct http1_head h;
	struct buf b = {0};
	struct addr peer;
	char *copy;

	assert_true(addr_parse(&peer, SLICE("127.0.0.1:9"), true));
	buf_addf(&b, "GET /ws HTTP/1.1\r\nHost: a\r\n%sX-Other: 6.6.6.6\r\n\r\n", fields);
	copy = malloc(b.len);
	memcpy(copy, buf_data(&b), b.len);
	if (http1_parse(slice_of(copy, b.len), &h) != 0)
		fail_msg("the head is bad: %s", fields);
	assert_true(h.bytes.n == b.len);
	forwarded_read(&rules, h.bytes, &peer, f);
	free(copy);
	buf_clear(&b);
}

struct one {
	const char *fields, *client;
};

static void expect(const struct one *v, size_t n, bool rfc7239)
{
	char text[ADDR_TEXT];
	struct forwarded f;

	for (size_t i = 0; i < n; i++) {
		ask(v[i].fields, rfc7239, &f);
		addr_print(&f.client, f.client.port != 0, text);
		if (strcmp(text, v[i].client) != 0)
			fail_msg("%s instead of %s: %s", text, v[i].client, v[i].fields);
	}
}

static void x_forwarded_for_is_walked_from_the_right(void **state)
{
	static const struct one cases[] = {
	    {"", "127.0.0.1:9"},
	    {XFF "192.0.2.1" END, "192.0.2.1"},
	    {"x-forwarded-FOR:192.0.2.1" END, "192.0.2.1"},
	    {XFF "192.0.2.1:4711" END, "192.0.2.1:4711"},
	    {XFF "2001:db8::7" END, "2001:db8::7"},
	    {XFF "[2001:db8::7]" END, "2001:db8::7"},
	    {XFF "[2001:db8::7]:80" END, "[2001:db8::7]:80"},
	    {XFF "::ffff:192.0.2.1" END, "192.0.2.1"},
	    {XFF "192.0.2.1, 10.1.1.1" END, "192.0.2.1"},
	    {XFF "192.0.2.1 ,\t10.1.1.1,10.2.2.2 , 2001:db8:1::1" END, "192.0.2.1"},
	    {XFF "192.0.2.1,,10.1.1.1, ," END, "192.0.2.1"},
	    /* several lines are one list */
	    {XFF "192.0.2.1" END XFF "10.1.1.1" END, "192.0.2.1"},
	    {XFF "192.0.2.1" END "Cookie: a" END XFF END XFF "10.1.1.1, 10.2.2.2" END, "192.0.2.1"},
	    /* what stands left of the first untrusted one is hearsay */
	    {XFF "6.6.6.6, 192.0.2.1" END, "192.0.2.1"},
	    {XFF "10.9.9.9, 192.0.2.1, 10.1.1.1" END, "192.0.2.1"},
	    {XFF "6.6.6.6" END XFF "192.0.2.1" END, "192.0.2.1"},
	    {XFF "127.0.0.1" END XFF "192.0.2.1, 10.1.1.1" END, "192.0.2.1"},
	    {XFF "rubbish, 192.0.2.1" END, "192.0.2.1"},
	    {XFF "\"6.6.6.6, 192.0.2.1" END, "192.0.2.1"},
	    /* all trusted: somebody inside */
	    {XFF "10.1.1.1, 10.2.2.2" END, "10.1.1.1"},
	    /* malformed: the last good one */
	    {XFF END, "127.0.0.1:9"},
	    {XFF ", ," END, "127.0.0.1:9"},
	    {XFF "unknown" END, "127.0.0.1:9"},
	    {XFF "192.0.2.1, unknown, 10.1.1.1" END, "10.1.1.1"},
	    {XFF "192.0.2.1; 10.1.1.1" END, "127.0.0.1:9"},
	    {XFF "192.0.2.1 10.1.1.1" END, "127.0.0.1:9"},
	    {XFF "192.0.2.256" END, "127.0.0.1:9"},
	    {XFF "192.0.2.1:66000, 10.1.1.1" END, "10.1.1.1"},
	    {XFF "host.example" END, "127.0.0.1:9"},
	    {XFF "fe80::1%eth0" END, "127.0.0.1:9"},
	    /* the other header, and ones that look like it */
	    {FWD "for=6.6.6.6" END, "127.0.0.1:9"},
	    {"X-Forwarded-For-Not: 6.6.6.6" END "X-Forwarded: 6.6.6.6" END, "127.0.0.1:9"},
	};

	(void)state;
	expect(cases, LEN(cases), false);
}

static void forwarded_is_walked_from_the_right(void **state)
{
	static const struct one cases[] = {
	    {"", "127.0.0.1:9"},
	    {FWD "for=192.0.2.1" END, "192.0.2.1"},
	    {"forwarded:For=192.0.2.1;by=10.0.0.1;PROTO=https;host=a.bc" END, "192.0.2.1"},
	    {FWD "proto=https ; for=192.0.2.1" END, "192.0.2.1"},
	    {FWD "for=\"192.0.2.1:4711\"" END, "192.0.2.1:4711"},
	    {FWD "for=192.0.2.1:4711" END, "192.0.2.1:4711"},
	    {FWD "for=\"[2001:db8::7]\"" END, "2001:db8::7"},
	    {FWD "for=\"[2001:db8::7]:80\";proto=http" END, "[2001:db8::7]:80"},
	    {FWD "for=\"192.0.2.1:_port\"" END, "192.0.2.1"},
	    {FWD "for=\"[2001:db8::7]:_x\"" END, "2001:db8::7"},
	    {FWD "for=192.0.2.1, for=10.1.1.1;by=\"[::1]\"" END, "192.0.2.1"},
	    {FWD "for=192.0.2.1" END FWD "for=10.1.1.1" END, "192.0.2.1"},
	    {FWD "for=192.0.2.1;;, ,;for=10.1.1.1;" END, "192.0.2.1"},
	    {FWD "for=192.0.2.1;host=\"a,b;for=6.6.6.6\"" END, "192.0.2.1"},
	    {FWD "for=192.0.2.1, for=10.1.1.1;host=\"a\\\",for=6.6.6.6\"" END, "192.0.2.1"},
	    {FWD "for=192.0.2.1, for=10.1.1.1;host=\"a\\\\\"" END, "192.0.2.1"},
	    {FWD "for=6.6.6.6, for=192.0.2.1" END, "192.0.2.1"},
	    {FWD "for=10.9.9.9, for=192.0.2.1, for=10.1.1.1" END, "192.0.2.1"},
	    /* a quote left open by the client */
	    {FWD "for=\"6.6.6.6, for=192.0.2.1" END, "192.0.2.1"},
	    {FWD "for=\"6.6.6.6, for=192.0.2.1, for=\"10.1.1.1\"" END, "192.0.2.1"},
	    {FWD "for=\"6.6.6.6\\, for=\"192.0.2.1:1\"" END, "192.0.2.1:1"},
	    {FWD "for=\"6.6.6.6" END FWD "for=192.0.2.1" END, "192.0.2.1"},
	    {FWD "\", for=192.0.2.1" END, "192.0.2.1"},
	    {FWD "for=10.1.1.1, for=10.2.2.2" END, "10.1.1.1"},
	    /* malformed, unknown, obfuscated: the last good one */
	    {FWD END, "127.0.0.1:9"},
	    {FWD "192.0.2.1" END, "127.0.0.1:9"},
	    {FWD "for=unknown" END, "127.0.0.1:9"},
	    {FWD "for=_hidden" END, "127.0.0.1:9"},
	    {FWD "for=192.0.2.1, for=_hidden, for=10.1.1.1" END, "10.1.1.1"},
	    {FWD "for=192.0.2.1, for=unknown, for=10.1.1.1" END, "10.1.1.1"},
	    {FWD "for=192.0.2.1, proto=https" END, "127.0.0.1:9"},
	    {FWD "for=192.0.2.1;for=6.6.6.6" END, "127.0.0.1:9"},
	    {FWD "for=192.0.2.1;by" END, "127.0.0.1:9"},
	    {FWD "for=192.0.2.1;=x" END, "127.0.0.1:9"},
	    {FWD "for =192.0.2.1" END, "127.0.0.1:9"},
	    {FWD "for=" END, "127.0.0.1:9"},
	    {FWD "for=\"\"" END, "127.0.0.1:9"},
	    {FWD "for=\"192.0.2.1\"x" END, "127.0.0.1:9"},
	    {FWD "for=x\"192.0.2.1\"" END, "127.0.0.1:9"},
	    {FWD "for=\"192.0.2.1" END, "127.0.0.1:9"},
	    {FWD "for=\"192.0.2.\\1\"" END, "127.0.0.1:9"},
	    {FWD "for=\"[2001:db8::7\"" END, "127.0.0.1:9"},
	    {FWD "for=\"_x:80\"" END, "127.0.0.1:9"},
	    {XFF "6.6.6.6" END, "127.0.0.1:9"},
	};

	(void)state;
	expect(cases, LEN(cases), true);
}

static void the_nearest_proxy_says_whether_it_was_tls(void **state)
{
	static const struct {
		const char *fields;
		bool rfc7239;
		enum forwarded_tls tls;
	} cases[] = {
	    {"", false, FORWARDED_UNTOLD},
	    {"X-Forwarded-Proto: https" END, false, FORWARDED_TLS},
	    {"X-Forwarded-Proto: HTTPS" END XFF "192.0.2.1" END, false, FORWARDED_TLS},
	    {"X-Forwarded-Proto: wss" END, false, FORWARDED_TLS},
	    {"X-Forwarded-Proto: http" END, false, FORWARDED_PLAIN},
	    {"X-Forwarded-Proto: https, http" END, false, FORWARDED_PLAIN},
	    {"X-Forwarded-Proto: http" END "x-forwarded-proto: https" END, false, FORWARDED_TLS},
	    {"X-Forwarded-Proto:" END, false, FORWARDED_UNTOLD},
	    {FWD "for=192.0.2.1;proto=https" END, false, FORWARDED_UNTOLD},
	    {FWD "for=192.0.2.1;proto=https" END, true, FORWARDED_TLS},
	    {FWD "for=192.0.2.1;proto=\"https\"" END, true, FORWARDED_TLS},
	    {FWD "for=192.0.2.1;proto=http, for=10.1.1.1;proto=https" END, true, FORWARDED_TLS},
	    {FWD "for=192.0.2.1;proto=https, for=10.1.1.1;proto=http" END, true, FORWARDED_PLAIN},
	    {FWD "for=192.0.2.1;proto=https, for=10.1.1.1" END, true, FORWARDED_UNTOLD},
	    {FWD "for=_x;proto=https" END, true, FORWARDED_TLS},
	    {FWD "for=192.0.2.1" END "X-Forwarded-Proto: https" END, true, FORWARDED_UNTOLD},
	};
	struct forwarded f;

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		ask(cases[i].fields, cases[i].rfc7239, &f);
		if (f.tls != cases[i].tls)
			fail_msg("%d instead of %d: %s", f.tls, cases[i].tls, cases[i].fields);
	}
}

/* However long a chain is and wherever its lines are split, the same one is found. */
static void chains_are_read_at_random_splits(void **state)
{
	char text[ADDR_TEXT];
	struct forwarded f;

	(void)state;
	srand(11);
	for (int round = 0; round < 500; round++) {
		bool rfc7239 = round % 2;
		const char *begin = rfc7239 ? FWD "for=" : XFF;
		struct buf b = {0};

		buf_addf(&b, "%s6.6.6.6, %s192.0.2.1", begin, rfc7239 ? "for=" : "");
		for (int n = rand() % 20; n > 0; n--)
			buf_addf(&b, "%s10.0.0.%d",
				 rand() % 3 == 0 ? rfc7239 ? "\r\n" FWD "for=" : "\r\n" XFF
				 : rfc7239	 ? ", for="
						 : ",",
				 rand() % 256);
		buf_addz(&b, "\r\n");
		buf_addc(&b, 0);
		ask(buf_data(&b), rfc7239, &f);
		assert_string_equal(addr_print(&f.client, false, text), "192.0.2.1");
		buf_clear(&b);
	}
}

static void those_who_are_trusted_are_known(void **state)
{
	struct forwarded_rules rules = {trusted, LEN(trusted), false}, none = {NULL, 0, false};
	struct addr a;

	(void)state;
	assert_true(addr_parse(&a, SLICE("10.255.0.1"), false));
	assert_true(forwarded_trusts(&rules, &a));
	assert_false(forwarded_trusts(&none, &a));
	assert_true(addr_parse(&a, SLICE("127.0.0.2"), false));
	assert_false(forwarded_trusts(&rules, &a));
	a.family = ADDR_UNIX;
	assert_false(forwarded_trusts(&rules, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(x_forwarded_for_is_walked_from_the_right),
	    cmocka_unit_test(forwarded_is_walked_from_the_right),
	    cmocka_unit_test(the_nearest_proxy_says_whether_it_was_tls),
	    cmocka_unit_test(chains_are_read_at_random_splits),
	    cmocka_unit_test(those_who_are_trusted_are_known),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

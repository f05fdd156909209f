/* Which certificates are taken, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_shake.h"

static struct cert ca, other_ca, middle, good, self;
static const char *ca_file, *self_file, *both_file;

static struct cert_spec dated(const char *alt, int from, int until)
{
	return (struct cert_spec){.name = "x", .alt = alt, .from = from, .until = until};
}

static void try(struct tls_client_config config, const char *domain, const struct cert *c,
		const struct cert *chain, char text[TEXT_MAX])
{
	struct tls_client *t = new_client(config);
	SSL_CTX *ctx = certs_server(c, chain);
	SSL *client = tls_client_ssl(t, domain, false), *server = SSL_new(ctx);

	shake(client, server, text);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	tls_client_free(t);
}

static void the_domain_may_stand_in_several_places(void **state)
{
	static const struct {
		const char *alt, *domain;
		bool taken;
	} v[] = {
	    {"DNS:a.example", "a.example", true},
	    {"DNS:a.example", "A.Example", true},
	    {"DNS:a.example", "a.example.", true},
	    {"DNS:A.EXAMPLE", "a.example", true},
	    {"DNS:x.example,DNS:a.example", "a.example", true},
	    {"DNS:b.example", "a.example", false},
	    {"DNS:a.example", "b.a.example", false},
	    {"DNS:b.a.example", "a.example", false},
	    {"DNS:b.a.example", ".a.example", false},
	    {"DNS:a.example", "", false},
	    {"DNS:*.a.example", "b.a.example", true},
	    {"DNS:*.a.example", "a.example", false},
	    {"DNS:*.a.example", "c.b.a.example", false},
	    {"DNS:b*.a.example", "bc.a.example", false},
	    {"DNS:*b.a.example", "cb.a.example", false},
	    {"DNS:a.*.example", "a.b.example", false},
	    {"DNS:*.*.example", "a.b.example", false},
	    {"DNS:*.example", "a.example", false},
	    {"DNS:*", "example", false},
	    {XMPP_ADDR("a.example"), "a.example", true},
	    {XMPP_ADDR("A.example"), "a.eXample", true},
	    {XMPP_ADDR("a.example") ",DNS:b.example", "a.example", true},
	    {XMPP_ADDR("a.example") ",DNS:b.example", "b.example", true},
	    {XMPP_ADDR("*.example"), "a.example", false},
	    {XMPP_ADDR("user@a.example"), "a.example", false},
	    {XMPP_ADDR("a.example.b"), "a.example", false},
	    {SRV_NAME("_xmpp-client.a.example"), "a.example", true},
	    {SRV_NAME("_XMPP-client.a.example"), "a.example", true},
	    {SRV_NAME("_xmpp-server.a.example"), "a.example", false},
	    {SRV_NAME("a.example"), "a.example", false},
	    {SRV_NAME("_xmpp-client."), "", false},
	    {SRV_NAME("_xmpp-client.*.example"), "a.example", false},
	    {"otherName:1.3.6.1.5.5.7.8.5;IA5:a.example", "a.example", false},
	    {"otherName:1.2.3.4;UTF8:a.example", "a.example", false},
	    {"email:me@a.example", "a.example", false},
	    {"URI:xmpp://a.example", "a.example", false},
	    {"IP:127.0.0.1", "127.0.0.1", true},
	    {"IP:127.0.0.1", "127.0.0.2", false},
	    {"IP:::1", "[::1]", true},
	    {"DNS:127.0.0.1", "127.0.0.2", false},
	    {NULL, "a.example", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		/* The common name is right each time and is not to count. */
		struct cert_spec spec = {.name = v[i].domain[0] ? v[i].domain : "x",
					 .alt = v[i].alt};
		struct cert c = cert_new(spec, &ca);
		char text[TEXT_MAX];

		try(trusting(ca_file), v[i].domain, &c, NULL, text);
		if (v[i].taken != !text[0])
			fail_msg("%s for %s: \"%s\"", v[i].alt, v[i].domain, text);
		if (text[0])
			assert_starts(text, "certificate is for ");
		cert_free(&c);
	}
}

static void a_wrong_name_is_told_with_the_right_ones(void **state)
{
	struct cert c = cert_new(
	    (struct cert_spec){.name = "x",
			       .alt = "DNS:a.example," XMPP_ADDR("b.example") "," SRV_NAME(
				   "_xmpp-client.c.example") ",DNS:d.example,IP:::1,DNS:e.example"},
	    &ca);
	char text[TEXT_MAX], want[TEXT_MAX], day[11];

	(void)state;
	cert_day(&c, true, day);
	try(trusting(ca_file), "wanted.example", &c, NULL, text);
	snprintf(
	    want, sizeof(want),
	    "certificate is for a.example, b.example, _xmpp-client.c.example and 2 more, not for "
	    "wanted.example (it is valid until %s)",
	    day);
	assert_string_equal(text, want);
	cert_free(&c);
	c = cert_new((struct cert_spec){.name = "wanted.example"}, &ca);
	try(trusting(ca_file), "wanted.example", &c, NULL, text);
	assert_starts(text, "certificate is for no domain, not for wanted.example");
	cert_free(&c);
}

static void names_cannot_confuse_the_log(void **state)
{
	char domain[2000], text[TEXT_MAX];
	struct cert c =
	    cert_new((struct cert_spec){.name = "x", .alt = "DNS:a\nb\"c\x7f.example"}, &ca);

	(void)state;
	memset(domain, 'd', sizeof(domain));
	domain[sizeof(domain) - 1] = 0;
	try(trusting(ca_file), domain, &c, NULL, text);
	assert_starts(text, "certificate is for a?b?c?.example, not for dddd");
	assert_true(strlen(text) < 250);
	cert_free(&c);
}

static void an_expired_one_is_told_with_its_day(void **state)
{
	struct cert c = cert_new(dated("DNS:a.example", -30, -10), &ca);
	char text[TEXT_MAX], want[TEXT_MAX], day[11];

	(void)state;
	cert_day(&c, true, day);
	snprintf(want, sizeof(want),
		 "certificate expired on %s (it is for a.example, valid until %s)", day, day);
	try(trusting(ca_file), "a.example", &c, NULL, text);
	assert_string_equal(text, want);
	cert_free(&c);

	c = cert_new(dated("DNS:a.example", 10, 30), &ca);
	cert_day(&c, false, day);
	snprintf(want, sizeof(want), "certificate is not valid before %s, so one of", day);
	try(trusting(ca_file), "a.example", &c, NULL, text);
	assert_starts(text, want);
	cert_free(&c);
}

static void an_expired_authority_is_named(void **state)
{
	struct cert old = cert_new(
	    (struct cert_spec){.name = "Old CA", .from = -30, .until = -10, .ca = true}, &ca);
	struct cert c = cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, &old);
	char text[TEXT_MAX], want[TEXT_MAX], day[11];

	(void)state;
	cert_day(&old, true, day);
	snprintf(want, sizeof(want),
		 "certificate of the authority \"Old CA\" expired on %s (it is for "
		 "a.example",
		 day);
	try(trusting(ca_file), "a.example", &c, &old, text);
	assert_starts(text, want);
	cert_free(&c);
	cert_free(&old);
}

static void a_self_signed_one_is_told_with_its_pin(void **state)
{
	char text[TEXT_MAX], want[TEXT_MAX], pin[72];

	(void)state;
	cert_pin(&self, pin);
	snprintf(
	    want, sizeof(want),
	    "certificate is self-signed; to trust it, name it in tls_ca, or in tls_pins as %s (it "
	    "is for "
	    "a.example, valid until 2",
	    pin);
	try(trusting(ca_file), "a.example", &self, NULL, text);
	assert_starts(text, want);
	try(trusting(self_file), "a.example", &self, NULL, text);
	assert_string_equal(text, "");
	try(trusting(self_file), "b.example", &self, NULL, text);
	assert_starts(text, "certificate is for a.example, not for b.example");
}

static void an_unknown_authority_is_named(void **state)
{
	struct cert c =
	    cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, &other_ca);
	struct cert deep =
	    cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, &middle);
	char text[TEXT_MAX];

	(void)state;
	try(trusting(ca_file), "a.example", &c, NULL, text);
	assert_starts(text,
		      "certificate is not signed by a known authority (tls_ca) but by "
		      "\"Other CA\", whose own certificate the server does not send (it is for "
		      "a.example");
	/* With its authority sent along, which makes it no better. */
	try(trusting(ca_file), "a.example", &c, &other_ca, text);
	assert_starts(text, "certificate is not signed by a known authority (tls_ca) but by "
			    "\"Other CA\" (it is for a.example");
	try(trusting(both_file), "a.example", &c, NULL, text);
	assert_string_equal(text, "");
	/* The intermediate one left out, sent, and named as an authority itself. */
	try(trusting(ca_file), "a.example", &deep, NULL, text);
	assert_starts(text, "certificate is not signed by a known authority (tls_ca) but by "
			    "\"Middle CA\", whose own certificate the server does not send");
	try(trusting(ca_file), "a.example", &deep, &middle, text);
	assert_string_equal(text, "");
	try(trusting(certs_pem("middle.pem", &middle, NULL)), "a.example", &deep, NULL, text);
	assert_string_equal(text, "");
	cert_free(&c);
	cert_free(&deep);
}

static void the_systems_authorities_are_the_default(void **state)
{
	struct tls_client_config config = {.verify = true};
	char text[TEXT_MAX];

	(void)state;
	setenv("SSL_CERT_DIR", "/nonexistent", 1);
	setenv("SSL_CERT_FILE", ca_file, 1);
	try(config, "a.example", &good, NULL, text);
	assert_string_equal(text, "");
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	try(config, "a.example", &good, NULL, text);
	assert_starts(text, "certificate is not signed by a known authority (tls_ca; this "
			    "machine has none, install ca-certificates) but by \"Test CA\"");
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
}

static void one_that_is_not_for_servers_is_refused(void **state)
{
	struct cert c = cert_new(
	    (struct cert_spec){.name = "x", .alt = "DNS:a.example", .usage = "clientAuth"}, &ca);
	char text[TEXT_MAX];

	(void)state;
	try(trusting(ca_file), "a.example", &c, NULL, text);
	assert_starts(text, "certificate is not acceptable: ");
	assert_holds(text, "purpose");
	cert_free(&c);
}

static void a_pin_stands_in_for_everything_else(void **state)
{
	struct cert old = cert_new(dated("DNS:b.example", -30, -10), &other_ca);
	char text[TEXT_MAX], mine[72], another[72], want[TEXT_MAX];
	const char *pins[] = {another, mine, NULL}, *wrong[] = {another, NULL};

	(void)state;
	cert_pin(&old, mine);
	cert_pin(&self, another);
	for (int verify = 0; verify < 2; verify++) {
		try((struct tls_client_config){.verify = verify, .pins = pins}, "a.example", &old,
		    NULL, text);
		assert_string_equal(text, "");
		try((struct tls_client_config){.verify = verify, .pins = wrong}, "a.example", &good,
		    NULL, text);
		cert_pin(&good, mine);
		snprintf(want, sizeof(want),
			 "certificate is not the pinned one but %s (it is for a.example", mine);
		assert_starts(text, want);
		cert_pin(&old, mine);
		for (char *p = mine + 7; *p; p++)
			*p = *p >= 'a' ? *p - 'a' + 'A' : *p;
	}
	cert_free(&old);
}

static void without_verification_any_is_taken(void **state)
{
	struct cert old = cert_new(dated(NULL, -30, -10), NULL);
	char text[TEXT_MAX];

	(void)state;
	try((struct tls_client_config){.verify = false}, "a.example", &old, NULL, text);
	assert_string_equal(text, "");
	cert_free(&old);
}

static int begin(void **state)
{
	(void)state;
	certs_begin();
	ca = cert_new((struct cert_spec){.name = "Test CA", .ca = true}, NULL);
	other_ca = cert_new((struct cert_spec){.name = "Other CA", .ca = true}, NULL);
	middle = cert_new((struct cert_spec){.name = "Middle CA", .ca = true}, &ca);
	good = cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, &ca);
	self = cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, NULL);
	ca_file = certs_pem("ca.pem", &ca, NULL);
	self_file = certs_pem("self.pem", &self, NULL);
	both_file = certs_pem("both.pem", &ca, &other_ca);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	cert_free(&ca);
	cert_free(&other_ca);
	cert_free(&middle);
	cert_free(&good);
	cert_free(&self);
	certs_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_domain_may_stand_in_several_places),
	    cmocka_unit_test(a_wrong_name_is_told_with_the_right_ones),
	    cmocka_unit_test(names_cannot_confuse_the_log),
	    cmocka_unit_test(an_expired_one_is_told_with_its_day),
	    cmocka_unit_test(an_expired_authority_is_named),
	    cmocka_unit_test(a_self_signed_one_is_told_with_its_pin),
	    cmocka_unit_test(an_unknown_authority_is_named),
	    cmocka_unit_test(the_systems_authorities_are_the_default),
	    cmocka_unit_test(one_that_is_not_for_servers_is_refused),
	    cmocka_unit_test(a_pin_stands_in_for_everything_else),
	    cmocka_unit_test(without_verification_any_is_taken),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}

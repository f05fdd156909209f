/* STARTTLS up to the handshake: whole, byte by byte, in odd pieces, and what a server should not
 * say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "proto/starttls.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))
#define HEAD                                                         \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:client' " \
	"xmlns:stream='" NS_STREAM "' id='1' from='example.org' version='1.0'>"
#define OFFER "<starttls xmlns='" NS_TLS "'/>"
#define FEATURES(inside) "<stream:features>" inside "</stream:features>"
#define PROCEED "<proceed xmlns='" NS_TLS "'/>"

struct outcome {
	enum starttls_result result;
	size_t left; /* bytes behind the decision */
	char text[96];
	struct buf out;
};

static struct outcome play(const char *text, size_t step)
{
	struct outcome o = {0};
	struct starttls s;
	struct buf in = {0};
	size_t n = strlen(text), used;

	starttls_init(&s);
	for (size_t at = 0; at < n && o.result == STARTTLS_MORE; at += step) {
		buf_add(&in, text + at, n - at < step ? n - at : step);
		o.result = starttls_eat(&s, buf_slice(&in), &used, &o.out);
		buf_eat(&in, used);
	}
	o.left = in.len;
	snprintf(o.text, sizeof(o.text), "%s", starttls_text(&s));
	buf_clear(&in);
	starttls_clear(&s);
	return o;
}

static void expect(const char *server, enum starttls_result want, bool asked, const char *text)
{
	static const size_t steps[] = {1000000, 1, 2, 3, 7, 64};

	for (size_t i = 0; i < LENGTH(steps); i++) {
		struct outcome o = play(server, steps[i]);

		if (o.result != want || strcmp(o.text, text) != 0)
			print_error("step %zu: result %d, text \"%s\"\nof %.300s\n", steps[i],
				    o.result, o.text, server);
		assert_int_equal(o.result, want);
		assert_string_equal(o.text, text);
		assert_true(slice_eq(buf_slice(&o.out), asked ? SLICE(OFFER) : SLICE("")));
		buf_clear(&o.out);
	}
}

static void the_header_names_the_domain_and_not_who_asks(void **state)
{
	struct buf out = {0};

	(void)state;
	starttls_open(&out, SLICE("example.org"));
	assert_true(slice_is(buf_slice(&out),
			     "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' "
			     "xmlns='jabber:client' xmlns:stream='" NS_STREAM "'>"));
	buf_clear(&out);
}

static void what_is_offered_is_asked_for_and_granted(void **state)
{
	static const char *const good[] = {
	    HEAD FEATURES(OFFER) PROCEED,
	    HEAD "\n " FEATURES("\n" OFFER "\n") "\n" PROCEED,
	    HEAD FEATURES("<starttls xmlns='" NS_TLS "'><required/></starttls>") PROCEED,
	    HEAD FEATURES("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN"
			  "</mechanism></mechanisms>" OFFER) PROCEED,
	    HEAD FEATURES("<t:starttls xmlns:t='" NS_TLS "'/>") "<t:proceed xmlns:t='" NS_TLS "'/>",
	    HEAD FEATURES("<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tl&#115;\"/>") PROCEED,
	    "<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM "' xmlns:t='" NS_TLS
	    "' version='1.0'>" FEATURES("<t:starttls/>") "<t:proceed/>",
	    "<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM
	    "' version='1.0'><stream:features xmlns:t='" NS_TLS
	    "'><t:starttls/></stream:features>" PROCEED,
	    "<stream xmlns='" NS_STREAM "' version='1.0'><features>" OFFER "</features>" PROCEED,
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++)
		expect(good[i], STARTTLS_PROCEED, true, "");
}

static void what_is_not_offered_is_not_asked_for(void **state)
{
	static const char *const without[] = {
	    HEAD "<stream:features/>",
	    HEAD FEATURES(""),
	    HEAD FEATURES("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
	    HEAD FEATURES("<starttls xmlns='urn:other'/>"),
	    HEAD FEATURES("<starttls/>"),
	    HEAD FEATURES("<t:starttls xmlns:t='urn:other'/>"),
	    HEAD FEATURES("<a xmlns='b'>" OFFER "</a>"),
	    HEAD FEATURES("<stoptls xmlns='" NS_TLS "'/>"),
	    /* before XMPP 1.0 there are no features at all */
	    "<stream:stream xmlns='jabber:client' xmlns:stream='" NS_STREAM "' id='7'>",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(without); i++)
		expect(without[i], STARTTLS_NOT_OFFERED, false, "");
}

static void faults_are_told_in_words(void **state)
{
	static const struct {
		const char *server;
		bool asked;
		const char *text;
	} bad[] = {
	    {HEAD FEATURES(OFFER) "<failure xmlns='" NS_TLS "'/></stream:stream>", true,
	     "the server refuses STARTTLS though it offers it"},
	    {HEAD "<stream:error><host-unknown xmlns='" NS_STREAM_ERRORS "'/></stream:error>",
	     false, "stream error host-unknown"},
	    {HEAD FEATURES(OFFER) "<stream:error><system-shutdown xmlns='" NS_STREAM_ERRORS
				  "'/><text xmlns='" NS_STREAM_ERRORS
				  "'>bye</text></stream:error></stream:stream>",
	     true, "stream error system-shutdown"},
	    {HEAD "<stream:error/>", false, "stream error unknown"},
	    {HEAD "<stream:error>\"x\" event=a</stream:error>", false, "stream error unknown"},
	    {HEAD "<stream:error><a\xc3\xa4/></stream:error>", false, "stream error a"},
	    {HEAD "</stream:stream>", false, "the server ended the stream before TLS"},
	    {HEAD FEATURES(OFFER) "</stream:stream>", true,
	     "the server ended the stream before TLS"},
	    {HEAD "<message/>", false, "no stream features came first"},
	    {HEAD PROCEED, false, "no stream features came first"},
	    {HEAD FEATURES(OFFER) "<message/>", true,
	     "something else came instead of an answer to STARTTLS"},
	    {HEAD FEATURES(OFFER) "<proceed/>", true,
	     "something else came instead of an answer to STARTTLS"},
	    {HEAD FEATURES(OFFER) "<success xmlns='" NS_TLS "'/>", true,
	     "something else came instead of an answer to STARTTLS"},
	    {HEAD FEATURES(OFFER) FEATURES(OFFER), true,
	     "features came instead of an answer to STARTTLS"},
	    {"HTTP/1.1 400 Bad Request\r\n\r\n", false, "what came is no XMPP stream"},
	    {"<html></html>", false, "what came is no XMPP stream"},
	    {"220 mail.example.org ESMTP\r\n", false, "what came is no XMPP stream"},
	    {"\x15\x03\x01\x00\x02\x02\x46", false, "what came is no XMPP stream"},
	    {HEAD "<!-- x -->", false, "what came is no XMPP stream"},
	    {"<!DOCTYPE a [<!ENTITY b 'c'>]>", false, "what came is no XMPP stream"},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++)
		expect(bad[i].server, STARTTLS_FAILED, bad[i].asked, bad[i].text);
}

/* RFC 6120 5.4.3.3: whatever was put behind <proceed/> is left for the caller to see. */
static void what_follows_proceed_is_not_eaten(void **state)
{
	struct outcome o = play(HEAD FEATURES(OFFER) PROCEED "<iq/>", 1000000);

	(void)state;
	assert_int_equal(o.result, STARTTLS_PROCEED);
	assert_int_equal(o.left, 5);
	buf_clear(&o.out);
}

static void an_endless_element_is_refused(void **state)
{
	size_t n = 3 * STARTTLS_IN_MAX;
	char *text = mem_alloc(n + 1);
	static const char *const starts[] = {HEAD "<stream:features><a>",
					     HEAD "<stream:features b='", "<stream:stream a='",
					     "<?xml version='1.0"};

	(void)state;
	for (size_t i = 0; i < LENGTH(starts); i++)
		for (size_t step = 4096; step <= n; step += n - 4096) {
			struct outcome o;

			memset(text, 'x', n);
			text[n] = '\0';
			memcpy(text, starts[i], strlen(starts[i]));
			o = play(text, step);
			assert_int_equal(o.result, STARTTLS_FAILED);
			assert_true(step == n || o.left <= STARTTLS_IN_MAX + 4096);
			buf_clear(&o.out);
		}
	free(text);
}

/* Blanks may keep a stream alive for ever; they take no room. */
static void blanks_are_eaten(void **state)
{
	size_t n = 4 * STARTTLS_IN_MAX;
	char *text = mem_alloc(n + 1);
	struct outcome o;

	(void)state;
	memset(text, ' ', n);
	text[n] = '\0';
	memcpy(text, HEAD, strlen(HEAD));
	o = play(text, 1000);
	assert_int_equal(o.result, STARTTLS_MORE);
	assert_int_equal(o.left, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_header_names_the_domain_and_not_who_asks),
	    cmocka_unit_test(what_is_offered_is_asked_for_and_granted),
	    cmocka_unit_test(what_is_not_offered_is_not_asked_for),
	    cmocka_unit_test(faults_are_told_in_words),
	    cmocka_unit_test(what_follows_proceed_is_not_eaten),
	    cmocka_unit_test(an_endless_element_is_refused),
	    cmocka_unit_test(blanks_are_eaten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

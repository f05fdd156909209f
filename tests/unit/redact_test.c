/* Redaction: what is on the list is shown, all else is a length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/redact.h"

static void is_shown(const char *element, bool bodies, const char *want)
{
	struct buf out = {0};

	BUF_LIT(&out, "> ");
	redact(&out, slice_str(element), SLICE(NS_CLIENT), bodies);
	buf_addc(&out, '\0');
	assert_string_equal(buf_data(&out) + 2, want);
	buf_clear(&out);
}

static void what_is_on_the_list_is_shown(void **state)
{
	static const struct {
		const char *in, *out;
	} good[] = {
	    {"<presence/>", "<presence/>"},
	    {"<iq type='set' id='a-1' to='example.org'><bind xmlns='" NS_BIND
	     "'><resource>phone</resource></bind></iq>",
	     "<iq type='set' id='a-1' to='example.org'><bind xmlns='" NS_BIND
	     "'><resource>[5]</resource></bind></iq>"},
	    {"<iq id=\"b\" type=\"result\"><bind xmlns=\"" NS_BIND
	     "\"><jid>a@example.org/x</jid></bind></iq>",
	     "<iq id='b' type='result'><bind xmlns='" NS_BIND
	     "'><jid>a@example.org/x</jid></bind></iq>"},
	    {"<message to='b@example.org/&apos;' id='1'  type='chat' ><body>hello</body>"
	     "<thread>t</thread></message>",
	     "<message to='b@example.org/&apos;' id='1' type='chat'><body>[5]</body>"
	     "<thread>[1]</thread></message>"},
	    {"<presence><show>away</show><status>at the "
	     "sea</status><priority>-5</priority></presence>",
	     "<presence><show>away</show><status>[10]</status><priority>-5</priority></presence>"},
	    {"<stream:features xmlns:stream='" NS_STREAM "'><mechanisms xmlns='"
	     "urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms>"
	     "</stream:features>",
	     "<stream:features xmlns:stream='" NS_STREAM "'><mechanisms xmlns='"
	     "urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms>"
	     "</stream:features>"},
	    {"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>",
	     "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"},
	    {"<a xmlns='urn:xmpp:sm:3' h='17'/>", "<a xmlns='urn:xmpp:sm:3' h='17'/>"},
	    {"<stream:stream to='example.org' version='1.0' xmlns='jabber:client' id='4711'>",
	     "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' id='[4]'>"},
	    {"<x xmlns='http://example.org/private?token=1' a:b='c'/>",
	     "<x xmlns='[34]' a:b='[1]'/>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		is_shown(good[i].in, false, good[i].out);
}

static void bodies_are_shown_where_that_is_wanted(void **state)
{
	(void)state;
	is_shown("<message><body>hello &amp; bye</body><subject>s</subject></message>", true,
		 "<message><body>hello &amp; bye</body><subject>[1]</subject></message>");
	is_shown("<message><body xmlns='urn:x'>hello</body></message>", true,
		 "<message><body xmlns='[5]'>[5]</body></message>");
	is_shown("<message><x><body>hello</body></x></message>", true,
		 "<message><x><body>[5]</body></x></message>");
	is_shown("<iq><body>hello</body></iq>", true, "<iq><body>[5]</body></iq>");
}

/* Each holds S3cret somewhere, where XMPP has its secrets. */
static void no_secret_is_shown(void **state)
{
	static const char *const secrets[] = {
	    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>S3cret</auth>",
	    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='S3cret'/>",
	    "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>S3cret</response>",
	    "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>S3cret</challenge>",
	    "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>S3cret</success>",
	    "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'><initial-response>"
	    "S3cret</initial-response><user-agent id='S3cret'><software>S3cret</software>"
	    "</user-agent><fast xmlns='urn:xmpp:fast:0' count='1'/></authenticate>",
	    "<success xmlns='urn:xmpp:sasl:2'><additional-data>S3cret</additional-data>"
	    "<token xmlns='urn:xmpp:fast:0' expiry='2030-01-01T00:00:00Z' "
	    "token='S3cret'/></success>",
	    "<iq type='set' id='1'><query xmlns='jabber:iq:auth'><username>a</username>"
	    "<digest>S3cret</digest><password>S3cret</password></query></iq>",
	    "<iq type='set' id='1'><query xmlns='jabber:iq:register'><password>S3cret</password>"
	    "<x xmlns='jabber:x:data' type='submit'><field var='password'><value>S3cret</value>"
	    "</field></x></query></iq>",
	    "<enabled xmlns='urn:xmpp:sm:3' id='S3cret' resume='true'/>",
	    "<resume xmlns='urn:xmpp:sm:3' previd='S3cret' h='1'/>",
	    "<resumed xmlns='urn:xmpp:sm:3' previd='S3cret' h='1'/>",
	    "<stream:stream xmlns:stream='" NS_STREAM "' id='S3cret'>",
	    "<presence to='room@muc.example.org/me'><x xmlns='http://jabber.org/protocol/muc'>"
	    "<password>S3cret</password></x></presence>",
	    "<iq type='result'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://u/S3cret'>"
	    "<header name='Authorization'>Basic S3cret</header></put></slot></iq>",
	    "<message><body>S3cret</body></message>",
	    "<body key='S3cret' newkey='S3cret' sid='S3cret' "
	    "xmlns='http://jabber.org/protocol/httpbind'/>",
	    "<iq type='S3cret'/>",
	    "<x xmlns='https://example.org/S3cret'/>",
	    "<iq><bind xmlns='urn:x'><jid>S3cret</jid></bind></iq>",
	    "<iq>S3cret<query xmlns='x'/>S3cret</iq>",
	    "<handshake xmlns='jabber:component:accept'>S3cret</handshake>",
	    "<iq id='1'><query xmlns='urn:xmpp:extdisco:2'><service "
	    "password='S3cret'/></query></iq>",
	    /* no element: nothing is told but its length */
	    "S3cret",
	    "<S3cret",
	    "<a>S3cret",
	    "<a b=S3cret>",
	    "<a b='S3cret>",
	    "<a><S3cret></a>",
	    "<a/>S3cret",
	    "<!--S3cret--><a/>",
	    "<a><![CDATA[S3cret]]></a>",
	    "<?S3cret?><a/>",
	    "<a b='<S3cret'/>",
	    "<a></S3cret>",
	    "<a>S3cret></a>",
	    "<a S3cret/>",
	    "<a b='c'S3cret='d'/>",
	    "</S3cret>",
	    "< S3cret/>",
	    "<a/ S3cret>",
	    "<a><b></a></S3cret>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		struct buf out = {0};

		redact(&out, slice_str(secrets[i]), SLICE(NS_CLIENT), false);
		buf_addc(&out, '\0');
		if (strstr(buf_data(&out), "S3cret"))
			fail_msg("%s: %s", secrets[i], buf_data(&out));
		buf_clear(&out);
	}
}

static void what_is_no_element_is_a_length(void **state)
{
	(void)state;
	is_shown("<a>S3cret", false, "[9]");
	is_shown("hello", true, "[5]");
	is_shown("", true, "[0]");
	is_shown("<a><b></a>", false, "[10]");
	is_shown("<a/><b/>", false, "[8]");
}

static void it_never_shows_much(void **state)
{
	struct buf in = {0}, out = {0};

	(void)state;
	BUF_LIT(&in, "<message><body>");
	for (int i = 0; i < 2000; i++)
		BUF_LIT(&in, "\xe2\x82\xac");
	BUF_LIT(&in, "</body></message>");
	redact(&out, buf_slice(&in), SLICE(NS_CLIENT), true);
	assert_true(out.len < 1200 && xml_utf8(buf_slice(&out)));
	buf_reset(&in);
	buf_reset(&out);
	for (int i = 0; i < 3000; i++)
		BUF_LIT(&in, "<a b='c'>");
	for (int i = 0; i < 3000; i++)
		BUF_LIT(&in, "</a>");
	redact(&out, buf_slice(&in), SLICE(NS_CLIENT), true);
	assert_true(out.len > 4000 && out.len < REDACT_MAX + 300);
	buf_clear(&in);
	buf_clear(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_on_the_list_is_shown),
	    cmocka_unit_test(bodies_are_shown_where_that_is_wanted),
	    cmocka_unit_test(no_secret_is_shown),
	    cmocka_unit_test(what_is_no_element_is_a_length),
	    cmocka_unit_test(it_never_shows_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

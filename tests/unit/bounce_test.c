/* The bounce rule, as a table: which stanzas are returned, as what; and the ring that keeps them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/bounce.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))
#define JID "u@e.org/r"
#define GONE                                                                                      \
	"<error type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" \
	"</error></message>"
#define NOBODY                                                                                    \
	"<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" \
	"</error></iq>"
#define LOST                                                                                      \
	"<error type='wait'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" \
	"</error></message>"

/* An element by its text, as far as the rule looks at it. */
static struct xml_element element_of(const char *text)
{
	struct xml_element e = {.bytes = slice_str(text)};
	struct xml_tag t;

	assert_true(xml_tag_open(&t, e.bytes));
	e.name = t.name;
	return e;
}

static const struct {
	const char *stanza, *returned;
} good[] = {
    {"<message from='a@b/c' to='" JID "' type='chat' id='7'><body>x</body></message>",
     "<message type='error' to='a@b/c' from='" JID "' id='7'>" GONE},
    {"<message from='a@b' to='u@e.org'/>", "<message type='error' to='a@b' from='u@e.org'>" GONE},
    {"<message from='a@b' id=''/>", "<message type='error' to='a@b' id=''>" GONE},
    {"<message type='normal' from='a@b'/>", "<message type='error' to='a@b'>" GONE},
    {"<message type='no such type' from='a@b'/>", "<message type='error' to='a@b'>" GONE},
    {"<iq type='get' from='a@b' to='" JID "' id='q'><ping xmlns='urn:xmpp:ping'/></iq>",
     "<iq type='error' to='a@b' from='" JID "' id='q'>" NOBODY},
    {"<iq type='set' id='push'><query xmlns='jabber:iq:roster'/></iq>",
     "<iq type='error' id='push'>" NOBODY},
    /* what else stands in a start tag stays away */
    {"<message xml:lang='de' from='a@b' id='1' x:y='z' xmlns:x='w'/>",
     "<message type='error' to='a@b' id='1'>" GONE},
    /* quotes are not carried over */
    {"<message from=\"o'neil@b/it's\" id='&quot;\"'/>",
     "<message type='error' to='o&apos;neil@b/it&apos;s' id='&quot;\"'>" GONE},
    /* an address that is not the client's own goes nowhere as `from` */
    {"<message from='a@b' to='u@e.org/other'/>", "<message type='error' to='a@b'>" GONE},
    {"<message from='a@b' to='u@e.or'/>", "<message type='error' to='a@b'>" GONE},
    {"<message from='a@b' to='room@muc'/>", "<message type='error' to='a@b'>" GONE},
    {"<message from='a@b' to=''/>", "<message type='error' to='a@b'>" GONE},
    {"<message from='a@b'><body>urn:xmpp:forward:0</body></message>",
     "<message type='error' to='a@b'>" GONE},
    {"<message from='a@b'><x xmlns='urn:xmpp:forward:0'/></message>",
     "<message type='error' to='a@b'>" GONE},
    {"<message from='a@b'><a><b><forwarded xmlns='urn:xmpp:forward:0'/></b></a></message>",
     "<message type='error' to='a@b'>" GONE},
};

static const char *const bad[] = {
    "<message from='a@b' type='error' id='1'><error/></message>",
    "<message from='a@b' type='groupchat' id='1'/>",
    "<message from='a@b' type='headline' id='1'/>",
    "<message from='a@b' type='headlin&#101;' id='1'/>",
    "<message id='1'><body>from nobody</body></message>",
    "<message from=''/>",
    "<message from='u@e.org'><received xmlns='urn:xmpp:carbons:2'><forwarded "
    "xmlns='urn:xmpp:forward:0'><message/></forwarded></received></message>",
    "<message from='u@e.org'><result xmlns='urn:xmpp:mam:2' id='1'><forwarded "
    "xmlns='urn:xmpp:forward:0'/></result></message>",
    "<message from='u@e.org'><body>see</body><f:forwarded xmlns:f='urn:xmpp:forward:0'/></message>",
    "<iq from='a@b' type='result' id='1'/>",
    "<iq from='a@b' type='error' id='1'/>",
    "<iq from='a@b' id='1'/>",
    "<presence from='a@b'/>",
    "<presence from='a@b' type='subscribe' id='1'/>",
};

static void what_is_returned_goes_to_its_sender(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		struct xml_element e = element_of(good[i].stanza);
		struct buf out = {0};
		struct bounce b;

		if (!bounce_of(&b, &e, xml_stanza_kind(e.name)))
			fail_msg("%s", good[i].stanza);
		bounce_return(&out, &b, SLICE(JID));
		if (!slice_is(buf_slice(&out), good[i].returned))
			fail_msg("%s\n  gives: %.*s", good[i].stanza, (int)out.len, buf_data(&out));
		buf_clear(&out);
	}
}

static void what_must_not_come_back_does_not(void **state)
{
	struct bounce b;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct xml_element e = element_of(bad[i]);

		if (bounce_of(&b, &e, xml_stanza_kind(e.name)))
			fail_msg("%s", bad[i]);
	}
}

static void without_a_jid_the_server_adds_from(void **state)
{
	struct xml_element e = element_of("<message from='a@b' to='u@e.org'/>");
	struct buf out = {0};
	struct bounce b;

	(void)state;
	assert_true(bounce_of(&b, &e, STANZA_MESSAGE));
	bounce_return(&out, &b, SLICE(""));
	assert_true(slice_is(buf_slice(&out), "<message type='error' to='a@b'>" GONE));
	buf_clear(&out);
}

static void messages_of_the_client_are_reported(void **state)
{
	static const struct {
		const char *message, *report;
	} rows[] = {
	    {"<message to='a@b' id='1' type='chat'><body/></message>",
	     "<message xmlns='jabber:client' type='error' from='a@b' to='" JID "' id='1'>" LOST},
	    {"<message type='groupchat' to='room@muc'/>",
	     "<message xmlns='jabber:client' type='error' from='room@muc' to='" JID "'>" LOST},
	    {"<message id=\"it's\"/>",
	     "<message xmlns='jabber:client' type='error' to='" JID "' id='it&apos;s'>" LOST},
	    {"<message type='error' to='a@b'/>", NULL},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct buf out = {0};
		struct bounce b;

		if (bounce_of_sent(&b, slice_str(rows[i].message)) != (rows[i].report != NULL))
			fail_msg("%s", rows[i].message);
		if (!rows[i].report)
			continue;
		bounce_report(&out, &b, SLICE(JID));
		if (!slice_is(buf_slice(&out), rows[i].report))
			fail_msg("%s\n  gives: %.*s", rows[i].message, (int)out.len,
				 buf_data(&out));
		buf_clear(&out);
	}
}

/* Whoever sends a thousand bytes of id learns nothing of the message; one with a thousand bytes of
 * address gets nothing. */
static void what_is_kept_of_one_is_bounded(void **state)
{
	char text[4096];
	struct xml_element e;
	struct bounce b;

	(void)state;
	snprintf(text, sizeof(text), "<message from='a@b' to='%0500d' id='%0600d'/>", 1, 1);
	e = element_of(text);
	assert_true(bounce_of(&b, &e, STANZA_MESSAGE));
	assert_int_equal(b.from.n, 3);
	assert_int_equal(b.to.n, 0);
	assert_int_equal(b.id.n, 600);
	snprintf(text, sizeof(text), "<message from='a@b' to='%0500d' id='%01100d'/>", 1, 1);
	e = element_of(text);
	assert_true(bounce_of(&b, &e, STANZA_MESSAGE));
	assert_int_equal(b.to.n, 500);
	assert_null(b.id.p);
	snprintf(text, sizeof(text), "<message from='%01025d' to='a' id='1'/>", 1);
	e = element_of(text);
	assert_false(bounce_of(&b, &e, STANZA_MESSAGE));
	snprintf(text, sizeof(text), "<message to='%01024d' id='1'/>", 1);
	assert_true(bounce_of_sent(&b, slice_str(text)));
	assert_int_equal(b.to.n, 1024);
	assert_null(b.id.p);
}

static void the_ring_keeps_them_in_order(void **state)
{
	struct buf ring = {0};
	struct bounce b;

	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%u", i);
		bounce_keep(&ring, &(struct bounce){.number = UINT32_MAX - 100 + i,
						    .kind = i % 2 ? STANZA_IQ : STANZA_MESSAGE,
						    .from = i % 3 ? SLICE("a@b") : SLICE_NONE,
						    .to = i % 3 ? SLICE_NONE : SLICE(""),
						    .id = slice_str(id)});
		if (i % 2 == 0)
			continue;
		assert_true(bounce_first(&ring, &b));
		assert_int_equal(b.number, (uint32_t)(UINT32_MAX - 100 + i / 2));
		bounce_drop(&ring);
	}
	for (uint32_t i = 150; i < 300; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%u", i);
		assert_true(bounce_first(&ring, &b));
		assert_int_equal(b.number, (uint32_t)(UINT32_MAX - 100 + i));
		assert_int_equal(b.kind, i % 2 ? STANZA_IQ : STANZA_MESSAGE);
		assert_true(slice_is(b.id, id));
		assert_int_equal(b.from.p == NULL, i % 3 == 0);
		assert_int_equal(b.to.p != NULL && b.to.n == 0, i % 3 == 0);
		bounce_drop(&ring);
	}
	assert_false(bounce_first(&ring, &b));
	assert_null(ring.mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_returned_goes_to_its_sender),
	    cmocka_unit_test(what_must_not_come_back_does_not),
	    cmocka_unit_test(without_a_jid_the_server_adds_from),
	    cmocka_unit_test(messages_of_the_client_are_reported),
	    cmocka_unit_test(what_is_kept_of_one_is_bounded),
	    cmocka_unit_test(the_ring_keeps_them_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

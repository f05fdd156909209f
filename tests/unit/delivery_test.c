/* Delivery with played time: who enables stream management, and what is acknowledged when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "delivery_play.h"
#include "proto/resume.h"

/* --- who enables it --- */

static void for_bosh_we_ask_when_the_client_is_bound(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	assert_true(delivery_hides(&p.d));
	delivery_offered(&p.d, &p.out, p.now);
	SENT(&p, "");
	delivery_bound(&p.d, &p.out);
	SENT(&p, ENABLE);
	assert_int_equal(p.d.mode, DELIVERY_ASKED);
	delivery_bound(&p.d, &p.out);
	SENT(&p, "");
	assert_false(server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>"));
	assert_int_equal(p.d.mode, DELIVERY_ON);
	assert_null(p.d.more);
	end(&p);
}

static void a_server_that_offers_nothing_is_not_asked(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	delivery_bound(&p.d, &p.out);
	SENT(&p, "");
	assert_int_equal(p.d.mode, DELIVERY_OFF);
	end(&p);
}

static void a_websocket_client_has_a_second_after_its_first_presence(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	assert_false(delivery_hides(&p.d));
	delivery_offered(&p.d, &p.out, p.now);
	assert_true(client(&p, "<presence type='too early'/>"));
	SENT(&p, "<presence type='too early'/>");
	delivery_bound(&p.d, &p.out);
	assert_true(client(&p, "<iq type='get' id='1'/>"));
	assert_true(client(&p, "<message/>"));
	SENT(&p, "<iq type='get' id='1'/><message/>");
	wait(&p, 5000);
	assert_true(client(&p, "<presence/>"));
	SENT(&p, "<presence/>");
	wait(&p, 500);
	assert_true(client(&p, "<presence/>"));
	SENT(&p, "<presence/>");
	wait(&p, 499);
	SENT(&p, "");
	wait(&p, 1);
	SENT(&p, ENABLE);
	assert_null(p.d.more);
	assert_true(client(&p, "<presence/>"));
	SENT(&p, "<presence/>");
	assert_int_equal(counts(&p).unacknowledged, 1);
	end(&p);
}

/* SASL2 binds before the features come, and a client need not wait for these. */
static void presence_before_the_features_counts(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	delivery_bound(&p.d, &p.out);
	client(&p, "<presence/>");
	SENT(&p, "<presence/>");
	wait(&p, 3000);
	assert_null(p.d.more);
	delivery_offered(&p.d, &p.out, p.now);
	wait(&p, 999);
	SENT(&p, "");
	wait(&p, 1);
	SENT(&p, ENABLE);
	end(&p);
}

static void one_that_is_present_before_it_enables_is_left_alone(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	client(&p, "<presence/>");
	messages(&p, 1, 2);
	wait(&p, 999);
	client(&p, ENABLE);
	SENT(&p, "<presence/>" ENABLE);
	wait(&p, 10000);
	assert_int_equal(counts(&p).unproved, 2);
	assert_true(server(&p, "<enabled xmlns='urn:xmpp:sm:3' resume='true'/>"));
	assert_int_equal(p.d.mode, DELIVERY_CLIENT);
	assert_true(p.d.resumable);
	assert_null(p.d.more);
	wait(&p, 10000);
	SENT(&p, "");
	end(&p);
}

/* Nobody counts it: not the client either, whose <enable/> the server did not answer yet. */
static void what_came_in_that_second_is_returned(void **state)
{
	struct play p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&p, true);
		delivery_offered(&p.d, &p.out, p.now);
		delivery_bound(&p.d, &p.out);
		client(&p, "<presence/>");
		if (i)
			client(&p, ENABLE);
		messages(&p, 1, 2);
		proved(&p, 1);
		buf_clear(&p.out);
		delivery_end(&p.d, &p.out, 400, JID);
		SENT(&p, RETURNED("a@b", "2"));
		end(&p);
	}
}

static void a_websocket_client_that_enables_is_left_alone(void **state)
{
	static const char *const ways[] = {"<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
					   "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>",
					   "<enable xmlns='urn:xmpp:sm:2'/>"};
	struct play p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(&p, true);
		delivery_offered(&p.d, &p.out, p.now);
		delivery_bound(&p.d, &p.out);
		messages(&p, 1, 1);
		assert_true(client(&p, ways[i]));
		assert_true(client(&p, "<presence/>"));
		assert_true(client(&p, "<r xmlns='urn:xmpp:sm:3'/>"));
		assert_true(server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>"));
		assert_true(server(&p, "<r xmlns='urn:xmpp:sm:3'/>"));
		assert_true(server(&p, "<a xmlns='urn:xmpp:sm:3' h='9'/>"));
		messages(&p, 2, 3);
		buf_clear(&p.out);
		delivery_end(&p.d, &p.out, 400, JID);
		SENT(&p, "");
		assert_int_equal(p.d.mode, DELIVERY_CLIENT);
		assert_int_equal(p.answer.len, 0);
		assert_int_equal(counts(&p).unproved, 0);
		assert_null(p.d.more);
		end(&p);
	}
}

static void a_resumption_that_fails_leaves_it_open_again(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	delivery_offered(&p.d, &p.out, p.now);
	client(&p, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>");
	assert_true(server(&p, "<failed xmlns='urn:xmpp:sm:3'/>"));
	assert_int_equal(p.d.mode, DELIVERY_WAIT);
	delivery_bound(&p.d, &p.out);
	buf_clear(&p.out);
	client(&p, "<presence/>");
	wait(&p, 1000);
	SENT(&p, "<presence/>" ENABLE);
	end(&p);
}

static void where_the_client_was_refused_we_do_not_ask(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	client(&p, "<enable xmlns='urn:xmpp:sm:3'/>");
	assert_true(server(&p, "<failed xmlns='urn:xmpp:sm:3'/>"));
	assert_int_equal(p.d.mode, DELIVERY_OFF);
	buf_clear(&p.out);
	client(&p, "<presence/>");
	SENT(&p, "<presence/>");
	messages(&p, 1, 1);
	delivery_end(&p.d, &p.out, 400, JID);
	SENT(&p, RETURNED("a@b", "1"));
	end(&p);
}

static void a_client_that_comes_too_late_is_told(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	assert_false(client(&p, "<enable xmlns='urn:xmpp:sm:3'/>"));
	assert_true(slice_is(buf_slice(&p.answer), FAILED("urn:xmpp:sm:3")));
	buf_clear(&p.answer);
	assert_false(client(&p, "<resume xmlns='urn:xmpp:sm:2' h='0' previd='x'/>"));
	assert_true(slice_is(buf_slice(&p.answer), FAILED("urn:xmpp:sm:2")));
	buf_clear(&p.answer);
	assert_false(client(&p, "<a xmlns='urn:xmpp:sm:3' h='3'/>"));
	assert_false(client(&p, "<r xmlns='urn:xmpp:sm:3'/>"));
	assert_int_equal(p.answer.len, 0);
	SENT(&p, "");
	end(&p);
}

/* Hidden or not, and whatever has been settled. */
static void over_bosh_nothing_of_it_passes_at_any_time(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	for (int i = 0; i < 3; i++) {
		assert_false(client(&p, "<enable xmlns='urn:xmpp:sm:3'/>"));
		assert_true(slice_is(buf_slice(&p.answer), FAILED("urn:xmpp:sm:3")));
		buf_clear(&p.answer);
		assert_false(server(&p, "<r xmlns='urn:xmpp:sm:3'/>"));
		SENT(&p, "");
		if (i == 0)
			delivery_offered(&p.d, &p.out, p.now);
		if (i == 0)
			delivery_bound(&p.d, &p.out);
		buf_clear(&p.out);
		if (i == 1)
			assert_false(server(&p, "<failed xmlns='urn:xmpp:sm:3'/>"));
	}
	assert_int_equal(p.d.mode, DELIVERY_OFF);
	end(&p);
}

static void logged_in(struct play *p, const char *text)
{
	struct xml_element e = element_of(text);

	delivery_logged_in(&p->d, &e, NULL);
}

static void one_nested_in_authenticate_makes_it_the_clients(void **state)
{
	static const char *const nested[] = {
	    "<authenticate xmlns='urn:xmpp:sasl:2'><initial-response>AA==</initial-response><bind "
	    "xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:sm:3'/></bind></authenticate>",
	    "<authenticate xmlns='urn:xmpp:sasl:2'><resume xmlns='urn:xmpp:sm:3'/></authenticate>"};
	static const char *const granted[] = {
	    "<success xmlns='urn:xmpp:sasl:2'><bound xmlns='urn:xmpp:bind:0'><enabled "
	    "xmlns='urn:xmpp:sm:3'/></bound></success>",
	    "<success xmlns='urn:xmpp:sasl:2'><resumed xmlns='urn:xmpp:sm:3'/></success>"};
	struct play p;

	(void)state;
	for (int i = 0; i < 4; i++) {
		begin(&p, i % 2);
		delivery_offered(&p.d, &p.out, p.now);
		assert_true(client(&p, nested[i / 2]));
		logged_in(&p, granted[i / 2]);
		assert_int_equal(p.d.mode, DELIVERY_CLIENT);
		assert_false(delivery_hides(&p.d));
		assert_int_equal(p.d.bound, i / 2);
		delivery_bound(&p.d, &p.out);
		SENT(&p, nested[i / 2]);
		assert_true(server(&p, "<r xmlns='urn:xmpp:sm:3'/>"));
		assert_true(client(&p, "<enable xmlns='urn:xmpp:sm:3'/>"));
		end(&p);
	}
	begin(&p, false);
	assert_true(client(&p, "<authenticate xmlns='urn:xmpp:sasl:2'><bind "
			       "xmlns='urn:xmpp:bind:0'/></authenticate>"));
	assert_int_equal(p.d.mode, DELIVERY_WAIT);
	end(&p);
}

/* The server may know nothing of it, or refuse it: then it is as if the client had not asked. */
static void one_nested_that_is_not_granted_leaves_it_open(void **state)
{
	static const char *const nested =
	    "<authenticate xmlns='urn:xmpp:sasl:2'><bind xmlns='urn:xmpp:bind:0'>"
	    "<enable xmlns='urn:xmpp:sm:3'/></bind></authenticate>";
	static const char *const answers[] = {
	    "<success xmlns='urn:xmpp:sasl:2'><bound xmlns='urn:xmpp:bind:0'/></success>",
	    "<success xmlns='urn:xmpp:sasl:2'><failed xmlns='urn:xmpp:sm:3'/></success>",
	    "<failure xmlns='urn:xmpp:sasl:2'/>"};
	struct play p;

	(void)state;
	for (int i = 0; i < 6; i++) {
		begin(&p, i % 2);
		delivery_offered(&p.d, &p.out, p.now);
		client(&p, nested);
		buf_clear(&p.out);
		logged_in(&p, answers[i / 2]);
		delivery_bound(&p.d, &p.out);
		if (i % 2) {
			client(&p, "<presence/>");
			wait(&p, 1000);
			SENT(&p, "<presence/>" ENABLE);
		} else {
			SENT(&p, ENABLE);
		}
		assert_int_equal(p.d.mode, DELIVERY_ASKED);
		end(&p);
	}
}

static void by_policy_nothing_is_done(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	delivery_transparent(&p.d);
	assert_false(delivery_hides(&p.d));
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	assert_true(server(&p, "<r xmlns='urn:xmpp:sm:3'/>"));
	messages(&p, 1, 2);
	assert_int_equal(p.d.mode, DELIVERY_TRANSPARENT);
	delivery_end(&p.d, &p.out, 400, JID);
	SENT(&p, "");
	assert_true(client(&p, "<enable xmlns='urn:xmpp:sm:3'/>"));
	assert_true(server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>"));
	assert_int_equal(p.d.mode, DELIVERY_CLIENT);
	end(&p);
}

/* What the client asks for itself, and does not get, is not given to it by us. */
static void the_policy_outlives_a_refusal(void **state)
{
	static const char *const asked[] = {"<enable xmlns='urn:xmpp:sm:3'/>",
					    "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>"};
	struct play p;

	(void)state;
	for (int i = 0; i < 4; i++) {
		begin(&p, i % 2);
		delivery_transparent(&p.d);
		delivery_offered(&p.d, &p.out, p.now);
		client(&p, asked[i / 2]);
		assert_true(server(&p, "<failed xmlns='urn:xmpp:sm:3'/>"));
		assert_int_equal(p.d.mode, DELIVERY_TRANSPARENT);
		assert_false(delivery_hides(&p.d));
		buf_clear(&p.out);
		delivery_bound(&p.d, &p.out);
		client(&p, "<presence/>");
		SENT(&p, "<presence/>");
		messages(&p, 1, 1);
		delivery_end(&p.d, &p.out, 400, JID);
		SENT(&p, "");
		end(&p);
	}
}

/* The server goes on with what it granted, so it is not for us to count. */
static void what_the_client_has_is_not_taken_by_a_later_refusal(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	client(&p, "<enable xmlns='urn:xmpp:sm:3'/>");
	assert_true(server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>"));
	client(&p, "<enable xmlns='urn:xmpp:sm:3'/>");
	assert_true(server(&p, "<failed xmlns='urn:xmpp:sm:3'/>"));
	assert_true(server(&p, R));
	assert_true(client(&p, A(0)));
	messages(&p, 1, 1);
	buf_clear(&p.out);
	delivery_end(&p.d, &p.out, 400, JID);
	SENT(&p, "");
	assert_int_equal(p.d.mode, DELIVERY_CLIENT);
	end(&p);
}

/* One that does not wait for the answer to <resume/>. */
static void what_is_granted_behind_a_refusal_is_the_clients(void **state)
{
	struct play p;

	(void)state;
	begin(&p, true);
	delivery_offered(&p.d, &p.out, p.now);
	client(&p, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/>");
	client(&p, "<enable xmlns='urn:xmpp:sm:3'/>");
	delivery_bound(&p.d, &p.out);
	assert_true(server(&p, "<failed xmlns='urn:xmpp:sm:3'/>"));
	assert_true(server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>"));
	assert_int_equal(p.d.mode, DELIVERY_CLIENT);
	buf_clear(&p.out);
	client(&p, "<presence/>");
	SENT(&p, "<presence/>");
	end(&p);
}

static void what_a_server_grants_is_known(void **state)
{
	static const struct {
		const char *text;
		enum resume_grant grant;
	} cases[] = {
	    {"<enabled xmlns='urn:xmpp:sm:3' id='a' resume='true'/>", RESUME_LATER},
	    {"<enabled resume=\"1\" xmlns=\"urn:xmpp:sm:3\"></enabled>", RESUME_LATER},
	    {"<resumed xmlns='urn:xmpp:sm:3' h='1' previd='a'/>", RESUME_DONE},
	    {"<success xmlns='urn:xmpp:sasl:2'><bound xmlns='urn:xmpp:bind:0'>"
	     "<enabled xmlns='urn:xmpp:sm:3' resume='true'/></bound></success>",
	     RESUME_LATER},
	    {"<success xmlns='urn:xmpp:sasl:2'><x/><resumed xmlns='urn:xmpp:sm:3' "
	     "h='1'/></success>",
	     RESUME_DONE},
	    {"<enabled xmlns='urn:xmpp:sm:3' id='a'/>", RESUME_COUNTED},
	    {"<enabled xmlns='urn:xmpp:sm:3' resume='false'/>", RESUME_COUNTED},
	    {"<success xmlns='urn:xmpp:sasl:2'><enabled xmlns='urn:xmpp:sm:3'/></success>",
	     RESUME_COUNTED},
	    {"<enabled xmlns='urn:example' resume='true'/>", RESUME_NONE},
	    {"<failed xmlns='urn:xmpp:sm:3'/>", RESUME_NONE},
	    {"<success xmlns='urn:xmpp:sasl:2'><failed xmlns='urn:xmpp:sm:3'/></success>",
	     RESUME_NONE},
	    {"<success xmlns='urn:example'><resumed xmlns='urn:xmpp:sm:3'/></success>",
	     RESUME_NONE},
	    {"<message><enabled xmlns='urn:xmpp:sm:3' resume='true'/></message>", RESUME_NONE},
	};
	struct xml_scope scope = {.n = 1, .v = {{SLICE("sm"), SLICE(NS_SM)}}};
	struct xml_element e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		e = element_of(cases[i].text);
		assert_int_equal(resume_grant(&e, NULL), cases[i].grant);
	}
	e = element_of("<sm:resumed h='1' previd='a'/>");
	assert_int_equal(resume_grant(&e, NULL), RESUME_NONE);
	assert_int_equal(resume_grant(&e, &scope), RESUME_DONE);
}

/* --- what h counts --- */

static void an_r_is_answered_at_once_moved_or_not(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 2);
	SENT(&p, "");
	assert_false(server(&p, R));
	SENT(&p, A(0));
	proved(&p, 1);
	server(&p, R);
	SENT(&p, A(1));
	server(&p, R);
	SENT(&p, A(1));
	proved(&p, 2);
	server(&p, R);
	SENT(&p, A(2));
	assert_null(p.d.more);
	end(&p);
}

/* However many come in one turn. */
static void a_storm_of_r_gets_one_answer_a_turn(void **state)
{
	struct xml_element r = element_of(R);
	struct play p;

	(void)state;
	begin_on(&p);
	for (int i = 0; i < 10000; i++)
		assert_true(delivery_from_server(&p.d, &r, NULL, p.now));
	flush(&p);
	SENT(&p, A(0));
	end(&p);
}

static void what_moved_is_told_after_two_seconds(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 3);
	proved(&p, 1);
	wait(&p, 1999);
	proved(&p, 2);
	SENT(&p, "");
	wait(&p, 1);
	SENT(&p, A(2));
	wait(&p, 100000);
	SENT(&p, "");
	proved(&p, 3);
	wait(&p, 2000);
	SENT(&p, A(3));
	assert_null(p.d.more);
	end(&p);
}

static void fifty_are_told_at_once(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 120);
	proved(&p, 49);
	SENT(&p, "");
	proved(&p, 50);
	SENT(&p, A(50));
	proved(&p, 120);
	SENT(&p, A(120));
	assert_int_equal(delivery_expiry(&p.d), TIME_NEVER);
	end(&p);
}

static void an_answer_to_r_tells_what_was_to_be_told(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 1);
	proved(&p, 1);
	server(&p, R);
	SENT(&p, A(1));
	wait(&p, 10000);
	SENT(&p, "");
	end(&p);
}

/* They were read before the server began to count. */
static void what_came_before_enabled_is_not_counted(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	delivery_offered(&p.d, &p.out, p.now);
	server(&p, "<iq type='result'/>");
	delivery_bound(&p.d, &p.out);
	messages(&p, 1, 2);
	server(&p, R);
	SENT(&p, ENABLE);
	server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>");
	SENT(&p, A(0));
	messages(&p, 3, 2);
	proved(&p, 2);
	server(&p, R);
	SENT(&p, A(0));
	proved(&p, 4);
	server(&p, R);
	SENT(&p, A(1));
	proved(&p, 5);
	server(&p, R);
	SENT(&p, A(2));
	end(&p);
}

static void all_kinds_of_stanzas_count(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	server(&p, "<presence from='a@b'/>");
	server(&p, "<iq type='result' id='1'/>");
	server(&p, "<message type='groupchat' from='room@muc/a'/>");
	assert_null(p.d.more); /* none of them needs to be remembered */
	proved(&p, 3);
	server(&p, R);
	SENT(&p, A(3));
	assert_int_equal(counts(&p).proved, 3);
	end(&p);
}

/* 2^32 stanzas are not played; the counts begin just below. */
static void h_goes_round(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	p.d.passed = p.d.proved = UINT32_MAX - 3;
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	messages(&p, 1, 2); /* before <enabled/>: serials MAX - 2, MAX - 1 */
	server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>");
	SENT(&p, ENABLE);
	messages(&p, 3, 3); /* MAX, 0, 1 */
	server(&p, R);
	SENT(&p, A(0));
	proved(&p, UINT32_MAX);
	server(&p, R);
	SENT(&p, A(1));
	proved(&p, 0);
	server(&p, R);
	SENT(&p, A(2));
	delivery_end(&p.d, &p.out, 0, JID);
	SENT(&p, RETURNED("a@b", "5") A(3));
	end(&p);

	begin_on(&p);
	p.d.base = 7;
	p.d.passed = 7 + 0xfffffffeu;
	p.d.proved = 7 + 0xfffffffdu;
	p.d.told = 0xfffffffdu;
	messages(&p, 1, 2);
	proved(&p, 7 + 0xfffffffeu);
	server(&p, R);
	SENT(&p, A(4294967294));
	proved(&p, 7);
	server(&p, R);
	SENT(&p, A(0));
	end(&p);
}

static void h_beyond_half_of_all_numbers_is_right(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	p.d.passed = p.d.proved = 0x80000001u;
	server(&p, R);
	SENT(&p, A(2147483649));
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(for_bosh_we_ask_when_the_client_is_bound),
	    cmocka_unit_test(a_server_that_offers_nothing_is_not_asked),
	    cmocka_unit_test(a_websocket_client_has_a_second_after_its_first_presence),
	    cmocka_unit_test(presence_before_the_features_counts),
	    cmocka_unit_test(one_that_is_present_before_it_enables_is_left_alone),
	    cmocka_unit_test(what_came_in_that_second_is_returned),
	    cmocka_unit_test(a_websocket_client_that_enables_is_left_alone),
	    cmocka_unit_test(a_resumption_that_fails_leaves_it_open_again),
	    cmocka_unit_test(where_the_client_was_refused_we_do_not_ask),
	    cmocka_unit_test(a_client_that_comes_too_late_is_told),
	    cmocka_unit_test(over_bosh_nothing_of_it_passes_at_any_time),
	    cmocka_unit_test(one_nested_in_authenticate_makes_it_the_clients),
	    cmocka_unit_test(one_nested_that_is_not_granted_leaves_it_open),
	    cmocka_unit_test(what_a_server_grants_is_known),
	    cmocka_unit_test(by_policy_nothing_is_done),
	    cmocka_unit_test(the_policy_outlives_a_refusal),
	    cmocka_unit_test(what_the_client_has_is_not_taken_by_a_later_refusal),
	    cmocka_unit_test(what_is_granted_behind_a_refusal_is_the_clients),
	    cmocka_unit_test(an_r_is_answered_at_once_moved_or_not),
	    cmocka_unit_test(a_storm_of_r_gets_one_answer_a_turn),
	    cmocka_unit_test(what_moved_is_told_after_two_seconds),
	    cmocka_unit_test(fifty_are_told_at_once),
	    cmocka_unit_test(an_answer_to_r_tells_what_was_to_be_told),
	    cmocka_unit_test(what_came_before_enabled_is_not_counted),
	    cmocka_unit_test(all_kinds_of_stanzas_count),
	    cmocka_unit_test(h_goes_round),
	    cmocka_unit_test(h_beyond_half_of_all_numbers_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

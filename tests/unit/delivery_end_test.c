/* Delivery with played time: what is asked of the server, and what becomes of stanzas at each kind
 * of end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "delivery_play.h"

/* --- the other way --- */

static void an_r_goes_out_at_most_once_a_second(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	client(&p, "<message to='a@b' id='1'/>");
	SENT(&p, "<message to='a@b' id='1'/>" R);
	client(&p, "<presence/>");
	SENT(&p, "<presence/>");
	wait(&p, 60000); /* unanswered: there is no use in another */
	SENT(&p, "");
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	SENT(&p, R);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
	SENT(&p, "");
	wait(&p, 300);
	client(&p, "<iq type='get' id='3'/>");
	SENT(&p, "<iq type='get' id='3'/>");
	wait(&p, 699);
	SENT(&p, "");
	wait(&p, 1);
	SENT(&p, R);
	assert_int_equal(counts(&p).unacknowledged, 1);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
	assert_int_equal(counts(&p).unacknowledged, 0);
	wait(&p, 60000);
	SENT(&p, "");
	assert_null(p.d.more);
	end(&p);
}

static void nothing_is_asked_before_enabled_or_after_failed(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	client(&p, "<message to='a@b' id='1'/>");
	wait(&p, 5000);
	SENT(&p, ENABLE "<message to='a@b' id='1'/>");
	assert_int_equal(counts(&p).unacknowledged, 1);
	server(&p, "<failed xmlns='urn:xmpp:sm:3'/>");
	assert_int_equal(counts(&p).unacknowledged, 0);
	client(&p, "<message to='a@b' id='2'/>");
	wait(&p, 5000);
	SENT(&p, "<message to='a@b' id='2'/>");
	assert_false(delivery_lost(&p.d, &p.out, JID));
	end(&p);
}

/* What was sent between <enable/> and a late <enabled/> is counted by the server. */
static void a_late_enabled_finds_what_was_sent(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	client(&p, "<message to='a@b' id='0'/>");
	delivery_offered(&p.d, &p.out, p.now);
	delivery_bound(&p.d, &p.out);
	client(&p, "<message to='a@b' id='1'/>");
	client(&p, "<message to='a@b' id='2'/>");
	wait(&p, 20000);
	buf_clear(&p.out);
	server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>");
	SENT(&p, R);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	buf_clear(&p.out);
	assert_true(delivery_lost(&p.d, &p.out, JID));
	SENT(&p, LOST("a@b", "2"));
	assert_false(delivery_lost(&p.d, &p.out, JID));
	end(&p);
}

static void an_h_that_lies_does_no_harm(void **state)
{
	static const char *const nonsense[] = {
	    "<a xmlns='urn:xmpp:sm:3'/>", "<a xmlns='urn:xmpp:sm:3' h=''/>",
	    "<a xmlns='urn:xmpp:sm:3' h='-1'/>", "<a xmlns='urn:xmpp:sm:3' h='x'/>",
	    "<a xmlns='urn:xmpp:sm:3' h='4294967296'/>"};
	struct play p;

	(void)state;
	begin_on(&p);
	for (int i = 0; i < 3; i++)
		client(&p, "<message to='a@b' id='1'/>");
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++)
		server(&p, nonsense[i]);
	assert_int_equal(counts(&p).unacknowledged, 3);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='1'/>"); /* backwards */
	assert_int_equal(counts(&p).unacknowledged, 1);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='77'/>"); /* more than was sent */
	assert_int_equal(counts(&p).unacknowledged, 0);
	client(&p, "<message to='a@b' id='4'/>");
	assert_int_equal(counts(&p).unacknowledged, 1);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='4'/>");
	assert_int_equal(counts(&p).unacknowledged, 0);
	assert_false(delivery_lost(&p.d, &p.out, JID));
	end(&p);
}

/* So many messages that half of what may be kept is. */
static int send_until(struct play *p, bool (*enough)(struct play *p), int n)
{
	char text[1200];

	while (!enough(p)) {
		snprintf(text, sizeof(text), "<message to='%0900d' id='%d'/>", 1, ++n);
		client(p, text);
	}
	return n;
}

static bool asked(struct play *p)
{
	bool r = memmem(buf_slice(&p->out).p, p->out.len, R, sizeof(R) - 1);

	buf_clear(&p->out);
	return r;
}

static bool is_full(struct play *p)
{
	buf_clear(&p->out);
	return delivery_full(&p->d);
}

static void much_that_is_kept_is_asked_about_at_once(void **state)
{
	struct play p;
	int n;

	(void)state;
	begin_on(&p);
	client(&p, "<presence/>");
	assert_true(asked(&p));
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	n = send_until(&p, asked, 0);
	assert_in_range(n, 30, 36);
	assert_false(delivery_full(&p.d));
	end(&p);
}

static void a_server_that_does_not_acknowledge_makes_the_client_wait(void **state)
{
	struct delivery_counts c;
	struct play p;
	int n;

	(void)state;
	begin_on(&p);
	n = send_until(&p, is_full, 0);
	assert_in_range(n, 65, 72);
	wait(&p, 9999);
	assert_true(delivery_full(&p.d));
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
	assert_false(delivery_full(&p.d));
	wait(&p, 1);
	n = send_until(&p, is_full, n);
	wait(&p, 10000); /* long enough: rather forget than stand still */
	assert_false(delivery_full(&p.d));
	assert_int_equal(counts(&p).given_up, 0);
	for (int i = 0; i < 100; i++) {
		client(&p, "<message to='a@b' id='x'/>");
		assert_false(delivery_full(&p.d));
	}
	c = counts(&p);
	assert_in_range(c.given_up, 1, 20);
	assert_int_equal(c.unacknowledged, n + 100 - 3);
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='50'/>");
	buf_clear(&p.out);
	n = send_until(&p, is_full, n); /* and it waits again */
	end(&p);
}

/* --- ends --- */

static void what_is_not_proved_is_left_to_the_server(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 5);
	proved(&p, 2);
	delivery_end(&p.d, &p.out, 400, JID);
	SENT(&p, A(2));
	assert_int_equal(counts(&p).unproved, 3);
	assert_int_equal(counts(&p).returned, 0);
	delivery_end(&p.d, &p.out, 400, JID); /* once is all */
	delivery_proved(&p.d, 5);
	SENT(&p, "");
	assert_int_equal(counts(&p).unproved, 3);
	assert_int_equal(delivery_expiry(&p.d), TIME_NEVER);
	end(&p);
}

static void more_than_the_server_keeps_is_returned_oldest_first(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 1);
	server(&p, "<presence from='a@b'/>");
	messages(&p, 2, 4);
	server(&p, "<iq type='result' id='r' from='a@b'/>");
	proved(&p, 1);
	delivery_end(&p.d, &p.out, 4, JID);
	SENT(&p, RETURNED("a@b", "2") A(3));
	assert_int_equal(counts(&p).returned, 1);
	assert_int_equal(counts(&p).unproved, 5); /* with the presence, which is dropped */
	end(&p);
}

static void what_came_before_enabled_is_returned(void **state)
{
	struct play p;

	(void)state;
	begin(&p, false);
	delivery_offered(&p.d, &p.out, p.now);
	messages(&p, 1, 2);
	delivery_bound(&p.d, &p.out);
	messages(&p, 3, 1);
	server(&p, "<enabled xmlns='urn:xmpp:sm:3'/>");
	messages(&p, 4, 3);
	proved(&p, 1);
	buf_clear(&p.out);
	delivery_end(&p.d, &p.out, 2, JID);
	SENT(&p, RETURNED("a@b", "2") RETURNED("a@b", "3") RETURNED("a@b", "4") A(1));
	end(&p);
}

/* Undecided, asked and not answered, refused, not offered. */
static void without_the_server_all_is_returned(void **state)
{
	struct play p;

	(void)state;
	for (int i = 0; i < 5; i++) {
		begin(&p, i == 0);
		if (i == 2 || i == 3)
			delivery_offered(&p.d, &p.out, p.now);
		if (i > 1)
			delivery_bound(&p.d, &p.out);
		if (i == 3)
			server(&p, "<failed xmlns='urn:xmpp:sm:3'/>");
		buf_clear(&p.out);
		messages(&p, 1, 3);
		server(&p, "<presence from='a@b'/>");
		proved(&p, 1);
		delivery_end(&p.d, &p.out, 400, JID);
		SENT(&p, RETURNED("a@b", "2") RETURNED("a@b", "3"));
		assert_int_equal(counts(&p).returned, 2);
		assert_int_equal(counts(&p).unproved, 1);
		end(&p);
	}
}

/* The hub tells it as proved. */
static void after_a_goodbye_what_was_sent_counts_as_received(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	messages(&p, 1, 500);
	proved(&p, 1);
	buf_clear(&p.out);
	delivery_proved(&p.d, 400); /* the others were queued */
	delivery_proved(&p.d, 1);   /* what the front says is older now */
	delivery_end(&p.d, &p.out, 400, JID);
	SENT(&p, A(400));
	assert_int_equal(counts(&p).unproved, 100);
	end(&p);
	begin(&p, false);
	delivery_bound(&p.d, &p.out);
	messages(&p, 1, 5);
	delivery_proved(&p.d, 4);
	delivery_end(&p.d, &p.out, 400, JID);
	SENT(&p, RETURNED("a@b", "5"));
	end(&p);
}

static void a_lost_server_is_reported_message_by_message(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	client(&p, "<message to='a@b' id='1'/>");
	client(&p, "<presence/>");
	client(&p, "<message to='c@d' id='2' type='groupchat'/>");
	client(&p, "<message to='c@d' id='3' type='error'/>");
	client(&p, "<message to='e@f' id='4'/>");
	server(&p, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
	buf_clear(&p.out);
	while (delivery_lost(&p.d, &p.out, JID))
		continue;
	SENT(&p, LOST("c@d", "2") LOST("e@f", "4"));
	assert_true(delivery_unsent(&p.out, SLICE("<message to='g@h' id='5'/>"), JID));
	SENT(&p, LOST("g@h", "5"));
	assert_false(delivery_unsent(&p.out, SLICE("<message type='error'/>"), JID));
	end(&p);
}

static void what_is_remembered_can_be_bounded(void **state)
{
	struct play p;

	(void)state;
	begin_on(&p);
	assert_int_equal(delivery_kept(&p.d), 0);
	messages(&p, 1, 100);
	assert_in_range(delivery_kept(&p.d), 1000, 3000);
	proved(&p, 100);
	assert_int_equal(delivery_kept(&p.d), 0);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_r_goes_out_at_most_once_a_second),
	    cmocka_unit_test(nothing_is_asked_before_enabled_or_after_failed),
	    cmocka_unit_test(a_late_enabled_finds_what_was_sent),
	    cmocka_unit_test(an_h_that_lies_does_no_harm),
	    cmocka_unit_test(much_that_is_kept_is_asked_about_at_once),
	    cmocka_unit_test(a_server_that_does_not_acknowledge_makes_the_client_wait),
	    cmocka_unit_test(what_is_not_proved_is_left_to_the_server),
	    cmocka_unit_test(more_than_the_server_keeps_is_returned_oldest_first),
	    cmocka_unit_test(what_came_before_enabled_is_returned),
	    cmocka_unit_test(without_the_server_all_is_returned),
	    cmocka_unit_test(after_a_goodbye_what_was_sent_counts_as_received),
	    cmocka_unit_test(a_lost_server_is_reported_message_by_message),
	    cmocka_unit_test(what_is_remembered_can_be_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The BOSH machine, as scripts: which stanzas are proved to be with the client, and by what. The
 * rules that the player checks have their own opinion of every one of these lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bosh_scripts.h"

#define SAYS(rid) "<body rid='" #rid "' sid='SID'><x xmlns='y'/></body>"
#define POLL(rid) "<body rid='" #rid "' sid='SID'/>"
#define SAID "  payload 0 <x xmlns='y'/>"

/* clang-format off: scripts, one line each */

/* In READY, one stanza is in the answer to rid 101. */
static void the_window_proves_what_is_requests_below(void **state)
{
	RUN(READY, "proved 0", "> a " SAYS(102), SAID, "  ~ a 50000", "proved 0", "server " M(1),
	    "  < a <body>" GOT(1) "</body>", "> b " SAYS(103), SAID, "  ~ b 50000", "proved 1",
	    "server " M(2), "  < b <body>" GOT(2) "</body>", "> c " SAYS(104), SAID, "  ~ c 50000",
	    "proved 2");
}

static void a_rid_ahead_of_its_turn_proves_as_much(void **state)
{
	RUN(READY, "> b " SAYS(103), "  ~ b 50000", "proved 1");
}

static void a_lone_empty_poll_proves_all(void **state)
{
	RUN(READY, "proved 0", "> a " POLL(102), "  ~ a 50000", "proved 1", "+server " M(1),
	    "server " M(2), "  < a <body>" GOT(1) GOT(2) "</body>", "proved 1", "> b " POLL(103),
	    "  ~ b 50000", "proved 3");
}

/* After a request with payload beside a held one, too: the client polls when nothing is open. */
static void a_lone_empty_poll_proves_what_the_second_request_got(void **state)
{
	RUN(READY, "> a " POLL(102), "  ~ a 50000", "> b " SAYS(103), SAID, "  < a <body/>",
	    "  ~ b 50000", "server " M(1), "  < b <body>" GOT(1) "</body>", "> c " POLL(104),
	    "  ~ c 50000", "proved 2");
}

static void what_is_only_queued_is_not_proved(void **state)
{
	RUN(READY, "server " M(1), "> a " POLL(102), "  < a <body>" GOT(1) "</body>", "proved 1");
}

/* It is none that polls for want of an open request; its window may be one wider, too. */
static void an_empty_poll_beside_an_open_request_proves_less(void **state)
{
	RUN(READY, "> a " POLL(102), "  ~ a 50000", "> b " POLL(103), "  < a <body/>",
	    "  ~ b 50000", "proved 1", "server " M(1), "  < b <body>" GOT(1) "</body>",
	    "> c " POLL(104), "  ~ c 50000", "proved 1", "hurry c", "  < c <body/>",
	    "> d " POLL(105), "  ~ d 50000", "proved 1", "hurry d", "  < d <body/>",
	    "> e " POLL(106), "  ~ e 50000", "proved 2");
}

static void a_client_that_sends_more_than_granted_proves_less(void **state)
{
	RUN(READY, "+> a " SAYS(102), "+> b " SAYS(103), "> c " SAYS(104), SAID, SAID, SAID,
	    "  < a <body/>", "  < b <body/>", "  ~ c 50000", "proved 1", "server " M(1),
	    "  < c <body>" GOT(1) "</body>", "> d " SAYS(105), SAID, "  ~ d 50000", "hurry d",
	    "  < d <body/>", "> e " SAYS(106), SAID, "  ~ e 50000", "proved 1", "hurry e",
	    "  < e <body/>", "> f " SAYS(107), SAID, "  ~ f 50000", "proved 2");
}

static void a_repeat_proves_nothing(void **state)
{
	RUN(READY, "> v " POLL(101), "  < v <body" LATE ">" GOT(0) "</body>", "proved 0",
	    "> a " SAYS(102), SAID, "  ~ a 50000", "> b " SAYS(102), "  < a <body type='error'/>",
	    "  ~ b 50000", "proved 0");
}

static void a_poll_that_is_repeated_proves_nothing_more(void **state)
{
	RUN(READY, "> a " POLL(102), "  ~ a 50000", "proved 1", "gone a", "server " M(1),
	    "> b " POLL(102), "  < b <body>" GOT(1) "</body>", "> c " POLL(102),
	    "  < c <body>" GOT(1) "</body>", "proved 1");
}

static void a_polling_session_proves_by_its_window_alone(void **state)
{
	RUN("> z <body rid='100' to='example.com' wait='0' hold='1' ver='1.6'/>",
	    "  open to=example.com",
	    "  < z <body sid='SID' wait='0' requests='2' hold='1' inactivity='130' polling='5'"
	    " ver='1.6' from='example.com' xmpp:version='1.0'" STREAMS "/>",
	    "server " M(1), "> a " POLL(101), "  < a <body>" GOT(1) "</body>", "wait 5000",
	    "> b " POLL(102), "  < b <body/>", "proved 0", "wait 5000", "> c " POLL(103),
	    "  < c <body/>", "proved 1");
}

static void with_two_held_an_empty_poll_proves_by_the_window_alone(void **state)
{
	static struct bosh_config two;

	two = config;
	two.hold = 2;
	RUN_WITH(&two, "> z <body rid='100' to='e' hold='2' wait='60' ver='1.6'/>", "  open to=e",
		 "  ~ z 1500", "hurry z",
		 "  < z <body sid='SID' wait='50' requests='3' hold='2' inactivity='120'"
		 " polling='5' ver='1.6' from='e' xmpp:version='1.0'" STREAMS "/>",
		 "> a " POLL(101), "  ~ a 50000", "server " M(1), "  < a <body>" GOT(1) "</body>",
		 "> b " POLL(102), "  ~ b 50000", "proved 0", "> c " POLL(103), "  ~ c 50000",
		 "proved 0", "> d " POLL(104), "  < b <body/>", "  ~ d 50000", "proved 1");
}

/* --- pauses --- */

/* A pause may be one above `requests`: then the last answer may still be on its way. */
static void a_pause_proves_one_less(void **state)
{
	static struct bosh_config pausing;

	pausing = config;
	pausing.maxpause = 300000;
	RUN_WITH(
	    &pausing, "> z " CREATE, "  open to=example.com", "  ~ z 1500", "hurry z",
	    "  < z <body sid='SID' wait='50' requests='2' hold='1' inactivity='120'"
	    " polling='5' maxpause='300' ver='1.6' from='example.com' xmpp:version='1.0'" STREAMS
	    "/>",
	    "> a " SAYS(101), SAID, "  ~ a 50000", "server " M(1), "  < a <body>" GOT(1) "</body>",
	    "> b " SAYS(102), SAID, "  ~ b 50000", "> p <body rid='103' sid='SID' pause='200'/>",
	    "  < b <body/>", "  < p <body/>", "proved 0", "> c " SAYS(104), SAID, "  ~ c 50000",
	    "proved 1");
}

/* --- acknowledgements --- */

#define ACKED                                                                                  \
	"> z <body rid='100' to='example.com' wait='60' hold='1' ver='1.6' ack='1'/>",         \
	    "  open to=example.com", "  ~ z 1500", "header id='x' version='1.0'",              \
	    "server " FEATURES,                                                                \
	    "  < z <body sid='SID' wait='50' requests='2' hold='1' inactivity='120' ack='100'" \
	    " polling='5' ver='1.6' from='example.com' authid='x' xmpp:version='1.0'" STREAMS  \
	    ">" FEATURES "</body>",                                                            \
	    "> y <body rid='101' sid='SID'/>", "  ~ y 50000", "server " M(0),                  \
	    "  < y <body>" GOT(0) "</body>"

static void a_request_without_ack_proves_all_below(void **state)
{
	RUN(ACKED, "proved 0", "> a " SAYS(102), SAID, "  ~ a 50000", "proved 1");
}

static void a_request_without_ack_while_one_is_due_proves_nothing(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000", "> b " POLL(103),
	    "  < a <body ack='103'/>", "  ~ b 50000", "proved 0");
}

static void an_ack_proves_so_far(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000", "proved 0",
	    "server " M(1), "  < a <body>" GOT(1) "</body>",
	    "> b <body rid='103' sid='SID' ack='101'/>", "  ~ b 50000", "proved 1");
}

/* Its answer was made while the stanza waited, and is kept with an `ack` of its own. */
static void an_answer_to_nobody_proves_nothing_that_waits(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "proved 1", "+gone a",
	    "+> b " SAYS(103), "server " M(1), SAID, "  < b <body>" GOT(1) "</body>",
	    "> c <body rid='104' sid='SID' ack='102'/>", "  ~ c 50000", "proved 1",
	    "> d <body rid='105' sid='SID' ack='103'/>", "  < c <body ack='105'/>", "  ~ d 50000",
	    "proved 2");
}

/* Not by the window, and not by an empty poll either: this client says what it has. */
static void who_acknowledges_proves_by_nothing_else(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000", "hurry a",
	    "  < a <body/>", "> b <body rid='103' sid='SID' ack='100'/>", "  ~ b 50000", "hurry b",
	    "  < b <body/>", "> c <body rid='104' sid='SID' ack='100'/>", "  ~ c 50000",
	    "proved 0");
}

static void a_drop_for_want_of_room_is_no_proof(void **state)
{
	static struct bosh_config small;

	small = config;
	small.queue = 200;
	RUN_WITH(&small, ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000",
		 "server " M(1), "  < a <body>" GOT(1) "</body>",
		 "> b <body rid='103' sid='SID' ack='100'/>", "  ~ b 50000", "server " M(2),
		 "  < b <body>" GOT(2) "</body>", "> c <body rid='104' sid='SID' ack='100'/>",
		 "  ~ c 50000", "server " M(3), "  < c <body>" GOT(3) "</body>",
		 "> d <body rid='105' sid='SID' ack='100'/>", "  ~ d 50000", "server " M(4),
		 "  < d <body>" GOT(4) "</body>", "> v <body rid='101' sid='SID'/>",
		 "  < v " TERMINATE("item-not-found"), "proved 0",
		 "> e <body rid='106' sid='SID' ack='102'/>", "  ~ e 50000", "proved 2", "hurry e",
		 "  < e <body/>", "> f <body rid='107' sid='SID' ack='105'/>", "  ~ f 50000",
		 "proved 5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_window_proves_what_is_requests_below),
	    cmocka_unit_test(a_rid_ahead_of_its_turn_proves_as_much),
	    cmocka_unit_test(a_lone_empty_poll_proves_all),
	    cmocka_unit_test(a_lone_empty_poll_proves_what_the_second_request_got),
	    cmocka_unit_test(what_is_only_queued_is_not_proved),
	    cmocka_unit_test(an_empty_poll_beside_an_open_request_proves_less),
	    cmocka_unit_test(a_client_that_sends_more_than_granted_proves_less),
	    cmocka_unit_test(a_repeat_proves_nothing),
	    cmocka_unit_test(a_poll_that_is_repeated_proves_nothing_more),
	    cmocka_unit_test(a_polling_session_proves_by_its_window_alone),
	    cmocka_unit_test(with_two_held_an_empty_poll_proves_by_the_window_alone),
	    cmocka_unit_test(a_pause_proves_one_less),
	    cmocka_unit_test(a_request_without_ack_proves_all_below),
	    cmocka_unit_test(a_request_without_ack_while_one_is_due_proves_nothing),
	    cmocka_unit_test(an_ack_proves_so_far),
	    cmocka_unit_test(an_answer_to_nobody_proves_nothing_that_waits),
	    cmocka_unit_test(who_acknowledges_proves_by_nothing_else),
	    cmocka_unit_test(a_drop_for_want_of_room_is_no_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

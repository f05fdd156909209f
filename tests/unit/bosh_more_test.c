/* The BOSH machine, as scripts: what a client asks for beyond the usual. Acknowledgements,
 * pause, key sequences, Content-Type, what is left to be ignored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bosh_scripts.h"

/* clang-format off: scripts, one line each */

/* --- acknowledgements --- */

/* A session with them; rid 100 and 101 are answered, nothing is held. */
#define ACKED                                                                                  \
	"> z <body rid='100' to='example.com' wait='60' hold='1' ver='1.6' ack='1'/>",         \
	    "  open to=example.com", "  ~ z 1500", "header id='x' version='1.0'",              \
	    "server " FEATURES,                                                                \
	    "  < z <body sid='SID' wait='50' requests='2' hold='1' inactivity='120' ack='100'" \
	    " polling='5' ver='1.6' accept='gzip,deflate' from='example.com' authid='x' "      \
	    "xmpp:version='1.0'" STREAMS ">" FEATURES "</body>",                               \
	    "> y <body rid='101' sid='SID'/>", "  ~ y 50000", "server " M(0),                  \
	    "  < y <body>" GOT(0) "</body>"

static void acknowledges_the_highest_rid_where_it_is_not_the_one_answered(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='103' sid='SID' ack='101'/>", "  < a <body ack='103'/>", "  ~ b 50000",
	    "server " M(1), "  < b <body>" GOT(1) "</body>", "> c <body rid='104' sid='SID'/>",
	    "  ~ c 50000", "+server " M(2), "> d <body rid='105' sid='SID' ack='103'/>",
	    "  < c <body ack='105'>" GOT(2) "</body>", "  ~ d 50000");
}

static void acknowledges_no_rid_behind_a_gap(void **state)
{
	RUN(ACKED, "> b <body rid='103' sid='SID' ack='101'/>", "  ~ b 50000",
	    "> v <body rid='101' sid='SID'/>", "  < v " TERMINATE("item-not-found"), "server " M(1),
	    "> a <body rid='102' sid='SID'/>", "  < a <body ack='103'>" GOT(1) "</body>");
}

static void acks_are_for_those_who_ask(void **state)
{
	RUN("> z <body rid='1' to='e' wait='60' hold='1' ver='1.6' ack='0'/>", "  open to=e",
	    "  ~ z 1500", "hurry z",
	    "  < z <body" GRANTED
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>",
	    "> a <body rid='2' sid='SID' ack='1'/>", "  ~ a 50000", "> b <body rid='3' sid='SID'/>",
	    "  < a <body/>", "  ~ b 50000");
}

static void what_the_client_has_got_is_not_kept(void **state)
{
	RUN(ACKED, "> v <body rid='101' sid='SID'/>", "  < v <body>" GOT(0) "</body>",
	    "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "> x <body rid='101' sid='SID'/>",
	    "  < x " TERMINATE("item-not-found"));
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000",
	    "> v <body rid='101' sid='SID'/>", "  < v <body>" GOT(0) "</body>",
	    "> x <body rid='100' sid='SID'/>", "  < x " TERMINATE("item-not-found"));
}

/* More than `requests`, while the client says that it has not got them. */
static void what_the_client_has_not_got_is_kept(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000", "hurry a",
	    "  < a <body/>", "> b <body rid='103' sid='SID' ack='100'/>", "  ~ b 50000", "hurry b",
	    "  < b <body/>", "> c <body rid='104' sid='SID' ack='100'/>", "  ~ c 50000", "hurry c",
	    "  < c <body/>", "> d <body rid='105' sid='SID' ack='100'/>", "  ~ d 50000", "hurry d",
	    "  < d <body/>", "> v <body rid='101' sid='SID'/>", "  < v <body>" GOT(0) "</body>",
	    "> e <body rid='106' sid='SID' ack='104'/>", "  ~ e 50000",
	    "> x <body rid='104' sid='SID'/>", "  < x " TERMINATE("item-not-found"),
	    "> w <body rid='105' sid='SID'/>", "  < w <body/>");
}

static void an_answer_that_seems_lost_is_reported_at_once(void **state)
{
	RUN(ACKED, "wait 852", "> a <body rid='102' sid='SID' ack='100'/>",
	    "  < a <body report='101' time='852'/>", "> v <body rid='101' sid='SID' ack='100'/>",
	    "  < v <body>" GOT(0) "</body>", "> b <body rid='103' sid='SID'/>", "  ~ b 50000",
	    "> x <body rid='102' sid='SID' ack='100'/>", "  < x " TERMINATE("item-not-found"));
}

static void an_answer_that_may_be_on_its_way_is_not_reported(void **state)
{
	RUN(ACKED, "wait 499", "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000", "wait 1",
	    "> b <body rid='103' sid='SID' ack='100'/>",
	    "  < a <body ack='103' report='101' time='500'/>", "  ~ b 50000");
}

static void a_report_goes_with_payload_too(void **state)
{
	RUN(ACKED, "server " M(1), "wait 600", "> a <body rid='102' sid='SID' ack='100'/>",
	    "  < a <body report='101' time='600'>" GOT(1) "</body>",
	    "> b <body rid='102' sid='SID' ack='100'/>",
	    "  < b <body report='101' time='600'>" GOT(1) "</body>");
}

static void an_ack_of_what_was_never_answered_is_no_harm(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='500'/>", "  ~ a 50000",
	    "> b <body rid='103' sid='SID'/>", "  < a <body ack='103'/>", "  ~ b 50000");
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000", "hurry a",
	    "  < a <body/>", "> b <body rid='103' sid='SID' ack='500'/>", "  ~ b 50000",
	    "> v <body rid='101' sid='SID'/>", "  < v <body>" GOT(0) "</body>");
}

static void an_ack_that_is_no_number_is_a_bad_request(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID' ack='x'/>", "  < a " TERMINATE("bad-request"),
	    "  failed bad-request", "wait 3000", "  closed");
}

static void a_broken_request_finds_its_ack_when_repeated(void **state)
{
	RUN(ACKED, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "gone a",
	    "> b <body rid='103' sid='SID' ack='101'/>", "  ~ b 50000", "server " M(1),
	    "  < b <body>" GOT(1) "</body>", "> c <body rid='102' sid='SID'/>",
	    "  < c <body ack='103'/>");
}

static void what_is_never_acknowledged_is_bounded(void **state)
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
		 "  < v " TERMINATE("item-not-found"), "> x <body rid='104' sid='SID'/>",
		 "  < x <body>" GOT(3) "</body>");
}

/* --- pause --- */

static const struct bosh_config pausing = {
    .wait = 50000,
    .inactivity = 60000,
    .polling = 5000,
    .maxpause = 300000,
    .features_wait = 1500,
    .hold = 1,
    .queue = 1000,
};

/* A session with pause offered; rid 100 is answered, nothing is held. */
#define OFFERED                                                                                 \
	"> z " CREATE, "  open to=example.com", "  ~ z 1500", "hurry z",                        \
	    "  < z <body sid='SID' wait='50' requests='2' hold='1' inactivity='60' polling='5'" \
	    " maxpause='300' ver='1.6' accept='gzip,deflate' from='example.com' "               \
	    "xmpp:version='1.0'" STREAMS "/>"

static void a_pause_answers_all_and_itself_without_payload(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> a <body rid='101' sid='SID'/>", "  ~ a 50000",
		 "> p <body rid='102' sid='SID' pause='200'/>", "  < a <body/>", "  < p <body/>",
		 "server " M(1), "wait 199999", "> b <body rid='103' sid='SID'/>",
		 "  < b <body>" GOT(1) "</body>", "wait 59999", "wait 1", "  failed inactivity",
		 "  closed");
	RUN_WITH(&pausing, OFFERED, "server " M(1), "> p <body rid='101' sid='SID' pause='200'/>",
		 "  < p <body/>", "wait 199999", "wait 1", "  failed inactivity", "  closed");
	RUN_WITH(&pausing, OFFERED, "+> a <body rid='101' sid='SID'/>", "+server " M(1),
		 "> p <body rid='102' sid='SID' pause='200'/>", "  < a <body>" GOT(1) "</body>",
		 "  < p <body/>");
}

/* It is neither missed nor in the way of what comes behind it. */
static void a_lost_answer_to_a_pause_is_not_reported(void **state)
{
	RUN_WITH(&pausing,
		 "> z <body rid='100' to='example.com' wait='60' hold='1' ver='1.6' ack='1'/>",
		 "  open to=example.com", "  ~ z 1500", "hurry z",
		 "  < z <body sid='SID' wait='50' requests='2' hold='1' inactivity='60' ack='100'"
		 " polling='5' maxpause='300' ver='1.6' accept='gzip,deflate' from='example.com' "
		 "xmpp:version='1.0'" STREAMS "/>",
		 "> p <body rid='101' sid='SID' pause='200' ack='100'/>", "  < p <body/>",
		 "wait 900", "> a <body rid='102' sid='SID' ack='100'/>", "  ~ a 50000",
		 "server " M(1), "  < a <body>" GOT(1) "</body>", "> b <body rid='103' sid='SID'/>",
		 "  ~ b 50000", "proved 1");
}

static void a_pause_may_carry_payload_up(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> p <body rid='101' sid='SID' pause='9'><q xmlns='x'/></body>",
		 "  payload 0 <q xmlns='x'/>", "  < p <body/>");
}

static void a_pause_may_shorten(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> p <body rid='101' sid='SID' pause='3'/>", "  < p <body/>",
		 "wait 2999", "wait 1", "  failed inactivity", "  closed");
}

static void a_pause_of_the_inactivity_just_flushes(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> a <body rid='101' sid='SID'/>", "  ~ a 50000",
		 "> p <body rid='102' sid='SID' pause='60'/>", "  < a <body/>", "  < p <body/>",
		 "wait 59999", "wait 1", "  failed inactivity", "  closed");
}

static void a_pause_ends_with_the_next_request(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> p <body rid='101' sid='SID' pause='200'/>", "  < p <body/>",
		 "wait 100000", "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "wait 50000",
		 "  < a <body/>", "wait 59999", "wait 1", "  failed inactivity", "  closed");
	RUN_WITH(&pausing, OFFERED, "> p <body rid='101' sid='SID' pause='200'/>", "  < p <body/>",
		 "wait 100000", "> a <body rid='100' sid='SID'/>",
		 "  < a <body sid='SID' wait='50' requests='2' hold='1' inactivity='60' polling='5'"
		 " maxpause='300' ver='1.6' accept='gzip,deflate' from='example.com' "
		 "xmpp:version='1.0'" STREAMS "/>",
		 "wait 59999", "wait 1", "  failed inactivity", "  closed");
}

static void a_pause_that_was_overtaken_is_over(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
		 "> p <body rid='101' sid='SID' pause='200'/>", "  < p <body/>", "wait 50000",
		 "  < a <body/>", "wait 59999", "wait 1", "  failed inactivity", "  closed");
}

static void a_pause_waits_for_its_turn(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> p <body rid='102' sid='SID' pause='200'/>", "  ~ p 50000",
		 "> a <body rid='101' sid='SID'><q xmlns='x'/></body>",
		 "  payload 0 <q xmlns='x'/>", "  < a <body/>", "  < p <body/>", "wait 199999",
		 "wait 1", "  failed inactivity", "  closed");
}

static void a_pause_may_be_one_more(void **state)
{
	RUN_WITH(&pausing, OFFERED, "+stop", "+> a <body rid='101' sid='SID'/>",
		 "> b <body rid='102' sid='SID'/>", "  ~ a 50000", "  ~ b 50000",
		 "> p <body rid='103' sid='SID' pause='200'/>", "  ~ p 50000", "go",
		 "  < a <body/>", "  < b <body/>", "  < p <body/>");
	RUN_WITH(&pausing, OFFERED, "> p <body rid='103' sid='SID' pause='200'/>", "  ~ p 50000",
		 "> a <body rid='101' sid='SID'/>", "  ~ a 50000",
		 "> b <body rid='102' sid='SID'/>", "  < a <body/>", "  < b <body/>",
		 "  < p <body/>");
}

static void the_answer_to_a_pause_is_not_kept_and_displaces_none(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> a <body rid='101' sid='SID'/>", "  ~ a 50000",
		 "server " M(1), "  < a <body>" GOT(1) "</body>", "> b <body rid='102' sid='SID'/>",
		 "  ~ b 50000", "> p <body rid='103' sid='SID' pause='200'/>", "  < b <body/>",
		 "  < p <body/>", "> q <body rid='103' sid='SID' pause='200'/>",
		 "  < q " TERMINATE("item-not-found"), "> c <body rid='104' sid='SID'/>",
		 "  ~ c 50000", "> d <body rid='102' sid='SID'/>", "  < d <body/>",
		 "> e <body rid='101' sid='SID'/>", "  < e " TERMINATE("item-not-found"));
}

static void a_pause_that_broke_can_be_repeated_until_it_is_answered(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> p <body rid='102' sid='SID' pause='200'/>", "  ~ p 50000",
		 "gone p", "> a <body rid='101' sid='SID'/>", "  ~ a 50000",
		 "> q <body rid='102' sid='SID' pause='200'/>", "  < a <body/>", "  < q <body/>",
		 "wait 199999", "wait 1", "  failed inactivity", "  closed");
}

static void a_pause_that_is_longer_than_offered_is_a_request(void **state)
{
	RUN_WITH(&pausing, OFFERED, "> p <body rid='101' sid='SID' pause='301'/>", "  ~ p 50000",
		 "wait 50000", "  < p <body/>", "wait 59999", "wait 1", "  failed inactivity",
		 "  closed");
	RUN(READY, "> a <body rid='102' sid='SID' pause='10'/>", "  ~ a 50000");
	RUN_WITH(&pausing, OFFERED, "> p <body rid='101' sid='SID' pause='long'/>",
		 "  < p " TERMINATE("bad-request"), "  failed bad-request");
}

static void a_pause_tells_what_came_behind_it(void **state)
{
	RUN_WITH(&pausing, "> z <body rid='1' to='e' wait='60' ver='1.6' ack='1'/>", "  open to=e",
		 "  ~ z 1500", "hurry z",
		 "  < z <body sid='SID' wait='50' requests='2' hold='1' inactivity='60' ack='1'"
		 " polling='5' maxpause='300' ver='1.6' accept='gzip,deflate' from='e' "
		 "xmpp:version='1.0'" STREAMS "/>",
		 "> a <body rid='3' sid='SID' ack='1'/>", "  ~ a 50000",
		 "> p <body rid='2' sid='SID' pause='200'/>", "  < p <body ack='3'/>");
}

/* --- key sequences --- */

/* K(4) of one sequence and K(3) of another, and what stands before them. */
#define A4 "ee9d80e206e7496c89fc34c85bd3998b3cf2b741"
#define A3 "e51fd1b46928409a0fdbd44bdae28d2d7741813b"
#define A2 "c62acc6f8c0c715ca7c1c81bec6fea819c9c3c62"
#define A1 "92713d4709377111cf31f2a71986c411bd6cb5b0"
#define B3 "8095d8fc99eea74ed91b9b92a83290879a7b45ef"
#define B2 "4d829478b5db370c05b913314bc241a8625db9b0"

/* A keyed session, rid 1 is answered. */
#define KEYED                                                                            \
	"> z <body rid='1' to='e' wait='60' ver='1.6' newkey='" A4 "'/>", "  open to=e", \
	    "  ~ z 1500", "hurry z",                                                     \
	    "  < z <body" GRANTED                                                        \
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>"
#define IS_REFUSED(h) "  < " h " " TERMINATE("item-not-found"), "  failed item-not-found"

static void each_key_comes_before_the_last(void **state)
{
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A3 "'/>", "  ~ a 50000",
	    "> b <body rid='3' sid='SID' key='" A2 "'><q xmlns='x'/></body>",
	    "  payload 0 <q xmlns='x'/>", "  < a <body/>", "  ~ b 50000",
	    "> c <body rid='4' sid='SID' key='" A1 "'/>", "  < b <body/>", "  ~ c 50000");
}

static void the_case_of_a_key_does_not_count(void **state)
{
	RUN("> z <body rid='1' to='e' ver='1.6' "
	    "newkey='EE9D80E206E7496C89FC34C85BD3998B3CF2B741'/>",
	    "  open to=e", "  ~ z 1500", "hurry z",
	    "  < z <body" GRANTED
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>",
	    "> a <body rid='2' sid='SID' key='" A3 "'/>", "  ~ a 50000");
}

static void a_sequence_is_followed_by_another(void **state)
{
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A3 "'/>", "  ~ a 50000",
	    "> b <body rid='3' sid='SID' key='" A2 "' newkey='" B3 "'/>", "  < a <body/>",
	    "  ~ b 50000", "> c <body rid='4' sid='SID' key='" B2 "'/>", "  < b <body/>",
	    "  ~ c 50000");
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A3 "' newkey='" B3 "'/>", "  ~ a 50000",
	    "> b <body rid='3' sid='SID' key='" A2 "'/>", IS_REFUSED("b"),
	    "  < a " TERMINATE("other-request"), "  closed");
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A3 "' newkey='short'/>", IS_REFUSED("a"),
	    "wait 3000", "  closed");
}

static void a_wrong_key_is_not_processed_and_ends_the_session(void **state)
{
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A2 "'><q xmlns='x'/></body>",
	    IS_REFUSED("a"), "wait 3000", "  closed");
	RUN(KEYED, "> a <body rid='2' sid='SID'><q xmlns='x'/></body>", IS_REFUSED("a"),
	    "wait 3000", "  closed");
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A4 "'/>", IS_REFUSED("a"), "wait 3000",
	    "  closed");
}

static void what_follows_a_wrong_key_in_the_same_turn_is_not_processed(void **state)
{
	RUN(KEYED, "+> a <body rid='2' sid='SID' key='" A2 "'/>",
	    "  < a " TERMINATE("item-not-found"),
	    "+> b <body rid='2' sid='SID' key='" A3 "'><q xmlns='x'/></body>",
	    "  < b " TERMINATE("other-request"),
	    "> c <body rid='3' sid='SID' key='" A2 "'><q xmlns='x'/></body>",
	    "  < c " TERMINATE("other-request"), "  failed item-not-found", "wait 3000",
	    "  closed");
}

static void a_key_ahead_of_its_turn_is_checked_when_it_comes(void **state)
{
	RUN(KEYED, "> b <body rid='3' sid='SID' key='" A2 "'><q xmlns='x'/></body>", "  ~ b 50000",
	    "> a <body rid='2' sid='SID' key='" A3 "'/>", "  payload 0 <q xmlns='x'/>",
	    "  < a <body/>");
	RUN(KEYED, "> b <body rid='3' sid='SID' key='" A1 "'><q xmlns='x'/></body>", "  ~ b 50000",
	    "> a <body rid='2' sid='SID' key='" A3 "'><ok xmlns='x'/></body>",
	    "  < b " TERMINATE("item-not-found"), "  payload 0 <ok xmlns='x'/>",
	    "  failed item-not-found", "  < a " TERMINATE("other-request"), "  closed");
}

static void a_repeat_needs_the_key_of_its_first_copy(void **state)
{
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A3 "'/>", "  ~ a 50000",
	    "> b <body rid='2' sid='SID' key='" A3 "'/>", "  < a <body type='error'/>",
	    "  ~ b 50000", "hurry b", "  < b <body/>", "> c <body rid='2' sid='SID' key='" A3 "'/>",
	    "  < c <body/>", "> d <body rid='3' sid='SID' key='" A2 "'/>", "  ~ d 50000",
	    "> e <body rid='2' sid='SID' key='" A3 "'/>", "  < e <body/>",
	    "> f <body rid='2' sid='SID' key='" A2 "'/>", IS_REFUSED("f"),
	    "  < d " TERMINATE("other-request"), "  closed");
	RUN(KEYED, "> a <body rid='2' sid='SID' key='" A3 "'/>", "  ~ a 50000",
	    "> b <body rid='2' sid='SID'/>", IS_REFUSED("b"), "  < a " TERMINATE("other-request"),
	    "  closed");
	RUN(KEYED, "> a <body rid='3' sid='SID' key='" A2 "'/>", "  ~ a 50000",
	    "> b <body rid='3' sid='SID' key='" A2 "'/>", "  < a <body type='error'/>",
	    "  ~ b 50000", "> c <body rid='3' sid='SID' key='" A1 "'/>", IS_REFUSED("c"),
	    "  < b " TERMINATE("other-request"), "  closed");
}

static void a_key_where_none_was_agreed_means_nothing(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID' key='x' newkey='y'/>", "  ~ a 50000",
	    "> b <body rid='103' sid='SID'/>", "  < a <body/>", "  ~ b 50000");
}

static void a_first_key_that_is_none_is_a_bad_request(void **state)
{
	RUN("> a <body rid='1' to='e' newkey='x'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' newkey=''/>", "  refused bad-request");
}

/* --- Content-Type --- */

static void all_answers_have_the_content_type_that_was_asked_for(void **state)
{
	RUN("> z <body rid='1' to='e' wait='60' ver='1.6' content=' text/html; charset=utf-8 '/>",
	    "  open to=e", "  ~ z 1500", "hurry z",
	    "  < z (text/html; charset=utf-8) <body" GRANTED
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>",
	    "> a <body rid='2' sid='SID'/>", "  ~ a 50000", "> b <body rid='2' sid='SID'/>",
	    "  < a (text/html; charset=utf-8) <body type='error'/>", "  ~ b 50000", "hurry b",
	    "  < b (text/html; charset=utf-8) <body/>", "> c <body rid='2' sid='SID'/>",
	    "  < c (text/html; charset=utf-8) <body/>", "> d <body rid='3' sid='SID'/>",
	    "  ~ d 50000", "close killed",
	    "  < d (text/html; charset=utf-8) " TERMINATE("policy-violation"), "  closed",
	    "> e <body rid='4' sid='SID'/>",
	    "  < e (text/html; charset=utf-8) " TERMINATE("item-not-found"));
}

static void the_usual_content_type_needs_no_asking(void **state)
{
	RUN("> z <body rid='1' to='e' ver='1.6' content='text/xml; charset=utf-8'/>", "  open to=e",
	    "  ~ z 1500", "hurry z",
	    "  < z <body" GRANTED
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>");
	RUN("> z <body rid='1' to='e' ver='1.6' content=''/>", "  open to=e", "  ~ z 1500");
}

static void a_content_type_that_is_none_is_a_bad_request(void **state)
{
	RUN("> a <body rid='1' to='e' content='text'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='/'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='text/'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='/xml'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='a/b/c'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='a b/c'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content=' '/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content=';'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='text/html&#13;&#10;X: y'/>",
	    "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='text/html; a=&#10;b'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='text/html; a=&#9;b'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='text/html; a=\xc3\xa9'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' content='text/html&#127;'/>", "  refused bad-request");
}

/* --- what is ignored --- */

/* XEP-0124 16: who offers no streams beside the first takes a request for one as a poll. */
static void a_request_for_another_stream_is_an_empty_one(void **state)
{
	RUN(READY,
	    "> a <body rid='102' sid='SID' to='other.example' route='xmpp:other.example:5222'"
	    " from='a@other.example' xml:lang='en'/>",
	    "  ~ a 50000", "server " M(1), "  < a <body>" GOT(1) "</body>",
	    "> b <body rid='103' sid='SID' stream='second'><q xmlns='x'/></body>",
	    "  payload 0 <q xmlns='x'/>", "  ~ b 50000",
	    "> c <body rid='104' sid='SID' stream='second' type='terminate'/>", "  end",
	    "  < b <body type='terminate'/>", "  < c <body/>", "  closed");
}

static void creation_attributes_mean_nothing_later(void **state)
{
	RUN(READY,
	    "> a <body rid='102' sid='SID' wait='1' hold='0' ver='1.11' inactivity='1'"
	    " content='text/html' charsets='a' accept='b' secure='false'/>",
	    "  ~ a 50000", "wait 50000", "  < a <body/>");
}

/* clang-format on */

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(acknowledges_the_highest_rid_where_it_is_not_the_one_answered),
	    cmocka_unit_test(acknowledges_no_rid_behind_a_gap),
	    cmocka_unit_test(acks_are_for_those_who_ask),
	    cmocka_unit_test(what_the_client_has_got_is_not_kept),
	    cmocka_unit_test(what_the_client_has_not_got_is_kept),
	    cmocka_unit_test(an_answer_that_seems_lost_is_reported_at_once),
	    cmocka_unit_test(an_answer_that_may_be_on_its_way_is_not_reported),
	    cmocka_unit_test(a_report_goes_with_payload_too),
	    cmocka_unit_test(an_ack_of_what_was_never_answered_is_no_harm),
	    cmocka_unit_test(an_ack_that_is_no_number_is_a_bad_request),
	    cmocka_unit_test(a_broken_request_finds_its_ack_when_repeated),
	    cmocka_unit_test(what_is_never_acknowledged_is_bounded),
	    cmocka_unit_test(a_pause_answers_all_and_itself_without_payload),
	    cmocka_unit_test(a_lost_answer_to_a_pause_is_not_reported),
	    cmocka_unit_test(a_pause_may_carry_payload_up),
	    cmocka_unit_test(a_pause_may_shorten),
	    cmocka_unit_test(a_pause_of_the_inactivity_just_flushes),
	    cmocka_unit_test(a_pause_ends_with_the_next_request),
	    cmocka_unit_test(a_pause_that_was_overtaken_is_over),
	    cmocka_unit_test(a_pause_waits_for_its_turn),
	    cmocka_unit_test(a_pause_may_be_one_more),
	    cmocka_unit_test(the_answer_to_a_pause_is_not_kept_and_displaces_none),
	    cmocka_unit_test(a_pause_that_broke_can_be_repeated_until_it_is_answered),
	    cmocka_unit_test(a_pause_that_is_longer_than_offered_is_a_request),
	    cmocka_unit_test(a_pause_tells_what_came_behind_it),
	    cmocka_unit_test(each_key_comes_before_the_last),
	    cmocka_unit_test(the_case_of_a_key_does_not_count),
	    cmocka_unit_test(a_sequence_is_followed_by_another),
	    cmocka_unit_test(a_wrong_key_is_not_processed_and_ends_the_session),
	    cmocka_unit_test(what_follows_a_wrong_key_in_the_same_turn_is_not_processed),
	    cmocka_unit_test(a_key_ahead_of_its_turn_is_checked_when_it_comes),
	    cmocka_unit_test(a_repeat_needs_the_key_of_its_first_copy),
	    cmocka_unit_test(a_key_where_none_was_agreed_means_nothing),
	    cmocka_unit_test(a_first_key_that_is_none_is_a_bad_request),
	    cmocka_unit_test(all_answers_have_the_content_type_that_was_asked_for),
	    cmocka_unit_test(the_usual_content_type_needs_no_asking),
	    cmocka_unit_test(a_content_type_that_is_none_is_a_bad_request),
	    cmocka_unit_test(a_request_for_another_stream_is_an_empty_one),
	    cmocka_unit_test(creation_attributes_mean_nothing_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

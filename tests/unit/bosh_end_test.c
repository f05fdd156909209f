/* The BOSH machine, as scripts: polling sessions, every way to end, pressure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bosh_scripts.h"

/* clang-format off: scripts, one line each */

/* --- polling sessions --- */

#define POLLS                                                                               \
	"  < z <body sid='SID' wait='0' requests='2' hold='1' inactivity='130' polling='5'" \
	" ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>"

static void a_polling_session_is_answered_at_once(void **state)
{
	RUN("> z <body rid='1' to='e' wait='0' hold='1' ver='1.6'/>", "  open to=e", POLLS,
	    "> a <body rid='2' sid='SID'/>", "  < a <body/>", "wait 5000",
	    "> b <body rid='3' sid='SID'/>", "  < b <body/>", "server " M(1), "wait 5000",
	    "> c <body rid='4' sid='SID'/>", "  < c <body>" GOT(1) "</body>",
	    "> d <body rid='5' sid='SID'/>", "  < d <body/>");
	RUN("> z <body rid='1' to='e' wait='60' hold='0' ver='1.6'/>", "  open to=e",
	    "  < z <body sid='SID' wait='50' requests='2' hold='0' inactivity='130' polling='5'"
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>",
	    "> a <body rid='2' sid='SID'><q xmlns='x'/></body>", "  payload 0 <q xmlns='x'/>",
	    "  < a <body/>");
}

/* XEP-0124 12: by more than the interval. */
static void a_polling_session_may_be_inactive_for_longer(void **state)
{
	RUN("> z <body rid='1' to='e' wait='0' hold='1' ver='1.6'/>", "  open to=e", POLLS,
	    "wait 129999", "> a <body rid='2' sid='SID'/>", "  < a <body/>", "wait 129999",
	    "wait 1", "  failed inactivity", "  closed");
	RUN("> z <body rid='1' to='e' wait='0' hold='1' ver='1.6' inactivity='3'/>", "  open to=e",
	    POLLS);
}

static void polling_too_fast_ends_the_session(void **state)
{
	RUN("> z <body rid='1' to='e' wait='0' hold='1' ver='1.6'/>", "  open to=e", POLLS,
	    "> a <body rid='2' sid='SID'/>", "  < a <body/>", "wait 4000",
	    "> b <body rid='3' sid='SID'/>", "  < b <body/>",
	    "> c <body rid='4' sid='SID'><q xmlns='x'/></body>", "  payload 0 <q xmlns='x'/>",
	    "  < c <body/>", "> d <body rid='5' sid='SID'/>", "  < d <body/>", "wait 1000",
	    "> e <body rid='6' sid='SID'/>", "  < e " TERMINATE("policy-violation"),
	    "  failed overactivity", "wait 3000", "  closed");
}

/* --- a rid that never comes --- */

static void who_waits_for_a_missing_rid_is_let_go_after_a_time(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID'><q xmlns='x'/></body>", "  ~ b 50000",
	    "wait 44999", "> d <body rid='103' sid='SID'><q xmlns='x'/></body>",
	    "  < b <body type='error'/>", "  ~ d 50000", "wait 1", "  failed rid-missing",
	    "  < d " TERMINATE("item-not-found"), "  closed");
}

/* Nobody may be there to be told at that moment. */
static void a_missing_rid_ends_it_with_nobody_there_too(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID'><q xmlns='x'/></body>", "  ~ b 50000", "gone b",
	    "wait 45000", "  failed rid-missing",
	    "> d <body rid='103' sid='SID'><q xmlns='x'/></body>",
	    "  < d " TERMINATE("item-not-found"), "  closed");
}

static void a_rid_that_comes_late_does_no_harm(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID'><q xmlns='x'/></body>", "  ~ b 50000",
	    "wait 44999", "> a <body rid='102' sid='SID'/>", "  payload 0 <q xmlns='x'/>",
	    "  < a <body/>", "wait 1000");
}

/* --- the end --- */

static void terminate_alone_is_answered_with_terminate(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID' type='terminate'/>", "  end",
	    "  < a <body type='terminate'/>", "  closed", "> b <body rid='103' sid='SID'/>",
	    "  < b " TERMINATE("item-not-found"));
}

static void gloox_says_terminal(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID' type='terminal'/>", "  end",
	    "  < a <body type='terminate'/>", "  closed");
}

static void a_terminate_waits_for_its_turn(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID' type='terminate'/>", "  ~ b 50000",
	    "> a <body rid='102' sid='SID'><q xmlns='x'/></body>", "  payload 0 <q xmlns='x'/>",
	    "  end", "  < a <body type='terminate'/>", "  < b <body/>", "  closed");
}

static void nothing_is_heard_behind_a_terminate(void **state)
{
	RUN(READY, "+> c <body rid='103' sid='SID'><q xmlns='x'/></body>",
	    "> b <body rid='102' sid='SID' type='terminate'/>", "  end",
	    "  < b <body type='terminate'/>", "  < c <body type='terminate'/>", "  closed");
}

/* An empty answer would say that its payload was taken. */
static void what_comes_too_late_is_not_said_to_be_taken(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+server " M(1),
	    "+close server-lost", "> b <body rid='103' sid='SID'><q xmlns='x'/></body>",
	    "  < a <body>" GOT(1) "</body>", "  < b " TERMINATE("remote-connection-failed"),
	    "  closed");
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+close server-lost",
	    "> b <body rid='103' sid='SID'><q xmlns='x'/></body>",
	    "  < a " TERMINATE("remote-connection-failed"),
	    "  < b " TERMINATE("remote-connection-failed"), "  closed");
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+close server-lost",
	    "> b <body rid='103' sid='SID'/>", "  < a " TERMINATE("remote-connection-failed"),
	    "  < b <body/>", "  closed");
	RUN(READY, "stop", "+> a <body rid='102' sid='SID'><q xmlns='x'/></body>",
	    "+> b <body rid='103' sid='SID'><q xmlns='y'/></body>", "+server " M(1),
	    "close server-lost",
	    "  < a <body type='terminate' condition='remote-connection-failed'>" GOT(1) "</body>",
	    "  < b " TERMINATE("remote-connection-failed"), "  closed");
}

static void the_end_comes_behind_what_is_queued(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+server " M(1),
	    "close server-lost",
	    "  < a <body type='terminate' condition='remote-connection-failed'>" GOT(1) "</body>",
	    "  closed");
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+server " M(1),
	    "close server-error <stream:error><conflict xmlns='ERRORS'/></stream:error>",
	    "  < a <body type='terminate' condition='remote-stream-error' "
	    "xmlns:stream='STREAM'>" GOT(
		1) "<stream:error><conflict xmlns='ERRORS'/></stream:error></body>",
	    "  closed");
}

static void queued_payload_gets_an_answer_of_its_own_if_it_can(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+server " M(1),
	    "+> b <body rid='103' sid='SID'/>", "close system-shutdown",
	    "  < a <body>" GOT(1) "</body>", "  < b " TERMINATE("system-shutdown"), "  closed");
}

static void the_servers_error_is_handed_on(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "close server-error <stream:error><conflict xmlns='ERRORS'/></stream:error>",
	    "  < a <body type='terminate' condition='remote-stream-error' xmlns:stream='STREAM'>"
	    "<stream:error><conflict xmlns='ERRORS'/></stream:error></body>",
	    "  closed");
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+server " M(1),
	    "+> b <body rid='103' sid='SID'/>",
	    "close server-error <stream:error><conflict xmlns='ERRORS'/></stream:error>",
	    "  < a <body>" GOT(1) "</body>",
	    "  < b <body type='terminate' condition='remote-stream-error' xmlns:stream='STREAM'>"
	    "<stream:error><conflict xmlns='ERRORS'/></stream:error></body>",
	    "  closed");
}

static void a_creation_that_fails_says_why(void **state)
{
	RUN("> a " CREATE, "  open to=example.com", "  ~ a 1500", "close host-unknown",
	    "  < a " TERMINATE("host-unknown"), "  closed");
}

static void a_client_between_two_requests_still_hears_why(void **state)
{
	RUN(READY, "close killed", "wait 2999", "> a <body rid='102' sid='SID'/>",
	    "  < a " TERMINATE("policy-violation"), "  closed");
	RUN(READY, "close killed", "wait 3000", "  closed");
	RUN(READY, "close killed", "wait 1000", "close system-shutdown", "wait 500", "  closed");
}

/* It polls when it was told to, and hears of it then. */
static void a_polling_client_hears_why(void **state)
{
	RUN("> z <body rid='100' to='example.com' wait='0' hold='1' ver='1.6'/>",
	    "  open to=example.com",
	    "  < z <body sid='SID' wait='0' requests='2' hold='1' inactivity='130' polling='5'"
	    " ver='1.6' accept='gzip,deflate' from='example.com' xmpp:version='1.0'" STREAMS "/>",
	    "close killed", "wait 7999", "> a <body rid='101' sid='SID'/>",
	    "  < a " TERMINATE("policy-violation"), "  closed");
}

/* Nobody else has what came before: it is kept as long as the client may stay away. */
static void what_the_server_said_before_it_ended_may_be_fetched(void **state)
{
	static struct bosh_config pausing;

	RUN(READY, "wait 1000", "server " M(1), "close server-lost", "wait 118999",
	    "> a <body rid='102' sid='SID'/>",
	    "  < a <body type='terminate' condition='remote-connection-failed'>" GOT(1) "</body>",
	    "  closed");
	RUN(READY, "wait 1000", "close server-lost", "wait 119000", "  closed");
	RUN(READY, "close server-lost", "wait 1000", "close system-shutdown", "wait 500",
	    "  closed");
	pausing = config;
	pausing.maxpause = 300000;
	RUN_WITH(&pausing, "> z " CREATE, "  open to=example.com", "  ~ z 1500", "hurry z",
		 "  < z <body" GRANTED " maxpause='300' ver='1.6' accept='gzip,deflate'"
		 " from='example.com' xmpp:version='1.0'" STREAMS "/>",
		 "> p <body rid='101' sid='SID' pause='200'/>", "  < p <body/>",
		 "close server-lost", "wait 199999", "> a <body rid='102' sid='SID'/>",
		 "  < a " TERMINATE("remote-connection-failed"), "  closed");
}

static void only_the_first_close_counts(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "+close killed",
	    "close server-lost", "  < a " TERMINATE("policy-violation"), "  closed");
}

static void nothing_follows_the_close(void **state)
{
	RUN(READY, "close killed", "server " M(1), "header id='again'",
	    "> a <body rid='102' sid='SID'><q xmlns='x'/></body>",
	    "  < a " TERMINATE("policy-violation"), "  closed");
}

/* XEP-0124 17.2: the condition of the others, when one of two made the session end. */
static void who_broke_no_rule_hears_of_another_request(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='110' sid='SID'/>", "  < b " TERMINATE("item-not-found"),
	    "  failed item-not-found", "  < a " TERMINATE("other-request"), "  closed");
}

/* --- clients of old --- */

#define LEGACY                                                                          \
	"> z <body rid='1' to='e' wait='60'/>", "  open to=e", "  ~ z 1500", "hurry z", \
	    "  < z <body" GRANTED                                                       \
	    " ver='1.11' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>"

/* XEP-0124 17.1 */
static void without_ver_some_ends_have_an_http_status(void **state)
{
	RUN(LEGACY, "> a <body rid='9' sid='SID'/>", "  < a 404 " TERMINATE("item-not-found"),
	    "  failed item-not-found");
	RUN(LEGACY, "> a <body rid='0' sid='SID'/>", "  < a 400 " TERMINATE("bad-request"));
	RUN(LEGACY, "> a <body rid='2' sid='SID'/>", "  ~ a 50000", "close killed",
	    "  < a 403 " TERMINATE("policy-violation"), "  closed");
	RUN(LEGACY, "> a <body rid='2' sid='SID'/>", "  ~ a 50000", "close server-lost",
	    "  < a " TERMINATE("remote-connection-failed"), "  closed");
	RUN(LEGACY, "> a <body rid='2' sid='SID' type='terminate'/>", "  end",
	    "  < a <body type='terminate'/>", "  closed");
	RUN(LEGACY, "+> a <body rid='2' sid='SID'/>", "+> b <body rid='3' sid='SID'/>",
	    "+> c <body rid='4' sid='SID'/>", "> d <body rid='5' sid='SID'/>",
	    "  < d 403 " TERMINATE("policy-violation"), "  failed overactivity",
	    "  < a " TERMINATE("other-request"), "  < b <body/>", "  < c <body/>", "  closed");
}

/* --- pressure --- */

static void an_answer_comes_late_while_nothing_is_pulled(void **state)
{
	RUN(READY, "stop", "> a <body rid='102' sid='SID'><q xmlns='x'/></body>", "  ~ a 50000",
	    "server " M(1), "wait 60000", "go", "  payload 0 <q xmlns='x'/>",
	    "  < a <body>" GOT(1) "</body>");
}

static void a_full_queue_ends_the_session(void **state)
{
	static struct bosh_config small;

	small = config;
	small.queue = 50;
	RUN_WITH(&small, READY, "server " M(1), "server " M(2), "  failed queue-full",
		 "> a <body rid='102' sid='SID'/>",
		 "  < a <body type='terminate' condition='policy-violation'>" GOT(1) "</body>",
		 "  closed");
}

static void one_element_always_fits(void **state)
{
	static struct bosh_config small;

	small = config;
	small.queue = 4;
	RUN_WITH(&small, READY, "server " M(1), "> a <body rid='102' sid='SID'/>",
		 "  < a <body>" GOT(1) "</body>");
}

/* --- namespaces --- */

static void the_stream_prefix_is_declared_where_it_is_used(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "server <stream:x/>",
	    "  < a <body xmlns:stream='STREAM'><stream:x/></body>",
	    "> b <body rid='103' sid='SID'/>", "  ~ b 50000", "server <q xmlns='x'/>",
	    "  < b <body><q xmlns='x'/></body>");
}

/* clang-format on */

/* --- a body for those without a session --- */

static void terminal_names_the_condition(void **state)
{
	struct buf out = {0};

	(void)state;
	bosh_terminal(&out, REASON_ITEM_NOT_FOUND);
	bosh_terminal(&out, REASON_NONE);
	bosh_see_other(&out, "https://a/?b&c");
	buf_addc(&out, 0);
	assert_string_equal(buf_data(&out),
			    "<body type='terminate' condition='item-not-found' "
			    "xmlns='http://jabber.org/protocol/httpbind'/>"
			    "<body type='terminate' xmlns='http://jabber.org/protocol/httpbind'/>"
			    "<body type='terminate' condition='see-other-uri' "
			    "xmlns='http://jabber.org/protocol/httpbind'>"
			    "<uri>https://a/?b&amp;c</uri></body>");
	buf_clear(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_polling_session_is_answered_at_once),
	    cmocka_unit_test(a_polling_session_may_be_inactive_for_longer),
	    cmocka_unit_test(polling_too_fast_ends_the_session),
	    cmocka_unit_test(who_waits_for_a_missing_rid_is_let_go_after_a_time),
	    cmocka_unit_test(a_missing_rid_ends_it_with_nobody_there_too),
	    cmocka_unit_test(a_rid_that_comes_late_does_no_harm),
	    cmocka_unit_test(terminate_alone_is_answered_with_terminate),
	    cmocka_unit_test(gloox_says_terminal),
	    cmocka_unit_test(a_terminate_waits_for_its_turn),
	    cmocka_unit_test(nothing_is_heard_behind_a_terminate),
	    cmocka_unit_test(what_comes_too_late_is_not_said_to_be_taken),
	    cmocka_unit_test(the_end_comes_behind_what_is_queued),
	    cmocka_unit_test(queued_payload_gets_an_answer_of_its_own_if_it_can),
	    cmocka_unit_test(the_servers_error_is_handed_on),
	    cmocka_unit_test(a_creation_that_fails_says_why),
	    cmocka_unit_test(a_client_between_two_requests_still_hears_why),
	    cmocka_unit_test(a_polling_client_hears_why),
	    cmocka_unit_test(what_the_server_said_before_it_ended_may_be_fetched),
	    cmocka_unit_test(only_the_first_close_counts),
	    cmocka_unit_test(nothing_follows_the_close),
	    cmocka_unit_test(who_broke_no_rule_hears_of_another_request),
	    cmocka_unit_test(without_ver_some_ends_have_an_http_status),
	    cmocka_unit_test(an_answer_comes_late_while_nothing_is_pulled),
	    cmocka_unit_test(a_full_queue_ends_the_session),
	    cmocka_unit_test(one_element_always_fits),
	    cmocka_unit_test(the_stream_prefix_is_declared_where_it_is_used),
	    cmocka_unit_test(terminal_names_the_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

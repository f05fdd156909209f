/* The BOSH machine, as scripts that read like the examples of XEP-0124 and XEP-0206: creation,
 * holding, the window, repeats, inactivity. The player checks the rules of front_rules.h on the
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bosh_scripts.h"

/* clang-format off: scripts, one line each */

/* --- the main path --- */

static void logs_in_talks_and_leaves(void **state)
{
	RUN("> a <body rid='1573741820' to='example.com' wait='60' hold='1' ver='1.6' xml:lang='en'"
	    " from='user@example.com' route='xmpp:example.com:9999' content='text/xml; "
	    "charset=utf-8'"
	    " xmlns:xmpp='XBOSH' xmpp:version='1.0'/>",
	    "  open to=example.com from=user@example.com lang=en version=1.0", "  ~ a 1500",
	    "header id='ServerStreamID' from='example.com' version='1.0'",
	    "server <stream:features><mechanisms xmlns='urn:s'/></stream:features>",
	    "  < a <body" GRANTED
	    " ver='1.6' accept='gzip,deflate' from='example.com' authid='ServerStreamID'"
	    " xmpp:version='1.0'" STREAMS
	    "><stream:features><mechanisms xmlns='urn:s'/></stream:features></body>",
	    "> b <body rid='1573741821' sid='SID'><auth xmlns='urn:s'>AA==</auth></body>",
	    "  payload 0 <auth xmlns='urn:s'>AA==</auth>", "  ~ b 50000",
	    "server <success xmlns='urn:s'/>", "  < b <body><success xmlns='urn:s'/></body>",
	    "> c <body rid='1573741822' sid='SID' to='example.com' xml:lang='en'"
	    " xmpp:restart='true' xmlns:xmpp='XBOSH'/>",
	    "  restart to=example.com lang=en", "  ~ c 50000",
	    "header id='second' from='example.com' version='1.0'", "server " FEATURES,
	    "  < c <body xmlns:stream='STREAM'>" FEATURES "</body>",
	    "> d <body rid='1573741823' sid='SID'><iq xmlns='jabber:client' id='bind'/></body>",
	    "  payload 1 <iq xmlns='jabber:client' id='bind'/>", "  ~ d 50000",
	    "server <iq id='bind' type='result'/>",
	    "  < d <body><iq xmlns='jabber:client' id='bind' type='result'/></body>",
	    "> e <body rid='1573741824' sid='SID'/>", "  ~ e 50000",
	    "> f <body rid='1573741825' sid='SID' type='terminate'>"
	    "<presence type='unavailable' xmlns='jabber:client'/></body>",
	    "  payload 1 <presence type='unavailable' xmlns='jabber:client'/>", "  end",
	    "  < e <body type='terminate'/>", "  < f <body/>", "  closed");
}

static void a_restart_goes_before_its_payload(void **state)
{
	RUN(READY,
	    "> a <body rid='102' sid='SID' to='example.com' xmpp:restart='true'"
	    " xmlns:xmpp='XBOSH'><iq xmlns='jabber:client'/></body>",
	    "  restart to=example.com", "  payload 1 <iq xmlns='jabber:client'/>", "  ~ a 50000");
}

/* Byte for byte, with nothing shortened. */
static void first_answer_is_exact(void **state)
{
	static const char want[] =
	    "<body xmlns='http://jabber.org/protocol/httpbind' sid='SID' wait='50' requests='2' "
	    "hold='1' inactivity='120' polling='5' ver='1.6' accept='gzip,deflate' "
	    "from='ex&amp;ample' "
	    "authid='i&apos;d&quot;' xmpp:version='1.0' xmpp:restartlogic='true' "
	    "xmlns:xmpp='urn:xmpp:xbosh' xmlns:stream='http://etherx.jabber.org/streams'/>";
	struct stream_info info = {.id = SLICE("i'd&quot;"), .version = SLICE("1.0")};
	struct body *create = calloc(1, sizeof(*create));
	struct effects fx = {0};
	struct bosh *b;

	(void)state;
	*create = (struct body){.rid = 7,
				.wait = 60,
				.hold = 1,
				.ver_major = 1,
				.ver_minor = 6,
				.inactivity = BODY_ABSENT,
				.to = SLICE("ex&ample")};
	b = bosh_new(&config, SLICE("SID"), 1, &create, 0);
	assert_null(create);
	bosh_hurry(b, 1, 0);
	struct front_event e;
	bosh_ops.next(b, &e);
	assert_int_equal(e.type, FRONT_OPEN);
	bosh_ops.opened(b, &info, 0);
	bosh_ops.flush(b, 0, &fx);
	assert_int_equal(fx.n, 1);
	assert_int_equal(fx.v[0].type, EFFECT_REPLY);
	assert_int_equal(fx.v[0].code, 200);
	assert_int_equal(fx.v[0].data.len, sizeof(want) - 1);
	assert_memory_equal(buf_data(&fx.v[0].data), want, sizeof(want) - 1);
	effects_clear(&fx);
	bosh_ops.free(b);
}

static void bounds_what_is_granted(void **state)
{
	RUN("> a <body rid='1' to='e' wait='20' hold='9' ver='1.99' inactivity='30'/>",
	    "  open to=e", "  ~ a 1500", "hurry a",
	    "  < a <body sid='SID' wait='20' requests='2' hold='1' inactivity='30' polling='5'"
	    " ver='1.11' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>",
	    "> b <body rid='2' sid='SID'/>", "  ~ b 20000", "wait 20000", "  < b <body/>",
	    "wait 30000", "  failed inactivity", "  closed");
	RUN("> a <body rid='1' to='e' wait='99999999' ver='2.0'/>", "  open to=e", "  ~ a 1500",
	    "hurry a",
	    "  < a <body" GRANTED
	    " ver='1.11' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>");
}

static void grants_a_second_held_request_where_configured(void **state)
{
	static struct bosh_config two;

	two = config;
	two.hold = 2;
	RUN_WITH(&two, "> a <body rid='1' to='e' hold='2' wait='60' ver='1.10'/>", "  open to=e",
		 "  ~ a 1500", "hurry a",
		 "  < a <body sid='SID' wait='50' requests='3' hold='2' inactivity='120'"
		 " polling='5' ver='1.10' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS
		 "/>",
		 "> b <body rid='2' sid='SID'/>", "  ~ b 50000", "> c <body rid='3' sid='SID'/>",
		 "  ~ c 50000", "> d <body rid='4' sid='SID'/>", "  < b <body/>", "  ~ d 50000",
		 "server " M(1), "  < c <body>" GOT(1) "</body>");
}

static void first_answer_carries_the_sid_without_features(void **state)
{
	RUN(BEGUN, "> b <body rid='101' sid='SID'/>", "  ~ b 50000", "server " FEATURES,
	    "  < b <body authid='x1' xmpp:version='1.0' xmlns:xmpp='XBOSH'"
	    " xmlns:stream='STREAM'>" FEATURES "</body>",
	    "> c <body rid='102' sid='SID'/>", "  ~ c 50000", "server " M(1),
	    "  < c <body>" GOT(1) "</body>");
}

static void first_answer_waits_no_longer_than_asked(void **state)
{
	RUN("> a <body rid='1' to='e' wait='1' hold='1' ver='1.6'/>", "  open to=e", "  ~ a 1000",
	    "wait 999", "wait 1",
	    "  < a <body sid='SID' wait='1' requests='2' hold='1' inactivity='120' polling='5'"
	    " ver='1.6' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS "/>");
}

static void creation_may_carry_payload(void **state)
{
	RUN("> a <body rid='1' to='e' wait='60' ver='1.6'><iq xmlns='jabber:client'/></body>",
	    "  open to=e", "  payload 1 <iq xmlns='jabber:client'/>", "  ~ a 1500");
}

static void refuses_what_creates_nothing(void **state)
{
	RUN("> a <body rid='1'/>", "  refused improper-addressing");
	RUN("> a <body rid='1' to=''/>", "  refused improper-addressing");
	RUN("> a <body to='e'/>", "  refused bad-request");
	RUN("> a <body rid='0' to='e'/>", "  refused bad-request");
	RUN("> a <body rid='x' to='e'/>", "  refused bad-request");
	RUN("> a <body rid='-1' to='e'/>", "  refused bad-request");
	RUN("> a <body rid='9007199254740992' to='e'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' wait='long'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' hold='-1'/>", "  refused bad-request");
	RUN("> a <body rid='1' sid='s' to='e'/>", "  refused bad-request");
	RUN("> a <body rid='1' to='e' type='terminate'/>", "  refused bad-request");
}

/* --- holding and waiting --- */

static void holds_until_wait_is_over(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "wait 49999", "wait 1",
	    "  < a <body/>", "> b <body rid='103' sid='SID'/>", "  ~ b 50000");
}

static void payload_never_waits(void **state)
{
	RUN(READY, "server " M(1), "server " M(2), "> a <body rid='102' sid='SID'/>",
	    "  < a <body>" GOT(1) GOT(2) "</body>");
}

static void second_request_releases_the_first(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='103' sid='SID'><message xmlns='jabber:client'/></body>",
	    "  payload 1 <message xmlns='jabber:client'/>", "  < a <body/>", "  ~ b 50000",
	    "server " M(1), "  < b <body>" GOT(1) "</body>");
}

/* What XEP-0124 11 calls too frequent; a client that polls beside a held request does so. */
static void two_empty_requests_at_once_are_no_offence(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='103' sid='SID'/>", "  < a <body/>", "  ~ b 50000",
	    "> c <body rid='104' sid='SID'/>", "  < b <body/>", "  ~ c 50000");
}

static void payload_goes_out_on_the_oldest(void **state)
{
	RUN(READY, "server " M(1), "+> a <body rid='102' sid='SID'/>",
	    "> b <body rid='103' sid='SID'/>", "  < a <body>" GOT(1) "</body>", "  ~ b 50000");
}

static void hurry_answers_and_takes_the_older_along(void **state)
{
	static struct bosh_config two;

	two = config;
	two.hold = 2;
	RUN_WITH(&two, "> a <body rid='1' to='e' hold='2' wait='60' ver='1.10'/>", "  open to=e",
		 "  ~ a 1500", "hurry a",
		 "  < a <body sid='SID' wait='50' requests='3' hold='2' inactivity='120'"
		 " polling='5' ver='1.10' accept='gzip,deflate' from='e' xmpp:version='1.0'" STREAMS
		 "/>",
		 "> b <body rid='2' sid='SID'/>", "  ~ b 50000", "> c <body rid='3' sid='SID'/>",
		 "  ~ c 50000", "hurry c", "  < b <body/>", "  < c <body/>");
}

static void hurry_for_nobody_is_nothing(void **state)
{
	RUN(READY, "hurry a", "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "hurry b",
	    "hurry a", "  < a <body/>");
}

/* --- the window --- */

static void keeps_what_comes_ahead_of_its_turn(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID'><b xmlns='x'/></body>", "  ~ b 50000",
	    "> a <body rid='102' sid='SID'><a xmlns='x'/></body>", "  payload 0 <a xmlns='x'/>",
	    "  payload 0 <b xmlns='x'/>", "  < a <body/>");
}

static void waits_for_its_turn_though_there_is_payload(void **state)
{
	RUN(READY, "server " M(1), "> b <body rid='103' sid='SID'/>", "  ~ b 50000", "hurry b",
	    "wait 19999", "> a <body rid='102' sid='SID'/>", "  < a <body>" GOT(1) "</body>",
	    "  < b <body/>");
}

static void one_surplus_request_is_no_offence(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "+> b <body rid='103' sid='SID'/>", "> c <body rid='104' sid='SID'/>", "  < a <body/>",
	    "  < b <body/>", "  ~ c 50000");
}

static void a_flood_ends_the_session(void **state)
{
	RUN(READY, "+> a <body rid='102' sid='SID'/>", "+> b <body rid='103' sid='SID'/>",
	    "+> c <body rid='104' sid='SID'/>", "> d <body rid='105' sid='SID'/>",
	    "  < d " TERMINATE("policy-violation"), "  failed overactivity",
	    "  < a " TERMINATE("other-request"), "  < b <body/>", "  < c <body/>", "  closed");
}

static void a_rid_beyond_the_window_ends_the_session(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='105' sid='SID'/>", "  < b " TERMINATE("item-not-found"),
	    "  failed item-not-found", "  < a " TERMINATE("other-request"), "  closed");
	RUN(READY, "> b <body rid='9007199254740991' sid='SID'/>",
	    "  < b " TERMINATE("item-not-found"), "  failed item-not-found");
}

static void a_terminate_may_be_one_more(void **state)
{
	RUN(READY, "> b <body rid='104' sid='SID' type='terminate'/>", "  ~ b 50000",
	    "> c <body rid='103' sid='SID'/>", "  ~ c 50000", "> a <body rid='102' sid='SID'/>",
	    "  end", "  < a <body type='terminate'/>", "  < c <body/>", "  < b <body/>",
	    "  closed");
}

static void a_strange_rid_hurts_its_asker_alone(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='5' sid='SID'/>", "  < b " TERMINATE("item-not-found"),
	    "> c <body rid='0' sid='SID'/>", "  < c " TERMINATE("bad-request"),
	    "> d <body sid='SID'/>", "  < d " TERMINATE("bad-request"),
	    "> e <body rid='1e3' sid='SID'/>", "  < e " TERMINATE("bad-request"), "server " M(1),
	    "  < a <body>" GOT(1) "</body>");
}

/* --- repeats and broken connections --- */

static void a_repeat_gets_the_same_bytes(void **state)
{
	RUN(READY, "> a <body rid='101' sid='SID'/>", "  < a <body" LATE ">" GOT(0) "</body>",
	    "> b <body rid='100' sid='SID'/>",
	    "  < b <body" GRANTED
	    " ver='1.6' accept='gzip,deflate' from='example.com' xmpp:version='1.0'" STREAMS "/>",
	    "> f <body rid='101' sid='SID'/>", "  < f <body" LATE ">" GOT(0) "</body>",
	    "> c <body rid='102' sid='SID'><q xmlns='x'/></body>", "  payload 0 <q xmlns='x'/>",
	    "  ~ c 50000", "wait 50000", "  < c <body/>",
	    "> d <body rid='102' sid='SID'><q xmlns='x'/></body>", "  < d <body/>",
	    "> i <body rid='101' sid='SID'/>", "  < i <body" LATE ">" GOT(0) "</body>",
	    "> e <body rid='103' sid='SID'/>", "  ~ e 50000", "hurry e", "  < e <body/>",
	    "> h <body rid='102' sid='SID'/>", "  < h <body/>", "> g <body rid='101' sid='SID'/>",
	    "  < g " TERMINATE("item-not-found"));
}

static void a_repeat_replaces_the_held_one(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'><q xmlns='x'/></body>",
	    "  payload 0 <q xmlns='x'/>", "  ~ a 50000", "wait 10000",
	    "> b <body rid='102' sid='SID'><q xmlns='x'/></body>", "  < a <body type='error'/>",
	    "  ~ b 50000", "wait 49999", "server " M(1), "  < b <body>" GOT(1) "</body>");
}

static void a_repeat_replaces_the_waiting_one(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID'><q xmlns='x'/></body>", "  ~ b 50000",
	    "> c <body rid='103' sid='SID'><q xmlns='x'/></body>", "  < b <body type='error'/>",
	    "  ~ c 50000", "> a <body rid='102' sid='SID'/>", "  payload 0 <q xmlns='x'/>",
	    "  < a <body/>");
}

static void a_broken_request_is_opened_again_by_its_repeat(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "gone a", "server " M(1),
	    "wait 1000", "> b <body rid='102' sid='SID'/>", "  < b <body>" GOT(1) "</body>",
	    "> c <body rid='102' sid='SID'/>", "  < c <body>" GOT(1) "</body>");
}

static void later_requests_go_on_past_a_broken_one(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "gone a",
	    "> b <body rid='103' sid='SID'><q xmlns='x'/></body>", "  payload 0 <q xmlns='x'/>",
	    "  ~ b 50000", "server " M(1), "  < b <body>" GOT(1) "</body>",
	    "> c <body rid='102' sid='SID'/>", "  < c <body/>", "> d <body rid='104' sid='SID'/>",
	    "  ~ d 50000");
}

static void a_broken_one_repeated_in_time_keeps_its_turn(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "gone a",
	    "> b <body rid='103' sid='SID'/>", "  ~ b 50000", "> c <body rid='102' sid='SID'/>",
	    "  < c <body/>", "server " M(1), "  < b <body>" GOT(1) "</body>");
}

static void a_broken_one_ahead_of_its_turn_is_not_lost(void **state)
{
	RUN(READY, "> b <body rid='103' sid='SID'><q xmlns='x'/></body>", "  ~ b 50000", "gone b",
	    "> a <body rid='102' sid='SID'/>", "  payload 0 <q xmlns='x'/>", "  ~ a 50000",
	    "> c <body rid='103' sid='SID'><q xmlns='x'/></body>", "  < a <body/>", "  ~ c 50000");
}

static void only_the_very_handle_is_gone(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000",
	    "> b <body rid='102' sid='SID'/>", "  < a <body type='error'/>", "  ~ b 50000",
	    "gone a", "server " M(1), "  < b <body>" GOT(1) "</body>", "gone b");
}

static void a_lost_creation_is_over(void **state)
{
	RUN("> a " CREATE, "  open to=example.com", "  ~ a 1500", "gone a", "  failed client-lost",
	    "  closed");
}

/* --- inactivity --- */

static void inactivity_counts_while_nothing_is_held(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "wait 50000", "  < a <body/>",
	    "wait 119999", "> b <body rid='103' sid='SID'/>", "  ~ b 50000", "wait 50000",
	    "  < b <body/>", "wait 119999", "wait 1", "  failed inactivity", "  closed");
}

static void inactivity_counts_from_the_broken_connection(void **state)
{
	RUN(READY, "> a <body rid='102' sid='SID'/>", "  ~ a 50000", "wait 30000", "gone a",
	    "wait 119999", "wait 1", "  failed inactivity", "  closed");
}

static void a_repeat_is_a_sign_of_life(void **state)
{
	RUN(READY, "wait 119999", "> a <body rid='101' sid='SID'/>",
	    "  < a <body" LATE ">" GOT(0) "</body>", "wait 119999", "wait 1", "  failed inactivity",
	    "  closed");
}

static void a_guessed_rid_is_no_sign_of_life(void **state)
{
	RUN(READY, "wait 119999", "> a <body rid='1' sid='SID'/>",
	    "  < a " TERMINATE("item-not-found"), "wait 1", "  failed inactivity", "  closed");
}

/* clang-format on */

static bool attached(struct player *p)
{
	return bosh_ops.attached(player_machine(p));
}

/* Between two requests a client is there: its server must not be made to wait, nor its queue be
 * taken for that of somebody who left. */
static void a_client_is_there_between_two_requests(void **state)
{
	static const char *const talk[] = {READY, NULL};
	static const char *const later[] = {"wait 9999", NULL}, *const away[] = {"wait 1", NULL};
	static const char *const back[] = {"> a <body rid='102' sid='SID'/>", "  ~ a 50000", NULL};
	static const char *const broken[] = {"gone a", NULL};
	struct player *p = player_new(&config, NULL);

	(void)state;
	player_run(p, __func__, talk);
	assert_true(attached(p));
	player_run(p, __func__, later);
	assert_true(attached(p));
	player_run(p, __func__, away);
	assert_false(attached(p));
	player_run(p, __func__, back);
	assert_true(attached(p));
	player_run(p, __func__, broken);
	assert_false(attached(p));
	player_free(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logs_in_talks_and_leaves),
	    cmocka_unit_test(a_restart_goes_before_its_payload),
	    cmocka_unit_test(first_answer_is_exact),
	    cmocka_unit_test(bounds_what_is_granted),
	    cmocka_unit_test(grants_a_second_held_request_where_configured),
	    cmocka_unit_test(first_answer_carries_the_sid_without_features),
	    cmocka_unit_test(first_answer_waits_no_longer_than_asked),
	    cmocka_unit_test(creation_may_carry_payload),
	    cmocka_unit_test(refuses_what_creates_nothing),
	    cmocka_unit_test(holds_until_wait_is_over),
	    cmocka_unit_test(payload_never_waits),
	    cmocka_unit_test(second_request_releases_the_first),
	    cmocka_unit_test(two_empty_requests_at_once_are_no_offence),
	    cmocka_unit_test(payload_goes_out_on_the_oldest),
	    cmocka_unit_test(hurry_answers_and_takes_the_older_along),
	    cmocka_unit_test(hurry_for_nobody_is_nothing),
	    cmocka_unit_test(keeps_what_comes_ahead_of_its_turn),
	    cmocka_unit_test(waits_for_its_turn_though_there_is_payload),
	    cmocka_unit_test(one_surplus_request_is_no_offence),
	    cmocka_unit_test(a_flood_ends_the_session),
	    cmocka_unit_test(a_rid_beyond_the_window_ends_the_session),
	    cmocka_unit_test(a_terminate_may_be_one_more),
	    cmocka_unit_test(a_strange_rid_hurts_its_asker_alone),
	    cmocka_unit_test(a_repeat_gets_the_same_bytes),
	    cmocka_unit_test(a_repeat_replaces_the_held_one),
	    cmocka_unit_test(a_repeat_replaces_the_waiting_one),
	    cmocka_unit_test(a_broken_request_is_opened_again_by_its_repeat),
	    cmocka_unit_test(later_requests_go_on_past_a_broken_one),
	    cmocka_unit_test(a_broken_one_repeated_in_time_keeps_its_turn),
	    cmocka_unit_test(a_broken_one_ahead_of_its_turn_is_not_lost),
	    cmocka_unit_test(only_the_very_handle_is_gone),
	    cmocka_unit_test(a_lost_creation_is_over),
	    cmocka_unit_test(inactivity_counts_while_nothing_is_held),
	    cmocka_unit_test(inactivity_counts_from_the_broken_connection),
	    cmocka_unit_test(a_repeat_is_a_sign_of_life),
	    cmocka_unit_test(a_guessed_rid_is_no_sign_of_life),
	    cmocka_unit_test(a_client_is_there_between_two_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

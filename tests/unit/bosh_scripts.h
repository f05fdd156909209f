/* What the BOSH scripts share: a configuration, sessions in several states of youth, and the words
 * that come up in every line. front_player.h tells the language. */
#ifndef TESTS_BOSH_SCRIPTS_H
#define TESTS_BOSH_SCRIPTS_H

#include "front_player.h"

static const struct bosh_config config = {
    .wait = 50000,
    .inactivity = 120000,
    .polling = 5000,
    .maxpause = 0,
    .features_wait = 1500,
    .hold = 1,
    .queue = 1000,
};

static void run_with(const struct bosh_config *c, const char *name, const char *const *lines)
{
	struct player *p = player_new(c, NULL);

	player_run(p, name, lines);
	player_free(p);
}

#define CREATE "<body rid='100' to='example.com' wait='60' hold='1' ver='1.6'/>"
#define GRANTED " sid='SID' wait='50' requests='2' hold='1' inactivity='120' polling='5'"
#define STREAMS " xmpp:restartlogic='true' xmlns:xmpp='XBOSH' xmlns:stream='STREAM'"
#define FEATURES "<stream:features><a xmlns='b'/></stream:features>"
#define M(n) "<message id='" #n "'/>"
#define GOT(n) "<message xmlns='jabber:client' id='" #n "'/>"
#define TERMINATE(c) "<body type='terminate' condition='" c "'/>"

/* A session whose first answer is out: rid 100 is answered, nothing is held. */
#define BEGUN                                                                                      \
	"> z " CREATE, "  open to=example.com", "  ~ z 1500", "wait 1500",                         \
	    "  < z <body" GRANTED                                                                  \
	    " ver='1.6' accept='gzip,deflate' from='example.com' xmpp:version='1.0'" STREAMS "/>", \
	    "header id='x1' version='1.0'"

/* The same, and the header's attributes were delivered too; rid 101 is answered. */
#define LATE " authid='x1' xmpp:version='1.0' xmlns:xmpp='XBOSH'"
#define READY                                                                    \
	BEGUN, "> y <body rid='101' sid='SID'/>", "  ~ y 50000", "server " M(0), \
	    "  < y <body" LATE ">" GOT(0) "</body>"

#define RUN(...)                                                        \
	do {                                                            \
		static const char *const lines[] = {__VA_ARGS__, NULL}; \
		(void)state;                                            \
		run_with(&config, __func__, lines);                     \
	} while (0)
#define RUN_WITH(c, ...)                                                \
	do {                                                            \
		static const char *const lines[] = {__VA_ARGS__, NULL}; \
		(void)state;                                            \
		run_with(c, __func__, lines);                           \
	} while (0)

#endif

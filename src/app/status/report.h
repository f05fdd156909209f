/* A report: what one worker tells of itself, as plain numbers; and their sum over workers. */
#ifndef APP_STATUS_REPORT_H
#define APP_STATUS_REPORT_H

#include "app/status/meter.h"
#include "app/status/past.h"
#include "base/histogram.h"
#include "proto/refusal.h"
#include "session/session.h"

struct numbers {
#define X(field, json, metric, label, type, sentence) uint64_t field;
#include "app/status/numbers.def"
#undef X
};

void numbers_add(struct numbers *sum, const struct numbers *n);

enum transport { TRANSPORT_BOSH, TRANSPORT_WEBSOCKET, TRANSPORTS };
extern const char *const transport_names[TRANSPORTS];

enum { REPORT_WORDS = 320 };

struct tally_domain {
	uint32_t sessions[TRANSPORTS];
};

/* What is counted of sessions by transport. */
struct tally {
	uint32_t living[TRANSPORTS][SESSION_DEAD]; /* by state */
	uint64_t created[TRANSPORTS];
	uint64_t ends[TRANSPORTS][REASON_COUNT];
	struct histogram deliveries;  /* from the server's bytes to the client's connection */
	struct tally_domain *domains; /* owned: one for each of the configuration */
	size_t n_domains;
};

void tally_init(struct tally *t, size_t domains);
void tally_clear(struct tally *t);
void tally_add(struct tally *sum, const struct tally *t);

struct report {
	uint8_t worker;
	struct numbers n;
	struct tally tally;
	uint64_t refusals[REFUSAL_COUNT];
	struct histogram turns;
	struct meter_view meter;
	struct past past;	     /* of the first worker: since when what is wrong */
	char no_login[REPORT_WORDS]; /* lately a server offered no login: who, and what to do; "" */
};

struct report *report_new(uint8_t worker, size_t domains);
void report_free(struct report *r); /* NULL is fine */

/* Adds r: the load and the longest turn are the largest ones then. */
void report_add(struct report *sum, const struct report *r);

/* Counts a session, or takes back what was counted of it; what it carried counts for ever. */
void numbers_carried(struct numbers *n, const struct session_facts *f, bool back);
void numbers_living(struct numbers *n, const struct session_facts *f, bool websocket, bool back);

#endif

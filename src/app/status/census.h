/* The census of a worker's sessions: what they add up to, kept up to date by each that changes, so
 * that to ask costs the same with ten sessions and with fifty thousand. */
#ifndef APP_STATUS_CENSUS_H
#define APP_STATUS_CENSUS_H

#include "app/status/report.h"

struct census {
	struct numbers past, living; /* of ended ones what they carried; of those that are here */
	struct tally tally;
	struct refusals refusals;
	uint64_t logins, login_failures; /* of those the meter has heard */
};

void census_init(struct census *c, size_t domains);
void census_clear(struct census *c);

/* A session as it is now; `back` takes it out again, with the very same facts. domain: its place in
 * the configuration, n_domains where it has none yet. */
void census_see(struct census *c, const struct session_facts *f, enum transport t, size_t domain,
		bool back);

/* It has ended: one that was taken out. */
void census_end(struct census *c, const struct session_facts *f, enum transport t);

/* Logins since the last call, for the meter. */
void census_logins(struct census *c, struct meter *m, int64_t now);

void census_report(const struct census *c, struct report *r); /* adds all of it to r */

#endif

/* A tally: what one worker tells about itself and its sessions, as plain numbers. */
#ifndef APP_TALLY_H
#define APP_TALLY_H

#include <stdint.h>
#include "session/session.h"

struct tally {
	uint8_t worker;
	uint32_t sessions, bosh, websocket; /* alive */
	uint32_t opening, open, detached, closing;
	uint32_t connections, websockets, waiting; /* of its web */
	uint64_t created, ended, refused;
	uint64_t accepted; /* connections, since the start */
	uint64_t requests,
	    foreign; /* BOSH requests for its sessions; those that came by another worker */
	uint64_t stanzas_in, stanzas_out, bytes_in, bytes_out; /* of ended and living sessions */
	uint64_t logins, login_failures;		       /* the same */
	uint64_t proved, returned, given_up;		       /* the same */
	uint64_t unproved, unacknowledged;		       /* of living ones */
	uint64_t turns, turn_max_us;
};

struct tally *tally_new(uint8_t worker);
void tally_free(struct tally *t); /* NULL is fine */

/* Counts a session: what it carried; with a living one, also what it is. */
void tally_traffic(struct tally *t, const struct session_facts *f);
void tally_session(struct tally *t, const struct session_facts *f, bool websocket);

#endif

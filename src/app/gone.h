/* Why sessions went: the last of a worker, so that the log can tell what a client that comes too
 * late has missed, and the API what somebody looks for in vain. Sids are not kept, only their
 * hashes under the table's seed. */
#ifndef APP_GONE_H
#define APP_GONE_H

#include <stdint.h>
#include "base/slots.h"
#include "proto/reason.h"

enum { GONE_MAX = 1024 };

struct gone {
	struct gone_session {
		uint64_t hash;
		handle_t handle;
		int64_t when : 56; /* ms, monotonic */
		uint64_t reason : 8;
	} v[GONE_MAX];
	uint32_t next; /* the oldest, to be overwritten */
};

/* hash 0: it had no sid (a WebSocket). */
void gone_add(struct gone *g, uint64_t hash, handle_t h, enum reason r, int64_t now);

/* REASON_NONE where nothing is known (any more); else *when is set. */
enum reason gone_find(const struct gone *g, uint64_t hash, int64_t *when);

/* The same of a session by its handle. */
enum reason gone_find_handle(const struct gone *g, handle_t h, int64_t *when);

/* The same as fields of a log line, with a blank before them; "" where nothing is known. */
enum { GONE_TEXT = 64 };
const char *gone_text(const struct gone *g, uint64_t hash, int64_t now, char dst[GONE_TEXT]);

#endif

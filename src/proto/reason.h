/* Why a session, or one request, ended; the table is reason.def. */
#ifndef PROTO_REASON_H
#define PROTO_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum reason {
#define X(name, label, condition, code, error, text) REASON_##name,
#include "proto/reason.def"
#undef X
	REASON_COUNT
};

const char *reason_label(enum reason r);	/* "client-closed" */
const char *reason_condition(enum reason r);	/* BOSH terminal condition, "" for none */
uint16_t reason_ws_code(enum reason r);		/* WebSocket close code */
const char *reason_stream_error(enum reason r); /* RFC 6120 condition, "" for none */
const char *reason_text(enum reason r);		/* one sentence for an operator */
bool reason_of_server(enum reason r);		/* it ended a stream that was there, or broke it */

#endif

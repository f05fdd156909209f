/* Why a session, or one request, ended: reason.def, expanded into the arrays behind the getters. */
#include "proto/reason.h"

#include <assert.h>

static const struct {
	const char *label, *condition;
	uint16_t code;
	const char *error, *text;
} table[] = {
#define X(name, label, condition, code, error, text) {label, condition, code, error, text},
#include "proto/reason.def"
#undef X
};

const char *reason_label(enum reason r)
{
	assert(r < REASON_COUNT);
	return table[r].label;
}

const char *reason_condition(enum reason r)
{
	assert(r < REASON_COUNT);
	return table[r].condition;
}

uint16_t reason_ws_code(enum reason r)
{
	assert(r < REASON_COUNT);
	return table[r].code;
}

const char *reason_stream_error(enum reason r)
{
	assert(r < REASON_COUNT);
	return table[r].error;
}

const char *reason_text(enum reason r)
{
	assert(r < REASON_COUNT);
	return table[r].text;
}

bool reason_of_server(enum reason r)
{
	return r == REASON_SERVER_CLOSED || r == REASON_SERVER_ERROR || r == REASON_SERVER_LOST ||
	       r == REASON_SERVER_BAD_XML || r == REASON_SERVER_RESTRICTED_XML ||
	       r == REASON_SERVER_TOO_BIG;
}

/* What a machine wants done in the world. Machines append effects to a list that the turn carries
 * out afterwards, in order; nothing in here is acted on before the machine has returned. */
#ifndef PROTO_EFFECT_H
#define PROTO_EFFECT_H

#include "base/buf.h"
#include "base/slots.h"

enum effect_type {
	EFFECT_REPLY,  /* answer request `handle`: HTTP status `code`, `content`, body `data` */
	EFFECT_HELD,   /* request `handle` will be answered within `ms`, empty if need be */
	EFFECT_SEND,   /* `data`, whole WebSocket frames, to WebSocket `handle` in one write */
	EFFECT_CLOSE,  /* WebSocket `handle`: close frame with status `code`, after what was sent */
	EFFECT_PAUSE,  /* read no more from WebSocket `handle` */
	EFFECT_RESUME, /* read from it again */
	EFFECT_DIAL,   /* connect to a backend of the session's route */
	EFFECT_WRITE,  /* `data` to the backend */
	EFFECT_HANGUP, /* close the backend's connection once what was written is out */
	EFFECT_DROP,   /* close the backend's connection now */
	EFFECT_READ_OFF, /* read no more from the backend */
	EFFECT_READ_ON,	 /* read from it again */
	EFFECT_TRACE	 /* tell who watches: `data`, redacted, of `ms` bytes, from `code` */
};

enum trace_from { TRACE_CLIENT, TRACE_SERVER };

struct effect {
	enum effect_type type;
	int code;
	handle_t handle;
	int64_t ms;
	const char *content; /* REPLY: its Content-Type; NULL: the usual. Lent by the machine */
	struct buf data;     /* owned by the effect until carried out */
};

struct effects {
	struct effect *v; /* owned */
	uint32_t n, cap;
};

/* Appends one, zeroed but for its type and handle, and lends it to be filled in. */
struct effect *effects_add(struct effects *fx, enum effect_type type, handle_t h);

/* Drops what is left and frees the array; the struct stays usable. */
void effects_clear(struct effects *fx);

/* Empties the list and keeps its array; the data of each effect must have been taken or is freed.
 */
void effects_reset(struct effects *fx);

#endif

/* A front machine, seen from the hub: BOSH (bosh.h) or RFC 7395 (wsfront.h). It turns what a web
 * client sends into events for the stream, in order, and what the stream sends into answers. Pure:
 * time is a number (ms, monotonic), the world is a list of effects. */
#ifndef PROTO_FRONT_H
#define PROTO_FRONT_H

#include "proto/effect.h"
#include "proto/reason.h"
#include "proto/xml.h"

#define TIME_NEVER INT64_MAX

enum front_event_type {
	FRONT_NONE,    /* nothing waits */
	FRONT_OPEN,    /* the client opens a stream: to, from, lang */
	FRONT_RESTART, /* it restarts it: to, lang (may be missing) */
	FRONT_PAYLOAD, /* elements for the backend */
	FRONT_END      /* it ends the session; comes after its last payload */
};

/* Lent until the next call on the machine. */
struct front_event {
	enum front_event_type type;
	struct slice payload;
	uint32_t elements, stanzas;	      /* in payload; how many of them are stanzas */
	uint8_t kinds;			      /* bit of each enum stanza_kind among the elements */
	struct slice to, from, lang, version; /* p == NULL where missing */
	struct slice route;		      /* OPEN: the server that the client wants (BOSH) */
};

/* What the backend's stream header said; raw attribute values, p == NULL where missing. */
struct stream_info {
	struct slice id, from, lang, version;
};

struct front_counts {
	uint32_t held;	  /* requests held (BOSH) */
	uint32_t waiting; /* requests read ahead of their turn (BOSH) */
	size_t queued;	  /* bytes towards the client, not answered yet */
	size_t kept;	  /* bytes kept for replay (BOSH) */
	int64_t rid;	  /* next rid expected (BOSH) */
};

enum { FRONT_HELD = 16 };

/* What only somebody who looks at this one session wants to know. */
struct front_detail {
	uint32_t requests, hold, wait, inactivity; /* granted; ms (BOSH) */
	int64_t left;				   /* ms of inactivity; -1: it does not run */
	bool acks, paused;
	uint8_t held; /* requests: the rid, and for how long it is held, ms */
	struct {
		int64_t rid, since;
	} v[FRONT_HELD];
};

struct front_ops {
	const char *name; /* "bosh", "websocket" */

	/* The next thing the client said, in order. */
	void (*next)(void *f, struct front_event *e);

	/* While next() may not be asked, for the backend takes no more: requests whose turn it is
	 * and that say nothing wait for the server's words all the same. NULL: there are none. */
	void (*next_empty)(void *f);

	/* The backend's header came (first, or after a restart). */
	void (*opened)(void *f, const struct stream_info *info, int64_t now);

	/* One element for the client; features are already edited. `element` has every declaration
	 * it needs save those that scope->v[] / the default lend: the machine calls xml_append().
	 * `serial` counts the stanzas up to and with this element, modulo 2^32; see proved(). */
	void (*element)(void *f, const struct xml_element *e, const struct xml_scope *scope,
			uint32_t serial, int64_t now);

	/* The serial up to which everything is proved to be with the client: what it has said since
	 * leaves no doubt. That something was written, or is no longer kept, proves nothing. 0 at
	 * first; never goes back; never beyond what element() was given. */
	uint32_t (*proved)(const void *f);

	/* The serial up to which a client that said goodbye counts as having what it was sent: not
	 * before proved(). What stood behind it then, and what comes later, is not sent at all. */
	uint32_t (*received)(const void *f);

	/* What element() gets from here on, right before close(), may pass the bound of the queue.
	 */
	void (*last)(void *f);

	/* Ends: payload queued so far goes out first, then the reason in the protocol's own terms.
	 * `detail` is a whole <stream:error/>, declarations included save `stream`: the server's
	 * for SERVER_ERROR, ours where somebody has words for the client; borrowed, may be empty.
	 * Only the first call counts, but SYSTEM_SHUTDOWN behind it: there is little time left. */
	void (*close)(void *f, enum reason r, struct slice detail, int64_t now);

	/* Emits what can go out now: answers, frames, held notices, close. Once per turn. */
	void (*flush)(void *f, int64_t now, struct effects *fx);

	/* When to call expire(): ms, TIME_NEVER for never. May move only by events. */
	int64_t (*expiry)(const void *f);
	void (*expire)(void *f, int64_t now);

	/* Why the machine wants the session to end (inactivity, a broken rule); REASON_NONE. */
	enum reason (*failed)(const void *f);

	/* A client is there: a WebSocket open, a request held or one expected any moment. */
	bool (*attached)(const void *f);
	bool (*closed)(const void *f); /* after close(): nothing more will be emitted */
	void (*counts)(const void *f, struct front_counts *c);
	void (*detail)(const void *f, int64_t now, struct front_detail *d); /* NULL: no more */
	void (*free)(void *f);
};

/* Whether a comes after b in a count modulo 2^32. */
static inline bool serial_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* Appends `raw`, a value from somebody else's start tag, where it may have stood between double
 * quotes, behind `name` (" id='") and closes the quote. Nothing where raw.p is NULL. */
void front_attribute(struct buf *out, const char *name, struct slice raw);

#endif

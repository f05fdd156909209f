/* A BOSH <body/> from a client: judged, its attributes decoded, its payload ready for the backend
 * stream (XEP-0124 7-16, XEP-0206). Made by `web` on the worker that got the request; travels. */
#ifndef PROTO_BODY_H
#define PROTO_BODY_H

#include "proto/reason.h"
#include "proto/xml.h"
#include "proto/xmljudge.h"

enum { BODY_ABSENT = -1, BODY_BAD = -2 };
#define BODY_RID_MAX ((int64_t)9007199254740991) /* 2^53 - 1 */

enum body_type { BODY_TYPE_NONE, BODY_TYPE_TERMINATE, BODY_TYPE_ERROR, BODY_TYPE_OTHER };

struct body {
	struct buf document;  /* the bytes as they came; slices below point here or into text */
	struct buf text;      /* decoded attribute values */
	struct buf fixed;     /* payload rewritten, where that was needed; else empty */
	struct slice payload; /* elements for the backend, one after another, declarations added */
	uint32_t elements;    /* top-level elements in payload */
	uint32_t stanzas;     /* message, presence and iq among them */
	uint8_t kinds;	      /* bit of each enum stanza_kind among them */

	/* Numbers: BODY_ABSENT where missing, BODY_BAD where not an integer in range. */
	int64_t rid, wait, hold, ack, pause, time, inactivity;
	int64_t ver_major, ver_minor;
	enum body_type type; /* terminate also for 'terminal' (gloox) */
	bool restart;	     /* xmpp:restart='true' or '1', prefix declared or not */
	/* Text, decoded; p == NULL where missing. */
	struct slice sid, to, from, lang, route, content, key, newkey, condition, charsets, accept;
	struct slice stream, xmpp_version, report;
	struct slice secure; /* of old clients */

	/* Set by the web: */
	uint32_t via; /* names the connection that it came by; 0: not known */
	bool by_tls;  /* the client came by TLS, here or at a trusted proxy */
	bool bare;    /* it surely did not */
};

/* Takes *document (emptied). On REASON_NONE *out owns everything, body_free() releases. Else a
 * reason (NOT_WELL_FORMED, RESTRICTED_XML, TOO_BIG, BAD_UTF8, INVALID_NAMESPACE: not <body/> of
 * httpbind, BAD_REQUEST: text or a stream-level element among the payload) and *out is NULL. */
enum reason body_parse(struct body **out, struct xmljudge *j, const struct xml_limits *limits,
		       struct buf *document);
void body_free(struct body *b); /* NULL is fine */

#endif

/* The one way to answer: status line, framing, CORS on every answer, body. */
#ifndef WEB_ANSWER_H
#define WEB_ANSWER_H

#include "web/web_priv.h"

struct answer {
	int status;
	const char *type;   /* NULL: text/xml; charset=utf-8 */
	const char *why;    /* words for a log line, where this is a refusal; else NULL */
	unsigned kind;	    /* of that refusal (refusal.h); REASON_NONE: its status says it */
	const char *fields; /* further field lines, each with its CR LF; NULL: none */
	bool cached;	    /* may be kept if asked for again each time; else no-store */
	bool close;	    /* the connection ends with it */
	bool endless;	    /* no length is known: see answer_begin() */
	bool packed;	    /* the body was compressed by gzip, as the request likes it */
	struct slice file;  /* comes behind the body; it outlives the connection */
};

enum {
	ANSWER_FIELDS_MAX = 512, /* bytes in `fields` */
	ANSWER_PACK_MIN = 1024,	 /* shorter bodies are not compressed */
	ANSWER_ROOM = 384	 /* head room in a body that spares a copy */
};

void answer(struct request *r, const struct answer *a, struct buf *body); /* takes *body */

/* The head of a 200 without an end goes straight into the output: r is the oldest. */
void answer_begin(struct request *r, const char *type);

/* A few words, in plain text or, on a status listener where they tell of an error, as JSON; a
 * status of 400 and above logs them. */
void answer_words(struct request *r, int status, const char *fields, bool close, const char *words);

/* The same for a refusal that ends the connection, and is counted as another one than its status
 * says: a kind of refusal.h. */
void answer_refusal(struct request *r, int status, unsigned kind, const char *words);

/* Whether bodies of this Content-Type (NULL as above) get shorter by compression. */
bool answer_packs(const char *type);

/* 403: the page's origin is not an allowed one. */
void answer_bad_origin(struct request *r, bool close, struct slice origin);

#endif

/* The cutter: takes a byte stream in any pieces and yields whole top-level elements, without a tree
 * and in fixed memory. It only cuts; it refuses what must never pass (DTD, comment, processing
 * instruction, unknown entity, over a limit) and leaves judging well-formedness to xmljudge: inner
 * end tags are counted, not compared; only the last one must have the top-level element's name. */
#ifndef PROTO_XMLCUT_H
#define PROTO_XMLCUT_H

#include "proto/xml.h"

enum xmlcut_result {
	XMLCUT_MORE,	   /* all of the input was looked at; come again with the same and more */
	XMLCUT_HEADER,	   /* a stream header: out->bytes is its start tag */
	XMLCUT_ELEMENT,	   /* one element */
	XMLCUT_END,	   /* the stream's end tag */
	XMLCUT_MALFORMED,  /* cannot be XML, or text between stanzas: fatal from here on */
	XMLCUT_RESTRICTED, /* DTD, comment, PI, entity beyond the five: fatal */
	XMLCUT_TOO_BIG	   /* over a limit: fatal */
};

enum xmlcut_mode {
	XMLCUT_STREAM, /* [XML declaration] stream header, elements, end tag */
	XMLCUT_CONTENT /* elements and white space only: the inside of a <body/>, of features */
};

struct xmlcut {
	const struct xml_limits *limits; /* borrowed for life */
	/* Private. Offsets count from the < of the pending element. */
	uint32_t at;	   /* bytes already scanned; 0 while nothing is pending */
	uint32_t mark;	   /* where the name under the scanner began */
	uint32_t name_end; /* of the pending element's name */
	uint32_t xmlns_at, xmlns_end;
	uint16_t depth; /* elements open, those of the pending one alone */
	uint16_t cover; /* the depth of the inner element whose own xmlns is in force; 0 none */
	uint16_t attributes;	 /* of the start tag under the scanner */
	uint16_t used, declared; /* bits of the scope's prefixes */
	uint8_t state, quote, mode, stage, flags;
};

void xmlcut_init(struct xmlcut *c, enum xmlcut_mode mode, const struct xml_limits *limits);

/* After a stream restart: expects exactly one new header (an XML declaration may precede it). */
void xmlcut_restart(struct xmlcut *c);

/* Nothing more is cut, after a restart neither: xmlcut_next() is not called again. */
void xmlcut_end(struct xmlcut *c);
bool xmlcut_ended(const struct xmlcut *c);

/* `in` is every byte not consumed so far. *consumed is what the caller may drop after use of *out
 * (also on MORE: white space between stanzas). scope lends the prefixes to watch for, may be NULL
 * (no prefix watched); it must not change while an element is pending. */
enum xmlcut_result xmlcut_next(struct xmlcut *c, struct slice in, const struct xml_scope *scope,
			       struct xml_element *out, size_t *consumed);

#endif

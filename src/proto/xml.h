/* The few things about XML that every module here shares: namespaces, elements as bytes, the scope
 * around them, escaping, and reading the attributes of one start tag. No tree anywhere. */
#ifndef PROTO_XML_H
#define PROTO_XML_H

#include <stdint.h>
#include "base/buf.h"

#define NS_HTTPBIND "http://jabber.org/protocol/httpbind"
#define NS_XBOSH "urn:xmpp:xbosh"
#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define NS_CLIENT "jabber:client"
#define NS_STREAM "http://etherx.jabber.org/streams"
#define NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_BIND2 "urn:xmpp:bind:0" /* XEP-0386 */
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2 "urn:xmpp:sasl:2" /* XEP-0388 */
#define NS_SM "urn:xmpp:sm:3"	   /* XEP-0198 */
#define NS_SM_2 "urn:xmpp:sm:2"	   /* the version before, which clients may still speak */
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_XML "http://www.w3.org/XML/1998/namespace"

enum { XML_SCOPE_MAX = 8 };

/* Bounds on what a peer may send; all are inclusive. */
struct xml_limits {
	uint32_t bytes;	     /* one top-level element, or one document */
	uint16_t depth;	     /* of nesting; the top-level element is 1 */
	uint16_t attributes; /* in one start tag, namespace declarations included */
};

extern const struct xml_limits xml_unlimited; /* of what was cut under real ones before */

/* The declarations in force around a top-level element: those of a stream header or a <body/>.
 * Values are raw, as they stood in the document (still escaped, without quotes). */
struct xml_scope {
	struct slice xmlns; /* the default namespace */
	uint8_t n;
	struct {
		struct slice prefix, uri;
	} v[XML_SCOPE_MAX];
};

/* One whole top-level element, cut out of a longer input; borrows that input. */
struct xml_element {
	struct slice bytes; /* from < to > */
	struct slice name;  /* as written, with its prefix */
	struct slice xmlns; /* raw value of its own xmlns attribute; p == NULL where it has none */
	uint32_t insert;    /* offset in bytes just behind the name: declarations go there */
	uint16_t
	    prefixes;  /* bit i: prefix i of the scope is used and not declared on its start tag */
	bool inherits; /* it, or something inside it, is in the default namespace around it */
};

enum stanza_kind { STANZA_NONE, STANZA_MESSAGE, STANZA_PRESENCE, STANZA_IQ };

/* message, presence or iq by its name without prefix, which tells only in jabber:client; else
 * STANZA_NONE. */
enum stanza_kind xml_stanza_kind(struct slice local);

/* Reads the declarations of the start tag that opens `in`; *len (may be NULL) is its length. The
 * slices borrow `in`. False: no whole start tag, or more than XML_SCOPE_MAX prefixes. */
bool xml_scope_read(struct xml_scope *scope, struct slice in, size_t *len);

/* The namespace of the element, raw: of its own start tag, else of the scope (may be NULL), else
 * p == NULL. */
struct slice xml_namespace(const struct xml_element *e, const struct xml_scope *scope);

/* Whether a raw value reads `text` once decoded. */
bool xml_raw_is(struct slice raw, const char *text);

/* The element's bytes, with the declarations it lacks under a wrapper that does not supply them:
 * xmlns='<scope default>' where it has none of its own and has no prefix (or something inside
 * inherits it), unless the scope's default is `wrapper` (SLICE_NONE: always); and each scope prefix
 * whose bit is set and not in `supplied`. scope may be NULL: nothing is added. */
void xml_append(struct buf *out, const struct xml_element *e, const struct xml_scope *scope,
		struct slice wrapper, uint16_t supplied);

/* Text escaped for use in an attribute value or as character data (& < > ' "). */
void xml_escape(struct buf *out, struct slice text);

/* Decodes predefined entities and character references; false where one is wrong. */
bool xml_unescape(struct buf *out, struct slice raw);

/* What a reference (from its & on) stands for: its code point and *len, XML_REF_MORE where the
 * input ends inside it, XML_REF_ENTITY for an entity beyond the five, XML_REF_BAD for no reference
 * at all or a character that XML does not have. */
enum { XML_REF_MORE = -1, XML_REF_ENTITY = -2, XML_REF_BAD = -3 };
int32_t xml_reference(struct slice in, size_t *len);

/* The XML declaration that may open `in`. Version 1.x, UTF-8 and nothing else is XML_DECL_FINE, and
 * *len its length (for XML_DECL_NONE: 0). */
enum xml_decl { XML_DECL_NONE, XML_DECL_FINE, XML_DECL_MORE, XML_DECL_BAD, XML_DECL_ENCODING };
enum xml_decl xml_declaration(struct slice in, size_t *len);

/* Strictly UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
bool xml_utf8(struct slice s);

/* Walks the attributes of the well-formed start tag that opens a slice: false at the end, where
 * rest stands at its / or >. Values raw. */
struct xml_tag {
	struct slice rest;
	struct slice name; /* of the element, with its prefix */
};
bool xml_tag_open(struct xml_tag *t, struct slice start_tag); /* false: not even a name */
bool xml_tag_next(struct xml_tag *t, struct slice *name, struct slice *value);

/* The raw value of one of them, by its name as written; p == NULL where there is none. */
struct slice xml_attribute(struct slice start_tag, const char *name);

/* prefix:local; prefix is empty where there is none. */
void xml_split(struct slice name, struct slice *prefix, struct slice *local);

#endif

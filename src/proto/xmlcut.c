/* The cutter. One flat state machine over the pending element, which the caller keeps whole: so
 * names and references are looked at where they stand once they are complete, and nothing is
 * copied. What is long (text, values, CDATA) is skipped in strides; every byte is scanned once
 * however it arrives.
 *
 * The result depends on the bytes alone, never on how they were split: each state decides by what
 * it has seen up to the byte it stands on, and no byte past limits->bytes is looked at. */
#include "proto/xmlcut.h"

#include <assert.h>

_Static_assert(sizeof(struct xmlcut) <= 64, "one per session and direction");

enum state {
	AT_OPEN,      /* behind < */
	IN_NAME,      /* of a start tag */
	IN_TAG,	      /* of a start tag, behind a blank: an attribute may begin */
	IN_ATTRIBUTE, /* its name */
	AT_EQUALS,
	AT_QUOTE,
	IN_VALUE,
	AT_VALUE_REF, /* at & */
	AFTER_VALUE,
	AT_EMPTY_END, /* behind the / of an empty element */
	IN_END_NAME,
	IN_END_TAG, /* behind the name of an end tag */
	IN_TEXT,
	AT_TEXT_REF,
	AT_BANG, /* at <! */
	IN_CDATA,
	DEAD
};

enum stage { WANT_DECLARATION, WANT_HEADER, IN_STREAM, AFTER_STREAM };

enum flag {
	COLON = 1,     /* in the name under the scanner */
	XMLNS = 2,     /* the value under the scanner is that of xmlns */
	PLAIN = 4,     /* the tag under the scanner has a name without prefix */
	OWN_XMLNS = 8, /* ... and an xmlns attribute */
	INHERITS = 16  /* something in the pending element is in the namespace around it */
};

enum class {
	NAME = 1,
	START = 2, /* may begin a name */
	SPACE = 4,
	TEXT_STOP = 8,
	VALUE_STOP = 16
};

static const uint8_t classes[256] = {
    ['0' ... '9'] = NAME,
    ['A' ... 'Z'] = NAME | START,
    ['a' ... 'z'] = NAME | START,
    [0x80 ... 0xff] = NAME | START,
    ['-'] = NAME,
    ['.'] = NAME,
    ['_'] = NAME | START,
    [':'] = START,
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['<'] = TEXT_STOP | VALUE_STOP,
    ['&'] = TEXT_STOP | VALUE_STOP,
    ['\''] = VALUE_STOP,
    ['"'] = VALUE_STOP,
};

static inline bool is(char c, int class)
{
	return classes[(unsigned char)c] & class;
}

void xmlcut_init(struct xmlcut *c, enum xmlcut_mode mode, const struct xml_limits *limits)
{
	*c = (struct xmlcut){.limits = limits, .mode = (uint8_t)mode};
	c->stage = mode == XMLCUT_STREAM ? WANT_DECLARATION : IN_STREAM;
}

void xmlcut_restart(struct xmlcut *c)
{
	assert(c->mode == XMLCUT_STREAM);
	if (c->state == DEAD)
		return;
	*c = (struct xmlcut){.limits = c->limits, .mode = XMLCUT_STREAM};
}

void xmlcut_end(struct xmlcut *c)
{
	c->state = DEAD;
}

bool xmlcut_ended(const struct xmlcut *c)
{
	return c->state == DEAD;
}

/* --- spans: the first byte that matters, or end --- */

enum {
	STRIDE_FROM = 16, /* runs shorter than this are cheaper to walk than to hand to memchr */
	STRIDE = 256	  /* bounds how much is searched again behind a byte that mattered */
};

static const char *name_end(struct xmlcut *c, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (is(*p, NAME))
			continue;
		if (*p != ':')
			break;
		c->flags |= COLON;
	}
	return p;
}

static inline const char *nearer(const char *p, const char *end, char c)
{
	const char *at = memchr(p, c, (size_t)(end - p));

	return at ? at : end;
}

static const char *stride(const char *p, const char *end, char c)
{
	while (p < end) {
		const char *to = end - p > STRIDE ? p + STRIDE : end, *at;

		at = nearer(p, nearer(p, nearer(p, to, c), '<'), '&');
		if (at < to)
			return at;
		p = to;
	}
	return end;
}

static inline const char *text_end(const char *p, const char *end)
{
	const char *near = end - p > STRIDE_FROM ? p + STRIDE_FROM : end;

	while (p < near && !is(*p, TEXT_STOP))
		p++;
	return p < near || near == end ? p : stride(p, end, '<');
}

static inline const char *value_end(const char *p, const char *end, char quote)
{
	const char *near = end - p > STRIDE_FROM ? p + STRIDE_FROM : end;

	while (p < near && !(is(*p, VALUE_STOP) && (*p == quote || is(*p, TEXT_STOP))))
		p++;
	return p < near || near == end ? p : stride(p, end, quote);
}

/* --- what happens at the end of a token --- */

/* Bits of the scope's prefixes that equal `prefix`. */
static uint16_t prefix_bits(const struct xml_scope *scope, struct slice prefix)
{
	uint16_t bits = 0;

	for (int i = 0; scope && i < scope->n; i++)
		if (slice_eq(scope->v[i].prefix, prefix))
			bits |= (uint16_t)(1U << i);
	return bits;
}

static void element_named(struct xmlcut *c, struct slice name, const struct xml_scope *scope)
{
	struct slice prefix, local;

	if (c->depth == 0)
		c->name_end = (uint32_t)name.n + 1;
	c->attributes = 0;
	if (!(c->flags & COLON)) {
		c->flags = (c->flags & INHERITS) | PLAIN;
		return;
	}
	c->flags &= INHERITS;
	xml_split(name, &prefix, &local);
	c->used |= prefix_bits(scope, prefix);
}

static void attribute_named(struct xmlcut *c, struct slice name, const struct xml_scope *scope)
{
	struct slice prefix, local;

	if (!(c->flags & COLON)) {
		if (name.n == 5 && memcmp(name.p, "xmlns", 5) == 0)
			c->flags |= XMLNS | OWN_XMLNS;
		return;
	}
	c->flags &= (uint8_t)~COLON;
	xml_split(name, &prefix, &local);
	if (!slice_eq(prefix, SLICE("xmlns")))
		c->used |= prefix_bits(scope, prefix);
	else if (c->depth == 0)
		c->declared |= prefix_bits(scope, local);
}

static bool value_begins(struct xmlcut *c, uint32_t at)
{
	if (!(c->flags & XMLNS) || c->depth > 0)
		return true;
	if (c->xmlns_at)
		return false;
	c->xmlns_at = at;
	return true;
}

static void value_ended(struct xmlcut *c, uint32_t at)
{
	if (c->flags & XMLNS && c->depth == 0)
		c->xmlns_end = at;
	c->flags &= (uint8_t)~XMLNS;
}

/* A start tag is complete: which namespace do its name and its content without prefix fall into? */
static void tag_ended(struct xmlcut *c, bool empty)
{
	uint16_t depth = c->depth + 1;

	if (c->cover == 0 && c->flags & OWN_XMLNS && !empty)
		c->cover = depth;
	else if (c->cover == 0 && (c->flags & (PLAIN | OWN_XMLNS)) == PLAIN)
		c->flags |= INHERITS;
	if (!empty)
		c->depth = depth;
}

static void element_ended(struct xmlcut *c)
{
	if (c->cover == c->depth)
		c->cover = 0;
	c->depth--;
}

static enum xmlcut_result of_reference(int32_t ref)
{
	return ref == XML_REF_ENTITY ? XMLCUT_RESTRICTED : XMLCUT_MALFORMED;
}

/* In a stream the header is told by its name alone, whatever its prefix: no stanza is called so,
 * and a second header must not pass for one. */
static bool name_fits(const struct xmlcut *c, struct slice name)
{
	struct slice prefix, local;

	if (c->mode == XMLCUT_CONTENT || c->depth > 0)
		return true;
	xml_split(name, &prefix, &local);
	return slice_eq(local, SLICE("stream")) == (c->stage == WANT_HEADER);
}

/* An end tag that closes the pending element must carry its name, one outside of any is the
 * stream's. */
static bool end_name_fits(const struct xmlcut *c, const char *base, struct slice name)
{
	struct slice prefix, local;

	if (c->depth > 1)
		return name.n > 0;
	if (c->depth == 1)
		return slice_eq(name, slice_of(base + 1, c->name_end - 1));
	xml_split(name, &prefix, &local);
	return slice_eq(local, SLICE("stream"));
}

static inline const char *space_end(const char *p, const char *end)
{
	while (p < end && is(*p, SPACE))
		p++;
	return p;
}

/* --- the machine --- */

/* Scans from c->at; on anything but MORE *stop is the end of what was found. A state that falls
 * through to the next is only a place to go on from when the input ended there. */
static enum xmlcut_result scan(struct xmlcut *c, const char *base, const char *end,
			       const struct xml_scope *scope, const char **stop)
{
	const char *p = base + c->at;
	enum state s = c->state;
	int32_t ref;
	size_t len;

	while (p < end) {
		switch (s) {
		case IN_TEXT:
			p = text_end(p, end);
			if (p == end)
				break;
			if (*p == '&') {
				s = AT_TEXT_REF;
				break;
			}
			p++;
			s = AT_OPEN;
			if (p == end)
				break;
			/* fall through */
		case AT_OPEN:
			if (*p == '/') {
				if (c->depth == 0 &&
				    (c->mode == XMLCUT_CONTENT || c->stage != IN_STREAM))
					return XMLCUT_MALFORMED;
				p++;
				c->mark = (uint32_t)(p - base);
				s = IN_END_NAME;
				break;
			}
			if (*p == '!' && c->depth > 0) {
				p++;
				s = AT_BANG;
				break;
			}
			if (*p == '!' || *p == '?')
				return XMLCUT_RESTRICTED;
			if (!is(*p, START))
				return XMLCUT_MALFORMED;
			if (c->depth >= c->limits->depth)
				return XMLCUT_TOO_BIG;
			c->mark = (uint32_t)(p - base);
			c->flags &= INHERITS;
			s = IN_NAME;
			/* fall through */
		case IN_NAME:
			p = name_end(c, p, end);
			if (p == end)
				break;
			len = (size_t)(p - base) - c->mark;
			if (!name_fits(c, slice_of(base + c->mark, len)))
				return XMLCUT_MALFORMED;
			element_named(c, slice_of(base + c->mark, len), scope);
			s = AFTER_VALUE;
			/* fall through */
		case AFTER_VALUE:
			if (!is(*p, SPACE) && *p != '/' && *p != '>')
				return XMLCUT_MALFORMED;
			s = IN_TAG;
			/* fall through */
		case IN_TAG:
			p = space_end(p, end);
			if (p == end)
				break;
			if (*p == '>') {
				p++;
				tag_ended(c, false);
				s = IN_TEXT;
				*stop = p;
				if (c->stage == WANT_HEADER)
					return XMLCUT_HEADER;
				break;
			}
			if (*p == '/') {
				p++;
				s = AT_EMPTY_END;
				break;
			}
			if (!is(*p, START))
				return XMLCUT_MALFORMED;
			if (c->attributes++ >= c->limits->attributes)
				return XMLCUT_TOO_BIG;
			c->mark = (uint32_t)(p - base);
			s = IN_ATTRIBUTE;
			/* fall through */
		case IN_ATTRIBUTE:
			p = name_end(c, p, end);
			if (p == end)
				break;
			len = (size_t)(p - base) - c->mark;
			attribute_named(c, slice_of(base + c->mark, len), scope);
			s = AT_EQUALS;
			/* fall through */
		case AT_EQUALS:
			p = space_end(p, end);
			if (p == end)
				break;
			if (*p != '=')
				return XMLCUT_MALFORMED;
			p++;
			s = AT_QUOTE;
			/* fall through */
		case AT_QUOTE:
			p = space_end(p, end);
			if (p == end)
				break;
			c->quote = (uint8_t)*p;
			p++;
			if ((c->quote != '\'' && c->quote != '"') ||
			    !value_begins(c, (uint32_t)(p - base)))
				return XMLCUT_MALFORMED;
			s = IN_VALUE;
			/* fall through */
		case IN_VALUE:
			p = value_end(p, end, (char)c->quote);
			if (p == end)
				break;
			if (*p == '<')
				return XMLCUT_MALFORMED;
			if (*p == '&') {
				s = AT_VALUE_REF;
				break;
			}
			value_ended(c, (uint32_t)(p - base));
			p++;
			s = AFTER_VALUE;
			break;
		case AT_EMPTY_END:
			if (*p != '>' || c->stage == WANT_HEADER)
				return XMLCUT_MALFORMED;
			p++;
			tag_ended(c, true);
			s = IN_TEXT;
			*stop = p;
			if (c->depth == 0)
				return XMLCUT_ELEMENT;
			break;
		case IN_END_NAME:
			p = name_end(c, p, end);
			if (p == end)
				break;
			len = (size_t)(p - base) - c->mark;
			if (!end_name_fits(c, base, slice_of(base + c->mark, len)))
				return XMLCUT_MALFORMED;
			s = IN_END_TAG;
			/* fall through */
		case IN_END_TAG:
			p = space_end(p, end);
			if (p == end)
				break;
			if (*p != '>')
				return XMLCUT_MALFORMED;
			p++;
			*stop = p;
			if (c->depth == 0)
				return XMLCUT_END;
			element_ended(c);
			if (c->depth == 0)
				return XMLCUT_ELEMENT;
			s = IN_TEXT;
			break;
		case AT_TEXT_REF:
		case AT_VALUE_REF:
			ref = xml_reference(slice_of(p, (size_t)(end - p)), &len);
			if (ref < 0 && ref != XML_REF_MORE)
				return of_reference(ref);
			if (ref == XML_REF_MORE)
				end = p; /* to be looked at again from its start */
			else
				p += len;
			if (ref != XML_REF_MORE)
				s = s == AT_TEXT_REF ? IN_TEXT : IN_VALUE;
			break;
		case AT_BANG:
			len = (size_t)(end - p) < 7 ? (size_t)(end - p) : 7;
			if (memcmp(p, "[CDATA[", len) != 0)
				return XMLCUT_RESTRICTED;
			if (len < 7) {
				end = p;
				break;
			}
			p += len;
			s = IN_CDATA;
			break;
		case IN_CDATA: /* what precedes it is [, so two ] before a > are always its own */
			p = nearer(p, end, '>');
			if (p == end)
				break;
			if (p[-1] == ']' && p[-2] == ']')
				s = IN_TEXT;
			p++;
			break;
		case DEAD: return XMLCUT_MALFORMED; /* not reached: xmlcut_next() sees to it */
		}
	}
	c->state = (uint8_t)s;
	c->at = (uint32_t)(p - base);
	return XMLCUT_MORE;
}

static enum xmlcut_result die(struct xmlcut *c, enum xmlcut_result r)
{
	c->state = DEAD;
	c->quote = (uint8_t)r;
	return r;
}

/* *n grows by the white space and the XML declaration in front of the next <. */
static enum xmlcut_result skip_between(struct xmlcut *c, struct slice in, size_t *n)
{
	const char *end = in.p + in.n, *p = space_end(in.p, end);
	enum xml_decl d = XML_DECL_NONE;
	size_t len;

	if (c->stage == WANT_DECLARATION && p < end) {
		d = xml_declaration(slice_of(p, (size_t)(end - p)), &len);
		if (d == XML_DECL_BAD || d == XML_DECL_ENCODING)
			return XMLCUT_MALFORMED;
		if (d != XML_DECL_MORE) {
			c->stage = WANT_HEADER;
			p = space_end(p + len, end);
		}
	}
	*n = (size_t)(p - in.p);
	if (p == end || d == XML_DECL_MORE)
		return XMLCUT_MORE;
	return *p == '<' && c->stage != AFTER_STREAM ? XMLCUT_ELEMENT : XMLCUT_MALFORMED;
}

/* Fills *out and makes the cutter ready for what follows. */
static void finish(struct xmlcut *c, enum xmlcut_result r, struct slice bytes,
		   struct xml_element *out)
{
	*out = (struct xml_element){.bytes = bytes};
	if (r == XMLCUT_END) {
		c->stage = AFTER_STREAM;
	} else {
		c->stage = IN_STREAM;
		out->name = slice_of(bytes.p + 1, c->name_end - 1);
		out->insert = c->name_end;
		out->prefixes = c->used & (uint16_t)~c->declared;
		out->inherits = c->flags & INHERITS;
		if (c->xmlns_at)
			out->xmlns = slice_of(bytes.p + c->xmlns_at, c->xmlns_end - c->xmlns_at);
	}
	c->at = c->xmlns_at = 0;
	c->depth = c->cover = 0;
	c->used = c->declared = 0;
	c->flags = 0;
	c->state = AT_OPEN;
}

enum xmlcut_result xmlcut_next(struct xmlcut *c, struct slice in, const struct xml_scope *scope,
			       struct xml_element *out, size_t *consumed)
{
	const char *base, *end, *stop = NULL;
	enum xmlcut_result r;
	size_t skipped = 0;

	*consumed = 0;
	if (c->state == DEAD)
		return (enum xmlcut_result)c->quote;
	if (c->at == 0) {
		r = skip_between(c, in, &skipped);
		if (r == XMLCUT_MORE)
			*consumed = skipped;
		if (r != XMLCUT_ELEMENT)
			return r == XMLCUT_MORE ? r : die(c, r);
		c->at = 1;
	}
	base = in.p + skipped;
	end = in.p + in.n;
	if ((size_t)(end - base) > c->limits->bytes)
		end = base + c->limits->bytes;
	r = scan(c, base, end, scope, &stop);
	if (r == XMLCUT_MORE && end == in.p + in.n) {
		*consumed = skipped;
		return r;
	}
	if (r != XMLCUT_HEADER && r != XMLCUT_ELEMENT && r != XMLCUT_END)
		return die(c, r == XMLCUT_MORE ? XMLCUT_TOO_BIG : r);
	finish(c, r, slice_of(base, (size_t)(stop - base)), out);
	*consumed = (size_t)(stop - in.p);
	return r;
}

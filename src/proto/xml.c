/* What the XML modules share. Everything here works on bytes that a judge or the cutter has already
 * found to be in order, except the readers of references, declarations and UTF-8, which judge. */
#include "proto/xml.h"

const struct xml_limits xml_unlimited = {
    .bytes = UINT32_MAX, .depth = UINT16_MAX, .attributes = UINT16_MAX};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice skip(struct slice s, size_t n)
{
	return slice_of(s.p + n, s.n - n);
}

static struct slice skip_space(struct slice s)
{
	while (s.n && is_space(s.p[0]))
		s = skip(s, 1);
	return s;
}

void xml_split(struct slice name, struct slice *prefix, struct slice *local)
{
	const char *colon = name.n ? memchr(name.p, ':', name.n) : NULL;

	*prefix = slice_of(name.p, colon ? (size_t)(colon - name.p) : 0);
	*local = colon ? skip(name, prefix->n + 1) : name;
}

enum stanza_kind xml_stanza_kind(struct slice local)
{
	if (slice_eq(local, SLICE("message")))
		return STANZA_MESSAGE;
	if (slice_eq(local, SLICE("presence")))
		return STANZA_PRESENCE;
	if (slice_eq(local, SLICE("iq")))
		return STANZA_IQ;
	return STANZA_NONE;
}

/* --- one start tag --- */

static size_t name_length(struct slice s)
{
	size_t n = 0;

	while (n < s.n && !is_space(s.p[n]) && s.p[n] != '=' && s.p[n] != '/' && s.p[n] != '>')
		n++;
	return n;
}

bool xml_tag_open(struct xml_tag *t, struct slice start_tag)
{
	if (start_tag.n < 2 || start_tag.p[0] != '<')
		return false;
	t->rest = skip(start_tag, 1);
	t->name = slice_of(t->rest.p, name_length(t->rest));
	t->rest = skip_space(skip(t->rest, t->name.n));
	return t->name.n > 0;
}

bool xml_tag_next(struct xml_tag *t, struct slice *name, struct slice *value)
{
	struct slice s = t->rest;
	const char *end;

	*name = slice_of(s.p, name_length(s));
	if (name->n == 0)
		return false;
	s = skip_space(skip(s, name->n));
	if (s.n == 0 || s.p[0] != '=')
		return false;
	s = skip_space(skip(s, 1));
	if (s.n < 2 || (s.p[0] != '\'' && s.p[0] != '"'))
		return false;
	end = memchr(s.p + 1, s.p[0], s.n - 1);
	if (!end)
		return false;
	*value = slice_of(s.p + 1, (size_t)(end - s.p) - 1);
	t->rest = skip_space(skip(s, value->n + 2));
	return true;
}

struct slice xml_attribute(struct slice start_tag, const char *name)
{
	struct slice found, value;
	struct xml_tag t;

	if (!xml_tag_open(&t, start_tag))
		return SLICE_NONE;
	while (xml_tag_next(&t, &found, &value))
		if (slice_is(found, name))
			return value;
	return SLICE_NONE;
}

/* --- namespaces --- */

static bool scope_add(struct xml_scope *scope, struct slice prefix, struct slice uri)
{
	if (slice_eq(prefix, SLICE("xml")))
		return true;
	if (scope->n == XML_SCOPE_MAX)
		return false;
	scope->v[scope->n].prefix = prefix;
	scope->v[scope->n].uri = uri;
	scope->n++;
	return true;
}

bool xml_scope_read(struct xml_scope *scope, struct slice in, size_t *len)
{
	struct slice name, value;
	struct xml_tag t;

	scope->n = 0;
	scope->xmlns = SLICE_NONE;
	if (!xml_tag_open(&t, in))
		return false;
	while (xml_tag_next(&t, &name, &value)) {
		if (slice_eq(name, SLICE("xmlns")))
			scope->xmlns = value;
		else if (slice_starts(name, SLICE("xmlns:")) &&
			 !scope_add(scope, skip(name, 6), value))
			return false;
	}
	if (t.rest.n && t.rest.p[0] == '/')
		t.rest = skip(t.rest, 1);
	if (t.rest.n == 0 || t.rest.p[0] != '>')
		return false;
	if (len)
		*len = in.n - t.rest.n + 1;
	return true;
}

struct slice xml_namespace(const struct xml_element *e, const struct xml_scope *scope)
{
	struct slice prefix, local, name, value;
	struct xml_tag t;

	xml_split(e->name, &prefix, &local);
	if (prefix.n == 0)
		return e->xmlns.p || !scope ? e->xmlns : scope->xmlns;
	if (!xml_tag_open(&t, e->bytes))
		return SLICE_NONE;
	while (xml_tag_next(&t, &name, &value))
		if (slice_starts(name, SLICE("xmlns:")) && slice_eq(skip(name, 6), prefix))
			return value;
	for (int i = 0; scope && i < scope->n; i++)
		if (slice_eq(scope->v[i].prefix, prefix))
			return scope->v[i].uri;
	return SLICE_NONE;
}

bool xml_raw_is(struct slice raw, const char *text)
{
	struct buf decoded = {0};
	bool same;

	if (raw.n == 0 || !memchr(raw.p, '&', raw.n))
		return slice_is(raw, text);
	same = xml_unescape(&decoded, raw) && slice_is(buf_slice(&decoded), text);
	buf_clear(&decoded);
	return same;
}

/* A raw value holds at most one kind of quote: the one that did not enclose it. */
static void add_value(struct buf *out, struct slice raw)
{
	char quote = raw.n && memchr(raw.p, '\'', raw.n) ? '"' : '\'';

	buf_addc(out, quote);
	buf_adds(out, raw);
	buf_addc(out, quote);
}

static bool needs_xmlns(const struct xml_element *e, const struct xml_scope *scope,
			struct slice wrapper)
{
	if (e->xmlns.p || !scope->xmlns.p || (wrapper.p && slice_eq(scope->xmlns, wrapper)))
		return false;
	return e->inherits || !memchr(e->name.p, ':', e->name.n);
}

void xml_append(struct buf *out, const struct xml_element *e, const struct xml_scope *scope,
		struct slice wrapper, uint16_t supplied)
{
	uint32_t lacking = scope ? (uint32_t)(e->prefixes & ~supplied) : 0;

	buf_room(out, e->bytes.n + 64);
	buf_add(out, e->bytes.p, e->insert);
	if (scope && needs_xmlns(e, scope, wrapper)) {
		BUF_LIT(out, " xmlns=");
		add_value(out, scope->xmlns);
	}
	for (int i = 0; lacking && i < scope->n; i++) {
		if (!(lacking & 1U << i))
			continue;
		BUF_LIT(out, " xmlns:");
		buf_adds(out, scope->v[i].prefix);
		BUF_LIT(out, "=");
		add_value(out, scope->v[i].uri);
	}
	buf_adds(out, skip(e->bytes, e->insert));
}

/* --- escaping --- */

static struct slice escape_of(char c)
{
	switch (c) {
	case '&': return SLICE("&amp;");
	case '<': return SLICE("&lt;");
	case '>': return SLICE("&gt;");
	case '\'': return SLICE("&apos;");
	case '"': return SLICE("&quot;");
	default: return SLICE_NONE;
	}
}

void xml_escape(struct buf *out, struct slice text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.n; i++) {
		struct slice escape = escape_of(text.p[i]);

		if (!escape.p)
			continue;
		buf_add(out, text.p + from, i - from);
		buf_adds(out, escape);
		from = i + 1;
	}
	buf_add(out, text.p + from, text.n - from);
}

static void add_code_point(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_addc(out, (char)(0xe0 | c >> 12));
		} else {
			buf_addc(out, (char)(0xf0 | c >> 18));
			buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(out, (char)(0x80 | (c & 0x3f)));
}

bool xml_unescape(struct buf *out, struct slice raw)
{
	while (raw.n) {
		const char *amp = memchr(raw.p, '&', raw.n);
		size_t len, plain = amp ? (size_t)(amp - raw.p) : raw.n;
		int32_t c;

		buf_add(out, raw.p, plain);
		raw = skip(raw, plain);
		if (!amp)
			break;
		c = xml_reference(raw, &len);
		if (c < 0)
			return false;
		add_code_point(out, (uint32_t)c);
		raw = skip(raw, len);
	}
	return true;
}

/* --- references --- */

/* XML 1.0, production 2. */
static bool is_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0xd800 || (c > 0xdfff && c < 0xfffe) || (c > 0xffff && c <= 0x10ffff);
}

static int digit_of(char c, bool hex)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (hex && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (hex && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum { REFERENCE_MAX = 64 }; /* bytes */

static int32_t character_reference(struct slice in, size_t *len)
{
	bool hex = in.n > 2 && in.p[2] == 'x';
	size_t first = hex ? 3 : 2, i;
	uint32_t c = 0;

	for (i = first; i < in.n && in.p[i] != ';'; i++) {
		int digit = digit_of(in.p[i], hex);

		/* However many zeros lead it, the text may come byte by byte and is read again each
		 * time. */
		if (digit < 0 || i == REFERENCE_MAX)
			return XML_REF_BAD;
		c = c * (hex ? 16 : 10) + (uint32_t)digit;
		if (c > 0x10ffff)
			return XML_REF_BAD;
	}
	if (i == in.n)
		return XML_REF_MORE;
	*len = i + 1;
	return i > first && is_char(c) ? (int32_t)c : XML_REF_BAD;
}

int32_t xml_reference(struct slice in, size_t *len)
{
	static const struct {
		struct slice text;
		char c;
	} known[] = {{SLICE("&amp;"), '&'},
		     {SLICE("&lt;"), '<'},
		     {SLICE("&gt;"), '>'},
		     {SLICE("&quot;"), '"'},
		     {SLICE("&apos;"), '\''}};
	bool may_become = false;

	if (in.n > 1 && in.p[1] == '#')
		return character_reference(in, len);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (slice_starts(in, known[i].text)) {
			*len = known[i].text.n;
			return known[i].c;
		}
		may_become = may_become || slice_starts(known[i].text, in);
	}
	if (may_become)
		return XML_REF_MORE;
	return (unsigned char)in.p[1] > '@' ? XML_REF_ENTITY : XML_REF_BAD;
}

/* --- the XML declaration --- */

static bool is_version(struct slice v)
{
	return v.n > 2 && slice_starts(v, SLICE("1.")) && v.p[2] >= '0' && v.p[2] <= '9';
}

static int declaration_rank(struct slice name)
{
	if (slice_eq(name, SLICE("version")))
		return 1;
	if (slice_eq(name, SLICE("encoding")))
		return 2;
	return slice_eq(name, SLICE("standalone")) ? 3 : 0;
}

/* The attributes between <?xml and ?>, in the order that XML wants. */
static enum xml_decl declaration_attributes(struct slice inside)
{
	struct xml_tag t = {.rest = skip_space(inside)};
	struct slice name, value;
	int last = 0;

	while (xml_tag_next(&t, &name, &value)) {
		int which = declaration_rank(name);

		if (which <= last || (last == 0 && which != 1))
			return XML_DECL_BAD;
		last = which;
		if (which == 1 && !is_version(value))
			return XML_DECL_BAD;
		if (which == 2 && !slice_eq_nocase(value, SLICE("utf-8")))
			return XML_DECL_ENCODING;
	}
	return last && t.rest.n == 0 ? XML_DECL_FINE : XML_DECL_BAD;
}

enum xml_decl xml_declaration(struct slice in, size_t *len)
{
	enum { LONGEST = 256 }; /* bounds what a declaration that never ends can make us scan */
	const struct slice open = SLICE("<?xml");
	size_t n = in.n < LONGEST ? in.n : LONGEST;
	const char *end;

	*len = 0;
	if (in.n == 0)
		return XML_DECL_NONE;
	if (in.n <= open.n)
		return slice_starts(open, in) ? XML_DECL_MORE : XML_DECL_NONE;
	if (!slice_starts(in, open) || !is_space(in.p[open.n]))
		return XML_DECL_NONE;
	end = memchr(in.p, '>', n);
	if (!end)
		return in.n < LONGEST ? XML_DECL_MORE : XML_DECL_BAD;
	if (end[-1] != '?')
		return XML_DECL_BAD;
	*len = (size_t)(end - in.p) + 1;
	return declaration_attributes(slice_of(in.p + open.n, *len - open.n - 2));
}

/* --- UTF-8 --- */

/* The length of the sequence at p, 0 where there is none (RFC 3629, section 4). */
static size_t sequence_length(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

bool xml_utf8(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;

	while (p < end) {
		uint64_t eight;
		size_t len = 1;

		if (end - p >= 8) {
			memcpy(&eight, p, sizeof(eight));
			if (!(eight & 0x8080808080808080U)) {
				p += 8;
				continue;
			}
		}
		if (*p >= 0x80)
			len = sequence_length(p, (size_t)(end - p));
		if (len == 0)
			return false;
		p += len;
	}
	return true;
}

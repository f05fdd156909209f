/* Redaction. One pass over the element, which stops at the first byte that cannot be part of one:
 * then nothing of it is shown, for what is text and what is not can no longer be told. */
#include "proto/redact.h"

enum {
	DEPTH = 32,    /* elements deeper than this are not looked into */
	NAME_MAX = 64, /* longer names, values are told by their length */
	VALUE_MAX = 255,
	TEXT_MAX = 1024
};

enum form { FORM_JID, FORM_WORD, FORM_NUMBER, FORM_STAMP, FORM_NAMESPACE, FORM_ID, FORM_MECHANISM };

static const struct value_rule {
	const char *element, *ns, *attribute;
	enum form form;
} values[] = {
#define VALUE(element, ns, attribute, form) {element, ns, attribute, FORM_##form},
#define TEXT(element, ns, form)
#include "proto/redact.def"
#undef VALUE
#undef TEXT
};

static const struct text_rule {
	const char *element, *ns;
	enum form form;
} texts[] = {
#define VALUE(element, ns, attribute, form)
#define TEXT(element, ns, form) {element, ns, FORM_##form},
#include "proto/redact.def"
#undef VALUE
#undef TEXT
};

struct open {
	struct slice name, ns; /* ns: the default one inside; p NULL: not known */
};

struct redact {
	struct buf *out;
	struct slice in; /* what is left */
	size_t end;	 /* of *out, beyond which nothing is added */
	bool bodies;
	uint32_t depth; /* elements open */
	struct open open[DEPTH];
};

/* --- forms --- */

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool made_of(struct slice s, const char *more, bool letters, size_t max)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool fine = letters ? is_alnum(c) : c >= '0' && c <= '9';

		if (!fine && (!c || !strchr(more, c)))
			return false;
	}
	return s.n > 0 && s.n <= max;
}

/* Nothing that a JID cannot have. It may stand with references in it. */
static bool is_jid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("<>\"'", s.p[i]))
			return false;
	return s.n > 0 && s.n <= VALUE_MAX && xml_utf8(s);
}

/* Of those who make protocols: elsewhere anything may stand in it. */
static bool is_namespace(struct slice s)
{
	static const char *const known[] = {
	    "urn:xmpp:",
	    "urn:ietf:params:xml:ns:",
	    "jabber:",
	    "http://jabber.org/",
	    "http://etherx.jabber.org/streams",
	    "vcard-temp",
	    "storage:",
	    "http://www.w3.org/",
	};

	if (!made_of(s, ":/._#-+", true, 100))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (slice_starts(s, slice_str(known[i])))
			return true;
	return false;
}

/* A word of a protocol is short and has no digits in the middle, as a token would. */
static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-' &&
		    !(s.n <= 5 && (c == '.' || (c >= '0' && c <= '9'))))
			return false;
	}
	return s.n > 0 && s.n <= 16;
}

static bool is_mechanism(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'a' && s.p[i] <= 'z')
			return false;
	return made_of(s, "-_", true, 24);
}

static bool has_form(struct slice s, enum form form)
{
	switch (form) {
	case FORM_JID: return is_jid(s);
	case FORM_WORD: return is_word(s);
	case FORM_NUMBER: return made_of(s, "-", false, 10);
	case FORM_STAMP: return made_of(s, "-:.TZ+", false, 32);
	case FORM_NAMESPACE: return is_namespace(s);
	case FORM_ID: return made_of(s, "-_.:+/=@", true, NAME_MAX);
	case FORM_MECHANISM: return is_mechanism(s);
	}
	return false;
}

/* --- writing --- */

static bool full(const struct redact *r)
{
	return r->out->len >= r->end;
}

static void put(struct redact *r, struct slice s)
{
	if (!full(r))
		buf_adds(r->out, s);
}

static void put_length(struct redact *r, size_t n)
{
	if (!full(r))
		buf_addf(r->out, "[%zu]", n);
}

static void put_name(struct redact *r, struct slice name)
{
	if (made_of(name, ":._-", true, NAME_MAX))
		put(r, name);
	else
		put_length(r, name.n);
}

/* --- reading --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void eat(struct redact *r, size_t n)
{
	r->in = slice_of(r->in.p + n, r->in.n - n);
}

static bool take(struct redact *r, char c)
{
	if (!r->in.n || *r->in.p != c)
		return false;
	eat(r, 1);
	return true;
}

static void blanks(struct redact *r)
{
	while (r->in.n && is_blank(*r->in.p))
		eat(r, 1);
}

static struct slice take_name(struct redact *r)
{
	struct slice name = slice_of(r->in.p, 0);

	while (r->in.n && !is_blank(*r->in.p) && !strchr("<>/='\"&", *r->in.p)) {
		name.n++;
		eat(r, 1);
	}
	return name;
}

static bool take_value(struct redact *r, struct slice *value)
{
	char quote = r->in.n ? *r->in.p : '\0';
	const char *end;

	if (quote != '\'' && quote != '"')
		return false;
	eat(r, 1);
	end = r->in.n ? memchr(r->in.p, quote, r->in.n) : NULL;
	if (!end)
		return false;
	*value = slice_of(r->in.p, (size_t)(end - r->in.p));
	eat(r, value->n + 1);
	return !memchr(value->p, '<', value->n);
}

/* --- what may be shown --- */

static bool is_or_any(const char *rule, struct slice s)
{
	return !*rule || slice_is(s, rule);
}

static bool value_shown(const struct open *e, struct slice name, struct slice value)
{
	if (slice_is(name, "xmlns") || slice_starts(name, SLICE("xmlns:")))
		return is_namespace(value);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		const struct value_rule *v = &values[i];

		if (slice_is(name, v->attribute) && is_or_any(v->element, e->name) &&
		    is_or_any(v->ns, e->ns))
			return has_form(value, v->form);
	}
	return false;
}

static bool is_body(const struct redact *r)
{
	const struct open *e = r->open;

	return r->bodies && r->depth == 2 && slice_is(e[0].name, "message") &&
	       slice_is(e[1].name, "body") && slice_is(e[1].ns, NS_CLIENT);
}

static bool text_shown(const struct redact *r, struct slice text)
{
	const struct open *e;

	if (!r->depth || r->depth > DEPTH)
		return false;
	if (is_body(r))
		return xml_utf8(text);
	e = &r->open[r->depth - 1];
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (slice_is(e->name, texts[i].element) && slice_is(e->ns, texts[i].ns))
			return has_form(text, texts[i].form);
	return false;
}

/* --- the walk --- */

static bool walk_attribute(struct redact *r, const struct open *e)
{
	struct slice name = take_name(r), value;

	blanks(r);
	if (!name.n || !take(r, '='))
		return false;
	blanks(r);
	if (!take_value(r, &value))
		return false;
	put(r, SLICE(" "));
	put_name(r, name);
	put(r, SLICE("='"));
	if (value_shown(e, name, value))
		put(r, value);
	else
		put_length(r, value.n);
	put(r, SLICE("'"));
	return true;
}

/* The namespace that the start tag at r->in (behind its name) declares; else the one around. */
static struct slice own_namespace(const struct redact *r, struct slice around)
{
	struct redact ahead = *r;
	struct slice name, value;

	for (;;) {
		blanks(&ahead);
		name = take_name(&ahead);
		blanks(&ahead);
		if (!name.n || !take(&ahead, '='))
			return around;
		blanks(&ahead);
		if (!take_value(&ahead, &value))
			return around;
		if (slice_is(name, "xmlns"))
			return value;
	}
}

static struct slice around(const struct redact *r, struct slice xmlns)
{
	if (!r->depth)
		return xmlns;
	return r->depth <= DEPTH ? r->open[r->depth - 1].ns : SLICE_NONE;
}

static bool walk_start(struct redact *r, struct slice xmlns)
{
	struct open e = {.name = take_name(r)};

	if (!e.name.n)
		return false;
	e.ns = own_namespace(r, around(r, xmlns));
	put(r, SLICE("<"));
	put_name(r, e.name);
	for (;;) {
		bool blank = r->in.n && is_blank(*r->in.p);

		blanks(r);
		if (take(r, '>')) {
			put(r, SLICE(">"));
			if (r->depth < DEPTH)
				r->open[r->depth] = e;
			r->depth++;
			return true;
		}
		if (take(r, '/')) {
			put(r, SLICE("/>"));
			return take(r, '>');
		}
		if (!blank || !walk_attribute(r, &e))
			return false;
	}
}

static bool walk_end(struct redact *r)
{
	struct slice name = take_name(r);

	blanks(r);
	if (!take(r, '>') || !r->depth)
		return false;
	r->depth--;
	if (r->depth < DEPTH && !slice_eq(r->open[r->depth].name, name))
		return false;
	put(r, SLICE("</"));
	put_name(r, name);
	put(r, SLICE(">"));
	return true;
}

/* Long ones (of a body) up to the last whole character that there is room for. */
static void put_text(struct redact *r, struct slice text)
{
	size_t n = text.n < TEXT_MAX ? text.n : TEXT_MAX;

	while (n < text.n && n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	put(r, slice_of(text.p, n));
	if (n < text.n)
		put_length(r, text.n - n);
}

static bool walk_text(struct redact *r)
{
	const char *end = memchr(r->in.p, '<', r->in.n);
	struct slice text = slice_of(r->in.p, end ? (size_t)(end - r->in.p) : r->in.n);

	if (memchr(text.p, '>', text.n))
		return false;
	eat(r, text.n);
	if (text_shown(r, text))
		put_text(r, text);
	else
		put_length(r, text.n);
	return true;
}

static bool walk(struct redact *r, struct slice xmlns)
{
	int steps = 0;

	do {
		bool fine;

		if (!take(r, '<'))
			fine = r->depth && walk_text(r);
		else
			fine = take(r, '/') ? walk_end(r) : walk_start(r, xmlns);
		if (!fine)
			return false;
		steps++;
	} while (r->in.n && r->depth);
	return r->in.n == 0 && (!r->depth || steps == 1);
}

void redact(struct buf *out, struct slice element, struct slice xmlns, bool bodies)
{
	struct redact r = {
	    .out = out, .in = element, .end = (size_t)out->len + REDACT_MAX, .bodies = bodies};
	size_t start = out->len;

	if (!element.n || !walk(&r, xmlns)) {
		buf_cut(out, start);
		buf_addf(out, "[%zu]", element.n);
	} else if (full(&r)) {
		BUF_LIT(out, "...");
	}
}

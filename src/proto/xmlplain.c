/* Plain XML in one pass. Every rule here is stricter than XML's own: ASCII names without a colon,
 * no reference but the five in text, no ] in text (it might begin ]]>), no lead byte of U+FFFE, few
 * attributes, little depth. What breaks a rule is left to libxml2, so each may be as narrow as it
 * is simple, but none may ever be wider than XML is. */
#include "proto/xmlplain.h"

enum { DEPTH = 16, BYTES = 65536 };

enum class {
	NAME = 1,
	START = 2, /* may begin a name */
	SPACE = 4,
	TEXT = 8,
	VALUE = 16 /* in an attribute value; of the quotes, only the other one is */
};

static const uint8_t classes[256] = {
    ['\t'] = SPACE | TEXT,
    ['\n'] = SPACE | TEXT,
    ['\r'] = SPACE | TEXT,
    [' '] = SPACE | TEXT | VALUE,
    ['!'] = TEXT | VALUE,
    ['"'] = TEXT,
    ['#' ... '%'] = TEXT | VALUE,
    ['\''] = TEXT,
    ['(' ... ','] = TEXT | VALUE,
    ['-' ... '.'] = NAME | TEXT | VALUE,
    ['/'] = TEXT | VALUE,
    ['0' ... '9'] = NAME | TEXT | VALUE,
    [':' ... ';'] = TEXT | VALUE,
    ['=' ... '@'] = TEXT | VALUE,
    ['A' ... 'Z'] = NAME | START | TEXT | VALUE,
    ['[' ... '\\'] = TEXT | VALUE,
    [']'] = VALUE,
    ['^'] = TEXT | VALUE,
    ['_'] = NAME | START | TEXT | VALUE,
    ['`'] = TEXT | VALUE,
    ['a' ... 'z'] = NAME | START | TEXT | VALUE,
    ['{' ... 0x7f] = TEXT | VALUE,
    [0x80 ... 0xee] = TEXT | VALUE,
    [0xf0 ... 0xff] = TEXT | VALUE,
};

struct reader {
	const char *p, *end;
	const struct xml_limits *limits;
	struct xmljudge_root *root;
	struct xmljudge_attribute *v; /* of the tag being read */
	unsigned depth;
	struct slice open[DEPTH];
};

static inline bool is(const struct reader *r, int class)
{
	return r->p < r->end && classes[(unsigned char)*r->p] & class;
}

static inline void skip(struct reader *r, int class)
{
	while (is(r, class))
		r->p++;
}

static inline bool take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool read_name(struct reader *r, struct slice *name)
{
	const char *from = r->p;

	if (!is(r, START))
		return false;
	skip(r, NAME);
	*name = slice_of(from, (size_t)(r->p - from));
	return true;
}

static bool read_value(struct reader *r, struct slice *value)
{
	char quote = r->p < r->end ? *r->p : 0;
	const char *from = r->p + 1;

	if (quote != '\'' && quote != '"')
		return false;
	do {
		r->p++;
		skip(r, VALUE);
	} while (r->p < r->end && *r->p != quote && (*r->p == '\'' || *r->p == '"'));
	*value = slice_of(from, (size_t)(r->p - from));
	return take(r, quote);
}

/* xmlns goes to *ns, all others to v. */
static bool read_attribute(struct reader *r, struct slice *ns, unsigned *n)
{
	struct xmljudge_attribute a = {.ns = SLICE_NONE};

	if (!read_name(r, &a.name))
		return false;
	if (slice_eq(a.name, SLICE("xml")) && take(r, ':')) {
		if (!read_name(r, &a.name) || !slice_eq(a.name, SLICE("lang")))
			return false;
		a.ns = SLICE(NS_XML);
	}
	skip(r, SPACE);
	if (!take(r, '='))
		return false;
	skip(r, SPACE);
	if (!read_value(r, &a.value))
		return false;
	if (slice_eq(a.name, SLICE("xmlns")) && !a.ns.p) {
		/* The names that no default namespace may have begin like this. */
		if (ns->p || slice_starts(a.value, SLICE("http://www.w3.org/")))
			return false;
		*ns = a.value;
		return true;
	}
	for (unsigned i = 0; i < *n; i++)
		if (slice_eq(r->v[i].name, a.name) && slice_eq(r->v[i].ns, a.ns))
			return false;
	if (*n == XMLPLAIN_ATTRIBUTES)
		return false;
	r->v[(*n)++] = a;
	return true;
}

/* Behind the < of a start tag. */
static bool read_start(struct reader *r)
{
	struct slice name, ns = SLICE_NONE;
	unsigned n = 0;

	if (!read_name(r, &name) || r->depth == DEPTH || r->depth >= r->limits->depth)
		return false;
	while (is(r, SPACE)) {
		skip(r, SPACE);
		if (is(r, START) && !read_attribute(r, &ns, &n))
			return false;
	}
	if (n + (ns.p != NULL) > r->limits->attributes)
		return false;
	if (r->depth == 0) {
		*r->root = (struct xmljudge_root){
		    .ns = ns, .name = name, .n = (uint16_t)n, .attributes = r->v};
	}
	r->open[r->depth++] = name;
	if (!take(r, '/'))
		return take(r, '>');
	r->depth--;
	return take(r, '>');
}

/* Behind the </ of an end tag. */
static bool read_end(struct reader *r)
{
	struct slice name = r->open[r->depth - 1];

	if ((size_t)(r->end - r->p) <= name.n || memcmp(r->p, name.p, name.n) != 0)
		return false;
	r->p += name.n;
	skip(r, SPACE);
	r->depth--;
	return take(r, '>');
}

/* Up to the next <. */
static bool read_text(struct reader *r)
{
	static const struct slice references[] = {SLICE("&amp;"), SLICE("&lt;"), SLICE("&gt;"),
						  SLICE("&quot;"), SLICE("&apos;")};
	unsigned i;

	for (;;) {
		skip(r, TEXT);
		if (r->p == r->end)
			return false;
		if (*r->p == '<')
			return true;
		for (i = 0; i < 5; i++)
			if (slice_starts(slice_of(r->p, (size_t)(r->end - r->p)), references[i]))
				break;
		if (i == 5)
			return false;
		r->p += references[i].n;
	}
}

bool xmlplain_read(struct slice document, const struct xml_limits *limits,
		   struct xmljudge_root *root, struct xmljudge_attribute v[XMLPLAIN_ATTRIBUTES])
{
	struct xmljudge_attribute other[XMLPLAIN_ATTRIBUTES];
	struct reader r;

	r.p = document.p;
	r.end = document.p + document.n;
	r.limits = limits;
	r.root = root;
	r.v = v;
	r.depth = 0;
	if (document.n > BYTES || document.n > limits->bytes || !take(&r, '<') || !read_start(&r))
		return false;
	r.v = other;
	while (r.depth > 0) {
		if (!read_text(&r))
			return false;
		r.p++;
		if (!(take(&r, '/') ? read_end(&r) : read_start(&r)))
			return false;
	}
	return r.p == r.end;
}

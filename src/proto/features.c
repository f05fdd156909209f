/* Features edited: the inside is cut into its children, and what is kept stays byte for byte. */
#include "proto/features.h"
#include "proto/xmlpeek.h"

#define NS_COMPRESS "http://jabber.org/features/compress"
#define NS_CHANNEL_BINDING "urn:xmpp:sasl-cb:0" /* XEP-0440 */
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_FAST "urn:xmpp:fast:0" /* XEP-0484 */

/* The declarations around an element, from the inside out. */
struct place {
	const struct xml_scope *scope;
	const struct place *outer;
	int depth;
};

/* Servers go down to five: features, authentication, inline, fast, mechanism. */
enum { DEEPEST = 8 };

static const char *const hidden[] = {NS_TLS, NS_COMPRESS, NS_CHANNEL_BINDING, NULL};

static const char *const logins[] = {NS_SASL, NS_SASL2, NULL};
static const char *const others[] = {"http://jabber.org/features/iq-auth",
				     "urn:ietf:params:xml:ns:xmpp-bind", NULL};

/* Where mechanisms and what goes with a login are listed: elements of these names and namespaces,
 * however they are nested. */
static const char *const list_spaces[] = {NS_SASL, NS_SASL2, NS_FAST, NS_BIND2, NULL};
static const char *const list_names[] = {"mechanisms", "authentication", "inline",
					 "fast",       "bind",		 NULL};

static bool is_one_of(struct slice ns, const char *const *v)
{
	for (; ns.p && *v; v++)
		if (xml_raw_is(ns, *v))
			return true;
	return false;
}

static struct slice namespace_of(const struct xml_element *child, const struct place *p)
{
	struct slice ns = SLICE_NONE;

	for (; p && !ns.p; p = p->outer)
		ns = xml_namespace(child, p->scope);
	return ns;
}

static struct slice local_name(const struct xml_element *e)
{
	struct slice prefix, local;

	xml_split(e->name, &prefix, &local);
	return local;
}

/* The text of an element without children. */
static void add_text(struct buf *out, struct slice raw)
{
	static const char open[] = "<![CDATA[", close[] = "]]>";

	while (raw.n) {
		const char *lt = memchr(raw.p, '<', raw.n), *end;
		size_t n = lt ? (size_t)(lt - raw.p) : raw.n;

		xml_unescape(out, slice_of(raw.p, n));
		raw = slice_of(raw.p + n, raw.n - n);
		if (!slice_starts(raw, slice_str(open)))
			return;
		raw = slice_of(raw.p + strlen(open), raw.n - strlen(open));
		end = memmem(raw.p, raw.n, close, strlen(close));
		if (!end)
			return;
		n = (size_t)(end - raw.p);
		buf_add(out, raw.p, n);
		raw = slice_of(end + strlen(close), raw.n - n - strlen(close));
	}
}

static bool ends(struct slice s, struct slice tail)
{
	return s.n >= tail.n && slice_eq(slice_of(s.p + s.n - tail.n, tail.n), tail);
}

/* Whether a <mechanism/> ties the login to the TLS connection: SCRAM's -PLUS, and the hashed tokens
 * of FAST but those that end in -NONE. */
static bool is_bound(struct slice element)
{
	struct buf text = {0};
	struct xml_peek p;
	struct slice name;
	bool bound;

	if (!xml_peek_open(&p, element))
		return false;
	add_text(&text, p.inside);
	name = slice_trim(buf_slice(&text));
	bound = ends(name, SLICE("-PLUS")) ||
		(slice_starts(name, SLICE("HT-")) && !ends(name, SLICE("-NONE")));
	buf_clear(&text);
	return bound;
}

/* Whether a child tells of stream management: <sm/>, or the <feature/> of Bind 2 (XEP-0198 9). */
static bool is_sm(const struct xml_element *child, struct slice ns, struct slice name)
{
	struct slice key, value;
	struct xml_tag t;

	if (xml_raw_is(ns, NS_SM))
		return true;
	if (!xml_raw_is(ns, NS_BIND2) || !slice_is(name, "feature") ||
	    !xml_tag_open(&t, child->bytes))
		return false;
	while (xml_tag_next(&t, &key, &value))
		if (slice_is(key, "var") && xml_raw_is(value, NS_SM))
			return true;
	return false;
}

static bool edit(struct buf *out, struct slice element, const struct place *around,
		 struct features *f);

/* Appends what is kept of one child: it whole, some of it, nothing. */
static bool edit_child(struct buf *out, const struct xml_element *child, const struct place *around,
		       struct features *f)
{
	struct slice ns = namespace_of(child, around), name = local_name(child);
	bool sm = is_sm(child, ns, name);

	f->mechanisms |= is_one_of(ns, others);
	f->starttls |= xml_raw_is(ns, NS_TLS);
	f->sm |= sm;
	if (is_one_of(ns, hidden) || (f->hide_sm && (sm || xml_raw_is(ns, NS_SM_2))))
		return true;
	if (is_one_of(ns, list_spaces)) {
		if (slice_is(name, "mechanism") && is_bound(child->bytes))
			return true;
		f->mechanisms |= slice_is(name, "mechanism") && is_one_of(ns, logins);
		for (const char *const *v = list_names; *v; v++)
			if (slice_is(name, *v))
				return edit(out, child->bytes, around, f);
	}
	buf_adds(out, child->bytes);
	return true;
}

/* Appends an element with what is kept of its children. */
static bool edit(struct buf *out, struct slice element, const struct place *around,
		 struct features *f)
{
	struct xml_peek p;
	struct place here = {&p.scope, around, around->depth + 1};
	struct xml_element child;
	struct slice before;

	if (here.depth > DEEPEST || !xml_peek_open(&p, element))
		return false;
	buf_add(out, element.p, p.start);
	while (xml_peek_next(&p, &child, &before)) {
		buf_adds(out, before);
		if (!edit_child(out, &child, &here, f))
			return false;
	}
	if (!before.p)
		return false;
	buf_adds(out, before);
	buf_add(out, element.p + p.end, element.n - p.end);
	return true;
}

bool features_edit(struct buf *out, const struct xml_element *e, const struct xml_scope *scope,
		   struct slice wrapper, uint16_t supplied, struct features *f)
{
	struct place stream = {scope, NULL, 0};
	struct xml_element edited = *e;
	struct buf text = {0};
	bool fine;

	f->mechanisms = f->starttls = f->sm = false;
	fine = edit(&text, e->bytes, &stream, f);
	if (fine) {
		edited.bytes = buf_slice(&text);
		edited.name.p = edited.bytes.p + 1;
		xml_append(out, &edited, scope, wrapper, supplied);
	}
	buf_clear(&text);
	return fine;
}

/* One RFC 7395 message read, and the framing of RFC 6455 written. A message is one whole document,
 * so the judge's word is enough and its bytes go on as they came. */
#include "proto/frame.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* --- messages from the client --- */

/* The framing before RFC 7395 opens the stream with a start tag that nothing closes, which the
 * judge would only call not well-formed. */
static bool is_stream_header(struct slice message)
{
	struct slice prefix, local;
	struct xml_scope scope;
	struct xml_tag t;

	if (!xml_tag_open(&t, message))
		return false;
	xml_split(t.name, &prefix, &local);
	if (!slice_eq(local, SLICE("stream")))
		return false;
	return prefix.n ||
	       (xml_scope_read(&scope, message, NULL) && xml_raw_is(scope.xmlns, NS_STREAM));
}

/* Leaves the element alone in *text. */
static enum reason strip(struct buf *text)
{
	struct slice all = slice_trim(buf_slice(text)), in;
	size_t n;

	switch (xml_declaration(all, &n)) {
	case XML_DECL_ENCODING: return REASON_BAD_UTF8;
	case XML_DECL_BAD:
	case XML_DECL_MORE: return REASON_NOT_WELL_FORMED;
	default: break;
	}
	in = slice_trim(slice_of(all.p + n, all.n - n));
	/* The judge takes a declaration too: a second one must not get as far as that. */
	if (in.n == 0 || xml_declaration(in, &n) != XML_DECL_NONE)
		return REASON_NOT_WELL_FORMED;
	buf_cut(text, (size_t)(in.p - buf_data(text)) + in.n);
	buf_eat(text, text->len - in.n);
	return REASON_NONE;
}

/* On the stream, what declares no namespace is in jabber:client; what declares to be in none is. */
static enum stanza_kind stanza_of(const struct xmljudge_root *root, struct slice element)
{
	bool client =
	    root->ns.n ? slice_is(root->ns, NS_CLIENT) : !xml_attribute(element, "xmlns").p;

	return client ? xml_stanza_kind(root->name) : STANZA_NONE;
}

static void keep(struct frame *f, struct slice *where, struct slice value)
{
	*where = slice_of(f->decoded.mem + f->decoded.len, value.n);
	buf_adds(&f->decoded, value);
}

static void read_open(struct frame *f, const struct xmljudge_root *root)
{
	size_t bytes = 0;

	for (int i = 0; i < root->n; i++)
		bytes += root->attributes[i].value.n;
	buf_room(&f->decoded, bytes + 1); /* so that it does not move below */
	for (int i = 0; i < root->n; i++) {
		const struct xmljudge_attribute *a = &root->attributes[i];

		if (a->ns.n) {
			if (slice_is(a->ns, NS_XML) && slice_is(a->name, "lang"))
				keep(f, &f->lang, a->value);
		} else if (slice_is(a->name, "to")) {
			keep(f, &f->to, a->value);
		} else if (slice_is(a->name, "from")) {
			keep(f, &f->from, a->value);
		} else if (slice_is(a->name, "version")) {
			keep(f, &f->version, a->value);
		}
	}
}

static enum reason kind_of(enum frame_kind *kind, const struct xmljudge_root *root)
{
	*kind = FRAME_ELEMENT;
	if (slice_is(root->ns, NS_FRAMING)) {
		*kind = slice_is(root->name, "open") ? FRAME_OPEN : FRAME_CLOSE;
		return *kind == FRAME_OPEN || slice_is(root->name, "close")
			   ? REASON_NONE
			   : REASON_INVALID_NAMESPACE;
	}
	if (slice_is(root->ns, NS_STREAM)) {
		*kind = FRAME_CLOSE;
		return slice_is(root->name, "error") ? REASON_NONE : REASON_INVALID_NAMESPACE;
	}
	return REASON_NONE;
}

static enum reason judge(struct xmljudge *j, const struct xml_limits *limits, struct buf *text,
			 struct xmljudge_root *root)
{
	enum reason r;

	if (text->len > limits->bytes)
		return REASON_TOO_BIG;
	r = strip(text);
	if (r != REASON_NONE)
		return r;
	if (is_stream_header(buf_slice(text)))
		return REASON_UNSUPPORTED_FRAMING;
	r = xmljudge_document(j, buf_slice(text), root);
	return r == REASON_NONE && root->unbound ? REASON_NOT_WELL_FORMED : r;
}

enum reason frame_parse(struct frame **out, struct xmljudge *j, const struct xml_limits *limits,
			struct buf *text)
{
	struct xmljudge_root root;
	enum frame_kind kind;
	enum reason r;
	struct frame *f;

	*out = NULL;
	r = judge(j, limits, text, &root);
	if (r == REASON_NONE)
		r = kind_of(&kind, &root);
	if (r != REASON_NONE) {
		buf_clear(text);
		return r;
	}
	f = mem_zalloc(sizeof(*f));
	f->kind = kind;
	f->text = buf_take(text);
	if (kind == FRAME_OPEN)
		read_open(f, &root);
	if (kind == FRAME_ELEMENT) {
		f->payload = buf_slice(&f->text);
		f->stanza = stanza_of(&root, f->payload);
	}
	*out = f;
	return REASON_NONE;
}

void frame_free(struct frame *f)
{
	if (!f)
		return;
	buf_clear(&f->text);
	buf_clear(&f->decoded);
	free(f);
}

/* --- frames towards the client (RFC 6455 5.2) --- */

enum {
	FIN = 0x80,
	SHORT_MAX = 125,
	ROOM = 4, /* what ws_begin() leaves: the header of all but the shortest and the largest */
	LARGE = 10
};

size_t ws_begin(struct buf *out)
{
	size_t mark = out->len;

	buf_room(out, ROOM + SHORT_MAX);
	buf_commit(out, ROOM);
	return mark;
}

static void put_big_endian(unsigned char *p, uint64_t n, int bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (unsigned char)n;
		n >>= 8;
	}
}

void ws_end(struct buf *out, size_t mark)
{
	size_t n = out->len - mark - ROOM;
	size_t header = n <= SHORT_MAX ? 2 : n <= UINT16_MAX ? ROOM : LARGE;
	unsigned char *p;

	assert(out->len >= mark + ROOM);
	if (header > ROOM)
		buf_room(out, header - ROOM);
	p = (unsigned char *)out->mem + out->off + mark;
	if (header != ROOM)
		memmove(p + header, p + ROOM, n);
	out->len = (uint32_t)(mark + header + n);
	p[0] = FIN | WS_OP_TEXT;
	p[1] = (unsigned char)(header == 2 ? n : header == ROOM ? 126 : 127);
	if (header > 2)
		put_big_endian(p + 2, n, (int)header - 2);
}

void ws_ping(struct buf *out, uint64_t serial)
{
	unsigned char *p = (unsigned char *)buf_room(out, 10);

	p[0] = FIN | WS_OP_PING;
	p[1] = 8;
	put_big_endian(p + 2, serial, 8);
	buf_commit(out, 10);
}

void ws_first(struct slice frames, struct ws_frame *f)
{
	const unsigned char *p = (const unsigned char *)frames.p;
	size_t header = 2, n;

	assert(frames.n >= 2 && p[0] & FIN);
	n = p[1];
	if (n > SHORT_MAX) {
		header = n == 126 ? ROOM : LARGE;
		n = 0;
		for (size_t i = 2; i < header; i++)
			n = n << 8 | p[i];
	}
	assert(frames.n >= header + n);
	f->op = p[0] & 0x0f;
	f->payload = slice_of(frames.p + header, n);
	f->size = header + n;
}

/* RFC 7395 messages: whatever is passed on is one element that leaves the stream to the backend
 * whole and is none of the stream's own; and what goes out is framed so that it can be read back.
 */
#include "oracle.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_payload(const struct frame *f)
{
	xmlDocPtr stream = oracle_in_stream(f->payload), alone = oracle_read(f->payload);
	xmlNodePtr c;

	CLAIM(f->payload.n && slice_eq(f->payload, buf_slice(&f->text)));
	CLAIM(stream);
	c = xmlDocGetRootElement(stream)->children;
	CLAIM(c && c == oracle_element(c) && !c->next);
	CLAIM(!oracle_restricted(stream));
	CLAIM(!oracle_is(c, NS_STREAM, NULL) && !oracle_is(c, NS_FRAMING, NULL));
	CLAIM(alone && oracle_same(xmlDocGetRootElement(alone), c));
	xmlFreeDoc(stream);
	xmlFreeDoc(alone);
}

static void check_kind(const struct frame *f)
{
	xmlDocPtr doc = oracle_read(buf_slice(&f->text));
	const xmlNode *root;

	CLAIM(!f->payload.p && !f->stanza);
	CLAIM(doc);
	root = xmlDocGetRootElement(doc);
	if (f->kind == FRAME_OPEN)
		CLAIM(oracle_is(root, NS_FRAMING, "open"));
	else
		CLAIM(oracle_is(root, NS_FRAMING, "close") || oracle_is(root, NS_STREAM, "error"));
	xmlFreeDoc(doc);
}

static void check_framing(struct slice payload)
{
	struct buf out = {0};
	const unsigned char *p;
	size_t mark, n, header;

	BUF_LIT(&out, "x");
	mark = ws_begin(&out);
	buf_adds(&out, payload);
	ws_end(&out, mark);
	p = (const unsigned char *)buf_data(&out) + 1;
	n = p[1];
	header = n < 126 ? 2 : 4;
	if (n == 126)
		n = (size_t)p[2] << 8 | p[3];
	CLAIM(p[0] == 0x81 && n == payload.n && p[1] != 127);
	CLAIM(out.len == 1 + header + n && memcmp(p + header, payload.p, n) == 0);
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct xml_limits limits = {.bytes = 1 << 15, .depth = 100, .attributes = 50};
	static struct xmljudge *judge;
	struct buf text = buf_copy(slice_of((const char *)data, n));
	struct frame *f;

	if (!judge)
		judge = xmljudge_new(&limits);
	if (frame_parse(&f, judge, &limits, &text) == REASON_NONE) {
		if (f->kind == FRAME_ELEMENT)
			check_payload(f);
		else
			check_kind(f);
		check_framing(buf_slice(&f->text));
		frame_free(f);
	} else {
		CLAIM(!f);
	}
	CLAIM(!text.mem);
	return 0;
}

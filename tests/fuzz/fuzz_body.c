/* <body/>: whatever is accepted, its payload put into a stream to the backend leaves the stream
 * whole, adds just the elements counted, and means there what it meant in the body. */
#include "oracle.h"
#include "proto/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_numbers(const struct body *b)
{
	const int64_t v[] = {b->rid,  b->wait,	     b->hold,	   b->ack,	b->pause,
			     b->time, b->inactivity, b->ver_major, b->ver_minor};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		CLAIM(v[i] >= BODY_BAD && v[i] <= BODY_RID_MAX);
	CLAIM(b->rid != 0);
	CLAIM(b->stanzas <= b->elements);
}

/* The children of <body/>, but for stream errors, are those of the stream. */
static void check_payload(const struct body *b, xmlDocPtr doc)
{
	xmlDocPtr stream = oracle_in_stream(b->payload);
	xmlNodePtr was, now;
	uint32_t elements = 0;

	CLAIM(stream);
	CLAIM(!oracle_restricted(stream));
	now = oracle_element(xmlDocGetRootElement(stream)->children);
	for (; now; now = oracle_element(now->next)) {
		CLAIM(!oracle_is(now, NS_STREAM, NULL));
		elements++;
	}
	CLAIM(elements == b->elements);
	was = doc ? xmlDocGetRootElement(doc)->children : NULL;
	now = xmlDocGetRootElement(stream)->children;
	while ((was = oracle_element(was))) {
		if (oracle_is(was, NS_STREAM, "error")) {
			CLAIM(b->type == BODY_TYPE_TERMINATE);
		} else {
			now = oracle_element(now);
			CLAIM(now && oracle_same(was, now));
			now = now->next;
			elements--;
		}
		was = was->next;
	}
	CLAIM(!doc || elements == 0);
	xmlFreeDoc(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct xml_limits limits = {.bytes = 1 << 16, .depth = 100, .attributes = 50};
	static struct xmljudge *judge;
	struct slice in = slice_of((const char *)data, n);
	struct buf document = buf_copy(in);
	struct body *b;

	if (!judge)
		judge = xmljudge_new(&limits);
	if (body_parse(&b, judge, &limits, &document) == REASON_NONE) {
		xmlDocPtr doc = oracle_read(in); /* NULL where the prefix xmpp is undeclared */

		check_numbers(b);
		check_payload(b, doc);
		CLAIM(!doc || oracle_is(xmlDocGetRootElement(doc), NS_HTTPBIND, "body"));
		xmlFreeDoc(doc);
		body_free(b);
	} else {
		CLAIM(!b);
	}
	CLAIM(!document.mem);
	return 0;
}

/* The judge's short way and its long way: the same verdict, and the same root element. */
#include <string.h>

#include "oracle.h"
#include "proto/xmljudge.h"

static const struct xml_limits limits = {.bytes = 2000, .depth = 6, .attributes = 5};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct xmljudge *a, *b;
	struct slice document = slice_of((const char *)data, n);
	struct xmljudge_root x, y;
	enum reason r;

	if (!a) {
		a = xmljudge_new(&limits);
		b = xmljudge_new(&limits);
	}
	r = xmljudge_document(a, document, &x);
	CLAIM(r == xmljudge_thorough(b, document, &y));
	if (r != REASON_NONE)
		return 0;
	CLAIM(slice_eq(x.name, y.name) && slice_eq(x.ns, y.ns));
	CLAIM(x.n == y.n && x.unbound == y.unbound);
	for (uint16_t i = 0; i < x.n; i++) {
		CLAIM(slice_eq(x.attributes[i].ns, y.attributes[i].ns));
		CLAIM(slice_eq(x.attributes[i].name, y.attributes[i].name));
		CLAIM(slice_eq(x.attributes[i].value, y.attributes[i].value));
	}
	return 0;
}

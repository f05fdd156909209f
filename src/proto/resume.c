/* XEP-0198, as far as the end of a stream depends on it. */
#include "proto/resume.h"

#include <string.h>

/* Of <enabled/> or <resumed/>, whose namespace is `xmlns` unless the tag declares its own. */
static bool tag_grants(struct slice tag, struct slice xmlns)
{
	struct xml_tag t;
	struct slice name, value, prefix, local;
	bool resume;

	if (!xml_tag_open(&t, tag))
		return false;
	xml_split(t.name, &prefix, &local);
	resume = slice_is(local, "resumed");
	if (!resume && !slice_is(local, "enabled"))
		return false;
	while (xml_tag_next(&t, &name, &value)) {
		if (slice_is(name, "xmlns"))
			xmlns = value;
		else if (slice_is(name, "resume"))
			resume |= xml_raw_is(value, "true") || xml_raw_is(value, "1");
	}
	return resume && xml_raw_is(xmlns, NS_SM);
}

/* Tags anywhere inside: text holds no '<', and no server of SASL2 writes CDATA there. */
static bool holds_grant(struct slice in, const char *tag)
{
	size_t n = strlen(tag);
	const char *at;

	while ((at = memmem(in.p, in.n, tag, n))) {
		in = slice_of(at, (size_t)(in.p + in.n - at));
		if (tag_grants(in, SLICE_NONE))
			return true;
		in = slice_of(in.p + n, in.n - n);
	}
	return false;
}

bool resume_granted(const struct xml_element *e, const struct xml_scope *scope)
{
	struct slice prefix, local, xmlns;

	xml_split(e->name, &prefix, &local);
	xmlns = xml_namespace(e, scope);
	if (slice_is(local, "success") && xml_raw_is(xmlns, NS_SASL2))
		return holds_grant(e->bytes, "<enabled") || holds_grant(e->bytes, "<resumed");
	return tag_grants(e->bytes, xmlns);
}

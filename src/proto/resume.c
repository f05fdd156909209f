/* XEP-0198, as far as the end of a stream depends on it. */
#include "proto/resume.h"

#include <string.h>

/* Of <enabled/> or <resumed/>, whose namespace is `xmlns` unless the tag declares its own. */
static enum resume_grant tag_grants(struct slice tag, struct slice xmlns)
{
	struct xml_tag t;
	struct slice name, value, prefix, local;
	bool resumed, later = false;

	if (!xml_tag_open(&t, tag))
		return RESUME_NONE;
	xml_split(t.name, &prefix, &local);
	resumed = slice_is(local, "resumed");
	if (!resumed && !slice_is(local, "enabled"))
		return RESUME_NONE;
	while (xml_tag_next(&t, &name, &value)) {
		if (slice_is(name, "xmlns"))
			xmlns = value;
		else if (slice_is(name, "resume"))
			later |= xml_raw_is(value, "true") || xml_raw_is(value, "1");
	}
	if (!xml_raw_is(xmlns, NS_SM) && !xml_raw_is(xmlns, NS_SM_2))
		return RESUME_NONE;
	return resumed ? RESUME_DONE : later ? RESUME_LATER : RESUME_COUNTED;
}

/* Tags anywhere inside: text holds no '<', and no server of SASL2 writes CDATA there. */
static enum resume_grant holds_grant(struct slice in, const char *tag)
{
	size_t n = strlen(tag);
	enum resume_grant found;
	const char *at;

	while ((at = memmem(in.p, in.n, tag, n))) {
		in = slice_of(at, (size_t)(in.p + in.n - at));
		found = tag_grants(in, SLICE_NONE);
		if (found != RESUME_NONE)
			return found;
		in = slice_of(in.p + n, in.n - n);
	}
	return RESUME_NONE;
}

enum resume_grant resume_grant(const struct xml_element *e, const struct xml_scope *scope)
{
	struct slice prefix, local, xmlns;
	enum resume_grant enabled;

	xml_split(e->name, &prefix, &local);
	xmlns = xml_namespace(e, scope);
	if (!slice_is(local, "success") || !xml_raw_is(xmlns, NS_SASL2))
		return tag_grants(e->bytes, xmlns);
	enabled = holds_grant(e->bytes, "<enabled");
	return enabled != RESUME_NONE ? enabled : holds_grant(e->bytes, "<resumed");
}

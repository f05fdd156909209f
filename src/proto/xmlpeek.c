/* One look inside an element. */
#include "proto/xmlpeek.h"

bool xml_peek_open(struct xml_peek *p, struct slice element)
{
	p->element = element;
	p->end = element.n;
	if (!xml_scope_read(&p->scope, element, &p->start))
		return false;
	while (p->end > p->start && element.p[p->end - 1] != '<')
		p->end--;
	if (p->end > p->start)
		p->end--;
	p->inside = slice_of(element.p + p->start, p->end - p->start);
	xmlcut_init(&p->cut, XMLCUT_CONTENT, &xml_unlimited);
	return true;
}

bool xml_peek_next(struct xml_peek *p, struct xml_element *child, struct slice *before)
{
	enum xmlcut_result r;
	size_t used = 0;

	*before = slice_of(p->inside.p, 0);
	if (p->inside.n == 0)
		return false;
	r = xmlcut_next(&p->cut, p->inside, NULL, child, &used);
	if (r == XMLCUT_ELEMENT)
		*before = slice_of(p->inside.p, (size_t)(child->bytes.p - p->inside.p));
	else if (r == XMLCUT_MORE && used == p->inside.n)
		*before = p->inside;
	else
		*before = SLICE_NONE;
	p->inside = slice_of(p->inside.p + used, p->inside.n - used);
	return r == XMLCUT_ELEMENT;
}

bool xml_peek_find(struct slice element, const struct xml_scope *outer, const char *name,
		   const char *ns, struct xml_element *child)
{
	struct slice before, prefix, local, uri;
	struct xml_peek p;

	if (!xml_peek_open(&p, element))
		return false;
	while (xml_peek_next(&p, child, &before)) {
		xml_split(child->name, &prefix, &local);
		if (!slice_is(local, name))
			continue;
		uri = xml_namespace(child, &p.scope);
		if (!uri.p)
			uri = xml_namespace(child, outer);
		if (xml_raw_is(uri, ns))
			return true;
	}
	return false;
}

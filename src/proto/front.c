/* What both front machines say alike. */
#include "proto/front.h"

void front_attribute(struct buf *out, const char *name, struct slice raw)
{
	struct slice part;

	if (!raw.p)
		return;
	buf_addz(out, name);
	while (raw.p) {
		part = slice_cut(&raw, '\'');
		buf_adds(out, part);
		if (raw.p)
			BUF_LIT(out, "&apos;");
	}
	buf_addc(out, '\'');
}

/* The query of a URL. */
#include "proto/query.h"
#include "base/num.h"

/* One byte, and how many it took; 0 where it is bad. */
static size_t decode(struct slice in, char *c)
{
	int64_t n;

	*c = in.p[0];
	if (*c != '%')
		return 1;
	n = in.n < 3 ? -1 : num_parse_hex(slice_of(in.p + 1, 2), 255);
	*c = (char)n;
	return n > 0 ? 3 : 0;
}

static bool unescape(struct buf *out, struct slice raw, char blank)
{
	while (raw.n) {
		char c;
		size_t used = decode(raw, &c);

		if (!used)
			return false;
		buf_addc(out, used == 1 && c == blank ? ' ' : c);
		raw = slice_of(raw.p + used, raw.n - used);
	}
	return true;
}

bool query_unescape(struct buf *out, struct slice raw)
{
	return unescape(out, raw, ' ');
}

enum query_result query_next(struct slice *rest, struct slice *name, struct buf *value)
{
	struct slice raw;

	buf_reset(value);
	do {
		if (!rest->p)
			return QUERY_END;
		raw = slice_cut(rest, '&');
	} while (!raw.n);
	*name = slice_cut(&raw, '=');
	return unescape(value, raw, '+') ? QUERY_PAIR : QUERY_BAD;
}

/* Conditions and ranges. What makes no sense is passed over, as RFC 9110 asks: then all is sent. */
#include "proto/condition.h"
#include "base/num.h"
#include "proto/http1.h"

bool condition_names(struct slice list, struct slice tag)
{
	struct slice item;

	if (slice_is(slice_trim(list), "*"))
		return true;
	while (http1_list(&list, &item)) {
		if (slice_starts(item, SLICE("W/")))
			item = slice_of(item.p + 2, item.n - 2);
		if (slice_eq(item, tag))
			return true;
	}
	return false;
}

enum condition_range condition_range(struct slice range, uint64_t size, uint64_t *from, uint64_t *n)
{
	struct slice first;
	int64_t a, b;

	if (range.n < 6 || !slice_eq_nocase(slice_of(range.p, 6), SLICE("bytes=")))
		return CONDITION_WHOLE;
	range = slice_trim(slice_of(range.p + 6, range.n - 6));
	first = slice_cut(&range, '-');
	if (!range.p)
		return CONDITION_WHOLE;
	a = num_parse(first, INT64_MAX);
	b = num_parse(range, INT64_MAX);
	if ((a < 0 && first.n) || (b < 0 && range.n) || (a < 0 && b < 0) ||
	    (a >= 0 && b >= 0 && b < a))
		return CONDITION_WHOLE;
	if (a < 0) { /* the last b bytes */
		*n = (uint64_t)b < size ? (uint64_t)b : size;
		*from = size - *n;
		return *n ? CONDITION_PART : CONDITION_BEYOND;
	}
	if ((uint64_t)a >= size)
		return CONDITION_BEYOND;
	*from = (uint64_t)a;
	*n = b >= 0 && (uint64_t)b < size ? (uint64_t)b + 1 - *from : size - *from;
	return CONDITION_PART;
}

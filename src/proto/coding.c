/* Content codings by name. Qualities count in thousandths, as many digits as they may have. */
#include "proto/coding.h"
#include "proto/http1.h"

static enum coding named(struct slice name)
{
	if (slice_eq_nocase(name, SLICE("gzip")) || slice_eq_nocase(name, SLICE("x-gzip")))
		return CODING_GZIP;
	if (slice_eq_nocase(name, SLICE("deflate")))
		return CODING_DEFLATE;
	return slice_eq_nocase(name, SLICE("identity")) ? CODING_IDENTITY : CODING_UNKNOWN;
}

/* No coding's name may hold a slash (RFC 9110 8.4.1, a token), so this is a Content-Type in the
 * wrong field: all of libpurple 2 sends its "text/xml; charset=utf-8" there, and bodies as they
 * are. */
static bool is_media_type(struct slice field)
{
	return memchr(field.p, '/', field.n) && !memchr(field.p, ',', field.n);
}

enum coding coding_of(struct slice field)
{
	if (field.n == 0 || is_media_type(field))
		return CODING_IDENTITY;
	return named(field);
}

/* RFC 9110 12.4.2: 0 to 1 with three decimals; 0 where it is none of that. */
static int quality(struct slice q)
{
	int n, unit = 1000;

	if (q.n == 0 || q.n > 5 || q.p[0] < '0' || q.p[0] > '1' || (q.n > 1 && q.p[1] != '.'))
		return 0;
	n = (q.p[0] - '0') * unit;
	for (size_t i = 2; i < q.n; i++) {
		if (q.p[i] < '0' || q.p[i] > '9')
			return 0;
		unit /= 10;
		n += (q.p[i] - '0') * unit;
	}
	return n > 1000 ? 0 : n;
}

/* The quality among the parameters of an item; 1 where there is none. */
static int weight(struct slice parameters)
{
	while (parameters.n) {
		struct slice value = slice_trim(slice_cut(&parameters, ';'));
		struct slice name = slice_trim(slice_cut(&value, '='));

		if (slice_eq_nocase(name, SLICE("q")))
			return quality(slice_trim(value));
	}
	return 1000;
}

enum coding coding_liked(struct slice field)
{
	int likes[CODING_UNKNOWN + 1] = {-1, -1, -1, -1}, other = 0;
	struct slice item;

	/* What browsers send, with each request. */
	if (slice_starts(field, SLICE("gzip, ")) && !memchr(field.p, ';', field.n))
		return CODING_GZIP;
	while (http1_list(&field, &item)) {
		struct slice name = slice_trim(slice_cut(&item, ';'));

		if (slice_is(name, "*"))
			other = weight(item);
		else
			likes[named(name)] = weight(item);
	}
	for (enum coding c = CODING_GZIP; c <= CODING_DEFLATE; c++)
		if (likes[c] < 0)
			likes[c] = other;
	if (likes[CODING_GZIP] > 0 && likes[CODING_GZIP] >= likes[CODING_DEFLATE])
		return CODING_GZIP;
	return likes[CODING_DEFLATE] > 0 ? CODING_DEFLATE : CODING_IDENTITY;
}

/* RFC 7692 7.1: an offer with anything unknown, or twice the same, is declined; so is one that asks
 * for a smaller window of ours. */
static bool deflate_parameters_fit(struct slice parameters)
{
	static const char *const known[] = {"server_no_context_takeover",
					    "client_no_context_takeover", "client_max_window_bits"};
	bool seen[3] = {false};

	while (parameters.p) {
		struct slice value = slice_trim(slice_cut(&parameters, ';'));
		struct slice name = slice_trim(slice_cut(&value, '='));
		size_t i = 0;

		while (i < 3 && !slice_is(name, known[i]))
			i++;
		if (i == 3 || seen[i] || (i < 2 && value.p))
			return false;
		seen[i] = true;
	}
	return true;
}

bool coding_offers_deflate(struct slice field)
{
	struct slice item;

	while (http1_list(&field, &item)) {
		struct slice name = slice_trim(slice_cut(&item, ';'));

		if (slice_is(name, "permessage-deflate") && deflate_parameters_fit(item))
			return true;
	}
	return false;
}

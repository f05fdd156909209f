/* Content codings: what a body has, and what an answer may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/coding.h"

#define LENGTH(v) (sizeof(v) / sizeof((v)[0]))

struct row {
	const char *field;
	enum coding coding;
};

static void a_body_has_one_coding(void **state)
{
	static const struct row rows[] = {
	    {"", CODING_IDENTITY},
	    {"identity", CODING_IDENTITY},
	    {"gzip", CODING_GZIP},
	    {"x-GZIP", CODING_GZIP},
	    {"deflate", CODING_DEFLATE},
	    {"br", CODING_UNKNOWN},
	    {"gzip, gzip", CODING_UNKNOWN},
	    {"*", CODING_UNKNOWN},
	    {"text/xml; charset=utf-8", CODING_IDENTITY},
	    {"text/xml", CODING_IDENTITY},
	    {"text/xml, gzip", CODING_UNKNOWN},
	    {"gzip, text/xml", CODING_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (coding_of(slice_str(rows[i].field)) != rows[i].coding)
			fail_msg("%s", rows[i].field);
	assert_int_equal(coding_of(SLICE_NONE), CODING_IDENTITY);
}

static void an_answer_has_the_one_liked_best(void **state)
{
	static const struct row rows[] = {
	    {"", CODING_IDENTITY},
	    {"gzip", CODING_GZIP},
	    {"gzip, deflate, br, zstd", CODING_GZIP},
	    {"br", CODING_IDENTITY},
	    {"deflate", CODING_DEFLATE},
	    {"DEFLATE ;q=1", CODING_DEFLATE},
	    {"x-gzip", CODING_GZIP},
	    {"*", CODING_GZIP},
	    {"*;q=0", CODING_IDENTITY},
	    {"gzip;q=0, *", CODING_DEFLATE},
	    {"*;q=0.5, gzip;q=0, deflate;q=0", CODING_IDENTITY},
	    {"gzip;q=0.5, deflate;q=0.501", CODING_DEFLATE},
	    {"gzip;q=0.5, deflate;q=0.5", CODING_GZIP},
	    {"gzip;q=0.001", CODING_GZIP},
	    {"gzip;q=0.0", CODING_IDENTITY},
	    {"gzip; x=y ; Q = 0.000", CODING_IDENTITY},
	    {"gzip;q=2", CODING_IDENTITY},
	    {"gzip;q=1.001", CODING_IDENTITY},
	    {"gzip;q=", CODING_IDENTITY},
	    {"gzip;q=0.1234", CODING_IDENTITY},
	    {"gzip;q=0,1", CODING_IDENTITY},
	    {",, ;gzip", CODING_IDENTITY},
	    {"identity;q=1, gzip;q=0.5", CODING_GZIP},
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (coding_liked(slice_str(rows[i].field)) != rows[i].coding)
			fail_msg("%s", rows[i].field);
}

static void an_offer_of_deflate_is_taken_or_declined(void **state)
{
	static const char *const good[] = {
	    "permessage-deflate",
	    "permessage-deflate; client_max_window_bits",
	    "permessage-deflate; client_max_window_bits=10;server_no_context_takeover",
	    "x-webkit-deflate-frame, permessage-deflate",
	    "permessage-deflate; server_max_window_bits=10, permessage-deflate",
	    "permessage-deflate;client_no_context_takeover ; server_no_context_takeover",
	};
	static const char *const bad[] = {
	    "",
	    "permessage-bzip2",
	    "Permessage-Deflate",
	    "permessage-deflate; server_max_window_bits=15",
	    "permessage-deflate; x",
	    "permessage-deflate;",
	    "permessage-deflate; server_no_context_takeover=1",
	    "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++)
		if (!coding_offers_deflate(slice_str(good[i])))
			fail_msg("declined: %s", good[i]);
	for (size_t i = 0; i < LENGTH(bad); i++)
		if (coding_offers_deflate(slice_str(bad[i])))
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_body_has_one_coding),
	    cmocka_unit_test(an_offer_of_deflate_is_taken_or_declined),
	    cmocka_unit_test(an_answer_has_the_one_liked_best),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

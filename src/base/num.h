/* Strict integers: ASCII digits and nothing else, no sign, no blank, no overflow. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>
#include "base/slice.h"

/* The value, or -1 where s is empty, has a byte that is no digit, or is above max. */
int64_t num_parse(struct slice s, int64_t max);

/* The same in base 16 (chunk sizes); at most 15 digits. */
int64_t num_parse_hex(struct slice s, int64_t max);

#endif

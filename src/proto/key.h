/* Key sequences (XEP-0124 15): K(i) = hex(SHA-1(K(i-1))), sent from the last to the first, so that
 * whoever sees one key cannot make the next. */
#ifndef PROTO_KEY_H
#define PROTO_KEY_H

#include <stdint.h>
#include "base/slice.h"

enum { KEY_BYTES = 20 };

/* Reads a key: 40 hexadecimal digits of either case, nothing else. */
bool key_read(uint8_t key[KEY_BYTES], struct slice text);

/* Whether text is what stands before `key` in its sequence. */
bool key_precedes(struct slice text, const uint8_t key[KEY_BYTES]);

#endif

/* Key sequences. What is hashed is the text of a key, in the case in which it was sent; what is
 * compared are the bytes, for the case of a key does not count. */
#include "proto/key.h"

#include <openssl/sha.h>

_Static_assert(KEY_BYTES == SHA_DIGEST_LENGTH, "keys are SHA-1");

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool key_read(uint8_t key[KEY_BYTES], struct slice text)
{
	if (text.n != 2 * KEY_BYTES)
		return false;
	for (int i = 0; i < KEY_BYTES; i++) {
		int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool key_precedes(struct slice text, const uint8_t key[KEY_BYTES])
{
	uint8_t digest[KEY_BYTES];

	SHA1((const unsigned char *)text.p, text.n, digest);
	return memcmp(digest, key, KEY_BYTES) == 0;
}

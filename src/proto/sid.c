/* Session ids. The tag is HMAC-SHA256 over the fields before it, cut to 64 bits; the whole is 33
 * bytes, in base32 without padding. Only one text stands for a sid: spare bits must be zero. */
#include "proto/sid.h"
#include "base/mem.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { SIGNED = 8 + 1 + SID_RANDOM, BYTES = SIGNED + SID_TAG, SHA256 = 32 };

_Static_assert(SID_LENGTH == (BYTES * 8 + 4) / 5, "base32, five bits a character");

struct sid_signer {
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx; /* keyed; started anew for each tag */
};

struct sid_signer *sid_signer_new(const uint8_t key[SID_KEY])
{
	struct sid_signer *s = mem_zalloc(sizeof(*s));
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
	    OSSL_PARAM_construct_end(),
	};
	int ok;

	s->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	assert(s->mac);
	s->ctx = EVP_MAC_CTX_new(s->mac);
	assert(s->ctx);
	ok = EVP_MAC_init(s->ctx, key, SID_KEY, params);
	assert(ok == 1);
	return s;
}

void sid_signer_free(struct sid_signer *s)
{
	if (!s)
		return;
	EVP_MAC_CTX_free(s->ctx);
	EVP_MAC_free(s->mac);
	free(s);
}

static void sign(struct sid_signer *s, const uint8_t in[SIGNED], uint8_t tag[SID_TAG])
{
	uint8_t digest[SHA256];
	size_t n = 0;
	int ok;

	ok = EVP_MAC_init(s->ctx, NULL, 0, NULL) && EVP_MAC_update(s->ctx, in, SIGNED) &&
	     EVP_MAC_final(s->ctx, digest, &n, sizeof(digest));
	assert(ok && n == sizeof(digest));
	memcpy(tag, digest, SID_TAG);
}

static void pack(const struct sid *sid, uint8_t out[SIGNED])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(sid->instance >> (56 - 8 * i));
	out[8] = sid->worker;
	memcpy(out + 9, sid->random, SID_RANDOM);
}

static void encode(const uint8_t in[BYTES], char out[SID_LENGTH])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint32_t bits = 0, have = 0;
	size_t at = 0;

	for (size_t i = 0; i < BYTES; i++) {
		bits = bits << 8 | in[i];
		have += 8;
		for (; have >= 5; have -= 5)
			out[at++] = letters[bits >> (have - 5) & 31];
	}
	out[at] = letters[bits << (5 - have) & 31];
}

static int digit(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

static bool decode(struct slice text, uint8_t out[BYTES])
{
	uint32_t bits = 0, have = 0;
	size_t at = 0;

	if (text.n != SID_LENGTH)
		return false;
	for (size_t i = 0; i < SID_LENGTH; i++) {
		int d = digit(text.p[i]);

		if (d < 0)
			return false;
		bits = bits << 5 | (uint32_t)d;
		have += 5;
		if (have >= 8) {
			have -= 8;
			out[at++] = (uint8_t)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0;
}

void sid_print(struct sid_signer *s, struct sid *sid, char out[SID_LENGTH])
{
	uint8_t bytes[BYTES];

	pack(sid, bytes);
	sign(s, bytes, bytes + SIGNED);
	memcpy(sid->tag, bytes + SIGNED, SID_TAG);
	encode(bytes, out);
}

bool sid_parse(struct sid *sid, struct slice text)
{
	uint8_t bytes[BYTES];

	if (!decode(text, bytes))
		return false;
	sid->instance = 0;
	for (int i = 0; i < 8; i++)
		sid->instance = sid->instance << 8 | bytes[i];
	sid->worker = bytes[8];
	memcpy(sid->random, bytes + 9, SID_RANDOM);
	memcpy(sid->tag, bytes + SIGNED, SID_TAG);
	return true;
}

bool sid_verify(struct sid_signer *s, struct slice text)
{
	uint8_t bytes[BYTES], tag[SID_TAG];

	if (!decode(text, bytes))
		return false;
	sign(s, bytes, tag);
	return CRYPTO_memcmp(tag, bytes + SIGNED, SID_TAG) == 0;
}

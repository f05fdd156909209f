/* Of TLS with clients: what has gone wrong, counted for one line a minute, and what was agreed. */
#include "net/tls_priv.h"

#include <openssl/err.h>

enum { FAILURES_EVERY = 60000 /* ms */ };

const char *tls_fault_text(enum tls_fault f)
{
	static const char *const words[] = {
#define X(name, words) [TLS_FAULT_##name] = words,
		TLS_FAULTS
#undef X
	};

	return words[f];
}

static enum tls_fault of_reason(int reason)
{
	switch (reason) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
	case SSL_AD_REASON_OFFSET + SSL_AD_USER_CANCELLED:
	case SSL_AD_REASON_OFFSET + SSL_AD_CLOSE_NOTIFY: return TLS_FAULT_GONE;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_BAD_RECORD_TYPE: return TLS_FAULT_PLAIN;
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: return TLS_FAULT_TRUST;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_INAPPROPRIATE_FALLBACK:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return TLS_FAULT_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: return TLS_FAULT_CIPHER;
	case SSL_R_NO_APPLICATION_PROTOCOL: return TLS_FAULT_PROTOCOL;
	default: return TLS_FAULT_OTHER;
	}
}

enum tls_fault tls_fault_of(SSL *ssl)
{
	unsigned long e = ERR_peek_error();

	(void)ssl;
	if (!e)
		return TLS_FAULT_GONE;
	return ERR_GET_LIB(e) == ERR_LIB_SSL ? of_reason(ERR_GET_REASON(e)) : TLS_FAULT_OTHER;
}

void tls_failures_add(struct tls_failures *v, enum tls_fault f)
{
	atomic_fetch_add_explicit(&v->n[f], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&v->all, 1, memory_order_relaxed);
}

bool tls_failures_take(struct tls_failures *v, int64_t now, uint32_t counts[TLS_FAULT_KINDS])
{
	int_fast64_t at = atomic_load_explicit(&v->tell_at, memory_order_relaxed);

	/* Of several threads one tells. */
	if (!atomic_load_explicit(&v->all, memory_order_relaxed) || now < at ||
	    !atomic_compare_exchange_strong(&v->tell_at, &at, now + FAILURES_EVERY))
		return false;
	atomic_store_explicit(&v->all, 0, memory_order_relaxed);
	for (int i = 0; i < TLS_FAULT_KINDS; i++)
		counts[i] = atomic_exchange_explicit(&v->n[i], 0, memory_order_relaxed);
	return true;
}

/* All that strengthen() in tls_server.c lets through; a cipher is of one version. */
static const struct {
	uint16_t id;
	const char *words;
} suites[] = {
    {0, ""},
    {0x1301, "TLSv1.3 TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLSv1.3 TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"},
    {0xc02b, "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256"},
    {0xc02c, "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"},
    {0xc02f, "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256"},
    {0xc030, "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"},
    {0xcca8, "TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305"},
    {0xcca9, "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305"},
    {0, "TLS"},
};

enum { SUITE_OTHER = sizeof(suites) / sizeof(suites[0]) - 1 };

uint8_t tls_suite(const SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
	uint16_t id = cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0;

	for (uint8_t i = 1; i < SUITE_OTHER; i++)
		if (suites[i].id == id)
			return i;
	return SUITE_OTHER;
}

const char *tls_suite_text(uint8_t suite)
{
	return suites[suite < SUITE_OTHER ? suite : SUITE_OTHER].words;
}

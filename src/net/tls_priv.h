/* What tls.c (contexts) and tls_verify.c (certificates) share. */
#ifndef NET_TLS_PRIV_H
#define NET_TLS_PRIV_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

enum { TLS_PIN = 32 /* bytes of a SHA-256 */ };

struct tls_client {
	SSL_CTX *ctx; /* owned */
	bool verify;
	bool bare;		       /* the system has no authorities */
	size_t pins;		       /* how many; any of them stands in for the verification */
	unsigned char (*pin)[TLS_PIN]; /* owned */
};

/* What an SSL is to prove, and why it did not; freed with the SSL. */
struct tls_peer {
	char *domain; /* owned */
	char *fault;  /* owned; NULL while nothing is held against its certificate */
};

/* NULL for an SSL that tls_client_ssl() did not make. */
struct tls_peer *tls_peer_of(const SSL *ssl);

/* For SSL_CTX_set_cert_verify_callback(); client is the struct tls_client. */
int tls_verify(X509_STORE_CTX *store, void *client);

#endif

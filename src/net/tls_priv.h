/* What tls.c (contexts), tls_verify.c (certificates of servers) and tls_server.c share. */
#ifndef NET_TLS_PRIV_H
#define NET_TLS_PRIV_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include "net/tls.h"

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

/* Gives the context a certificate with its chain and the key; false: error says what is wrong. */
bool tls_use_pair(SSL_CTX *ctx, const char *certificate, const char *key, char error[256]);

/* In the server's role: why the call that has just failed did so. */
enum tls_fault tls_fault_of(SSL *ssl);

struct tls_failures { /* zeroed: empty */
	atomic_uint n[TLS_FAULT_KINDS], all;
	atomic_int_fast64_t tell_at; /* ms */
};
void tls_failures_add(struct tls_failures *v, enum tls_fault f);
bool tls_failures_take(struct tls_failures *v, int64_t now, uint32_t counts[TLS_FAULT_KINDS]);

/* For SSL_CTX_set_cert_verify_callback(); client is the struct tls_client. */
int tls_verify(X509_STORE_CTX *store, void *client);

#endif

/* TLS towards servers: one context a policy, made at start, only read from then on, by all threads.
 * What a certificate must be is decided here (RFC 6120 13.7); moving the bytes is conn.h's. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st; /* OpenSSL's SSL */

struct tls_client_config {
	bool verify;	     /* false: any certificate is taken, of anybody */
	const char *ca_file; /* authorities, PEM; "": the system's */
	/* NULL-terminated, or NULL: "sha256:<64 hex>" of a certificate's DER. Where there are any
	 * they stand in for all else: one of these is taken whoever signed it, and no other. */
	const char *const *pins;
	const char *certificate; /* ours, with its chain, PEM; "": none */
	const char *key;	 /* its key, PEM, without a passphrase; "" with no certificate */
};

struct tls_client;

/* Borrows c. NULL: error says in words for a log line what to do. */
struct tls_client *tls_client_new(const struct tls_client_config *c, char error[256]);
void tls_client_free(struct tls_client *t); /* not before the connections made with it are closed */

/* A connection to be, for conn_tls(); the caller owns it. Any thread. SNI and verification are for
 * `domain` (borrows): the XMPP domain as it stands in DNS (A-labels), not the name that SRV gave.
 * It may stand in subjectAltName as dNSName (also with "*" as the whole first label), as SRVName
 * "_xmpp-client.domain" or as xmppAddr (RFC 6120 13.7.1.2); common names do not count.
 * direct: TLS from the first byte; ALPN says "xmpp-client" (XEP-0368). */
struct ssl_st *tls_client_ssl(struct tls_client *t, const char *domain, bool direct);

/* Why a handshake (or what came after) has failed, in words for a log line that say what to do:
 * "certificate expired on 2026-01-02 (...)", "certificate is for a.example, not for b.example",
 * "no TLS there: ...". To be called right after the failed call, on its thread. */
void tls_explain(struct ssl_st *ssl, char *dst, size_t n);

#endif

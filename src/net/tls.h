/* TLS. Towards servers: one context a policy, made at start, only read from then on, by all
 * threads; towards clients: one context a certificate, for all threads, which can be read again.
 * What a certificate must be is decided here (RFC 6120 13.7); moving the bytes is conn.h's. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Towards clients. */
struct tls_certificate {
	const char *name;	       /* for the log */
	const char *certificate, *key; /* PEM files; the certificate with its chain */
};

struct tls_server_config { /* all of it borrowed for the life of the tls_server */
	const struct tls_certificate *certificates;
	size_t n;     /* at least 1; the first is for clients that ask for none of their names */
	bool only_13; /* TLS 1.2 is not spoken */
};

struct tls_server;

/* NULL: error says in words for a log line what to do. */
struct tls_server *tls_server_new(const struct tls_server_config *c, char error[512]);
void tls_server_free(struct tls_server *t); /* not before the connections made with it are closed */

/* Reads all files again, for connections to come. False: nothing has changed, error says why. Any
 * thread, one at a time. Tickets that were given out stay good. */
bool tls_server_reload(struct tls_server *t, char error[512]);

/* A line in the log for each certificate; a warning where it is no longer, or not yet, good. */
void tls_server_tell(const struct tls_server *t);

/* A connection to be, for conn_tls_accept(); the caller owns it. Any thread. */
struct ssl_st *tls_server_ssl(struct tls_server *t);

/* Why a client and we have not come together. X(NAME, words) */
#define TLS_FAULTS                                                                          \
	X(NONE, "no fault")                                                                 \
	X(GONE, "the client went during the handshake")                                     \
	X(LATE, "the handshake was not done within http.head_timeout")                      \
	X(PLAIN, "the client does not speak TLS")                                           \
	X(TRUST, "the client does not accept the certificate")                              \
	X(VERSION, "the client speaks no version of TLS that is spoken here (tls.version)") \
	X(CIPHER, "there is no cipher, group or signature that both know")                  \
	X(PROTOCOL, "the client wants another protocol than http/1.1 (ALPN)")               \
	X(OTHER, "the handshake failed otherwise")
enum tls_fault {
#define X(name, words) TLS_FAULT_##name,
	TLS_FAULTS
#undef X
	    TLS_FAULT_KINDS
};
const char *tls_fault_text(enum tls_fault f);

/* Counts one. */
void tls_server_failed(struct tls_server *t, enum tls_fault f);

/* True at most once a minute (now: ms, monotonic), and where there is something to tell: how many
 * of each since the last time. Any thread. */
bool tls_server_failures(struct tls_server *t, int64_t now, uint32_t counts[TLS_FAULT_KINDS]);

/* Version and cipher of a connection that has shaken hands, as a number that is never 0; and the
 * same in words: "TLSv1.3 TLS_AES_256_GCM_SHA384", "" for 0. */
uint8_t tls_suite(const struct ssl_st *ssl);
const char *tls_suite_text(uint8_t suite);

#endif

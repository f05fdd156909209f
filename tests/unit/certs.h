/* Certificates for tests, made on the spot so that none ever expires in the tree. */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct cert {
	X509 *x509;
	EVP_PKEY *key;
};

struct cert_spec {
	const char *name; /* common name */
	const char *alt;  /* subjectAltName as in x509v3_config(5); NULL: none */
	int from, until;  /* days from today; both 0: yesterday to tomorrow */
	bool ca;
	const char *usage; /* extendedKeyUsage; NULL: none */
};

#define XMPP_ADDR(domain) "otherName:1.3.6.1.5.5.7.8.5;UTF8:" domain
#define SRV_NAME(name) "otherName:1.3.6.1.5.5.7.8.7;IA5:" name

/* signer NULL: by itself. */
struct cert cert_new(struct cert_spec spec, const struct cert *signer);
void cert_free(struct cert *c);

void cert_day(const struct cert *c, bool end, char day[11]); /* 2026-01-02 */
void cert_pin(const struct cert *c, char pin[72]);	     /* sha256:... */

/* A temporary folder, and PEM files in it; the paths are valid until certs_end(). */
void certs_begin(void);
void certs_end(void); /* removes it all */
const char *certs_file(const char *name, const char *text);
const char *certs_pem(const char *name, const struct cert *a,
		      const struct cert *b); /* b: or NULL */
const char *certs_key(const char *name, const struct cert *c, const char *passphrase);

/* A server's context with this certificate; chain (or NULL) is sent along. */
SSL_CTX *certs_server(const struct cert *c, const struct cert *chain);

#endif

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "certs.h"

enum { FILES_MAX = 32 };

static char folder[64], *files[FILES_MAX];
static size_t files_n;

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

struct cert cert_new(struct cert_spec spec, const struct cert *signer)
{
	static long serial = 1;
	struct cert c = {X509_new(), EVP_EC_gen("P-256")};
	bool dated = spec.from || spec.until;
	X509_NAME *name = X509_get_subject_name(c.x509);

	assert(c.x509 && c.key);
	X509_set_version(c.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
	X509_time_adj_ex(X509_getm_notBefore(c.x509), dated ? spec.from : -1, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(c.x509), dated ? spec.until : 1, 0, NULL);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec.name, -1,
				   -1, 0);
	X509_set_issuer_name(c.x509, signer ? X509_get_subject_name(signer->x509) : name);
	X509_set_pubkey(c.x509, c.key);
	extend(c.x509, c.x509, NID_basic_constraints, spec.ca ? "critical,CA:TRUE" : "CA:FALSE");
	extend(c.x509, c.x509, NID_subject_key_identifier, "hash");
	if (spec.alt)
		extend(c.x509, c.x509, NID_subject_alt_name, spec.alt);
	if (spec.usage)
		extend(c.x509, c.x509, NID_ext_key_usage, spec.usage);
	assert(X509_sign(c.x509, signer ? signer->key : c.key, EVP_sha256()) > 0);
	return c;
}

void cert_free(struct cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
	*c = (struct cert){0};
}

void cert_day(const struct cert *c, bool end, char day[11])
{
	struct tm tm;

	ASN1_TIME_to_tm(end ? X509_get0_notAfter(c->x509) : X509_get0_notBefore(c->x509), &tm);
	strftime(day, 11, "%Y-%m-%d", &tm);
}

void cert_pin(const struct cert *c, char pin[72])
{
	unsigned char digest[32];
	unsigned n = sizeof(digest);

	X509_digest(c->x509, EVP_sha256(), digest, &n);
	strcpy(pin, "sha256:");
	for (unsigned i = 0; i < n; i++)
		sprintf(pin + 7 + 2 * i, "%02x", digest[i]);
}

void certs_begin(void)
{
	strcpy(folder, "/tmp/certs-XXXXXX");
	assert(mkdtemp(folder));
}

void certs_end(void)
{
	for (size_t i = 0; i < files_n; i++) {
		unlink(files[i]);
		free(files[i]);
	}
	files_n = 0;
	rmdir(folder);
}

static FILE *create(const char *name)
{
	FILE *f;

	assert(files_n < FILES_MAX);
	assert(asprintf(&files[files_n], "%s/%s", folder, name) > 0);
	f = fopen(files[files_n++], "w");
	assert(f);
	return f;
}

const char *certs_file(const char *name, const char *text)
{
	FILE *f = create(name);

	fputs(text, f);
	fclose(f);
	return files[files_n - 1];
}

const char *certs_pem(const char *name, const struct cert *a, const struct cert *b)
{
	FILE *f = create(name);

	PEM_write_X509(f, a->x509);
	if (b)
		PEM_write_X509(f, b->x509);
	fclose(f);
	return files[files_n - 1];
}

const char *certs_key(const char *name, const struct cert *c, const char *passphrase)
{
	FILE *f = create(name);

	PEM_write_PrivateKey(f, c->key, passphrase ? EVP_aes_128_cbc() : NULL,
			     (const unsigned char *)passphrase,
			     passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
	fclose(f);
	return files[files_n - 1];
}

SSL_CTX *certs_server(const struct cert *c, const struct cert *chain)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert(ctx);
	assert(SSL_CTX_use_certificate(ctx, c->x509) == 1);
	assert(SSL_CTX_use_PrivateKey(ctx, c->key) == 1);
	if (chain)
		SSL_CTX_add1_chain_cert(ctx, chain->x509);
	return ctx;
}

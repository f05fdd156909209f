/* What a server's certificate must be, and how to say that it is not. The words are made here,
 * while the certificate is at hand: after a failure OpenSSL does not keep it. */
#include "net/tls_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>
#include "base/buf.h"
#include "base/mem.h"

enum {
	NAMES_MAX = 3,	 /* are told */
	NAME_CHARS = 80, /* of each at most; a log line has other things to say */
};

/* Peer's text, without what would confuse a line of the log. */
static void add_name(struct buf *b, const unsigned char *p, int n)
{
	for (int i = 0; i < n && i < NAME_CHARS; i++)
		buf_addc(b, p[i] < ' ' || p[i] == '"' || p[i] == 0x7f ? '?' : (char)p[i]);
	if (n > NAME_CHARS)
		BUF_LIT(b, "...");
}

static void add_day(struct buf *b, const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm))
		buf_addf(b, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	else
		BUF_LIT(b, "an unreadable date");
}

/* A domain that a subjectAltName entry stands for, be it by name; NULL for other entries. */
static const ASN1_STRING *name_of(const GENERAL_NAME *g)
{
	int kind;

	if (g->type == GEN_DNS)
		return g->d.dNSName;
	if (g->type != GEN_OTHERNAME)
		return NULL;
	kind = OBJ_obj2nid(g->d.otherName->type_id);
	if (kind == NID_XmppAddr && g->d.otherName->value->type == V_ASN1_UTF8STRING)
		return g->d.otherName->value->value.utf8string;
	if (kind == NID_SRVName && g->d.otherName->value->type == V_ASN1_IA5STRING)
		return g->d.otherName->value->value.ia5string;
	return NULL;
}

static GENERAL_NAMES *names_of(X509 *cert)
{
	return X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
}

static void add_names(struct buf *b, X509 *cert)
{
	GENERAL_NAMES *names = names_of(cert);
	int n = names ? sk_GENERAL_NAME_num(names) : 0, told = 0, more = 0;

	for (int i = 0; i < n; i++) {
		const ASN1_STRING *s = name_of(sk_GENERAL_NAME_value(names, i));

		if (s && told < NAMES_MAX) {
			if (told++)
				BUF_LIT(b, ", ");
			add_name(b, ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
		} else if (s) {
			more++;
		}
	}
	if (more)
		buf_addf(b, " and %d more", more);
	if (!told)
		BUF_LIT(b, "no domain");
	GENERAL_NAMES_free(names);
}

static void add_description(struct buf *b, X509 *cert)
{
	BUF_LIT(b, " (it is for ");
	add_names(b, cert);
	BUF_LIT(b, ", valid until ");
	add_day(b, X509_get0_notAfter(cert));
	BUF_LIT(b, ")");
}

/* The last common name, or organisation: how people call an authority. */
static void add_entity(struct buf *b, const X509_NAME *name)
{
	static const int kinds[] = {NID_commonName, NID_organizationName};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int at = -1, next;
		unsigned char *text = NULL;
		int n;

		while ((next = X509_NAME_get_index_by_NID(name, kinds[i], at)) >= 0)
			at = next;
		if (at < 0)
			continue;
		n = ASN1_STRING_to_UTF8(&text,
					X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
		if (n < 0)
			continue;
		BUF_LIT(b, "\"");
		add_name(b, text, n);
		BUF_LIT(b, "\"");
		OPENSSL_free(text);
		return;
	}
	BUF_LIT(b, "nobody by name");
}

static bool fingerprint(X509 *cert, unsigned char digest[TLS_PIN])
{
	unsigned n = 0;

	return X509_digest(cert, EVP_sha256(), digest, &n) && n == TLS_PIN;
}

static void add_pin(struct buf *b, X509 *cert)
{
	unsigned char digest[TLS_PIN];

	BUF_LIT(b, "sha256:");
	if (!fingerprint(cert, digest))
		return;
	for (int i = 0; i < TLS_PIN; i++)
		buf_addf(b, "%02x", digest[i]);
}

static bool pinned(const struct tls_client *t, X509 *cert)
{
	unsigned char digest[TLS_PIN];

	if (!fingerprint(cert, digest))
		return false;
	for (size_t i = 0; i < t->pins; i++)
		if (memcmp(t->pin[i], digest, TLS_PIN) == 0)
			return true;
	return false;
}

/* xmppAddr is the domain itself, SRVName has the service before it (RFC 4985). */
static bool other_name_is(const GENERAL_NAME *g, struct slice domain)
{
	static const struct slice service = {"_xmpp-client.", 13};
	const ASN1_STRING *s = g->type == GEN_OTHERNAME ? name_of(g) : NULL;
	struct slice name;

	if (!s)
		return false;
	name = slice_of((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	if (OBJ_obj2nid(g->d.otherName->type_id) == NID_SRVName) {
		if (name.n < service.n || !slice_eq_nocase(slice_of(name.p, service.n), service))
			return false;
		name = slice_of(name.p + service.n, name.n - service.n);
	}
	return slice_eq_nocase(name, domain);
}

/* RFC 6120 13.7.1.2.1. OpenSSL's check of host names takes a leading dot for "and all below". */
static bool is_for(X509 *cert, struct slice domain)
{
	GENERAL_NAMES *names;
	bool found = false;

	if (domain.n == 0 || domain.p[0] == '.')
		return false;
	if (X509_check_host(cert, domain.p, domain.n,
			    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
			    NULL) == 1 ||
	    X509_check_ip_asc(cert, domain.p, 0) == 1)
		return true;
	names = names_of(cert);
	for (int i = 0; names && !found && i < sk_GENERAL_NAME_num(names); i++)
		found = other_name_is(sk_GENERAL_NAME_value(names, i), domain);
	GENERAL_NAMES_free(names);
	return found;
}

static void add_unknown(struct buf *b, const struct tls_client *t, X509_STORE_CTX *store,
			X509 *cert)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);

	BUF_LIT(b, "certificate is not signed by a known authority (tls_ca");
	if (t->bare)
		BUF_LIT(b, "; this machine has none, install ca-certificates");
	BUF_LIT(b, ") but by ");
	add_entity(b, X509_get_issuer_name(cert));
	if (cert == leaf && (!sent || sk_X509_num(sent) <= 1))
		BUF_LIT(b, ", whose own certificate the server does not send");
	add_description(b, leaf);
}

static void add_chain_fault(struct buf *b, const struct tls_client *t, X509_STORE_CTX *store)
{
	int error = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store),
	     *cert = X509_STORE_CTX_get_current_cert(store);

	if (!cert)
		cert = leaf;
	switch (error) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		BUF_LIT(b, "certificate is self-signed; to trust it, name it in tls_ca, or in "
			   "tls_pins as ");
		add_pin(b, cert);
		add_description(b, leaf);
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: add_unknown(b, t, store, cert); return;
	default: break;
	}
	BUF_LIT(b, "certificate ");
	if (depth > 0) {
		BUF_LIT(b, "of the authority ");
		add_entity(b, X509_get_subject_name(cert));
		BUF_LIT(b, " ");
	}
	if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
		BUF_LIT(b, "expired on ");
		add_day(b, X509_get0_notAfter(cert));
	} else if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
		BUF_LIT(b, "is not valid before ");
		add_day(b, X509_get0_notBefore(cert));
		BUF_LIT(b, ", so one of the two clocks is wrong or it came too early");
	} else {
		buf_addf(b, "is not acceptable: %s", X509_verify_cert_error_string(error));
	}
	add_description(b, leaf);
}

static int refuse(X509_STORE_CTX *store, struct tls_peer *peer, int error, struct buf *why)
{
	X509_STORE_CTX_set_error(store, error);
	free(peer->fault);
	peer->fault = mem_strndup(buf_data(why), why->len);
	buf_clear(why);
	ERR_clear_error();
	return 0;
}

int tls_verify(X509_STORE_CTX *store, void *client)
{
	const struct tls_client *t = client;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_peer *peer = tls_peer_of(ssl);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	struct buf why = {0};

	if (t->pins && !pinned(t, leaf)) {
		BUF_LIT(&why, "certificate is not the pinned one but ");
		add_pin(&why, leaf);
		add_description(&why, leaf);
		return refuse(store, peer, X509_V_ERR_APPLICATION_VERIFICATION, &why);
	}
	if (t->pins || !t->verify) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (X509_verify_cert(store) <= 0) {
		add_chain_fault(&why, t, store);
		return refuse(store, peer, X509_STORE_CTX_get_error(store), &why);
	}
	if (!is_for(leaf, slice_str(peer->domain))) {
		BUF_LIT(&why, "certificate is for ");
		add_names(&why, leaf);
		buf_addf(&why, ", not for %.*s (it is valid until ", NAME_CHARS, peer->domain);
		add_day(&why, X509_get0_notAfter(leaf));
		BUF_LIT(&why, ")");
		return refuse(store, peer, X509_V_ERR_HOSTNAME_MISMATCH, &why);
	}
	return 1;
}

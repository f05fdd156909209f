/* TLS contexts towards servers, and what OpenSSL says of a failure put into words. */
#include "net/tls_priv.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/slice.h"
#include "net/tls.h"

enum { ERROR_MAX = 256, SNI_MAX = 255 };

static int peer_index; /* of a struct tls_peer in an SSL */
static CRYPTO_ONCE peer_once = CRYPTO_ONCE_STATIC_INIT;

static void free_peer(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long n, void *p)
{
	struct tls_peer *peer = ptr;

	(void)parent, (void)ad, (void)index, (void)n, (void)p;
	if (!peer)
		return;
	free(peer->domain);
	free(peer->fault);
	free(peer);
}

static void make_index(void)
{
	peer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_peer);
	assert(peer_index >= 0);
}

struct tls_peer *tls_peer_of(const SSL *ssl)
{
	CRYPTO_THREAD_run_once(&peer_once, make_index);
	return SSL_get_ex_data(ssl, peer_index);
}

/* Why OpenSSL could not use a file. */
static const char *file_fault(void)
{
	unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e);

	if (ERR_SYSTEM_ERROR(e))
		return strerror(ERR_GET_REASON(e));
	if ((ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE) ||
	    ERR_GET_REASON(e) == ERR_R_UNSUPPORTED)
		return "nothing of the kind stands in it in PEM form";
	return text ? text : "OpenSSL cannot read it";
}

/* A daemon has nobody to ask; *asked tells that it would have to. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)buf, (void)size, (void)writing;
	*(bool *)asked = true;
	return -1;
}

static bool own_key(SSL_CTX *ctx, const char *certificate, const char *key, char error[ERROR_MAX])
{
	bool asked = false, done;

	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	done = SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	       SSL_CTX_check_private_key(ctx) == 1;
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (done)
		return true;
	if (asked)
		snprintf(error, ERROR_MAX,
			 "the key in %s is protected by a passphrase; openssl pkey can remove that",
			 key);
	else if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509)
		snprintf(error, ERROR_MAX, "the key in %s is not that of the certificate in %s",
			 key, certificate);
	else
		snprintf(error, ERROR_MAX, "cannot use the key in %s: %s", key, file_fault());
	return false;
}

bool tls_use_pair(SSL_CTX *ctx, const char *certificate, const char *key, char error[ERROR_MAX])
{
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) == 1)
		return own_key(ctx, certificate, key, error);
	snprintf(error, ERROR_MAX, "cannot use the certificate in %s: %s", certificate,
		 file_fault());
	return false;
}

static bool own_certificate(struct tls_client *t, const struct tls_client_config *c,
			    char error[ERROR_MAX])
{
	if (!c->certificate[0] && !c->key[0])
		return true;
	if (!c->certificate[0] || !c->key[0]) {
		snprintf(error, ERROR_MAX, "a certificate and a key are given both or not at all");
		return false;
	}
	return tls_use_pair(t->ctx, c->certificate, c->key, error);
}

static bool has_hashed(const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');

		found = dot && dot[1] >= '0' && dot[1] <= '9';
	}
	if (d)
		closedir(d);
	return found;
}

/* The system's authorities: a file, read now, and a folder, looked into when a name comes up. */
static bool system_has_none(SSL_CTX *ctx)
{
	const char *folder = getenv(X509_get_default_cert_dir_env());

	return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx))) == 0 &&
	       !has_hashed(folder ? folder : X509_get_default_cert_dir());
}

static bool authorities(struct tls_client *t, const struct tls_client_config *c,
			char error[ERROR_MAX])
{
	if (!t->verify || t->pins)
		return true;
	if (!c->ca_file[0]) {
		SSL_CTX_set_default_verify_paths(t->ctx);
		t->bare = system_has_none(t->ctx);
		return true;
	}
	if (SSL_CTX_load_verify_file(t->ctx, c->ca_file) != 1) {
		snprintf(error, ERROR_MAX, "cannot use the authorities in %s: %s", c->ca_file,
			 file_fault());
		return false;
	}
	/* What somebody has named is trusted for what it signed, whoever signed it. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(t->ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return true;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool parse_pin(const char *text, unsigned char pin[TLS_PIN])
{
	struct slice rest = slice_str(text), prefix = SLICE("sha256:");

	if (!slice_starts(rest, prefix) || rest.n != prefix.n + 2 * TLS_PIN)
		return false;
	for (int i = 0; i < TLS_PIN; i++) {
		int high = hex(text[prefix.n + 2 * i]), low = hex(text[prefix.n + 2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		pin[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static bool pins(struct tls_client *t, const char *const *v, char error[ERROR_MAX])
{
	for (; v && *v; v++) {
		t->pin = mem_realloc(t->pin, (t->pins + 1) * sizeof(t->pin[0]));
		if (!parse_pin(*v, t->pin[t->pins])) {
			snprintf(error, ERROR_MAX,
				 "the pin \"%.80s\" is not sha256: and 64 hexadecimal digits "
				 "(openssl x509 -outform DER -in FILE | sha256sum)",
				 *v);
			return false;
		}
		t->pins++;
	}
	return true;
}

struct tls_client *tls_client_new(const struct tls_client_config *c, char error[ERROR_MAX])
{
	struct tls_client *t = mem_zalloc(sizeof(*t));

	t->verify = c->verify;
	ERR_clear_error();
	t->ctx = SSL_CTX_new(TLS_client_method());
	assert(t->ctx);
	if (!pins(t, c->pins, error) || !authorities(t, c, error) ||
	    !own_certificate(t, c, error)) {
		ERR_clear_error();
		tls_client_free(t);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(t->ctx, t->verify || t->pins ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(t->ctx, tls_verify, t);
	ERR_clear_error();
	return t;
}

void tls_client_free(struct tls_client *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t->pin);
	free(t);
}

/* An address is not for SNI (RFC 6066 3). */
static bool is_address(const char *domain)
{
	struct in6_addr a;

	return inet_pton(AF_INET, domain, &a) == 1 || inet_pton(AF_INET6, domain, &a) == 1;
}

/* As it is compared: an IPv6 address without brackets, a name without the root's dot. */
static char *bare_domain(const char *domain)
{
	size_t n = strlen(domain);

	if (n > 2 && domain[0] == '[' && domain[n - 1] == ']')
		return mem_strndup(domain + 1, n - 2);
	return mem_strndup(domain, n > 1 && domain[n - 1] == '.' ? n - 1 : n);
}

SSL *tls_client_ssl(struct tls_client *t, const char *domain, bool direct)
{
	static const unsigned char alpn[] = "\x0bxmpp-client";
	struct tls_peer *peer = mem_zalloc(sizeof(*peer));
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(t->ctx);
	assert(ssl);
	CRYPTO_THREAD_run_once(&peer_once, make_index);
	peer->domain = bare_domain(domain);
	SSL_set_ex_data(ssl, peer_index, peer);
	if (!is_address(peer->domain) && strlen(peer->domain) <= SNI_MAX)
		SSL_set_tlsext_host_name(ssl, peer->domain);
	if (direct)
		SSL_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* What an alert or another fault of the protocol means to whoever runs this. */
static const char *meaning(int reason, bool ours)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_RECORD_LENGTH_MISMATCH:
	case SSL_R_BAD_RECORD_TYPE:
		return "no TLS there: the server answers with something else (a port for "
		       "STARTTLS?)";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return "the server speaks no TLS 1.2 or newer";
	case SSL_R_TLSV1_UNRECOGNIZED_NAME: return "the server does not know this domain";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "the server wants a certificate of ours (tls_certificate)";
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return "the server has TLS there, but for another protocol than XMPP (ALPN)";
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return ours ? "the server refuses the handshake, perhaps our certificate"
			    : "the server refuses the handshake: it has no certificate for this "
			      "domain, "
			      "no cipher in common, or wants a certificate of ours";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "the server does not accept our certificate";
	default: return NULL;
	}
}

void tls_explain(SSL *ssl, char *dst, size_t n)
{
	const struct tls_peer *peer = tls_peer_of(ssl);
	long verdict = SSL_get_verify_result(ssl);
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_reason_error_string(e), *text = NULL;

	if (SSL_is_server(ssl)) {
		snprintf(dst, n, "%s", tls_fault_text(tls_fault_of(ssl)));
		return;
	}
	if (peer && peer->fault) {
		snprintf(dst, n, "%s", peer->fault);
		return;
	}
	if (verdict != X509_V_OK && (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER)) {
		snprintf(dst, n, "certificate: %s", X509_verify_cert_error_string(verdict));
		return;
	}
	if (ERR_GET_LIB(e) == ERR_LIB_SSL)
		text = meaning(ERR_GET_REASON(e), SSL_get_certificate(ssl) != NULL);
	if (text && ERR_GET_REASON(e) >= SSL_AD_REASON_OFFSET)
		snprintf(dst, n, "%s (%s)", text, reason ? reason : "no reason");
	else if (text)
		snprintf(dst, n, "%s", text);
	else if (e)
		snprintf(dst, n, "TLS fails: %s", reason ? reason : "OpenSSL does not say why");
	else
		snprintf(dst, n, "the server closed the connection during the TLS handshake");
}

/* What a server is told and what is made of its answers; faulty configurations; threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tls_shake.h"

static struct cert ca, good, self;
static const char *ca_file;

/* What the server saw. */
static char seen_name[300], seen_alpn[300];

static int on_name(SSL *ssl, int *alert, void *p)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert, (void)p;
	snprintf(seen_name, sizeof(seen_name), "%s", name ? name : "none");
	return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
		   unsigned int in_n, void *p)
{
	(void)ssl, (void)p;
	snprintf(seen_alpn, sizeof(seen_alpn), "%.*s", (int)in_n, (const char *)in);
	*out = in + 1;
	*n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static void look(const char *domain, bool direct, const char *name, const char *alpn)
{
	struct tls_client *t = new_client((struct tls_client_config){.verify = false});
	SSL_CTX *ctx = certs_server(&good, NULL);
	SSL *client = tls_client_ssl(t, domain, direct), *server = SSL_new(ctx);
	char text[TEXT_MAX];

	strcpy(seen_name, "none");
	strcpy(seen_alpn, "none");
	SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	shake(client, server, text);
	assert_string_equal(text, "");
	assert_string_equal(seen_name, name);
	assert_string_equal(seen_alpn, alpn);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	tls_client_free(t);
}

static void the_server_is_told_domain_and_protocol(void **state)
{
	char name[300];

	(void)state;
	look("a.example", true, "a.example", "\x0bxmpp-client");
	look("a.example", false, "a.example", "none");
	look("a.example.", false, "a.example", "none");
	look("127.0.0.1", false, "none", "none");
	look("[::1]", true, "none", "\x0bxmpp-client");
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = 0;
	look(name, false, "none", "none");
}

static int take_any(X509_STORE_CTX *store, void *p)
{
	(void)store, (void)p;
	return 1;
}

static int take_none(X509_STORE_CTX *store, void *p)
{
	(void)p;
	X509_STORE_CTX_set_error(store, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
	return 0;
}

/* A server that asks for our certificate. */
static void show(const struct cert *ours, int version, int (*verdict)(X509_STORE_CTX *, void *),
		 char text[TEXT_MAX])
{
	struct tls_client_config config = {.verify = true, .ca_file = ca_file};
	SSL_CTX *ctx = certs_server(&good, NULL);
	struct tls_client *t;
	SSL *client, *server;

	if (ours) {
		config.certificate = certs_pem("our-cert.pem", ours, NULL);
		config.key = certs_key("our-key.pem", ours, NULL);
	}
	t = new_client(config);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verdict, NULL);
	client = tls_client_ssl(t, "a.example", false);
	server = SSL_new(ctx);
	shake(client, server, text);
	if (!text[0])
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(server), ours->x509), 0);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	tls_client_free(t);
}

static void our_certificate_is_shown_when_asked_for(void **state)
{
	struct cert ours =
	    cert_new((struct cert_spec){.name = "us", .alt = "DNS:us.example"}, NULL);
	char text[TEXT_MAX];

	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		show(&ours, version, take_any, text);
		assert_string_equal(text, "");
		show(&ours, version, take_none, text);
		assert_starts(text, "the server does not accept our certificate (");
		show(NULL, version, take_any, text);
		assert_holds(text, version == TLS1_2_VERSION
				       ? "or wants a certificate of ours ("
				       : "the server wants a certificate of ours (tls_cert");
	}
	cert_free(&ours);
}

static void what_is_no_tls_is_told_as_such(void **state)
{
	static const char *const v[] = {
	    "<?xml version='1.0'?><stream:stream>", "<stream:error><bad-format/>",
	    "HTTP/1.1 400 Bad Request\r\n\r\n",	    "SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
	    "220 mail.example ESMTP\r\n",
	};
	struct tls_client *t = new_client(trusting(ca_file));
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		SSL *ssl = tls_client_ssl(t, "a.example", true);

		SSL_set_bio(ssl, BIO_new_mem_buf(v[i], -1), BIO_new(BIO_s_mem()));
		ERR_clear_error();
		assert_true(SSL_do_handshake(ssl) <= 0);
		tls_explain(ssl, text, sizeof(text));
		assert_starts(text, "no TLS there: ");
		tls_explain(ssl, text, 7);
		assert_string_equal(text, "no TLS");
		SSL_free(ssl);
	}
	tls_client_free(t);
}

static void the_servers_alerts_are_told_in_words(void **state)
{
	static const struct {
		unsigned char alert;
		const char *want;
	} v[] = {
	    {40, "the server refuses the handshake: it has no certificate for this domain"},
	    {70, "the server speaks no TLS 1.2 or newer ("},
	    {112, "the server does not know this domain ("},
	    {116, "the server wants a certificate of ours ("},
	    {120, "the server has TLS there, but for another protocol than XMPP (ALPN) ("},
	    {80, "TLS fails: tlsv1 alert internal error"},
	};
	struct tls_client *t = new_client(trusting(ca_file));
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		SSL *ssl = tls_client_ssl(t, "a.example", true);
		unsigned char record[] = {21, 3, 3, 0, 2, 2, v[i].alert};

		SSL_set_bio(ssl, BIO_new_mem_buf(record, sizeof(record)), BIO_new(BIO_s_mem()));
		ERR_clear_error();
		assert_true(SSL_do_handshake(ssl) <= 0);
		tls_explain(ssl, text, sizeof(text));
		assert_starts(text, v[i].want);
		SSL_free(ssl);
	}
	tls_client_free(t);
}

static void old_versions_are_not_spoken(void **state)
{
	struct tls_client *t = new_client(trusting(ca_file));
	SSL_CTX *ctx = certs_server(&good, NULL);
	SSL *client = tls_client_ssl(t, "a.example", false), *server;
	char text[TEXT_MAX];

	(void)state;
	SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	server = SSL_new(ctx);
	shake(client, server, text);
	assert_starts(text, "the server speaks no TLS 1.2 or newer");
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	tls_client_free(t);
}

static void a_faulty_configuration_is_told(void **state)
{
	struct cert ours = cert_new((struct cert_spec){.name = "us"}, NULL);
	const char *cert = certs_pem("cert.pem", &ours, NULL);
	const char *key = certs_key("key.pem", &ours, NULL);
	const char *locked = certs_key("locked.pem", &ours, "secret");
	const char *foreign = certs_key("foreign.pem", &good, NULL);
	const char *text = certs_file("text.pem", "hello\n"), *empty = certs_file("empty.pem", "");
	const char *gone = "/nonexistent/file.pem";
	static const char *bad_pins[][2] = {
	    {"sha256:"},
	    {"sha256:12"},
	    {"sha1:00"},
	    {""},
	    {"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg"},
	    {"sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0"}};
	const struct {
		struct tls_client_config config;
		const char *want, *more;
	} v[] = {
	    {{true, gone, NULL, "", ""},
	     "cannot use the authorities in /nonexistent/file.pem: ",
	     "No such file"},
	    {{true, text, NULL, "", ""}, "cannot use the authorities in ", "certificate"},
	    {{true, empty, NULL, "", ""}, "cannot use the authorities in ", "certificate"},
	    {{true, "", NULL, cert, ""},
	     "a certificate and a key are given both or not at all",
	     ""},
	    {{true, "", NULL, "", key}, "a certificate and a key are given both or not at all", ""},
	    {{true, "", NULL, gone, key},
	     "cannot use the certificate in /nonexistent/file.pem: ",
	     "No such file"},
	    {{true, "", NULL, text, key}, "cannot use the certificate in ", "in PEM form"},
	    {{true, "", NULL, cert, gone},
	     "cannot use the key in /nonexistent/file.pem: ",
	     "No such file"},
	    {{true, "", NULL, cert, text}, "cannot use the key in ", "in PEM form"},
	    {{true, "", NULL, cert, locked}, "the key in ", " is protected by a passphrase"},
	    {{true, "", NULL, cert, foreign}, "the key in ", "is not that of the certificate in "},
	};
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_null(tls_client_new(&v[i].config, error));
		assert_starts(error, v[i].want);
		assert_holds(error, v[i].more);
		assert_int_equal(ERR_peek_error(), 0);
	}
	for (size_t i = 0; i < sizeof(bad_pins) / sizeof(bad_pins[0]); i++) {
		struct tls_client_config config = {true, "", bad_pins[i], "", ""};

		assert_null(tls_client_new(&config, error));
		assert_starts(error, "the pin \"");
	}
	tls_client_free(NULL);
	cert_free(&ours);
}

static void *shake_often(void *arg)
{
	struct tls_client *t = arg;
	SSL_CTX *ctx = certs_server(&good, NULL), *wrong = certs_server(&self, NULL);

	for (int i = 0; i < 20; i++) {
		SSL *client = tls_client_ssl(t, "a.example", true);
		SSL *server = SSL_new(i % 2 ? wrong : ctx);
		char text[TEXT_MAX];

		shake(client, server, text);
		if (i % 2)
			assert_starts(text, "certificate is self-signed");
		else
			assert_string_equal(text, "");
		SSL_free(client);
		SSL_free(server);
	}
	SSL_CTX_free(ctx);
	SSL_CTX_free(wrong);
	return NULL;
}

static void a_context_is_shared_by_threads(void **state)
{
	struct tls_client *t = new_client(trusting(ca_file));
	pthread_t v[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&v[i], NULL, shake_often, t), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(v[i], NULL);
	tls_client_free(t);
}

static int begin(void **state)
{
	(void)state;
	certs_begin();
	ca = cert_new((struct cert_spec){.name = "Test CA", .ca = true}, NULL);
	good = cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, &ca);
	self = cert_new((struct cert_spec){.name = "x", .alt = "DNS:a.example"}, NULL);
	ca_file = certs_pem("ca.pem", &ca, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	cert_free(&ca);
	cert_free(&good);
	cert_free(&self);
	certs_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_server_is_told_domain_and_protocol),
	    cmocka_unit_test(our_certificate_is_shown_when_asked_for),
	    cmocka_unit_test(what_is_no_tls_is_told_as_such),
	    cmocka_unit_test(the_servers_alerts_are_told_in_words),
	    cmocka_unit_test(old_versions_are_not_spoken),
	    cmocka_unit_test(a_faulty_configuration_is_told),
	    cmocka_unit_test(a_context_is_shared_by_threads),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}

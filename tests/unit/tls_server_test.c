/* Which certificate a client is shown, what it may speak, tickets, and files that are read again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tls_shake.h"

enum { KINDS = 3 };

static struct cert certs[KINDS], fresh;
static struct tls_certificate files[KINDS];
static SSL_CTX *client;
static SSL_SESSION *session;
static struct tls_server *t;

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = s;
	return 1;
}

static void copy(const char *to, const char *from)
{
	char text[8192];
	FILE *f = fopen(from, "r");
	size_t n = fread(text, 1, sizeof(text), f);

	fclose(f);
	f = fopen(to, "w");
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static int begin(void **state)
{
	static const char *const alts[KINDS] = {
	    "DNS:main.example,DNS:www.main.example", "DNS:*.wild.example,DNS:b.example",
	    "DNS:exact.wild.example,DNS:b.example,DNS:C.Example"};
	static const char *const names[KINDS] = {"main", "wild", "exact"};
	char name[40];

	(void)state;
	certs_begin();
	for (int i = 0; i < KINDS; i++) {
		certs[i] = cert_new((struct cert_spec){.name = names[i], .alt = alts[i]}, NULL);
		files[i].name = names[i];
		snprintf(name, sizeof(name), "%s.pem", names[i]);
		files[i].certificate = certs_pem(name, &certs[i], NULL);
		snprintf(name, sizeof(name), "%s.key", names[i]);
		files[i].key = certs_key(name, &certs[i], NULL);
	}
	fresh = cert_new((struct cert_spec){.name = "fresh", .alt = "DNS:main.example"}, NULL);
	certs_pem("fresh.pem", &fresh, NULL);
	certs_key("fresh.key", &fresh, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	for (int i = 0; i < KINDS; i++)
		cert_free(&certs[i]);
	cert_free(&fresh);
	certs_end();
	return 0;
}

static struct tls_server *new_server(bool only_13)
{
	struct tls_server_config config = {files, KINDS, only_13};
	char error[512] = "";
	struct tls_server *made = tls_server_new(&config, error);

	if (!made)
		fail_msg("%s", error);
	return made;
}

static int open_server(void **state)
{
	(void)state;
	t = new_server(false);
	client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client, keep_session);
	return 0;
}

static int close_server(void **state)
{
	(void)state;
	SSL_SESSION_free(session);
	session = NULL;
	SSL_CTX_free(client);
	tls_server_free(t);
	return 0;
}

static SSL *ask(const char *name)
{
	SSL *ssl = SSL_new(client);

	if (name)
		SSL_set_tlsext_host_name(ssl, name);
	SSL_set_connect_state(ssl);
	return ssl;
}

/* The common name that the client was shown; "" where they did not come together. Frees both. */
static const char *shown(SSL *c, SSL *s)
{
	static char name[64];
	char text[TEXT_MAX];

	shake(c, s, text);
	name[0] = 0;
	if (!text[0])
		X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(c)),
					  NID_commonName, name, sizeof(name));
	SSL_free(c);
	SSL_free(s);
	return name;
}

static void the_name_asked_for_chooses(void **state)
{
	static const struct {
		const char *asked, *shown;
	} v[] = {
	    {NULL, "main"},
	    {"main.example", "main"},
	    {"WWW.Main.Example", "main"},
	    {"other.example", "main"},
	    {"x.main.example", "main"},
	    {"a.wild.example", "wild"},
	    {"A.WILD.EXAMPLE", "wild"},
	    {"exact.wild.example", "exact"}, /* the very name before any star */
	    {"a.b.wild.example", "main"},
	    {"wild.example", "main"},
	    {".wild.example", "main"},
	    {"*.wild.example", "wild"},
	    {"b.example", "wild"}, /* the first of two */
	    {"c.example", "exact"},
	    {"c.example.", "exact"},
	    {".", "main"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_string_equal(shown(ask(v[i].asked), tls_server_ssl(t)), v[i].shown);
}

static void both_versions_are_spoken_or_one_alone(void **state)
{
	static const int versions[] = {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_server *strict = new_server(true);

	(void)state;
	SSL_CTX_set_security_level(client, 0);
	SSL_CTX_set_cipher_list(client, "ALL:@SECLEVEL=0");
	for (int i = 0; i < 3; i++) {
		SSL_CTX_set_min_proto_version(client, versions[i]);
		SSL_CTX_set_max_proto_version(client, versions[i]);
		assert_string_equal(shown(ask(NULL), tls_server_ssl(t)), i > 0 ? "main" : "");
		assert_string_equal(shown(ask(NULL), tls_server_ssl(strict)), i > 1 ? "main" : "");
	}
	tls_server_free(strict);
}

static void weak_ciphers_are_not_spoken(void **state)
{
	static const struct {
		const char *list;
		bool good;
	} v[] = {
	    {"ECDHE-ECDSA-AES128-GCM-SHA256", true}, {"ECDHE-ECDSA-CHACHA20-POLY1305", true},
	    {"ECDHE-ECDSA-AES128-SHA", false},	     {"ECDHE-ECDSA-AES256-SHA384", false},
	    {"ECDHE-ECDSA-AES128-CCM", false},
	};

	(void)state;
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		assert_int_equal(SSL_CTX_set_cipher_list(client, v[i].list), 1);
		assert_string_equal(shown(ask(NULL), tls_server_ssl(t)), v[i].good ? "main" : "");
	}
}

static void of_application_protocols_there_is_one(void **state)
{
	static const struct {
		const char *offer, *taken; /* NULL: they do not come together */
	} v[] = {
	    {"\x08http/1.1", "http/1.1"},
	    {"\x02h2\x08http/1.1", "http/1.1"},
	    {"\x02h2", NULL},
	    {"\x0bxmpp-client", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		SSL *c = ask("main.example"), *s = tls_server_ssl(t);
		const unsigned char *taken;
		char text[TEXT_MAX];
		unsigned n;

		SSL_set_alpn_protos(c, (const unsigned char *)v[i].offer,
				    (unsigned)strlen(v[i].offer));
		shake(c, s, text);
		assert_int_equal(!text[0], v[i].taken != NULL);
		SSL_get0_alpn_selected(c, &taken, &n);
		if (v[i].taken) {
			assert_int_equal(n, strlen(v[i].taken));
			assert_memory_equal(taken, v[i].taken, n);
		}
		SSL_free(c);
		SSL_free(s);
	}
}

/* Whether the session kept from the time before is taken up. */
static bool resumes(const char *name)
{
	SSL *c = ask(name), *s = tls_server_ssl(t);
	char text[TEXT_MAX];
	bool reused;

	if (session)
		SSL_set_session(c, session);
	shake(c, s, text);
	assert_string_equal(text, "");
	reused = SSL_session_reused(c);
	assert_int_equal(reused, SSL_session_reused(s));
	SSL_shutdown(c); /* or the session would count as broken */
	SSL_free(c);
	SSL_free(s);
	return reused;
}

static void tickets_resume_also_after_the_files_were_read_again(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	char error[512];

	(void)state;
	for (int i = 0; i < 2; i++) {
		SSL_CTX_set_max_proto_version(client, versions[i]);
		SSL_SESSION_free(session);
		session = NULL;
		assert_false(resumes("a.wild.example"));
		assert_non_null(session);
		for (int k = 0; k < 3; k++)
			assert_true(resumes("a.wild.example"));
		assert_true(tls_server_reload(t, error));
		assert_true(resumes("a.wild.example"));
	}
}

static void another_server_cannot_open_them(void **state)
{
	struct tls_server *first = t;

	(void)state;
	assert_false(resumes("main.example"));
	t = new_server(false);
	assert_false(resumes("main.example"));
	tls_server_free(t);
	t = first;
}

static void what_is_read_again_is_for_connections_to_come(void **state)
{
	char pem[256], key[256], error[512];
	SSL *early = tls_server_ssl(t);

	(void)state;
	snprintf(pem, sizeof(pem), "%.*sfresh.pem",
		 (int)(strlen(files[0].certificate) - strlen("main.pem")), files[0].certificate);
	snprintf(key, sizeof(key), "%.*sfresh.key",
		 (int)(strlen(files[0].key) - strlen("main.key")), files[0].key);
	copy(files[0].certificate, pem);
	/* The key is still the old one: nothing changes. */
	assert_false(tls_server_reload(t, error));
	assert_starts(error, "certificate \"main\": the key in ");
	assert_holds(error, "is not that of the certificate in ");
	assert_string_equal(shown(ask("main.example"), tls_server_ssl(t)), "main");
	copy(files[0].key, key);
	assert_true(tls_server_reload(t, error));
	assert_string_equal(shown(ask("main.example"), tls_server_ssl(t)), "fresh");
	assert_string_equal(shown(ask("b.example"), tls_server_ssl(t)), "wild");
	/* One that began before keeps all certificates of then. */
	assert_string_equal(shown(ask("c.example"), early), "exact");
	early = tls_server_ssl(t);
	unlink(files[2].key);
	assert_false(tls_server_reload(t, error));
	assert_starts(error, "certificate \"exact\": cannot use the key in ");
	assert_string_equal(shown(ask("c.example"), early), "exact");
	assert_string_equal(shown(ask("c.example"), tls_server_ssl(t)), "exact");
}

static void files_with_faults_are_told_of(void **state)
{
	static struct tls_certificate v;
	struct tls_server_config config = {&v, 1, false};
	const char *locked = certs_key("locked.key", &certs[1], "secret"),
		   *rubbish = certs_file("rubbish", "rubbish\n");
	const struct {
		const char *certificate, *key, *words;
	} bad[] = {
	    {"/nowhere/a.pem", files[1].key,
	     "certificate \"x\": cannot use the certificate in /nowhere/a.pem: No such file"},
	    {files[1].certificate, "/nowhere/a.key",
	     "certificate \"x\": cannot use the key in /nowhere/a.key: No such file"},
	    {files[1].certificate, locked, "certificate \"x\": the key in "},
	    {files[1].certificate, rubbish, "certificate \"x\": cannot use the key in "},
	    {rubbish, files[1].key, "certificate \"x\": cannot use the certificate in "},
	};
	char error[512];

	(void)state;
	v.name = "x";
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v.certificate = bad[i].certificate;
		v.key = bad[i].key;
		assert_null(tls_server_new(&config, error));
		assert_starts(error, bad[i].words);
	}
}

static void failures_are_summed_up_once_a_minute(void **state)
{
	uint32_t n[TLS_FAULT_KINDS];

	(void)state;
	assert_false(tls_server_failures(t, 1000, n));
	tls_server_failed(t, TLS_FAULT_TRUST);
	assert_true(tls_server_failures(t, 1000, n));
	assert_int_equal(n[TLS_FAULT_TRUST], 1);
	for (int i = 0; i < 5; i++)
		tls_server_failed(t, i < 3 ? TLS_FAULT_TRUST : TLS_FAULT_GONE);
	assert_false(tls_server_failures(t, 60999, n));
	assert_true(tls_server_failures(t, 61000, n));
	assert_int_equal(n[TLS_FAULT_TRUST], 3);
	assert_int_equal(n[TLS_FAULT_GONE], 2);
	assert_false(tls_server_failures(t, 200000, n));
}

#define TEST(f)                                        \
	{                                              \
#f, f, open_server, close_server, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_name_asked_for_chooses),
	    TEST(both_versions_are_spoken_or_one_alone),
	    TEST(weak_ciphers_are_not_spoken),
	    TEST(of_application_protocols_there_is_one),
	    TEST(tickets_resume_also_after_the_files_were_read_again),
	    TEST(another_server_cannot_open_them),
	    TEST(files_with_faults_are_told_of),
	    TEST(failures_are_summed_up_once_a_minute),
	    TEST(what_is_read_again_is_for_connections_to_come), /* last: it changes the files */
	};

	return cmocka_run_group_tests(tests, begin, finish);
}

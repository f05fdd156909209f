/* TLS towards clients. The certificates make a set, which never changes: reading them again makes
 * another one, and each connection holds on to the set that it began with. A set has one context a
 * certificate, for all threads; connections begin with the first, and change to another one when
 * the client has said whom it asks for. Tickets are sealed by keys that are the server's and not a
 * set's, so that they resume on any thread and after any reload. */
#include "net/tls_priv.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/clock.h"

enum {
	ERROR_MAX = 512,
	TICKET_ROTATE = 6 * 3600 * 1000, /* ms: how long a key makes tickets; it opens them twice
					    as long */
	TICKET_LIFE = 6 * 3600		 /* s */
};

struct entry {
	SSL_CTX *ctx; /* owned */
	char **names; /* owned, with the strings: what it is for, as written; NULL-terminated */
};

struct set {
	atomic_uint refs; /* of the server while it is the newest, and one a connection */
	size_t n;
	struct entry *v;
};

struct ticket_key {
	unsigned char name[16], seal[32], sign[32];
	int64_t made; /* ms, monotonic; 0: there is none */
};

struct tls_server {
	struct tls_server_config config;
	struct tls_failures failures;
	CRYPTO_RWLOCK *lock; /* of `set`, to be taken with a reference, and of the keys */
	struct set *set;
	struct ticket_key keys[2]; /* the one that seals, and the one before it */
};

static int set_index, server_index; /* of a struct set in an SSL; of the tls_server in an SSL_CTX */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

/* --- sets --- */

static void set_release(struct set *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < s->n; i++) {
		SSL_CTX_free(s->v[i].ctx);
		for (char **name = s->v[i].names; name && *name; name++)
			free(*name);
		free(s->v[i].names);
	}
	free(s->v);
	free(s);
}

static void free_set(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long n, void *p)
{
	(void)parent, (void)ad, (void)index, (void)n, (void)p;
	set_release(ptr);
}

static void make_indexes(void)
{
	set_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_set);
	server_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	assert(set_index >= 0 && server_index >= 0);
}

static void add_name(struct entry *e, size_t *n, struct slice name)
{
	if (name.n == 0 || memchr(name.p, 0, name.n))
		return;
	e->names = mem_realloc(e->names, (*n + 2) * sizeof(*e->names));
	e->names[(*n)++] = mem_strndup(name.p, name.n);
	e->names[*n] = NULL;
}

/* Browsers go by subjectAltName alone. The common name still chooses a certificate without it. */
static void read_names(struct entry *e)
{
	X509 *x = SSL_CTX_get0_certificate(e->ctx);
	GENERAL_NAMES *alt = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	char common[256];
	size_t n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_DNS)
			add_name(e, &n,
				 slice_of((const char *)ASN1_STRING_get0_data(g->d.dNSName),
					  (size_t)ASN1_STRING_length(g->d.dNSName)));
	}
	if (!alt && X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, common,
					      sizeof(common)) > 0)
		add_name(e, &n, slice_str(common));
	GENERAL_NAMES_free(alt);
	ERR_clear_error();
}

/* RFC 9525 6.3: a star stands for one whole label, the first. */
static bool for_name(const struct entry *e, struct slice asked, bool star)
{
	for (char **name = e->names; name && *name; name++) {
		struct slice s = slice_str(*name), rest = asked;

		if (slice_starts(s, SLICE("*.")) != star)
			continue;
		if (star) {
			if (slice_cut(&rest, '.').n == 0)
				continue;
			slice_cut(&s, '.');
		}
		if (s.n && slice_eq_nocase(s, rest))
			return true;
	}
	return false;
}

static SSL_CTX *context_for(const struct set *s, const char *name)
{
	struct slice asked = slice_str(name);

	if (asked.n && asked.p[asked.n - 1] == '.')
		asked.n--;
	for (int star = 0; star < 2; star++)
		for (size_t i = 0; i < s->n; i++)
			if (for_name(&s->v[i], asked, star))
				return s->v[i].ctx;
	return s->v[0].ctx;
}

/* --- what OpenSSL asks during a handshake --- */

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct set *s = SSL_get_ex_data(ssl, set_index);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert, (void)arg;
	if (name && s)
		SSL_set_SSL_CTX(ssl, context_for(s, name));
	return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
		   const unsigned char *offered, unsigned offered_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)ssl, (void)arg;
	if (SSL_select_next_proto((unsigned char **)out, n, ours, sizeof(ours) - 1, offered,
				  offered_n) == OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void new_key(struct ticket_key *k, int64_t now)
{
	int good = RAND_bytes(k->name, sizeof(k->name)) == 1 &&
		   RAND_priv_bytes(k->seal, sizeof(k->seal)) == 1 &&
		   RAND_priv_bytes(k->sign, sizeof(k->sign)) == 1;

	assert(good);
	k->made = now ? now : 1;
}

/* The key to seal a ticket with. */
static struct ticket_key sealing_key(struct tls_server *t)
{
	int64_t now = clock_ms();
	struct ticket_key k;

	CRYPTO_THREAD_write_lock(t->lock);
	if (!t->keys[0].made || now - t->keys[0].made >= TICKET_ROTATE) {
		t->keys[1] = t->keys[0];
		new_key(&t->keys[0], now);
	}
	if (t->keys[1].made && now - t->keys[1].made >= 2 * TICKET_ROTATE)
		mem_wipe(&t->keys[1], sizeof(t->keys[1]));
	k = t->keys[0];
	CRYPTO_THREAD_unlock(t->lock);
	return k;
}

/* The key that this ticket was sealed with; false where it is unknown by now. *old: another one
 * seals by now. */
static bool opening_key(struct tls_server *t, const unsigned char *name, struct ticket_key *k,
			bool *old)
{
	int64_t now = clock_ms();
	bool found = false;

	CRYPTO_THREAD_read_lock(t->lock);
	for (int i = 0; i < 2 && !found; i++) {
		found = t->keys[i].made && now - t->keys[i].made < 2 * TICKET_ROTATE &&
			memcmp(t->keys[i].name, name, sizeof(t->keys[i].name)) == 0;
		if (found) {
			*k = t->keys[i];
			*old = i > 0 || now - k->made >= TICKET_ROTATE;
		}
	}
	CRYPTO_THREAD_unlock(t->lock);
	return found;
}

/* RFC 5077 4. One that was used is replaced: with TLS 1.3 always (RFC 8446 C.4), otherwise when its
 * key is no longer the newest. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int seal)
{
	struct tls_server *t = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), server_index);
	struct ticket_key k;
	OSSL_PARAM params[3];
	bool good, old = false;

	if (seal) {
		k = sealing_key(t);
		memcpy(name, k.name, sizeof(k.name));
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
	} else if (!opening_key(t, name, &k, &old)) {
		return 0;
	}
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.sign, sizeof(k.sign));
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"sha256", 0);
	params[2] = OSSL_PARAM_construct_end();
	good = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.seal, iv, seal) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
	mem_wipe(&k, sizeof(k));
	if (!good)
		return -1;
	return !seal && (old || SSL_version(ssl) == TLS1_3_VERSION) ? 2 : 1;
}

/* --- contexts --- */

/* Forward secrecy and authenticated encryption only; the order is the client's, who knows what it
 * has hardware for. */
static void strengthen(SSL_CTX *ctx, bool only_13)
{
	static const unsigned char id[] = "fairlead";
	bool good;

	SSL_CTX_set_min_proto_version(ctx, only_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, 0);
	good = SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
					     "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
	assert(good);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TICKET_LIFE);
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
}

static bool read_entry(struct tls_server *t, struct entry *e, const struct tls_certificate *c,
		       char error[ERROR_MAX])
{
	char why[256];

	ERR_clear_error();
	e->ctx = SSL_CTX_new(TLS_server_method());
	assert(e->ctx);
	strengthen(e->ctx, t->config.only_13);
	SSL_CTX_set_ex_data(e->ctx, server_index, t);
	SSL_CTX_set_tlsext_servername_callback(e->ctx, on_name);
	SSL_CTX_set_alpn_select_cb(e->ctx, on_alpn, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(e->ctx, on_ticket);
	if (!tls_use_pair(e->ctx, c->certificate, c->key, why)) {
		snprintf(error, ERROR_MAX, "certificate \"%.200s\": %s", c->name, why);
		ERR_clear_error();
		return false;
	}
	read_names(e);
	return true;
}

static struct set *read_set(struct tls_server *t, char error[ERROR_MAX])
{
	struct set *s = mem_zalloc(sizeof(*s));
	bool good = true;

	atomic_init(&s->refs, 1);
	s->v = mem_zalloc(t->config.n * sizeof(*s->v));
	while (good && s->n < t->config.n) {
		good = read_entry(t, &s->v[s->n], &t->config.certificates[s->n], error);
		s->n++;
	}
	if (good)
		return s;
	set_release(s);
	return NULL;
}

struct tls_server *tls_server_new(const struct tls_server_config *c, char error[ERROR_MAX])
{
	struct tls_server *t = mem_zalloc(sizeof(*t));

	assert(c->n > 0);
	CRYPTO_THREAD_run_once(&once, make_indexes);
	t->config = *c;
	t->lock = CRYPTO_THREAD_lock_new();
	assert(t->lock);
	t->set = read_set(t, error);
	if (t->set)
		return t;
	tls_server_free(t);
	return NULL;
}

void tls_server_free(struct tls_server *t)
{
	if (!t)
		return;
	set_release(t->set);
	CRYPTO_THREAD_lock_free(t->lock);
	mem_wipe(t->keys, sizeof(t->keys));
	free(t);
}

bool tls_server_reload(struct tls_server *t, char error[ERROR_MAX])
{
	struct set *fresh = read_set(t, error), *old;

	if (!fresh)
		return false;
	CRYPTO_THREAD_write_lock(t->lock);
	old = t->set;
	t->set = fresh;
	CRYPTO_THREAD_unlock(t->lock);
	set_release(old);
	return true;
}

static struct set *set_hold(struct tls_server *t)
{
	struct set *s;

	CRYPTO_THREAD_read_lock(t->lock);
	s = t->set;
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	CRYPTO_THREAD_unlock(t->lock);
	return s;
}

SSL *tls_server_ssl(struct tls_server *t)
{
	struct set *s = set_hold(t);
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(s->v[0].ctx);
	assert(ssl);
	SSL_set_ex_data(ssl, set_index, s);
	SSL_set_accept_state(ssl);
	return ssl;
}

/* --- words --- */

static void tell_one(const struct tls_certificate *c, const struct entry *e)
{
	const X509 *x = SSL_CTX_get0_certificate(e->ctx);
	const ASN1_TIME *from = X509_get0_notBefore(x), *until = X509_get0_notAfter(x);
	struct buf names = {0};
	char shown[512], day[16] = "?", file[256];
	struct tm tm;

	for (char **name = e->names; name && *name; name++)
		buf_addf(&names, "%s%s", names.len ? "," : "", *name);
	if (ASN1_TIME_to_tm(until, &tm) == 1)
		strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	log_info("certificate", "name=%s names=%s until=%s",
		 log_value(file, sizeof(file), slice_str(c->name)),
		 log_value(shown, sizeof(shown), buf_slice(&names)), day);
	log_value(file, sizeof(file), slice_str(c->certificate));
	if (X509_cmp_current_time(until) < 0)
		log_warn("certificate",
			 "file=%s text=\"it has expired on %s, and clients will refuse it: renew "
			 "it, then send SIGHUP\"",
			 file, day);
	else if (X509_cmp_current_time(from) > 0)
		log_warn("certificate",
			 "file=%s text=\"it is not good yet, and clients will refuse it: is this "
			 "machine's clock right?\"",
			 file);
	if (!e->names)
		log_warn("certificate",
			 "file=%s text=\"it names no host (subjectAltName), and browsers will "
			 "refuse it\"",
			 file);
	buf_clear(&names);
}

void tls_server_failed(struct tls_server *t, enum tls_fault f)
{
	tls_failures_add(&t->failures, f);
}

bool tls_server_failures(struct tls_server *t, int64_t now, uint32_t counts[TLS_FAULT_KINDS])
{
	return tls_failures_take(&t->failures, now, counts);
}

void tls_server_tell(const struct tls_server *t)
{
	for (size_t i = 0; i < t->config.n; i++)
		tell_one(&t->config.certificates[i], &t->set->v[i]);
}

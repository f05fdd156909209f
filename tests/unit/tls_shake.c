#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <string.h>

#include "tls_shake.h"

void shake(SSL *client, SSL *server, char text[TEXT_MAX])
{
	BIO *a, *b;
	int c = 0, s = 0;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	text[0] = 0;
	for (int i = 0; i < 20; i++) {
		char byte;

		if (c != 1 && !text[0]) {
			ERR_clear_error();
			c = SSL_do_handshake(client);
			if (c != 1 && SSL_get_error(client, c) != SSL_ERROR_WANT_READ)
				tls_explain(client, text, TEXT_MAX);
		}
		ERR_clear_error();
		if (s != 1)
			s = SSL_accept(server);
		ERR_clear_error();
		/* TLS 1.3: the server's verdict on our certificate comes after the handshake. */
		if (c == 1 && !text[0]) {
			int n = SSL_read(client, &byte, 1);

			if (n <= 0 && SSL_get_error(client, n) == SSL_ERROR_SSL)
				tls_explain(client, text, TEXT_MAX);
		}
		ERR_clear_error();
	}
	assert_true(text[0] || (c == 1 && s == 1));
}

struct tls_client *new_client(struct tls_client_config config)
{
	struct tls_client *t;
	char error[256];

	config.ca_file = config.ca_file ? config.ca_file : "";
	config.certificate = config.certificate ? config.certificate : "";
	config.key = config.key ? config.key : "";
	t = tls_client_new(&config, error);
	if (!t)
		fail_msg("%s", error);
	return t;
}

void assert_starts(const char *text, const char *start)
{
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("\"%s\" does not start with \"%s\"", text, start);
}

void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not hold \"%s\"", text, part);
}

struct tls_client_config trusting(const char *file)
{
	return (struct tls_client_config){.verify = true, .ca_file = file};
}

/* Handshakes in memory between a client's context and a server. */
#ifndef TESTS_TLS_SHAKE_H
#define TESTS_TLS_SHAKE_H

#include "certs.h"
#include "net/tls.h"

enum { TEXT_MAX = 512 };

/* Steps both sides until neither gets on. The client's text where it failed, "" where it did not.
 */
void shake(SSL *client, SSL *server, char text[TEXT_MAX]);

struct tls_client_config trusting(const char *file);
struct tls_client *new_client(struct tls_client_config config); /* NULL strings mean "" */

void assert_starts(const char *text, const char *start);
void assert_holds(const char *text, const char *part);

#endif

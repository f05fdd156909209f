/* A server in a thread of its own, blocking and simple: it takes one connection after another and
 * treats each as its script says. */
#ifndef TESTS_DIAL_PEER_H
#define TESTS_DIAL_PEER_H

#include <openssl/ssl.h>

/* A script is a string of letters:
 *   p  the PROXY line comes first          h  a stream header comes, and is answered by ours
 *   o  the same, of example.net
 *   f  features with STARTTLS are sent      n  features without STARTTLS are sent
 *   s  <starttls/> comes                    P  <proceed/> is sent
 *   F  <failure/> is sent                   I  <proceed/> with bytes behind it is sent
 *   E  a stream error is sent               H  an HTTP answer is sent
 *   T  TLS is shaken hands on; what follows goes through it
 *   e  the client's end of the stream comes, and its end of the connection
 *   m  nothing more is done until the client closes
 * At its end the connection is closed. '|' begins the script of the next connection; after the last
 * script it starts over. */
struct peer;
struct peer *peer_start(const char *ip, int port, const char *script, SSL_CTX *ctx);
int peer_port(const struct peer *p);
int peer_calls(struct peer *p);		/* connections taken so far */
const char *peer_fault(struct peer *p); /* what went otherwise than the script; "" : nothing */
const char *peer_alpn(struct peer *p);	/* of the last handshake; "": none */
const char *peer_sni(struct peer *p);
void peer_stop(struct peer *p); /* waits for the connection under way */

#endif

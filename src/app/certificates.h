/* The certificates of the listeners with TLS, from the configuration's words to net/tls.h. */
#ifndef APP_CERTIFICATES_H
#define APP_CERTIFICATES_H

#include "config/config.h"
#include "net/tls.h"

struct certificates;

/* NULL: *e says what is wrong. The configuration is borrowed for life. Without any in it there is
 * no server, and nothing to read again. */
struct certificates *certificates_new(const struct config *c, struct config_error *e);
void certificates_free(struct certificates *v); /* after the last worker */

struct tls_server *certificates_server(const struct certificates *v); /* or NULL */

/* Logs what there is. */
void certificates_tell(const struct certificates *v);

/* SIGHUP: reads all files again, for connections to come, and logs what came of it. */
void certificates_reload(struct certificates *v);

#endif

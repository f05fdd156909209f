/* The certificates of the listeners with TLS. */
#include "app/certificates.h"
#include "config/priv.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

struct certificates {
	struct tls_certificate *list; /* owned; its strings are the configuration's */
	struct tls_server *server;    /* owned; NULL without any */
};

struct certificates *certificates_new(const struct config *c, struct config_error *e)
{
	struct certificates *v = mem_zalloc(sizeof(*v));
	struct tls_server_config t = {.n = c->n_certificates,
				      .only_13 = c->tls_version == CONFIG_TLS_1_3};
	char why[512];

	if (t.n == 0)
		return v;
	v->list = mem_zalloc(t.n * sizeof(*v->list));
	for (size_t i = 0; i < t.n; i++)
		v->list[i] = (struct tls_certificate){.name = c->certificates[i].name,
						      .certificate = c->certificates[i].certificate,
						      .key = c->certificates[i].key};
	t.certificates = v->list;
	v->server = tls_server_new(&t, why);
	if (v->server)
		return v;
	config_fail(e, "%s", why);
	certificates_free(v);
	return NULL;
}

void certificates_free(struct certificates *v)
{
	if (!v)
		return;
	tls_server_free(v->server);
	free(v->list);
	free(v);
}

struct tls_server *certificates_server(const struct certificates *v)
{
	return v->server;
}

void certificates_tell(const struct certificates *v)
{
	if (v->server)
		tls_server_tell(v->server);
}

void certificates_reload(struct certificates *v)
{
	char why[512], shown[1024];

	if (!v->server) {
		log_info("reload", "text=\"nothing to read again: SIGHUP is for certificates, and "
				   "there are none\"");
		return;
	}
	if (tls_server_reload(v->server, why)) {
		log_info("reload", "text=\"the certificates were read again: new connections get "
				   "them\"");
		tls_server_tell(v->server);
		return;
	}
	log_error("reload", "problem=%s text=\"the certificates stay as they were\"",
		  log_value(shown, sizeof(shown), slice_str(why)));
}

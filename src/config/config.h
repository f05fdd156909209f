/* The configuration of a process: made once from defaults, a file and the command line, then read
 * by everybody and changed by nobody. Scalar keys are fields made from config.def ("bosh.wait" is
 * c->bosh_wait, in the unit that the list names); the lists are below. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdint.h>
#include <stdio.h>
#include "net/listen.h"
#include "session/route.h"

enum config_log_target { CONFIG_LOG_STDERR, CONFIG_LOG_SYSLOG }; /* c->log_target */

enum config_compress { CONFIG_COMPRESS_ON, CONFIG_COMPRESS_OFF }; /* c->http_compress */
enum config_deflate { CONFIG_DEFLATE_ON, CONFIG_DEFLATE_OFF };	  /* c->websocket_deflate */
enum config_cors { CONFIG_CORS_ON, CONFIG_CORS_OFF };		  /* c->http_cors */
enum config_absent_origin { CONFIG_ABSENT_ORIGIN_ALLOW, CONFIG_ABSENT_ORIGIN_REFUSE };

enum config_forwarded_header { CONFIG_X_FORWARDED_FOR, CONFIG_FORWARDED };

struct config_listen {
	char *name; /* unique */
	struct listen_at at;
	int mode;	    /* of the file, where it is a Unix socket */
	int proxy_protocol; /* enum config_switch */
	int tls;	    /* enum config_switch */
};

struct config_certificate {
	char *name;		 /* unique */
	char *certificate, *key; /* PEM files */
};

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 }; /* c->tls_version */

enum config_tls { CONFIG_TLS_AUTO, CONFIG_TLS_NONE, CONFIG_TLS_OFFERED, CONFIG_TLS_STARTTLS };
enum config_switch { CONFIG_ON, CONFIG_OFF };
enum config_proxy_protocol { CONFIG_PROXY_OFF, CONFIG_PROXY_V1, CONFIG_PROXY_V2 };
enum config_delivery { CONFIG_DELIVERY_ACKNOWLEDGED, CONFIG_DELIVERY_TRANSPARENT };

#define CONFIG_FIELD_INT int64_t
#define CONFIG_FIELD_CHOICE int		      /* log_level: an enum log_level */
#define CONFIG_FIELD_ADDRESS struct listen_at /* LISTEN_NONE: none */
#define CONFIG_FIELD_MODE int		      /* of a file */
#define CONFIG_FIELD_TEXT char *	      /* never NULL */
#define CONFIG_FIELD_LIST const char **	      /* NULL-terminated; NULL: empty */

struct config_domain {
	char *name;			/* unique; ASCII letters in lower case; a pattern */
	struct route_backend *backends; /* .host is owned */
	size_t n_backends;
#define X(field, path, type, unit, minimum, maximum, def, sentence) CONFIG_FIELD_##type field;
#include "config/domain.def"
#undef X
};

struct config {
#define X(field, path, type, unit, minimum, maximum, def, sentence) CONFIG_FIELD_##type field;
#include "config/config.def"
#undef X
	struct config_listen *listen; /* at least one once finished */
	size_t n_listen;
	struct config_certificate *certificates;
	size_t n_certificates;
	struct config_domain *domains; /* at least one once finished */
	size_t n_domains;
	struct routes routes; /* the domains again, as sessions look them up; once finished */
	const char **origins; /* NULL-terminated, as written; "*" or "none" stands alone */
	size_t n_origins;
	const char **allowed; /* the same as rules (proto/origin.h); once finished */
	struct addr *sources; /* of backend.source; once finished */
	size_t n_sources;
	struct addr_net *trusted; /* of http.trusted_proxies; once finished */
	size_t n_trusted;
	uid_t uid; /* of process.user, -1: none; once finished */
	gid_t gid;
	bool own_origins; /* those are the file's, no longer the default */
};

/* Where a function below answers false, this holds one line that says what is wrong and what would
 * be right, without a newline. */
struct config_error {
	char text[512];
};

struct config *config_new(void); /* all defaults; no listener, no domain, any origin */
void config_free(struct config *c);

/* Reads JSON with comments: sets what is named there, adds to the lists. The error is
 * "NAME:LINE: what". config_read() takes the text itself and is told its name. */
bool config_read_file(struct config *c, const char *name, struct config_error *e);
bool config_read(struct config *c, const char *name, struct slice text, struct config_error *e);

/* Sets one key by its dotted path; of a list of strings all items, with commas between them. */
bool config_set(struct config *c, struct slice path, struct slice value, struct config_error *e);

/* Adds to a list. An unknown domain is made, a known one gets a further backend. Backend:
 * "tcp://host:port" or "host:port", "tls://host:port", "unix:/path", "srv", "srv://name". */
bool config_add_listen(struct config *c, struct slice name, struct slice address,
		       struct config_error *e);
bool config_add_backend(struct config *c, struct slice domain, struct slice backend,
			struct config_error *e);
void config_clear_listen(struct config *c);

/* The last step: a listener on 127.0.0.1:5280 where there is none, the checks that span keys, and
 * c->routes. */
bool config_finish(struct config *c, struct config_error *e);

/* The whole of it as JSON with comments, each key with its sentence, unit, range and default.
 * Reading it back gives the same configuration. */
void config_print(const struct config *c, FILE *out);

#endif

/* Shared by the files that make up the configuration: the table of keys, and how errors are put. */
#ifndef CONFIG_PRIV_H
#define CONFIG_PRIV_H

#include "config/config.h"
#include "base/buf.h"

enum config_type {
	CONFIG_INT,
	CONFIG_CHOICE,
	CONFIG_ADDRESS,
	CONFIG_MODE,
	CONFIG_TEXT,
	CONFIG_LIST
};

struct config_key {
	const char *path;
	enum config_type type;
	const char *unit;
	int64_t minimum, maximum;
	const char *def;
	const char *sentence;
	size_t offset; /* of its field in struct config, or whatever the table is of */
};

enum config_index {
#define X(field, path, type, unit, minimum, maximum, def, sentence) CONFIG_KEY_##field,
#include "config/config.def"
#undef X
	CONFIG_KEYS
};

extern const struct config_key config_keys[CONFIG_KEYS];

/* The keys of a domain; of a backend that is written as an object, besides "url". */
enum domain_index {
#define X(field, path, type, unit, minimum, maximum, def, sentence) DOMAIN_KEY_##field,
#include "config/domain.def"
#undef X
	DOMAIN_KEYS
};
enum { BACKEND_KEYS = 3, LISTEN_KEYS = 3, CERTIFICATE_KEYS = 1 };
extern const struct config_key domain_keys[DOMAIN_KEYS], backend_keys[BACKEND_KEYS];
extern const struct config_key listen_keys[LISTEN_KEYS]; /* besides "name" and "address" */
extern const struct config_key certificate_keys[CERTIFICATE_KEYS];

/* The last part of a key's path: "wait". */
const char *config_key_name(const struct config_key *k);

/* Sets one scalar field; a LIST gets one item more. */
bool config_set_field(const struct config_key *k, void *field, struct slice value,
		      struct config_error *e);
bool config_add_item(const struct config_key *k, const char ***field, struct slice value,
		     struct config_error *e);
void config_free_texts(const char **v); /* NULL-terminated */

/* A new domain, with all defaults; NULL where the name is none, or is there already. */
struct config_domain *config_new_domain(struct config *c, struct slice name,
					struct config_error *e);
struct route_backend *config_new_backend(struct config_domain *d, struct slice url,
					 struct config_error *e);
/* The checks that span keys of one. */
bool config_check_domain(const struct config_domain *d, struct config_error *e);
void config_clear_domains(struct config *c);

/* Finds the ids of process.user and process.group: c->uid, c->gid; -1 where none is named. */
bool config_find_user(struct config *c, struct config_error *e);

void config_print_backend(const struct route_backend *b, struct buf *out); /* as a URL */

/* The key's place in the table, or -1. */
int config_find(struct slice path);

/* The first key of this group ("bosh"), or -1. */
int config_find_group(struct slice group);

/* The path among all keys, groups, lists and fields of lists that looks most like this one. */
struct slice config_nearest(struct slice path);
bool config_fail_unknown(struct slice path, struct config_error *e);

/* Says so in e and returns false. fmt needs no newline; %.*s takes SHOW(slice). */
bool config_fail(struct config_error *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define SHOW(s) (int)((s).n < 100 ? (s).n : 100), (s).p ? (s).p : ""

/* Words in "origins": the origins of the public URLs; no origin at all. */
#define CONFIG_ORIGIN_PUBLIC "public"
#define CONFIG_ORIGIN_NONE "none"

bool config_add_certificate(struct config *c, struct slice name, struct slice certificate,
			    struct slice key, struct config_error *e);
bool config_add_origin(struct config *c, struct slice origin, struct config_error *e);

/* The value of a CHOICE whose unit is `list`; its place for a word, -1 where it has none. */
int config_choice(const char *list, struct slice word);
struct slice config_choice_word(const char *list, int place);

#endif

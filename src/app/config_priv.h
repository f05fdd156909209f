/* Shared by the files that make up the configuration: the table of keys, and how errors are put. */
#ifndef APP_CONFIG_PRIV_H
#define APP_CONFIG_PRIV_H

#include "app/config.h"

enum config_type { CONFIG_INT, CONFIG_CHOICE, CONFIG_ADDRESS, CONFIG_TEXT };

struct config_key {
	const char *path;
	enum config_type type;
	const char *unit;
	int64_t minimum, maximum;
	const char *def;
	const char *sentence;
	size_t offset; /* of its field in struct config */
};

enum config_index {
#define X(field, path, type, unit, minimum, maximum, def, sentence) CONFIG_KEY_##field,
#include "app/config.def"
#undef X
	CONFIG_KEYS
};

extern const struct config_key config_keys[CONFIG_KEYS];

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

bool config_add_origin(struct config *c, struct slice origin, struct config_error *e);
bool config_same_addr(const struct addr *a, const struct addr *b);
bool config_has_domain(const struct config *c, struct slice name);

/* The value of a CHOICE whose unit is `list`; its place for a word, -1 where it has none. */
int config_choice(const char *list, struct slice word);
struct slice config_choice_word(const char *list, int place);

#endif

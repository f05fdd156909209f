/* Where the reader of the file stands, and how it puts what is wrong there (json_fault.c). */
#ifndef CONFIG_JSON_PRIV_H
#define CONFIG_JSON_PRIV_H

#include <yajl/yajl_parse.h>
#include "config/priv.h"

enum { PATH_MAX_BYTES = 200 };

enum place {
	OUTSIDE, /* before and after the one object */
	TOP,
	GROUP,		  /* "bosh": { */
	KEY_LIST,	  /* "trusted_proxies": [ of strings, at the top or in a group */
	LISTEN,		  /* "listen": [ */
	LISTEN_ITEM,	  /* { "name", "address" */
	DOMAINS,	  /* "domains": [ */
	DOMAIN_ITEM,	  /* { "name", "backends", ... */
	DOMAIN_LIST,	  /* [ of strings */
	BACKENDS,	  /* [ of strings and objects */
	BACKEND,	  /* { "url", "weight", ... */
	CERTIFICATES,	  /* "certificates": [ */
	CERTIFICATE_ITEM, /* { "name", "certificate", "key" */
	ORIGINS		  /* "origins": [ */
};

/* What a place is called, what it holds, and which place is around it. */
struct config_place {
	const char *path, *wanted;
	enum place outer;
	const char *value; /* of an item: the key of its FIELD_VALUE */
};
extern const struct config_place config_places[ORIGINS + 1];

/* The keys of an item: those that the place has by itself come first, then those of a table. */
enum field {
	FIELD_NAME,  /* of LISTEN_ITEM, DOMAIN_ITEM, CERTIFICATE_ITEM */
	FIELD_VALUE, /* "address", "backends", "url", "certificate" */
	FIELD_TABLE, /* the first of the place's table */
	FIELDS = FIELD_TABLE + DOMAIN_KEYS,
	FIELD_NONE = FIELDS
};

/* A value of an item, with the line it stands on. */
struct text {
	char *p; /* owned */
	size_t n;
	unsigned line;
	enum place place; /* where it stood: DOMAIN_ITEM, BACKEND, ... */
	enum field field;
};

struct reader {
	struct config *c;
	struct config_error *e;
	const char *name; /* of the file */
	struct slice text;
	yajl_handle yajl;
	struct slice counted; /* of the text: the part whose lines are counted */
	bool ended;	      /* all of the text was given to yajl */
	unsigned line;
	enum place place, outer; /* outer: around KEY_LIST */
	struct slice path;	 /* of the key whose value is due; in path_bytes */
	char path_bytes[PATH_MAX_BYTES];
	size_t group; /* length of the group's name in the path, while inside of one */
	bool seen[CONFIG_KEYS], seen_group[CONFIG_KEYS], seen_place[ORIGINS + 1];
	enum field field, outer_field; /* of the item; of the domain around a backend */
	bool has_field[FIELDS], has_backend_field[FIELDS];
	struct text *values;  /* of the item, in order; a backend begins with its URL */
	size_t n_values, url; /* url: the one of the backend that is being read */
};

unsigned reader_line(struct reader *r); /* of the token that was read last */

/* All answer 0, for yajl to stop; e gets the place before the words that it has. */
int refuse(struct reader *r);
int refuse_at(struct reader *r, unsigned line);
int wrong_type(struct reader *r, const char *got); /* "a number" where another thing is due */
int unknown_item_key(struct reader *r, struct slice key);
void broken_json(struct reader *r); /* what yajl itself objects to */

/* The table that this place's further keys stand in, or NULL. */
const struct config_key *table_of(enum place p, int *n);

/* The key whose value is due, where it is one of a table. */
const struct config_key *table_key(const struct reader *r);

#endif

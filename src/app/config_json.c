/* The file: JSON with comments, read by yajl in one pass. Where the reader stands is one of a few
 * places, and each place knows which keys and values it takes; anything else is refused with its
 * line. Items of lists are collected first, for their keys may come in any order. */
#include "app/config_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>
#include "base/buf.h"
#include "base/mem.h"

enum { FILE_MAX = 16 << 20, PATH_MAX_BYTES = 200 };

enum place {
	OUTSIDE, /* before and after the one object */
	TOP,
	GROUP,	     /* "bosh": { */
	LISTEN,	     /* "listen": [ */
	LISTEN_ITEM, /* { "name", "address" */
	DOMAINS,     /* "domains": [ */
	DOMAIN_ITEM, /* { "name", "backends" */
	BACKENDS,    /* [ */
	ORIGINS	     /* "origins": [ */
};

/* What a place is called, what it holds, and which place is around it. */
static const struct {
	const char *path, *wanted;
	enum place outer;
} places[] = {
    [OUTSIDE] = {"the file", "one object in { }", OUTSIDE},
    [TOP] = {"", "", OUTSIDE},
    [GROUP] = {"", "", TOP},
    [LISTEN] = {"listen", "a list of objects {\"name\": ..., \"address\": ...}", TOP},
    [LISTEN_ITEM] = {"listen", "", LISTEN},
    [DOMAINS] = {"domains", "a list of objects {\"name\": ..., \"backends\": [...]}", TOP},
    [DOMAIN_ITEM] = {"domains", "", DOMAINS},
    [BACKENDS] = {"domains.backends", "a list of strings, such as \"tcp://127.0.0.1:5222\"",
		  DOMAIN_ITEM},
    [ORIGINS] = {"origins", "a list of strings, such as \"https://chat.example.org\"", TOP},
};

enum field { FIELD_NAME, FIELD_VALUE, FIELD_NONE }; /* of an item: its name, address or backends */

/* A string of an item, with the line it stands on. */
struct text {
	char *p; /* owned */
	size_t n;
	unsigned line;
};

struct reader {
	struct config *c;
	struct config_error *e;
	const char *name; /* of the file */
	struct slice text;
	yajl_handle yajl;
	struct slice counted; /* of the text: the part whose lines are counted */
	unsigned line;
	enum place place;
	struct slice path; /* of the key whose value is due; in path_bytes */
	char path_bytes[PATH_MAX_BYTES];
	size_t group; /* length of the group's name in the path, while inside of one */
	bool seen[CONFIG_KEYS], seen_group[CONFIG_KEYS], seen_place[ORIGINS + 1];
	enum field field; /* of the item */
	bool has_field[FIELD_NONE];
	struct text item_name, *values;
	size_t n_values;
};

/* The line of the token that was read last. */
static unsigned line_now(struct reader *r)
{
	size_t end = yajl_get_bytes_consumed(r->yajl);

	for (size_t i = r->counted.n; i < end && i < r->text.n; i++)
		r->line += r->text.p[i] == '\n';
	if (end > r->counted.n)
		r->counted.n = end;
	return r->line;
}

/* Puts the place of an error before what config_fail() said. */
static int refuse_at(struct reader *r, unsigned line)
{
	struct config_error what = *r->e;

	config_fail(r->e, "%s:%u: %.400s", r->name, line, what.text);
	return 0;
}

static int refuse(struct reader *r)
{
	return refuse_at(r, line_now(r));
}

static int wrong_type(struct reader *r, const char *got)
{
	int i = config_find(r->path);
	int group = config_find_group(r->path);
	enum place p = LISTEN;

	if (r->place != TOP && r->place != GROUP) {
		if (r->place == DOMAIN_ITEM && r->field == FIELD_VALUE)
			config_fail(r->e, "\"domains.backends\" is %s, not %s",
				    places[BACKENDS].wanted, got);
		else if (r->place == LISTEN_ITEM || r->place == DOMAIN_ITEM)
			config_fail(r->e, "\"%s.%s\" is a string, not %s", places[r->place].path,
				    r->field == FIELD_NAME ? "name" : "address", got);
		else
			config_fail(r->e, "\"%s\" is %s, but here is %s", places[r->place].path,
				    places[r->place].wanted, got);
	} else if (i >= 0 && config_keys[i].type == CONFIG_INT) {
		config_fail(r->e, "\"%s\" is a whole number of %s from %lld to %lld, not %s",
			    config_keys[i].path, config_keys[i].unit,
			    (long long)config_keys[i].minimum, (long long)config_keys[i].maximum,
			    got);
	} else if (i >= 0) {
		config_fail(r->e, "\"%s\" is a string (%s), not %s", config_keys[i].path,
			    config_keys[i].unit, got);
	} else if (group >= 0) {
		config_fail(r->e, "\"%.*s\" is an object of keys such as \"%s\", not %s",
			    SHOW(r->path), config_keys[group].path, got);
	} else {
		while (p < ORIGINS && !slice_is(r->path, places[p].path))
			p++;
		config_fail(r->e, "\"%.*s\" is %s, not %s", SHOW(r->path), places[p].wanted, got);
	}
	return refuse(r);
}

static struct text text_of(struct reader *r, struct slice s)
{
	return (struct text){mem_strndup(s.n ? s.p : "", s.n), s.n, line_now(r)};
}

static struct slice text_slice(const struct text *t)
{
	return slice_of(t->p, t->n);
}

static void clear_item(struct reader *r)
{
	free(r->item_name.p);
	for (size_t i = 0; i < r->n_values; i++)
		free(r->values[i].p);
	free(r->values);
	r->values = NULL;
	r->n_values = 0;
	r->item_name = (struct text){0};
	r->field = FIELD_NONE;
	memset(r->has_field, 0, sizeof(r->has_field));
}

static void add_value(struct reader *r, struct slice s)
{
	r->values = mem_realloc(r->values, (r->n_values + 1) * sizeof(*r->values));
	r->values[r->n_values++] = text_of(r, s);
}

/* A scalar: how JSON writes it must be how its key wants it. */
static int set_scalar(struct reader *r, struct slice value, bool number)
{
	int i = config_find(r->path);

	if (i < 0 || (config_keys[i].type == CONFIG_INT) != number)
		return wrong_type(r, number ? "a number" : "a string");
	return config_set(r->c, r->path, value, r->e) || refuse(r);
}

static int on_number(void *ctx, const char *p, size_t n)
{
	struct reader *r = ctx;

	if (r->place != TOP && r->place != GROUP)
		return wrong_type(r, "a number");
	return set_scalar(r, slice_of(p, n), true);
}

static int on_string(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;
	struct slice s = slice_of((const char *)p, n);

	switch (r->place) {
	case TOP:
	case GROUP: return set_scalar(r, s, false);
	case LISTEN_ITEM:
	case DOMAIN_ITEM:
		if (r->field == FIELD_NAME)
			r->item_name = text_of(r, s);
		else if (r->place == LISTEN_ITEM)
			add_value(r, s);
		else
			return wrong_type(r, "a string");
		return 1;
	case BACKENDS: add_value(r, s); return 1;
	case ORIGINS: return config_add_origin(r->c, s, r->e) || refuse(r);
	default: return wrong_type(r, "a string");
	}
}

static int on_null(void *ctx)
{
	return wrong_type(ctx, "null");
}

static int on_boolean(void *ctx, int value)
{
	return wrong_type(ctx, value ? "true" : "false");
}

/* Remembers that a key came; refuses it the second time. */
static int once(struct reader *r, bool *seen, const char *what, struct slice path)
{
	if (*seen) {
		config_fail(r->e, "%s \"%.*s\" stands twice", what, SHOW(path));
		return refuse(r);
	}
	*seen = true;
	return 1;
}

static int item_key(struct reader *r, struct slice key)
{
	const char *value = r->place == LISTEN_ITEM ? "address" : "backends";

	r->field = slice_is(key, "name") ? FIELD_NAME : FIELD_VALUE;
	if (r->field == FIELD_VALUE && !slice_is(key, value)) {
		config_fail(r->e, "unknown key \"%.*s\" in \"%s\", known: \"name\", \"%s\"",
			    SHOW(key), places[r->place].path, value);
		return refuse(r);
	}
	return once(r, &r->has_field[r->field], "key", key);
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;
	struct slice key = slice_of((const char *)p, n);
	size_t before = r->place == GROUP ? r->group + 1 : 0;
	int i;

	if (r->place == LISTEN_ITEM || r->place == DOMAIN_ITEM)
		return item_key(r, key);
	if (n > PATH_MAX_BYTES - before)
		n = PATH_MAX_BYTES - before;
	memcpy(r->path_bytes + before, p, n);
	r->path = slice_of(r->path_bytes, before + n);
	i = config_find(r->path);
	if (i >= 0)
		return once(r, &r->seen[i], "key", r->path);
	if (r->place == TOP) {
		i = config_find_group(r->path);
		if (i >= 0)
			return once(r, &r->seen_group[i], "group", r->path);
		for (enum place q = LISTEN; q <= ORIGINS; q++)
			if (places[q].outer == TOP && slice_is(r->path, places[q].path))
				return once(r, &r->seen_place[q], "list", r->path);
	}
	config_fail_unknown(r->path, r->e);
	return refuse(r);
}

static int on_start_map(void *ctx)
{
	struct reader *r = ctx;

	if (r->place == OUTSIDE) {
		r->place = TOP;
	} else if (r->place == LISTEN || r->place == DOMAINS) {
		r->place = r->place == LISTEN ? LISTEN_ITEM : DOMAIN_ITEM;
	} else if (r->place == TOP && config_find_group(r->path) >= 0) {
		r->place = GROUP;
		r->group = r->path.n;
		r->path_bytes[r->group] = '.';
	} else {
		return wrong_type(r, "an object");
	}
	return 1;
}

static int end_listen(struct reader *r)
{
	if (!r->has_field[FIELD_NAME] || !r->has_field[FIELD_VALUE]) {
		config_fail(r->e, "each of \"listen\" has a \"name\" and an \"address\"");
		return refuse(r);
	}
	if (r->item_name.n == 0 || memchr(r->item_name.p, 0, r->item_name.n)) {
		config_fail(r->e, "\"listen.name\" is empty, or holds a zero byte");
		return refuse_at(r, r->item_name.line);
	}
	return config_add_listen(r->c, text_slice(&r->item_name), text_slice(&r->values[0]),
				 r->e) ||
	       refuse_at(r, r->values[0].line);
}

static int end_domain(struct reader *r)
{
	struct slice name = text_slice(&r->item_name);

	if (!r->has_field[FIELD_NAME] || r->n_values == 0) {
		config_fail(r->e, "each of \"domains\" has a \"name\" and at least one of "
				  "\"backends\"");
		return refuse(r);
	}
	if (config_has_domain(r->c, name)) {
		config_fail(r->e, "domain \"%.*s\" stands twice", SHOW(name));
		return refuse_at(r, r->item_name.line);
	}
	for (size_t i = 0; i < r->n_values; i++)
		if (!config_add_backend(r->c, name, text_slice(&r->values[i]), r->e))
			return refuse_at(r, r->values[i].line);
	return 1;
}

static int on_end_map(void *ctx)
{
	struct reader *r = ctx;
	int good = 1;

	if (r->place == LISTEN_ITEM)
		good = end_listen(r);
	else if (r->place == DOMAIN_ITEM)
		good = end_domain(r);
	clear_item(r);
	r->place = places[r->place].outer;
	return good;
}

static int on_start_array(void *ctx)
{
	struct reader *r = ctx;

	if (r->place == DOMAIN_ITEM && r->field == FIELD_VALUE) {
		r->place = BACKENDS;
		return 1;
	}
	for (enum place q = LISTEN; r->place == TOP && q <= ORIGINS; q++)
		if (places[q].outer == TOP && slice_is(r->path, places[q].path)) {
			r->place = q;
			return 1;
		}
	return wrong_type(r, "a list");
}

static int on_end_array(void *ctx)
{
	struct reader *r = ctx;

	if ((r->place == LISTEN && r->c->n_listen == 0) ||
	    (r->place == ORIGINS && !r->c->own_origins)) {
		config_fail(r->e, "\"%s\" is empty: leave it away for its default",
			    places[r->place].path);
		return refuse(r);
	}
	r->place = places[r->place].outer;
	return 1;
}

/* What yajl itself objects to: its own words, without its prefix and newline. */
static void broken_json(struct reader *r)
{
	unsigned char *said = yajl_get_error(r->yajl, 0, NULL, 0);
	struct slice s = slice_trim(slice_str((const char *)said));
	const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;

	if (colon) {
		s.n -= (size_t)(colon + 1 - s.p);
		s.p = colon + 1;
	}
	s = slice_trim(s);
	config_fail(r->e, "this is no JSON: %.*s", SHOW(s));
	yajl_free_error(r->yajl, said);
	refuse(r);
}

bool config_read(struct config *c, const char *name, struct slice text, struct config_error *e)
{
	static const yajl_callbacks callbacks = {
	    .yajl_null = on_null,
	    .yajl_boolean = on_boolean,
	    .yajl_number = on_number,
	    .yajl_string = on_string,
	    .yajl_start_map = on_start_map,
	    .yajl_map_key = on_key,
	    .yajl_end_map = on_end_map,
	    .yajl_start_array = on_start_array,
	    .yajl_end_array = on_end_array,
	};
	struct reader r = {.c = c, .e = e, .name = name, .text = text, .line = 1};
	yajl_status status;

	r.field = FIELD_NONE;
	r.yajl = yajl_alloc(&callbacks, NULL, &r);
	yajl_config(r.yajl, yajl_allow_comments, 1);
	status = yajl_parse(r.yajl, (const unsigned char *)text.p, text.n);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(r.yajl);
	if (status == yajl_status_error)
		broken_json(&r);
	clear_item(&r);
	yajl_free(r.yajl);
	return status == yajl_status_ok;
}

bool config_read_file(struct config *c, const char *name, struct config_error *e)
{
	FILE *f = fopen(name, "r");
	struct buf text = {0};
	bool good;
	size_t n;

	if (!f)
		return config_fail(e, "%s: %s", name, strerror(errno));
	do {
		n = fread(buf_room(&text, 65536), 1, 65536, f);
		buf_commit(&text, n);
	} while (n > 0 && text.len <= FILE_MAX);
	if (ferror(f))
		good = config_fail(e, "%s: %s", name, strerror(errno));
	else if (text.len > FILE_MAX)
		good = config_fail(e, "%s: larger than %d bytes", name, FILE_MAX);
	else
		good = config_read(c, name, buf_slice(&text), e);
	fclose(f);
	buf_clear(&text);
	return good;
}

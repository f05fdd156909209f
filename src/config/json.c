/* The file: JSON with comments, read by yajl in one pass. Where the reader stands is one of a few
 * places, and each place knows which keys and values it takes; anything else is refused with its
 * line. Items of lists are collected first, for their keys may come in any order. */
#include "config/json_priv.h"

#include <stdlib.h>
#include "base/mem.h"

static struct slice text_slice(const struct text *t)
{
	return slice_of(t->p, t->n);
}

static void clear_item(struct reader *r)
{
	for (size_t i = 0; i < r->n_values; i++)
		free(r->values[i].p);
	free(r->values);
	r->values = NULL;
	r->n_values = 0;
	r->field = FIELD_NONE;
	memset(r->has_field, 0, sizeof(r->has_field));
}

static struct text *add_text(struct reader *r, enum place place, enum field field)
{
	r->values = mem_realloc(r->values, (r->n_values + 1) * sizeof(*r->values));
	r->values[r->n_values] =
	    (struct text){.line = reader_line(r), .place = place, .field = field};
	return &r->values[r->n_values++];
}

static int add_value(struct reader *r, enum place place, struct slice s)
{
	struct text *t = place == BACKEND && r->field == FIELD_VALUE ? &r->values[r->url]
								     : add_text(r, place, r->field);

	t->p = mem_strndup(s.n ? s.p : "", s.n);
	t->n = s.n;
	t->line = reader_line(r);
	return 1;
}

/* The item's value of that field. */
static const struct text *value_of(const struct reader *r, enum field field)
{
	for (size_t i = 0; i < r->n_values; i++)
		if (r->values[i].field == field && r->values[i].place != BACKEND)
			return &r->values[i];
	return NULL;
}

/* A scalar: how JSON writes it must be how its key wants it. */
static int set_scalar(struct reader *r, struct slice value, bool number)
{
	int i = config_find(r->path);

	if (i < 0 || (config_keys[i].type == CONFIG_INT) != number ||
	    config_keys[i].type == CONFIG_LIST)
		return wrong_type(r, number ? "a number" : "a string");
	return config_set(r->c, r->path, value, r->e) || refuse(r);
}

static int add_key_item(struct reader *r, struct slice value)
{
	const struct config_key *k = &config_keys[config_find(r->path)];

	return config_add_item(k, (const char ***)((char *)r->c + k->offset), value, r->e) ||
	       refuse(r);
}

/* One of a listener's, a domain's or a backend's own keys. */
static int set_item(struct reader *r, struct slice value, bool number)
{
	const struct config_key *k = table_key(r);

	if (r->place == DOMAIN_LIST && (!number || k == &domain_keys[DOMAIN_KEY_ports]))
		return add_value(r, DOMAIN_ITEM, value);
	if (r->place == DOMAIN_LIST)
		return wrong_type(r, "a number in it");
	if (!k || k->type == CONFIG_LIST || (k->type == CONFIG_INT) != number)
		return wrong_type(r, number ? "a number" : "a string");
	return add_value(r, r->place, value);
}

static int on_number(void *ctx, const char *p, size_t n)
{
	struct reader *r = ctx;

	if (r->place == TOP || r->place == GROUP)
		return set_scalar(r, slice_of(p, n), true);
	return set_item(r, slice_of(p, n), true);
}

static int on_string(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;
	struct slice s = slice_of((const char *)p, n);

	switch (r->place) {
	case TOP:
	case GROUP: return set_scalar(r, s, false);
	case KEY_LIST: return add_key_item(r, s);
	case LISTEN_ITEM:
	case DOMAIN_ITEM:
	case BACKEND:
	case CERTIFICATE_ITEM:
		if (r->field == FIELD_NAME || (r->field == FIELD_VALUE && r->place != DOMAIN_ITEM))
			return add_value(r, r->place, s);
		return set_item(r, s, false);
	case DOMAIN_LIST: return set_item(r, s, false);
	case BACKENDS: r->url = r->n_values; return add_value(r, BACKENDS, s);
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
	bool *seen = r->place == BACKEND ? r->has_backend_field : r->has_field;
	int n;
	const struct config_key *t = table_of(r->place, &n);

	r->field = FIELD_NONE;
	if (r->place != BACKEND && slice_is(key, "name"))
		r->field = FIELD_NAME;
	else if (slice_is(key, config_places[r->place].value))
		r->field = FIELD_VALUE;
	for (int i = 0; i < n; i++)
		if (slice_is(key, config_key_name(&t[i])))
			r->field = FIELD_TABLE + (enum field)i;
	if (r->field == FIELD_NONE)
		return unknown_item_key(r, key);
	return once(r, &seen[r->field], "key", key);
}

static int on_key(void *ctx, const unsigned char *p, size_t n)
{
	struct reader *r = ctx;
	struct slice key = slice_of((const char *)p, n);
	size_t before = r->place == GROUP ? r->group + 1 : 0;
	int i;

	if (config_places[r->place].value)
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
			if (config_places[q].outer == TOP &&
			    slice_is(r->path, config_places[q].path))
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
	} else if (r->place == LISTEN || r->place == DOMAINS || r->place == CERTIFICATES) {
		r->place++; /* their item follows them */
	} else if (r->place == BACKENDS) {
		r->outer_field = r->field;
		r->url = r->n_values;
		add_text(r, BACKENDS, FIELD_VALUE);
		memset(r->has_backend_field, 0, sizeof(r->has_backend_field));
		r->place = BACKEND;
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
	const struct text *name = value_of(r, FIELD_NAME), *address = value_of(r, FIELD_VALUE);

	if (!name || !address) {
		config_fail(r->e, "each of \"listen\" has a \"name\" and an \"address\"");
		return refuse(r);
	}
	if (name->n == 0 || memchr(name->p, 0, name->n)) {
		config_fail(r->e, "\"listen.name\" is empty, or holds a zero byte");
		return refuse_at(r, name->line);
	}
	if (!config_add_listen(r->c, text_slice(name), text_slice(address), r->e))
		return refuse_at(r, address->line);
	for (size_t i = 0; i < r->n_values; i++) {
		const struct text *t = &r->values[i];
		char *l = (char *)&r->c->listen[r->c->n_listen - 1];
		const struct config_key *k;

		if (t->field < FIELD_TABLE)
			continue;
		k = &listen_keys[t->field - FIELD_TABLE];
		if (!config_set_field(k, l + k->offset, text_slice(t), r->e))
			return refuse_at(r, t->line);
	}
	return 1;
}

static int end_certificate(struct reader *r)
{
	const struct text *name = value_of(r, FIELD_NAME);
	const struct text *certificate = value_of(r, FIELD_VALUE);
	const struct text *key = value_of(r, FIELD_TABLE);

	if (!name || !certificate || !key) {
		config_fail(r->e,
			    "each of \"certificates\" has a \"name\", a \"certificate\" and a "
			    "\"key\"");
		return refuse(r);
	}
	return config_add_certificate(r->c, text_slice(name), text_slice(certificate),
				      text_slice(key), r->e) ||
	       refuse_at(r, name->line);
}

/* Sets what one value of a domain says; *b is the backend that was made last. */
static bool use_value(struct config_domain *d, struct route_backend **b, const struct text *t,
		      struct config_error *e)
{
	const struct config_key *k;

	if (t->place == BACKENDS) {
		*b = config_new_backend(d, text_slice(t), e);
		return *b != NULL;
	}
	if (t->field < FIELD_TABLE)
		return true;
	if (t->place == BACKEND) {
		k = &backend_keys[t->field - FIELD_TABLE];
		return config_set_field(k, (char *)*b + k->offset, text_slice(t), e);
	}
	k = &domain_keys[t->field - FIELD_TABLE];
	if (k->type == CONFIG_LIST)
		return config_add_item(k, (const char ***)((char *)d + k->offset), text_slice(t),
				       e);
	return config_set_field(k, (char *)d + k->offset, text_slice(t), e);
}

/* A list that is given stands for itself, not beside its default. */
static void clear_given_lists(const struct reader *r, struct config_domain *d)
{
	for (int i = 0; i < DOMAIN_KEYS; i++) {
		const char ***field = (const char ***)((char *)d + domain_keys[i].offset);

		if (domain_keys[i].type != CONFIG_LIST || !r->has_field[FIELD_TABLE + i])
			continue;
		config_free_texts(*field);
		*field = NULL;
	}
}

static int end_domain(struct reader *r)
{
	const struct text *name = value_of(r, FIELD_NAME);
	struct route_backend *b = NULL;
	struct config_domain *d;

	if (!name || !value_of(r, FIELD_VALUE)) {
		config_fail(r->e, "each of \"domains\" has a \"name\" and at least one of "
				  "\"backends\"");
		return refuse(r);
	}
	d = config_new_domain(r->c, text_slice(name), r->e);
	if (!d)
		return refuse_at(r, name->line);
	clear_given_lists(r, d);
	for (size_t i = 0; i < r->n_values; i++)
		if (!use_value(d, &b, &r->values[i], r->e))
			return refuse_at(r, r->values[i].line);
	return 1;
}

static int end_backend(struct reader *r)
{
	r->field = r->outer_field;
	if (r->has_backend_field[FIELD_VALUE])
		return 1;
	config_fail(r->e, "each of \"domains.backends\" that is an object has a \"url\"");
	return refuse(r);
}

static int on_end_map(void *ctx)
{
	struct reader *r = ctx;
	int good = 1;

	if (r->place == LISTEN_ITEM)
		good = end_listen(r);
	else if (r->place == DOMAIN_ITEM)
		good = end_domain(r);
	else if (r->place == BACKEND)
		good = end_backend(r);
	else if (r->place == CERTIFICATE_ITEM)
		good = end_certificate(r);
	if (r->place != BACKEND)
		clear_item(r);
	r->place = config_places[r->place].outer;
	return good;
}

static int on_start_array(void *ctx)
{
	struct reader *r = ctx;
	const struct config_key *k = table_key(r);
	int key = r->place == TOP || r->place == GROUP ? config_find(r->path) : -1;

	if (r->place == DOMAIN_ITEM && r->field == FIELD_VALUE) {
		r->place = BACKENDS;
		return 1;
	}
	if (r->place == DOMAIN_ITEM && k && k->type == CONFIG_LIST) {
		r->place = DOMAIN_LIST;
		return 1;
	}
	if (key >= 0 && config_keys[key].type == CONFIG_LIST) {
		r->outer = r->place;
		r->place = KEY_LIST;
		return config_set(r->c, r->path, SLICE_NONE, r->e);
	}
	for (enum place q = LISTEN; r->place == TOP && q <= ORIGINS; q++)
		if (config_places[q].outer == TOP && slice_is(r->path, config_places[q].path)) {
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
			    config_places[r->place].path);
		return refuse(r);
	}
	r->place = r->place == KEY_LIST ? r->outer : config_places[r->place].outer;
	return 1;
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
	r.ended = status == yajl_status_ok;
	if (r.ended)
		status = yajl_complete_parse(r.yajl);
	if (status == yajl_status_error)
		broken_json(&r);
	clear_item(&r);
	yajl_free(r.yajl);
	return status == yajl_status_ok;
}

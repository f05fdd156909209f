/* What the file has wrong, in words and with its line. */
#include "config/json_priv.h"

#include <stdlib.h>

const struct config_place config_places[ORIGINS + 1] = {
    [OUTSIDE] = {"the file", "one object in { }", OUTSIDE, NULL},
    [TOP] = {"", "", OUTSIDE, NULL},
    [GROUP] = {"", "", TOP, NULL},
    [LISTEN] = {"listen", "a list of objects {\"name\": ..., \"address\": ...}", TOP, NULL},
    [LISTEN_ITEM] = {"listen", "", LISTEN, "address"},
    [DOMAINS] = {"domains", "a list of objects {\"name\": ..., \"backends\": [...]}", TOP, NULL},
    [DOMAIN_ITEM] = {"domains", "", DOMAINS, "backends"},
    [DOMAIN_LIST] = {"domains", "a list of strings", DOMAIN_ITEM, NULL},
    [BACKENDS] = {"domains.backends",
		  "a list of strings, such as \"tcp://127.0.0.1:5222\", or of objects {\"url\": "
		  "...}",
		  DOMAIN_ITEM, NULL},
    [BACKEND] = {"domains.backends", "", BACKENDS, "url"},
    [CERTIFICATES] = {"certificates",
		      "a list of objects {\"name\": ..., \"certificate\": ..., \"key\": ...}", TOP,
		      NULL},
    [CERTIFICATE_ITEM] = {"certificates", "", CERTIFICATES, "certificate"},
    [ORIGINS] = {"origins", "a list of strings, such as \"https://chat.example.org\"", TOP, NULL},
};

unsigned reader_line(struct reader *r)
{
	size_t end = r->ended ? r->text.n : yajl_get_bytes_consumed(r->yajl);

	for (size_t i = r->counted.n; i < end && i < r->text.n; i++)
		r->line += r->text.p[i] == '\n';
	if (end > r->counted.n)
		r->counted.n = end;
	return r->line;
}

/* Puts the place of an error before what config_fail() said. */
int refuse_at(struct reader *r, unsigned line)
{
	struct config_error what = *r->e;

	config_fail(r->e, "%s:%u: %.400s", r->name, line, what.text);
	return 0;
}

int refuse(struct reader *r)
{
	return refuse_at(r, reader_line(r));
}

const struct config_key *table_of(enum place p, int *n)
{
	switch (p) {
	case LISTEN_ITEM: *n = LISTEN_KEYS; return listen_keys;
	case DOMAIN_ITEM: *n = DOMAIN_KEYS; return domain_keys;
	case BACKEND: *n = BACKEND_KEYS; return backend_keys;
	case CERTIFICATE_ITEM: *n = CERTIFICATE_KEYS; return certificate_keys;
	default: *n = 0; return NULL;
	}
}

const struct config_key *table_key(const struct reader *r)
{
	int n;
	enum place p = r->place == DOMAIN_LIST ? DOMAIN_ITEM : r->place;
	const struct config_key *t = table_of(p, &n);

	return t && r->field >= FIELD_TABLE && r->field < FIELD_NONE ? &t[r->field - FIELD_TABLE]
								     : NULL;
}

static void wants(struct reader *r, const struct config_key *k, const char *got)
{
	switch (k->type) {
	case CONFIG_INT:
		config_fail(r->e, "\"%s\" is a whole number of %s from %lld to %lld, not %s",
			    k->path, k->unit, (long long)k->minimum, (long long)k->maximum, got);
		break;
	case CONFIG_LIST:
		config_fail(r->e, "\"%s\" is a list of strings (%s), not %s", k->path, k->unit,
			    got);
		break;
	default: config_fail(r->e, "\"%s\" is a string (%s), not %s", k->path, k->unit, got); break;
	}
}

static int wrong_item(struct reader *r, const char *got)
{
	const struct config_key *k = table_key(r);

	if (k)
		wants(r, k, got);
	else if (r->place == DOMAIN_ITEM && r->field == FIELD_VALUE)
		config_fail(r->e, "\"domains.backends\" is %s, not %s",
			    config_places[BACKENDS].wanted, got);
	else if (config_places[r->place].value)
		config_fail(r->e, "\"%s.%s\" is a string, not %s", config_places[r->place].path,
			    r->field == FIELD_NAME ? "name" : config_places[r->place].value, got);
	else
		config_fail(r->e, "\"%s\" is %s, but here is %s", config_places[r->place].path,
			    config_places[r->place].wanted, got);
	return refuse(r);
}

int wrong_type(struct reader *r, const char *got)
{
	int i = config_find(r->path);
	int group = config_find_group(r->path);
	enum place p = LISTEN;

	if (r->place != TOP && r->place != GROUP && r->place != KEY_LIST)
		return wrong_item(r, got);
	if (i >= 0) {
		wants(r, &config_keys[i], got);
	} else if (group >= 0) {
		config_fail(r->e, "\"%.*s\" is an object of keys such as \"%s\", not %s",
			    SHOW(r->path), config_keys[group].path, got);
	} else {
		while (p < ORIGINS && !slice_is(r->path, config_places[p].path))
			p++;
		config_fail(r->e, "\"%.*s\" is %s, not %s", SHOW(r->path), config_places[p].wanted,
			    got);
	}
	return refuse(r);
}

int unknown_item_key(struct reader *r, struct slice key)
{
	struct buf known = {0};
	int n;
	const struct config_key *t = table_of(r->place, &n);

	buf_addf(&known, r->place == BACKEND ? "\"%s\"" : "\"name\", \"%s\"",
		 config_places[r->place].value);
	for (int i = 0; i < n; i++)
		buf_addf(&known, ", \"%s\"", config_key_name(&t[i]));
	config_fail(r->e, "unknown key \"%.*s\" in \"%s\", known: %.*s", SHOW(key),
		    config_places[r->place].path, (int)known.len, buf_data(&known));
	buf_clear(&known);
	return refuse(r);
}

/* What yajl itself objects to: its own words, without its prefix and newline. */
void broken_json(struct reader *r)
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

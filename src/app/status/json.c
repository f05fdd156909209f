/* JSON, by yajl. */
#include "app/status/json.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <yajl/yajl_tree.h>

struct json json_new(void)
{
	struct json j = {yajl_gen_alloc(NULL)};

	assert(j.g);
	yajl_gen_config(j.g, yajl_gen_validate_utf8, 1);
	return j;
}

struct buf json_done(struct json *j)
{
	const unsigned char *text;
	size_t n;
	struct buf b;

	yajl_gen_get_buf(j->g, &text, &n);
	b = buf_copy(slice_of((const char *)text, n));
	yajl_gen_free(j->g);
	j->g = NULL;
	return b;
}

static void put(struct json *j, const char *s)
{
	if (s)
		yajl_gen_string(j->g, (const unsigned char *)s, strlen(s));
}

void json_open(struct json *j, const char *key)
{
	put(j, key);
	yajl_gen_map_open(j->g);
}

void json_close(struct json *j)
{
	yajl_gen_map_close(j->g);
}

void json_array(struct json *j, const char *key)
{
	put(j, key);
	yajl_gen_array_open(j->g);
}

void json_array_close(struct json *j)
{
	yajl_gen_array_close(j->g);
}

void json_text(struct json *j, const char *key, struct slice value)
{
	struct buf ascii = {0};

	put(j, key);
	if (yajl_gen_string(j->g, (const unsigned char *)(value.p ? value.p : ""), value.n) ==
	    yajl_gen_status_ok)
		return;
	for (size_t i = 0; i < value.n; i++)
		buf_addc(&ascii, value.p[i] & 0x80 ? '?' : value.p[i]);
	yajl_gen_string(j->g, (const unsigned char *)buf_slice(&ascii).p, ascii.len);
	buf_clear(&ascii);
}

void json_null(struct json *j, const char *key)
{
	put(j, key);
	yajl_gen_null(j->g);
}

void json_int(struct json *j, const char *key, int64_t value)
{
	put(j, key);
	yajl_gen_integer(j->g, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	put(j, key);
	yajl_gen_bool(j->g, value);
}

struct json_doc {
	yajl_val tree;
};

struct json_doc *json_read(struct slice text)
{
	char *copy = mem_strndup(text.n ? text.p : "", text.n), error[128];
	yajl_val tree = strlen(copy) == text.n ? yajl_tree_parse(copy, error, sizeof(error)) : NULL;
	struct json_doc *d = NULL;

	free(copy);
	if (YAJL_IS_OBJECT(tree)) {
		d = mem_alloc(sizeof(*d));
		d->tree = tree;
	} else if (tree) {
		yajl_tree_free(tree);
	}
	return d;
}

void json_free(struct json_doc *d)
{
	if (!d)
		return;
	yajl_tree_free(d->tree);
	free(d);
}

static yajl_val get(const struct json_doc *d, const char *key)
{
	return yajl_tree_get(d->tree, (const char *[]){key, NULL}, yajl_t_any);
}

const char *json_get_text(const struct json_doc *d, const char *key)
{
	return YAJL_GET_STRING(get(d, key));
}

bool json_get_bool(const struct json_doc *d, const char *key, bool *value)
{
	yajl_val v = get(d, key);

	if (!YAJL_IS_TRUE(v) && !YAJL_IS_FALSE(v))
		return false;
	*value = YAJL_IS_TRUE(v);
	return true;
}

/* JSON, by yajl: a few calls that read like the document they make. */
#ifndef APP_STATUS_JSON_H
#define APP_STATUS_JSON_H

#include <yajl/yajl_gen.h>
#include "base/buf.h"

struct json {
	yajl_gen g;
};

struct json json_new(void);
struct buf json_done(struct json *j); /* the document, the caller's; frees the rest */

/* A document that was read. NULL: it is no JSON object. */
struct json_doc;
struct json_doc *json_read(struct slice text);
void json_free(struct json_doc *d);
const char *json_get_text(const struct json_doc *d, const char *key); /* lends; NULL: no string */
bool json_get_bool(const struct json_doc *d, const char *key, bool *value); /* false: none */

void json_open(struct json *j,
	       const char *key); /* an object; key NULL inside an array or outermost */
void json_close(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_close(struct json *j);
void json_text(struct json *j, const char *key,
	       struct slice value); /* bytes not UTF-8 become '?' */
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
void json_int(struct json *j, const char *key, int64_t value);

#endif

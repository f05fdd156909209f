/* Files from memory: a handful, found by walking the list. */
#include "web/files.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/condition.h"
#include "proto/query.h"
#include "web/answer.h"
#include "web/coder.h"

#include <stdio.h>

enum { LEVEL = 6 };

static const char index_name[] = "index.html";

/* Whether name is path followed by tail. */
static bool joined(const char *name, struct slice path, const char *tail)
{
	return strlen(name) == path.n + strlen(tail) && memcmp(name, path.p, path.n) == 0 &&
	       strcmp(name + path.n, tail) == 0;
}

/* As what it decodes to (RFC 3986 6.2.2), for browsers and programs do not agree on what they have
 * to encode. */
static const struct web_file *find(const struct web_files *files, struct slice path,
				   const char *tail)
{
	const struct web_file *found = NULL;
	struct buf plain = {0};

	if (memchr(path.p, '%', path.n))
		path = query_unescape(&plain, path) ? buf_slice(&plain) : SLICE_NONE;
	for (size_t i = 0; path.n && files && i < files->n && !found; i++)
		if (joined(files->v[i].path, path, tail))
			found = &files->v[i];
	buf_clear(&plain);
	return found;
}

const struct web_file *files_find(const struct web_files *files, struct slice path)
{
	bool folder = path.n && path.p[path.n - 1] == '/';

	return find(files, path, folder ? index_name : "");
}

/* Done once, so at leisure. */
void web_files_pack(struct web_files *f)
{
	struct coder *c = coder_new(LEVEL);
	struct buf packed = {0};

	for (size_t i = 0; i < f->n; i++) {
		struct web_file *file = &f->v[i];

		buf_reset(&packed);
		if (file->bytes.n < ANSWER_PACK_MIN || !answer_packs(file->type) ||
		    !coder_pack(c, CODING_GZIP, file->bytes, &packed))
			continue;
		file->packed = slice_of(mem_alloc(packed.len), packed.len);
		memcpy((char *)file->packed.p, buf_data(&packed), packed.len);
	}
	buf_clear(&packed);
	coder_free(c);
}

static void nothing_here(struct request *r, struct slice path)
{
	char words[256], shown[200];

	snprintf(words, sizeof(words), "Nothing is served at %s.",
		 log_value(shown, sizeof(shown), path));
	answer_words(r, 404, NULL, false, words);
}

static void not_found(struct request *r, const struct web_files *files, struct slice path)
{
	char fields[ANSWER_FIELDS_MAX];

	if (path.n > 200 || !find(files, path, "/index.html")) {
		nothing_here(r, path);
		return;
	}
	snprintf(fields, sizeof(fields), "Location: %.*s/\r\n", (int)path.n, path.p);
	answer_words(r, 301, fields, false, "The page is one slash further.");
}

static bool field(const struct http1_head *q, struct slice name, struct slice *value)
{
	struct slice head = q->bytes;

	return http1_last_field(&head, name, value);
}

/* The entity tag: another one for the compressed bytes. */
static struct slice tag_of(const struct web_file *file, bool packed, char dst[WEB_TAG + 8])
{
	if (!*file->tag)
		return SLICE_NONE;
	snprintf(dst, WEB_TAG + 8, "\"%s%s\"", file->tag, packed ? "-gzip" : "");
	return slice_str(dst);
}

/* RFC 9110 13.1.5: a part is only wanted of the very file that the client has the rest of. */
static enum condition_range part(const struct http1_head *q, const struct web_file *file,
				 struct slice *bytes)
{
	struct slice range, known;
	char tag[WEB_TAG + 8];
	uint64_t from, n;
	enum condition_range result;

	snprintf(tag, sizeof(tag), "\"%s\"", file->tag);
	if (q->method != HTTP1_GET || !*file->tag || !field(q, SLICE("Range"), &range) ||
	    (field(q, SLICE("If-Range"), &known) && !slice_is(known, tag)))
		return CONDITION_WHOLE;
	result = condition_range(range, file->bytes.n, &from, &n);
	if (result == CONDITION_PART)
		*bytes = slice_of(file->bytes.p + from, n);
	return result;
}

void files_answer(struct request *r, const struct web_files *files, const struct http1_head *q)
{
	const struct web_file *file = files_find(files, q->path);
	struct answer a = {.status = 200, .cached = true};
	struct buf none = {0};
	struct slice known, tag;
	char text[WEB_TAG + 8] = "", fields[ANSWER_FIELDS_MAX];
	enum condition_range range;

	if (!file) {
		not_found(r, files, q->path);
		return;
	}
	a.file = file->bytes;
	range = part(q, file, &a.file);
	a.type = file->type;
	a.packed = range == CONDITION_WHOLE && file->packed.n && r->liked == CODING_GZIP;
	tag = tag_of(file, a.packed, text);
	a.fields = tag.n ? fields : NULL;
	snprintf(fields, sizeof(fields), "ETag: %s\r\nAccept-Ranges: bytes\r\n", text);
	if (tag.n && field(q, SLICE("If-None-Match"), &known) && condition_names(known, tag)) {
		a.status = 304;
	} else if (range == CONDITION_BEYOND) {
		snprintf(fields, sizeof(fields), "Content-Range: bytes */%zu\r\n", file->bytes.n);
		answer_words(r, 416, fields, false, "The file ends before that range.");
		return;
	} else if (range == CONDITION_PART) {
		a.status = 206;
		snprintf(fields, sizeof(fields),
			 "ETag: %s\r\nAccept-Ranges: bytes\r\nContent-Range: bytes %zu-%zu/%zu\r\n",
			 text, (size_t)(a.file.p - file->bytes.p),
			 (size_t)(a.file.p - file->bytes.p) + a.file.n - 1, file->bytes.n);
	} else if (a.packed) {
		a.file = file->packed;
	}
	answer(r, &a, &none);
}

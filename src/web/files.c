/* Files from memory: a handful, found by walking the list. */
#include "web/files.h"
#include "base/log.h"
#include "base/mem.h"
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

static const struct web_file *find(const struct web_files *files, struct slice path,
				   const char *tail)
{
	for (size_t i = 0; files && i < files->n; i++)
		if (joined(files->v[i].path, path, tail))
			return &files->v[i];
	return NULL;
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

void files_answer(struct request *r, const struct web_files *files, struct slice path)
{
	const struct web_file *file = files_find(files, path);
	struct answer a = {.status = 200, .cached = true};
	char fields[ANSWER_FIELDS_MAX];
	struct buf body = {0};

	if (file) {
		buf_headroom(&body, ANSWER_ROOM);
		a.type = file->type;
		a.packed = file->packed.n && r->liked == CODING_GZIP;
		buf_adds(&body, a.packed ? file->packed : file->bytes);
		answer(r, &a, &body);
		return;
	}
	if (path.n > 200 || !find(files, path, "/index.html")) {
		nothing_here(r, path);
		return;
	}
	snprintf(fields, sizeof(fields), "Location: %.*s/\r\n", (int)path.n, path.p);
	answer_words(r, 301, fields, false, "The page is one slash further.");
}

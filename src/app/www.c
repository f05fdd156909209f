/* The application's static files. */
#include "app/www.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES_MAX = 32 << 20, DEPTH_MAX = 16 };

struct load {
	struct web_files *files;
	size_t bytes;
	size_t root; /* length of the directory's own path */
};

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
	    {".html", "text/html; charset=utf-8"},
	    {".htm", "text/html; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".mjs", "text/javascript; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"},
	    {".json", "application/json"},
	    {".map", "application/json"},
	    {".webmanifest", "application/manifest+json"},
	    {".svg", "image/svg+xml"},
	    {".png", "image/png"},
	    {".jpg", "image/jpeg"},
	    {".jpeg", "image/jpeg"},
	    {".avif", "image/avif"},
	    {".gif", "image/gif"},
	    {".webp", "image/webp"},
	    {".ico", "image/x-icon"},
	    {".woff2", "font/woff2"},
	    {".woff", "font/woff"},
	    {".ttf", "font/ttf"},
	    {".otf", "font/otf"},
	    {".wasm", "application/wasm"},
	    {".txt", "text/plain; charset=utf-8"},
	    {".mp3", "audio/mpeg"},
	    {".ogg", "audio/ogg"},
	    {".wav", "audio/wav"},
	    {".m4a", "audio/mp4"},
	    {".mp4", "video/mp4"},
	    {".webm", "video/webm"},
	    {".pdf", "application/pdf"},
	    {".xml", "application/xml"},
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static bool complain(const char *path, const char *problem)
{
	char text[1024];

	log_error("start", "key=www.directory path=%s problem=\"%s\"",
		  log_value(text, sizeof(text), slice_str(path)), problem);
	return false;
}

/* FNV-1a: whether two files differ is the question, not who made them so. */
static void make_tag(char tag[WEB_TAG], struct slice bytes)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < bytes.n; i++)
		hash = (hash ^ (unsigned char)bytes.p[i]) * 0x100000001b3;
	snprintf(tag, WEB_TAG, "%016llx", (unsigned long long)hash);
}

static void keep(struct web_files *f, const char *path, struct slice bytes)
{
	f->v = mem_realloc(f->v, (f->n + 1) * sizeof(*f->v));
	f->v[f->n] =
	    (struct web_file){.path = mem_strdup(path), .type = type_of(path), .bytes = bytes};
	make_tag(f->v[f->n++].tag, bytes);
}

static bool read_whole(int fd, char *dst, size_t n)
{
	while (n) {
		ssize_t got = read(fd, dst, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		dst += got;
		n -= (size_t)got;
	}
	return true;
}

static bool load_file(struct load *l, const char *path, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes;
	bool good;

	if (fd < 0)
		return complain(path, strerror(errno));
	if (size > BYTES_MAX - l->bytes) {
		close(fd);
		return complain(path, "more than 32 MiB in all: serve large files elsewhere");
	}
	bytes = mem_alloc(size);
	good = read_whole(fd, bytes, size);
	close(fd);
	if (!good) {
		free(bytes);
		return complain(path, "cannot be read whole");
	}
	l->bytes += size;
	keep(l->files, path + l->root, slice_of(bytes, size));
	return true;
}

static bool load_dir(struct load *l, const char *dir, int depth)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[4096];
	struct stat st;
	bool good = true;

	if (!d)
		return complain(dir, strerror(errno));
	while (good && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) >= (int)sizeof(path))
			good = complain(dir, "a path is too long");
		else if (stat(path, &st) < 0)
			good = complain(path, strerror(errno));
		else if (S_ISDIR(st.st_mode))
			good = depth < DEPTH_MAX ? load_dir(l, path, depth + 1)
						 : complain(path, "too many levels of folders");
		else if (S_ISREG(st.st_mode))
			good = load_file(l, path, (size_t)st.st_size);
	}
	closedir(d);
	return good;
}

struct web_files *www_load(const char *dir)
{
	struct load l = {.files = mem_zalloc(sizeof(*l.files))};
	char *root = mem_strdup(dir);
	bool good;

	for (l.root = strlen(root); l.root > 1 && root[l.root - 1] == '/'; l.root--)
		root[l.root - 1] = '\0';
	good = load_dir(&l, root, 0);
	free(root);
	if (good)
		return l.files;
	www_free(l.files);
	return NULL;
}

void www_free(struct web_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++) {
		free((char *)f->v[i].path);
		free((char *)f->v[i].bytes.p);
		free((char *)f->v[i].packed.p);
	}
	free(f->v);
	free(f);
}

/* The runtime directory. Where it is not given it may be one in /tmp, beside what others put there:
 * so it is looked at before it is believed. */
#include "app/runtime.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

enum { TOKEN_BYTES = 16, TOKEN_MIN = 16, FILE_MAX = 256 };

static bool complain(const struct config *c, const char *path, const char *problem)
{
	bool asked = *c->runtime_directory || *c->status_token_file;
	char text[RUNTIME_PATH];

	log_line(asked ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "start", "path=%s problem=\"%s\"%s",
		 log_value(text, sizeof(text), slice_str(path)), problem,
		 asked ? ""
		       : " text=\"no control socket, no token: fairleadctl and the acts of the "
			 "status page will not work; runtime.directory names another place\"");
	return !asked;
}

static void choose(char *dst, const struct config *c)
{
	const char *systemd = getenv("RUNTIME_DIRECTORY"), *session = getenv("XDG_RUNTIME_DIR");

	if (*c->runtime_directory)
		snprintf(dst, RUNTIME_PATH, "%s", c->runtime_directory);
	else if (systemd && *systemd) /* of several, with colons between them, the first */
		snprintf(dst, RUNTIME_PATH, "%.*s", (int)strcspn(systemd, ":"), systemd);
	else if (geteuid() == 0)
		snprintf(dst, RUNTIME_PATH, "/run/fairlead");
	else if (session && *session)
		snprintf(dst, RUNTIME_PATH, "%s/fairlead", session);
	else
		snprintf(dst, RUNTIME_PATH, "/tmp/fairlead-%u", (unsigned)geteuid());
}

static void below(char *dst, const char *directory, const char *name)
{
	int n = snprintf(dst, RUNTIME_PATH, "%s/%s", directory, name);

	if (n >= RUNTIME_PATH)
		*dst = '\0';
}

void runtime_find(struct runtime *r, const struct config *c)
{
	*r = (struct runtime){.token = ""};
	choose(r->directory, c);
	below(r->socket, r->directory, "control.sock");
	if (*c->status_token_file)
		snprintf(r->token_file, sizeof(r->token_file), "%s", c->status_token_file);
	else
		below(r->token_file, r->directory, "status.token");
}

/* NULL where it is fit to hold secrets, else why not. */
static const char *unfit(const char *directory, uid_t user)
{
	struct stat st;

	if (lstat(directory, &st) < 0)
		return strerror(errno);
	if (!S_ISDIR(st.st_mode))
		return "this is no directory";
	if (st.st_uid != geteuid() && st.st_uid != user && st.st_uid != 0)
		return "the directory belongs to another user";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "others may write to the directory";
	return NULL;
}

static const char *token_problem(int fd, char token[RUNTIME_TOKEN])
{
	char text[FILE_MAX];
	struct slice s;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "this is no plain file";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "others may read or write the token: chmod 600";
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return strerror(errno);
	s = slice_trim(slice_of(text, (size_t)n));
	if (s.n < TOKEN_MIN || s.n >= RUNTIME_TOKEN)
		return "a token has 16 to 128 characters";
	/* RFC 6750 2.1; and as it stands it may stand in a link. */
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(TOKEN_CHARS, s.p[i], sizeof(TOKEN_CHARS) - 1))
			return "a token has letters, digits and - . _ ~ + / = only";
	memcpy(token, s.p, s.n);
	token[s.n] = '\0';
	mem_wipe(text, sizeof(text));
	return NULL;
}

bool runtime_read_token(const char *path, char token[RUNTIME_TOKEN], const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0) {
		*why = strerror(errno);
		return false;
	}
	*why = token_problem(fd, token);
	close(fd);
	errno = 0;
	return !*why;
}

bool runtime_link(const struct runtime *r, const struct config *c, char url[RUNTIME_LINK])
{
	static const uint8_t any[16];
	struct listen_at at = c->status_listen;
	bool tls = c->status_tls == CONFIG_ON, all = memcmp(at.addr.ip, any, sizeof(any)) == 0;
	char text[LISTEN_TEXT];

	if (at.kind != LISTEN_NET || !*r->token)
		return false;
	if (all && at.addr.family == ADDR_V4)
		at.addr.ip[0] = 127;
	if (all)
		at.addr.ip[at.addr.family == ADDR_V4 ? 3 : 15] = 1;
	listen_print(&at, text);
	/* Where it is the net's, its certificate has the name. */
	if (all && tls && c->status_names && *c->status_names)
		snprintf(text, sizeof(text), "%s:%u", *c->status_names, at.addr.port);
	snprintf(url, RUNTIME_LINK, "%s://%s/#token=%s", tls ? "https" : "http", text, r->token);
	return true;
}

static void make_token(char text[RUNTIME_TOKEN])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t bytes[TOKEN_BYTES];
	size_t n = 0;

	random_bytes(bytes, sizeof(bytes));
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit += 5) {
		size_t at = bit / 8;
		unsigned two =
		    (unsigned)bytes[at] << 8 | (at + 1 < sizeof(bytes) ? bytes[at + 1] : 0);

		text[n++] = digits[two >> (11 - bit % 8) & 31];
	}
	text[n] = '\0';
	mem_wipe(bytes, sizeof(bytes));
}

/* Whole or not at all, and never over one that is there: another process may do the same. It goes
 * to whom this process will become, by its descriptor: the directory is that user's, and by the
 * path we could be made to give away something else. */
static const char *write_token(const char *path, const struct config *c)
{
	char text[RUNTIME_TOKEN], temporary[RUNTIME_PATH + 32];
	const char *why = NULL;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.%u", path, (unsigned)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return strerror(errno);
	make_token(text);
	if (dprintf(fd, "%s\n", text) < 0 ||
	    (c->uid != (uid_t)-1 && fchown(fd, c->uid, c->gid) < 0) ||
	    (link(temporary, path) < 0 && errno != EEXIST))
		why = strerror(errno);
	mem_wipe(text, sizeof(text));
	close(fd);
	unlink(temporary);
	return why;
}

static const char *have_token(struct runtime *r, const struct config *c)
{
	const char *why;

	if (runtime_read_token(r->token_file, r->token, &why))
		return NULL;
	if (errno != ENOENT)
		return why;
	why = write_token(r->token_file, c);
	if (!why)
		runtime_read_token(r->token_file, r->token, &why);
	return why;
}

bool runtime_open(struct runtime *r, const struct config *c)
{
	const char *why = NULL;

	runtime_find(r, c);
	if (mkdir(r->directory, 0700) == 0) {
		if (c->uid != (uid_t)-1 && lchown(r->directory, c->uid, c->gid) < 0)
			why = strerror(errno);
	} else if (errno != EEXIST) {
		why = strerror(errno);
	} else {
		why = unfit(r->directory, c->uid);
	}
	if (why) {
		bool fine = complain(c, r->directory, why);

		*r = (struct runtime){.token = ""};
		return fine;
	}
	why = have_token(r, c);
	if (!why)
		return true;
	why = strdup(why);
	complain(c, r->token_file, why);
	free((char *)why);
	*r->token_file = *r->token = '\0';
	return !*c->runtime_directory && !*c->status_token_file;
}

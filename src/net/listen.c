/* Listening sockets. The file of a Unix socket outlives a program that was killed: who finds one
 * asks whether somebody still answers there, and replaces it only where nobody does. */
#include "net/listen.h"
#include "net/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static const struct slice unix_scheme = {"unix:", 5}, systemd_scheme = {"systemd:", 8};

static bool take_name(struct listen_at *at, enum listen_kind kind, struct slice name, size_t most)
{
	if (name.n == 0 || name.n > most || memchr(name.p, 0, name.n))
		return false;
	at->kind = kind;
	memcpy(at->name, name.p, name.n);
	return true;
}

bool listen_parse(struct listen_at *at, struct slice text)
{
	*at = (struct listen_at){.kind = LISTEN_NONE};
	if (slice_starts(text, unix_scheme)) {
		text = slice_of(text.p + unix_scheme.n, text.n - unix_scheme.n);
		return text.n > 1 && text.p[0] == '/' &&
		       take_name(at, LISTEN_UNIX, text,
				 sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	}
	if (slice_starts(text, systemd_scheme)) {
		text = slice_of(text.p + systemd_scheme.n, text.n - systemd_scheme.n);
		return !memchr(text.p, ':', text.n) &&
		       take_name(at, LISTEN_SYSTEMD, text, LISTEN_NAME - 1);
	}
	if (!addr_parse(&at->addr, text, true) || at->addr.port == 0)
		return false;
	at->kind = LISTEN_NET;
	return true;
}

const char *listen_print(const struct listen_at *at, char dst[LISTEN_TEXT])
{
	char text[ADDR_TEXT];

	switch (at->kind) {
	case LISTEN_NET: snprintf(dst, LISTEN_TEXT, "%s", addr_print(&at->addr, true, text)); break;
	case LISTEN_UNIX: snprintf(dst, LISTEN_TEXT, "unix:%s", at->name); break;
	case LISTEN_SYSTEMD: snprintf(dst, LISTEN_TEXT, "systemd:%s", at->name); break;
	case LISTEN_NONE: dst[0] = '\0'; break;
	}
	return dst;
}

bool listen_same(const struct listen_at *a, const struct listen_at *b)
{
	return a->kind == b->kind && addr_same(&a->addr, &b->addr) && strcmp(a->name, b->name) == 0;
}

static bool fail(struct listen_socket *s, const char **why, const char *words)
{
	*why = words;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return false;
}

static bool open_net(struct listen_socket *s, const struct listen_at *at, const char **why)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_write(&at->addr, &ss);
	int on = 1, v6only = at->v6only;

	s->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return fail(s, why, strerror(errno));
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Said either way: net.ipv6.bindv6only must not decide who reaches us. */
	if (at->addr.family == ADDR_V6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
	if (bind(s->fd, (struct sockaddr *)&ss, len) == 0 && listen(s->fd, BACKLOG) == 0)
		return true;
	if (errno == EADDRINUSE)
		return fail(s, why,
			    "Address already in use: another program listens there, choose "
			    "another address");
	return fail(s, why, strerror(errno));
}

/* Whether nobody answers at this socket's file any more. */
static bool stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd;
	bool dead;

	if (lstat(sun->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	dead = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return dead;
}

/* The mode is right from the start, and not given by the path, which may be in a folder of another
 * user: nobody gets in before listen(). */
static int bind_unix(int fd, const struct sockaddr_un *sun, mode_t mode)
{
	mode_t old = umask(0777 & ~mode);
	int r = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));

	umask(old);
	return r;
}

static bool open_unix(struct listen_socket *s, const struct listen_at *at, mode_t mode, uid_t uid,
		      gid_t gid, const char **why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, at->name, strnlen(at->name, sizeof(sun.sun_path) - 1));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return fail(s, why, strerror(errno));
	if (bind_unix(s->fd, &sun, mode) < 0) {
		if (errno != EADDRINUSE)
			return fail(s, why, strerror(errno));
		if (!stale(&sun))
			return fail(s, why,
				    "Address already in use: another program listens there, or "
				    "the file is no socket");
		if (unlink(at->name) < 0 || bind_unix(s->fd, &sun, mode) < 0)
			return fail(s, why, strerror(errno));
	}
	if ((uid != (uid_t)-1 && lchown(at->name, uid, gid) < 0) || listen(s->fd, BACKLOG) < 0 ||
	    lstat(at->name, &s->made) < 0) {
		*why = strerror(errno);
		unlink(at->name);
		return fail(s, why, *why);
	}
	snprintf(s->path, sizeof(s->path), "%s", at->name);
	return true;
}

bool listen_open(struct listen_socket *s, const struct listen_at *at, mode_t mode, uid_t uid,
		 gid_t gid, const char **why)
{
	*s = (struct listen_socket){.fd = -1};
	if (at->kind == LISTEN_NET)
		return open_net(s, at, why);
	if (at->kind == LISTEN_UNIX)
		return open_unix(s, at, mode, uid, gid, why);
	return fail(s, why, "nothing to open");
}

/* Numbers of files are used again at once, so the time tells them apart. */
static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

void listen_close(struct listen_socket *s)
{
	struct stat st;

	if (*s->path && lstat(s->path, &st) == 0 && same_file(&st, &s->made))
		unlink(s->path);
	s->path[0] = '\0';
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

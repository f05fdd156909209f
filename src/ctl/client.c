/* The control socket. HTTP/1.0 is spoken: an answer ends with its connection, a stream comes
 * unchunked. */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 16384, ANSWER_MAX = 64 << 20 };

void client_find(char path[4096])
{
	const char *session = getenv("XDG_RUNTIME_DIR");

	snprintf(path, 4096, "/run/fairlead/control.sock");
	if (access(path, F_OK) == 0)
		return;
	if (session && *session) {
		snprintf(path, 4096, "%s/fairlead/control.sock", session);
		if (access(path, F_OK) == 0)
			return;
	}
	snprintf(path, 4096, "/tmp/fairlead-%u/control.sock", (unsigned)geteuid());
	if (access(path, F_OK) != 0)
		snprintf(path, 4096, "/run/fairlead/control.sock");
}

static int complain(const char *socket, int error)
{
	if (error == EACCES || error == EPERM)
		fprintf(stderr,
			"fairleadctl: %s belongs to another user: be root, or the user that runs "
			"Fairlead\n",
			socket);
	else
		fprintf(stderr,
			"fairleadctl: no Fairlead listens on %s: is it running? -s names another "
			"socket (%s)\n",
			socket, strerror(error));
	return -1;
}

static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return complain(path, ENAMETOOLONG);
	memcpy(a.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return complain(path, errno);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	complain(path, errno);
	close(fd);
	return -1;
}

static bool send_all(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s.p += n;
		s.n -= (size_t)n;
	}
	return true;
}

static bool ask(int fd, const char *target, const char *body)
{
	struct buf b = {0};
	bool good;

	buf_addf(&b, "%s %s HTTP/1.0\r\nHost: fairlead\r\n", body ? "POST" : "GET", target);
	if (body)
		buf_addf(&b, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		BUF_LIT(&b, "\r\n");
	good = send_all(fd, buf_slice(&b));
	buf_clear(&b);
	return good;
}

/* Reads some more; false at the end. */
static bool more(int fd, struct buf *in)
{
	ssize_t n;

	if (in->len > ANSWER_MAX)
		return false;
	do
		n = read(fd, buf_room(in, PIECE), PIECE);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	buf_commit(in, (size_t)n);
	return true;
}

/* Takes the head off; its status, 0 where it is not whole. */
static int take_head(struct buf *in)
{
	struct slice s = buf_slice(in);

	for (size_t i = 0; i + 4 <= s.n; i++)
		if (memcmp(s.p + i, "\r\n\r\n", 4) == 0) {
			int status = s.n > 12 ? atoi(s.p + 9) : -1;

			buf_eat(in, (uint32_t)(i + 4));
			return status;
		}
	return 0;
}

static int head(int fd, const char *path, struct buf *in)
{
	int status;

	while (!(status = take_head(in)))
		if (!more(fd, in))
			break;
	if (status > 0)
		return status;
	fprintf(stderr, "fairleadctl: Fairlead on %s gave no answer: is it shutting down?\n", path);
	return -1;
}

int client_ask(const char *path, const char *target, const char *body_in, struct buf *body)
{
	int fd = dial(path), status;

	if (fd < 0)
		return -1;
	status = ask(fd, target, body_in) ? head(fd, path, body) : complain(path, errno);
	while (status > 0 && more(fd, body))
		continue;
	close(fd);
	return status;
}

static bool take_lines(struct buf *in, bool (*line)(struct slice))
{
	const char *end;

	while (in->len && (end = memchr(buf_data(in), '\n', in->len))) {
		size_t n = (size_t)(end - buf_data(in));
		bool on = line(slice_of(buf_data(in), n));

		buf_eat(in, (uint32_t)n + 1);
		if (!on)
			return false;
	}
	return true;
}

int client_follow(const char *path, const char *target, bool (*line)(struct slice text),
		  struct buf *body)
{
	int fd = dial(path), status;

	if (fd < 0)
		return -1;
	status = ask(fd, target, NULL) ? head(fd, path, body) : complain(path, errno);
	if (status == 200)
		while (take_lines(body, line) && more(fd, body))
			continue;
	else
		while (status > 0 && more(fd, body))
			continue;
	close(fd);
	return status;
}

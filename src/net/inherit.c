/* What systemd hands over: descriptors from 3 on, how many there are in LISTEN_FDS, for whom in
 * LISTEN_PID, and what they are called in LISTEN_FDNAMES, with colons between. */
#include "net/inherit.h"
#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

bool inherit_read(struct inherit *h, const char *pid, const char *fds, const char *names,
		  pid_t self)
{
	struct slice rest = slice_str(names);
	int64_t n;

	*h = (struct inherit){NULL, 0};
	if (!pid || !fds || num_parse(slice_str(pid), INT32_MAX) != self)
		return true;
	n = num_parse(slice_str(fds), INHERIT_MAX);
	if (n < 0)
		return false;
	h->v = mem_zalloc(((size_t)n + 1) * sizeof(*h->v));
	for (; h->n < (size_t)n; h->n++) {
		struct slice name = SLICE("");

		if (names && !rest.p)
			return false; /* fewer names than descriptors */
		if (names)
			name = slice_cut(&rest, ':');
		h->v[h->n] = (struct inherited){.fd = INHERIT_FIRST + (int)h->n,
						.name = mem_strndup(name.p, name.n)};
	}
	return n == 0 || !rest.p;
}

struct inherited *inherit_take(struct inherit *h, const char *name)
{
	int64_t place = num_parse(slice_str(name), INHERIT_MAX);

	for (size_t i = 0; i < h->n; i++) {
		struct inherited *d = &h->v[i];
		bool meant = *d->name ? strcmp(d->name, name) == 0 : place == (int64_t)i + 1;

		if (!meant || d->taken)
			continue;
		d->taken = true;
		return d;
	}
	return NULL;
}

const struct inherited *inherit_untaken(const struct inherit *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (!h->v[i].taken)
			return &h->v[i];
	return NULL;
}

bool inherit_usable(int fd, const char **why)
{
	int type = 0, listens = 0, flags = fcntl(fd, F_GETFL);
	socklen_t n = sizeof(type), m = sizeof(listens);

	*why = "this descriptor is no socket that listens for connections: the socket unit needs "
	       "ListenStream= and Accept=no";
	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    type != SOCK_STREAM || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &m) < 0 ||
	    !listens)
		return false;
	*why = "this descriptor cannot be made non-blocking";
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

void inherit_clear(struct inherit *h)
{
	for (size_t i = 0; i < h->n; i++) {
		if (!h->v[i].taken)
			close(h->v[i].fd);
		free((char *)h->v[i].name);
	}
	free(h->v);
	*h = (struct inherit){NULL, 0};
}

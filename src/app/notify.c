/* Telling the service manager. A datagram that cannot be sent is dropped: it never holds up work,
 * and the next one tells more. */
#include "app/notify.h"
#include "base/num.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

enum { NOTIFY_MAX = 512 };

static bool read_path(struct notify *n, struct slice path)
{
	if (path.n < 2 || path.n >= sizeof(n->to.sun_path) ||
	    (path.p[0] != '/' && path.p[0] != '@'))
		return false;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, path.p, path.n);
	if (path.p[0] == '@')
		n->to.sun_path[0] = '\0';
	n->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
	return true;
}

bool notify_init(struct notify *n, const char *path, const char *watchdog_usec,
		 const char *watchdog_pid, pid_t self)
{
	int64_t usec = watchdog_usec ? num_parse(slice_str(watchdog_usec), INT64_MAX) : 0;

	*n = (struct notify){.fd = -1};
	if (!path || !*path)
		return true;
	if (!read_path(n, slice_str(path)))
		return false;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return false;
	if (usec > 0 && (!watchdog_pid || num_parse(slice_str(watchdog_pid), INT32_MAX) == self))
		n->watchdog = usec / 1000 ? usec / 1000 : 1;
	return true;
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
	char text[NOTIFY_MAX];
	va_list ap;
	int length;

	if (n->fd < 0)
		return;
	va_start(ap, fmt);
	length = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (length > 0 && length < NOTIFY_MAX)
		sendto(n->fd, text, (size_t)length, MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
		       n->length);
}

void notify_clear(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

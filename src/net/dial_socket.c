/* One attempt to connect: a socket with its options, from a source address of ours where there are
 * any. */
#include "net/dial_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/sockaddr.h"

enum { PROBES = 3 }; /* that must go without an answer */

static void set(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

/* Between two probes, in seconds. With a user timeout Linux does not count them: it resets the
 * connection at the first that is due, one having gone without an answer, once the silence is as
 * old as that timeout. So they have to fit in before. */
static int interval(const struct dial_policy *p, int idle)
{
	int room = p->user_timeout ? (int)(p->user_timeout / 1000) - idle : idle;

	return room < PROBES ? 1 : room / PROBES;
}

static void set_options(int fd, const struct dial_policy *p)
{
	int idle = p->keepalive < 1000 ? 1 : (int)(p->keepalive / 1000);

	if (p->keepalive) {
		set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
		set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval(p, idle));
		set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	}
	if (p->user_timeout)
		set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)p->user_timeout);
}

/* A port of the local range that nobody listens on can connect to itself. */
static bool to_itself(int fd)
{
	struct sockaddr_storage a = {0}, b = {0};
	socklen_t n = sizeof(a), m = sizeof(b);

	return getsockname(fd, (struct sockaddr *)&a, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&b, &m) == 0 && a.ss_family != AF_UNIX &&
	       n == m && memcmp(&a, &b, n) == 0;
}

int dial_socket_error(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return errno;
	return !error && to_itself(fd) ? ECONNREFUSED : error;
}

/* The kernel says EADDRNOTAVAIL when all local ports are taken and when it has no address to come
 * from at all (IPv6 switched off). UDP has ports of its own: it tells the two apart. */
static bool is_reachable(const struct addr *source, const struct sockaddr *to, socklen_t n)
{
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage from;
	socklen_t m;
	bool good = true;

	if (fd < 0)
		return false;
	if (source) {
		m = sockaddr_write(source, &from);
		good = bind(fd, (struct sockaddr *)&from, m) == 0;
	}
	good = good && connect(fd, to, n) == 0;
	close(fd);
	return good;
}

static enum dial_socket attempt(const struct dial_policy *p, const struct addr *source,
				const struct sockaddr *to, socklen_t n, int *fd)
{
	struct sockaddr_storage from;
	socklen_t m;
	int error;

	*fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return SOCKET_FAILED;
	if (to->sa_family != AF_UNIX)
		set_options(*fd, p);
	if (source) {
		/* The port is chosen by connect(), so that it may serve many destinations. */
		set(*fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		m = sockaddr_write(source, &from);
		if (bind(*fd, (struct sockaddr *)&from, m) < 0) {
			close(*fd);
			*fd = -1;
			return SOCKET_NO_SOURCE;
		}
	}
	error = connect(*fd, to, n) < 0 ? errno : 0;
	if (error == EINPROGRESS)
		return SOCKET_WAIT;
	if (!error && !to_itself(*fd))
		return SOCKET_CONNECTED;
	if (!error)
		error = ECONNREFUSED;
	close(*fd);
	*fd = -1;
	if (error == EADDRNOTAVAIL && is_reachable(source, to, n))
		return SOCKET_NO_PORT;
	errno = error;
	return SOCKET_FAILED;
}

static enum dial_socket attempt_local(const struct dial_policy *p, const char *path, int *fd)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	*fd = -1;
	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return SOCKET_FAILED;
	}
	memcpy(un.sun_path, path, strlen(path));
	return attempt(p, NULL, (struct sockaddr *)&un, sizeof(un), fd);
}

static const struct addr *source_of(const struct dial_policy *p, uint8_t family, size_t at)
{
	for (size_t i = 0; i < p->n_sources; i++)
		if (p->sources[i].family == family && at-- == 0)
			return &p->sources[i];
	return NULL;
}

enum dial_socket dial_socket(struct dialer *d, const struct dial_policy *p, const struct addr *a,
			     const char *path, int *fd)
{
	struct sockaddr_storage to;
	socklen_t n = sockaddr_write(a, &to);
	enum dial_socket result = SOCKET_NO_SOURCE;
	size_t *turn = &d->turn[a->family == ADDR_V6], sources = 0;
	bool no_port = false;

	if (a->family == ADDR_UNIX)
		return attempt_local(p, path, fd);
	*fd = -1;
	while (source_of(p, a->family, sources))
		sources++;
	for (size_t i = 0; i < sources; i++) {
		const struct addr *source = source_of(p, a->family, (*turn)++ % sources);

		result = attempt(p, source, (struct sockaddr *)&to, n, fd);
		if (result != SOCKET_NO_PORT && result != SOCKET_NO_SOURCE)
			return result;
		no_port |= result == SOCKET_NO_PORT;
	}
	if (sources)
		return no_port ? SOCKET_NO_PORT : SOCKET_NO_SOURCE;
	return attempt(p, NULL, (struct sockaddr *)&to, n, fd);
}

uint32_t dial_local_ports(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned low = 32768, high = 60999;

	if (f) {
		if (fscanf(f, "%u %u", &low, &high) != 2 || low > high)
			low = 32768, high = 60999;
		fclose(f);
	}
	return high - low + 1;
}

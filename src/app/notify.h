/* What the service manager is told, by the protocol of sd_notify(3) and without its library: one
 * datagram of NAME=value lines to a Unix socket. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody wants to know */
	struct sockaddr_un to;
	socklen_t length;
	int64_t watchdog; /* ms between two signs of life at most; 0: none are wanted */
};

/* From the variables NOTIFY_SOCKET (a path, or an abstract name behind @), WATCHDOG_USEC and
 * WATCHDOG_PID, NULL where they are not set. False where the socket's name makes no sense. */
bool notify_init(struct notify *n, const char *path, const char *watchdog_usec,
		 const char *watchdog_pid, pid_t self);
void notify_send(const struct notify *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void notify_clear(struct notify *n);

#endif

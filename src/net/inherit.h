/* Listening sockets that systemd opened and handed to us, by the protocol of sd_listen_fds(3). */
#ifndef NET_INHERIT_H
#define NET_INHERIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { INHERIT_FIRST = 3, INHERIT_MAX = 256 };

struct inherited {
	int fd;
	bool taken;	  /* a listener has it */
	const char *name; /* owned; "": systemd told no names */
};

struct inherit {
	struct inherited *v; /* owned */
	size_t n;
};

/* Reads what the variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say (NULL: not there). Those
 * that are meant for another process count as none. False where they make no sense. */
bool inherit_read(struct inherit *h, const char *pid, const char *fds, const char *names,
		  pid_t self);

/* The next one called `name` that is not taken yet, taken now; NULL: none. Where no names were
 * told, "1" is the first. */
struct inherited *inherit_take(struct inherit *h, const char *name);
const struct inherited *inherit_untaken(const struct inherit *h); /* any; NULL: none */

/* Whether fd is a socket that takes connections; else *why has the words. Makes it non-blocking and
 * private to this process. */
bool inherit_usable(int fd, const char **why);

/* Closes those that are not taken. */
void inherit_clear(struct inherit *h);

#endif

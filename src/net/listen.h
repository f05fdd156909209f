/* Where connections are awaited: an address of the net, a Unix socket, or what systemd opened for
 * us; and the listening socket that comes of it. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include <stdbool.h>
#include <sys/stat.h>
#include "proto/addr.h"

enum listen_kind {
	LISTEN_NONE,
	LISTEN_NET,    /* addr */
	LISTEN_UNIX,   /* name: the path */
	LISTEN_SYSTEMD /* name: of the descriptors, or their place; see net/inherit.h */
};

enum { LISTEN_NAME = 256, LISTEN_TEXT = LISTEN_NAME + 16 };

struct listen_at {
	enum listen_kind kind;
	bool v6only; /* LISTEN_NET, ADDR_V6: IPv4 connections are somebody else's */
	struct addr addr;
	char name[LISTEN_NAME];
};

/* "127.0.0.1:5280", "[::]:5280", "unix:/run/x", "systemd:name". False where it is none of these. */
bool listen_parse(struct listen_at *at, struct slice text);
const char *listen_print(const struct listen_at *at, char dst[LISTEN_TEXT]); /* NONE: "" */
bool listen_same(const struct listen_at *a, const struct listen_at *b);

/* A listening socket. A file that it made is its own to remove. */
struct listen_socket {
	int fd;			/* -1: none */
	bool lent;		/* by the service manager, which keeps it open */
	char path[LISTEN_NAME]; /* "": none to remove */
	struct stat made;	/* how it looked then */
};

/* Opens a NET or UNIX one, non-blocking. A Unix socket gets that mode, and that owner where uid is
 * not -1; a file left over by a program that has ended is replaced. False: *why has the words. */
bool listen_open(struct listen_socket *s, const struct listen_at *at, mode_t mode, uid_t uid,
		 gid_t gid, const char **why);

/* Closes it, and removes its file if that is still its own. */
void listen_close(struct listen_socket *s);

#endif

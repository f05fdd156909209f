/*
 * What the benchmark programs share: one epoll set, and connections that
 * give their owner bytes and take bytes from him. Kept as cheap as the
 * kernel allows (one read per wake-up, writes at once), for the tools must
 * cost less than what they measure.
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_buf {
	char *p;
	size_t len, cap;
};

/* Embedded first in its owner's struct. `data` gets all unread bytes and
 * returns how many it used up; the rest comes again with what follows. The
 * bytes are writable and lent for the call. `gone` is called last, once the
 * descriptor is closed; the owner may free the memory then. */
struct conn {
	int fd;
	bool listener, doomed, flushing;
	size_t (*data)(struct conn *c, char *p, size_t n);
	void (*gone)(struct conn *c);
	void (*accepted)(int fd);
	struct net_buf in, out;
};

/* Ends the program with a message, printf-like. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *must_alloc(size_t size);

/* Call once, first: the epoll set, and as many descriptors as are allowed. */
void net_init(void);
/* Waits at most timeout_ms and serves what is ready; returns how much was. */
int net_turn(int timeout_ms);

/* Listens on 127.0.0.1 (port 0: any); returns the port. */
int net_listen(struct conn *c, int port, void (*accepted)(int fd));
/* Connects to 127.0.0.1; c->data and c->gone are set by the caller. */
void net_connect(struct conn *c, int port);
/* Puts an accepted descriptor under the loop. */
void net_adopt(struct conn *c, int fd);

void conn_send(struct conn *c, const void *bytes, size_t n);
/* Closes; `gone` follows when the current callback has returned. Only from
 * within the connection's own `data`. */
void conn_close(struct conn *c);

uint64_t now_ns(void);
/* CPU time of a process, all threads, user and system. */
uint64_t cpu_ns(int pid);
/* Proportional set size of a process in bytes, of its anonymous memory: the share of library pages
 * that it is charged changes with whoever else runs. */
long pss_bytes(int pid);

#endif

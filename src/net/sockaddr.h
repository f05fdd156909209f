/* struct addr as the kernel knows it. */
#ifndef NET_SOCKADDR_H
#define NET_SOCKADDR_H

#include <sys/socket.h>
#include "proto/addr.h"

struct addr sockaddr_read(const struct sockaddr *sa); /* v4-mapped IPv6 becomes IPv4 */

/* Returns the length, 0 where a is neither IPv4 nor IPv6; ss->ss_family is what socket() wants. */
socklen_t sockaddr_write(const struct addr *a, struct sockaddr_storage *ss);

#endif

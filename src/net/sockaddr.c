/* Socket addresses. An IPv4 address that came through an IPv6 socket is IPv4 here, so that rules
 * about addresses need one form only. */
#include "net/sockaddr.h"

#include <netinet/in.h>

struct addr sockaddr_read(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET: memcpy(&in, sa, sizeof(in)); return addr_v4(&in.sin_addr, ntohs(in.sin_port));
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		return addr_v6(&in6.sin6_addr, ntohs(in6.sin6_port));
	case AF_UNIX: return (struct addr){.family = ADDR_UNIX};
	default: return (struct addr){.family = ADDR_NONE};
	}
}

socklen_t sockaddr_write(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

	memset(ss, 0, sizeof(*ss));
	if (a->family == ADDR_V4) {
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	if (a->family == ADDR_V6) {
		memcpy(&in6.sin6_addr, a->ip, 16);
		memcpy(ss, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

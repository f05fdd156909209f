/* Random bytes fit for secrets. */
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			perror("fairlead: getrandom");
			abort();
		}
		at += got;
		n -= (size_t)got;
	}
}

uint32_t random_below(uint32_t n)
{
	uint64_t x;

	random_bytes(&x, sizeof(x));
	return (uint32_t)(x % n);
}

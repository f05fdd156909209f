/* Memory that dies on OOM. A process that cannot get a few bytes cannot keep a promise either; it
 * stops at once, loudly, instead of running untested error paths. */
#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZERO_MAX = 1024 };

static void *check(void *p)
{
	if (p)
		return p;
	fputs("fairlead: out of memory\n", stderr);
	abort();
}

void *mem_alloc(size_t n)
{
	return check(malloc(n ? n : 1));
}

/* Not calloc(), which passes glibc's per-thread cache by (until 2.41) and costs ten times as much
 * for the small structs that come and go with each request; for large ones it may know that fresh
 * pages are zero. */
void *mem_zalloc(size_t n)
{
	return n > ZERO_MAX ? check(calloc(1, n)) : memset(mem_alloc(n), 0, n);
}

void *mem_realloc(void *p, size_t n)
{
	return check(realloc(p, n ? n : 1));
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

void mem_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

void mem_give_back(void)
{
	malloc_trim(0);
}

void mem_join(void)
{
	mallopt(M_MXFAST, 0);
}

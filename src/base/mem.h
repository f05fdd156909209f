/* Memory that dies on OOM: no caller ever checks for NULL. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t n);  /* uninitialised; free() releases */
void *mem_zalloc(size_t n); /* zeroed */
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n); /* NUL-terminated copy of n bytes */

/* Before the first thread: what is freed is joined with what lies beside it, at a little more work.
 * What a login needs for a moment then leaves no small pieces between what stays. */
void mem_join(void);

/* What was freed goes back to the kernel: after a rush. Takes milliseconds for a large heap. */
void mem_give_back(void);

/* A pointer that changes owner: the giver's copy becomes NULL. */
#define MEM_TAKE(p) mem_take_(&(p))
#define mem_take_(pp)                      \
	({                                 \
		__auto_type at_ = (pp);    \
		__auto_type taken_ = *at_; \
		*at_ = NULL;               \
		taken_;                    \
	})

/* The object that embeds `member` at ptr. */
#define CONTAINER(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Wipes secrets in a way that the compiler keeps. */
void mem_wipe(void *p, size_t n);

#endif

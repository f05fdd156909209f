/* Random bytes fit for secrets, from the kernel. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *p, size_t n); /* dies where the kernel has none */
uint32_t random_below(uint32_t n);    /* 0 .. n-1, n > 0 */

#endif

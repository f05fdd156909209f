/* How long things took, counted in buckets with the same bounds everywhere, so that histograms of
 * several workers add up. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 17 };

/* Microseconds; each bucket has what is not above its bound, and above the one before. */
extern const uint32_t histogram_bounds[HISTOGRAM_BOUNDS];

struct histogram {
	uint64_t n[HISTOGRAM_BOUNDS + 1]; /* the last: above all bounds */
	uint64_t sum;			  /* microseconds */
};

void histogram_add(struct histogram *h, uint64_t us, uint64_t times);
void histogram_merge(struct histogram *sum, const struct histogram *h);
uint64_t histogram_count(const struct histogram *h);

#endif

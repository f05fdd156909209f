/* Histograms. The bounds go up from what a turn takes to what a held request waits. */
#include "base/histogram.h"

const uint32_t histogram_bounds[HISTOGRAM_BOUNDS] = {
    100,    250,    500,    1000,    2500,    5000,    10000,	 25000,	  50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000};

void histogram_add(struct histogram *h, uint64_t us, uint64_t times)
{
	int i = 0;

	while (i < HISTOGRAM_BOUNDS && us > histogram_bounds[i])
		i++;
	h->n[i] += times;
	h->sum += us * times;
}

void histogram_merge(struct histogram *sum, const struct histogram *h)
{
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		sum->n[i] += h->n[i];
	sum->sum += h->sum;
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		n += h->n[i];
	return n;
}

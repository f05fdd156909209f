#include "proto/srv.h"

static void swap(struct srv_record *a, struct srv_record *b)
{
	struct srv_record t = *a;

	*a = *b;
	*b = t;
}

/* By priority, and weight 0 before the others of its priority, where a random 0 finds it. */
static bool before(const struct srv_record *a, const struct srv_record *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->weight == 0 && b->weight != 0;
}

static void sort(struct srv_record *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && before(&v[k], &v[k - 1]); k--)
			swap(&v[k], &v[k - 1]);
}

/* Draws one of n records of one priority: the first at which the running sum of weights reaches a
 * number between 0 and the whole sum, both included (RFC 2782). The 0 is there for those of weight
 * 0, which stand in front; where there are none, it would be one chance too many for the first. */
static size_t draw(const struct srv_record *v, size_t n,
		   uint32_t (*below)(void *ctx, uint32_t limit), void *ctx)
{
	uint32_t sum = 0, at, i = 0;

	for (size_t k = 0; k < n; k++)
		sum += v[k].weight;
	at = v[0].weight ? 1 + below(ctx, sum) : below(ctx, sum + 1);
	for (sum = v[0].weight; sum < at; sum += v[i].weight)
		i++;
	return i;
}

void srv_order(struct srv_record *v, size_t n, uint32_t (*below)(void *ctx, uint32_t limit),
	       void *ctx)
{
	sort(v, n);
	for (size_t i = 0; i < n; i++) {
		struct srv_record chosen;
		size_t end = i + 1, at;

		while (end < n && v[end].priority == v[i].priority)
			end++;
		if (end == i + 1)
			continue;
		at = i + draw(v + i, end - i, below, ctx);
		chosen = v[at];
		/* Those passed over keep their order: weight 0 stays in front. */
		for (; at > i; at--)
			v[at] = v[at - 1];
		v[i] = chosen;
	}
}

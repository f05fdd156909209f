/* Since when things are wrong: the keys of what is wrong are seen every few seconds, and how long
 * each was there every time is remembered. Pure: time is a number. */
#ifndef APP_STATUS_PAST_H
#define APP_STATUS_PAST_H

#include <stddef.h>
#include <stdint.h>

enum { PAST_MAX = 24 };

/* Start zeroed. */
struct past {
	int64_t well; /* nothing is wrong since then; meaningful while n is 0 and looked > 0 */
	uint32_t looked, n;
	struct {
		uint64_t key;
		int64_t since;
	} v[PAST_MAX];
};

/* What is wrong now, n of it, all of it: keys beyond PAST_MAX are not remembered. */
void past_see(struct past *p, const uint64_t *keys, size_t n, int64_t now);

/* Since when that is wrong, or nothing is; -1: it is not known, or not so. */
int64_t past_since(const struct past *p, uint64_t key);
int64_t past_well(const struct past *p);

#endif

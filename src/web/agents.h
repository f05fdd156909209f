/* What clients call themselves (User-Agent): each text is kept once, and so many of them at most,
 * for clients make up their names as they like. A session keeps a number. */
#ifndef WEB_AGENTS_H
#define WEB_AGENTS_H

#include <stdint.h>
#include "base/slice.h"

enum {
	AGENTS_MAX = 512,
	AGENTS_NONE = 0, /* it says nothing of itself */
	AGENTS_OTHER,	 /* the table is full */
	AGENTS_TEXT = 200
};

struct agents {
	struct agent {
		uint32_t hash, n;
		char *text; /* owned */
	} * v;		    /* owned; the first two are unused */
	uint16_t n;
};

void agents_clear(struct agents *a);

/* The number of a text, of which AGENTS_TEXT bytes count. last: that of the same connection's
 * request before, which mostly is the same. */
uint16_t agents_find(struct agents *a, uint16_t last, struct slice text);
const char *agents_text(const struct agents *a, uint16_t i); /* printable ASCII; "": none */

#endif

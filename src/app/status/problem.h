/* What is wrong, said in words: found in an overview, for the operator who looks at it. Pure but
 * for what it is given. */
#ifndef APP_STATUS_PROBLEM_H
#define APP_STATUS_PROBLEM_H

#include "app/status/overview.h"

enum { PROBLEM_TEXT = 640, PROBLEMS_MAX = PAST_MAX };

struct problem {
	bool error;	   /* sessions fail, or are about to; else a warning */
	const char *where; /* "backend", "worker", "limits", "login", "draining" */
	char text[PROBLEM_TEXT];
	uint64_t key;  /* the same as long as it is the same problem, whatever its numbers */
	int64_t since; /* ms, monotonic; -1: not known */
};

/* What problems are told from, besides the overview. */
struct problem_view {
	const struct config *config;
	int workers;
	bool draining;
	int64_t now, descriptors, descriptors_max;
};

/* The worst ones first, n of them at most; how many there are. */
size_t problem_find(const struct overview *o, const struct problem_view *view, struct problem *v,
		    size_t n);

#endif

/* What people read: columns that stand in line, sizes and ages in words. */
#ifndef CTL_PRINT_H
#define CTL_PRINT_H

#include <stdint.h>
#include "base/buf.h"

enum { PRINT_TEXT = 64, PRINT_COLUMNS = 12 };

const char *print_size(int64_t bytes, char dst[PRINT_TEXT]); /* "1.4 MiB" */
const char *print_age(int64_t ms, char dst[PRINT_TEXT]);     /* "3 d 4 h", "12 s", "250 ms" */
const char *print_number(int64_t n, char dst[PRINT_TEXT]);   /* "12,345"; below 0: "-" */

/* A copy, the caller's, without what a terminal would obey: others have chosen some of what is
 * shown. */
char *print_clean(const char *text);

/* A table, kept until it is printed. A head that begins with '>' is of numbers: to the right. */
struct print_table {
	int columns;
	const char *heads[PRINT_COLUMNS];
	char **cells; /* owned: rows of `columns` */
	size_t n;     /* cells */
};

void print_cell(struct print_table *t, const char *text);
void print_table(struct print_table *t, const char *indent); /* and frees its cells */

#endif

/* What people read. */
#include "ctl/print.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

const char *print_size(int64_t bytes, char dst[PRINT_TEXT])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double n = (double)bytes;
	size_t i = 0;

	if (bytes < 0)
		return strcpy(dst, "-");
	for (; n >= 1024 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	snprintf(dst, PRINT_TEXT, i && n < 100 ? "%.1f %s" : "%.0f %s", n, units[i]);
	return dst;
}

const char *print_age(int64_t ms, char dst[PRINT_TEXT])
{
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	int64_t s = ms / 1000;

	if (ms < 0)
		return strcpy(dst, "-");
	if (s == 0) {
		snprintf(dst, PRINT_TEXT, "%lld ms", (long long)ms);
		return dst;
	}
	for (size_t i = 0; i < 4; i++) {
		int64_t whole = s / units[i].s, rest = s % units[i].s;

		if (!whole)
			continue;
		if (i < 3 && rest / units[i + 1].s)
			snprintf(dst, PRINT_TEXT, "%lld %s %lld %s", (long long)whole,
				 units[i].name, (long long)(rest / units[i + 1].s),
				 units[i + 1].name);
		else
			snprintf(dst, PRINT_TEXT, "%lld %s", (long long)whole, units[i].name);
		break;
	}
	return dst;
}

const char *print_number(int64_t n, char dst[PRINT_TEXT])
{
	char digits[32];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);
	char *at = dst;

	if (n < 0)
		return strcpy(dst, "-");
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return dst;
}

/* Of the control character that text begins with, in bytes; 0: it begins with none. Those above
 * ASCII are two in UTF-8, and a terminal obeys them just as well. */
static size_t control(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
		return 2;
	return p[0] < ' ' || p[0] == 0x7f;
}

char *print_clean(const char *text)
{
	char *copy = mem_alloc(strlen(text) + 1), *at = copy;

	while (*text) {
		size_t n = control(text);

		*at++ = n ? '?' : *text;
		text += n ? n : 1;
	}
	*at = '\0';
	return copy;
}

void print_cell(struct print_table *t, const char *text)
{
	t->cells = mem_realloc(t->cells, (t->n + 1) * sizeof(*t->cells));
	t->cells[t->n++] = print_clean(text && *text ? text : "-");
}

/* Characters, not bytes. */
static int width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void cell(const char *text, int wide, bool right, bool last)
{
	int pad = wide - width(text);

	if (right)
		printf("%*s%s", pad, "", text);
	else if (last)
		fputs(text, stdout);
	else
		printf("%s%*s", text, pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void print_table(struct print_table *t, const char *indent)
{
	int wide[PRINT_COLUMNS] = {0};
	bool right[PRINT_COLUMNS];

	for (int c = 0; c < t->columns; c++) {
		right[c] = *t->heads[c] == '>';
		t->heads[c] += right[c];
		wide[c] = width(t->heads[c]);
		for (size_t i = (size_t)c; i < t->n; i += (size_t)t->columns)
			if (width(t->cells[i]) > wide[c])
				wide[c] = width(t->cells[i]);
	}
	fputs(indent, stdout);
	for (int c = 0; c < t->columns; c++)
		cell(t->heads[c], wide[c], right[c], c + 1 == t->columns);
	for (size_t i = 0; i < t->n; i++) {
		int c = (int)(i % (size_t)t->columns);

		if (c == 0)
			fputs(indent, stdout);
		cell(t->cells[i], wide[c], right[c], c + 1 == t->columns);
		free(t->cells[i]);
	}
	free(t->cells);
	t->cells = NULL;
	t->n = 0;
}

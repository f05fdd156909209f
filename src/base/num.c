/* Strict integers. */
#include "base/num.h"

int64_t num_parse(struct slice s, int64_t max)
{
	int64_t n = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9 || digit > max || n > (max - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	return n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int64_t num_parse_hex(struct slice s, int64_t max)
{
	int64_t n = 0;

	if (s.n == 0 || s.n > 15)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		int digit = hex_digit(s.p[i]);

		if (digit < 0)
			return -1;
		n = n * 16 + digit;
	}
	return n <= max ? n : -1;
}

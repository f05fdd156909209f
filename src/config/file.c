/* The bytes of the file. */
#include "config/priv.h"

#include <errno.h>
#include <string.h>

enum { FILE_MAX = 16 << 20 };

bool config_read_file(struct config *c, const char *name, struct config_error *e)
{
	FILE *f = fopen(name, "r");
	struct buf text = {0};
	bool good;
	size_t n;

	if (!f)
		return config_fail(e, "%s: %s", name, strerror(errno));
	do {
		n = fread(buf_room(&text, 65536), 1, 65536, f);
		buf_commit(&text, n);
	} while (n > 0 && text.len <= FILE_MAX);
	if (ferror(f))
		good = config_fail(e, "%s: %s", name, strerror(errno));
	else if (text.len > FILE_MAX)
		good = config_fail(e, "%s: larger than %d bytes", name, FILE_MAX);
	else
		good = config_read(c, name, buf_slice(&text), e);
	fclose(f);
	buf_clear(&text);
	return good;
}

/* Bodies compressed and decompressed, by zlib. What zlib needs for it is made at first use and used
 * again: one coder a worker. */
#ifndef WEB_CODER_H
#define WEB_CODER_H

#include "base/buf.h"
#include "proto/coding.h"

struct coder;

enum coder_result {
	CODER_FINE,
	CODER_BAD,    /* not of that coding, not whole, or something stands behind it */
	CODER_TOO_BIG /* more than `max` bytes come out */
};

struct coder *coder_new(int level); /* of zlib: 1 (fast) to 9 */
void coder_free(struct coder *c);   /* NULL is fine */

/* Appends what `in` holds. Neither memory nor time goes far beyond `max` bytes. */
enum coder_result coder_unpack(struct coder *c, enum coding coding, struct slice in, uint32_t max,
			       struct buf *out);

/* Appends `in` compressed; false, and nothing appended, where that would be no shorter. */
bool coder_pack(struct coder *c, enum coding coding, struct slice in, struct buf *out);

#endif

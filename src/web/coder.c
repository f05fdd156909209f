/* zlib, with its state kept: making it anew costs more than a short body. */
#include "web/coder.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

enum {
	WINDOW = 15,
	GZIP_WINDOW = WINDOW + 16, /* how zlib is told of the gzip wrapper */
	PIECE = 16384
};

struct coder {
	z_stream in, gzip, deflate;
	bool has_in, has_gzip, has_deflate;
	int level;
};

static void *alloc(void *opaque, unsigned items, unsigned size)
{
	(void)opaque;
	return mem_alloc((size_t)items * size);
}

static void release(void *opaque, void *p)
{
	(void)opaque;
	free(p);
}

struct coder *coder_new(int level)
{
	struct coder *c = mem_zalloc(sizeof(*c));

	c->level = level;
	c->in.zalloc = c->gzip.zalloc = c->deflate.zalloc = alloc;
	c->in.zfree = c->gzip.zfree = c->deflate.zfree = release;
	return c;
}

void coder_free(struct coder *c)
{
	if (!c)
		return;
	if (c->has_in)
		inflateEnd(&c->in);
	if (c->has_gzip)
		deflateEnd(&c->gzip);
	if (c->has_deflate)
		deflateEnd(&c->deflate);
	free(c);
}

/* Memory that zlib asks for is always got, so what it is asked here cannot fail. */
static void need(int rc)
{
	assert(rc == Z_OK);
}

/* "deflate" means the zlib format (RFC 9110 8.4.1.2), but some always sent it bare. */
static int window_of(enum coding coding, struct slice in)
{
	const unsigned char *p = (const unsigned char *)in.p;

	if (coding == CODING_GZIP)
		return GZIP_WINDOW;
	return in.n >= 2 && (p[0] & 15) == Z_DEFLATED && (p[0] << 8 | p[1]) % 31 == 0 ? WINDOW
										      : -WINDOW;
}

enum coder_result coder_unpack(struct coder *c, enum coding coding, struct slice in, uint32_t max,
			       struct buf *out)
{
	z_stream *z = &c->in;
	uint32_t before = out->len;
	int rc = Z_OK;

	if (!c->has_in)
		need(inflateInit2(z, WINDOW));
	c->has_in = true;
	need(inflateReset2(z, window_of(coding, in)));
	z->next_in = (unsigned char *)in.p;
	z->avail_in = (unsigned)in.n;
	while (rc == Z_OK) {
		uint32_t left = max - (out->len - before);
		uint32_t n = left < PIECE ? left + 1 : PIECE;

		z->next_out = (unsigned char *)buf_room(out, n);
		z->avail_out = n;
		rc = inflate(z, Z_NO_FLUSH);
		buf_commit(out, n - z->avail_out);
		if (out->len - before > max)
			return CODER_TOO_BIG;
		if (rc == Z_OK && z->avail_in == 0 && z->avail_out)
			break;
	}
	return rc == Z_STREAM_END && z->avail_in == 0 ? CODER_FINE : CODER_BAD;
}

static z_stream *packer(struct coder *c, enum coding coding)
{
	bool gzip = coding == CODING_GZIP, *has = gzip ? &c->has_gzip : &c->has_deflate;
	z_stream *z = gzip ? &c->gzip : &c->deflate;

	if (*has)
		need(deflateReset(z));
	else
		need(deflateInit2(z, c->level, Z_DEFLATED, gzip ? GZIP_WINDOW : WINDOW,
				  MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY));
	*has = true;
	return z;
}

bool coder_pack(struct coder *c, enum coding coding, struct slice in, struct buf *out)
{
	z_stream *z = packer(c, coding);

	if (in.n < 2)
		return false;
	z->next_in = (unsigned char *)in.p;
	z->avail_in = (unsigned)in.n;
	z->next_out = (unsigned char *)buf_room(out, in.n - 1);
	z->avail_out = (unsigned)in.n - 1;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return false;
	buf_commit(out, in.n - 1 - z->avail_out);
	return true;
}

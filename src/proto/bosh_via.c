/* The BOSH machine: what is proved by clients of old. XEP-0124 has them repeat a request whose
 * answer was lost; libpurple goes on with the next rids instead, on a new connection, and gloox
 * sends one more and falls silent (seen on the wire). So the window proves nothing of them. They
 * are known by the attribute `secure`, which the XEP has dropped; for them an answer counts once a
 * further request comes on the connection that it went out on, and each only behind those before
 * it. */
#include "proto/bosh_priv.h"
#include "base/mem.h"

#include <stdlib.h>

enum { OUT_MAX = 16 }; /* answers waited for; past that nothing is proved any more */

struct bosh_via {
	struct {
		int64_t rid;
		uint32_t via, serial;
		bool read; /* the connection was used again */
	} out[OUT_MAX];	   /* answers with stanzas, oldest first */
	uint8_t n;
	bool lost;	 /* one could not be waited for */
	uint32_t came[]; /* by which connection the request of rid r came, at r % size */
};

void bosh_via_begin(struct bosh *b, const struct body *create)
{
	if (!create->secure.p || b->acks)
		return;
	bosh_more(b)->via = mem_zalloc(sizeof(struct bosh_via) + bosh_size(b) * sizeof(uint32_t));
	bosh_via_came(b, create);
}

void bosh_via_came(struct bosh *b, const struct body *r)
{
	if (b->more && b->more->via)
		b->more->via->came[(uint64_t)r->rid % bosh_size(b)] = r->via;
}

void bosh_via_answered(struct bosh *b)
{
	struct bosh_via *v = b->more ? b->more->via : NULL;

	if (!v || v->lost || b->answered == (v->n ? v->out[v->n - 1].serial : b->proved))
		return;
	v->lost = v->n == OUT_MAX;
	if (v->lost)
		return;
	v->out[v->n].rid = b->first;
	v->out[v->n].via = v->came[(uint64_t)b->first % bosh_size(b)];
	v->out[v->n].serial = b->answered;
	v->out[v->n++].read = false;
}

void bosh_via_repeated(struct bosh *b, const struct body *r)
{
	struct bosh_via *v = b->more ? b->more->via : NULL;

	for (uint8_t i = 0; v && i < v->n; i++)
		if (v->out[i].rid == r->rid)
			v->out[i].via = r->via;
}

/* One that was sent before the answer came may stand on its connection too: the window counts as
 * well. */
bool bosh_via_proves(struct bosh *b, const struct body *r, uint32_t *serial)
{
	struct bosh_via *v = b->more ? b->more->via : NULL;
	uint8_t done = 0;

	if (!v)
		return false;
	*serial = b->proved;
	for (uint8_t i = 0; i < v->n; i++)
		if (r->via && v->out[i].via == r->via && v->out[i].rid <= r->rid - b->requests)
			v->out[i].read = true;
	while (done < v->n && v->out[done].read)
		*serial = v->out[done++].serial;
	v->n -= done;
	memmove(v->out, v->out + done, v->n * sizeof(v->out[0]));
	return true;
}

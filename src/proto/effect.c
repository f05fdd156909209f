/* What a machine wants done in the world. */
#include "proto/effect.h"
#include "base/mem.h"

#include <stdlib.h>

struct effect *effects_add(struct effects *fx, enum effect_type type, handle_t h)
{
	struct effect *e;

	if (fx->n == fx->cap) {
		fx->cap = fx->cap ? fx->cap * 2 : 16;
		fx->v = mem_realloc(fx->v, fx->cap * sizeof(*fx->v));
	}
	e = &fx->v[fx->n++];
	*e = (struct effect){.type = type, .handle = h};
	return e;
}

void effects_reset(struct effects *fx)
{
	for (uint32_t i = 0; i < fx->n; i++)
		buf_clear(&fx->v[i].data);
	fx->n = 0;
}

void effects_clear(struct effects *fx)
{
	effects_reset(fx);
	free(fx->v);
	*fx = (struct effects){0};
}

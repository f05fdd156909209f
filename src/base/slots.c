/* Handle slots with generations: an array and a free list threaded through it. */
#include "base/slots.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum { SLOT_NONE = 0xffffff };

struct slot {
	void *object;  /* borrowed; NULL while free */
	uint32_t gen;  /* of the present, or the next, object */
	uint32_t next; /* free list; in use: enum slot_tag */
};

void slots_init(struct slots *s, uint8_t worker, uint32_t first)
{
	assert(first);
	*s = (struct slots){.free = SLOT_NONE, .first = first, .worker = worker};
}

void slots_clear(struct slots *s)
{
	free(s->v);
	slots_init(s, s->worker, s->first);
}

static void grow(struct slots *s)
{
	uint32_t n = s->room ? s->room * 2 : 16;

	assert(n < SLOT_NONE);
	s->v = mem_realloc(s->v, n * sizeof(*s->v));
	s->room = n;
}

/* A slot that was never used. Those beyond are not touched: the kernel has given no memory for
 * them.
 */
static uint32_t fresh(struct slots *s)
{
	if (s->n == s->room)
		grow(s);
	s->v[s->n].gen = s->first;
	return s->n++;
}

handle_t slots_add(struct slots *s, void *object)
{
	uint32_t i;

	assert(object);
	i = s->free;
	if (i == SLOT_NONE)
		i = fresh(s);
	else
		s->free = s->v[i].next;
	s->v[i].object = object;
	s->v[i].next = SLOT_PLAIN;
	return (handle_t)s->worker << 56 | (handle_t)i << 32 | s->v[i].gen;
}

static struct slot *find(const struct slots *s, handle_t h)
{
	uint32_t i = (uint32_t)(h >> 32) & 0xffffff;

	if (handle_worker(h) != s->worker || i >= s->n)
		return NULL;
	if (s->v[i].gen != (uint32_t)h || !s->v[i].object)
		return NULL;
	return &s->v[i];
}

void *slots_get(const struct slots *s, handle_t h)
{
	struct slot *slot = find(s, h);

	return slot ? slot->object : NULL;
}

void slots_tag(struct slots *s, handle_t h, enum slot_tag tag)
{
	struct slot *slot = find(s, h);

	assert(slot);
	slot->next = tag;
}

void *slots_get_tagged(const struct slots *s, handle_t h, enum slot_tag tag)
{
	struct slot *slot = find(s, h);

	return slot && slot->next == tag ? slot->object : NULL;
}

void slots_remove(struct slots *s, handle_t h)
{
	struct slot *slot = find(s, h);

	if (!slot)
		return;
	slot->object = NULL;
	if (++slot->gen == 0)
		slot->gen = 1;
	slot->next = s->free;
	s->free = (uint32_t)(slot - s->v);
}

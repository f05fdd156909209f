/* Handle slots with generations: a handle names an object without pointing at it, and goes stale
 * when the object is gone, so that an answer that comes too late finds nothing. */
#ifndef BASE_SLOTS_H
#define BASE_SLOTS_H

#include <stdint.h>

/* worker (8 bits) | slot (24 bits) | generation (32 bits, never 0); 0 names nothing. */
typedef uint64_t handle_t;

struct slots {
	struct slot *v;	  /* owned */
	uint32_t n, room; /* ever used; allocated */
	uint32_t free;	  /* the first of the list */
	uint32_t first;	  /* generation of a fresh slot */
	uint8_t worker;
};

/* first, not 0: where generations begin; for handles that must not be those of another process. */
void slots_init(struct slots *s, uint8_t worker, uint32_t first);
void slots_clear(struct slots *s);

handle_t slots_add(struct slots *s, void *object);  /* borrows; object is not NULL */
void *slots_get(const struct slots *s, handle_t h); /* NULL where stale or of another worker */
/* Who gets a handle from outside has to know what it names: a session's is tagged after it was
 * added, and only it is found so. */
enum slot_tag { SLOT_PLAIN, SLOT_SESSION };
void slots_tag(struct slots *s, handle_t h, enum slot_tag tag);
void *slots_get_tagged(const struct slots *s, handle_t h, enum slot_tag tag);

void slots_remove(struct slots *s, handle_t h); /* a stale handle is ignored */

static inline uint8_t handle_worker(handle_t h)
{
	return (uint8_t)(h >> 56);
}

#endif

/* A stack that any thread pushes on and the owner takes whole. Taking everything at once is what
 * makes it safe without a lock: nobody ever pops one node, so no node can come back in the middle
 * of a pop. The taken stack is newest first and is turned round. */
#include "net/mailbox.h"

#include <stddef.h>

static void on_async(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop, (void)w, (void)events;
}

void mailbox_init(struct mailbox *b, struct ev_loop *loop)
{
	b->loop = loop;
	atomic_init(&b->head, NULL);
	ev_async_init(&b->async, on_async);
	ev_async_start(loop, &b->async);
}

void mailbox_clear(struct mailbox *b)
{
	ev_async_stop(b->loop, &b->async);
}

void mailbox_post(struct mailbox *b, struct mail *m)
{
	struct mail *head = atomic_load_explicit(&b->head, memory_order_relaxed);

	do
		m->next = head;
	while (!atomic_compare_exchange_weak_explicit(&b->head, &head, m, memory_order_release,
						      memory_order_relaxed));
	if (!head)
		ev_async_send(b->loop, &b->async);
}

struct mail *mailbox_take(struct mailbox *b)
{
	struct mail *m, *first = NULL;

	if (!atomic_load_explicit(&b->head, memory_order_relaxed))
		return NULL;
	m = atomic_exchange_explicit(&b->head, NULL, memory_order_acquire);
	while (m) {
		struct mail *next = m->next;

		m->next = first;
		first = m;
		m = next;
	}
	return first;
}

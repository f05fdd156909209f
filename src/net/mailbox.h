/* A mailbox: any thread puts mail in, one thread takes all of it at once. Without a lock: a stack
 * of pointers exchanged whole. The owner's loop is woken only when the box was empty. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include <ev.h>
#include <stdatomic.h>

struct mail {
	struct mail *next;
};

struct mailbox {
	ev_async async;
	struct ev_loop *loop;
	_Atomic(struct mail *) head;
};

/* The owner's thread. The wake-up itself does nothing: the turn takes the mail. */
void mailbox_init(struct mailbox *b, struct ev_loop *loop);
void mailbox_clear(struct mailbox *b); /* mail inside stays with the caller: take it first */

void mailbox_post(struct mailbox *b, struct mail *m); /* any thread; m belongs to the box */
struct mail *mailbox_take(struct mailbox *b);	      /* owner; in order of posting, NULL if none */

#endif

/* Letters: what web, sessions, workers and control say to each other. */
#include "app/letter.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

struct letter *letter_new(enum letter_type type)
{
	struct letter *l = mem_zalloc(sizeof(*l));

	l->type = type;
	return l;
}

void letter_free(struct letter *l)
{
	switch (l->type) {
	case LETTER_ACCEPT:
		if (l->u.accept.fd >= 0)
			close(l->u.accept.fd);
		break;
	case LETTER_REQUEST:
		body_free(l->u.request.body);
		web_client_free(l->u.request.client);
		break;
	case LETTER_REPLY:
		buf_clear(&l->u.reply.body);
		free(l->u.reply.type);
		break;
	case LETTER_FRAME: frame_free(l->u.frame.frame); break;
	case LETTER_EMPTY: free(l->u.backend); break;
	case LETTER_SEND: buf_clear(&l->u.frames); break;
	case LETTER_TRACED: buf_clear(&l->u.traced.text); break;
	case LETTER_KILL: free(l->u.text); break;
	case LETTER_LIST: free(l->u.look); break;
	case LETTER_TELL:
		if (l->u.tell.p)
			l->u.tell.release(l->u.tell.p);
		break;
	default: break;
	}
	free(l);
}

/* A tally: what one worker tells about itself and its sessions. */
#include "app/tally.h"
#include "base/mem.h"

#include <stdlib.h>

struct tally *tally_new(uint8_t worker)
{
	struct tally *t = mem_zalloc(sizeof(*t));

	t->worker = worker;
	return t;
}

void tally_free(struct tally *t)
{
	free(t);
}

void tally_traffic(struct tally *t, const struct session_facts *f)
{
	t->stanzas_in += f->in.stanzas;
	t->stanzas_out += f->out.stanzas;
	t->bytes_in += f->in.bytes;
	t->bytes_out += f->out.bytes;
	t->logins += f->logins;
	t->login_failures += f->login_failures;
	t->proved += f->delivery.proved;
	t->returned += f->delivery.returned;
	t->given_up += f->delivery.given_up;
}

void tally_session(struct tally *t, const struct session_facts *f, bool websocket)
{
	uint32_t *const by_state[] = {&t->opening, &t->open, &t->detached, &t->closing};

	tally_traffic(t, f);
	t->unproved += f->delivery.unproved;
	t->unacknowledged += f->delivery.unacknowledged;
	t->bosh += !websocket;
	t->websocket += websocket;
	if (f->state < SESSION_DEAD)
		++*by_state[f->state];
}

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
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_rows; i++) {
		free(t->rows[i].jid);
		free(t->rows[i].domain);
	}
	free(t->rows);
	free(t);
}

void tally_traffic(struct tally *t, const struct session_facts *f)
{
	t->stanzas_in += f->in.stanzas;
	t->stanzas_out += f->out.stanzas;
	t->bytes_in += f->in.bytes;
	t->bytes_out += f->out.bytes;
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

struct tally_row *tally_row(struct tally *t, const struct session_facts *f, const struct addr *peer,
			    int64_t now)
{
	struct tally_row *row = &t->rows[t->n_rows++];

	row->facts = *f;
	row->jid = f->jid.n ? mem_strndup(f->jid.p, f->jid.n) : NULL;
	row->facts.jid = slice_str(row->jid);
	row->domain = mem_strdup(f->domain);
	row->facts.domain = row->domain;
	row->peer = *peer;
	row->age = now - f->born;
	return row;
}

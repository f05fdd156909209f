/* Fairlead with a crowd: before a worker starts, its table is filled with made-up sessions, whose
 * fronts are real and unattached, and which nothing ever happens to. CROWD says how many there are
 * in all workers, CROWD_FILE where they are told of, a line each, for a test to compare with what
 * the API says. Linked with --wrap=worker_start. */
#include <stdio.h>
#include <stdlib.h>
#include "app/sessions_priv.h"
#include "base/mem.h"
#include "proto/bosh_priv.h"
#include "session/session_priv.h"

void __real_worker_start(struct worker *w);
void __wrap_worker_start(struct worker *w);

static unsigned dice(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 8) % n;
}

static struct addr some_address(unsigned *seed)
{
	uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, (uint8_t)dice(seed, 4), (uint8_t)dice(seed, 256)};

	if (dice(seed, 4) == 0)
		return addr_v6(ip, 1);
	ip[0] = 10;
	ip[1] = (uint8_t)dice(seed, 4);
	ip[2] = (uint8_t)dice(seed, 256);
	ip[3] = (uint8_t)dice(seed, 256);
	return addr_v4(ip, 1);
}

static void add_bosh(struct worker *w, const struct addr *peer)
{
	struct buf text = {0};
	struct letter *l = letter_new(LETTER_REQUEST);
	struct xmljudge *judge = xmljudge_new(&xml_unlimited);

	BUF_LIT(&text, "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='example.org' "
		       "wait='60' hold='1' ver='1.6' xml:lang='en'/>");
	if (body_parse(&l->u.request.body, judge, &xml_unlimited, &text) != REASON_NONE)
		abort();
	l->u.request.create = true;
	l->u.request.peer = *peer;
	sessions_deliver(w->sessions, l);
	letter_free(l);
	xmljudge_free(judge);
}

static void make_up(struct entry *e, unsigned *seed, int64_t now)
{
	struct session *s = e->session;
	char text[96];

	snprintf(text, sizeof(text), "d%u.example", dice(seed, 30));
	s->domain = mem_strdup(text);
	if (dice(seed, 20)) {
		snprintf(text, sizeof(text), "user%u@%s/r%u", dice(seed, 40000), s->domain,
			 dice(seed, 9));
		s->jid = mem_strdup(text);
	}
	s->state = (uint8_t)dice(seed, 4);
	s->born = now - (int64_t)dice(seed, 5000) * 1000;
	s->stanzas_in = dice(seed, 300);
	s->stanzas_out = dice(seed, 300);
	s->bytes_in = dice(seed, 100000);
	s->bytes_out = dice(seed, 100000);
	s->delivery.passed = dice(seed, 10);
	if (!e->websocket)
		buf_commit(&((struct bosh *)s->front)->queue,
			   dice(seed, 5) ? 0
					 : (buf_room(&((struct bosh *)s->front)->queue, 64), 9));
}

static void tell(FILE *f, const struct entry *e)
{
	struct session_facts x;
	char id[PUBLIC_ID], peer[ADDR_TEXT];

	entry_facts(e, &x);
	fprintf(f, "%s\t%.*s\t%s\t%s\t%s\t%s\t%lld\t%zu\t%llu\t%llu\t%llu\t%u\n", entry_id(e, id),
		(int)x.jid.n, x.jid.n ? x.jid.p : "", x.domain, addr_print(&e->peer, false, peer),
		x.front, session_state_name(x.state), (long long)x.born, x.counts.queued,
		(unsigned long long)x.in.stanzas, (unsigned long long)x.out.stanzas,
		(unsigned long long)(x.in.bytes + x.out.bytes), x.delivery.unproved);
}

/* As at the end of a turn. */
static void count(struct entry *e)
{
	struct census *c = &table_of(e)->census;
	struct session_facts f;

	session_facts(e->session, &f);
	census_see(c, &f, e->websocket ? TRANSPORT_WEBSOCKET : TRANSPORT_BOSH, c->tally.n_domains,
		   false);
	e->counted = true;
}

static void fill(struct worker *w, int n, FILE *f)
{
	unsigned seed = w->index + 1;

	w->now = worker_clock();
	for (int i = 0; i < n; i++) {
		struct addr peer = some_address(&seed);
		struct entry *e;

		if (dice(&seed, 3))
			add_bosh(w, &peer);
		else
			sessions_websocket(w->sessions, 0, &peer, NULL);
		e = w->sessions->first;
		entry_begin(e);
		make_up(e, &seed, w->now);
		e->marked = false;
		count(e);
		tell(f, e);
	}
	w->sessions->marked = NULL;
}

void __wrap_worker_start(struct worker *w)
{
	const char *crowd = getenv("CROWD"), *path = getenv("CROWD_FILE");
	FILE *f = path ? fopen(path, "a") : NULL;

	if (crowd && f)
		fill(w, atoi(crowd) / w->app->n, f);
	if (f)
		fclose(f);
	__real_worker_start(w);
}

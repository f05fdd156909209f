/* Random clients, servers and networks against the BOSH machine; the player and front_rules.c
 * judge. The first bytes choose what is granted, then each two are something that happens. */
#include "front_player.h"
#include "base/mem.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 400, RIDS_MAX = 1024, RECENT = 8 };

struct game {
	struct player *p;
	int64_t base, next; /* rids: the first, the lowest never sent */
	uint8_t sent[RIDS_MAX];
	uint8_t kind[RIDS_MAX]; /* what the request of that rid is, for its repeats */
	handle_t last;
	uint32_t elements;
	int64_t wait, hold;
	bool acks, keyed, begun;
};

/* Key sequences, each SEQUENCE keys long, as many as there are rids for. */
enum { SEQUENCE = 7, SEQUENCES = RIDS_MAX / SEQUENCE + 2, KEY_TEXT = 2 * SHA_DIGEST_LENGTH };

static char keys[SEQUENCES][SEQUENCE + 1][KEY_TEXT + 1];

static void make_keys(void)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	char seed[KEY_TEXT + 1];

	for (int s = 0; s < SEQUENCES && !*keys[SEQUENCES - 1][SEQUENCE]; s++) {
		snprintf(seed, sizeof(seed), "seed %d", s);
		for (int k = 0; k <= SEQUENCE; k++) {
			const char *from = k ? keys[s][k - 1] : seed;

			SHA1((const unsigned char *)from, strlen(from), digest);
			for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
				sprintf(keys[s][k] + 2 * i, "%02x", digest[i]);
		}
	}
}

/* The i-th request after the creation uses the keys from the second last one down; the last of a
 * sequence brings the next. Now and then one is wrong. */
static void set_key(struct body *b, size_t i, uint8_t kind)
{
	size_t s = i ? (i - 1) / SEQUENCE : 0, k = i ? SEQUENCE - 1 - (i - 1) % SEQUENCE : SEQUENCE;

	if (i == 0)
		b->newkey = slice_str(keys[0][SEQUENCE]);
	else
		b->key = slice_str(keys[s][kind % 64 == 11 ? SEQUENCE : k]);
	if (i && k == 0)
		b->newkey = slice_str(keys[s + 1][SEQUENCE]);
}

static const int64_t bases[] = {1, 1573741820, BODY_RID_MAX - 12};

/* The same rid always says the same. */
static struct body *make_body(struct game *g, int64_t rid, uint8_t kind)
{
	struct body *b = mem_zalloc(sizeof(*b));
	size_t i = rid >= g->base && rid < g->base + RIDS_MAX ? (size_t)(rid - g->base) : 0;

	if (!g->sent[i])
		g->kind[i] = kind;
	g->sent[i] = 1;
	if (g->keyed)
		set_key(b, i, kind);
	kind = g->kind[i];
	b->rid = rid > BODY_RID_MAX ? BODY_BAD : rid;
	b->wait = g->wait;
	b->hold = g->hold;
	b->ack = b->time = b->inactivity = BODY_ABSENT;
	if (g->acks && (kind & 64 || rid == g->base))
		b->ack = rid == g->base ? 1 : rid - 1 - (kind >> 2 & 3);
	b->ver_major = b->ver_minor = BODY_ABSENT;
	b->pause = kind % 16 == 3 ? 10 : BODY_ABSENT;
	b->restart = kind % 16 == 5;
	b->type = kind % 32 == 7 ? BODY_TYPE_TERMINATE : BODY_TYPE_NONE;
	if (kind % 4 == 1) {
		buf_addf(&b->document, "<c n='%zu'/>", i);
		b->payload = buf_slice(&b->document);
		b->elements = 1;
	}
	return b;
}

static void create(struct game *g, uint8_t arg)
{
	struct body *b;

	g->next = g->base;
	b = make_body(g, g->next++, arg);
	b->type = BODY_TYPE_NONE;
	b->to = SLICE("example.com");
	if (arg & 16)
		b->ver_major = b->ver_minor = 1;
	if (arg & 32)
		b->content = SLICE("text/html");
	player_request(g->p, ++g->last, b);
}

static void request(struct game *g, int64_t rid, uint8_t arg)
{
	if (!g->begun) /* it has no sid yet */
		return;
	player_request(g->p, ++g->last, make_body(g, rid, arg));
	while (g->next < g->base + RIDS_MAX && g->sent[g->next - g->base])
		g->next++;
}

static void server(struct game *g, uint8_t arg)
{
	struct buf e = {0};

	if (arg % 16 == 3)
		BUF_LIT(&e, "<stream:features/>");
	else
		buf_addf(&e, "<m n='%u' pad='%.*s'/>", g->elements++, arg % 64,
			 "0123456789012345678901234567890123456789012345678901234567890123");
	player_server(g->p, buf_slice(&e));
	buf_clear(&e);
}

static void end(struct game *g, uint8_t arg)
{
	enum reason r = (enum reason)(1 + arg % (REASON_COUNT - 1));

	player_close(g->p, r, arg & 128 ? SLICE("<stream:error><x/></stream:error>") : SLICE_NONE);
}

static handle_t recent(const struct game *g, uint8_t arg)
{
	return g->last > arg % RECENT ? g->last - arg % RECENT : 1;
}

static void listen(struct game *g)
{
	struct slice said = player_said(g->p);

	g->begun |= memmem(said.p, said.n, " sid='", 6) != NULL;
}

static void step(struct game *g, uint8_t what, uint8_t arg)
{
	static const int64_t times[] = {0, 1, 400, 1500, 5000, 20000, 50000, 120000};

	switch (what % 16) {
	case 0:
	case 1:
	case 2:
	case 3: request(g, g->next, arg); break;
	case 4: request(g, g->next + 1 + arg % 3, arg >> 2); break;
	case 5: request(g, g->next - 1 - arg % 6, arg); break;
	case 6:
	case 7:
	case 8: server(g, arg); break;
	case 9: player_gone(g->p, recent(g, arg)); break;
	case 10: player_hurry(g->p, recent(g, arg)); break;
	case 11:
	case 12: player_wait(g->p, times[arg % 8]); break;
	case 13: player_pull(g->p, arg & 1); break;
	case 14: player_header(g->p, arg & 1 ? "id='x' version='1.0'" : "from=\"a'b\""); break;
	case 15:
		if (arg < 16)
			end(g, what ^ arg);
		break;
	}
	/* The upper bit puts the turn off: then several things happen in one. */
	if (!(what & 128))
		player_turn(g->p);
	listen(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bosh_config c = {.inactivity = 60000, .polling = 2000, .features_wait = 1500};
	struct game g = {.last = 0};

	if (size < 4)
		return 0;
	c.hold = data[0] % 4;
	c.wait = data[0] & 64 ? 50000 : 7000;
	c.maxpause = data[2] & 128 ? 60000 : 0;
	c.queue = data[0] & 128 ? 100 : 2000;
	g.hold = data[1] % 5 - 1;
	g.acks = data[1] & 64;
	g.keyed = data[2] & 64;
	make_keys();
	g.wait = data[1] & 128 ? data[1] / 8 : BODY_ABSENT;
	g.base = bases[data[2] % 3];
	g.p = player_new(&c, NULL);
	create(&g, data[3]);
	player_turn(g.p);
	listen(&g);
	for (size_t i = 4; i + 1 < size && i < 2 * STEPS_MAX; i += 2)
		step(&g, data[i], data[i + 1]);
	player_pull(g.p, true);
	player_wait(g.p, 200000);
	player_free(g.p);
	return 0;
}

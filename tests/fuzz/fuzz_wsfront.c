/* Random clients, servers and times against the WebSocket machine. What leaves must read as one RFC
 * 7395 stream: it begins with <open/>, elements come in order and once, and nothing follows
 * <close/>. */
#include "front_player.h"
#include "front_rules.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 400 };

struct game {
	struct player *p;
	uint32_t sent, seen; /* elements of the server */
	uint32_t said, came; /* of the client */
	bool begun, over, draft;
};

static void message(struct game *g, enum frame_kind kind)
{
	struct frame *f = mem_zalloc(sizeof(*f));

	f->kind = kind;
	if (kind == FRAME_ELEMENT) {
		buf_addf(&f->text, "<c n='%u'/>", g->said++);
		f->payload = buf_slice(&f->text);
	} else {
		BUF_LIT(&f->decoded, "a&b");
		f->to = buf_slice(&f->decoded);
	}
	player_frame(g->p, f, REASON_NONE);
}

static void server(struct game *g, uint8_t arg)
{
	struct buf e = {0};

	buf_addf(&e, "<m n='%u' pad='%.*s'/>", g->sent++, arg % 64,
		 "0123456789012345678901234567890123456789012345678901234567890123");
	player_server(g->p, buf_slice(&e));
	buf_clear(&e);
}

static uint32_t number(struct slice line)
{
	const char *at = memmem(line.p, line.n, "n='", 3);
	struct slice rest;

	if (!at)
		return UINT32_MAX;
	rest = slice_of(at + 3, (size_t)(line.p + line.n - at - 3));
	return (uint32_t)num_parse(slice_cut(&rest, '\''), INT32_MAX);
}

static void judge_sent(struct game *g, struct slice line)
{
	if (g->over)
		rules_broken("nothing follows <close/>", "");
	g->draft |= slice_starts(line, SLICE("< <stream:stream"));
	if (!g->begun && !g->draft && !slice_starts(line, SLICE("< <open")) &&
	    !slice_starts(line, SLICE("< <close")))
		rules_broken("<open/> comes first", line.p);
	g->begun |= slice_starts(line, SLICE("< <open"));
	g->over |= slice_starts(line, SLICE("< <close"));
	if (slice_starts(line, SLICE("< <m ")) && number(line) != g->seen++)
		rules_broken("elements come in order, once", line.p);
}

static void judge(struct game *g)
{
	struct slice said = player_said(g->p);

	while (said.n) {
		struct slice line = slice_cut(&said, '\n');

		if (slice_starts(line, SLICE("< <")))
			judge_sent(g, line);
		else if (slice_starts(line, SLICE("payload")) && number(line) < g->came)
			rules_broken("payload goes up in order, once", line.p);
		else if (slice_starts(line, SLICE("payload")))
			g->came = number(line) + 1;
	}
}

static enum reason some_reason(int n)
{
	return (enum reason)(1 + n % (REASON_COUNT - 1));
}

static void step(struct game *g, uint8_t what, uint8_t arg)
{
	static const int64_t times[] = {0, 1, 400, 1500, 3000, 20000, 25000, 60000};

	switch (what % 16) {
	case 0: message(g, FRAME_OPEN); break;
	case 1:
	case 2:
	case 3:
	case 4: message(g, FRAME_ELEMENT); break;
	case 5:
	case 6:
	case 7:
		if (g->begun)
			server(g, arg);
		break;
	case 8: player_header(g->p, arg & 1 ? "id='x' from=\"a'b\"" : "xml:lang='de'"); break;
	case 9: player_pong(g->p, arg); break;
	case 10:
	case 11: player_wait(g->p, times[arg % 8]); break;
	case 12: player_pull(g->p, arg & 1); break;
	case 13: player_drained(g->p, arg & 2 ? UINT32_MAX : arg, arg & 1); break;
	case 14:
		if (arg < 16)
			message(g, FRAME_CLOSE);
		else if (arg < 24)
			player_frame(g->p, NULL, some_reason(what ^ arg));
		break;
	case 15:
		if (arg < 8)
			player_gone(g->p, 0);
		else if (arg < 16)
			player_close(g->p, some_reason(what ^ arg),
				     SLICE("<stream:error><x/></stream:error>"));
		break;
	}
	if (!(what & 128))
		player_turn(g->p);
	judge(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wsfront_config c = {.ping = 25000,
				   .open_wait = 1500,
				   .open_limit = 20000,
				   .close_wait = 3000,
				   .prove_wait = 1500,
				   .untold = 40};
	struct game g = {.sent = 0};

	if (size < 2)
		return 0;
	c.queue = data[0] & 1 ? 100 : 2000;
	g.p = player_new(NULL, &c);
	for (size_t i = 1; i + 1 < size && i < 2 * STEPS_MAX; i += 2)
		step(&g, data[i], data[i + 1]);
	player_pull(g.p, true);
	player_close(g.p, REASON_SYSTEM_SHUTDOWN, SLICE_NONE);
	player_turn(g.p);
	player_wait(g.p, 200000);
	judge(&g);
	player_free(g.p);
	return 0;
}

/* Scripts for the player: reads the lines of front_player.h, plays them, compares. */
#include "front_player.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

static const struct xml_limits limits = {.bytes = 65536, .depth = 64, .attributes = 64};

struct script {
	struct player *p;
	struct xmljudge *judge;
	const char *name;
	size_t at; /* line being played */
	const char *const *lines;
};

static _Noreturn void stop(const struct script *s, const char *why, struct slice what)
{
	fprintf(stderr, "%s, line %zu: %s\n  line: %s\n  said: %.*s\n", s->name, s->at + 1, why,
		s->lines[s->at] ? s->lines[s->at] : "(end)", (int)what.n, what.p ? what.p : "");
	abort();
}

/* The short names of say_short(), made long again. */
static struct buf expand(struct slice text)
{
	static const struct {
		const char *brief, *full;
	} names[] = {
	    {"'ERRORS'", "'" NS_STREAM_ERRORS "'"},
	    {"'STREAM'", "'" NS_STREAM "'"},
	    {"'XBOSH'", "'" NS_XBOSH "'"},
	    {"'FRAMING'", "'" NS_FRAMING "'"},
	};
	struct buf out = {0};

	while (text.n) {
		size_t i, n = 1;

		for (i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (slice_starts(text, slice_str(names[i].brief)))
				break;
		if (i < sizeof(names) / sizeof(*names)) {
			buf_addz(&out, names[i].full);
			n = strlen(names[i].brief);
		} else {
			buf_addc(&out, text.p[0]);
		}
		text = slice_of(text.p + n, text.n - n);
	}
	return out;
}

static enum reason reason_named(const struct script *s, struct slice label)
{
	for (int r = 0; r < REASON_COUNT; r++)
		if (slice_is(label, reason_label((enum reason)r)))
			return (enum reason)r;
	stop(s, "no such reason", label);
}

/* "a <body .../>" */
static void request(struct script *s, struct slice rest)
{
	static const struct slice body = {"<body", 5};
	handle_t h = (handle_t)(unsigned char)rest.p[0];
	struct buf text = {0}, expanded;
	struct body *parsed = NULL;
	enum reason r;
	uint32_t via;

	via = rest.p[1] == '@' ? (uint32_t)(unsigned char)rest.p[2] : 0;
	rest = slice_of(rest.p + (via ? 4 : 2), rest.n - (via ? 4 : 2));
	if (!slice_starts(rest, body))
		stop(s, "a request is a body", rest);
	expanded = expand(slice_of(rest.p + body.n, rest.n - body.n));
	BUF_LIT(&text, "<body xmlns='" NS_HTTPBIND "'");
	buf_adds(&text, buf_slice(&expanded));
	r = body_parse(&parsed, s->judge, &limits, &text);
	if (r != REASON_NONE)
		stop(s, "the body does not parse", slice_str(reason_label(r)));
	parsed->via = via;
	player_request(s->p, h, parsed);
	buf_clear(&text);
	buf_clear(&expanded);
}

static void message(struct script *s, struct slice rest)
{
	struct buf text = expand(rest);
	struct frame *parsed = NULL;
	enum reason r = frame_parse(&parsed, s->judge, &limits, &text);

	player_frame(s->p, parsed, r);
	buf_clear(&text);
}

static void server(struct script *s, struct slice rest)
{
	struct buf text = expand(rest);

	player_server(s->p, buf_slice(&text));
	buf_clear(&text);
}

static void close_by(struct script *s, struct slice rest)
{
	struct slice label = slice_cut(&rest, ' ');
	struct buf detail = expand(rest);

	player_close(s->p, reason_named(s, label), buf_slice(&detail));
	buf_clear(&detail);
}

/* So many bytes; or all, in time or late. */
static void drained(struct script *s, struct slice rest)
{
	int64_t n = num_parse(rest, UINT32_MAX);

	player_drained(s->p, n < 0 ? UINT32_MAX : (uint32_t)n, slice_is(rest, "late"));
}

static void header(struct script *s, struct slice rest)
{
	char *attributes = mem_strndup(rest.p ? rest.p : "", rest.n);

	player_header(s->p, attributes);
	free(attributes);
}

/* Something that happens; a turn follows, unless it is put off or was time itself. */
static void play(struct script *s, struct slice line)
{
	struct slice rest = line, verb = slice_cut(&rest, ' ');
	bool bosh = rest.n > 2 && (rest.p[1] == '@' || (rest.p[1] == ' ' && rest.p[2] == '<'));
	bool turn = true;

	if (verb.n && verb.p[0] == '+') {
		turn = false;
		verb = slice_of(verb.p + 1, verb.n - 1);
	}
	if (slice_is(verb, ">") && bosh)
		request(s, rest);
	else if (slice_is(verb, ">"))
		message(s, rest);
	else if (slice_is(verb, "gone"))
		player_gone(s->p, (handle_t)(rest.n ? (unsigned char)rest.p[0] : 0));
	else if (slice_is(verb, "hurry"))
		player_hurry(s->p, (handle_t)(unsigned char)rest.p[0]);
	else if (slice_is(verb, "header"))
		header(s, rest);
	else if (slice_is(verb, "server"))
		server(s, rest);
	else if (slice_is(verb, "close"))
		close_by(s, rest);
	else if (slice_is(verb, "stop") || slice_is(verb, "go"))
		player_pull(s->p, slice_is(verb, "go"));
	else if (slice_is(verb, "pong"))
		player_pong(s->p, (uint64_t)num_parse(rest, INT64_MAX));
	else if (slice_is(verb, "proved")) {
		if (player_proved(s->p) != num_parse(rest, INT64_MAX))
			stop(s, "not so many are proved", rest);
		turn = false;
	} else if (slice_is(verb, "drained"))
		drained(s, rest);
	else if (slice_is(verb, "bad"))
		player_frame(s->p, NULL, reason_named(s, rest));
	else if (slice_is(verb, "wait")) {
		player_wait(s->p, num_parse(rest, INT64_MAX));
		turn = false;
	} else
		stop(s, "no such thing happens", verb);
	if (turn)
		player_turn(s->p);
}

/* The indented lines from here on against what was said. */
static void compare(struct script *s)
{
	struct slice all = player_said(s->p), said = all;

	for (; s->lines[s->at] && s->lines[s->at][0] == ' '; s->at++) {
		struct slice want = slice_trim(slice_str(s->lines[s->at]));

		if (!slice_eq(slice_cut(&said, '\n'), want))
			stop(s, "something else was said", all);
	}
	if (said.n)
		stop(s, "more was said", all);
}

void player_run(struct player *p, const char *name, const char *const *lines)
{
	struct script s = {.p = p, .name = name, .lines = lines, .judge = xmljudge_new(&limits)};

	while (lines[s.at]) {
		play(&s, slice_str(lines[s.at++]));
		compare(&s);
	}
	xmljudge_free(s.judge);
}

/* The status API: what all workers tell of themselves, as JSON. */
#include "app/status.h"
#include "app/json.h"
#include "app/question.h"
#include "app/sessions.h"
#include "app/tally.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdlib.h>

enum {
	BACKENDS_MAX = 200 /* told of */
};

static void release(void *tally)
{
	tally_free(tally);
}

void status_counted(struct worker *w, uint8_t from, handle_t question, struct tally *y)
{
	struct web_counts c;

	web_counts(w->web, &c);
	y->connections = c.connections;
	y->accepted = c.accepted;
	y->websockets = c.websockets;
	y->waiting = c.requests_waiting;
	y->refused += c.refused;
	y->turns = w->turns;
	y->turn_max_us = w->turn_max_us;
	w->turn_max_us = 0;
	question_answer(w, from, question, y, release);
}

static void put_numbers(struct json *j, const struct tally *y)
{
	json_int(j, "sessions", y->sessions);
	json_int(j, "bosh", y->bosh);
	json_int(j, "websocket", y->websocket);
	json_int(j, "opening", y->opening);
	json_int(j, "open", y->open);
	json_int(j, "detached", y->detached);
	json_int(j, "closing", y->closing);
	json_int(j, "connections", y->connections);
	json_int(j, "connections_total", (int64_t)y->accepted);
	json_int(j, "websockets", y->websockets);
	json_int(j, "requests_waiting", y->waiting);
	json_int(j, "requests_total", (int64_t)y->requests);
	json_int(j, "requests_foreign", (int64_t)y->foreign);
	json_int(j, "sessions_created", (int64_t)y->created);
	json_int(j, "sessions_ended", (int64_t)y->ended);
	json_int(j, "refused", (int64_t)y->refused);
	json_int(j, "stanzas_in", (int64_t)y->stanzas_in);
	json_int(j, "stanzas_out", (int64_t)y->stanzas_out);
	json_int(j, "stanzas_unproved", (int64_t)y->unproved);
	json_int(j, "stanzas_proved", (int64_t)y->proved);
	json_int(j, "stanzas_returned", (int64_t)y->returned);
	json_int(j, "stanzas_unacknowledged", (int64_t)y->unacknowledged);
	json_int(j, "messages_given_up", (int64_t)y->given_up);
	json_int(j, "logins_total", (int64_t)y->logins);
	json_int(j, "login_failures_total", (int64_t)y->login_failures);
	json_int(j, "bytes_in", (int64_t)y->bytes_in);
	json_int(j, "bytes_out", (int64_t)y->bytes_out);
	json_int(j, "turns", (int64_t)y->turns);
	json_int(j, "turn_max_us", (int64_t)y->turn_max_us);
}

static void add(struct tally *sum, const struct tally *y)
{
	sum->sessions += y->sessions;
	sum->bosh += y->bosh;
	sum->websocket += y->websocket;
	sum->opening += y->opening;
	sum->open += y->open;
	sum->detached += y->detached;
	sum->closing += y->closing;
	sum->connections += y->connections;
	sum->accepted += y->accepted;
	sum->websockets += y->websockets;
	sum->waiting += y->waiting;
	sum->requests += y->requests;
	sum->foreign += y->foreign;
	sum->created += y->created;
	sum->ended += y->ended;
	sum->refused += y->refused;
	sum->stanzas_in += y->stanzas_in;
	sum->stanzas_out += y->stanzas_out;
	sum->unproved += y->unproved;
	sum->proved += y->proved;
	sum->returned += y->returned;
	sum->unacknowledged += y->unacknowledged;
	sum->logins += y->logins;
	sum->login_failures += y->login_failures;
	sum->given_up += y->given_up;
	sum->bytes_in += y->bytes_in;
	sum->bytes_out += y->bytes_out;
	sum->turns += y->turns;
	if (y->turn_max_us > sum->turn_max_us)
		sum->turn_max_us = y->turn_max_us;
}

static void put_workers(struct json *j, const struct question *q, int n)
{
	json_array(j, "workers");
	for (int i = 0; i < n; i++) {
		if (!q->answers[i].p)
			continue;
		json_open(j, NULL);
		json_int(j, "worker", i);
		put_numbers(j, q->answers[i].p);
		json_close(j);
	}
	json_array_close(j);
	json_array(j, "silent_workers");
	for (int i = 0; i < n; i++)
		if (!q->answers[i].p)
			json_int(j, NULL, i);
	json_array_close(j);
}

static void put_backend(struct json *j, const struct health_row *r, int64_t now)
{
	json_open(j, NULL);
	json_text(j, "name", slice_str(r->name));
	json_text(j, "state", r->down ? SLICE("down") : SLICE("up"));
	json_int(j, "retry_ms", r->down && r->retry_at > now ? r->retry_at - now : 0);
	json_int(j, "sessions", r->sessions);
	json_int(j, "sessions_max", r->most);
	json_int(j, "connected_total", (int64_t)r->connected);
	json_int(j, "failed_total", (int64_t)r->failed);
	json_int(j, "connect_ms", r->connect_ms);
	json_text(j, "problem", slice_str(r->why));
	json_close(j);
}

static void put_backends(struct json *j, const struct worker *w)
{
	struct health_row *v = mem_alloc(BACKENDS_MAX * sizeof(*v));
	size_t n = health_rows(backends_health(w->app->backends), v, BACKENDS_MAX);

	json_array(j, "backends");
	for (size_t i = 0; i < n && i < BACKENDS_MAX; i++)
		put_backend(j, &v[i], w->now);
	json_array_close(j);
	free(v);
}

static void answer(struct worker *w, struct question *q)
{
	const struct app *app = w->app;
	struct json j = json_new();
	struct tally sum = {0};
	struct buf body;

	json_open(&j, NULL);
	json_text(&j, "version", SLICE(PACKAGE_VERSION));
	json_int(&j, "uptime_ms", w->now - app->started);
	for (int i = 0; i < app->n; i++)
		if (q->answers[i].p)
			add(&sum, q->answers[i].p);
	put_numbers(&j, &sum);
	put_workers(&j, q, app->n);
	put_backends(&j, w);
	json_close(&j);
	body = json_done(&j);
	web_reply(w->web, q->request, 200, &body, "application/json");
}

void status_get(struct worker *w, handle_t h)
{
	struct question *q = question_new(w->questions, h, answer, NULL);

	for (int i = 0; i < w->app->n; i++)
		question_ask(w->questions, q, (uint8_t)i, letter_new(LETTER_ASK));
}

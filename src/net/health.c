/* A row for each name, found by a hash and kept in the order of use, so that the one to be
 * forgotten is at hand. Rows are given other names but never freed: who looked a backend up long
 * ago and had no place there does no worse than to speak of another one. */
#include "net/health.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/htab.h"
#include "base/mem.h"
#include "base/random.h"

enum { CROWDED_EVERY = 60000 /* ms */ };

struct health_backend {
	struct htab_node node;
	struct health *h;
	struct health_backend *newer, *older; /* by use */
	uint32_t places, most;
	uint32_t retry; /* ms, the current pause */
	bool down;
	bool asked; /* down: one asker is trying it */
	bool listed, of_domain, relayed, drained;
	int64_t since, asked_at;
	int64_t retry_at, plain_until, crowded_at, connect_ms;
	uint64_t connected, failed;
	char why[HEALTH_WHY];
	char name[HEALTH_NAME];
};

struct health {
	pthread_mutex_t lock;
	struct htab names;
	struct health_backend *newest, *oldest;
	int64_t asked_at; /* any of them, last */
	struct histogram connects;
	uint8_t seed[16];
};

struct health *health_new(void)
{
	struct health *h = mem_zalloc(sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	random_bytes(h->seed, sizeof(h->seed)); /* open relaying: clients choose the names */
	return h;
}

void health_free(struct health *h)
{
	struct health_backend *b, *next;

	if (!h)
		return;
	for (b = h->newest; b; b = next) {
		next = b->older;
		free(b);
	}
	htab_clear(&h->names);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static void lock(struct health *h)
{
	pthread_mutex_lock(&h->lock);
}

static void unlock(struct health *h)
{
	pthread_mutex_unlock(&h->lock);
}

static void unlink_use(struct health_backend *b)
{
	*(b->newer ? &b->newer->older : &b->h->newest) = b->older;
	*(b->older ? &b->older->newer : &b->h->oldest) = b->newer;
}

static void link_newest(struct health_backend *b)
{
	b->newer = NULL;
	b->older = b->h->newest;
	*(b->older ? &b->older->newer : &b->h->oldest) = b;
	b->h->newest = b;
}

static bool is_named(const struct htab_node *node, struct slice key)
{
	return slice_eq(slice_str(CONTAINER(node, struct health_backend, node)->name), key);
}

static struct health_backend *named(struct health *h, struct slice key)
{
	struct htab_node *node = htab_find(&h->names, htab_hash(key, h->seed), key, is_named);

	return node ? CONTAINER(node, struct health_backend, node) : NULL;
}

static struct slice key_of(const char *name)
{
	return slice_of(name, strnlen(name, HEALTH_NAME - 1));
}

/* Measured by the last that was asked for, not by the clock: while no sessions begin, nothing is
 * known better. */
static bool is_gone(const struct health_backend *b)
{
	return !b->listed && !b->places && !b->drained &&
	       b->h->asked_at - b->asked_at >= HEALTH_GONE;
}

/* A row to be used for another name: of those not listed the idle one used longest ago, where there
 * are too many. */
static struct health_backend *spare(struct health *h)
{
	struct health_backend *b = NULL;

	if (h->names.n >= HEALTH_NAMES)
		for (b = h->oldest; b && (b->places || b->drained || b->listed); b = b->newer)
			;
	if (b) {
		htab_remove(&h->names, &b->node);
		unlink_use(b);
		memset(b, 0, sizeof(*b));
	} else {
		b = mem_zalloc(sizeof(*b));
	}
	b->h = h;
	b->connect_ms = -1;
	return b;
}

static struct health_backend *find(struct health *h, const char *name, uint32_t most,
				   bool of_domain, bool relayed)
{
	struct slice key = key_of(name);
	struct health_backend *b;

	lock(h);
	b = named(h, key);
	if (b) {
		unlink_use(b);
	} else {
		b = spare(h);
		b->relayed = relayed;
		memcpy(b->name, name, key.n);
		htab_add(&h->names, &b->node, htab_hash(key, h->seed));
	}
	link_newest(b);
	b->of_domain = of_domain;
	b->relayed &= relayed;
	if (!relayed)
		b->most = most;
	unlock(h);
	return b;
}

struct health_backend *health_find(struct health *h, const char *name, uint32_t most)
{
	return find(h, name, most, false, false);
}

void health_list(struct health *h, const char *name, uint32_t most)
{
	struct health_backend *b = health_find(h, name, most);

	lock(h);
	b->listed = true;
	unlock(h);
}

struct health_backend *health_find_relayed(struct health *h, const char *name)
{
	return find(h, name, 0, false, true);
}

struct health_backend *health_find_domain(struct health *h, const char *name, const char *domain,
					  bool relayed)
{
	char both[HEALTH_NAME];
	struct health_backend *b, *whole;

	snprintf(both, sizeof(both), "%s (%s)", name, domain);
	b = find(h, both, 0, true, relayed);
	lock(h);
	whole = named(h, key_of(name));
	b->listed = whole && whole->listed && !b->relayed;
	unlock(h);
	return b;
}

enum health_word health_ask(struct health_backend *b, int64_t now)
{
	enum health_word word = HEALTH_YES;

	lock(b->h);
	b->asked_at = b->h->asked_at = now;
	if (b->drained)
		word = HEALTH_DRAINED;
	else if (b->down && (b->asked || now < b->retry_at))
		word = HEALTH_DOWN;
	else if (b->most && b->places >= b->most)
		word = HEALTH_FULL;
	if (word == HEALTH_YES) {
		b->asked = b->down;
		b->places++;
	}
	unlock(b->h);
	return word;
}

static void leave(struct health_backend *b)
{
	assert(b->places > 0);
	b->places--;
}

bool health_well(struct health_backend *b, int64_t ms)
{
	bool was_down;

	lock(b->h);
	assert(b->places > 0);
	was_down = b->down;
	if (!b->of_domain)
		histogram_add(&b->h->connects, (uint64_t)ms * 1000, 1);
	b->down = b->asked = false;
	b->retry = 0;
	b->connected++;
	b->connect_ms = b->connect_ms < 0 ? ms : (b->connect_ms * 7 + ms) / 8;
	unlock(b->h);
	return was_down;
}

/* Attempts that began while it was well, and fail after it was found to be down, do not make the
 * pause longer. */
static void pause_longer(struct health_backend *b, int64_t now)
{
	if (b->down && now < b->retry_at)
		return;
	b->retry = b->retry ? b->retry * 2 : HEALTH_RETRY_MIN;
	if (b->retry > HEALTH_RETRY_MAX)
		b->retry = HEALTH_RETRY_MAX;
	b->retry_at = now + b->retry;
	b->asked = false;
}

bool health_failed(struct health_backend *b, int64_t now, const char *why)
{
	bool was_down;

	lock(b->h);
	leave(b);
	was_down = b->down;
	if (!was_down)
		b->since = now;
	b->failed++;
	pause_longer(b, now);
	b->down = true;
	snprintf(b->why, sizeof(b->why), "%s", why);
	unlock(b->h);
	return !was_down;
}

void health_cancel(struct health_backend *b)
{
	lock(b->h);
	leave(b);
	b->asked = false;
	unlock(b->h);
}

void health_leave(struct health_backend *b)
{
	lock(b->h);
	leave(b);
	unlock(b->h);
}

void health_offers_no_tls(struct health_backend *b, int64_t now)
{
	lock(b->h);
	b->plain_until = now + HEALTH_PLAIN;
	unlock(b->h);
}

bool health_lacks_tls(struct health_backend *b, int64_t now)
{
	bool lacks;

	lock(b->h);
	lacks = now < b->plain_until;
	unlock(b->h);
	return lacks;
}

bool health_crowded(struct health_backend *b, uint32_t most, int64_t now)
{
	bool tell;

	lock(b->h);
	tell = b->places >= most && now >= b->crowded_at;
	if (tell)
		b->crowded_at = now + CROWDED_EVERY;
	unlock(b->h);
	return tell;
}

static void fill(const struct health_backend *b, struct health_row *row)
{
	*row = (struct health_row){.down = b->down,
				   .drained = b->drained,
				   .of_domain = b->of_domain,
				   .relayed = b->relayed,
				   .since = b->since,
				   .retry_at = b->retry_at,
				   .sessions = b->places,
				   .most = b->most,
				   .connected = b->connected,
				   .failed = b->failed,
				   .connect_ms = b->connect_ms};
	memcpy(row->name, b->name, sizeof(row->name));
	memcpy(row->why, b->why, sizeof(row->why));
}

void health_row(struct health_backend *b, struct health_row *row)
{
	lock(b->h);
	fill(b, row);
	unlock(b->h);
}

size_t health_rows(struct health *h, struct health_row *v, size_t n)
{
	size_t i = 0;

	lock(h);
	for (int relayed = 0; relayed < 2; relayed++)
		for (struct health_backend *b = h->newest; b && i < n; b = b->older)
			if (b->relayed == relayed && (!b->of_domain || b->down) && !is_gone(b))
				fill(b, &v[i++]);
	unlock(h);
	return i;
}

bool health_drain(struct health *h, const char *name, bool on, uint32_t *sessions)
{
	struct health_backend *b;

	lock(h);
	b = named(h, slice_str(name));
	if (b && b->of_domain)
		b = NULL;
	if (b) {
		b->drained = on;
		*sessions = b->places;
	}
	unlock(h);
	return b != NULL;
}

/* One whose pause is over is tried by the next session, and by nobody else: it counts as there. */
bool health_all_out(struct health *h, int64_t now)
{
	bool any = false, out = true;

	lock(h);
	for (struct health_backend *b = h->newest; b && out; b = b->older) {
		if (b->of_domain || b->relayed || is_gone(b))
			continue;
		any = true;
		out = b->drained || (b->down && now < b->retry_at);
	}
	unlock(h);
	return any && out;
}

void health_connects(struct health *h, struct histogram *times)
{
	lock(h);
	*times = h->connects;
	unlock(h);
}

/* Looking for sessions. */
#include "app/status/look.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/query.h"

#include <stdio.h>
#include <stdlib.h>

const char *look_id(handle_t h, char dst[PUBLIC_ID])
{
	snprintf(dst, PUBLIC_ID, "%u-%u-%u", handle_worker(h), (unsigned)(h >> 32) & 0xffffff,
		 (unsigned)h);
	return dst;
}

bool look_id_parse(handle_t *h, struct slice id)
{
	int64_t worker = num_parse(slice_cut(&id, '-'), 255);
	int64_t slot = num_parse(slice_cut(&id, '-'), 0xffffff),
		generation = num_parse(id, UINT32_MAX);

	*h = (handle_t)worker << 56 | (handle_t)slot << 32 | (handle_t)generation;
	return worker >= 0 && slot >= 0 && generation > 0;
}

/* --- which --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Whether `what`, in lower case, stands in `in`. */
static bool holds(struct slice in, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= in.n; i++) {
		size_t k = 0;

		while (k < n && lower(in.p[i + k]) == what[k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

static bool peer_holds(const struct look *l, const struct addr *peer)
{
	char text[ADDR_TEXT];
	bool ip = peer->family == ADDR_V4 || peer->family == ADDR_V6;

	return (l->q_is_ip || !ip) && holds(slice_str(addr_print(peer, false, text)), l->q);
}

static bool id_holds(const struct look *l, handle_t h)
{
	char text[PUBLIC_ID];

	return l->q_is_id && holds(slice_str(look_id(h, text)), l->q);
}

bool look_matches(const struct look *l, const struct look_at *at)
{
	const struct session_facts *f = at->facts;

	if (l->transport >= 0 && l->transport != at->websocket)
		return false;
	if (l->state >= 0 && l->state != (int)f->state)
		return false;
	if (*l->domain && !slice_eq_nocase(slice_str(f->domain), slice_str(l->domain)))
		return false;
	return !*l->q || holds(f->jid, l->q) || holds(slice_str(f->domain), l->q) ||
	       peer_holds(l, at->peer) || id_holds(l, at->handle);
}

/* --- in what order --- */

static void key_text(struct look_key *k, const void *p, size_t n)
{
	k->n = (uint16_t)(n < LOOK_TEXT ? n : LOOK_TEXT);
	if (n)
		memcpy(k->text, p, k->n);
}

static void key_peer(struct look_key *k, const struct addr *peer)
{
	k->num = peer->family;
	key_text(k, peer->ip, sizeof(peer->ip));
}

static void key_of(struct look_key *k, const struct look *l, const struct look_at *at)
{
	const struct session_facts *f = at->facts;

	k->num = 0;
	k->n = 0;
	k->handle = at->handle;
	switch (l->sort) {
	case LOOK_AGE: k->num = -f->born; break;
	case LOOK_JID: key_text(k, f->jid.p, f->jid.n); break;
	case LOOK_DOMAIN: key_text(k, f->domain, strlen(f->domain)); break;
	case LOOK_PEER: key_peer(k, at->peer); break;
	case LOOK_TRANSPORT: k->num = at->websocket; break;
	case LOOK_STATE: k->num = f->state; break;
	case LOOK_QUEUE: k->num = (int64_t)f->counts.queued; break;
	case LOOK_IN: k->num = (int64_t)f->in.stanzas; break;
	case LOOK_OUT: k->num = (int64_t)f->out.stanzas; break;
	case LOOK_BYTES: k->num = (int64_t)(f->in.bytes + f->out.bytes); break;
	case LOOK_UNPROVED: k->num = f->delivery.unproved; break;
	case LOOK_SORTS: break;
	}
}

static int order(const struct look_key *a, const struct look_key *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int text = n ? memcmp(a->text, b->text, n) : 0;

	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	if (text)
		return text;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return (a->handle > b->handle) - (a->handle < b->handle);
}

static int compare(const struct look *l, const struct look_key *a, const struct look_key *b)
{
	return l->descending ? order(b, a) : order(a, b);
}

static void key_of_row(struct look_key *k, const struct look *l, const struct look_row *r)
{
	const struct look_at at = {&r->facts, &r->peer, r->handle, r->websocket};

	key_of(k, l, &at);
}

/* Whether row a comes before b. */
static bool before(const struct look *l, const struct look_row *a, const struct look_row *b)
{
	struct look_key x, y;

	key_of_row(&x, l, a);
	key_of_row(&y, l, b);
	return compare(l, &x, &y) < 0;
}

/* --- the best of them --- */

struct looked *looked_new(const struct look *l)
{
	struct looked *found = mem_zalloc(sizeof(*found));

	found->rows = mem_alloc(l->k * sizeof(*found->rows));
	return found;
}

static void row_free(struct look_row *r)
{
	free(r->jid);
	free(r->domain);
	free(r);
}

void looked_free(struct looked *found)
{
	for (uint32_t i = 0; i < found->n; i++)
		row_free(found->rows[i]);
	free(found->rows);
	free(found);
}

static struct look_row *row_new(const struct look_at *at, int64_t now)
{
	struct look_row *r = mem_zalloc(sizeof(*r));

	r->handle = at->handle;
	r->facts = *at->facts;
	r->jid = mem_strndup(at->facts->jid.n ? at->facts->jid.p : "", at->facts->jid.n);
	r->domain = mem_strdup(at->facts->domain);
	r->facts.jid = slice_str(r->jid);
	r->facts.domain = r->domain;
	r->peer = *at->peer;
	r->websocket = at->websocket;
	r->age = now - at->facts->born;
	return r;
}

/* The heap has its last row, in the order asked for, on top. */
static void swap(struct looked *found, uint32_t a, uint32_t b)
{
	struct look_row *r = found->rows[a];

	found->rows[a] = found->rows[b];
	found->rows[b] = r;
}

static void sift_up(struct looked *found, const struct look *l, uint32_t i)
{
	for (; i && before(l, found->rows[(i - 1) / 2], found->rows[i]); i = (i - 1) / 2)
		swap(found, i, (i - 1) / 2);
}

static void sift_down(struct looked *found, const struct look *l, uint32_t n)
{
	for (uint32_t i = 0, big; (big = 2 * i + 1) < n; i = big) {
		if (big + 1 < n && before(l, found->rows[big], found->rows[big + 1]))
			big++;
		if (!before(l, found->rows[i], found->rows[big]))
			return;
		swap(found, i, big);
	}
}

/* Whether there is room for it, or it comes before the last of them. */
static bool is_wanted(struct looked *found, const struct look *l, const struct look_key *k)
{
	struct look_key last;

	if (found->n < l->k)
		return true;
	found->more = true;
	key_of_row(&last, l, found->rows[0]);
	return compare(l, k, &last) < 0;
}

struct look_row *looked_see(struct looked *found, const struct look *l, const struct look_at *at,
			    int64_t now)
{
	struct look_row *r;
	struct look_key k;

	found->total++;
	if (!look_matches(l, at))
		return NULL;
	found->matched++;
	key_of(&k, l, at);
	if ((l->paged && compare(l, &k, &l->after) <= 0) || !is_wanted(found, l, &k))
		return NULL;
	r = row_new(at, now);
	if (found->n < l->k) {
		found->rows[found->n] = r;
		sift_up(found, l, found->n++);
	} else {
		row_free(found->rows[0]);
		found->rows[0] = r;
		sift_down(found, l, found->n);
	}
	return r;
}

void looked_sort(struct looked *found, const struct look *l)
{
	for (uint32_t n = found->n; n > 1; n--) {
		swap(found, 0, n - 1);
		sift_down(found, l, n - 1);
	}
}

void looked_merge(struct looked *to, struct looked *from, const struct look *l)
{
	struct look_row **rows = mem_alloc(l->k * sizeof(*rows)), **old = to->rows;
	uint32_t i = 0, a = 0, b = 0;

	while (i < l->k && (a < to->n || b < from->n)) {
		bool mine = b == from->n || (a < to->n && before(l, old[a], from->rows[b]));

		rows[i++] = mine ? old[a++] : from->rows[b++];
	}
	to->total += from->total;
	to->matched += from->matched;
	to->more |= from->more || a < to->n || b < from->n;
	while (a < to->n)
		row_free(old[a++]);
	from->n -= b;
	memmove(from->rows, from->rows + b, from->n * sizeof(*from->rows));
	to->rows = rows;
	to->n = i;
	free(old);
}

/* --- pages --- */

static void put_hex(struct buf *out, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%02x", ((const uint8_t *)p)[i]);
}

const char *look_cursor(const struct look *l, const struct looked *found, char dst[LOOK_CURSOR])
{
	uint8_t head[] = {(uint8_t)l->sort, l->descending};
	struct buf out = {0};
	struct look_key k;

	*dst = '\0';
	if (!found->more || !found->n)
		return dst;
	key_of_row(&k, l, found->rows[found->n - 1]);
	put_hex(&out, head, sizeof(head));
	put_hex(&out, &k.num, sizeof(k.num));
	put_hex(&out, &k.handle, sizeof(k.handle));
	put_hex(&out, k.text, k.n);
	memcpy(dst, buf_data(&out), out.len);
	dst[out.len] = '\0';
	buf_clear(&out);
	return dst;
}

/* Bytes out of hex digits: how many, or -1. */
static int get_hex(uint8_t *dst, size_t room, struct slice hex)
{
	if (hex.n % 2 || hex.n / 2 > room)
		return -1;
	for (size_t i = 0; i < hex.n; i += 2) {
		int64_t n = num_parse_hex(slice_of(hex.p + i, 2), 255);

		if (n < 0)
			return -1;
		dst[i / 2] = (uint8_t)n;
	}
	return (int)(hex.n / 2);
}

static bool read_cursor(struct look *l, struct slice text)
{
	uint8_t raw[2 + 16 + LOOK_TEXT];
	int n = get_hex(raw, sizeof(raw), text);

	if (n < 18 || raw[0] != l->sort || raw[1] != l->descending)
		return false;
	memcpy(&l->after.num, raw + 2, sizeof(l->after.num));
	memcpy(&l->after.handle, raw + 10, sizeof(l->after.handle));
	key_text(&l->after, raw + 18, (size_t)n - 18);
	l->paged = true;
	return true;
}

/* --- the query --- */

/* Which of these words it is; -1: none. */
static int word(struct slice value, const char *const *words, int n)
{
	for (int i = 0; i < n; i++)
		if (slice_is(value, words[i]))
			return i;
	return -1;
}

static const char *set_sort(struct look *l, struct slice value)
{
	static const char *const sorts[] = {
#define X(name, label) label,
#include "app/status/look.def"
#undef X
	};
	int n = word(value, sorts, LOOK_SORTS);

	if (n < 0)
		return "sort: one of age, jid, domain, peer, transport, state, queue, in, out, "
		       "bytes, unproved";
	l->sort = (enum look_sort)n;
	return NULL;
}

static const char *set_order(struct look *l, struct slice value)
{
	static const char *const orders[] = {"asc", "desc"};
	int n = word(value, orders, 2);

	l->descending = n == 1;
	return n < 0 ? "order: asc or desc" : NULL;
}

static const char *set_transport(struct look *l, struct slice value)
{
	static const char *const transports[] = {"bosh", "websocket"};

	l->transport = word(value, transports, 2);
	return l->transport < 0 ? "transport: bosh or websocket" : NULL;
}

static const char *set_state(struct look *l, struct slice value)
{
	static const char *const states[] = {"opening", "open", "detached", "closing"};

	l->state = word(value, states, 4);
	return l->state < 0 ? "state: one of opening, open, detached, closing" : NULL;
}

static const char *set_domain(struct look *l, struct slice value)
{
	if (value.n >= sizeof(l->domain))
		return "domain: 255 bytes at most";
	memcpy(l->domain, value.p, value.n);
	l->domain[value.n] = '\0';
	return NULL;
}

static const char *set_q(struct look *l, struct slice value)
{
	if (value.n > LOOK_TEXT)
		return "q: 255 bytes at most";
	for (size_t i = 0; i < value.n; i++)
		l->q[i] = lower(value.p[i]);
	l->q[value.n] = '\0';
	l->q_is_id = strspn(l->q, "0123456789-") == value.n;
	l->q_is_ip = strspn(l->q, "0123456789abcdef.:") == value.n;
	return NULL;
}

static const char *set_limit(struct look *l, struct slice value)
{
	int64_t n = num_parse(value, LOOK_MAX);

	if (n < 1)
		return "limit: a number from 1 to 1000";
	l->k = (uint32_t)n;
	return NULL;
}

/* The cursor is read last: it has to fit the order. */
static const char *set(struct look *l, struct slice name, struct slice value, struct buf *cursor)
{
	static const struct {
		const char *name;
		const char *(*set)(struct look *l, struct slice value);
	} keys[] = {{"q", set_q},	  {"transport", set_transport}, {"domain", set_domain},
		    {"state", set_state}, {"sort", set_sort},		{"order", set_order},
		    {"limit", set_limit}};

	if (!value.n)
		return NULL;
	if (slice_is(name, "cursor")) {
		buf_reset(cursor);
		buf_adds(cursor, value);
		return NULL;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (slice_is(name, keys[i].name))
			return keys[i].set(l, value);
	return NULL; /* a later version's */
}

const char *look_parse(struct look *l, struct slice query)
{
	struct buf value = {0}, cursor = {0};
	const char *problem = NULL;
	enum query_result r = QUERY_PAIR;
	struct slice name;

	*l = (struct look){.transport = -1, .state = -1, .k = LOOK_DEFAULT};
	while (!problem && (r = query_next(&query, &name, &value)) == QUERY_PAIR)
		problem = set(l, name, buf_slice(&value), &cursor);
	if (r == QUERY_BAD)
		problem = "the query has a % that no two hex digits follow";
	if (!problem && cursor.len && !read_cursor(l, buf_slice(&cursor)))
		problem = "cursor: not one of this order; leave it away for the first page";
	buf_clear(&value);
	buf_clear(&cursor);
	return problem;
}

/* The table of keys, setting one of them, and the three lists. Every value, default or given, from
 * a file or the command line, goes through config_set(), so there is one place that judges it. */
#include "app/config_priv.h"

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/num.h"
#include "proto/origin.h"

const struct config_key config_keys[CONFIG_KEYS] = {
#define X(field, path, type, unit, minimum, maximum, def, sentence) \
	{path,	  CONFIG_##type, unit,	   minimum,                 \
	 maximum, def,		 sentence, offsetof(struct config, field)},
#include "app/config.def"
#undef X
};

/* Paths that are no scalar keys, for the sake of the nearest known one. */
static const char *const list_paths[] = {"listen",  "listen.name",  "listen.address",
					 "domains", "domains.name", "domains.backends",
					 "origins"};

enum { LIST_PATHS = sizeof(list_paths) / sizeof(list_paths[0]), PATH_LONGEST = 64 };

bool config_fail(struct config_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return false;
}

int config_find(struct slice path)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (slice_is(path, config_keys[i].path))
			return i;
	return -1;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many bytes must be put in, left out or changed to make b of a (Levenshtein). */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned row[PATH_LONGEST + 1];

	if (b.n > PATH_LONGEST)
		return UINT_MAX;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned above = row[j];

			row[j] =
			    min3(above + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] != b.p[j - 1]));
			diagonal = above;
		}
	}
	return row[b.n];
}

static struct slice group_of(const char *path)
{
	const char *dot = strchr(path, '.');

	return dot ? slice_of(path, (size_t)(dot - path)) : SLICE_NONE;
}

int config_find_group(struct slice group)
{
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (group.n && slice_eq(group, group_of(config_keys[i].path)))
			return i;
	return -1;
}

static void consider(struct slice path, struct slice known, unsigned malus, struct slice result,
		     struct slice *best, unsigned *least)
{
	unsigned u = 2 * distance(path, known) + malus;

	if (u < *least) {
		*least = u;
		*best = result;
	}
}

/* A key is also known, a little less well, by its last part: "wait" means "bosh.wait". */
struct slice config_nearest(struct slice path)
{
	struct slice best = SLICE_NONE;
	unsigned least = UINT_MAX;

	if (path.n > PATH_LONGEST)
		path.n = PATH_LONGEST;
	for (int i = 0; i < CONFIG_KEYS + LIST_PATHS; i++) {
		struct slice known =
		    slice_str(i < CONFIG_KEYS ? config_keys[i].path : list_paths[i - CONFIG_KEYS]);
		struct slice group = group_of(known.p);

		consider(path, known, 0, known, &best, &least);
		if (group.n == 0)
			continue;
		consider(path, group, 0, group, &best, &least);
		consider(path, slice_of(known.p + group.n + 1, known.n - group.n - 1), 1, known,
			 &best, &least);
	}
	return best;
}

struct slice config_choice_word(const char *list, int place)
{
	struct slice rest = slice_str(list), word;

	do
		word = slice_cut(&rest, '|');
	while (place-- > 0);
	return word;
}

int config_choice(const char *list, struct slice word)
{
	struct slice rest = slice_str(list);

	for (int place = 0; rest.p; place++)
		if (slice_eq(slice_cut(&rest, '|'), word))
			return place;
	return -1;
}

static bool set_int(const struct config_key *k, int64_t *field, struct slice value,
		    struct config_error *e)
{
	struct slice digits = value;
	bool negative = value.n > 1 && value.p[0] == '-';
	int64_t n;

	if (negative)
		digits = slice_of(value.p + 1, value.n - 1);
	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9')
			digits.n = 0;
	if (digits.n == 0)
		return config_fail(
		    e, "\"%s\" is a whole number of %s from %lld to %lld, not \"%.*s\"", k->path,
		    k->unit, (long long)k->minimum, (long long)k->maximum, SHOW(value));
	n = num_parse(digits, INT64_MAX);
	if (negative && n != 0)
		n = -1;
	if (n < k->minimum || n > k->maximum)
		return config_fail(
		    e, "\"%s\" is out of range: %.*s, but it goes from %lld to %lld %s", k->path,
		    SHOW(value), (long long)k->minimum, (long long)k->maximum, k->unit);
	*field = n;
	return true;
}

/* An address that can be bound. */
static bool read_address(struct addr *a, const char *what, struct slice text,
			 struct config_error *e)
{
	if (addr_parse(a, text, true) && a->port != 0)
		return true;
	return config_fail(e,
			   "\"%s\": \"%.*s\" is no address and port, such as 127.0.0.1:5280, "
			   "0.0.0.0:5280 or [::]:5280",
			   what, SHOW(text));
}

static bool set_text(const struct config_key *k, char **field, struct slice value,
		     struct config_error *e)
{
	if ((int64_t)value.n < k->minimum || (int64_t)value.n > k->maximum)
		return config_fail(e, "\"%s\" has %zu bytes, but it has from %lld to %lld", k->path,
				   value.n, (long long)k->minimum, (long long)k->maximum);
	if (memchr(value.p ? value.p : "", 0, value.n))
		return config_fail(e, "\"%s\" holds a zero byte", k->path);
	free(*field);
	*field = mem_strndup(value.p ? value.p : "", value.n);
	return true;
}

static bool set_key(struct config *c, const struct config_key *k, struct slice value,
		    struct config_error *e)
{
	void *field = (char *)c + k->offset;
	int place;

	switch (k->type) {
	case CONFIG_INT: return set_int(k, field, value, e);
	case CONFIG_TEXT: return set_text(k, field, value, e);
	case CONFIG_CHOICE:
		place = config_choice(k->unit, value);
		if (place < 0)
			return config_fail(e, "\"%s\" is one of %s, not \"%.*s\"", k->path, k->unit,
					   SHOW(value));
		*(int *)field = place;
		return true;
	case CONFIG_ADDRESS:
		if (value.n != 0)
			return read_address(field, k->path, value, e);
		*(struct addr *)field = (struct addr){0};
		return true;
	}
	return false;
}

bool config_fail_unknown(struct slice path, struct config_error *e)
{
	struct slice nearest = config_nearest(path);

	return config_fail(e, "unknown key \"%.*s\", nearest known: \"%.*s\"", SHOW(path),
			   SHOW(nearest));
}

bool config_set(struct config *c, struct slice path, struct slice value, struct config_error *e)
{
	int i = config_find(path);

	if (i >= 0)
		return set_key(c, &config_keys[i], value, e);
	i = config_find_group(path);
	if (i >= 0)
		return config_fail(e, "\"%.*s\" is a group of keys, such as \"%s\"", SHOW(path),
				   config_keys[i].path);
	for (i = 0; i < LIST_PATHS; i++)
		if (slice_is(path, list_paths[i]))
			return config_fail(e,
					   "\"%.*s\" belongs to a list: it is set in the file, or "
					   "with --listen or --backend",
					   SHOW(path));
	return config_fail_unknown(path, e);
}

struct config *config_new(void)
{
	struct config *c = mem_zalloc(sizeof(*c));
	struct config_error e = {""};

	for (int i = 0; i < CONFIG_KEYS; i++)
		if (!set_key(c, &config_keys[i], slice_str(config_keys[i].def), &e)) {
			fprintf(stderr, "config.def: %s\n", e.text);
			abort();
		}
	config_add_origin(c, SLICE("*"), &e);
	c->own_origins = false;
	return c;
}

void config_clear_listen(struct config *c)
{
	for (size_t i = 0; i < c->n_listen; i++)
		free(c->listen[i].name);
	free(c->listen);
	c->listen = NULL;
	c->n_listen = 0;
}

static void free_texts(const char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free((char *)v[i]);
	free(v);
}

static void clear_origins(struct config *c)
{
	free_texts(c->origins);
	c->origins = NULL;
	c->n_origins = 0;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (config_keys[i].type == CONFIG_TEXT)
			free(*(char **)((char *)c + config_keys[i].offset));
	config_clear_listen(c);
	clear_origins(c);
	free_texts(c->allowed);
	for (size_t i = 0; i < c->n_domains; i++) {
		for (size_t j = 0; j < c->domains[i].n_backends; j++)
			free((char *)c->domains[i].backends[j].host);
		free(c->domains[i].backends);
		free(c->domains[i].name);
	}
	free(c->domains);
	free((struct route *)c->routes.v);
	free(c);
}

bool config_same_addr(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool config_add_listen(struct config *c, struct slice name, struct slice address,
		       struct config_error *e)
{
	struct addr a;
	char text[ADDR_TEXT];

	if (!read_address(&a, "listen.address", address, e))
		return false;
	for (size_t i = 0; i < c->n_listen; i++) {
		if (slice_is(name, c->listen[i].name))
			return config_fail(e, "two listeners are named \"%.*s\"", SHOW(name));
		if (config_same_addr(&a, &c->listen[i].addr))
			return config_fail(e, "two listeners have the address %s",
					   addr_print(&a, true, text));
	}
	c->listen = mem_realloc(c->listen, (c->n_listen + 1) * sizeof(*c->listen));
	c->listen[c->n_listen++] = (struct config_listen){mem_strndup(name.p, name.n), a};
	return true;
}

static bool domain_ok(struct slice name)
{
	if (name.n == 0 || name.n > 1023 || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || strchr("\"&'/:<>@\x7f", name.p[i]))
			return false;
	return true;
}

/* Domains are compared as they are kept: without the dot of the root, ASCII in lower case. */
static struct slice without_root(struct slice name)
{
	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	return name;
}

static struct config_domain *find_domain(const struct config *c, struct slice name)
{
	name = without_root(name);
	for (size_t i = 0; i < c->n_domains; i++)
		if (slice_eq_nocase(name, slice_str(c->domains[i].name)))
			return &c->domains[i];
	return NULL;
}

bool config_has_domain(const struct config *c, struct slice name)
{
	return find_domain(c, name) != NULL;
}

static struct config_domain *new_domain(struct config *c, struct slice name)
{
	struct config_domain *d;

	name = without_root(name);
	c->domains = mem_realloc(c->domains, (c->n_domains + 1) * sizeof(*c->domains));
	d = &c->domains[c->n_domains++];
	*d = (struct config_domain){.name = mem_strndup(name.p, name.n)};
	for (char *p = d->name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return d;
}

static bool host_ok(struct slice host)
{
	if (host.n == 0 || host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!strchr("-.:_%", host.p[i]) && !(host.p[i] >= '0' && host.p[i] <= '9') &&
		    !((host.p[i] | 0x20) >= 'a' && (host.p[i] | 0x20) <= 'z'))
			return false;
	return memchr(host.p, 0, host.n) == NULL;
}

/* Where the "://" of a URL is; NULL where there is none. */
static const char *scheme_end(struct slice url)
{
	const char *colon = url.n ? memchr(url.p, ':', url.n) : NULL;

	if (!colon || !slice_starts(slice_of(colon, url.n - (size_t)(colon - url.p)), SLICE("://")))
		return NULL;
	return colon;
}

/* "tcp://host:port"; the scheme may be missing. */
static bool read_backend(struct slice text, struct slice *host, int *port, struct config_error *e)
{
	const char *mark = scheme_end(text);
	struct slice rest = text;

	if (mark) {
		struct slice scheme = slice_of(text.p, (size_t)(mark - text.p));

		if (!slice_is(scheme, "tcp"))
			return config_fail(e, "backend \"%.*s\": unknown scheme, known: tcp",
					   SHOW(text));
		rest = slice_of(mark + 3, text.n - scheme.n - 3);
	}
	if (addr_split(rest, host, port) && host_ok(*host) && *port > 0)
		return true;
	return config_fail(e, "backend \"%.*s\" is no host and port, such as tcp://127.0.0.1:5222",
			   SHOW(text));
}

bool config_add_backend(struct config *c, struct slice domain, struct slice backend,
			struct config_error *e)
{
	struct config_domain *d;
	struct slice host;
	int port;

	if (!domain_ok(domain))
		return config_fail(e, "\"%.*s\" is no domain, such as example.org", SHOW(domain));
	if (!read_backend(backend, &host, &port, e))
		return false;
	d = find_domain(c, domain);
	for (size_t i = 0; d && i < d->n_backends; i++)
		if (slice_eq_nocase(host, slice_str(d->backends[i].host)) &&
		    d->backends[i].port == port)
			return config_fail(e, "domain \"%s\" has the backend \"%.*s\" twice",
					   d->name, SHOW(backend));
	if (!d)
		d = new_domain(c, domain);
	d->backends = mem_realloc(d->backends, (d->n_backends + 1) * sizeof(*d->backends));
	d->backends[d->n_backends++] =
	    (struct route_backend){mem_strndup(host.p, host.n), (uint16_t)port};
	return true;
}

bool config_add_origin(struct config *c, struct slice origin, struct config_error *e)
{
	if (!origin_rule_valid(origin) && !slice_is(origin, CONFIG_ORIGIN_PUBLIC) &&
	    !slice_is(origin, CONFIG_ORIGIN_NONE))
		return config_fail(e,
				   "\"origins\": \"%.*s\" is no origin, such as "
				   "https://chat.example.org, https://*.example.org, *, public or "
				   "none",
				   SHOW(origin));
	if (!c->own_origins)
		clear_origins(c);
	c->own_origins = true;
	for (size_t i = 0; i < c->n_origins; i++)
		if (slice_eq_nocase(origin, slice_str(c->origins[i])))
			return config_fail(e, "\"origins\" has \"%.*s\" twice", SHOW(origin));
	c->origins = mem_realloc(c->origins, (c->n_origins + 2) * sizeof(*c->origins));
	c->origins[c->n_origins++] = mem_strndup(origin.p, origin.n);
	c->origins[c->n_origins] = NULL;
	return true;
}

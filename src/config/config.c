/* The table of keys, setting one of them, and the lists but for the domains. Every value, default
 * or given, from a file or the command line, goes through config_set(), so there is one place that
 * judges it. */
#include "config/priv.h"

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
#include "config/config.def"
#undef X
};

const struct config_key listen_keys[LISTEN_KEYS] = {
    {"listen.mode", CONFIG_MODE, "octal digits", 0, 0, "0660",
     "Who may open the listener's Unix socket, where it is one.",
     offsetof(struct config_listen, mode)},
    {"listen.proxy_protocol", CONFIG_CHOICE, "on|off", 0, 0, "off",
     "Whether each connection begins with a PROXY header of a trusted proxy.",
     offsetof(struct config_listen, proxy_protocol)},
    {"listen.tls", CONFIG_CHOICE, "on|off", 0, 0, "off",
     "Whether TLS is spoken there, with the certificates below.",
     offsetof(struct config_listen, tls)},
};

const struct config_key certificate_keys[CERTIFICATE_KEYS] = {
    {"certificates.key", CONFIG_TEXT, "a PEM file", 1, 4095, "",
     "The private key to the certificate.", offsetof(struct config_certificate, key)},
};

/* Paths that are no scalar keys, for the sake of the nearest known one. */
static const char *const list_paths[] = {
    "listen",
    "listen.name",
    "listen.address",
    "listen.mode",
    "listen.proxy_protocol",
    "listen.tls",
    "domains",
    "domains.name",
    "domains.backends",
    "certificates",
    "certificates.name",
    "certificates.certificate",
    "certificates.key",
    "origins",
#define X(field, path, type, unit, minimum, maximum, def, sentence) path,
#include "config/domain.def"
#undef X
};

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
static bool read_address(struct listen_at *at, const char *what, struct slice text,
			 struct config_error *e)
{
	if (listen_parse(at, text))
		return true;
	if (slice_starts(text, SLICE("unix:")))
		return config_fail(e,
				   "\"%s\": \"%.*s\" is no Unix socket, such as "
				   "unix:/run/fairlead/web.sock, with at most 107 bytes from the "
				   "first / on",
				   what, SHOW(text));
	return config_fail(e,
			   "\"%s\": \"%.*s\" is no address and port, such as 127.0.0.1:5280, "
			   "0.0.0.0:5280 or [::]:5280, nor unix:/path, nor systemd:name",
			   what, SHOW(text));
}

static bool set_mode(const struct config_key *k, int *field, struct slice value,
		     struct config_error *e)
{
	int mode = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '7' || value.n > 4)
			mode = -1;
		if (mode >= 0)
			mode = mode * 8 + value.p[i] - '0';
	}
	if (value.n == 0 || mode < 0 || mode > 0777)
		return config_fail(e, "\"%s\": \"%.*s\" is no file mode, such as 0660", k->path,
				   SHOW(value));
	*field = mode;
	return true;
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

bool config_set_field(const struct config_key *k, void *field, struct slice value,
		      struct config_error *e)
{
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
		*(struct listen_at *)field = (struct listen_at){.kind = LISTEN_NONE};
		return true;
	case CONFIG_MODE: return set_mode(k, field, value, e);
	case CONFIG_LIST: break;
	}
	return false;
}

static bool set_key(struct config *c, const struct config_key *k, struct slice value,
		    struct config_error *e)
{
	const char ***list = (const char ***)((char *)c + k->offset);

	if (k->type != CONFIG_LIST)
		return config_set_field(k, (char *)c + k->offset, value, e);
	config_free_texts(*list);
	*list = NULL;
	while (value.n)
		if (!config_add_item(k, list, slice_trim(slice_cut(&value, ',')), e))
			return false;
	return true;
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

void config_free_texts(const char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free((char *)v[i]);
	free(v);
}

static void clear_certificates(struct config *c)
{
	for (size_t i = 0; i < c->n_certificates; i++) {
		free(c->certificates[i].name);
		free(c->certificates[i].certificate);
		free(c->certificates[i].key);
	}
	free(c->certificates);
}

static void clear_origins(struct config *c)
{
	config_free_texts(c->origins);
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
		else if (config_keys[i].type == CONFIG_LIST)
			config_free_texts(*(const char ***)((char *)c + config_keys[i].offset));
	free(c->trusted);
	config_clear_listen(c);
	clear_certificates(c);
	clear_origins(c);
	config_free_texts(c->allowed);
	config_clear_domains(c);
	free(c->sources);
	free((struct route *)c->routes.v);
	free(c);
}

bool config_add_listen(struct config *c, struct slice name, struct slice address,
		       struct config_error *e)
{
	struct config_listen *l;
	struct listen_at a;
	char text[LISTEN_TEXT];

	if (!read_address(&a, "listen.address", address, e))
		return false;
	for (size_t i = 0; i < c->n_listen; i++) {
		if (slice_is(name, c->listen[i].name))
			return config_fail(e, "two listeners are named \"%.*s\"", SHOW(name));
		if (listen_same(&a, &c->listen[i].at))
			return config_fail(e, "two listeners have the address %s",
					   listen_print(&a, text));
	}
	c->listen = mem_realloc(c->listen, (c->n_listen + 1) * sizeof(*c->listen));
	l = &c->listen[c->n_listen++];
	*l = (struct config_listen){.name = mem_strndup(name.p, name.n), .at = a};
	for (int i = 0; i < LISTEN_KEYS; i++)
		config_set_field(&listen_keys[i], (char *)l + listen_keys[i].offset,
				 slice_str(listen_keys[i].def), e);
	return true;
}

bool config_add_certificate(struct config *c, struct slice name, struct slice certificate,
			    struct slice key, struct config_error *e)
{
	struct slice given[] = {name, certificate, key};

	for (int i = 0; i < 3; i++)
		if (given[i].n == 0 || given[i].n > 4095 || memchr(given[i].p, 0, given[i].n))
			return config_fail(e, "\"certificates\" has a name or file that is empty, "
					      "too long, or holds a zero byte");
	for (size_t i = 0; i < c->n_certificates; i++)
		if (slice_is(name, c->certificates[i].name))
			return config_fail(e, "two certificates are named \"%.*s\"", SHOW(name));
	c->certificates =
	    mem_realloc(c->certificates, (c->n_certificates + 1) * sizeof(*c->certificates));
	c->certificates[c->n_certificates++] =
	    (struct config_certificate){.name = mem_strndup(name.p, name.n),
					.certificate = mem_strndup(certificate.p, certificate.n),
					.key = mem_strndup(key.p, key.n)};
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

/* The domains: their names, which may be patterns, their backends, their keys. */
#include "config/priv.h"

#include <stddef.h>
#include <stdlib.h>
#include "base/mem.h"
#include "base/num.h"

const struct config_key domain_keys[DOMAIN_KEYS] = {
#define X(field, path, type, unit, minimum, maximum, def, sentence) \
	{path,	  CONFIG_##type, unit,	   minimum,                 \
	 maximum, def,		 sentence, offsetof(struct config_domain, field)},
#include "config/domain.def"
#undef X
};

const struct config_key backend_keys[BACKEND_KEYS] = {
    {"domains.backends.priority", CONFIG_INT, "steps", 0, 65535, "0",
     "Backends of the lowest priority are used, others once those are down.",
     offsetof(struct route_backend, priority)},
    {"domains.backends.weight", CONFIG_INT, "shares", 0, 65535, "1",
     "How large a share of the sessions it gets among those of its priority.",
     offsetof(struct route_backend, weight)},
    {"domains.backends.sessions", CONFIG_INT, "sessions", 0, 10000000, "0",
     "How many sessions it has at a time at most; 0 for any number.",
     offsetof(struct route_backend, sessions)},
};

const char *config_key_name(const struct config_key *k)
{
	const char *dot = strrchr(k->path, '.');

	return dot ? dot + 1 : k->path;
}

static bool name_ok(struct slice name)
{
	if (name.n == 0 || name.n > 1023 || name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] <= ' ' || strchr("\"&'/:<>@*\x7f", name.p[i]))
			return false;
	return true;
}

/* A domain, "*.domain", or "*". */
static bool pattern_ok(struct slice name)
{
	if (slice_is(name, "*"))
		return true;
	if (slice_starts(name, SLICE("*.")))
		name = slice_of(name.p + 2, name.n - 2);
	return name_ok(name);
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

static bool port_ok(struct slice text)
{
	return num_parse(text, 65535) > 0;
}

static bool pin_ok(struct slice text)
{
	if (text.n != 7 + 64 || !slice_starts(text, SLICE("sha256:")))
		return false;
	for (size_t i = 7; i < text.n; i++)
		if (!strchr("0123456789abcdefABCDEF", text.p[i]))
			return false;
	return true;
}

static bool label_ok(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
			    text.p[i]))
			return false;
	return text.n > 0 && text.n < 256;
}

static bool item_ok(const struct config_key *k, struct slice value)
{
	struct addr_net net;

	if (memchr(value.p ? value.p : "", 0, value.n))
		return false;
	if (k == &config_keys[CONFIG_KEY_http_trusted_proxies])
		return addr_net_parse(&net, value);
	if (k == &config_keys[CONFIG_KEY_status_names])
		return label_ok(value);
	if (k == &domain_keys[DOMAIN_KEY_ports])
		return port_ok(value);
	if (k == &domain_keys[DOMAIN_KEY_tls_pins])
		return pin_ok(value);
	return pattern_ok(value);
}

bool config_add_item(const struct config_key *k, const char ***field, struct slice value,
		     struct config_error *e)
{
	size_t n = 0;

	if (k == &domain_keys[DOMAIN_KEY_allow] || k == &domain_keys[DOMAIN_KEY_deny])
		value = without_root(value);
	if (!item_ok(k, value))
		return config_fail(e, "\"%s\" is a list of %s: \"%.*s\" is none", k->path, k->unit,
				   SHOW(value));
	while (*field && (*field)[n])
		n++;
	if ((int64_t)n >= k->maximum)
		return config_fail(e, "\"%s\" has more than %lld items", k->path,
				   (long long)k->maximum);
	*field = mem_realloc(*field, (n + 2) * sizeof(**field));
	(*field)[n] = mem_strndup(value.p, value.n);
	(*field)[n + 1] = NULL;
	return true;
}

static bool set_default(struct config_domain *d, const struct config_key *k, struct config_error *e)
{
	void *field = (char *)d + k->offset;
	struct slice rest = slice_str(k->def);

	if (k->type != CONFIG_LIST)
		return config_set_field(k, field, rest, e);
	while (rest.n)
		if (!config_add_item(k, field, slice_cut(&rest, ' '), e))
			return false;
	return true;
}

struct config_domain *config_new_domain(struct config *c, struct slice name, struct config_error *e)
{
	struct config_domain *d;

	if (!pattern_ok(name)) {
		config_fail(e, "\"%.*s\" is no domain, such as example.org or *.example.org",
			    SHOW(name));
		return NULL;
	}
	if (find_domain(c, name)) {
		config_fail(e, "domain \"%.*s\" stands twice", SHOW(name));
		return NULL;
	}
	if (c->n_domains == ROUTES_MAX) {
		config_fail(e, "there are more than %d domains", ROUTES_MAX);
		return NULL;
	}
	name = without_root(name);
	c->domains = mem_realloc(c->domains, (c->n_domains + 1) * sizeof(*c->domains));
	d = &c->domains[c->n_domains++];
	*d = (struct config_domain){.name = mem_strndup(name.p, name.n)};
	for (char *p = d->name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	for (int i = 0; i < DOMAIN_KEYS; i++)
		if (!set_default(d, &domain_keys[i], e)) {
			fprintf(stderr, "domain.def: %s\n", e->text);
			abort();
		}
	return d;
}

void config_clear_domains(struct config *c)
{
	for (size_t i = 0; i < c->n_domains; i++) {
		struct config_domain *d = &c->domains[i];

		for (size_t j = 0; j < d->n_backends; j++)
			free((char *)d->backends[j].host);
		for (int j = 0; j < DOMAIN_KEYS; j++) {
			void *field = (char *)d + domain_keys[j].offset;

			if (domain_keys[j].type == CONFIG_TEXT)
				free(*(char **)field);
			else if (domain_keys[j].type == CONFIG_LIST)
				config_free_texts(*(const char ***)field);
		}
		free(d->backends);
		free(d->name);
	}
	free(c->domains);
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

/* Takes a scheme off a URL; false where it has another one. */
static bool take(struct slice *url, const char *scheme)
{
	size_t n = strlen(scheme);

	if (!slice_starts(*url, slice_of(scheme, n)))
		return false;
	*url = slice_of(url->p + n, url->n - n);
	return true;
}

static bool read_host(struct route_backend *b, struct slice rest, struct slice *host)
{
	int port;

	if (!addr_split(rest, host, &port) || !host_ok(*host) || port <= 0)
		return false;
	b->port = (uint16_t)port;
	return true;
}

/* The sun_path of a socket's address has 108 bytes, with its zero. */
static bool path_ok(struct slice path)
{
	return path.n > 1 && path.n < 108 && path.p[0] == '/' && !memchr(path.p, 0, path.n);
}

/* "tcp://host:port" (the scheme may be missing), "tls://host:port", "unix:/path", "srv",
 * "srv://name". */
static bool read_url(struct route_backend *b, struct slice url, struct slice *host)
{
	if (slice_is(url, "srv") || take(&url, "srv://")) {
		b->scheme = ROUTE_SRV;
		*host = slice_is(url, "srv") ? SLICE("") : url;
		return host->n == 0 ? slice_is(url, "srv") : name_ok(url) && url.n < 254;
	}
	if (take(&url, "unix:")) {
		b->scheme = ROUTE_UNIX;
		*host = url;
		return path_ok(url);
	}
	b->scheme = take(&url, "tls://") ? ROUTE_TLS : ROUTE_TCP;
	if (b->scheme == ROUTE_TCP)
		take(&url, "tcp://");
	return read_host(b, url, host);
}

static bool same_backend(const struct route_backend *b, const struct route_backend *other,
			 struct slice host)
{
	return b->scheme == other->scheme && b->port == other->port &&
	       (b->scheme == ROUTE_UNIX ? slice_is(host, b->host)
					: slice_eq_nocase(host, slice_str(b->host)));
}

struct route_backend *config_new_backend(struct config_domain *d, struct slice url,
					 struct config_error *e)
{
	struct route_backend b = {.weight = 1};
	struct slice host;

	if (!read_url(&b, url, &host)) {
		config_fail(e,
			    "backend \"%.*s\" is none: tcp://127.0.0.1:5222, tls://host:5223, "
			    "unix:/path, srv or srv://name",
			    SHOW(url));
		return NULL;
	}
	for (size_t i = 0; i < d->n_backends; i++)
		if (same_backend(&d->backends[i], &b, host)) {
			config_fail(e, "domain \"%s\" has the backend \"%.*s\" twice", d->name,
				    SHOW(url));
			return NULL;
		}
	if (d->n_backends == ROUTES_MAX) {
		config_fail(e, "domain \"%s\" has more than %d backends", d->name, ROUTES_MAX);
		return NULL;
	}
	b.host = mem_strndup(host.p, host.n);
	d->backends = mem_realloc(d->backends, (d->n_backends + 1) * sizeof(*d->backends));
	d->backends[d->n_backends] = b;
	return &d->backends[d->n_backends++];
}

void config_print_backend(const struct route_backend *b, struct buf *out)
{
	switch (b->scheme) {
	case ROUTE_UNIX: buf_addf(out, "unix:%s", b->host); return;
	case ROUTE_SRV: buf_addf(out, *b->host ? "srv://%s" : "srv", b->host); return;
	case ROUTE_TLS: BUF_LIT(out, "tls://"); break;
	case ROUTE_TCP: BUF_LIT(out, "tcp://"); break;
	}
	buf_addf(out, strchr(b->host, ':') ? "[%s]:%d" : "%s:%d", b->host, b->port);
}

bool config_add_backend(struct config *c, struct slice domain, struct slice backend,
			struct config_error *e)
{
	struct config_domain *d = find_domain(c, domain);

	if (!d)
		d = config_new_domain(c, domain, e);
	return d && config_new_backend(d, backend, e);
}

static bool has_srv(const struct config_domain *d)
{
	for (size_t i = 0; i < d->n_backends; i++)
		if (d->backends[i].scheme == ROUTE_SRV)
			return true;
	return false;
}

bool config_check_domain(const struct config_domain *d, struct config_error *e)
{
	bool pattern = d->name[0] == '*';

	if (!pattern && (d->allow || d->deny))
		return config_fail(e,
				   "domain \"%s\": \"allow\" and \"deny\" are for names with a "
				   "star, which stand for many domains",
				   d->name);
	if (!*d->tls_certificate != !*d->tls_key)
		return config_fail(e,
				   "domain \"%s\": \"tls_certificate\" and \"tls_key\" are needed "
				   "both, or none",
				   d->name);
	/* The client chooses whom to ask, so whoever answers must prove who he is. */
	if (strcmp(d->name, "*") == 0 && has_srv(d) &&
	    (d->tls == CONFIG_TLS_NONE || d->tls == CONFIG_TLS_OFFERED ||
	     d->tls_verify == CONFIG_OFF))
		return config_fail(e, "domain \"*\" with srv goes wherever clients want: leave "
				      "\"tls\" at auto or starttls, and \"tls_verify\" on");
	return true;
}

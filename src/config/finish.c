/* What no single key shows: checks that span several of them, and what is made from all. */
#include "config/priv.h"

#include <errno.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "proto/hostmeta.h"
#include "proto/origin.h"

enum { PROBES_ROOM = 3 }; /* seconds; Linux counts keepalives in whole ones */

/* A key that must be above, or at least, another one: it would be useless otherwise. */
static bool check_order(const struct config *c, struct config_error *e)
{
	if (c->http_idle_timeout <= c->bosh_wait)
		return config_fail(
		    e,
		    "\"http.idle_timeout\" (%lld s) must be above \"bosh.wait\" (%lld "
		    "s): clients would lose the connection that they poll on",
		    (long long)c->http_idle_timeout, (long long)c->bosh_wait);
	if (c->backend_keepalive && c->backend_user_timeout &&
	    c->backend_user_timeout < c->backend_keepalive + PROBES_ROOM)
		return config_fail(
		    e,
		    "\"backend.user_timeout\" (%lld s) must be at least %d s above "
		    "\"backend.keepalive\" (%lld s), or 0: a single keepalive that is lost would "
		    "end a session",
		    (long long)c->backend_user_timeout, PROBES_ROOM,
		    (long long)c->backend_keepalive);
	return true;
}

/* Whoever comes by a Unix socket was let in by its mode, and can only be a proxy. */
static bool may_be_unix(const struct config *c)
{
	for (size_t i = 0; i < c->n_listen; i++)
		if (c->listen[i].at.kind != LISTEN_NET)
			return true;
	return false;
}

/* Who may tell whom he stands for; a listener that only hears such is deaf without any. */
static bool make_trusted(struct config *c, struct config_error *e)
{
	const char **v = c->http_trusted_proxies;

	while (v && v[c->n_trusted])
		c->n_trusted++;
	c->trusted = mem_zalloc((c->n_trusted + 1) * sizeof(*c->trusted));
	for (size_t i = 0; i < c->n_trusted; i++)
		addr_net_parse(&c->trusted[i], slice_str(v[i]));
	for (size_t i = 0; i < c->n_listen && c->n_trusted == 0; i++)
		if (c->listen[i].proxy_protocol == CONFIG_ON && c->listen[i].at.kind == LISTEN_NET)
			return config_fail(
			    e,
			    "the listener \"%s\" has \"proxy_protocol\", but "
			    "\"http.trusted_proxies\" names nobody who may send such a header",
			    c->listen[i].name);
	if (may_be_unix(c))
		c->trusted[c->n_trusted++] = (struct addr_net){.base = {.family = ADDR_UNIX}};
	return true;
}

/* "[::]:80" takes IPv4 as well, unless somebody else listens for that on the port. */
static void share_port(struct listen_at *at, const struct listen_at *other)
{
	if (at->kind == LISTEN_NET && other->kind == LISTEN_NET && at->addr.family == ADDR_V6 &&
	    other->addr.family == ADDR_V4 && at->addr.port == other->addr.port)
		at->v6only = true;
}

static void share_ports(struct config *c)
{
	for (size_t i = 0; i < c->n_listen; i++) {
		for (size_t k = 0; k < c->n_listen; k++)
			share_port(&c->listen[i].at, &c->listen[k].at);
		share_port(&c->listen[i].at, &c->status_listen);
		share_port(&c->status_listen, &c->listen[i].at);
	}
}

static bool check_lists(const struct config *c, struct config_error *e)
{
	char text[LISTEN_TEXT];

	if (c->n_domains == 0)
		return config_fail(e, "no domain to serve: name one and its XMPP server, such as "
				      "fairlead --backend example.org=127.0.0.1:5222");
	for (size_t i = 0; i < c->n_domains; i++)
		if (!config_check_domain(&c->domains[i], e))
			return false;
	for (size_t i = 0; i < c->n_listen; i++)
		if (listen_same(&c->listen[i].at, &c->status_listen))
			return config_fail(
			    e, "\"status.listen\" and the listener \"%s\" are both %s",
			    c->listen[i].name, listen_print(&c->status_listen, text));
	return true;
}

/* Its token would be read on the way. */
static bool check_status(const struct config *c, struct config_error *e)
{
	const struct listen_at *at = &c->status_listen;
	char text[LISTEN_TEXT];

	if (at->kind != LISTEN_NET || addr_loopback(&at->addr) || c->status_tls == CONFIG_ON ||
	    c->status_insecure == CONFIG_ON)
		return true;
	return config_fail(
	    e,
	    "\"status.listen\" is %s, which other machines reach, without TLS: choose "
	    "a loopback address and go there by ssh -L or a proxy with TLS, set "
	    "\"status.tls\" to on, or \"status.insecure\"",
	    listen_print(at, text));
}

/* A listener with TLS has something to show. */
static bool check_tls(const struct config *c, struct config_error *e)
{
	const char *what = c->status_tls == CONFIG_ON ? "\"status.tls\" is on" : NULL;

	for (size_t i = 0; i < c->n_listen; i++)
		if (c->listen[i].tls == CONFIG_ON)
			what = "a listener has \"tls\" on";
	if (what && c->n_certificates == 0)
		return config_fail(
		    e,
		    "%s, but \"certificates\" is empty: it wants {\"name\": \"main\", "
		    "\"certificate\": \"/path/fullchain.pem\", \"key\": "
		    "\"/path/privkey.pem\"}",
		    what);
	return true;
}

static bool check_directory(const struct config *c, struct config_error *e)
{
	struct stat st;

	if (!*c->www_directory)
		return true;
	if (stat(c->www_directory, &st) < 0)
		return config_fail(e, "\"www.directory\": %s: %s", c->www_directory,
				   strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return config_fail(e, "\"www.directory\": %s is no directory", c->www_directory);
	return true;
}

static bool check_uri(const struct config *c, struct config_error *e)
{
	struct slice uri = slice_str(c->bosh_see_other_uri);

	if (uri.n && !slice_starts(uri, SLICE("http://")) && !slice_starts(uri, SLICE("https://")))
		return config_fail(e,
				   "\"bosh.see_other_uri\": %s begins neither with https:// nor "
				   "with http://",
				   c->bosh_see_other_uri);
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= ' ' || uri.p[i] > '~')
			return config_fail(e, "\"bosh.see_other_uri\" has a byte that no URI has");
	return true;
}

static bool check_url(const char *path, const char *url, const char *scheme, const char *sample,
		      struct config_error *e)
{
	if (*url && !hostmeta_url_valid(slice_str(url), scheme))
		return config_fail(e, "\"%s\": \"%.*s\" is no %s URL, such as %s", path,
				   SHOW(slice_str(url)), scheme, sample);
	return true;
}

/* An IP address without a port; false where it is none. */
static bool is_ip(struct slice text, struct addr *a)
{
	struct slice host;
	int port;

	return text.n && text.p[0] != '[' && addr_split(text, &host, &port) && port < 0 &&
	       addr_parse(a, text, false);
}

static bool check_ips(const struct config *c, struct config_error *e)
{
	struct slice rest = slice_str(c->public_ips);
	struct addr a;

	if (rest.n && !*c->public_bosh && !*c->public_websocket)
		return config_fail(e, "\"public.ips\" tells where \"public.websocket\" and "
				      "\"public.bosh\" are, and neither is set");
	while (rest.n) {
		struct slice ip = slice_trim(slice_cut(&rest, ','));

		if (!is_ip(ip, &a))
			return config_fail(e, "\"public.ips\": \"%.*s\" is no IP address",
					   SHOW(ip));
	}
	return true;
}

/* XEP-0487 asks for a name that TLS sends, and there is none for an address. */
static bool check_named(const struct config *c, const char *path, const char *url,
			struct config_error *e)
{
	if (*c->public_ips && *url && hostmeta_host(slice_str(url)).n == 0)
		return config_fail(e, "\"%s\" needs a host name where \"public.ips\" is set", path);
	return true;
}

static bool check_public(const struct config *c, struct config_error *e)
{
	return check_url("public.bosh", c->public_bosh, "https",
			 "https://chat.example.org/http-bind", e) &&
	       check_url("public.websocket", c->public_websocket, "wss",
			 "wss://chat.example.org/xmpp-websocket", e) &&
	       check_url("shutdown.see_other_uri", c->shutdown_see_other_uri, "wss",
			 "wss://other.example.org/xmpp-websocket", e) &&
	       check_ips(c, e) && check_named(c, "public.bosh", c->public_bosh, e) &&
	       check_named(c, "public.websocket", c->public_websocket, e);
}

/* The origin of a page beside this URL, unless it is there already. */
static void allow_own(const char **v, size_t *n, const char *url)
{
	struct buf origin = {0};

	if (!*url)
		return;
	hostmeta_origin(&origin, slice_str(url));
	if (!origin_allowed(v, buf_slice(&origin)))
		v[(*n)++] = mem_strndup(buf_data(&origin), origin.len);
	buf_clear(&origin);
}

static bool make_origins(struct config *c, struct config_error *e)
{
	size_t n = 0;

	c->allowed = mem_zalloc((c->n_origins + 2) * sizeof(*c->allowed));
	for (size_t i = 0; i < c->n_origins; i++) {
		const char *rule = c->origins[i];
		bool none = strcmp(rule, CONFIG_ORIGIN_NONE) == 0;

		if (c->n_origins > 1 && (none || strcmp(rule, "*") == 0))
			return config_fail(e,
					   "\"origins\" has \"%s\" and others: \"%s\" stands alone",
					   rule, rule);
		if (none)
			continue;
		if (strcmp(rule, CONFIG_ORIGIN_PUBLIC) != 0) {
			c->allowed[n++] = mem_strdup(rule);
			continue;
		}
		if (!*c->public_bosh && !*c->public_websocket)
			return config_fail(
			    e, "\"origins\" has \"public\", but neither \"public.bosh\" "
			       "nor \"public.websocket\" is set");
		allow_own(c->allowed, &n, c->public_bosh);
		allow_own(c->allowed, &n, c->public_websocket);
	}
	return true;
}

static bool make_sources(struct config *c, struct config_error *e)
{
	struct slice rest = slice_str(c->backend_source);

	while (rest.n) {
		struct slice ip = slice_trim(slice_cut(&rest, ','));
		struct addr a;

		if (!is_ip(ip, &a))
			return config_fail(e, "\"backend.source\": \"%.*s\" is no IP address",
					   SHOW(ip));
		c->sources = mem_realloc(c->sources, (c->n_sources + 1) * sizeof(*c->sources));
		c->sources[c->n_sources++] = a;
	}
	return true;
}

static void make_routes(struct config *c)
{
	struct route *v = mem_zalloc(c->n_domains * sizeof(*v));

	for (size_t i = 0; i < c->n_domains; i++) {
		const struct config_domain *d = &c->domains[i];

		v[i] = (struct route){.domain = d->name,
				      .backends = d->backends,
				      .n = d->n_backends,
				      .allow = d->allow,
				      .deny = d->deny,
				      .transparent = d->delivery == CONFIG_DELIVERY_TRANSPARENT};
	}
	c->routes = (struct routes){v, c->n_domains};
}

bool config_finish(struct config *c, struct config_error *e)
{
	if (c->n_listen == 0 && !config_add_listen(c, SLICE("default"), SLICE("127.0.0.1:5280"), e))
		return false;
	if (!check_order(c, e) || !check_lists(c, e) || !check_status(c, e) || !check_tls(c, e) ||
	    !check_directory(c, e) || !check_uri(c, e) || !check_public(c, e) ||
	    !make_origins(c, e) || !make_sources(c, e) || !make_trusted(c, e) ||
	    !config_find_user(c, e))
		return false;
	share_ports(c);
	make_routes(c);
	return true;
}

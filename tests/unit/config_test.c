/* The configuration: what is read, what is refused and in which words, and that what is printed
 * reads back to the same. */
#include "config/options.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"

#define DOMAIN \
	"\"domains\": [{\"name\": \"Example.ORG.\", \"backends\": [\"tcp://127.0.0.1:5222\"]}]"

/* Reads and finishes; NULL and *e where either is refused. */
static struct config *load(const char *text, struct config_error *e)
{
	struct config *c = config_new();

	e->text[0] = '\0';
	if (config_read(c, "f", slice_str(text), e) && config_finish(c, e))
		return c;
	config_free(c);
	return NULL;
}

static void the_defaults_are_those_of_the_table(void **state)
{
	struct config_error e;
	struct config *c = load("{" DOMAIN "}", &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->bosh_wait, 50);
	assert_int_equal(c->bosh_inactivity, 120);
	assert_int_equal(c->limits_body, 262144);
	assert_int_equal(c->log_target, CONFIG_LOG_STDERR);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->status_listen.addr.port, 5282);
	assert_string_equal(c->www_directory, "");
	assert_int_equal(c->n_listen, 1);
	assert_int_equal(c->listen[0].at.addr.port, 5280);
	assert_true(addr_loopback(&c->listen[0].at.addr));
	assert_int_equal(c->n_origins, 1);
	assert_string_equal(c->origins[0], "*");
	assert_null(c->origins[1]);
	config_free(c);
}

static void every_kind_of_value_is_read(void **state)
{
	struct config_error e;
	struct config *c = load(
	    "/* head */ {\n// line\n\"listen\": [{\"address\": \"[::1]:80\", \"name\": \"a\"},\n"
	    "{\"name\": \"b\", \"address\": \"0.0.0.0:81\"}],\n"
	    "\"domains\": [{\"backends\": [\"tcp://[::1]:1\", \"tcp://xmpp.example:65535\"], "
	    "\"name\": \"a.example\"}, {\"name\": \"b.example\", \"backends\": [\"tcp://h:2\"]}],\n"
	    "\"origins\": [\"https://chat.example.org\", \"http://localhost:8080\"],\n"
	    "\"workers\": 4, \"log\": {\"target\": \"syslog\", \"level\": \"debug\"},\n"
	    "\"bosh.wait\": 20, \"bosh\": {\"hold\": 2}, \"status\": {\"listen\": \"\"},\n"
	    "\"www\": {\"directory\": \"/\"}}",
	    &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->n_listen, 2);
	assert_string_equal(c->listen[0].name, "a");
	assert_int_equal(c->listen[0].at.addr.family, ADDR_V6);
	assert_int_equal(c->listen[1].at.addr.port, 81);
	assert_int_equal(c->n_domains, 2);
	assert_string_equal(c->domains[0].name, "a.example");
	assert_int_equal(c->domains[0].n_backends, 2);
	assert_string_equal(c->domains[0].backends[0].host, "::1");
	assert_int_equal(c->domains[0].backends[1].port, 65535);
	assert_int_equal(c->routes.n, 2);
	assert_ptr_equal(c->routes.v[1].backends, c->domains[1].backends);
	assert_int_equal(c->n_origins, 2);
	assert_string_equal(c->origins[1], "http://localhost:8080");
	assert_int_equal(c->workers, 4);
	assert_int_equal(c->log_target, CONFIG_LOG_SYSLOG);
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c->bosh_wait, 20);
	assert_int_equal(c->bosh_hold, 2);
	assert_int_equal(c->status_listen.kind, LISTEN_NONE);
	assert_string_equal(c->www_directory, "/");
	config_free(c);
}

static void a_domain_has_keys_of_its_own(void **state)
{
	struct config_error e;
	struct config *c =
	    load("{\"domains\": [{\"tls\": \"starttls\", \"backends\": [\"h:1\", {\"weight\": 0, "
		 "\"url\": \"tls://[::1]:5223\", \"priority\": 7, \"sessions\": 9}, "
		 "\"unix:/run/x.sock\", {\"url\": \"srv\"}, \"srv://other.example\"], \"name\": "
		 "\"*.Example\", \"delivery\": \"transparent\", \"proxy_protocol\": \"v2\", "
		 "\"deny\": [\"a.example\", \"*.b.example.\"], \"ports\": [5222, \"443\"]}, "
		 "{\"name\": \"plain\", \"backends\": [\"h:1\"]}]}",
		 &e);
	const struct config_domain *d;

	(void)state;
	if (!c)
		fail_msg("%s", e.text);
	d = &c->domains[0];
	assert_string_equal(d->name, "*.example");
	assert_int_equal(d->n_backends, 5);
	assert_int_equal(d->backends[0].scheme, ROUTE_TCP);
	assert_int_equal(d->backends[0].weight, 1);
	assert_int_equal(d->backends[1].scheme, ROUTE_TLS);
	assert_string_equal(d->backends[1].host, "::1");
	assert_int_equal(d->backends[1].port, 5223);
	assert_int_equal(d->backends[1].weight, 0);
	assert_int_equal(d->backends[1].priority, 7);
	assert_int_equal(d->backends[1].sessions, 9);
	assert_int_equal(d->backends[2].scheme, ROUTE_UNIX);
	assert_string_equal(d->backends[2].host, "/run/x.sock");
	assert_int_equal(d->backends[3].scheme, ROUTE_SRV);
	assert_string_equal(d->backends[3].host, "");
	assert_string_equal(d->backends[4].host, "other.example");
	assert_int_equal(d->tls, CONFIG_TLS_STARTTLS);
	assert_int_equal(d->proxy_protocol, CONFIG_PROXY_V2);
	assert_true(c->routes.v[0].transparent);
	assert_string_equal(c->routes.v[0].deny[1], "*.b.example");
	assert_null(c->routes.v[0].deny[2]);
	assert_string_equal(d->ports[0], "5222");
	assert_string_equal(d->ports[1], "443");
	assert_null(d->ports[2]);
	d = &c->domains[1];
	assert_int_equal(d->tls, CONFIG_TLS_AUTO);
	assert_false(c->routes.v[1].transparent);
	assert_string_equal(d->ports[0], "5222");
	assert_string_equal(d->ports[2], "443");
	assert_null(d->allow);
	config_free(c);
}

static void origins_become_rules(void **state)
{
	static const struct {
		const char *text, *rules[4];
	} rows[] = {
	    {"\"origins\": [\"*\"]", {"*"}},
	    {"\"origins\": [\"none\"], \"public\": {\"bosh\": \"https://a\"}", {NULL}},
	    {"\"origins\": [\"public\"], \"public\": {\"bosh\": \"https://a:444/x\", "
	     "\"websocket\": \"wss://b:443/y\"}",
	     {"https://a:444", "https://b"}},
	    {"\"origins\": [\"https://*.c\", \"public\"], \"public\": {\"bosh\": "
	     "\"https://a/x\", \"websocket\": \"wss://A/y\"}",
	     {"https://*.c", "https://a"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct config_error e;
		struct config *c;
		size_t j = 0;

		snprintf(text, sizeof(text), "{" DOMAIN ", %s}", rows[i].text);
		c = load(text, &e);
		if (!c)
			fail_msg("%s: %s", rows[i].text, e.text);
		for (; rows[i].rules[j]; j++)
			assert_string_equal(c->allowed[j], rows[i].rules[j]);
		assert_null(c->allowed[j]);
		config_free(c);
	}
}

static void a_domain_is_kept_in_lower_case_without_the_root_dot(void **state)
{
	struct config_error e;
	struct config *c = load("{" DOMAIN "}", &e);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->domains[0].name, "example.org");
	assert_string_equal(c->routes.v[0].domain, "example.org");
	config_free(c);
}

/* Texts, and how the error begins. */
#define ONE(backends) "{\"domains\": [{\"name\": \"a\", \"backends\": " backends "}]}"

static const char *const bad[][2] = {
    {"", "f:1: this is no JSON: premature EOF"},
    {"{\n\"workers\": 2,\n\"origins\": [\"*\"]\n\n", "f:5: this is no JSON: premature EOF"},
    {"[]", "f:1: \"the file\" is one object"},
    {"{} {}", "f:1: this is no JSON: trailing garbage"},
    {"{\n\"workers\": 3,\n}", "f:3: this is no JSON: invalid object key"},
    {"{\n\n\"workers\": \"\xff\"}", "f:3: this is no JSON: invalid bytes in UTF8 string"},
    {"{\n\"bosh\":\n{\n\"wiat\": 3}}",
     "f:4: unknown key \"bosh.wiat\", nearest known: \"bosh.wait\""},
    {"{/*\n\n*/\n\"domans\": []}", "f:4: unknown key \"domans\", nearest known: \"domains\""},
    {"{\"inactivity\": 1}", "f:1: unknown key \"inactivity\", nearest known: \"bosh.inactivity\""},
    {"{\"bsoh\": {}}", "f:1: unknown key \"bsoh\", nearest known: \"bosh\""},
    {"{\"workers\": 1,\n\"workers\": 1}", "f:2: key \"workers\" stands twice"},
    {"{\"bosh\": {\"wait\": 1},\n\"bosh.wait\": 1}", "f:2: key \"bosh.wait\" stands twice"},
    {"{\"bosh\": {},\n\"bosh\": {}}", "f:2: group \"bosh\" stands twice"},
    {"{\"origins\": [\"*\"],\n\"origins\": [\"*\"]}", "f:2: list \"origins\" stands twice"},
    {"{\"bosh\": {\"wait\": \"50\"}}",
     "f:1: \"bosh.wait\" is a whole number of seconds from 1 to 3600, not a string"},
    {"{\"bosh\": {\"wait\": 1.5}}",
     "f:1: \"bosh.wait\" is a whole number of seconds from 1 to 3600, not \"1.5\""},
    {"{\"bosh\": {\"wait\": 1e2}}",
     "f:1: \"bosh.wait\" is a whole number of seconds from 1 to 3600, not \"1e2\""},
    {"{\"bosh\": {\"wait\":\n0}}",
     "f:2: \"bosh.wait\" is out of range: 0, but it goes from 1 to 3600 seconds"},
    {"{\"bosh\": {\"wait\": -5}}", "f:1: \"bosh.wait\" is out of range: -5, "},
    {"{\"bosh\": {\"wait\": 3601}}", "f:1: \"bosh.wait\" is out of range: 3601, "},
    {"{\"bosh\": {\"wait\": 99999999999999999999}}",
     "f:1: \"bosh.wait\" is out of range: 99999999999999999999, "},
    {"{\"bosh\": {\"wait\": null}}", "f:1: \"bosh.wait\" is a whole number of seconds"},
    {"{\"bosh\": {\"wait\": true}}", "f:1: \"bosh.wait\" is a whole number of seconds"},
    {"{\"bosh\": {\"wait\": {}}}", "f:1: \"bosh.wait\" is a whole number of seconds"},
    {"{\"bosh\": {\"wait\": [1]}}", "f:1: \"bosh.wait\" is a whole number of seconds"},
    {"{\"bosh\": 3}", "f:1: \"bosh\" is an object of keys such as \"bosh.wait\", not a number"},
    {"{\"bosh\": []}", "f:1: \"bosh\" is an object of keys such as \"bosh.wait\", not a list"},
    {"{\"log\": {\"level\": \"loud\"}}",
     "f:1: \"log.level\" is one of error|warn|info|debug, not \"loud\""},
    {"{\"log\": {\"level\": 3}}", "f:1: \"log.level\" is a string (error|warn|info|debug), not"},
    {"{\"status\": {\"listen\": \"5282\"}}", "f:1: \"status.listen\": \"5282\" is no address"},
    {"{\"www\": {\"directory\": \"a\\u0000b\"}}", "f:1: \"www.directory\" holds a zero byte"},
    {"{\"listen\": 3}", "f:1: \"listen\" is a list of objects"},
    {"{\"listen\": [\"127.0.0.1:1\"]}", "f:1: \"listen\" is a list of objects"},
    {"{\"listen\": []}", "f:1: \"listen\" is empty"},
    {"{\"listen\": [{\"name\": \"a\"}]}", "f:1: each of \"listen\" has a \"name\" and an"},
    {"{\"listen\": [{\"name\": \"\", \"address\": \"1.1.1.1:1\"}]}",
     "f:1: \"listen.name\" is empty"},
    {"{\"listen\": [{\"name\": 3}]}", "f:1: \"listen.name\" is a string, not a number"},
    {"{\"listen\": [{\"address\": [3]}]}", "f:1: \"listen.address\" is a string, not a list"},
    {"{\"listen\": [{\"port\": 3}]}",
     "f:1: unknown key \"port\" in \"listen\", known: \"name\", \"address\""},
    {"{\"listen\": [{\"name\": \"a\",\n\"name\": \"b\"}]}", "f:2: key \"name\" stands twice"},
    {"{\"listen\": [{\n\"address\": \"*:1\",\n\"name\": \"a\"}]}",
     "f:2: \"listen.address\": \"*:1\" is no address"},
    {"{\"listen\": [{\"name\": \"a\", \"address\": \"1.1.1.1:0\"}]}", "f:1: \"listen.address\": "},
    {"{\"listen\": [{\"name\": \"a\", \"address\": \"1.1.1.1:1\"},\n"
     "{\"name\": \"a\", \"address\": \"1.1.1.1:2\"}]}",
     "f:2: two listeners are named \"a\""},
    {"{\"listen\": [{\"name\": \"a\", \"address\": \"1.1.1.1:1\"},\n"
     "{\"name\": \"b\", \"address\": \"1.1.1.1:1\"}]}",
     "f:2: two listeners have the address 1.1.1.1:1"},
    {"{\"domains\": {\"a\": \"b\"}}", "f:1: \"domains\" is a list of objects"},
    {"{\"domains\": [{\"name\": \"a\"}]}", "f:1: each of \"domains\" has a \"name\" and at least"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": []}]}", "f:1: each of \"domains\" has"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": \"tcp://h:1\"}]}",
     "f:1: \"domains.backends\" is a list of strings"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": [[]]}]}",
     "f:1: \"domains.backends\" is a list of strings"},
    {"{\"domains\": [{\"name\": \"a\",\n\"backends\": [\n\"tcp://h:1\",\n\"tcp://h\"\n]\n}]}",
     "f:4: backend \"tcp://h\" is none: tcp://127.0.0.1:5222, tls://host:5223, unix:/path"},
    {ONE("[\"ssl://h:1\"]"), "f:1: backend \"ssl://h:1\" is none: tcp://"},
    {ONE("[\"unix:relative\"]"), "f:1: backend \"unix:relative\" is none"},
    {ONE("[\"srv://a b\"]"), "f:1: backend \"srv://a b\" is none"},
    {ONE("[\"srv:\"]"), "f:1: backend \"srv:\" is none"},
    {ONE("[3]"), "f:1: \"domains.backends\" is a list of strings"},
    {ONE("[{\"weight\": 3}]"), "f:1: each of \"domains.backends\" that is an object has a"},
    {ONE("[{\"url\": 3}]"), "f:1: \"domains.backends.url\" is a string, not a number"},
    {ONE("[{\"url\": \"srv\", \"weight\": \"3\"}]"),
     "f:1: \"domains.backends.weight\" is a whole number of shares from 0 to 65535, not a"},
    {ONE("[{\"url\": \"srv\", \"weight\": 65536}]"),
     "f:1: \"domains.backends.weight\" is out of range"},
    {ONE("[{\"url\": \"srv\", \"url\": \"srv\"}]"), "f:1: key \"url\" stands twice"},
    {ONE("[{\"url\": \"srv\", \"wait\": 1}]"),
     "f:1: unknown key \"wait\" in \"domains.backends\", known: \"url\", \"priority\", \"weight\""},
    {ONE("[\"srv\"], \"tls\": \"on\""),
     "f:1: \"domains.tls\" is one of auto|none|offered|starttls, not \"on\""},
    {ONE("[\"srv\"], \"tls\": true"), "f:1: \"domains.tls\" is a string (auto|none"},
    {ONE("[\"srv\"], \"tls_pins\": \"x\""), "f:1: \"domains.tls_pins\" is a list of strings"},
    {ONE("[\"srv\"], \"tls_pins\": [\"sha256:12\"]"),
     "f:1: \"domains.tls_pins\" is a list of fingerprints, such as sha256:9f86d0...: "},
    {ONE("[\"srv\"], \"ports\": [0]"), "f:1: \"domains.ports\" is a list of port numbers: \"0\""},
    {ONE("[\"srv\"], \"deny\": [1]"), "f:1: \"domains.deny\" is a list of strings"},
    {ONE("[\"srv\"], \"deny\": [\"a*b\"]"), "f:1: \"domains.deny\" is a list of domains"},
    {ONE("[\"srv\"], \"no\": 1"), "f:1: unknown key \"no\" in \"domains\", known: \"name\""},
    {ONE("[\"srv\"], \"tls\": \"auto\", \"tls\": \"auto\""), "f:1: key \"tls\" stands twice"},
    {ONE("[\"srv\"], \"allow\": [\"a\"]"), "domain \"a\": \"allow\" and \"deny\" are for names"},
    {ONE("[\"srv\"], \"tls_key\": \"/k\""), "domain \"a\": \"tls_certificate\" and \"tls_key\""},
    {"{\"domains\": [{\"name\": \"*\", \"backends\": [\"srv\"], \"tls\": \"none\"}]}",
     "domain \"*\" with srv goes wherever clients want"},
    {"{\"domains\": [{\"name\": \"*\", \"backends\": [\"srv\"], \"tls_verify\": \"off\"}]}",
     "domain \"*\" with srv goes wherever clients want"},
    {"{\"domains\": [{\"name\": \"a.*\", \"backends\": [\"srv\"]}]}", "f:1: \"a.*\" is no domain"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": [\"h:0\"]}]}", "f:1: backend \"h:0\" is no"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": [\"a b:1\"]}]}", "f:1: backend \"a b:1\" is"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": [\"h:1\", \"H:1\"]}]}",
     "f:1: domain \"a\" has the backend \"H:1\" twice"},
    {"{\"domains\": [{\"name\": \"u@a\", \"backends\": [\"h:1\"]}]}", "f:1: \"u@a\" is no domain"},
    {"{\"domains\": [{\"name\": \"\", \"backends\": [\"h:1\"]}]}", "f:1: \"\" is no domain"},
    {"{\"domains\": [{\"name\": \"a\", \"backends\": [\"h:1\"]},\n"
     "{\"name\": \"A\", \"backends\": [\"h:2\"]}]}",
     "f:2: domain \"A\" stands twice"},
    {"{\"origins\": \"*\"}", "f:1: \"origins\" is a list of strings"},
    {"{\"origins\": [3]}", "f:1: \"origins\" is a list of strings"},
    {"{\"origins\": []}", "f:1: \"origins\" is empty"},
    {"{\"origins\": [\"chat.example.org\"]}",
     "f:1: \"origins\": \"chat.example.org\" is no origin"},
    {"{\"origins\": [\"http://a\",\n\"http://a\"]}", "f:2: \"origins\" has \"http://a\" twice"},
    {"{}", "no domain to serve: name one and its XMPP server, such as fairlead --backend "},
    {"{" DOMAIN ", \"origins\": [\"*\", \"http://a\"]}", "\"origins\" has \"*\" and others"},
    {"{" DOMAIN ", \"origins\": [\"http://a\", \"none\"]}", "\"origins\" has \"none\" and others"},
    {"{" DOMAIN ", \"origins\": [\"public\"]}",
     "\"origins\" has \"public\", but neither \"public.bosh\" nor"},
    {"{" DOMAIN ", \"backend\": {\"keepalive\": 43}}",
     "\"backend.user_timeout\" (45 s) must be at least 3 s above \"backend.keepalive\" (43 s)"},
    {"{" DOMAIN ", \"http\": {\"idle_timeout\": 50}}",
     "\"http.idle_timeout\" (50 s) must be above"},
    {"{" DOMAIN ", \"status\": {\"listen\": \"127.0.0.1:5280\"}}",
     "\"status.listen\" and the listener \"default\" are both 127.0.0.1:5280"},
    {"{" DOMAIN ", \"www\": {\"directory\": \"/nowhere/at/all\"}}",
     "\"www.directory\": /nowhere/at/all: No such file or directory"},
    {"{" DOMAIN ", \"www\": {\"directory\": \"/dev/null\"}}",
     "\"www.directory\": /dev/null is no directory"},
    {"{" DOMAIN ", \"bosh\": {\"see_other_uri\": \"b.example\"}}",
     "\"bosh.see_other_uri\": b.example begins neither with https:// nor with http://"},
    {"{" DOMAIN ", \"bosh\": {\"see_other_uri\": \"https://b.example/a b\"}}",
     "\"bosh.see_other_uri\" has a byte that no URI has"},
    {"{" DOMAIN ", \"public\": {\"bosh\": \"http://a/b\"}}",
     "\"public.bosh\": \"http://a/b\" is no https URL, such as https://"},
    {"{" DOMAIN ", \"public\": {\"websocket\": \"https://a/b\"}}",
     "\"public.websocket\": \"https://a/b\" is no wss URL, such as wss://"},
    {"{" DOMAIN ", \"public\": {\"ips\": \"1.1.1.1\"}}",
     "\"public.ips\" tells where \"public.websocket\" and \"public.bosh\" are, and neither"},
    {"{" DOMAIN ", \"public\": {\"websocket\": \"wss://a\", \"ips\": \"1.1.1.1,[::1]\"}}",
     "\"public.ips\": \"[::1]\" is no IP address"},
    {"{" DOMAIN ", \"public\": {\"websocket\": \"wss://a\", \"ips\": \"1.1.1.1:80\"}}",
     "\"public.ips\": \"1.1.1.1:80\" is no IP address"},
    {"{" DOMAIN ", \"public\": {\"websocket\": \"wss://1.1.1.1\", \"ips\": \"1.1.1.1\"}}",
     "\"public.websocket\" needs a host name where \"public.ips\" is set"},
};

static void what_is_wrong_is_refused_with_line_and_remedy(void **state)
{
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config *c = load(bad[i][0], &e);

		if (c || strncmp(e.text, bad[i][1], strlen(bad[i][1])) != 0)
			print_error("%s\n  expected: %s\n  got: %s\n", bad[i][0], bad[i][1],
				    e.text);
		assert_null(c);
		assert_int_equal(strncmp(e.text, bad[i][1], strlen(bad[i][1])), 0);
	}
}

static void any_prefix_and_any_damage_of_a_file_is_refused_or_read(void **state)
{
	char text[] = "{\"listen\": [{\"name\": \"a\", \"address\": \"1.1.1.1:1\"}], " DOMAIN
		      ", \"bosh\": {\"wait\": 5}, \"origins\": [\"*\"]}";
	struct config_error e;

	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		struct config *c = config_new();

		assert_false(config_read(c, "f", slice_of(text, n), &e));
		config_free(c);
	}
	for (size_t n = 0; n < strlen(text); n++)
		for (const char *p = "\"{}[],: 0a\\\n"; *p; p++) {
			char kept = text[n];

			text[n] = *p;
			config_free(load(text, &e));
			text[n] = kept;
		}
}

static char *print(const struct config *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	config_print(c, f);
	fclose(f);
	return text;
}

static void what_is_printed_reads_back_to_the_same(void **state)
{
	struct config_error e;
	struct config *c = load("{" DOMAIN ", \"listen\": [{\"name\": \"q\\\"\\\\\\t\\u00fc\", "
				"\"address\": \"[::1]:80\"}], \"status\": {\"listen\": \"\"}}",
				&e);
	char *once, *twice;

	(void)state;
	assert_non_null(c);
	once = print(c);
	config_free(c);
	c = load(once, &e);
	if (!c)
		print_error("%s\n", e.text);
	assert_non_null(c);
	twice = print(c);
	assert_string_equal(once, twice);
	config_free(c);
	free(once);
	free(twice);
}

/* A file of the source folder, which make check names. */
static char *sample(const char *name, char path[4096])
{
	const char *top = getenv("srcdir");
	char *text = NULL;
	size_t n = 0;
	ssize_t got;
	FILE *f;

	snprintf(path, 4096, "%s/conf/%s", top ? top : ".", name);
	f = fopen(path, "r");
	assert_non_null(f);
	got = getdelim(&text, &n, '\0', f);
	assert_true(got > 0);
	fclose(f);
	return text;
}

static void the_samples_are_good_and_the_complete_one_is_what_would_be_printed(void **state)
{
	char path[4096];
	char *text = sample("fairlead.json", path), *printed;
	struct config *c = config_new();
	struct config_error e;

	(void)state;
	assert_true(config_read_file(c, path, &e) && config_finish(c, &e));
	config_free(c);
	free(text);
	text = sample("fairlead.full.json", path);
	c = config_new();
	assert_true(config_read_file(c, path, &e) && config_finish(c, &e));
	printed = print(c);
	assert_string_equal(text, printed);
	config_free(c);
	free(printed);
	free(text);
}

static void a_key_is_set_by_its_path_and_judged_alike(void **state)
{
	static const char *const set_bad[][2] = {
	    {"bosh.wiat", "unknown key \"bosh.wiat\", nearest known: \"bosh.wait\""},
	    {"", "unknown key \"\", nearest known: "},
	    {"bosh", "\"bosh\" is a group of keys, such as \"bosh.wait\""},
	    {"domains", "\"domains\" belongs to a list: "},
	    {"bosh.wait", "\"bosh.wait\" is a whole number of seconds from 1 to 3600, not \"x\""},
	};
	struct config *c = config_new();
	struct config_error e;

	(void)state;
	assert_true(config_set(c, SLICE("bosh.wait"), SLICE("7"), &e));
	assert_int_equal(c->bosh_wait, 7);
	assert_true(config_set(c, SLICE("status.listen"), SLICE(""), &e));
	assert_int_equal(c->status_listen.kind, LISTEN_NONE);
	assert_false(config_set(c, SLICE("bosh.wait"), SLICE(""), &e));
	for (size_t i = 0; i < sizeof(set_bad) / sizeof(set_bad[0]); i++) {
		assert_false(config_set(c, slice_str(set_bad[i][0]), SLICE("x"), &e));
		assert_int_equal(strncmp(e.text, set_bad[i][1], strlen(set_bad[i][1])), 0);
	}
	config_free(c);
}

static void a_file_that_is_not_there_is_told_by_name(void **state)
{
	struct config *c = config_new();
	struct config_error e;

	(void)state;
	assert_false(config_read_file(c, "/nowhere/f.json", &e));
	assert_string_equal(e.text, "/nowhere/f.json: No such file or directory");
	assert_false(config_read_file(c, "/", &e));
	assert_string_equal(e.text, "/: Is a directory");
	config_free(c);
}

enum { ARGS = 12 };

/* Parses a command line; stderr is not shown. */
static bool parse(struct options *o, const char *const args[ARGS])
{
	char *argv[ARGS + 2] = {(char *)"fairlead"};
	int argc = 1, saved = dup(2), nowhere = open("/dev/null", O_WRONLY);
	bool good;

	while (argc <= ARGS && args[argc - 1]) {
		argv[argc] = (char *)args[argc - 1];
		argc++;
	}
	assert_true(dup2(nowhere, 2) == 2);
	good = options_parse(o, argc, argv);
	dup2(saved, 2);
	close(saved);
	close(nowhere);
	return good;
}

static void the_command_line_is_stronger_than_the_file(void **state)
{
	char path[4096];
	struct options o;
	struct config *c;

	(void)state;
	free(sample("fairlead.json", path));
	assert_true(parse(&o, (const char *const[ARGS]){
				  "--set", "bosh.wait=9", "-c", path, "--listen", "127.0.0.1:1",
				  "--listen=[::1]:1", "--backend", "example.org=h:2",
				  "--backend=new.example=[::1]:3", "-t"}));
	assert_int_equal(o.action, OPTIONS_CHECK);
	c = options_config(&o);
	assert_non_null(c);
	assert_int_equal(c->bosh_wait, 9);
	assert_int_equal(c->n_listen, 2);
	assert_int_equal(c->listen[0].at.addr.port, 1);
	assert_int_equal(c->n_domains, 2);
	assert_int_equal(c->domains[0].n_backends, 2);
	assert_string_equal(c->domains[1].backends[0].host, "::1");
	config_free(c);
	options_clear(&o);
}

static void one_option_is_enough_to_serve_a_domain(void **state)
{
	struct options o;
	struct config *c;

	(void)state;
	assert_true(
	    parse(&o, (const char *const[ARGS]){"--backend", "example.org=127.0.0.1:5222"}));
	assert_int_equal(o.action, OPTIONS_RUN);
	c = options_config(&o);
	assert_non_null(c);
	assert_int_equal(c->listen[0].at.addr.port, 5280);
	assert_string_equal(c->domains[0].name, "example.org");
	config_free(c);
	options_clear(&o);
}

static void a_senseless_command_line_is_refused(void **state)
{
	static const char *const senseless[][ARGS] = {
	    {"-x"},
	    {"--nope"},
	    {"-c"},
	    {"--set"},
	    {"--set", "bosh.wait"},
	    {"--set", "=1"},
	    {"--backend", "a"},
	    {"-c", "a", "-c", "b"},
	    {"file.json"},
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
		assert_false(parse(&o, senseless[i]));
		options_clear(&o);
	}
	assert_true(parse(&o, (const char *const[ARGS]){"-h", "-x"}));
	assert_int_equal(o.action, OPTIONS_HELP);
	options_clear(&o);
	assert_true(parse(&o, (const char *const[ARGS]){"--version"}));
	assert_int_equal(o.action, OPTIONS_VERSION);
	options_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_defaults_are_those_of_the_table),
	    cmocka_unit_test(every_kind_of_value_is_read),
	    cmocka_unit_test(a_domain_has_keys_of_its_own),
	    cmocka_unit_test(origins_become_rules),
	    cmocka_unit_test(a_domain_is_kept_in_lower_case_without_the_root_dot),
	    cmocka_unit_test(what_is_wrong_is_refused_with_line_and_remedy),
	    cmocka_unit_test(any_prefix_and_any_damage_of_a_file_is_refused_or_read),
	    cmocka_unit_test(what_is_printed_reads_back_to_the_same),
	    cmocka_unit_test(the_samples_are_good_and_the_complete_one_is_what_would_be_printed),
	    cmocka_unit_test(a_key_is_set_by_its_path_and_judged_alike),
	    cmocka_unit_test(a_file_that_is_not_there_is_told_by_name),
	    cmocka_unit_test(the_command_line_is_stronger_than_the_file),
	    cmocka_unit_test(one_option_is_enough_to_serve_a_domain),
	    cmocka_unit_test(a_senseless_command_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

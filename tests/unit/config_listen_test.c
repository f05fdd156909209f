/* The configuration of the process and its listeners: addresses of all kinds, modes, who is
 * believed there, and whom to become. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define DOMAIN "\"domains\": [{\"name\": \"example.org\", \"backends\": [\"h:1\"]}]"
#define LISTEN(address, more) \
	"{" DOMAIN ", \"listen\": [{\"name\": \"a\", \"address\": \"" address "\"" more "}]}"

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

static struct config *must_load(const char *text)
{
	struct config_error e;
	struct config *c = load(text, &e);

	if (!c)
		fail_msg("%s: %s", text, e.text);
	return c;
}

static void every_kind_of_address_is_read(void **state)
{
	struct config *c = must_load(
	    "{" DOMAIN ", \"listen\": [{\"name\": \"a\", \"address\": \"[::]:80\"}, {\"mode\": "
	    "\"0606\", \"name\": \"b\", \"address\": \"unix:/run/x\"}, {\"name\": \"c\", "
	    "\"address\": \"systemd:web\", \"mode\": \"7\"}], \"status\": {\"listen\": "
	    "\"unix:/run/y\", \"mode\": \"0600\"}}");

	(void)state;
	assert_int_equal(c->listen[0].at.kind, LISTEN_NET);
	assert_int_equal(c->listen[0].mode, 0660);
	assert_int_equal(c->listen[1].at.kind, LISTEN_UNIX);
	assert_string_equal(c->listen[1].at.name, "/run/x");
	assert_int_equal(c->listen[1].mode, 0606);
	assert_int_equal(c->listen[2].at.kind, LISTEN_SYSTEMD);
	assert_string_equal(c->listen[2].at.name, "web");
	assert_int_equal(c->listen[2].mode, 7);
	assert_int_equal(c->status_listen.kind, LISTEN_UNIX);
	assert_int_equal(c->status_mode, 0600);
	config_free(c);
}

static void a_port_is_shared_by_ipv6_and_ipv4_where_both_are_named(void **state)
{
	static const struct {
		const char *first, *second;
		bool v6only;
	} cases[] = {
	    {"[::]:80", "0.0.0.0:80", true},   {"[::]:80", "127.0.0.1:80", true},
	    {"[::]:80", "0.0.0.0:81", false},  {"[::]:80", "[::1]:81", false},
	    {"[::]:80", "unix:/run/x", false},
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct config *c;

		snprintf(text, sizeof(text),
			 "{" DOMAIN
			 ", \"listen\": [{\"name\": \"a\", \"address\": \"%s\"}, {\"name\": "
			 "\"b\", \"address\": \"%s\"}]}",
			 cases[i].first, cases[i].second);
		c = must_load(text);
		assert_int_equal(c->listen[0].at.v6only, cases[i].v6only);
		assert_false(c->listen[1].at.v6only);
		config_free(c);
		snprintf(text, sizeof(text),
			 "{" DOMAIN ", \"listen\": [{\"name\": \"a\", \"address\": \"%s\"}], "
			 "\"status\": {\"listen\": \"%s\", \"insecure\": \"on\"}}",
			 cases[i].second, cases[i].first);
		c = must_load(text);
		assert_int_equal(c->status_listen.v6only, cases[i].v6only);
		config_free(c);
	}
}

static void who_comes_by_a_unix_socket_is_believed(void **state)
{
	static const char *const texts[] = {
	    LISTEN("unix:/run/x/y", ", \"proxy_protocol\": \"on\""),
	    LISTEN("systemd:web", ", \"proxy_protocol\": \"on\""),
	};
	struct addr local = {.family = ADDR_UNIX}, other;

	(void)state;
	assert_true(addr_parse(&other, SLICE("127.0.0.1"), false));
	for (size_t i = 0; i < LEN(texts); i++) {
		struct config *c = must_load(texts[i]);

		assert_int_equal(c->n_trusted, 1);
		assert_true(addr_in(&c->trusted[0], &local));
		assert_false(addr_in(&c->trusted[0], &other));
		config_free(c);
	}
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
	    {LISTEN("unix:web", ""),
	     "f:1: \"listen.address\": \"unix:web\" is no Unix socket, such as unix:/run/"},
	    {LISTEN("*:80", ""),
	     "f:1: \"listen.address\": \"*:80\" is no address and port, such as 127.0.0.1:5280, "
	     "0.0.0.0:5280 or [::]:5280, nor unix:/path, nor systemd:name"},
	    {LISTEN("unix:/x", ", \"mode\":\n\"0680\""),
	     "f:2: \"listen.mode\": \"0680\" is no file mode, such as 0660"},
	    {LISTEN("unix:/x", ", \"mode\": \"\""), "f:1: \"listen.mode\": \"\" is no file mode"},
	    {LISTEN("unix:/x", ", \"mode\": 660"),
	     "f:1: \"listen.mode\" is a string (octal digits), not a number"},
	    {"{\"status\": {\"mode\": \"01777\"}}",
	     "f:1: \"status.mode\": \"01777\" is no file mode"},
	    {"{\"status\": {\"mode\": \"-1\"}}", "f:1: \"status.mode\": \"-1\" is no file mode"},
	    {"{" DOMAIN ", \"listen\": [{\"name\": \"a\", \"address\": \"unix:/x\"}, {\"name\": "
	     "\"b\", \"address\": \"unix:/x\"}]}",
	     "f:1: two listeners have the address unix:/x"},
	    {"{" DOMAIN ", \"listen\": [{\"name\": \"a\", \"address\": \"systemd:x\"}], "
	     "\"status\": {\"listen\": \"systemd:x\"}}",
	     "\"status.listen\" and the listener \"a\" are both systemd:x"},
	    {"{" DOMAIN ", \"process\": {\"user\": \"no such user\"}}",
	     "\"process.user\": there is no user no such user on this machine"},
	    {"{" DOMAIN ", \"process\": {\"user\": \"root\"}}",
	     "\"process.user\" is whom to become instead of root"},
	    {"{" DOMAIN ", \"process\": {\"user\": \"nobody\", \"group\": \"no such\"}}",
	     "\"process.group\": there is no group no such on this machine"},
	    {"{" DOMAIN ", \"process\": {\"group\": \"daemon\"}}",
	     "\"process.group\" is for \"process.user\", which is not set"},
	};
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		assert_null(load(bad[i].text, &e));
		if (strncmp(e.text, bad[i].error, strlen(bad[i].error)) != 0)
			fail_msg("%s: %s", bad[i].text, e.text);
	}
}

static void what_is_printed_reads_back_to_the_same(void **state)
{
	struct config *c =
	    must_load(LISTEN("unix:/run/with \\\"quotes\\\"", ", \"mode\": \"606\""));
	char text[32768] = "", again[32768] = "";
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	(void)state;
	config_print(c, f);
	fclose(f);
	assert_non_null(strstr(text, "\"unix:/run/with \\\"quotes\\\"\", \"mode\": \"0606\""));
	config_free(c);
	c = must_load(text);
	assert_string_equal(c->listen[0].at.name, "/run/with \"quotes\"");
	assert_int_equal(c->listen[0].mode, 0606);
	f = fmemopen(again, sizeof(again) - 1, "w");
	config_print(c, f);
	fclose(f);
	assert_string_equal(text, again);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_address_is_read),
	    cmocka_unit_test(a_port_is_shared_by_ipv6_and_ipv4_where_both_are_named),
	    cmocka_unit_test(who_comes_by_a_unix_socket_is_believed),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(what_is_printed_reads_back_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The part of the configuration that is about proxies in front: whom to believe, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define DOMAIN "\"domains\": [{\"name\": \"a\", \"backends\": [\"tcp://h:1\"]}]"
#define LISTEN(more) "\"listen\": [{\"name\": \"a\", \"address\": \"1.1.1.1:1\"" more "}]"

/* What the text makes of a new configuration, finished; NULL where it is refused. */
static struct config *load(const char *text, struct config_error *e)
{
	struct config *c = config_new();

	if (config_read(c, "f", slice_str(text), e) && config_finish(c, e))
		return c;
	config_free(c);
	return NULL;
}

static void by_default_nobody_is_believed(void **state)
{
	struct config_error e;
	struct config *c = load("{" DOMAIN "}", &e);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->n_trusted, 0);
	assert_int_equal(c->http_forwarded_header, CONFIG_X_FORWARDED_FOR);
	assert_int_equal(c->listen[0].proxy_protocol, CONFIG_OFF);
	config_free(c);
}

static void proxies_are_read(void **state)
{
	static const char *const texts[] = {
	    "{" DOMAIN
	    ", \"http\": {\"trusted_proxies\": [\"::1\", \"10.0.0.0/8\"], \"head\": 4096, "
	    "\"forwarded_header\": \"forwarded\"}, \"workers\": 3, " LISTEN(
		", \"proxy_protocol\": \"on\"") "}",
	    "{\"http.trusted_proxies\": [\"::1\", \"10.0.0.0/8\"], \"http.head\": 4096, " LISTEN(
		", \"proxy_protocol\": \"on\"") ", " DOMAIN ", \"workers\": 3, "
						"\"http.forwarded_header\": \"forwarded\"}",
	};
	char text[ADDR_TEXT];
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < LEN(texts); i++) {
		struct config *c = load(texts[i], &e);

		if (!c)
			fail_msg("%s", e.text);
		assert_int_equal(c->n_trusted, 2);
		assert_string_equal(addr_net_print(&c->trusted[0], text), "::1");
		assert_string_equal(addr_net_print(&c->trusted[1], text), "10.0.0.0/8");
		assert_int_equal(c->http_forwarded_header, CONFIG_FORWARDED);
		assert_int_equal(c->listen[0].proxy_protocol, CONFIG_ON);
		assert_int_equal(c->http_head, 4096); /* what stands behind the list counts too */
		assert_int_equal(c->workers, 3);
		config_free(c);
	}
}

static void a_list_is_set_by_its_path_in_place_of_what_it_was(void **state)
{
	struct config *c = config_new();
	struct config_error e;

	(void)state;
	assert_true(config_set(c, SLICE("http.trusted_proxies"), SLICE("1.1.1.1"), &e));
	assert_true(config_set(c, SLICE("http.trusted_proxies"), SLICE("10.0.0.0/8, ::1"), &e));
	assert_string_equal(c->http_trusted_proxies[0], "10.0.0.0/8");
	assert_string_equal(c->http_trusted_proxies[1], "::1");
	assert_null(c->http_trusted_proxies[2]);
	assert_false(config_set(c, SLICE("http.trusted_proxies"), SLICE("::1,nginx"), &e));
	assert_true(config_read(c, "f", SLICE("{\"http\": {\"trusted_proxies\": [\"::2\"]}}"), &e));
	assert_string_equal(c->http_trusted_proxies[0], "::2");
	assert_null(c->http_trusted_proxies[1]);
	assert_true(config_read(c, "f", SLICE("{\"http\": {\"trusted_proxies\": []}}"), &e));
	assert_null(c->http_trusted_proxies);
	assert_true(config_set(c, SLICE("http.trusted_proxies"), SLICE("::1"), &e));
	assert_true(config_set(c, SLICE("http.trusted_proxies"), SLICE(""), &e));
	assert_null(c->http_trusted_proxies);
	config_free(c);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
	    {"{\"http\": {\n\"trusted_proxies\": [\"nginx\"]}}",
	     "f:2: \"http.trusted_proxies\" is a list of addresses and networks, such as "
	     "10.0.0.0/8: \"nginx\" is none"},
	    {"{\"http\": {\"trusted_proxies\": [\"10.0.0.1/8\"]}}",
	     "f:1: \"http.trusted_proxies\" is"},
	    {"{\"http\": {\"trusted_proxies\": [\"::1\\u0000\"]}}",
	     "f:1: \"http.trusted_proxies\" is"},
	    {"{\"http\": {\"trusted_proxies\": [3]}}",
	     "f:1: \"http.trusted_proxies\" is a list of strings (addresses and networks, such as "
	     "10.0.0.0/8), not a number"},
	    {"{\"http\": {\"trusted_proxies\": [[\"::1\"]]}}",
	     "f:1: \"http.trusted_proxies\" is a list"},
	    {"{\"http\": {\"trusted_proxies\": [{}]}}", "f:1: \"http.trusted_proxies\" is a list"},
	    {"{\"http\": {\"trusted_proxies\": \"::1\"}}",
	     "f:1: \"http.trusted_proxies\" is a list"},
	    {"{\"http.trusted_proxies\": true}",
	     "f:1: \"http.trusted_proxies\" is a list of strings"},
	    {"{\"http\": {\"head\": [\"::1\"]}}", "f:1: \"http.head\" is a whole number"},
	    {"{\"http.trusted_proxies\": [], \"http\": {\"trusted_proxies\": []}}",
	     "f:1: key \"http.trusted_proxies\" stands twice"},
	    {"{\"trusted_proxies\": []}",
	     "f:1: unknown key \"trusted_proxies\", nearest known: \"http.trusted_proxies\""},
	    {"{\"http\": {\"forwarded_header\": \"x-real-ip\"}}",
	     "f:1: \"http.forwarded_header\" is one"},
	    {"{" LISTEN(",\n\"proxy_protocol\": \"v1\"") "}",
	     "f:2: \"listen.proxy_protocol\" is one of on|off, not \"v1\""},
	    {"{" LISTEN(", \"proxy_protocol\": true") "}",
	     "f:1: \"listen.proxy_protocol\" is a string (on|off), not true"},
	    {"{" LISTEN(", \"proxy_protocol\": [\"on\"]") "}",
	     "f:1: \"listen.proxy_protocol\" is a"},
	    {"{" LISTEN(", \"proxy\": \"on\"") "}",
	     "f:1: unknown key \"proxy\" in \"listen\", known: \"name\", \"address\", \"mode\", "
	     "\"proxy_protocol\""},
	    {"{" LISTEN(", \"proxy_protocol\": \"on\", \"proxy_protocol\": \"on\"") "}",
	     "f:1: key \"proxy_protocol\" stands twice"},
	    {"{" DOMAIN ", " LISTEN(", \"proxy_protocol\": \"on\"") "}",
	     "the listener \"a\" has \"proxy_protocol\", but \"http.trusted_proxies\" names "
	     "nobody"},
	};
	struct config_error e;

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		struct config *c = load(bad[i].text, &e);

		if (c || strncmp(e.text, bad[i].error, strlen(bad[i].error)) != 0)
			fail_msg("%s: %s", bad[i].text, c ? "taken" : e.text);
	}
}

static void any_damage_of_a_file_is_refused_or_read(void **state)
{
	char text[] = "{\"http\": {\"trusted_proxies\": [\"::1\", \"10.0.0.0/8\"]}, " DOMAIN
		      ", " LISTEN(", \"proxy_protocol\": \"on\"") "}";
	struct config_error e;

	(void)state;
	config_free(load(text, &e));
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
	struct config *c = load("{\"http.trusted_proxies\": [\"::1\", \"10.0.0.0/8\"], " DOMAIN
				", " LISTEN(", \"proxy_protocol\": \"on\"") "}",
				&e);
	char *once, *twice;

	(void)state;
	assert_non_null(c);
	once = print(c);
	config_free(c);
	c = load(once, &e);
	if (!c)
		fail_msg("%s", e.text);
	twice = print(c);
	assert_string_equal(once, twice);
	assert_int_equal(c->n_trusted, 2);
	assert_int_equal(c->listen[0].proxy_protocol, CONFIG_ON);
	config_free(c);
	free(once);
	free(twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_default_nobody_is_believed),
	    cmocka_unit_test(proxies_are_read),
	    cmocka_unit_test(a_list_is_set_by_its_path_in_place_of_what_it_was),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(any_damage_of_a_file_is_refused_or_read),
	    cmocka_unit_test(what_is_printed_reads_back_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

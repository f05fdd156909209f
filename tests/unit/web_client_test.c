/* Who is asking: PROXY headers, proxies that are believed, and what else is told of a client. */
#include "web_driver.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define XFF(who) "X-Forwarded-For: " who "\r\n"
#define LINE "PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n"
#define POST_BY(fields, rid)                                                             \
	"POST /bosh HTTP/1.1\r\nHost: chat.example:443\r\nContent-Length: 59\r\n" fields \
	"\r\n" BODY(rid)
#define UPGRADE(fields)                                                                           \
	"GET /ws HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"            \
	"Sec-WebSocket-Protocol: xmpp\r\n" fields "\r\n"

static struct addr_net trusted[2];

/* The driver's connections come through Unix sockets; proxies further away have 10/8. */
static void believe(bool rfc7239)
{
	trusted[0] = (struct addr_net){.base = {.family = ADDR_UNIX}};
	assert_true(addr_net_parse(&trusted[1], SLICE("10.0.0.0/8")));
	config.forwarded = (struct forwarded_rules){trusted, 2, rfc7239};
}

static int dial_proxy(void)
{
	return dial_listener((struct web_listener){.kind = WEB_TRAFFIC, .proxy = true});
}

static void expect_asker(const char *text)
{
	char seen[ADDR_TEXT];

	assert_string_equal(addr_print(&asker, asker.port != 0, seen), text);
}

static void expect_client(const char *local, bool tls, const char *host)
{
	char seen[ADDR_TEXT];

	assert_non_null(asker_client);
	assert_string_equal(addr_print(&asker_client->local, true, seen), local);
	assert_true(asker_client->tls == tls);
	if (host)
		assert_string_equal(asker_client->host, host);
	else
		assert_null(asker_client->host);
}

static void nobody_is_believed_by_default(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, POST_BY(XFF("192.0.2.1") "Forwarded: for=192.0.2.1\r\n", "1"));
	expect_called("create1 ");
	expect_asker("unix");
	assert_null(asker_client);
	close(fd);
}

static void each_request_of_a_connection_has_its_own_peer(void **state)
{
	int fd;

	(void)state;
	believe(false);
	fd = dial();
	say(fd, POST_BY(XFF("192.0.2.1"), "1") POST_BY(XFF("6.6.6.6, 192.0.2.2:55"), "2"));
	expect_called("create1 create2 ");
	expect_asker("192.0.2.2:55");
	say(fd, POST_BY(XFF("192.0.2.3, 10.0.0.1"), "3"));
	expect_called("create3 ");
	expect_asker("192.0.2.3");
	say(fd, POST_BY("", "4"));
	expect_called("create4 ");
	expect_asker("unix");
	for (int i = 1; i <= 4; i++)
		reply(i, "");
	expect_status(fd, 200, false);
	say(fd, POST_BY("Forwarded: for=192.0.2.1\r\n", "5"));
	expect_called("create5 ");
	expect_asker("unix");
	close(fd);
}

static void forwarded_is_read_where_the_configuration_says_so(void **state)
{
	int fd;

	(void)state;
	believe(true);
	fd = dial();
	say(fd, POST_BY(XFF("6.6.6.6") "Forwarded: for=\"[2001:db8::1]:7\"\r\n", "1"));
	expect_called("create1 ");
	expect_asker("[2001:db8::1]:7");
	close(fd);
}

static void a_peer_and_an_origin_stand_together(void **state)
{
	int fd;

	(void)state;
	believe(false);
	allow_some_origins();
	fd = dial();
	say(fd, POST_BY(XFF("192.0.2.1") "Origin: https://chat.example\r\n", "1"));
	expect_asker("192.0.2.1");
	reply(1, "x");
	hear(fd);
	assert_non_null(
	    strstr(buf_data(&got), "\r\nAccess-Control-Allow-Origin: https://chat.example\r\n"));
	close(fd);
}

static void a_websocket_has_the_peer_of_its_upgrade(void **state)
{
	int fd;

	(void)state;
	believe(false);
	config.clients = true;
	fd = dial();
	say(fd, UPGRADE(XFF("192.0.2.9") "X-Forwarded-Proto: https\r\n"));
	expect_called("adopt(AAAAAAAAAAAAAAAAAAAAAA==,) ws-open ");
	expect_asker("192.0.2.9");
	expect_client("unix", true, "chat.example");
	close(fd);
}

static void a_creation_request_tells_of_its_client(void **state)
{
	static const struct {
		const char *host, *name;
	} hosts[] = {
	    {"chat.example", "chat.example"},
	    {"chat.example:5280", "chat.example"},
	    {"192.0.2.1", NULL},
	    {"[2001:db8::1]:443", NULL},
	    {"", NULL},
	    {"a b:c", NULL},
	};
	char text[512];
	int fd;

	(void)state;
	config.clients = true;
	fd = dial();
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		snprintf(text, sizeof(text),
			 "POST /bosh HTTP/1.1\r\nHost: %s\r\nContent-Length: 59\r\n\r\n" BODY("1"),
			 hosts[i].host);
		/* a head that waits for its body, in pieces and whole */
		say_bytes(fd, text, strlen(text) - 63);
		assert_ptr_equal(lone()->client, NULL);
		say_bytes(fd, text + strlen(text) - 63, 10);
		assert_non_null(lone()->client);
		say_bytes(fd, text + strlen(text) - 53, 53);
		expect_called("create1 ");
		expect_client("unix", false, hosts[i].name);
		assert_null(lone()->client);
		reply((int)i + 1, "");
		expect_status(fd, 200, false);
	}
	close(fd);
}

static void no_other_request_tells_of_its_client_or_keeps_anything(void **state)
{
	static const char body[] =
	    "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' "
	    "sid='0000000000000000000000000000000000000000000000000000000'/>";
	char text[512];
	int fd;

	(void)state;
	config.clients = true;
	fd = dial();
	snprintf(text, sizeof(text), "POST /bosh HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s",
		 sizeof(body) - 1, body);
	say(fd, text);
	expect_status(fd, 200, false); /* item-not-found */
	assert_null(asker_client);
	assert_null(lone()->client);
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n<bod>");
	expect_status(fd, 200, false);
	assert_null(lone()->client);
	say(fd, "POST /bosh HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n<");
	assert_non_null(lone()->client);
	close(fd); /* the sanitizer sees that it is freed */
	turn();
	assert_int_equal(web->counts.connections, 0);
}

static void a_proxy_header_speaks_for_the_connection(void **state)
{
	int fd;

	(void)state;
	believe(false);
	config.clients = true;
	fd = dial_proxy();
	say(fd, LINE POST_BY("", "1"));
	expect_called("create1 ");
	expect_asker("192.0.2.7:4660");
	expect_client("198.51.100.1:443", false, "chat.example");
	reply(1, "");
	expect_status(fd, 200, false);
	say(fd, POST_BY(XFF("6.6.6.6"), "2")); /* from one who is no proxy */
	expect_called("create2 ");
	expect_asker("192.0.2.7:4660");
	expect_client("198.51.100.1:443", false, "chat.example");
	close(fd);
}

static void a_proxy_header_may_come_in_pieces_and_tell_of_tls(void **state)
{
	static const char header[] =
	    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\x0a\0\0\5\xc6\x33\x64\x01\x12\x34\x01\xbb"
	    "\x20\0\5\1\0\0\0\1";
	int fd;

	(void)state;
	believe(false);
	config.clients = true;
	fd = dial_proxy();
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		say_bytes(fd, header + i, 1);
		assert_int_equal(web->counts.connections, 1);
	}
	pass(9000); /* the head has its own time */
	say(fd, POST_BY("", "1"));
	expect_asker("10.0.0.5:4660");
	expect_client("198.51.100.1:443", true, "chat.example");
	/* this proxy is one of those that are believed */
	say(fd, POST_BY(XFF("192.0.2.8"), "2"));
	expect_called("create1 create2 ");
	expect_asker("192.0.2.8");
	expect_client("198.51.100.1:443", true, "chat.example");
	say(fd, POST_BY(XFF("192.0.2.8") "X-Forwarded-Proto: http\r\n", "3"));
	expect_client("198.51.100.1:443", false, "chat.example");
	close(fd);
}

static void a_proxy_that_speaks_for_itself_is_the_peer(void **state)
{
	int fd;

	(void)state;
	believe(false);
	config.clients = true;
	fd = dial_proxy();
	say(fd, "PROXY UNKNOWN\r\n" POST_BY("", "1"));
	expect_called("create1 ");
	expect_asker("unix");
	expect_client("unix", false, "chat.example");
	close(fd);
}

static void a_websocket_behind_a_proxy_header_is_told_of_too(void **state)
{
	int fd;

	(void)state;
	believe(false);
	config.clients = true;
	fd = dial_proxy();
	say(fd, LINE UPGRADE(""));
	expect_called("adopt(AAAAAAAAAAAAAAAAAAAAAA==,) ws-open ");
	expect_asker("192.0.2.7:4660");
	expect_client("198.51.100.1:443", false, "chat.example");
	close(fd);
}

static uint64_t refused(void)
{
	uint64_t n = 0;

	for (int i = 0; i < REFUSAL_COUNT; i++)
		n += web_refusals(web)->n[i];
	return n;
}

static void what_is_no_proxy_header_ends_the_connection_unanswered(void **state)
{
	static const char *const bad[] = {
	    "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
	    LINE LINE "\r\n", /* the second one is no request */
	};

	(void)state;
	believe(false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = dial_proxy();

		send(fd, bad[i], strlen(bad[i]), MSG_NOSIGNAL);
		turn();
		hear(fd);
		if (i < 2)
			assert_string_equal(buf_data(&got), "END");
		else
			assert_non_null(strstr(buf_data(&got), "HTTP/1.1 400 "));
		close(fd);
		turn();
	}
	assert_int_equal(refused(), 3);
	expect_called("");
}

static void a_proxy_header_from_elsewhere_is_not_even_read(void **state)
{
	int fd;

	(void)state;
	believe(false);
	config.forwarded.trusted++;
	config.forwarded.n--;
	fd = dial_proxy();
	assert_string_equal(hear(fd), "END");
	assert_int_equal(refused(), 1);
	assert_int_equal(web->counts.connections, 0);
	close(fd);
}

static void a_proxy_header_that_does_not_come_ends_the_connection(void **state)
{
	static const char *const begun[] = {"", "PROXY TCP4 192"};

	(void)state;
	believe(false);
	for (size_t i = 0; i < 2; i++) {
		int fd = dial_proxy();

		say(fd, begun[i]);
		pass(config.head_timeout - 500);
		assert_int_equal(web->counts.connections, 1);
		pass(1000);
		assert_string_equal(hear(fd), "END");
		assert_int_equal(refused(), i + 1);
		close(fd);
	}
}

/* A balancer looks whether somebody listens: no word about that. */
static void a_connection_that_comes_and_goes_is_no_fault(void **state)
{
	int fd;

	(void)state;
	believe(false);
	fd = dial_proxy();
	close(fd);
	turn();
	assert_int_equal(web->counts.connections, 0);
	assert_int_equal(refused(), 0);
}

static void a_proxy_header_on_a_plain_listener_is_no_request(void **state)
{
	int fd;

	(void)state;
	believe(false);
	fd = dial();
	say(fd, LINE);
	say(fd, POST_BY("", "1"));
	expect_status(fd, 400, true);
	expect_called("");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WEB_TEST(nobody_is_believed_by_default),
	    WEB_TEST(each_request_of_a_connection_has_its_own_peer),
	    WEB_TEST(forwarded_is_read_where_the_configuration_says_so),
	    WEB_TEST(a_peer_and_an_origin_stand_together),
	    WEB_TEST(a_websocket_has_the_peer_of_its_upgrade),
	    WEB_TEST(a_creation_request_tells_of_its_client),
	    WEB_TEST(no_other_request_tells_of_its_client_or_keeps_anything),
	    WEB_TEST(a_proxy_header_speaks_for_the_connection),
	    WEB_TEST(a_proxy_header_may_come_in_pieces_and_tell_of_tls),
	    WEB_TEST(a_proxy_that_speaks_for_itself_is_the_peer),
	    WEB_TEST(a_websocket_behind_a_proxy_header_is_told_of_too),
	    WEB_TEST(what_is_no_proxy_header_ends_the_connection_unanswered),
	    WEB_TEST(a_proxy_header_from_elsewhere_is_not_even_read),
	    WEB_TEST(a_proxy_header_that_does_not_come_ends_the_connection),
	    WEB_TEST(a_connection_that_comes_and_goes_is_no_fault),
	    WEB_TEST(a_proxy_header_on_a_plain_listener_is_no_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

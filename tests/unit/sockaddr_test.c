/* Socket addresses, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "net/sockaddr.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void socket_addresses_come_back(void **state)
{
	static const char *const all[] = {"192.0.2.7:80", "[2001:db8::7]:443"};
	struct sockaddr_storage ss;
	char text[ADDR_TEXT];
	struct addr a, b;

	(void)state;
	for (size_t i = 0; i < LEN(all); i++) {
		assert_true(addr_parse(&a, slice_str(all[i]), true));
		assert_int_equal(sockaddr_write(&a, &ss),
				 i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		b = sockaddr_read((struct sockaddr *)&ss);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_string_equal(addr_print(&b, true, text), all[i]);
	}
}

static void a_mapped_peer_is_ipv4(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5)};
	char text[ADDR_TEXT];
	struct addr a;

	(void)state;
	memcpy(&in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	a = sockaddr_read((struct sockaddr *)&in6);
	assert_int_equal(a.family, ADDR_V4);
	assert_string_equal(addr_print(&a, false, text), "127.0.0.1");
	assert_true(addr_loopback(&a));
}

static void what_has_no_ip_is_told_apart(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	struct addr a = sockaddr_read((struct sockaddr *)&un);

	(void)state;
	assert_int_equal(a.family, ADDR_UNIX);
	assert_int_equal(sockaddr_write(&a, &ss), 0);
	a = sockaddr_read((struct sockaddr *)&ss);
	assert_int_equal(a.family, ADDR_NONE);
	assert_int_equal(sockaddr_write(&a, &ss), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(socket_addresses_come_back),
	    cmocka_unit_test(a_mapped_peer_is_ipv4),
	    cmocka_unit_test(what_has_no_ip_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

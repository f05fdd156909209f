/* The HTTP engine against random clients and random sessions: pairs of bytes say who does what.
 * Whatever happens, nothing is used after it was freed, and when all have gone and time has passed
 * nothing is left. Links the driver of the unit tests. */
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/web_driver.h"
#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const pieces[] = {
    "POST /http-bind HTTP/1.1\r\n" HOST "Content-Length: 59\r\n\r\n" BODY("5"),
    "POST /bosh HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3b\r\n" BODY("5") "\r\n"
											"0\r\n\r\n",
    "POST /bosh HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 59\r\n\r\n",
    "POST /bosh HTTP/1.1\r\n" HOST "Content-Length: 1999\r\n\r\n",
    "POST /bosh HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 0\r\n\r\n",
    "GET /chat/ HTTP/1.1\r\n" HOST "\r\n",
    "GET /big HTTP/1.1\r\n" HOST "\r\n",
    "GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HEAD /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "OPTIONS /bosh HTTP/1.1\r\n" HOST "Origin: https://x\r\n\r\n",
    "GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: xmpp\r\n\r\n",
    BODY("7"),
    "\r\n",
    "\n",
};

static int fd; /* the client's end, -1 when it is closed */

static void put(const char *p, size_t n)
{
	if (fd >= 0)
		send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void leave(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static void end_socket(void)
{
	if (!web->sockets)
		return;
	web->engine->hooks->closed(adopted.owner);
	close(adopted.fd);
}

static void client(uint8_t what, uint8_t n)
{
	const char *piece = pieces[n % (sizeof(pieces) / sizeof(pieces[0]))];
	size_t half = strlen(piece) / 2;
	char trash[8192];

	switch (what) {
	default: put(piece, strlen(piece)); break;
	case 4: put(piece, half); break;
	case 5: put(piece + half, strlen(piece) - half); break;
	case 6: put((const char *)&n, 1); break;
	case 7:
		while (fd >= 0 && recv(fd, trash, sizeof(trash), MSG_DONTWAIT) > 0)
			continue;
		break;
	case 8:
		if (n < 40)
			leave();
		else if (n < 80 && fd >= 0)
			shutdown(fd, SHUT_WR);
		break;
	}
}

static void session(uint8_t what, uint8_t n)
{
	struct buf body = buf_copy(SLICE("<a/>"));
	handle_t h = handles[n % HANDLES];

	/* A handle of a WebSocket is none of a request: the app never mixes them up. */
	if (slots_get(web->slots, h) && *(enum thing *)slots_get(web->slots, h) != THING_REQUEST)
		h = 0;
	if (what == 10 && h)
		web_reply(web, h, 200, &body, NULL);
	else if (what == 11 && h)
		web_held(web, h, SESSION, n * 100);
	else if (what == 12)
		pass(n * 100);
	else if (what == 13 && n < 10)
		web_drain(web);
	else if (what == 14)
		end_socket();
	else
		turn();
	buf_clear(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	web_setup(NULL);
	if (data[0] & 1)
		allow_some_origins();
	fd = dial_kind((data[0] & 6) == 6 ? WEB_STATUS : WEB_TRAFFIC);
	for (size_t i = 1; i + 1 < size; i += 2) {
		uint8_t what = data[i] % 16;

		if (what < 9)
			client(what, data[i + 1]);
		else
			session(what, data[i + 1]);
	}
	turn();
	end_socket();
	leave();
	turn();
	for (int i = 0; i < 2; i++) {
		leap(1000000);
		pass(2000);
	}
	if (web->counts.connections || web->counts.requests_waiting || web->counts.websockets)
		abort();
	web_teardown(NULL);
	return 0;
}

/* Drives the HTTP engine over socket pairs, with scripted hooks in place of sessions and a stand-in
 * for the WebSocket engine. Time is a number; what was called is written down, to be compared. */
#ifndef TESTS_WEB_DRIVER_H
#define TESTS_WEB_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "web/web_priv.h"

#define BODY(rid) "<body xmlns='http://jabber.org/protocol/httpbind' rid='" rid "'/>"
#define HOST "Host: a\r\n"
#define HEAD_200(n)                                                                             \
	"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: " n "\r\n" \
	"Cache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n"                         \
	"Content-Security-Policy: sandbox\r\n\r\n"

/* The inside of the stand-in. */
struct ws_engine {
	const struct ws_hooks *hooks;
};

struct ws {
	void *owner;
	int fd;
};

enum { SESSION = 77, BIG = 150000 /* several pieces */, HANDLES = 64 };

extern struct web_config config; /* set anew before each test; origins are "*" */
extern struct web *web;
extern handle_t handles[HANDLES]; /* of requests and WebSockets, in the order in which they came */
extern handle_t ws_answer;	  /* what ws_open() says */
extern const char *ws_refusal;	  /* what a WebSocket is refused with */
extern struct ws adopted;	  /* the last one */
extern struct buf got;		  /* what hear() heard */

int web_setup(void **state);
int web_teardown(void **state);
#define WEB_TEST(name) cmocka_unit_test_setup_teardown(name, web_setup, web_teardown)

extern struct addr asker;		/* the peer that the last request or WebSocket came from */
extern struct web_client *asker_client; /* what else was told of it, or NULL */

extern struct web_call called; /* the last one of the API; its slices are stale */

int dial_listener(struct web_listener listener);
int dial_kind(enum web_listener_kind kind); /* the client's end */
int dial(void);
void allow_some_origins(void); /* https://chat.example alone */

void turn(void);		   /* until nothing is left to do */
void pass(int64_t ms);		   /* time goes by */
bool pass_in_one_turn(int64_t ms); /* its end; what web_turn() says */
bool leap(int64_t ms);		   /* the same where the loop did not come round meanwhile */
struct http *lone(void);	   /* the one connection there is */
void say_bytes(int fd, const char *p, size_t n);
void say(int fd, const char *text);
void post(struct buf *b, const char *body); /* appends a POST */
void say_post(int fd, const char *body);
const char *hear(int fd); /* all that came by now, and "END" where the connection ended */

/* From the other side; index counts handles from 1. */
void reply(int index, const char *text);
void hold(int index, int64_t wait);

void expect_status(int fd, int status, bool ends);
void expect_called(const char *words); /* since the last time */

#endif

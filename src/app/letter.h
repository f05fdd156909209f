/* Letters: what web, sessions, workers and control say to each other. A letter goes to a worker and
 * belongs to whoever has it; inside one worker it is a list entry, to another a pointer in its
 * mailbox, and the code that reads it is the same. Handles name things in it, never pointers. */
#ifndef APP_LETTER_H
#define APP_LETTER_H

#include "proto/addr.h"
#include "net/mailbox.h"
#include "proto/body.h"
#include "proto/frame.h"
#include "proto/sid.h"
#include "web/web.h"

enum letter_type {
#define X(name, text) LETTER_##name,
#include "app/letter.def"
#undef X
	LETTER_COUNT
};

struct letter {
	struct mail mail;
	enum letter_type type;
	uint8_t from;	  /* the worker that asks, or that tells */
	handle_t handle;  /* of a request, a WebSocket, a question */
	handle_t session; /* of a session */
	union {
		struct {
			int fd;
			struct web_listener listener;
		} accept;
		struct {
			struct body *body; /* owned */
			struct sid sid;	   /* unless `create` */
			bool create;
			struct addr peer;
			struct web_client *client; /* owned, or NULL */
		} request;
		int64_t wait; /* HELD, ms */
		struct {
			int status;
			struct buf body; /* owned */
			char *type;	 /* owned; Content-Type, NULL: the usual */
		} reply;
		struct {
			struct frame *frame; /* owned, or NULL */
			enum reason bad;
		} frame;
		struct {
			uint32_t n; /* bytes */
			bool waited;
		} drained;
		uint64_t serial;   /* PONG, BEAT */
		struct buf frames; /* SEND, owned */
		uint16_t code;	   /* CLOSE */
		struct look *look; /* LIST, owned */
		handle_t stream;   /* TRACE: where it goes */
		struct {
			struct buf text; /* owned */
			bool last;
		} traced;
		char *text;    /* KILL, owned: for the client, may be empty */
		char *backend; /* EMPTY, owned */
		struct {
			void *p; /* owned; NULL once it was taken */
			void (*release)(void *p);
		} tell;
	} u;
};

struct letter *letter_new(enum letter_type type);
void letter_free(struct letter *l); /* with what it still owns */

#endif

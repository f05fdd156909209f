/* What the main thread does while the others work: it waits for signals, tells the service manager
 * how things stand, and gives signs of life only while every worker's turn goes round. */
#ifndef APP_SUPERVISE_H
#define APP_SUPERVISE_H

#include "app/notify.h"
#include "app/pulse.h"
#include "app/worker.h"

struct supervise {
	struct app *app; /* borrowed */
	struct notify notify;
	struct pulse pulse;
	int64_t status_due;
	int64_t patience_until; /* ending: no more time is asked for from then on */
	char status[128];	/* as told last */
};

/* Before any thread starts, so that all inherit it; a signal that comes while starting waits. */
void supervise_block_signals(void);

/* Reads and unsets what the environment says of the service manager. */
bool supervise_init(struct supervise *s, struct app *app);
void supervise_clear(struct supervise *s);

/* The workers run: says so, and returns at SIGTERM or SIGINT. At SIGHUP reload(arg) is called. */
void supervise_run(struct supervise *s, void (*reload)(void *), void *arg);

/* The workers were told to STOP, or to LEAVE: waits until all of them have. Meanwhile the service
 * manager is asked for more time, but not for one that hangs. */
void supervise_await(struct supervise *s);

#endif

/* The daemon: from a configuration to running workers, and back to nothing on SIGTERM. */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "app/backends.h"
#include "app/certificates.h"

/* Runs until SIGTERM or SIGINT; the exit code. All are borrowed. */
int daemon_run(const struct config *config, struct backends *backends,
	       struct certificates *certificates);

#endif

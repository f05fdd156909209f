/* The daemon: from a configuration to running workers, and back to nothing on SIGTERM. */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "app/backends.h"

/* Runs until SIGTERM or SIGINT; the exit code. Both are borrowed. */
int daemon_run(const struct config *config, struct backends *backends);

#endif

/* Giving up root: what needs it (ports below 1024, keys, files of sockets) is done before, and
 * threads start behind. */
#ifndef APP_PRIVILEGES_H
#define APP_PRIVILEGES_H

#include "config/config.h"

/* Before anything is done as the wrong user: false, and a line in the log, where root would be
 * needed to become that one and is not there. */
bool privileges_check(const struct config *c);

/* Becomes that user, for good, with the groups that it has. A line in the log; false where it does
 * not work. Only one thread may run. */
bool privileges_drop(const struct config *c);

#endif

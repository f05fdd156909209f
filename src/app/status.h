/* The status page's files, built in. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include "web/web.h"

extern const struct web_files status_page;

#endif

/* The status page's files, built in. */
#ifndef APP_STATUS_PAGE_H
#define APP_STATUS_PAGE_H

#include "web/web.h"

extern const struct web_files status_page;

#endif

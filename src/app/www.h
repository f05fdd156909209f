/* The application's static files: read from a directory once, at start, and served from memory. */
#ifndef APP_WWW_H
#define APP_WWW_H

#include "web/web.h"

/* Reads every plain file below dir whose name does not begin with a dot; "index.html" also stands
 * for its folder. NULL and a log line where that fails, or where there is more than 32 MiB. */
struct web_files *www_load(const char *dir);
void www_free(struct web_files *f); /* NULL is fine */

#endif

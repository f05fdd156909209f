/* The log: one line an event, `level=info event=session-end key=value ...`, to stderr or syslog.
 * Any thread may log; a line is written in one call. Secrets are the caller's to keep out. errno is
 * kept. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include "base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Before threads start. ident names the process in syslog; where stderr is a terminal, it has the
 * lines as well. */
void log_open(bool to_syslog, enum log_level level, const char *ident);
void log_set_level(enum log_level level); /* any time, any thread */
enum log_level log_get_level(void);
bool log_wants(enum log_level level);
const char *log_level_name(enum log_level level); /* "info" */
int log_level_of(struct slice name);		  /* an enum log_level, -1: none */

/* fmt makes the `key=value` pairs; values from peers go through log_value(). */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Renders peer-supplied text for a log line into dst (NUL-terminated, cut to fit): quoted where it
 * holds blanks, with quotes, backslashes and control bytes escaped. Returns dst. */
const char *log_value(char *dst, size_t size, struct slice s);

#define log_error(event, ...) log_line(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                                          \
	do {                                                           \
		if (log_wants(LOG_LEVEL_DEBUG))                        \
			log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__); \
	} while (0)

#endif

/* The log: one line an event, key=value. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {"error", "warn", "info", "debug"};
static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

static bool use_syslog;
static atomic_int threshold = LOG_LEVEL_INFO;

void log_open(bool to_syslog, enum log_level level, const char *ident)
{
	use_syslog = to_syslog;
	log_set_level(level);
	if (to_syslog) /* a terminal has it, too: somebody waits there for it to start */
		openlog(ident, LOG_PID | LOG_NDELAY | (isatty(STDERR_FILENO) ? LOG_PERROR : 0),
			LOG_DAEMON);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&threshold, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	return names[level];
}

int log_level_of(struct slice name)
{
	for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++)
		if (slice_is(name, names[i]))
			return i;
	return -1;
}

bool log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

static size_t stamp(char *dst, size_t size)
{
	struct timeval tv;
	struct tm tm;
	size_t n;

	gettimeofday(&tv, NULL);
	gmtime_r(&tv.tv_sec, &tm);
	n = strftime(dst, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(dst + n, size - n, ".%03dZ ", (int)(tv.tv_usec / 1000));
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	int saved = errno;
	char line[2048];
	size_t n = 0;
	int more;
	va_list ap;

	if (!log_wants(level))
		return;
	if (!use_syslog)
		n = stamp(line, sizeof(line));
	n +=
	    (size_t)snprintf(line + n, sizeof(line) - n, "level=%s event=%s ", names[level], event);
	va_start(ap, fmt);
	more = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n += more < 0 ? 0 : (size_t)more;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	if (use_syslog) {
		syslog(priorities[level], "%.*s", (int)n, line);
	} else {
		line[n++] = '\n';
		if (write(STDERR_FILENO, line, n) < 0) {
			/* nowhere left to say it */
		}
	}
	errno = saved;
}

const char *log_value(char *dst, size_t size, struct slice s)
{
	size_t at = 0;
	bool quote = s.n == 0;

	for (size_t i = 0; i < s.n && !quote; i++)
		quote = (unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
			s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '=';
	if (quote)
		dst[at++] = '"';
	for (size_t i = 0; i < s.n && at + 6 < size; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\') {
			dst[at++] = '\\';
			dst[at++] = (char)c;
		} else if (c < ' ' || c >= 0x7f) {
			at += (size_t)snprintf(dst + at, size - at, "\\x%02x", c);
		} else {
			dst[at++] = (char)c;
		}
	}
	if (quote)
		dst[at++] = '"';
	dst[at] = '\0';
	return dst;
}

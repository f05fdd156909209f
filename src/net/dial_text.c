/* What is said of a dial: the problems of each candidate, and all of them in one line. */
#include "net/dial_priv.h"

#include <stdarg.h>
#include <stdio.h>

/* Names and what servers say go into quoted values of log lines. */
static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == '"' || *s == '\\' || *s == 127)
			*s = '?';
}

void dial_problem(struct dial *d, enum dial_blame blame, const char *fmt, ...)
{
	size_t n = strlen(d->problem);
	va_list ap;

	d->blamed |= blame == BLAME_IT;
	d->blamed_so |= blame == BLAME_FOR_DOMAIN;
	*(blame == BLAME_OUR_PORTS ? &d->no_ports : &d->other_faults) += 1;
	if (n && n < sizeof(d->problem) - 2)
		n += (size_t)snprintf(d->problem + n, sizeof(d->problem) - n, ", ");
	if (n >= sizeof(d->problem) - 1)
		return;
	va_start(ap, fmt);
	vsnprintf(d->problem + n, sizeof(d->problem) - n, fmt, ap);
	va_end(ap);
	clean(d->problem + n);
}

const char *dial_peer(const struct dial *d, const struct addr *a, const char *word,
		      char dst[DIAL_PEER])
{
	char ip[ADDR_TEXT];

	dst[0] = '\0';
	if (!d->c->literal && !d->c->local)
		snprintf(dst, DIAL_PEER, " %s %s", word, addr_print(a, false, ip));
	return dst;
}

void dial_note(struct dial *d, const char *name, const char *problem)
{
	size_t n = strlen(d->text);

	snprintf(d->text + n, sizeof(d->text) - n, "%s%s%s%s", n ? "; " : "", name,
		 *name ? ": " : "", problem);
	clean(d->text + n);
}

static void put_name(char dst[HEALTH_NAME], bool local, const char *host, uint16_t port)
{
	const char *form = local ? "unix:%s" : strchr(host, ':') ? "[%s]:%u" : "%s:%u";

	snprintf(dst, HEALTH_NAME, form, host, port);
	clean(dst);
}

void dial_name(struct dial *d)
{
	put_name(d->name, d->c->local, d->c->host, d->c->port);
}

void dial_target_name(const struct dial_target *t, char dst[HEALTH_NAME])
{
	put_name(dst, t->kind == DIAL_UNIX, t->host, t->port);
}

void dial_skip(struct dial *d, struct health_backend *b, enum health_word word, int64_t now)
{
	struct health_row row;
	char problem[HEALTH_WHY + 64];

	health_row(b, &row);
	if (word == HEALTH_DRAINED)
		snprintf(problem, sizeof(problem), "being drained, by an operator's wish");
	else if (word == HEALTH_DOWN && row.retry_at > now)
		snprintf(problem, sizeof(problem), "%s (down, again in %lld s)", row.why,
			 (long long)(row.retry_at - now + 999) / 1000);
	else if (word == HEALTH_DOWN)
		snprintf(problem, sizeof(problem), "%s (down, being tried)", row.why);
	else
		snprintf(problem, sizeof(problem), "full, it has %u sessions", row.sessions);
	dial_note(d, d->name, problem);
	*(word == HEALTH_DOWN ? &d->down : &d->full) += 1;
}

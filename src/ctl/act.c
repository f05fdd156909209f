/* Commands that act: kill, drain, log; and check-config, which asks the daemon's program. */
#include "ctl/doc.h"
#include "ctl/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int ctl_kill(struct ctl *c)
{
	struct buf target = {0}, body = {0}, text = {0};
	int code;

	if (c->argc < 1)
		return ctl_usage("kill wants a session's id, and perhaps a text for its client");
	BUF_LIT(&target, "/api/sessions/");
	doc_query(&target, c->argv[0]);
	buf_add(&target, "/end", 5);
	for (int i = 1; i < c->argc; i++)
		buf_addf(&text, "%s%s", i > 1 ? " " : "", c->argv[i]);
	buf_addc(&text, '\0');
	BUF_LIT(&body, "{\"text\":");
	doc_escape(&body, buf_data(&text));
	buf_add(&body, "}", 2);
	code = doc_ask(c, buf_data(&target), buf_data(&body), NULL);
	if (code == CTL_FINE && !c->json)
		printf("session %s is ended\n", c->argv[0]);
	buf_clear(&target);
	buf_clear(&body);
	buf_clear(&text);
	return code;
}

static int drain_backend(struct ctl *c, const char *name, bool off, bool end)
{
	struct buf body = {0};
	char n[PRINT_TEXT];
	yajl_val v;
	int code;

	BUF_LIT(&body, "{\"name\":");
	doc_escape(&body, name);
	buf_addf(&body, ",\"on\":%s,\"end\":%s}", off ? "false" : "true", end ? "true" : "false");
	buf_addc(&body, '\0');
	code = doc_ask(c, "/api/backends/drain", buf_data(&body), &v);
	if (v)
		printf(off ? "%s gets new sessions again; it has %s\n"
			   : "%s gets no new sessions; it has %s\n",
		       name, print_number(doc_number(v, "sessions"), n));
	yajl_tree_free(v);
	buf_clear(&body);
	return code;
}

static int drain_instance(struct ctl *c, bool off)
{
	int code = doc_ask(c, "/api/drain", off ? "{\"on\":false}" : "{\"on\":true}", NULL);

	if (code == CTL_FINE && !c->json)
		puts(off ? "new sessions are taken again"
			 : "no new sessions are taken; those that are here go on");
	return code;
}

int ctl_drain(struct ctl *c)
{
	bool off = false, end = false;
	const char *words[2] = {NULL, NULL};
	int n = 0;

	for (int i = 0; i < c->argc; i++) {
		if (strcmp(c->argv[i], "--off") == 0)
			off = true;
		else if (strcmp(c->argv[i], "--end") == 0)
			end = true;
		else if (n < 2 && *c->argv[i] != '-')
			words[n++] = c->argv[i];
		else
			return ctl_usage("drain knows --off and, for a backend, --end");
	}
	if (n == 0 && !end)
		return drain_instance(c, off);
	if (n == 2 && strcmp(words[0], "backend") == 0 && !(off && end))
		return drain_backend(c, words[1], off, end);
	return ctl_usage("it is `drain [--off]`, or `drain backend NAME [--off | --end]`");
}

int ctl_log(struct ctl *c)
{
	struct buf body = {0};
	int code;

	if (c->argc != 1)
		return ctl_usage("log wants a level: error, warn, info or debug");
	BUF_LIT(&body, "{\"level\":");
	doc_escape(&body, c->argv[0]);
	buf_add(&body, "}", 2);
	code = doc_ask(c, "/api/log", buf_data(&body), NULL);
	if (code == CTL_FINE && !c->json)
		printf("the log level is %s until the next start\n", c->argv[0]);
	buf_clear(&body);
	return code;
}

/* The program that judges it is the one that will read it: the one beside this one, else the
 * installed one, else one in the path. */
int ctl_check_config(struct ctl *c)
{
	const char *file = c->argc ? c->argv[0] : FAIRLEAD_CONFIG;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	char *slash;

	if (c->argc > 1)
		return ctl_usage("check-config takes one file");
	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		strcpy(slash + 1, "fairlead");
		execl(path, "fairlead", "-t", "-c", file, (char *)NULL);
	}
	execl(FAIRLEAD_PROGRAM, "fairlead", "-t", "-c", file, (char *)NULL);
	execlp("fairlead", "fairlead", "-t", "-c", file, (char *)NULL);
	fprintf(stderr, "fairleadctl: the program fairlead, which judges it, cannot be run: %s\n",
		strerror(errno));
	return CTL_REFUSED;
}

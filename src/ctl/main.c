/* fairleadctl: asks and tells a running Fairlead, by its control socket. */
#include "ctl/client.h"
#include "ctl/ctl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(struct ctl *c);
} commands[] = {
    {"status", ctl_status}, {"sessions", ctl_sessions}, {"show", ctl_show},
    {"trace", ctl_trace},   {"kill", ctl_kill},		{"drain", ctl_drain},
    {"log", ctl_log},	    {"link", ctl_link},		{"check-config", ctl_check_config},
};

static void help(FILE *out)
{
	fputs("usage: fairleadctl [-s SOCKET] [--json] COMMAND\n"
	      "\n"
	      "  status                      what it does, and what is wrong\n"
	      "  sessions [FILTERS] [TEXT]   sessions, those with TEXT in their address or id;\n"
	      "                              --transport, --domain, --state, --sort, --order, "
	      "--limit\n"
	      "  show ID                     all that is known of one session\n"
	      "  trace ID                    its stanzas as they pass, without what people wrote\n"
	      "  kill ID [TEXT]              end it; TEXT is told to its client\n"
	      "  drain [--off]               take no new sessions\n"
	      "  drain backend NAME [--off | --end]\n"
	      "                              give that server none; --end: and end those there\n"
	      "  log LEVEL                   log error, warn, info or debug from now on\n"
	      "  link                        the link of the status page, its token in it\n"
	      "  check-config [FILE]         whether a configuration is good\n"
	      "\n"
	      "Exit status: 0 fine, 1 refused or not found, 2 usage, 3 no Fairlead there.\n",
	      out);
}

int ctl_usage(const char *problem)
{
	fprintf(stderr, "fairleadctl: %s; fairleadctl -h shows the usage\n", problem);
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	struct ctl c = {0};
	char found[4096];
	int i = 1;

	signal(SIGPIPE, SIG_DFL);
	for (; i < argc && *argv[i] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			c.json = true;
		} else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) {
			c.socket = argv[++i];
		} else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			help(stdout);
			return CTL_FINE;
		} else if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0) {
			puts("fairleadctl " PACKAGE_VERSION);
			return CTL_FINE;
		} else {
			return ctl_usage("unknown option, or -s without a socket");
		}
	}
	if (i == argc) {
		help(stderr);
		return CTL_USAGE;
	}
	if (!c.socket) {
		client_find(found);
		c.socket = found;
	}
	c.argc = argc - i - 1;
	c.argv = argv + i + 1;
	/* --json may stand behind the command as well. */
	for (int k = 0; k < c.argc; k++)
		if (strcmp(c.argv[k], "--json") == 0) {
			c.json = true;
			memmove(&c.argv[k], &c.argv[k + 1], (size_t)(c.argc - k) * sizeof(*c.argv));
			c.argc--;
			k--;
		}
	for (size_t k = 0; k < sizeof(commands) / sizeof(commands[0]); k++)
		if (strcmp(argv[i], commands[k].name) == 0)
			return commands[k].run(&c);
	return ctl_usage("there is no such command");
}

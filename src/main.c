/* fairlead: reads the command line and the configuration, then runs the daemon or what was asked
 * for instead. */
#include "app/backends.h"
#include "app/certificates.h"
#include "app/daemon.h"
#include "config/options.h"
#include "base/log.h"

#include <stdio.h>

static int run(const struct options *o, const struct config *c)
{
	struct config_error e;
	struct backends *b = backends_new(c, &e);
	struct certificates *v = b ? certificates_new(c, &e) : NULL;
	int code = 0;

	if (!v) {
		fprintf(stderr, "fairlead: %s\n", e.text);
		if (b)
			backends_free(b);
		return OPTIONS_EXIT_CONFIG;
	}
	if (o->action == OPTIONS_CHECK) {
		puts("the configuration is good");
	} else {
		log_open(c->log_target == CONFIG_LOG_SYSLOG, (enum log_level)c->log_level,
			 "fairlead");
		code = daemon_run(c, b, v);
	}
	certificates_free(v);
	backends_free(b);
	return code;
}

static int act(const struct options *o, const struct config *c)
{
	if (o->action != OPTIONS_PRINT)
		return run(o, c);
	config_print(c, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct config *c;
	int code;

	if (!options_parse(&o, argc, argv))
		return OPTIONS_EXIT_USAGE;
	if (o.action == OPTIONS_HELP || o.action == OPTIONS_VERSION) {
		if (o.action == OPTIONS_HELP)
			options_help(stdout);
		else
			puts(PACKAGE_STRING);
		options_clear(&o);
		return 0;
	}
	c = options_config(&o);
	code = c ? act(&o, c) : OPTIONS_EXIT_CONFIG;
	if (c)
		config_free(c);
	options_clear(&o);
	return code;
}

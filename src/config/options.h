/* The command line: fairlead(8). */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/config.h"

enum options_action {
	OPTIONS_RUN,
	OPTIONS_CHECK,	 /* -t: say whether the configuration is good, and exit */
	OPTIONS_PRINT,	 /* -T: print it, and exit */
	OPTIONS_VERSION, /* -V */
	OPTIONS_HELP	 /* -h */
};

enum { OPTIONS_EXIT_CONFIG = 1, OPTIONS_EXIT_USAGE = 2 };

struct option_list {
	const char **v; /* points into argv */
	size_t n;
};

struct options {
	enum options_action action;
	const char *file; /* -c; NULL: none */
	struct option_list listen, backend, set;
};

/* False where the command line makes no sense, which stderr was told: exit with OPTIONS_EXIT_USAGE.
 * argv must outlive o. */
bool options_parse(struct options *o, int argc, char **argv);
void options_clear(struct options *o);

/* The configuration that it asks for: defaults, the file, --listen in place of its listeners,
 * --backend, --set, and all checks. NULL where it is bad, which stderr was told: exit with
 * OPTIONS_EXIT_CONFIG. The caller frees it with config_free(). */
struct config *options_config(const struct options *o);

void options_help(FILE *out);

#endif

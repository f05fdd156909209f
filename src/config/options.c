/* The command line. It is only collected while it is read, for a file named last still comes before
 * what was set by hand. */
#include "config/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

enum { OPTION_LISTEN = 256, OPTION_BACKEND, OPTION_SET };

static const struct option longs[] = {
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"backend", required_argument, NULL, OPTION_BACKEND},
    {"set", required_argument, NULL, OPTION_SET},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

void options_help(FILE *out)
{
	fputs("usage: fairlead [-c FILE] [-t] [-T] [-V] [-h] [--listen ADDRESS]...\n"
	      "                [--backend DOMAIN=HOST:PORT]... [--set KEY=VALUE]...\n"
	      "\n"
	      "  -c FILE    read the configuration from FILE (JSON with comments)\n"
	      "  -t         check the configuration and exit\n"
	      "  -T         print the whole configuration, defaults included, and exit\n"
	      "  -V         print the version and exit\n"
	      "  -h         print this and exit\n"
	      "  --listen   serve here, instead of where the file says\n"
	      "  --backend  serve this XMPP domain, from the server at that host and port\n"
	      "  --set      set one key by its path, such as bosh.inactivity=30\n"
	      "\n"
	      "The shortest way to a session, on 127.0.0.1:5280:\n"
	      "  fairlead --backend example.org=127.0.0.1:5222\n",
	      out);
}

static void list_add(struct option_list *l, const char *s)
{
	l->v = mem_realloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = s;
}

static bool usage(const char *fmt, const char *what)
{
	fputs("fairlead: ", stderr);
	fprintf(stderr, fmt, what);
	fputs("; fairlead -h shows the usage\n", stderr);
	return false;
}

/* Options that take KEY=VALUE must have both sides of the =. */
static bool pair(struct option_list *l, const char *arg, const char *shape)
{
	const char *equals = strchr(arg, '=');

	list_add(l, arg);
	if (equals && equals != arg)
		return true;
	fprintf(stderr, "fairlead: \"%s\" is not of the form %s; fairlead -h shows the usage\n",
		arg, shape);
	return false;
}

bool options_parse(struct options *o, int argc, char **argv)
{
	int option;

	*o = (struct options){0};
	optind = 0; /* so that tests may parse more than once */
	while ((option = getopt_long(argc, argv, ":c:tTVh", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			if (o->file)
				return usage("-c %s: one file is enough", optarg);
			o->file = optarg;
			break;
		case 't': o->action = OPTIONS_CHECK; break;
		case 'T': o->action = OPTIONS_PRINT; break;
		case 'V': o->action = OPTIONS_VERSION; return true;
		case 'h': o->action = OPTIONS_HELP; return true;
		case OPTION_LISTEN: list_add(&o->listen, optarg); break;
		case OPTION_BACKEND:
			if (!pair(&o->backend, optarg, "DOMAIN=HOST:PORT"))
				return false;
			break;
		case OPTION_SET:
			if (!pair(&o->set, optarg, "KEY=VALUE"))
				return false;
			break;
		case ':': return usage("%s wants a value", argv[optind - 1]);
		default:
			/* Of several letters in one argument, getopt has not left that yet. */
			if (optopt > 0 && optopt <= '~')
				return usage("unknown option %s", (char[]){'-', (char)optopt, 0});
			return usage("unknown option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage("unexpected argument \"%s\"", argv[optind]);
	return true;
}

void options_clear(struct options *o)
{
	free(o->listen.v);
	free(o->backend.v);
	free(o->set.v);
	*o = (struct options){0};
}

/* Says which option the error is about. */
static bool blame(const char *option, const char *value, struct config_error *e)
{
	struct config_error what = *e;

	snprintf(e->text, sizeof(e->text), "%s %.100s: %.380s", option, value, what.text);
	return false;
}

static bool apply(struct config *c, const struct options *o, struct config_error *e)
{
	struct slice key, value;

	if (o->file && !config_read_file(c, o->file, e))
		return false;
	if (o->listen.n)
		config_clear_listen(c);
	for (size_t i = 0; i < o->listen.n; i++) {
		value = slice_str(o->listen.v[i]);
		if (!config_add_listen(c, value, value, e))
			return blame("--listen", o->listen.v[i], e);
	}
	for (size_t i = 0; i < o->backend.n; i++) {
		value = slice_str(o->backend.v[i]);
		key = slice_cut(&value, '=');
		if (!config_add_backend(c, key, value, e))
			return blame("--backend", o->backend.v[i], e);
	}
	for (size_t i = 0; i < o->set.n; i++) {
		value = slice_str(o->set.v[i]);
		key = slice_cut(&value, '=');
		if (!config_set(c, key, value, e))
			return blame("--set", o->set.v[i], e);
	}
	return config_finish(c, e);
}

struct config *options_config(const struct options *o)
{
	struct config *c = config_new();
	struct config_error e = {""};

	if (apply(c, o, &e))
		return c;
	fprintf(stderr, "fairlead: %s\n", e.text);
	config_free(c);
	return NULL;
}

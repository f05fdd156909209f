/* -T: the whole configuration as a file that could be read back, each key under its sentence. */
#include "app/config_priv.h"

static void print_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(out, "\\u%04x", *s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static void print_lists(const struct config *c, FILE *out)
{
	char text[ADDR_TEXT];

	fputs("\t// Where BOSH, WebSocket and files are served.\n\t\"listen\": [", out);
	for (size_t i = 0; i < c->n_listen; i++) {
		fputs(i ? ",\n\t\t{\"name\": " : "\n\t\t{\"name\": ", out);
		print_string(out, c->listen[i].name);
		fprintf(out, ", \"address\": \"%s\"}", addr_print(&c->listen[i].addr, true, text));
	}
	fputs(
	    "\n\t],\n\n\t// The XMPP domains that are served, and their servers, the preferred one "
	    "first.\n\t\"domains\": [",
	    out);
	for (size_t i = 0; i < c->n_domains; i++) {
		const struct config_domain *d = &c->domains[i];

		fputs(i ? ",\n\t\t{\"name\": " : "\n\t\t{\"name\": ", out);
		print_string(out, d->name);
		fputs(", \"backends\": [", out);
		for (size_t j = 0; j < d->n_backends; j++) {
			const char *host = d->backends[j].host;

			fprintf(out,
				strchr(host, ':') ? "%s\"tcp://[%s]:%d\"" : "%s\"tcp://%s:%d\"",
				j ? ", " : "", host, d->backends[j].port);
		}
		fputs("]}", out);
	}
	fputs("\n\t],\n\n\t// The web origins whose pages may connect; \"*\" alone for any.\n"
	      "\t\"origins\": [",
	      out);
	for (size_t i = 0; i < c->n_origins; i++) {
		fputs(i ? ", " : "", out);
		print_string(out, c->origins[i]);
	}
	fputs("]", out);
}

static void print_value(const struct config *c, const struct config_key *k, FILE *out)
{
	const void *field = (const char *)c + k->offset;
	const struct addr *a = field;
	struct slice word;
	char text[ADDR_TEXT];

	switch (k->type) {
	case CONFIG_INT: fprintf(out, "%lld", (long long)*(const int64_t *)field); break;
	case CONFIG_TEXT: print_string(out, *(char *const *)field); break;
	case CONFIG_CHOICE:
		word = config_choice_word(k->unit, *(const int *)field);
		fprintf(out, "\"%.*s\"", SHOW(word));
		break;
	case CONFIG_ADDRESS:
		fprintf(out, "\"%s\"", a->family == ADDR_NONE ? "" : addr_print(a, true, text));
		break;
	}
}

static void print_key(const struct config *c, const struct config_key *k, const char *name,
		      const char *indent, FILE *out)
{
	fprintf(out, "%s// %s\n%s// ", indent, k->sentence, indent);
	if (k->type == CONFIG_INT)
		fprintf(out, "%s, %lld to %lld; default %s\n", k->unit, (long long)k->minimum,
			(long long)k->maximum, k->def);
	else
		fprintf(out, "%s; default \"%s\"\n", k->unit, k->def);
	fprintf(out, "%s\"%s\": ", indent, name);
	print_value(c, k, out);
}

void config_print(const struct config *c, FILE *out)
{
	struct slice group = SLICE_NONE;

	fputs("// The whole configuration of Fairlead; see fairlead.conf(5).\n{\n", out);
	print_lists(c, out);
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_keys[i];
		const char *dot = strchr(k->path, '.');
		struct slice now = dot ? slice_of(k->path, (size_t)(dot - k->path)) : SLICE_NONE;
		bool same = slice_eq(now, group);

		if (!same && group.n)
			fputs("\n\t}", out);
		fputs(same && now.n ? ",\n" : ",\n\n", out);
		if (!same && now.n)
			fprintf(out, "\t\"%.*s\": {\n", SHOW(now));
		print_key(c, k, dot ? dot + 1 : k->path, dot ? "\t\t" : "\t", out);
		group = now;
	}
	fputs(group.n ? "\n\t}\n}\n" : "\n}\n", out);
}

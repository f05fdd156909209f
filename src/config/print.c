/* -T: the whole configuration as a file that could be read back, each key under its sentence. */
#include "config/priv.h"

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

static void print_list(const char *const *v, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; v && v[i]; i++) {
		fputs(i ? ", " : "", out);
		print_string(out, v[i]);
	}
	fputc(']', out);
}

static void print_value(const void *base, const struct config_key *k, FILE *out)
{
	const void *field = (const char *)base + k->offset;
	struct slice word;
	char text[LISTEN_TEXT];

	switch (k->type) {
	case CONFIG_INT: fprintf(out, "%lld", (long long)*(const int64_t *)field); break;
	case CONFIG_TEXT: print_string(out, *(char *const *)field); break;
	case CONFIG_CHOICE:
		word = config_choice_word(k->unit, *(const int *)field);
		fprintf(out, "\"%.*s\"", SHOW(word));
		break;
	case CONFIG_ADDRESS: print_string(out, listen_print(field, text)); break;
	case CONFIG_MODE: fprintf(out, "\"%04o\"", *(const int *)field); break;
	case CONFIG_LIST: print_list(*(const char *const *const *)field, out); break;
	}
}

static void print_key(const void *base, const struct config_key *k, const char *indent, FILE *out)
{
	fprintf(out, "%s// %s\n%s// ", indent, k->sentence, indent);
	if (k->type == CONFIG_INT)
		fprintf(out, "%s, %lld to %lld; default %s\n", k->unit, (long long)k->minimum,
			(long long)k->maximum, k->def);
	else
		fprintf(out, "%s; default \"%s\"\n", k->unit, k->def);
	fprintf(out, "%s\"%s\": ", indent, config_key_name(k));
	print_value(base, k, out);
}

static void print_backends(const struct config_domain *d, FILE *out)
{
	fputs("\t\t\t\"backends\": [", out);
	for (size_t i = 0; i < d->n_backends; i++) {
		struct buf url = {0};

		config_print_backend(&d->backends[i], &url);
		buf_addc(&url, '\0');
		fputs(i ? ",\n\t\t\t\t{\"url\": " : "\n\t\t\t\t{\"url\": ", out);
		print_string(out, buf_data(&url));
		for (int j = 0; j < BACKEND_KEYS; j++) {
			fprintf(out, ", \"%s\": ", config_key_name(&backend_keys[j]));
			print_value(&d->backends[i], &backend_keys[j], out);
		}
		fputc('}', out);
		buf_clear(&url);
	}
	fputs("\n\t\t\t]", out);
}

static void print_domain(const struct config_domain *d, FILE *out)
{
	fputs("\t\t\t\"name\": ", out);
	print_string(out, d->name);
	fputs(",\n", out);
	print_backends(d, out);
	for (int i = 0; i < DOMAIN_KEYS; i++) {
		fputs(",\n", out);
		print_key(d, &domain_keys[i], "\t\t\t", out);
	}
}

static void print_certificates(const struct config *c, FILE *out)
{
	fputs(",\n\n\t// What listeners with TLS show, by the name asked for; the first is for all "
	      "others.\n\t\"certificates\": [",
	      out);
	for (size_t i = 0; i < c->n_certificates; i++) {
		const struct config_certificate *cert = &c->certificates[i];

		fputs(i ? ",\n\t\t{\"name\": " : "\n\t\t{\"name\": ", out);
		print_string(out, cert->name);
		fputs(", \"certificate\": ", out);
		print_string(out, cert->certificate);
		fputs(", \"key\": ", out);
		print_string(out, cert->key);
		fputc('}', out);
	}
	fputs(c->n_certificates ? "\n\t]" : "]", out);
}

static void print_lists(const struct config *c, FILE *out)
{
	char text[LISTEN_TEXT];

	fputs("\t// Where BOSH, WebSocket and files are served.\n\t\"listen\": [", out);
	for (size_t i = 0; i < c->n_listen; i++) {
		fputs(i ? ",\n\t\t{\"name\": " : "\n\t\t{\"name\": ", out);
		print_string(out, c->listen[i].name);
		fputs(", \"address\": ", out);
		print_string(out, listen_print(&c->listen[i].at, text));
		for (int j = 0; j < LISTEN_KEYS; j++) {
			fprintf(out, ", \"%s\": ", config_key_name(&listen_keys[j]));
			print_value(&c->listen[i], &listen_keys[j], out);
		}
		fputc('}', out);
	}
	fputs(
	    "\n\t],\n\n\t// The XMPP domains that are served, and their servers.\n\t\"domains\": [",
	    out);
	for (size_t i = 0; i < c->n_domains; i++) {
		fputs(i ? ",\n\t\t{\n" : "\n\t\t{\n", out);
		print_domain(&c->domains[i], out);
		fputs("\n\t\t}", out);
	}
	fputs("\n\t]", out);
	print_certificates(c, out);
	fputs(",\n\n\t// The web origins whose pages may connect; \"*\" alone for any.\n"
	      "\t\"origins\": [",
	      out);
	for (size_t i = 0; i < c->n_origins; i++) {
		fputs(i ? ", " : "", out);
		print_string(out, c->origins[i]);
	}
	fputs("]", out);
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
		print_key(c, k, dot ? "\t\t" : "\t", out);
		group = now;
	}
	fputs(group.n ? "\n\t}\n}\n" : "\n}\n", out);
}

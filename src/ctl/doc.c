/* Documents of the API. */
#include "ctl/doc.h"
#include "ctl/client.h"

#include <stdio.h>
#include <stdlib.h>

static yajl_val parse(struct buf *body)
{
	char problem[128];

	buf_addc(body, '\0');
	return yajl_tree_parse(buf_data(body), problem, sizeof(problem));
}

int doc_fault(int status, const struct buf *body)
{
	struct buf copy = buf_copy(buf_slice(body));
	yajl_val v = parse(&copy);
	const char *words = v ? doc_text(v, "error") : "";

	if (*words)
		fprintf(stderr, "fairleadctl: %s\n", words);
	else
		fprintf(stderr, "fairleadctl: Fairlead answered with status %d\n", status);
	yajl_tree_free(v);
	buf_clear(&copy);
	return CTL_REFUSED;
}

int doc_ask(const struct ctl *c, const char *target, const char *body, yajl_val *v)
{
	struct buf answer = {0};
	int status = client_ask(c->socket, target, body, &answer), code = CTL_FINE;

	if (v)
		*v = NULL;
	if (status < 0)
		return CTL_UNREACHABLE;
	if (status != 200) {
		code = doc_fault(status, &answer);
	} else if (c->json) {
		fwrite(buf_slice(&answer).p, 1, answer.len, stdout);
		putchar('\n');
	} else if (v && !(*v = parse(&answer))) {
		fputs("fairleadctl: what Fairlead answered is no JSON\n", stderr);
		code = CTL_REFUSED;
	}
	buf_clear(&answer);
	return code;
}

yajl_val doc_member(yajl_val v, const char *name)
{
	return yajl_tree_get(v, (const char *[]){name, NULL}, yajl_t_any);
}

const char *doc_text(yajl_val v, const char *name)
{
	yajl_val m = doc_member(v, name);

	return m && YAJL_IS_STRING(m) ? YAJL_GET_STRING(m) : "";
}

int64_t doc_number(yajl_val v, const char *name)
{
	yajl_val m = doc_member(v, name);

	return m && YAJL_IS_INTEGER(m) ? YAJL_GET_INTEGER(m) : -1;
}

bool doc_true(yajl_val v, const char *name)
{
	yajl_val m = doc_member(v, name);

	return m && YAJL_IS_TRUE(m);
}

size_t doc_length(yajl_val array)
{
	return array && YAJL_IS_ARRAY(array) ? YAJL_GET_ARRAY(array)->len : 0;
}

yajl_val doc_item(yajl_val array, size_t i)
{
	return YAJL_GET_ARRAY(array)->values[i];
}

void doc_escape(struct buf *b, const char *text)
{
	buf_addc(b, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < ' ')
			buf_addf(b, "\\u%04x", c);
		else
			buf_addc(b, *text);
	}
	buf_addc(b, '"');
}

void doc_query(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c))
			buf_addc(b, *text);
		else
			buf_addf(b, "%%%02X", c);
	}
}

/* Commands that only look: status, sessions, show, trace, link. */
#include "ctl/client.h"
#include "ctl/doc.h"
#include "ctl/print.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void problems(yajl_val v)
{
	size_t n = doc_length(v);

	for (size_t i = 0; i < n; i++) {
		yajl_val p = doc_item(v, i);
		int64_t since = doc_number(p, "since_ms");
		char age[PRINT_TEXT];

		printf("%s %s", strcmp(doc_text(p, "severity"), "error") == 0 ? "ERROR" : "WARN ",
		       doc_text(p, "text"));
		if (since >= 0)
			printf(" (for %s)", print_age(since, age));
		putchar('\n');
	}
	if (n)
		putchar('\n');
}

static void pair(yajl_val v, const char *name, const char *in, const char *out, bool size)
{
	char a[PRINT_TEXT], b[PRINT_TEXT];
	int64_t x = doc_number(v, in), y = doc_number(v, out);

	printf("  %-12s %s in, %s out\n", name, size ? print_size(x, a) : print_number(x, a),
	       size ? print_size(y, b) : print_number(y, b));
}

static void summary(yajl_val v)
{
	char a[PRINT_TEXT], b[PRINT_TEXT], c[PRINT_TEXT], d[PRINT_TEXT];

	printf("  %-12s %s: %s BOSH, %s WebSocket\n", "sessions",
	       print_number(doc_number(v, "sessions"), a), print_number(doc_number(v, "bosh"), b),
	       print_number(doc_number(v, "websocket"), c));
	printf("  %-12s %s open, %s detached, %s opening, %s closing\n", "",
	       print_number(doc_number(v, "open"), a), print_number(doc_number(v, "detached"), b),
	       print_number(doc_number(v, "opening"), c),
	       print_number(doc_number(v, "closing"), d));
	printf("  %-12s %s HTTP, %s WebSocket; %s requests held\n", "connections",
	       print_number(doc_number(v, "connections"), a),
	       print_number(doc_number(v, "websockets"), b),
	       print_number(doc_number(v, "requests_held"), c));
	pair(v, "stanzas", "stanzas_in", "stanzas_out", false);
	pair(v, "traffic", "bytes_in", "bytes_out", true);
	printf("  %-12s %s, %s failed\n", "logins", print_number(doc_number(v, "logins_total"), a),
	       print_number(doc_number(v, "login_failures_total"), b));
	printf("  %-12s %s, %s not proved to be delivered, %s queued\n", "refused",
	       print_number(doc_number(v, "refused"), a),
	       print_number(doc_number(v, "stanzas_unproved"), b),
	       print_size(doc_number(v, "queued_bytes"), c));
	printf("  %-12s %s, %s a session\n\n", "memory",
	       print_size(doc_number(v, "memory_bytes"), a),
	       print_size(doc_number(v, "memory_per_session_bytes"), b));
}

static void backends(yajl_val v)
{
	struct print_table t = {.columns = 7,
				.heads = {"BACKEND", "STATE", ">SESSIONS", ">CONNECTED", ">FAILED",
					  ">CONNECT", "PROBLEM"}};
	char text[PRINT_TEXT];

	for (size_t i = 0; i < doc_length(v); i++) {
		yajl_val b = doc_item(v, i);
		const char *state = doc_text(b, "state");

		print_cell(&t, doc_text(b, "name"));
		print_cell(&t, state);
		print_cell(&t, print_number(doc_number(b, "sessions"), text));
		print_cell(&t, print_number(doc_number(b, "connected_total"), text));
		print_cell(&t, print_number(doc_number(b, "failed_total"), text));
		print_cell(&t, print_age(doc_number(b, "connect_ms"), text));
		print_cell(&t, strcmp(state, "down") == 0 ? doc_text(b, "problem") : "");
	}
	if (t.n) {
		print_table(&t, "  ");
		putchar('\n');
	}
}

static void workers(yajl_val v)
{
	struct print_table t = {
	    .columns = 5,
	    .heads = {">WORKER", ">SESSIONS", ">CONNECTIONS", ">LOAD", ">LONGEST TURN"}};
	char text[PRINT_TEXT];

	for (size_t i = 0; i < doc_length(v); i++) {
		yajl_val w = doc_item(v, i);

		print_cell(&t, print_number(doc_number(w, "worker"), text));
		print_cell(&t, print_number(doc_number(w, "sessions"), text));
		print_cell(
		    &t,
		    print_number(doc_number(w, "connections") + doc_number(w, "websockets"), text));
		snprintf(text, sizeof(text), "%lld %%", (long long)doc_number(w, "load_percent"));
		print_cell(&t, text);
		snprintf(text, sizeof(text), "%.1f ms",
			 (double)doc_number(w, "turn_max_us") / 1000);
		print_cell(&t, text);
	}
	print_table(&t, "  ");
}

int ctl_status(struct ctl *c)
{
	char age[PRINT_TEXT];
	yajl_val v;
	int code;

	if (c->argc)
		return ctl_usage("status takes no arguments");
	code = doc_ask(c, "/api/status", NULL, &v);
	if (!v)
		return code;
	printf("Fairlead %s, up %s%s\n\n", doc_text(v, "version"),
	       print_age(doc_number(v, "uptime_ms"), age),
	       doc_true(v, "draining") ? ", draining" : "");
	problems(doc_member(v, "problems"));
	summary(v);
	backends(doc_member(v, "backends"));
	workers(doc_member(v, "workers"));
	yajl_tree_free(v);
	return CTL_FINE;
}

/* --- sessions --- */

static void row(struct print_table *t, yajl_val s)
{
	char text[PRINT_TEXT];

	print_cell(t, doc_text(s, "id"));
	print_cell(t, doc_text(s, "transport"));
	print_cell(t, doc_text(s, "state"));
	print_cell(t, *doc_text(s, "jid") ? doc_text(s, "jid") : doc_text(s, "domain"));
	print_cell(t, doc_text(s, "peer"));
	print_cell(t, print_age(doc_number(s, "age_ms"), text));
	print_cell(t, print_size(doc_number(s, "queued_bytes"), text));
	print_cell(t, print_number(doc_number(s, "stanzas_in"), text));
	print_cell(t, print_number(doc_number(s, "stanzas_out"), text));
}

static void list(yajl_val v)
{
	struct print_table t = {
	    .columns = 9,
	    .heads = {"ID", "TRANSPORT", "STATE", "WHO", "PEER", ">AGE", ">QUEUED", ">IN", ">OUT"}};
	yajl_val rows = doc_member(v, "list");
	size_t n = doc_length(rows);
	char a[PRINT_TEXT], b[PRINT_TEXT];

	for (size_t i = 0; i < n; i++)
		row(&t, doc_item(rows, i));
	if (n)
		print_table(&t, "");
	printf("%s%zu of %s that match, %s in all\n", n ? "\n" : "", n,
	       print_number(doc_number(v, "matched"), a), print_number(doc_number(v, "total"), b));
	for (size_t i = 0; i < doc_length(doc_member(v, "silent_workers")); i++)
		fprintf(stderr, "fairleadctl: a worker did not answer: its sessions are missing\n");
}

static const struct option filters[] = {
    {"transport", required_argument, NULL, 't'},
    {"domain", required_argument, NULL, 'd'},
    {"state", required_argument, NULL, 's'},
    {"sort", required_argument, NULL, 'o'},
    {"order", required_argument, NULL, 'r'},
    {"limit", required_argument, NULL, 'n'},
    {NULL, 0, NULL, 0},
};

static const char *filter_name(int option)
{
	for (const struct option *o = filters; o->name; o++)
		if (o->val == option)
			return o->name;
	return NULL;
}

int ctl_sessions(struct ctl *c)
{
	struct buf target = {0};
	int option, code;
	yajl_val v;

	BUF_LIT(&target, "/api/sessions?");
	optind = 0;
	opterr = 0;
	/* argv[0] is the command itself. */
	while ((option = getopt_long(c->argc + 1, c->argv - 1, "", filters, NULL)) != -1) {
		const char *name = filter_name(option);

		if (!name) {
			buf_clear(&target);
			return ctl_usage("sessions knows --transport, --domain, --state, --sort, "
					 "--order and --limit, each with a value, and a text");
		}
		buf_addf(&target, "%s=", name);
		doc_query(&target, optarg);
		buf_addc(&target, '&');
	}
	if (optind < c->argc) {
		buf_clear(&target);
		return ctl_usage("sessions takes one text that is searched for");
	}
	if (optind == c->argc) {
		BUF_LIT(&target, "q=");
		doc_query(&target, c->argv[optind - 1]);
	}
	buf_addc(&target, '\0');
	code = doc_ask(c, buf_data(&target), NULL, &v);
	buf_clear(&target);
	if (v)
		list(v);
	yajl_tree_free(v);
	return code;
}

/* --- one session --- */

/* "/api/sessions/ID" and what stands behind; the caller's. */
static struct buf target_of(const char *id, const char *behind)
{
	struct buf b = {0};

	BUF_LIT(&b, "/api/sessions/");
	doc_query(&b, id);
	buf_addz(&b, behind);
	buf_addc(&b, '\0');
	return b;
}

static void put_text(const char *text)
{
	char *clean = print_clean(text);

	fputs(clean, stdout);
	free(clean);
}

static void print_value(const char *name, yajl_val v)
{
	size_t n = strlen(name);
	char text[PRINT_TEXT];

	if (YAJL_IS_STRING(v))
		put_text(*YAJL_GET_STRING(v) ? YAJL_GET_STRING(v) : "-");
	else if (YAJL_IS_INTEGER(v) && n > 3 && strcmp(name + n - 3, "_ms") == 0)
		fputs(print_age(YAJL_GET_INTEGER(v), text), stdout);
	else if (YAJL_IS_INTEGER(v) && n > 6 && strcmp(name + n - 6, "_bytes") == 0)
		fputs(print_size(YAJL_GET_INTEGER(v), text), stdout);
	else if (YAJL_IS_INTEGER(v))
		printf("%lld", YAJL_GET_INTEGER(v));
	else
		fputs(YAJL_IS_TRUE(v) ? "yes" : YAJL_IS_FALSE(v) ? "no" : "-", stdout);
}

static void print_members(yajl_val v, int deep);

static void print_items(yajl_val v, int deep)
{
	for (size_t i = 0; i < doc_length(v); i++) {
		yajl_val item = doc_item(v, i);

		if (YAJL_IS_OBJECT(item)) {
			printf("%*s", deep * 2, "");
			for (size_t k = 0; k < YAJL_GET_OBJECT(item)->len; k++) {
				const char *name = YAJL_GET_OBJECT(item)->keys[k];

				printf("%s%s ", k ? ", " : "", name);
				print_value(name, YAJL_GET_OBJECT(item)->values[k]);
			}
			putchar('\n');
		} else {
			printf("%*s", deep * 2, "");
			print_value("", item);
			putchar('\n');
		}
	}
}

static void print_members(yajl_val v, int deep)
{
	for (size_t i = 0; i < YAJL_GET_OBJECT(v)->len; i++) {
		const char *name = YAJL_GET_OBJECT(v)->keys[i];
		yajl_val m = YAJL_GET_OBJECT(v)->values[i];

		printf("%*s%-*s ", deep * 2, "", 20 - deep * 2, name);
		if (YAJL_IS_OBJECT(m) && deep < 4) {
			putchar('\n');
			print_members(m, deep + 1);
		} else if (YAJL_IS_ARRAY(m)) {
			putchar('\n');
			print_items(m, deep + 1);
		} else {
			print_value(name, m);
			putchar('\n');
		}
	}
}

int ctl_show(struct ctl *c)
{
	struct buf target;
	yajl_val v;
	int code;

	if (c->argc != 1)
		return ctl_usage("show wants one session's id, as `sessions` lists it");
	target = target_of(c->argv[0], "");
	code = doc_ask(c, buf_data(&target), NULL, &v);
	buf_clear(&target);
	if (v && YAJL_IS_OBJECT(v))
		print_members(v, 0);
	yajl_tree_free(v);
	return code;
}

static bool trace_json, trace_ended;
static char trace_event[32];

static void trace_print(yajl_val v)
{
	if (strcmp(trace_event, "stanza") == 0) {
		fputs(strcmp(doc_text(v, "from"), "client") == 0 ? "-> " : "<- ", stdout);
		put_text(doc_text(v, "xml"));
		putchar('\n');
	} else if (strcmp(trace_event, "note") == 0) {
		printf("-- %s\n", doc_text(v, "text"));
	} else if (strcmp(trace_event, "end") == 0) {
		printf("== the session has ended: %s (%s)\n", doc_text(v, "reason"),
		       doc_text(v, "text"));
	}
}

static bool trace_line(struct slice line)
{
	char problem[128], *data;
	yajl_val v;

	if (slice_starts(line, SLICE("event: "))) {
		snprintf(trace_event, sizeof(trace_event), "%.*s", (int)line.n - 7, line.p + 7);
	} else if (slice_starts(line, SLICE("data: "))) {
		data = strndup(line.p + 6, line.n - 6);
		if (trace_json) {
			printf("%s\n", data);
		} else if ((v = yajl_tree_parse(data, problem, sizeof(problem)))) {
			trace_print(v);
			yajl_tree_free(v);
		}
		free(data);
		fflush(stdout);
		trace_ended = strcmp(trace_event, "end") == 0;
	}
	return !trace_ended;
}

int ctl_trace(struct ctl *c)
{
	struct buf target, body = {0};
	int status, code;

	if (c->argc != 1)
		return ctl_usage("trace wants one session's id, as `sessions` lists it");
	target = target_of(c->argv[0], "/trace");
	trace_json = c->json;
	status = client_follow(c->socket, buf_data(&target), trace_line, &body);
	if (status == 200 && !trace_ended) {
		fputs(
		    "fairleadctl: Fairlead ended the trace: it is gone, or this reader too slow\n",
		    stderr);
		code = CTL_UNREACHABLE;
	} else {
		code = status == 200 ? CTL_FINE
		       : status < 0  ? CTL_UNREACHABLE
				     : doc_fault(status, &body);
	}
	buf_clear(&target);
	buf_clear(&body);
	return code;
}

int ctl_link(struct ctl *c)
{
	yajl_val v;
	int code;

	if (c->argc)
		return ctl_usage("link takes no arguments");
	code = doc_ask(c, "/api/link", NULL, &v);
	if (v)
		puts(doc_text(v, "url"));
	yajl_tree_free(v);
	return code;
}

/*
 * The load generator. Sessions exchange one message at a time (or stay
 * idle) through a relay, and the relay's CPU time or memory is read from
 * outside. Prints one line of JSON; ends with 1 when anything was lost,
 * repeated, mangled or refused.
 */
#include "client.h"
#include "echo.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOGINS = 50,	  /* at once */
	STUCK_MS = 15000, /* without any progress: give up */
	SUB_BUCKETS = 32, /* of each power of two in the latency histogram */
	BUCKETS = 64 * SUB_BUCKETS,
};

static struct client **clients;
static unsigned count, wanted = 100;
static double warmup = 1, duration = 5, settle = 2;
static int relay_pid, serve_port = -1;
static unsigned steps[8], step_count;

static uint64_t histogram[BUCKETS], measured;
static bool measuring;

static void note_latency(uint64_t ns)
{
	unsigned shift, bucket;

	if (!measuring)
		return;
	shift = ns < SUB_BUCKETS ? 0 : (unsigned)(63 - __builtin_clzll(ns)) - 5;
	bucket =
	    (shift + (ns >= SUB_BUCKETS)) * SUB_BUCKETS + (unsigned)(ns >> shift) % SUB_BUCKETS;
	histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	measured++;
}

static double percentile_us(double share)
{
	uint64_t rank = (uint64_t)((double)measured * share), seen = 0;
	unsigned i = 0, shift;

	while (i < BUCKETS - 1 && (seen += histogram[i]) <= rank)
		i++;
	if (i < SUB_BUCKETS)
		return i / 1000.0;
	shift = i / SUB_BUCKETS - 1;
	return (double)((uint64_t)(SUB_BUCKETS + i % SUB_BUCKETS) << shift) / 1000.0;
}

/* Turns the loop until *done has reached its goal; everything that moves
 * counts as life, for a stuck session must not hang the run. */
static void turn_until(const uint64_t *done, uint64_t goal, const char *what)
{
	uint64_t last = *done, since = now_ns();

	while (*done < goal) {
		net_turn(100);
		if (*done != last) {
			last = *done;
			since = now_ns();
		} else if (now_ns() - since > STUCK_MS * 1000000ull) {
			for (unsigned i = 0; i < count; i++)
				if (clients[i]->phase != PHASE_READY &&
				    clients[i]->phase != PHASE_GONE)
					client_fail(clients[i], what, "stuck", 5);
			die("%s: stuck at %llu of %llu", what, (unsigned long long)*done,
			    (unsigned long long)goal);
		}
	}
}

static void turn_for(double seconds)
{
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9), now;

	while ((now = now_ns()) < end)
		net_turn((int)((end - now) / 1000000) + 1);
}

static void log_in(unsigned total)
{
	while (count < total) {
		unsigned batch = total - count > LOGINS ? LOGINS : total - count;

		while (batch-- > 0) {
			clients[count] = client_new(count + 1);
			count++;
		}
		turn_until(&totals.ready, count, "login");
	}
}

static void log_out(void)
{
	for (unsigned i = 0; i < count; i++)
		client_leave(clients[i]);
	turn_until(&totals.gone, count, "logout");
}

static void measure_idle(void)
{
	long pss[8];

	printf("{\"mode\": \"%s\", \"idle\": [", options.front->name);
	for (unsigned i = 0; i < step_count; i++) {
		log_in(steps[i]);
		turn_for(settle);
		pss[i] = pss_bytes(relay_pid);
		printf("%s[%u, %ld]", i > 0 ? ", " : "", steps[i], pss[i]);
	}
	if (step_count > 1)
		printf("], \"bytes_per_session\": %.0f}\n",
		       (double)(pss[step_count - 1] - pss[0]) / (steps[step_count - 1] - steps[0]));
	else
		printf("]}\n");
}

static void measure_echo(void)
{
	uint64_t wall, cpu = 0, own, trips;

	log_in(wanted);
	totals.running = true;
	for (unsigned i = 0; i < count; i++)
		client_fire(clients[i]);
	turn_for(warmup);

	measuring = true;
	trips = totals.echoed;
	own = cpu_ns(getpid());
	cpu = relay_pid ? cpu_ns(relay_pid) : 0;
	wall = now_ns();
	turn_for(duration);
	cpu = relay_pid ? cpu_ns(relay_pid) - cpu : 0;
	wall = now_ns() - wall;
	own = cpu_ns(getpid()) - own;
	trips = totals.echoed - trips;
	measuring = false;

	totals.running = false;
	turn_until(&totals.echoed, totals.sent, "last echo");
	log_out();
	if (totals.echoed != totals.sent)
		die("%llu sent, %llu echoed", (unsigned long long)totals.sent,
		    (unsigned long long)totals.echoed);
	if (trips == 0)
		die("no round trip in %.1f s", duration);
	printf("{\"mode\": \"%s\", \"sessions\": %u, \"seconds\": %.3f, \"trips\": %llu, "
	       "\"per_second\": %.0f, \"relay_us\": %.3f, \"relay_share\": %.3f, "
	       "\"load_share\": %.3f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"p999_us\": %.0f, "
	       "\"sent\": %llu, \"echoed\": %llu}\n",
	       options.front->name, count, (double)wall / 1e9, (unsigned long long)trips,
	       (double)trips * 1e9 / (double)wall, (double)cpu / 1e3 / (double)trips,
	       (double)cpu / (double)wall, (double)own / (double)wall, percentile_us(0.5),
	       percentile_us(0.99), percentile_us(0.999), (unsigned long long)totals.sent,
	       (unsigned long long)totals.echoed);
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: load -p PORT [options] tcp|bosh|ws\n"
		"  -n N         sessions (100)\n"
		"  -w SECONDS   warm-up (1)\n"
		"  -d SECONDS   measured time (5)\n"
		"  -i N,N,...   idle sessions instead: memory at each of these counts\n"
		"  -t SECONDS   idle: wait before reading the memory (2)\n"
		"  -P PID       the relay, whose CPU time or memory is read\n"
		"  -s PORT      be the XMPP server too, on this port\n"
		"  -D DOMAIN    (bench.example)    -u PATH  of the requests\n"
		"  -a USER:PASSWORD (bench:bench)  -B       headers as a browser sends them\n");
	exit(2);
}

static void parse_steps(char *text)
{
	for (char *s = strtok(text, ","); s != NULL; s = strtok(NULL, ",")) {
		if (step_count == sizeof(steps) / sizeof(steps[0]))
			usage();
		steps[step_count++] = (unsigned)atoi(s);
		wanted = steps[step_count - 1];
	}
	options.idle = true;
}

static void parse_account(char *text)
{
	char *colon = strchr(text, ':');

	if (colon == NULL)
		usage();
	*colon = 0;
	options.user = text;
	options.password = colon + 1;
}

static void parse(int argc, char **argv)
{
	static const struct front *const fronts[] = {&front_tcp, &front_bosh, &front_ws};
	int c;

	options.domain = "bench.example";
	options.user = options.password = "bench";
	while ((c = getopt(argc, argv, "p:n:w:d:i:t:P:s:D:u:a:B")) != -1) {
		switch (c) {
		case 'p': options.port = atoi(optarg); break;
		case 'n': wanted = (unsigned)atoi(optarg); break;
		case 'w': warmup = atof(optarg); break;
		case 'd': duration = atof(optarg); break;
		case 'i': parse_steps(optarg); break;
		case 't': settle = atof(optarg); break;
		case 'P': relay_pid = atoi(optarg); break;
		case 's': serve_port = atoi(optarg); break;
		case 'D': options.domain = optarg; break;
		case 'u': options.path = optarg; break;
		case 'a': parse_account(optarg); break;
		case 'B': options.browser = true; break;
		default: usage();
		}
	}
	for (unsigned i = 0; i < 3 && optind == argc - 1; i++)
		if (strcmp(argv[optind], fronts[i]->name) == 0)
			options.front = fronts[i];
	if (options.front == NULL || options.port <= 0 || wanted == 0 || wanted > 99999 ||
	    (options.idle && relay_pid == 0))
		usage();
	if (options.path == NULL)
		options.path = options.front->path;
}

static void forget(void)
{
	for (unsigned i = 0; i < count; i++) {
		free(clients[i]->wire);
		free(clients[i]->c.in.p);
		free(clients[i]->c.out.p);
		free(clients[i]);
	}
	free(clients);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	net_init();
	if (serve_port >= 0)
		echo_listen(serve_port, options.domain);
	client_echoed = note_latency;
	clients = must_alloc(wanted * sizeof(struct client *));
	if (options.idle)
		measure_idle();
	else
		measure_echo();
	forget();
	return 0;
}

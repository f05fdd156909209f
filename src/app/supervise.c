/* The main thread. Without a service manager that wants to be told it sleeps until a signal comes.
 */
#include "app/supervise.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	STATUS_EVERY = 5000, /* ms between two looks at what there is to tell */
	ENDING_EVERY = 1000, /* the same while it ends */
	ENDING_ROOM = 10000, /* ms that it asks for in each of those, and has beyond the deadline */
	FOREVER = 3600000    /* ms: as long as nothing has to be done */
};

static sigset_t awaited(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

void supervise_block_signals(void)
{
	sigset_t set = awaited();

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_DFL); /* nohup ignores it, and what is ignored cannot be waited for */
	sigprocmask(SIG_BLOCK, &set, NULL);
}

bool supervise_init(struct supervise *s, struct app *app)
{
	bool good;

	*s = (struct supervise){.app = app};
	good = notify_init(&s->notify, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_USEC"),
			   getenv("WATCHDOG_PID"), getpid());
	if (!good)
		log_error("start",
			  "problem=\"NOTIFY_SOCKET is neither a path nor a name behind @\"");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return good;
}

void supervise_clear(struct supervise *s)
{
	notify_clear(&s->notify);
}

static void ask(const struct supervise *s)
{
	for (int i = 0; i < s->app->n; i++) {
		struct letter *l = letter_new(LETTER_BEAT);

		l->u.serial = s->pulse.asked;
		worker_post(s->app->workers[i], l);
	}
}

static void give_sign(struct supervise *s, int64_t now)
{
	uint32_t answers[WORKERS_MAX];
	size_t who, n = (size_t)s->app->n;

	for (size_t i = 0; i < n; i++)
		answers[i] = atomic_load_explicit(&s->app->workers[i]->beat, memory_order_relaxed);
	switch (pulse_look(&s->pulse, answers, n, now, &who)) {
	case PULSE_BEAT:
		notify_send(&s->notify, "WATCHDOG=1");
		ask(s);
		break;
	case PULSE_LATE:
		log_warn("watchdog",
			 "worker=%zu problem=\"its turn does not come round\" text=\"no sign of "
			 "life is given to the service manager until it does\"",
			 who);
		break;
	default: break;
	}
}

/* Patience is asked for as long as an end in order may take: at shutdown.deadline the workers drop
 * what is left. One that is not gone long after that hangs, and is the service manager's to kill.
 */
static void tell(struct supervise *s, bool ending, int64_t now)
{
	const struct app *app = s->app;
	unsigned load = 0, sessions = atomic_load_explicit(&app->sessions, memory_order_relaxed);
	char text[sizeof(s->status)];

	for (int i = 0; i < app->n; i++)
		load += atomic_load_explicit(&app->workers[i]->load, memory_order_relaxed);
	snprintf(text, sizeof(text), "STATUS=%s%u sessions, %u connections",
		 ending ? "ending: " : "", sessions, load);
	if (ending && now < s->patience_until)
		notify_send(&s->notify, "EXTEND_TIMEOUT_USEC=%d\n%s", ENDING_ROOM * 1000, text);
	else if (strcmp(text, s->status) != 0)
		notify_send(&s->notify, "%s", text);
	memcpy(s->status, text, sizeof(text));
}

/* Does what is due; ms until something is again. */
static int64_t look(struct supervise *s, bool ending)
{
	int64_t now = worker_clock(), every = ending ? ENDING_EVERY : STATUS_EVERY, next;

	if (s->notify.fd < 0)
		return FOREVER;
	if (now >= s->status_due) {
		s->status_due = now + every;
		tell(s, ending, now);
	}
	give_sign(s, now);
	next = s->status_due;
	if (s->pulse.every && s->pulse.due < next)
		next = s->pulse.due;
	return next > now ? next - now : 1;
}

static void reload_all(struct supervise *s, void (*reload)(void *), void *arg)
{
	/* In microseconds, for systemd takes no stamp from before its signal. */
	notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
		    (unsigned long long)worker_clock_us());
	if (reload)
		reload(arg);
	notify_send(&s->notify, "READY=1\n%s", s->status);
}

static void begin_end(struct supervise *s)
{
	notify_send(&s->notify, "STOPPING=1");
	s->status_due = 0;
	s->patience_until = worker_clock() + s->app->config->shutdown_deadline * 1000 + ENDING_ROOM;
}

void supervise_run(struct supervise *s, void (*reload)(void *), void *arg)
{
	sigset_t set = awaited();

	pulse_init(&s->pulse, s->notify.watchdog, worker_clock());
	ask(s);
	notify_send(&s->notify, "READY=1");
	for (;;) {
		int64_t ms = look(s, false);
		struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
		int sig = sigtimedwait(&set, NULL, &wait);

		if (sig == SIGHUP) {
			reload_all(s, reload, arg);
		} else if (sig > 0) {
			log_info("stop", "signal=%s", strsignal(sig));
			begin_end(s);
			return;
		}
	}
}

void supervise_await(struct supervise *s)
{
	struct app *app = s->app;
	int left = app->n;

	while (left) {
		int64_t ms = look(s, true);
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += ms / 1000;
		until.tv_nsec += ms % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		while (left && sem_timedwait(&app->done, &until) == 0)
			left--;
	}
}

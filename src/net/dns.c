/* The channel to the name servers. c-ares calls back whenever it likes, also from within the
 * asking; answers are therefore put on a list and delivered from the loop, where c-ares is not on
 * the stack. */
#include "net/dns_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "net/clock.h"
#include "net/sockaddr.h"

enum { TIMEOUT_MS = 1500, TRIES = 3, CHECK_MS = 5000 };

struct dns_sock {
	struct dns_sock *next;
	struct dns *dns;
	ev_io io;
};

void dns_rearm(struct dns *d)
{
	struct timeval tv, *t = ares_timeout(d->channel, NULL, &tv);
	bool ready = d->ready != NULL;

	ev_timer_stop(d->loop, &d->timer);
	if (!ready && !t)
		return;
	ev_timer_set(&d->timer, ready ? 0. : (double)t->tv_sec + (double)t->tv_usec / 1e6, 0.);
	ev_timer_start(d->loop, &d->timer);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct dns *d = io->data;

	(void)loop;
	ares_process_fd(d->channel, events & EV_READ ? io->fd : ARES_SOCKET_BAD,
			events & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
	dns_deliver(d); /* io may be gone */
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct dns *d = timer->data;

	(void)loop, (void)events;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	dns_deliver(d);
}

/* c-ares says what it waits for; neither reading nor writing: it is about to close the socket. */
static void on_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = data;
	struct dns_sock **at = &d->socks, *s;

	while (*at && (*at)->io.fd != fd)
		at = &(*at)->next;
	s = *at;
	if (s)
		ev_io_stop(d->loop, &s->io);
	if (!readable && !writable) {
		if (s)
			*at = s->next;
		free(s);
		return;
	}
	if (!s) {
		s = mem_zalloc(sizeof(*s));
		s->next = d->socks;
		d->socks = s;
		ev_init(&s->io, on_socket);
		s->io.data = d;
	}
	ev_io_set(&s->io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	ev_io_start(d->loop, &s->io);
}

static int open_channel(struct dns *d, ares_channel *channel)
{
	struct ares_options o = {.timeout = d->timeout,
				 .tries = TRIES,
				 .sock_state_cb = on_state,
				 .sock_state_cb_data = d,
				 .resolvconf_path = (char *)d->resolv_conf};
	int rc = ares_init_options(channel, &o,
				   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
				       ARES_OPT_RESOLVCONF);

	if (rc == ARES_SUCCESS && d->servers) {
		rc = ares_set_servers_ports_csv(*channel, d->servers);
		if (rc != ARES_SUCCESS)
			ares_destroy(*channel);
	}
	return rc;
}

/* What c-ares would read now; all 0 where there is no file. False where it could not read the one
 * that is there: it would ask 127.0.0.1 then. */
static bool look(const struct dns *d, struct stat *st)
{
	int fd = open(d->resolv_conf, O_RDONLY | O_CLOEXEC);
	bool good;

	memset(st, 0, sizeof(*st));
	if (fd < 0)
		return errno == ENOENT;
	good = fstat(fd, st) == 0;
	close(fd);
	return good;
}

/* What is in flight comes back as destroyed, and is asked again over the new channel. */
static bool renew(struct dns *d)
{
	ares_channel old = d->channel, fresh;
	int rc = open_channel(d, &fresh);

	if (rc != ARES_SUCCESS) {
		log_error("resolver", "problem=\"%s\"", ares_strerror(rc));
		return false;
	}
	d->renewing = true;
	ares_destroy(old);
	d->renewing = false;
	d->channel = fresh;
	dns_expire_all(d);
	for (struct lookup *l = d->newest; l; l = l->older)
		if (l->flying)
			dns_fly(l);
	return true;
}

static void check_resolv_conf(struct dns *d)
{
	int64_t now = d->clock();
	struct stat st;

	if (d->servers || now - d->seen_at < CHECK_MS)
		return;
	d->seen_at = now;
	if (!look(d, &st))
		return; /* it may be about to be put there: the servers stay until the next look */
	if (st.st_ino == d->seen.st_ino && st.st_size == d->seen.st_size &&
	    st.st_mtim.tv_sec == d->seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == d->seen.st_mtim.tv_nsec)
		return;
	d->seen = st;
	if (renew(d))
		log_info("resolver", "reread=%s", d->resolv_conf);
}

struct dns *dns_new(struct ev_loop *loop)
{
	struct dns *d = mem_zalloc(sizeof(*d));
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	d->loop = loop;
	d->clock = clock_ms;
	d->timeout = TIMEOUT_MS;
	d->resolv_conf = "/etc/resolv.conf";
	d->ready_tail = &d->ready;
	random_bytes(d->seed, sizeof(d->seed));
	ev_init(&d->timer, on_timer);
	d->timer.data = d;
	look(d, &d->seen);
	d->seen_at = d->clock();
	if (rc == ARES_SUCCESS)
		rc = open_channel(d, &d->channel);
	if (rc != ARES_SUCCESS) {
		log_error("resolver", "problem=\"%s\"", ares_strerror(rc));
		abort();
	}
	return d;
}

bool dns_servers(struct dns *d, const char *list)
{
	char *before = d->servers;
	bool good;

	d->servers = mem_strdup(list);
	good = renew(d);
	free(good ? before : d->servers);
	if (!good)
		d->servers = before;
	dns_rearm(d);
	return good;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	assert(!d->ready);
	d->renewing = true;
	ares_destroy(d->channel);
	ares_library_cleanup();
	assert(!d->socks);
	dns_cache_clear(d);
	ev_timer_stop(d->loop, &d->timer);
	free(d->servers);
	free(d);
}

/* Alike for both kinds: what was destroyed with its channel is not answered. */
static bool answered(const struct lookup *l, int status)
{
	return !(l->dns->renewing && status == ARES_EDESTRUCTION);
}

/* A TTL with its top bit set counts as 0 (RFC 2181 8). */
static void shorten(uint32_t *ttl, int other)
{
	if (other < 0)
		other = 0;
	if ((uint32_t)other < *ttl)
		*ttl = (uint32_t)other;
}

static void keep_address(struct lookup *l, const struct ares_addrinfo_node *a, uint32_t *ttl)
{
	bool v4 = l->type == DNS_A;

	if (l->n == DNS_ADDRS_MAX || a->ai_family != (v4 ? AF_INET : AF_INET6))
		return;
	l->addrs[l->n] = sockaddr_read(a->ai_addr);
	/* A v4-mapped one is no IPv6 address. */
	if (l->addrs[l->n].family != (v4 ? ADDR_V4 : ADDR_V6))
		return;
	l->addrs[l->n++].port = 0;
	shorten(ttl, a->ai_ttl);
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct lookup *l = arg;
	uint32_t ttl = DNS_TTL_MAX;

	(void)timeouts;
	if (info) {
		l->addrs = mem_alloc(DNS_ADDRS_MAX * sizeof(*l->addrs));
		for (struct ares_addrinfo_node *a = info->nodes; a; a = a->ai_next)
			keep_address(l, a, &ttl);
		for (struct ares_addrinfo_cname *c = info->cnames; c; c = c->next)
			shorten(&ttl, c->ttl);
		ares_freeaddrinfo(info);
	}
	if (answered(l, status))
		dns_land(l, status, l->n ? ttl : DNS_TTL_FAILED);
}

static void on_services(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct lookup *l = arg;
	uint32_t ttl = DNS_TTL_FAILED;
	int n = 0;

	(void)timeouts;
	if (answer && len > 0) {
		l->srv = mem_alloc(DNS_SRVS_MAX * sizeof(*l->srv));
		n = dns_srv_parse(answer, (size_t)len, l->srv,
				  status == ARES_SUCCESS ? DNS_SRVS_MAX : 0, &ttl);
	}
	if (status == ARES_SUCCESS && n < 0)
		status = ARES_EBADRESP;
	l->n = n > 0 ? (size_t)n : 0;
	if (answered(l, status))
		dns_land(l, status, ttl);
}

static bool is_in_hosts(const struct lookup *l, int family)
{
	struct hostent *host;

	if (ares_gethostbyname_file(l->dns->channel, l->name, family, &host) != ARES_SUCCESS)
		return false;
	ares_free_hostent(host);
	return true;
}

/* What /etc/hosts says of a name it says of both families: of the one that does not stand there,
 * c-ares would ask the name servers. */
static bool is_settled(const struct lookup *l)
{
	return is_in_hosts(l, l->type == DNS_A ? AF_INET6 : AF_INET) &&
	       !is_in_hosts(l, l->type == DNS_A ? AF_INET : AF_INET6);
}

void dns_fly(struct lookup *l)
{
	/* Addresses stay in the order of the answer, which name servers turn to spread the load. */
	struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT,
					    .ai_family = l->type == DNS_A ? AF_INET : AF_INET6,
					    .ai_socktype = SOCK_STREAM};

	if (!l->flying)
		check_resolv_conf(l->dns);
	l->flying = true;
	if (l->type == DNS_SRV)
		ares_query(l->dns->channel, l->name, 1, 33, on_services, l);
	else if (is_settled(l))
		dns_land(l, ARES_ENODATA, DNS_TTL_MIN);
	else
		ares_getaddrinfo(l->dns->channel, l->name, NULL, &hints, on_addresses, l);
}

/* Host metadata. The two documents are small and asked for once in a client's life, so they are
 * written anew each time. */
#include "proto/hostmeta.h"
#include "base/num.h"
#include "proto/xml.h"

#define NS_XRD "http://docs.oasis-open.org/ns/xri/xrd-1.0"
#define REL "urn:xmpp:alt-connections:"

/* RFC 2782: the lower is tried first. Weights choose among equals, and there are none. */
enum { PRIORITY_WEBSOCKET = 10, PRIORITY_BOSH = 20 };

static bool is_set(const char *url)
{
	return url && *url;
}

bool hostmeta_any(const struct hostmeta *m)
{
	return is_set(m->bosh) || is_set(m->websocket);
}

/* --- URLs --- */

/* What stands between "scheme://" and the path. */
static struct slice authority(struct slice url)
{
	size_t from = 0, n = 0;

	while (from + 2 < url.n && memcmp(url.p + from, "://", 3) != 0)
		from++;
	if (from + 2 >= url.n)
		return SLICE_NONE;
	from += 3;
	while (from + n < url.n && !strchr("/?", url.p[from + n]))
		n++;
	return slice_of(url.p + from, n);
}

/* The host, an IPv6 address with its brackets; what follows it stays in *a. */
static struct slice host(struct slice *a)
{
	size_t n = 0;

	if (a->n && a->p[0] == '[') {
		while (n < a->n && a->p[n] != ']')
			n++;
		n += n < a->n;
	} else {
		while (n < a->n && a->p[n] != ':')
			n++;
	}
	*a = slice_of(a->p + n, a->n - n);
	return slice_of(a->p - n, n);
}

static bool host_valid(struct slice h)
{
	bool v6 = h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';

	if (v6)
		h = slice_of(h.p + 1, h.n - 2);
	for (size_t i = 0; i < h.n; i++) {
		char c = h.p[i];

		if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
		    !(v6 ? c == ':' || c == '.' : c == '-' || c == '.' || c == '_'))
			return false;
	}
	return h.n > 0 && h.n <= 253;
}

static bool port_valid(struct slice p)
{
	return p.n == 0 || (p.p[0] == ':' && num_parse(slice_of(p.p + 1, p.n - 1), 65535) > 0);
}

bool hostmeta_url_valid(struct slice url, const char *scheme)
{
	size_t n = strlen(scheme);
	struct slice rest, name;

	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~' || strchr("\"<>\\^`{|}#", url.p[i]))
			return false;
	if (url.n < n + 3 || memcmp(url.p, scheme, n) != 0 || memcmp(url.p + n, "://", 3) != 0)
		return false;
	rest = authority(url);
	name = host(&rest);
	return host_valid(name) && port_valid(rest);
}

struct slice hostmeta_host(struct slice url)
{
	struct slice rest = authority(url), name = host(&rest);

	if (name.n == 0 || name.p[0] == '[')
		return SLICE_NONE;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != '.' && (name.p[i] < '0' || name.p[i] > '9'))
			return name;
	return SLICE_NONE;
}

void hostmeta_origin(struct buf *out, struct slice url)
{
	struct slice port = authority(url), name = host(&port);

	BUF_LIT(out, "https://");
	buf_adds(out, name);
	if (!slice_is(port, ":443"))
		buf_adds(out, port);
}

/* --- the documents --- */

static void xrd_link(struct buf *out, const char *kind, const char *url)
{
	if (!is_set(url))
		return;
	BUF_LIT(out, "\t<Link rel=\"" REL);
	buf_addz(out, kind);
	BUF_LIT(out, "\" href=\"");
	xml_escape(out, slice_str(url));
	BUF_LIT(out, "\"/>\n");
}

void hostmeta_xrd(struct buf *out, const struct hostmeta *m)
{
	BUF_LIT(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<XRD xmlns=\"" NS_XRD "\">\n");
	xrd_link(out, "xbosh", m->bosh);
	xrd_link(out, "websocket", m->websocket);
	BUF_LIT(out, "</XRD>\n");
}

static void jrd_addresses(struct buf *out, const char *ips)
{
	struct slice rest = slice_str(ips);
	bool first = true;

	BUF_LIT(out, ", \"ips\": [");
	while (rest.n) {
		struct slice ip = slice_trim(slice_cut(&rest, ','));

		if (ip.n == 0)
			continue;
		buf_addz(out, first ? "\"" : ", \"");
		buf_adds(out, ip);
		buf_addc(out, '"');
		first = false;
	}
	buf_addc(out, ']');
}

/* XEP-0487 2.1: all or nothing, for a client that finds "xmpp" looks nowhere else. */
static void jrd_link(struct buf *out, const struct hostmeta *m, const char *kind, const char *url,
		     int priority, bool *first)
{
	if (!is_set(url))
		return;
	buf_addz(out, *first ? "\n" : ",\n");
	*first = false;
	BUF_LIT(out, "\t\t{\"rel\": \"" REL);
	buf_addz(out, kind);
	BUF_LIT(out, "\", \"href\": \"");
	buf_addz(out, url);
	buf_addc(out, '"');
	if (is_set(m->ips)) {
		buf_addf(out, ", \"priority\": %d, \"weight\": 0, \"sni\": \"", priority);
		buf_adds(out, hostmeta_host(slice_str(url)));
		buf_addc(out, '"');
		jrd_addresses(out, m->ips);
	}
	buf_addc(out, '}');
}

void hostmeta_jrd(struct buf *out, const struct hostmeta *m)
{
	bool first = true;

	BUF_LIT(out, "{\n");
	if (is_set(m->ips))
		buf_addf(out, "\t\"xmpp\": {\"ttl\": %lld},\n", (long long)m->ttl);
	BUF_LIT(out, "\t\"links\": [");
	jrd_link(out, m, "xbosh", m->bosh, PRIORITY_BOSH, &first);
	jrd_link(out, m, "websocket", m->websocket, PRIORITY_WEBSOCKET, &first);
	BUF_LIT(out, "\n\t]\n}\n");
}

/* The last words of an RFC 7395 front: which error, in which framing, and <close/>. */
#include "proto/wsfront_priv.h"

/* The server's error, which lacks only the declaration of `stream`. */
static void server_error(struct buf *out, struct slice detail)
{
	struct slice name, value;
	struct xml_tag t;
	size_t at;

	if (!xml_tag_open(&t, detail))
		return;
	at = (size_t)(t.name.p + t.name.n - detail.p);
	buf_add(out, detail.p, at);
	if (slice_starts(t.name, SLICE("stream:"))) {
		while (xml_tag_next(&t, &name, &value))
			if (slice_is(name, "xmlns:stream"))
				break;
		if (!slice_is(name, "xmlns:stream"))
			BUF_LIT(out, " xmlns:stream='" NS_STREAM "'");
	}
	buf_add(out, detail.p + at, detail.n - at);
}

static void own_error(struct buf *out, enum reason r, bool with_text)
{
	BUF_LIT(out, "<stream:error xmlns:stream='" NS_STREAM "'><");
	buf_addz(out, reason_stream_error(r));
	BUF_LIT(out, " xmlns='" NS_STREAM_ERRORS "'/>");
	if (with_text) {
		BUF_LIT(out, "<text xmlns='" NS_STREAM_ERRORS "' xml:lang='en'>");
		xml_escape(out, slice_str(reason_text(r)));
		BUF_LIT(out, "</text>");
	}
	BUF_LIT(out, "</stream:error>");
}

/* A client of the draft before RFC 7395 looks for a stream header; it gets its error in that
 * framing. */
static void part_in_draft_framing(struct wsfront *w)
{
	size_t mark = ws_begin(&w->out);

	BUF_LIT(&w->out,
		"<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "' version='1.0'>");
	ws_end(&w->out, mark);
	mark = ws_begin(&w->out);
	own_error(&w->out, w->reason, true);
	ws_end(&w->out, mark);
	mark = ws_begin(&w->out);
	BUF_LIT(&w->out, "</stream:stream>");
	ws_end(&w->out, mark);
}

/* RFC 7395 3.6.1. Clients that know it follow it in place of <open/>, so there is none before it.
 */
static void part_for(struct wsfront *w, const char *uri)
{
	size_t mark = ws_begin(&w->out);

	BUF_LIT(&w->out, "<close xmlns=\"" NS_FRAMING "\" see-other-uri=\"");
	xml_escape(&w->out, slice_str(uri));
	BUF_LIT(&w->out, "\" />");
	ws_end(&w->out, mark);
}

/* RFC 7395 3.5: an error before the stream is open comes behind an <open/> all the same. */
static void part_with(struct wsfront *w, struct slice detail)
{
	enum reason r = w->reason;
	bool error = detail.n || *reason_stream_error(r);
	size_t mark;

	if (w->owed || (error && !w->greeted))
		wsfront_greet(w);
	if (error) {
		mark = ws_begin(&w->out);
		if (detail.n)
			server_error(&w->out, detail);
		else
			own_error(&w->out, r, false);
		ws_end(&w->out, mark);
	}
	mark = ws_begin(&w->out);
	BUF_LIT(&w->out, "<close xmlns=\"" NS_FRAMING "\" />");
	ws_end(&w->out, mark);
}

void wsfront_part(struct wsfront *w, struct slice detail)
{
	/* Strophe.js knows it only as an answer to its <open/>. */
	if (w->reason == REASON_SYSTEM_SHUTDOWN && w->c->see_other_uri && *w->c->see_other_uri &&
	    !w->told)
		part_for(w, w->c->see_other_uri);
	else if (w->reason == REASON_UNSUPPORTED_FRAMING)
		part_in_draft_framing(w);
	else
		part_with(w, detail);
}

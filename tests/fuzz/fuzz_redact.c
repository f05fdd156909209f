/* Redaction: whatever comes, nothing that stands where text stands is shown, and never much. Each
 * byte 0xff of the input becomes a secret, which may only show as often as it stands inside of a
 * tag, or just behind the tag of a JID, or within one behind the end of something else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "proto/redact.h"

#define CLAIM(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                \
		}                                                               \
	} while (0)

#define SECRET "s3cretWord"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int count(struct slice in)
{
	int found = 0;

	for (size_t i = 0; i + strlen(SECRET) <= in.n; i++)
		found += memcmp(in.p + i, SECRET, strlen(SECRET)) == 0;
	return found;
}

/* A JID is shown as the text of elements with these names. Whether text behind this tag may be one;
 * *within: how many of them are open. */
static bool ends_jid_tag(const struct buf *in, int *within)
{
	struct slice s = buf_slice(in);
	size_t at = s.n;
	bool end, jid;

	while (at && s.p[at - 1] != '<')
		at--;
	end = at < s.n && s.p[at] == '/';
	s = slice_of(s.p + at + end, s.n - at - end);
	jid = slice_starts(s, SLICE("jid")) || slice_starts(s, SLICE("authorization-identifier"));
	if (jid && s.p[s.n - 2] != '/') /* it is not empty */
		*within += end ? -1 : 1;
	return end ? *within > 0 : jid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf in = {0}, out = {0};
	int fine = 0, within = 0;
	bool tag = false, jid = false;
	char quote = 0; /* of the attribute value that it is in: there > is no end */

	if (count(slice_of((const char *)data, n)))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (data[i] == 0xff) {
			fine += tag || jid;
			BUF_LIT(&in, SECRET);
			continue;
		}
		buf_addc(&in, (char)data[i]);
		if (quote || (tag && (data[i] == '\'' || data[i] == '"'))) {
			quote = !quote ? (char)data[i] : quote == (char)data[i] ? 0 : quote;
			continue;
		}
		if (data[i] == '>')
			jid = ends_jid_tag(&in, &within);
		if (data[i] == '<' || data[i] == '>')
			tag = data[i] == '<';
	}
	BUF_LIT(&out, "before");
	redact(&out, buf_slice(&in), SLICE(NS_CLIENT), false);
	CLAIM(slice_starts(buf_slice(&out), SLICE("before")));
	CLAIM(out.len < REDACT_MAX + 2048);
	CLAIM(count(buf_slice(&out)) <= fine);
	buf_clear(&in);
	buf_clear(&out);
	return 0;
}

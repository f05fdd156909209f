/* Features, as shown to web clients: the server's <stream:features/> without what cannot hold
 * across a connection manager (RFC 7395 3.9, XEP-0206 5): STARTTLS, stream compression, and logins
 * that are tied to the TLS connection (channel binding), which ends at a proxy. */
#ifndef PROTO_FEATURES_H
#define PROTO_FEATURES_H

#include "proto/xml.h"

struct features {
	bool hide_sm;	 /* asked: stream management is left out too, wherever it stands */
	bool mechanisms; /* told: there is a way on that is left in: a mechanism of SASL or SASL2,
			    jabber:iq:auth; bind, once logged in */
	bool starttls;	 /* told: STARTTLS is offered */
	bool sm;	 /* told: stream management is offered (urn:xmpp:sm:3), hidden or not */
};

/* Appends the edited element to *out, declarations as xml_append() would add them. False where the
 * inside cannot be cut (nothing appended). */
bool features_edit(struct buf *out, const struct xml_element *e, const struct xml_scope *scope,
		   struct slice wrapper, uint16_t supplied, struct features *f);

#endif

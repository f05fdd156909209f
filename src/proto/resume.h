/* What a server grants of stream management (XEP-0198) to a client that manages its stream itself.
 * Only seen, never touched. */
#ifndef PROTO_RESUME_H
#define PROTO_RESUME_H

#include "proto/xml.h"

enum resume_grant {
	RESUME_NONE,
	RESUME_COUNTED, /* <enabled/>: it counts, and keeps nothing for later */
	RESUME_LATER,	/* <enabled resume='true'/>: the client may resume the stream */
	RESUME_DONE	/* <resumed/>: it has, and may again; it has its resource back */
};

/* What this element of the server's grants, by itself or within the <success/> of XEP-0388. Borrows
 * both; scope may be NULL. */
enum resume_grant resume_grant(const struct xml_element *e, const struct xml_scope *scope);

#endif

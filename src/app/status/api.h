/* The API: from method and path to who answers. */
#ifndef APP_STATUS_API_H
#define APP_STATUS_API_H

#include "app/worker.h"

extern const char *const api_open_paths[]; /* what needs no token on a loopback address */

/* A request to the API came to worker w, to be answered under handle h. */
void api_call(struct worker *w, handle_t h, const struct web_call *call);

/* Who asks, for the log of acts: an address, or "uid:1000" by the control socket. */
enum { API_WHO = 64 };
const char *api_who(const struct web_call *call, char dst[API_WHO]);
void api_stream_gone(struct worker *w, handle_t h); /* the reader of a stream has gone */

/* Answers with {"error": words}. */
void api_error(struct worker *w, handle_t h, int status, const char *words);

#endif

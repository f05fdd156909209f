/* The part of the API that is about single sessions. */
#ifndef APP_STATUS_API_SESSIONS_H
#define APP_STATUS_API_SESSIONS_H

#include "app/worker.h"

/* A request for /api/sessions or something below, to be answered under handle h. */
void api_sessions(struct worker *w, handle_t h, const struct web_call *call);

#endif

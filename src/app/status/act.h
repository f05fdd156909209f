/* Acts: what an operator does by the API. Each is one line in the log, with who asked for it. */
#ifndef APP_STATUS_ACT_H
#define APP_STATUS_ACT_H

#include <yajl/yajl_tree.h>
#include "app/worker.h"

/* The body of a POST as JSON; its caller frees it with yajl_tree_free(). NULL where it is no
 * object, and was answered so. An empty body is an empty object. */
yajl_val act_body(struct worker *w, handle_t h, const struct web_call *call);

/* A member of it: NULL, or `def`, where it is missing; *fault is set where it is of another type.
 */
const char *act_text(yajl_val body, const char *name, bool *fault);
bool act_bool(yajl_val body, const char *name, bool def, bool *fault);

/* The line `act` in the log. by: who asked, by api_who(); fmt: fields, such as "on=%s". */
void act_log(const char *what, const char *by, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* POST /api/drain, /api/backends/drain, /api/log. */
void act_drain(struct worker *w, handle_t h, const struct web_call *call);
void act_drain_backend(struct worker *w, handle_t h, const struct web_call *call);
void act_log_level(struct worker *w, handle_t h, const struct web_call *call);

#endif

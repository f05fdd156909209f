/* /metrics: an overview as Prometheus reads it, text format 0.0.4. */
#ifndef APP_STATUS_METRICS_H
#define APP_STATUS_METRICS_H

#include "app/status/overview.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct buf metrics_text(const struct overview *o, struct worker *w);

#endif

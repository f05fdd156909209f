/* The commands of fairleadctl(1). */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>

enum ctl_exit { CTL_FINE, CTL_REFUSED, CTL_USAGE, CTL_UNREACHABLE };

struct ctl {
	const char *socket;
	bool json; /* the API's own document, as it is */
	int argc;  /* what stands behind the command */
	char **argv;
};

/* Each returns an enum ctl_exit. */
int ctl_status(struct ctl *c);
int ctl_sessions(struct ctl *c);
int ctl_show(struct ctl *c);
int ctl_trace(struct ctl *c);
int ctl_kill(struct ctl *c);
int ctl_drain(struct ctl *c);
int ctl_log(struct ctl *c);
int ctl_link(struct ctl *c);
int ctl_check_config(struct ctl *c);

int ctl_usage(const char *problem); /* CTL_USAGE */

#endif

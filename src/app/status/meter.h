/* What a worker did in the last minute, second by second: how much of it it worked, its longest
 * turn, logins. A few additions a turn; whoever looks adds them up. Pure: time is a number. */
#ifndef APP_STATUS_METER_H
#define APP_STATUS_METER_H

#include <stdint.h>

enum {
	METER_SECONDS = 64, /* kept; a power of two */
	METER_LOAD = 10,    /* seconds that the load and the longest turn are taken of */
	METER_MINUTE = 60
};

struct meter {
	int64_t second; /* of the newest slot */
	struct meter_slot {
		uint32_t busy_us, turn_max_us, logins, login_failures;
	} v[METER_SECONDS];
};

/* A turn that took us, callbacks before it included, has ended. `now` ms, monotonic. */
void meter_turn(struct meter *m, int64_t now, uint64_t us);
void meter_logins(struct meter *m, int64_t now, uint32_t well, uint32_t failed);

struct meter_view {
	uint32_t load_percent;		 /* of the last METER_LOAD full seconds */
	uint32_t turn_max_us;		 /* in them and the present one */
	uint32_t logins, login_failures; /* in the last minute */
};

void meter_look(struct meter *m, int64_t now, struct meter_view *v);

#endif

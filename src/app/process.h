/* What the kernel says of this process. */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <stdint.h>

int64_t process_memory(void);	       /* resident bytes; -1: not known */
int64_t process_cpu_ms(void);	       /* all threads, user and system */
int64_t process_descriptors(void);     /* open ones; -1: not known */
int64_t process_descriptors_max(void); /* that it may have; -1: not known */

#endif

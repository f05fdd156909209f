/* DNS answers with service records: whatever is read out of one is bounded and fit to be looked up.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/mem.h"
#include "net/dns_priv.h"

#define CLAIM(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                \
		}                                                               \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int read_all(const uint8_t *data, size_t n, size_t room)
{
	struct dns_srv v[DNS_SRVS_MAX];
	uint32_t ttl = 12345;
	int found = dns_srv_parse(data, n, v, room, &ttl);

	CLAIM(found >= -1 && found <= (int)room);
	for (int i = 0; i < found; i++) {
		CLAIM(!*v[i].host || dns_name_valid(slice_str(v[i].host)));
		free((char *)v[i].host);
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int all = read_all(data, n, DNS_SRVS_MAX);

	CLAIM((read_all(data, n, 0) < 0) == (all < 0));
	CLAIM(read_all(data, n, 1) <= 1);
	return 0;
}

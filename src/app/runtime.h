/* The runtime directory: where the control socket stands, and the token of the status API. Both are
 * for the user who runs Fairlead alone. */
#ifndef APP_RUNTIME_H
#define APP_RUNTIME_H

#include "config/config.h"

enum { RUNTIME_PATH = 4096, RUNTIME_TOKEN = 129, RUNTIME_LINK = 512 };

struct runtime {
	char directory[RUNTIME_PATH];  /* "": there is none */
	char socket[RUNTIME_PATH];     /* of the control socket; "": none */
	char token_file[RUNTIME_PATH]; /* "": there is no token */
	char token[RUNTIME_TOKEN];     /* "": nobody has it */
};

/* Where they are by configuration and environment, whether they are there or not. */
void runtime_find(struct runtime *r, const struct config *c);

/* Makes the directory and the token where they are missing. What was not asked for by name may
 * fail, with a warning: then the status API does without acts, and there is no control socket. */
bool runtime_open(struct runtime *r, const struct config *c);

/* The status page's address for a browser on this machine, with the token in it. False where it has
 * no address of the net, or there is no token. */
bool runtime_link(const struct runtime *r, const struct config *c, char url[RUNTIME_LINK]);

/* The token in that file. False: *why has the words; errno ENOENT where there is no file. */
bool runtime_read_token(const char *path, char token[RUNTIME_TOKEN], const char **why);

#endif

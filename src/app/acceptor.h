/* The acceptor: one thread that owns the listening sockets, applies the limit on connections, and
 * hands each new one to the least loaded worker. */
#ifndef APP_ACCEPTOR_H
#define APP_ACCEPTOR_H

#include "app/worker.h"

struct acceptor;

/* Binds all addresses of the configuration; NULL (and a line in the log) where one cannot be had.
 */
struct acceptor *acceptor_new(struct app *app);
void acceptor_start(struct acceptor *a);

/* Takes nothing more from sockets that the service manager lent: who comes there waits for the next
 * process. Those of our own would refuse. */
void acceptor_give_back(struct acceptor *a);
void acceptor_stop(struct acceptor *a); /* closes the sockets, joins the thread */
void acceptor_free(struct acceptor *a);

#endif

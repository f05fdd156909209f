/*
 * The scripted XMPP server: logs anybody in at once and echoes every
 * message. A module, so that it can be a process of its own (xmppd) or live
 * in the load generator's loop, which saves it the process switches.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

/* Listens on 127.0.0.1 (port 0: any) under net's loop; returns the port. */
int echo_listen(int port, const char *domain);
/* Messages echoed so far. */
unsigned long echo_count(void);

#endif

/*
 * A fast scripted XMPP server on loopback: anybody may log in (PLAIN, bind),
 * every message comes back. Usage: xmppd [PORT [DOMAIN]]; prints its port.
 */
#include "echo.h"
#include "net.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	net_init();
	printf("%d\n",
	       echo_listen(argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? argv[2] : "bench.example"));
	fflush(stdout);
	for (;;)
		net_turn(-1);
}

"""Ports for what the tests start: each is given to one caller on this machine, and to no other.

A port that the kernel hands out (bind to 0) and that is let go again may be handed out once more
before its program listens there, to another test or as the near end of any connection. So these
come from below the kernel's own range, and each is held by a lock that lasts as long as this
process: an abstract socket of its name.
"""

import random
import socket

FIRST, LAST = 10000, 32000

claims = []  # the locks


def claimed(port):
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0fairlead-tests-port-{port}")
    except OSError:
        lock.close()
        return False
    claims.append(lock)
    return True


def listens(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port():
    """A port on loopback where nothing listens, for the life of this process."""
    while True:
        port = random.randrange(FIRST, LAST)
        if claimed(port) and not listens(port):
            return port

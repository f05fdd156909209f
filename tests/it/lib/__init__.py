"""What the integration tests stand on: the daemon's keeper, a scripted XMPP server, raw clients.

PATIENCE (environment, default 1; 6 under a LAUNCHER) stretches every time limit, for valgrind and
for slow machines. It never stretches what a test demands Fairlead not to do early.
"""

import os
import select

PATIENCE = float(os.environ.get("PATIENCE", "6" if os.environ.get("LAUNCHER") else "1"))


def patience(seconds):
    return seconds * PATIENCE


def readable(file, seconds):
    """Whether something is there to be read (also the end) within that time. By poll(), for the
    numbers of descriptors are large in some tests."""
    p = select.poll()
    p.register(file, select.POLLIN)
    return bool(p.poll(1000 * seconds))

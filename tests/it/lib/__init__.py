"""What the integration tests stand on: the daemon's keeper, a scripted XMPP server, raw clients.

PATIENCE (environment, default 1; 6 under a LAUNCHER) stretches every time limit, for valgrind and
for slow machines. It never stretches what a test demands Fairlead not to do early.
"""

import os

PATIENCE = float(os.environ.get("PATIENCE", "6" if os.environ.get("LAUNCHER") else "1"))


def patience(seconds):
    return seconds * PATIENCE

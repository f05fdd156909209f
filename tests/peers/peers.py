"""What the peer tests share: a server with Fairlead in front of it, and clients run in Node.

Environment: that of tests/it (FAIRLEAD, WORKERS, LAUNCHER), and PEERS_DIRECT=1, which leaves
Fairlead out and uses the servers' own web endpoints: what fails then is a fault of the scripts.
"""

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
DIRECT = os.environ.get("PEERS_DIRECT") == "1"
BRIEF = {"bosh.wait": 4, "websocket.ping": 2}  # and IDLE seconds are longer than either, twice
IDLE = 9
ACCOUNTS = {f"user{i}": f"pass wörd {i}&<>" for i in range(120)}

sys.path.insert(1, os.path.join(os.path.dirname(HERE), "it"))
from lib import fairlead, patience  # noqa: E402


def manager(domain, port, settings=None):
    """A started Fairlead before the server at that port; stop() judges how it ends."""
    return fairlead.Fairlead(backends={domain: port}, settings=settings)


class Setup:
    """One server, a manager in front of it, and accounts that each test takes anew."""

    def __init__(self, server, port, fresh=None):
        self.server = server
        self.urls = {"bosh": f"http://127.0.0.1:{port}/http-bind",
                     "websocket": f"ws://127.0.0.1:{port}/xmpp-websocket"}
        self.fresh = list(server.accounts) if fresh is None else fresh
        self.brief = self  # the same server by a manager that holds no request for long

    def options(self, transport, **more):
        users = [self.fresh.pop(0), self.fresh.pop(0)]
        return {"service": self.urls[transport], "transport": transport,
                "domain": self.server.domain, "users": users,
                "passwords": [self.server.accounts[u] for u in users], **more}


def accounts(kind):
    """Those of a server of that kind: for PLAIN, xmpp.js writes passwords in Latin-1."""
    if "PLAIN" not in kind.mechanisms:
        return ACCOUNTS
    return {user: password.replace("ö", "o") for user, password in ACCOUNTS.items()}


def setup(kind):
    """For a fixture: a Setup with a server of that kind."""
    with kind(accounts(kind)) as server:
        if DIRECT:
            yield Setup(server, server.http_port)
            return
        fairlead.secrets.update(server.accounts.values())
        fronts = []
        try:
            fronts.append(manager(server.domain, server.port))
            fronts.append(manager(server.domain, server.port, BRIEF))
            place = Setup(server, fronts[0].port)
            place.front = fronts[0]
            place.brief = Setup(server, fronts[1].port, place.fresh)
            yield place
            for front in fronts:
                front.stop()
        finally:
            for front in fronts:
                front.clean()


def browser():
    for name in ("chromium-headless-shell", "chromium"):
        path = shutil.which(name)
        if path:
            return path
    raise RuntimeError("no chromium-headless-shell and no chromium")


def node(script, *arguments, seconds=90, trust=None):
    """Run a client script and return the facts that it prints; its words go into a failure. trust:
    an authority's certificate that it believes, too."""
    env = {**os.environ, **({"NODE_EXTRA_CA_CERTS": trust} if trust else {})}
    done = subprocess.run(
        ["node", os.path.join(HERE, "clients", script), *arguments], capture_output=True,
        text=True, encoding="utf-8", timeout=patience(seconds), stdin=subprocess.DEVNULL, env=env)
    assert done.returncode == 0, \
        f"{script} {arguments}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.strip().split("\n")[-1])


@contextlib.contextmanager
def helper(**acts):
    """The address of somebody who does what a script in Node cannot: whoever asks for address + name
    is answered once that act is done."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            acts[self.path[1:]]()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def run(library, scenario, options, **how):
    if library == "converse":
        return node("converse.js", scenario, json.dumps(options), **how)
    return node("run.js", library, scenario, json.dumps(options), **how)


def log_in(front, library, transport, *domains, user="user0", **more):
    """One login after the other, with the right password: for each domain the address that was
    bound, or what the client was told."""
    scheme, path = {"bosh": ("http", "http-bind"), "websocket": ("ws", "xmpp-websocket")}[transport]
    options = {"service": f"{scheme}://127.0.0.1:{front.port}/{path}", "transport": transport,
               "domains": domains, "user": user, "password": ACCOUNTS[user], **more}
    return run(library, "logins", options)

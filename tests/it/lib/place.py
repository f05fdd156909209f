"""A place to test in: a scripted server, Fairlead in front of it, and clients that end with it."""

import time

from lib.bosh import Bosh, Http
from lib.fairlead import Fairlead
from lib.ws import DeflateWebSocket, WebSocket
from lib.xmppserver import Server

open_places = []  # for the dump on failure


class Place:
    """settings, config, workers: see Fairlead; backends: domains beside example.org, and the ports
    of their servers."""

    def __init__(self, settings=None, script=None, **more):
        self.server = Server(script=script)
        self.clients = []
        self.fairlead = None
        self.marked = (time.monotonic(), 0)
        open_places.append(self)
        self.backends = {"example.org": self.server.port, **more.pop("backends", {})}
        self.settings, self.more = settings, more
        try:
            self.fairlead = Fairlead(self.backends, settings, **more)
        except BaseException:
            self.server.close()
            raise

    @property
    def port(self):
        return self.fairlead.port

    def mark(self):
        """A test begins here: the dump starts here, the server is as at first, and a Fairlead that
        died in the test before (which failed for it) is replaced."""
        if not self.fairlead.alive():
            self.fairlead.clean()
            self.fairlead = Fairlead(self.backends, self.settings, **self.more)
        self.marked = (time.monotonic(), self.fairlead.log_size())
        self.server.reset()
        self.server.drain()

    def http(self, **more):
        return self.keep(Http(self.port, **more))

    def bosh(self, **more):
        return self.keep(Bosh(self.port, **more))

    def ws(self, **more):
        return self.keep(WebSocket(self.port, **more))

    def deflate_ws(self, **more):
        return self.keep(DeflateWebSocket(self.port, **more))

    def keep(self, client):
        self.clients.append(client)
        return client

    def bosh_pair(self, **more):
        """A BOSH session, logged in, and its stream at the server."""
        s = self.bosh(**more).login()
        return s, self.server.stream_of(s.user)

    def ws_pair(self, **more):
        w = self.ws(**more).login()
        return w, self.server.stream_of(w.user)

    def log_since_mark(self):
        return self.fairlead.log(self.marked[1]) if self.fairlead else ""

    def leave(self):
        """The clients of one test go."""
        for c in self.clients:
            c.close()
        self.clients = []

    def dump(self):
        text = f"{' '.join(self.fairlead.command)}\n" if self.fairlead else ""
        return (text + self.log_since_mark()[-30000:],
                self.server.transcript(self.marked[0]))

    def close(self):
        self.leave()
        try:
            if self.fairlead:
                self.fairlead.stop()
        finally:
            self.server.close()
            open_places.remove(self)
            if self.fairlead:
                self.fairlead.clean()

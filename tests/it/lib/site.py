"""A Fairlead before any number of scripted servers, which say their names: for tests about which of
them a session reaches. To be used inside a lib.netns.Net, or without one on loopback."""

import time

from lib.bosh import Bosh
from lib.fairlead import Fairlead
from lib.place import open_places
from lib.ws import WebSocket
from lib.xmlbits import NS_XBOSH
from lib.xmppserver import FEATURES_SASL, Server

CREATION = {"wait": 60, "hold": 1, "ver": "1.6", "xml:lang": "en", "xmpp:version": "1.0",
            "xmlns:xmpp": NS_XBOSH}
# The answer to the creation is the server's word, or the failure: nothing comes before either.
SETTINGS = {"bosh.features_wait_ms": 60000, "bosh.wait": 60, "backend.connect": 60}


def saying(name):
    """A script that tells its name in its features, and then echoes."""
    features = FEATURES_SASL.replace("</stream:features>",
                                     f"<name xmlns='urn:example:name'>{name}</name>"
                                     "</stream:features>")

    def script(stream):
        if stream.server.tls and not stream.server.direct:
            stream.starttls()
        stream.open(features)
        stream.echo()

    return script


class Asked:
    """A session on its way."""

    def __init__(self, site, domain, attrs):
        self.bosh = site.keep(Bosh(site.fairlead.port, domain, connections=1))
        self.request = self.bosh.send("", {**CREATION, "to": domain, **attrs})

    def ready(self, seconds=0.0):
        return self.request.ready(seconds)

    def answer(self, timeout=90):
        """The name of the server that it reached, or the condition that it ended with."""
        a = self.request.answer(timeout)
        if a.type == "terminate":
            return a.condition
        self.bosh.sid = a.get("sid")
        return a.element("features").text("name")

    def end(self):
        self.bosh.terminate()
        self.bosh.close()


class Site:
    """domains: as in the configuration. Servers that server() made end with it."""

    def __init__(self):
        self.servers, self.clients, self.fairlead = {}, [], None
        self.began = time.monotonic()
        open_places.append(self)

    def server(self, name, listener=None, **more):
        """A server that says this name."""
        self.servers[name] = Server(listener=listener, script=saying(name), **more)
        return self.servers[name]

    def start(self, *domains, listener=None, **settings):
        """Fairlead; a setting's name has _ for its first dot. listener: more keys of its."""
        dotted = {k.replace("_", ".", 1): v for k, v in settings.items()}
        self.fairlead = Fairlead(config={"domains": list(domains)}, listener=listener,
                                 settings={**SETTINGS, **dotted})
        self.fairlead.wait_lines("ready")  # it listens before it has looked at its surroundings
        return self

    def keep(self, client):
        self.clients.append(client)
        return client

    def begin(self, domain="example.org", **attrs):
        return Asked(self, domain, attrs)

    def ask(self, domain="example.org", **attrs):
        """Where a new session comes out; it ends at once."""
        asked = self.begin(domain, **attrs)
        said = asked.answer()
        if said in self.servers:
            asked.end()
        else:
            asked.bosh.close()
        return said

    def asks(self, n, domain="example.org"):
        """How often n sessions came out where."""
        found = {}
        for _ in range(n):
            said = self.ask(domain)
            found[said] = found.get(said, 0) + 1
        return found

    def ws(self, domain="example.org"):
        ws = self.keep(WebSocket(self.fairlead.port))
        ws.domain = domain
        return ws

    def problem(self, since=0, n=1):
        """What the log says of the n-th dial that failed."""
        return self.fairlead.wait_lines("backend-unreachable", n, since)[n - 1]["problem"]

    def dump(self):
        log = self.fairlead.log()[-30000:] if self.fairlead else ""
        return log, "\n".join(f"=== {name}\n{server.transcript(self.began, 60)}"
                              for name, server in self.servers.items())

    def close(self):
        for c in self.clients:
            c.close()
        try:
            if self.fairlead:
                self.fairlead.stop()
        finally:
            for server in self.servers.values():
                server.close()
            open_places.remove(self)
            if self.fairlead:
                self.fairlead.clean()

"""What the tests of delivery count, and with whom: a server with a sender's Fairlead before it, a row
of the table being played, and where each number is at its end.
"""

import collections
import os
import threading
import time

import pytest

import faults
import peers
import people
import servers
from lib import patience
from lib.fairlead import Fairlead

TOTAL = 2000
SEED = os.environ.get("SEED", "1")
SERVERS = {s.name.split()[-1]: s for s in
           (servers.Prosody, servers.Ejabberd, servers.Jabberd2, servers.PlainProsody)}
GUARDED = ("prosody", "ejabberd")         # these have stream management
QUEUES = {"prosody": 500, "ejabberd": 5000}  # what they keep of it, by default
SETTINGS = {"bosh.wait": 1, "bosh.inactivity": 3, "websocket.ping": 1,
            "delivery.leave": 5, "shutdown.deadline": 5}  # these as they come
# How the rules call the end of a client that is away.
AWAY = {"bosh": {"inactivity"}, "websocket": {"client-lost", "ping-timeout"}}


def tell(request, text):
    """What was counted, for the end of the run; by the report, for tests run side by side."""
    row = f"{request.node.name}: {text}"
    print(row)
    request.node.user_properties.append(("delivery", row))


class Place:
    """A server, with the sender's Fairlead before it, which nothing happens to."""

    def __init__(self, kind):
        self.kind = kind
        self.server = kind(peers.accounts(kind))
        peers.fairlead.secrets.update(self.server.accounts.values())
        self.relay = Fairlead({self.server.domain: self.server.port}, SETTINGS)
        self.fresh = list(self.server.accounts)

    def close(self):
        try:
            self.relay.stop()
        finally:
            self.relay.clean()
            self.server.stop()


class Row:
    """One line of the table being played: who takes part, and the count at the end."""

    def __init__(self, place, client, rng, settings=None, policy=None):
        self.place, self.client, self.rng = place, client, rng
        self.transport = "bosh" if client in ("bosh", "acks", "strophe-bosh") else "websocket"
        server = place.server
        self.names = [place.fresh.pop(0), place.fresh.pop(0)]
        self.opened = []
        self.line = self.keep(faults.Line(server.port))
        settings = {**SETTINGS, **(settings or {})}
        self.transparent = policy == "transparent"
        if policy:
            config = {"domains": [{"name": server.domain, "delivery": policy, "backends": [
                {"url": f"tcp://127.0.0.1:{self.line.port}"}]}]}
            self.front = Fairlead(settings=settings, config=config)
        else:
            self.front = Fairlead({server.domain: self.line.port}, settings)
        self.web = self.keep(faults.Web(self.front.port, rng))
        self.written = []
        self.writer = None
        self.sender = self.user = None
        self.guarded = self.place.kind.name in GUARDED  # the server counts for the user

    def keep(self, thing):
        self.opened.append(thing)
        return thing

    def join(self, port, guarded=True):
        """Sender (at that Fairlead) and user log in; guarded: once the server counts for the user.
        """
        self.sender = self.keep(people.BoshPerson(
            self.names[0], self.place.server, port, self.rng)).log_in()
        self.user = self.keep(self.person(self.client, self.names[1], self.web.port)).log_in()
        self.guarded = guarded and self.place.kind.name in GUARDED
        if guarded:
            self.guard(self.names[1])
        return self

    def guard(self, name):
        """Fairlead has asked for stream management, which over WebSocket takes it a second."""
        if self.place.kind.name in GUARDED and not self.transparent:
            stream = self.line.of(name, self.place.server.domain)
            self.line.wait("<enabled/>", lambda: b"<enabled" in stream.received)

    def person(self, client, name, port):
        server = self.place.server
        if client in ("bosh", "acks"):
            return people.BoshPerson(name, server, port, self.rng, acks=client == "acks")
        if client == "websocket":
            return people.WebSocketPerson(name, server, port, self.rng)
        return people.NodePerson(client.split("-")[0], name, server, port, self.transport)

    def to(self, n):
        """By turns to the user wherever he is, and to where he is. The latter is kept by nobody
        without stream management while the end of a stream is on its way."""
        bare = n % 2 or not self.guarded
        return self.user.bare if bare else self.user.jid

    def write(self, numbers):
        """The sender writes, in the background."""
        numbers = list(numbers)
        self.wrote()
        self.written += numbers
        self.writer = threading.Thread(target=self.sender.say, args=(numbers, self.to))
        self.writer.start()

    def wrote(self, ended=False):
        """All is written; or, where the session ended, as much as went."""
        if self.writer:
            self.writer.join(patience(90))
            assert not self.writer.is_alive(), f"the sender is stuck: {self.sender}"
            assert ended or not self.sender.ended, self.sender

    def heard(self, n, over=()):
        """The user has n messages; or, for one of these reasons, his session is over before."""
        self.user.wait(f"{n} messages", lambda: len(self.user.got) >= n or self.user.ended, 60)
        if over and self.user.ended:
            self.ends(over)
        else:
            assert len(self.user.got) >= n, self.user

    def behind(self, n=200):
        """The user, busy, takes nothing more; then there is that much for him at Fairlead."""
        self.heard(middle(self))
        self.user.freeze()
        stream = self.line.of(self.names[1], self.place.server.domain)
        mark = f"number {max(self.user.got) + n}<".encode()
        self.line.wait("more for him", lambda: mark in stream.received)

    def ends(self, reasons):
        """The user's session ends at Fairlead, for one of these reasons."""
        self.front.wait_lines("session-end", 1, 0, lambda p: p["reason"] in reasons, 30)

    def count(self):
        """The user logs in again; where is each number?"""
        self.wrote()
        # Not before the server has done what it does with the old session, or the two mix.
        domain = self.place.server.domain
        stream = self.line.of(self.names[1], domain)
        self.line.wait("the end of the old stream", lambda: stream.over or self.line.hole)
        time.sleep(patience(0.7))
        later = self.keep(people.TcpPerson(self.names[1], self.place.server,
                                           resource="later")).log_in()
        return Count(self, later)

    def close(self):
        for thing in reversed(self.opened):
            thing.close()

    def leave(self):
        """Everybody goes; the user's Fairlead must have been in order to the last."""
        self.close()
        try:
            if self.front.stopped is None:
                self.front.stop()
        finally:
            self.front.clean()
        self.opened = []


class Count:
    """Where each number is. Waits for those that are nowhere as long as any still turns up."""

    def __init__(self, row, later):
        self.row = row
        user, sender = row.user, row.sender
        self.sent = set(row.written) - set(sender.unsure)
        since, before = time.monotonic(), None
        while True:
            found = [list(p) for p in (user.got, later.got, sender.returned)]
            if self.sent <= set().union(*found):
                break
            if found != before:
                since, before = time.monotonic(), found
            if time.monotonic() - since > patience(4):
                break
            time.sleep(0.05)
        later.round_trip()
        self.client, self.later, self.returned = user.got, later.got, sender.returned
        places = [set(self.client), set(self.later), set(self.returned)]
        self.lost = self.sent - set().union(*places)
        both = {"client and store": places[0] & places[1],
                "client and returned": places[0] & places[2],
                "store and returned": places[1] & places[2],
                "twice at the client": twice(self.client),
                "twice in the store": twice(self.later),
                "twice returned": twice(self.returned)}
        self.both = {name: numbers for name, numbers in both.items() if numbers}
        assert not (user.odd or sender.odd or later.odd), (user.odd, sender.odd, later.odd)

    def __str__(self):
        parts = [f"{len(self.sent)} sent, {len(self.client)} with the client, "
                 f"{len(self.later)} in the store, {len(self.returned)} returned, "
                 f"{len(self.lost)} lost"]
        parts += [f"{len(numbers)} {name}" for name, numbers in self.both.items()]
        if self.row.web.fired:
            parts.append(", ".join(f"{n} x {name}" for name, n in self.row.web.fired.items()))
        return "; ".join(parts)

    def show(self, request, more=""):
        tell(request, f"{self}{more}")

    def whole(self, *allowed):
        """None is lost; in order and once at the client; and nothing is in two places, except as
        allowed: what the client has, but had not proved to have, is left to the server, or
        returned."""
        assert not self.lost, f"{self}\nlost: {runs(self.lost)}"
        assert self.client == sorted(self.client), "out of order"
        wrong = set(self.both) - set(allowed)
        assert not wrong, f"{self}\n" + "\n".join(f"{w}: {runs(self.both[w])}" for w in wrong)


UNPROVED = ("client and store", "client and returned")


def twice(numbers):
    return {n for n, count in collections.Counter(numbers).items() if count > 1}


def runs(numbers):
    """1-3 7 9-12"""
    out = []
    for n in sorted(numbers):
        if out and n == out[-1][1] + 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return " ".join(f"{a}-{b}" if a != b else str(a) for a, b in out)


def matrix(quick=(), servers=SERVERS, clients=("bosh", "acks", "strophe")):
    """Every server with every client; all but the quick ones only in the full check."""
    cases = [(s, c) for s in servers for c in clients]
    cases += [q for q in quick if q not in cases]
    return pytest.mark.parametrize("server, client", [
        pytest.param(s, c, id=f"{s}-{c}", marks=[] if (s, c) in quick else pytest.mark.full)
        for s, c in cases])


def middle(row):
    return row.rng.randint(300, 1200)

"""What stands between the parties of a test and does them harm: Web between a client and Fairlead,
Line between Fairlead and a server. Both count what they did, and keep what they saw.
"""

import collections
import contextlib
import re
import socket
import sys
import threading
import time

from lib import patience
from lib.xmlbits import Cutter

NUMBER = re.compile(rb"<message[^>]*\sid=['\"]m(\d+)")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)

# How often each comes in a deck; the rest of the cards let the request, or its answer, pass.
REQUEST_FAULTS = {"drop request": 3, "delay request": 3, "repeat request": 3, "repeat it late": 3}
ANSWER_FAULTS = {"drop answer": 3, "cut answer": 3, "delay answer": 3, "lose answer": 1}
FEW = {"lose answer": 4}  # no more of them: the client notices by its clock alone
DECK = 40


def reset(sock):
    """Close with RST; a thread in recv() on it is woken first."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    sock.close()


def shut(*socks):
    """Close in order, whoever sits in recv()."""
    for sock in socks:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()


class Deck:
    """Faults in an order that the random numbers give, each as often as its kind says."""

    def __init__(self, rng, faults):
        self.rng, self.faults = rng, faults
        self.cards = []
        self.lock = threading.Lock()

    def draw(self):
        with self.lock:
            if not self.cards:
                named = [name for name, n in self.faults.items() for _ in range(n)]
                self.cards = named + [None] * (DECK - len(named))
                self.rng.shuffle(self.cards)
            return self.cards.pop()


class Between:
    """A port before another, with a pair of threads for each connection."""

    narrow = False  # its connections buffer little, for what is not read to be noticed soon

    def __init__(self, target):
        self.target = target
        self.links = []
        self.fired = collections.Counter()
        self.closing = False
        self.hole = False     # all bytes are swallowed, and nobody is told
        self.changed = threading.Condition()
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.sock.accept()
            except OSError:
                return
            far = socket.socket()
            if self.narrow:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
                far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                far.settimeout(5)
                far.connect(("127.0.0.1", self.target))
            except OSError:
                shut(far)
                reset(near)
                continue
            far.settimeout(None)
            for s in (near, far):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = self.link(near, far)
            with self.changed:
                self.links.append(link)
            for pump in (link.up, link.down):
                threading.Thread(target=link.run, args=(pump,), daemon=True).start()

    def fire(self, name):
        with self.changed:
            self.fired[name] += 1
            self.changed.notify_all()

    def wait(self, what, condition, seconds=30):
        with self.changed:
            if not self.changed.wait_for(condition, patience(seconds)):
                raise AssertionError(f"{type(self).__name__} waited in vain for {what}")

    def cut(self):
        """Every connection breaks, for both sides."""
        self.fire("cut")
        for link in list(self.links):
            link.reset()

    def close(self):
        self.closing = True
        shut(self.sock, *(s for link in self.links for s in (link.near, link.far)))


class Link:
    """One connection: near is whoever made it, far is the target. A pump returns to have both
    closed; what it reads from raises EOFError at the end, which is passed on alone."""

    def __init__(self, owner, near, far):
        self.owner, self.near, self.far = owner, near, far
        self.ends = 0       # how many sides came to their end
        self.over = False   # both did, or it broke

    def run(self, pump):
        over = True
        try:
            pump()
        except EOFError:
            with self.owner.changed:
                self.ends += 1
                over = self.ends == 2
            if not over and not self.owner.hole:
                with contextlib.suppress(OSError):
                    (self.far if pump == self.up else self.near).shutdown(socket.SHUT_WR)
        except OSError:
            pass
        except Exception as e:  # of the proxy itself: let the test see why nothing passes
            print(f"{type(self).__name__}: {e!r}", file=sys.stderr)
        if over:
            # An end is not passed on while the line has a hole in it.
            if not self.owner.hole:
                shut(self.near, self.far)
            with self.owner.changed:
                self.over = True
                self.owner.changed.notify_all()

    def reset(self):
        reset(self.near)
        reset(self.far)


class Stream:
    """Reads whole HTTP messages from a socket, requests or answers."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.data += data

    def message(self):
        while b"\r\n\r\n" not in self.data:
            self.more()
        n = self.data.index(b"\r\n\r\n") + 4
        length = LENGTH.search(self.data, 0, n)
        n += int(length.group(1)) if length else 0
        while len(self.data) < n:
            self.more()
        whole, self.data = self.data[:n], self.data[n:]
        return whole


class WebLink(Link):
    def up(self):
        stream = Stream(self.near)
        while True:
            request = stream.message()
            upgrade = request.startswith(b"GET ")
            fault = None if upgrade else self.owner.draw("request")
            if fault == "drop request":
                return
            if fault == "delay request":
                time.sleep(self.owner.pause())
            if fault == "repeat request":
                self.again(request)
            self.pass_on(self.far, request)
            if fault == "repeat it late":
                timer = threading.Timer(self.owner.pause(), self.again, [request])
                timer.daemon = True
                timer.start()
            if upgrade:
                return self.raw(stream, self.far)

    def down(self):
        stream = Stream(self.far)
        while True:
            answer = stream.message()
            if answer.startswith(b"HTTP/1.1 101"):
                self.pass_on(self.near, answer)
                return self.raw(stream, self.near)
            if self.owner.doomed(answer):
                if self.owner.manner == "close":
                    return
                continue
            fault = self.owner.draw("answer")
            if fault == "drop answer":
                return
            if fault == "cut answer":
                self.pass_on(self.near, answer[:len(answer) * 2 // 3])
                return
            if fault == "lose answer":
                continue
            if fault == "delay answer":
                time.sleep(self.owner.pause())
            self.pass_on(self.near, answer)

    def raw(self, stream, to):
        self.pass_on(to, stream.data)
        stream.data = b""
        while True:
            stream.more()
            self.pass_on(to, stream.data)
            stream.data = b""

    def pass_on(self, to, data):
        if not self.owner.hole:
            to.sendall(data)

    def again(self, request):
        """The same bytes on a connection of their own; nobody reads the answer."""
        def run():
            try:
                with socket.create_connection(("127.0.0.1", self.owner.target), 5) as sock:
                    sock.sendall(request)
                    sock.settimeout(10)
                    Stream(sock).message()
            except (OSError, EOFError):
                pass
        threading.Thread(target=run, daemon=True).start()


class Web(Between):
    """Knows HTTP: whole requests and answers are dropped, delayed and repeated by two decks of
    faults, while `harm` is set. A WebSocket is only cut and swallowed."""

    link_class = WebLink

    def __init__(self, target, rng):
        self.rng = rng
        self.decks = {"request": Deck(rng, REQUEST_FAULTS), "answer": Deck(rng, ANSWER_FAULTS)}
        self.harm = False
        self.doom = None        # the first answer that contains this is dropped
        self.manner = "close"   # with its connection; or "swallow": the connection lives on
        self.dropped = None     # that answer
        super().__init__(target)

    def link(self, near, far):
        return WebLink(self, near, far)

    def draw(self, kind):
        fault = self.decks[kind].draw() if self.harm else None
        if fault and self.fired[fault] >= FEW.get(fault, 1 << 30):
            fault = None
        if fault:
            self.fire(fault)
        return fault

    def pause(self):
        return self.rng.uniform(0.005, 0.05)

    def doomed(self, answer):
        with self.changed:
            if self.doom is None or self.doom not in answer:
                return False
            self.doom, self.dropped = None, answer
            self.changed.notify_all()
        return True


class LineLink(Link):
    """One stream to the server, with every byte that each side sent."""

    def __init__(self, *more):
        super().__init__(*more)
        self.sent, self.received = bytearray(), bytearray()
        self.words = 0                # messages in `sent`
        self.swallowed = bytearray()  # of what was sent, what the server did not get

    def up(self):
        while True:
            data = self.near.recv(65536)
            if not data:
                raise EOFError
            with self.owner.changed:
                self.sent += data
                deaf = self.owner.deaf_from is not None and self.words >= self.owner.deaf_from
                self.words += data.count(b"<message")
                if deaf:
                    self.swallowed += data
                self.owner.changed.notify_all()
            if not deaf and not self.owner.hole:
                self.far.sendall(data)

    def down(self):
        while True:
            data = self.far.recv(65536)
            if not data:
                raise EOFError
            with self.owner.changed:
                self.received += data
                self.owner.changed.notify_all()
            if not self.owner.hole:
                self.near.sendall(data)

    def acknowledged(self):
        """Every h that Fairlead told the server."""
        return [int(h) for h in re.findall(rb"<a [^>]*\bh=['\"](\d+)", bytes(self.sent))]

    def server_acknowledged(self):
        return [int(h) for h in re.findall(rb"<a [^>]*\bh=['\"](\d+)", bytes(self.received))]

    def stanzas(self, data, since):
        """The stanzas behind an element, which is where h begins to count; none without it."""
        after = re.search(since, data)
        if not after:
            return []
        cutter = Cutter()
        cutter.feed(b"<stream>")
        return [raw for kind, raw in cutter.feed(data[after.end():])
                if kind == "element" and raw.startswith((b"<message", b"<presence", b"<iq"))]

    def counted(self):
        """What the server sent, as far as Fairlead's h may count."""
        return self.stanzas(bytes(self.received), rb"<enabled[^>]*/>")


class Line(Between):
    """Between Fairlead and the server. Behind so many messages as `deaf_from` says, the server gets
    nothing any more, and Fairlead is not told."""

    def __init__(self, target):
        self.deaf_from = None
        super().__init__(target)

    def link(self, near, far):
        return LineLink(self, near, far)

    def of(self, user, domain):
        """The newest stream on which that user was bound."""
        jid = f"{user}@{domain}/".encode()
        with self.changed:
            return next(link for link in reversed(self.links) if jid in link.received)

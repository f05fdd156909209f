"""A scripted XMPP server: one thread a stream, and a script that says what the thread does.

The default script logs everybody in (SASL PLAIN, any password; bind) and then echoes messages. A
test gives its own, a function of the Stream that calls the steps it wants and replaces the others:

    def script(s):
        s.read_header()
        s.send_header()
        s.send("<nonsense")
        s.hang()

Over TLS (`tls`, an ssl.SSLContext) a stream begins with it where `direct` holds, and otherwise where
its script calls starttls(). Whatever the script does, all bytes both ways are kept, with times, for the dump on failure.
"""

import base64
import queue
import re
import socket
import threading
import time

from lib import patience
from lib.xmlbits import NS_BIND, NS_CLIENT, NS_SASL, NS_STREAM, NS_TLS, Cutter, attributes, escape, \
    inside

FEATURES_SASL = (f"<stream:features><mechanisms xmlns='{NS_SASL}'><mechanism>PLAIN</mechanism>"
                 "</mechanisms></stream:features>")
FEATURES_TLS = (f"<stream:features><starttls xmlns='{NS_TLS}'><required/></starttls>"
                "</stream:features>")
FEATURES_BIND = (f"<stream:features><bind xmlns='{NS_BIND}'/>"
                 "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
                 "</stream:features>")


class Ended(Exception):
    """The other side is gone, or ended its stream, while the script wanted more from it."""


class Stream:
    """One connection from Fairlead. The reading methods belong to the script's thread; send(),
    wait_*() and the attributes are for the test too."""

    def __init__(self, server, sock, number, peer=None):
        self.server = server
        self.sock = sock
        self.peer = peer           # Fairlead's address, as accept() gave it
        self.raw = b""             # what read_raw() took before the XML
        self.number = number
        self.domain = server.domain
        self.user = None           # who authenticated
        self.jid = None            # set by the bind
        self.headers = []          # attributes of each stream header that came
        self.received = []         # Elements, in order, of every kind
        self.data = b""            # every byte that came
        self.sent = b""
        self.end_tag = False       # </stream:stream> came
        self.eof = False           # the connection was closed or reset by Fairlead
        self.cut = False           # reset() was called
        self.failure = None        # what went wrong in the script
        self.hold = threading.Event()  # set by the test to let a script's hold_here() go on
        self.events = []
        self.log = []
        self.cutter = Cutter()
        self.changed = threading.Condition()
        self.writing = threading.Lock()

    # -- steps for scripts -------------------------------------------------------------------

    def read(self, seconds=30):
        """The next event: ("header", raw), ("element", Element) or ("end", raw)."""
        deadline = time.monotonic() + patience(seconds)
        while not self.events:
            self.receive(deadline)
        return self.events.pop(0)

    def receive(self, deadline):
        if self.eof:
            raise Ended("closed")
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the script waited too long for Fairlead")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return
        except OSError:
            data = b""
        with self.changed:
            self.note("<", data)
            self.data += data
            self.eof = not data
            for kind, raw in self.cutter.feed(data):
                if kind == "element":
                    self.received.append(inside(raw, self.cutter.header))
                    self.events.append((kind, self.received[-1]))
                    continue
                if kind == "header":
                    self.headers.append(attributes(raw))
                self.end_tag = self.end_tag or kind == "end"
                self.events.append((kind, raw))
            self.changed.notify_all()

    def read_header(self):
        kind, raw = self.read()
        if kind != "header":
            raise Ended(f"{kind} instead of a header: {raw!r}")
        return raw

    def read_element(self):
        kind, what = self.read()
        if kind != "element":
            raise Ended(f"{kind} instead of an element")
        return what

    def send_header(self, extra="", lang="en"):
        self.send(f"<?xml version='1.0'?><stream:stream xmlns='{NS_CLIENT}' "
                  f"xmlns:stream='{NS_STREAM}' id='{self.stream_id()}' from='{self.domain}' "
                  f"version='1.0' xml:lang='{lang}'{' ' if extra else ''}{extra}>")

    def stream_id(self):
        return f"s{self.number}-{len(self.headers)}"

    def open(self, features=FEATURES_SASL):
        """Header for header, then features."""
        self.read_header()
        self.send_header(self.server.header_extra)
        self.send(features)

    def read_raw(self, n, seconds=5):
        """n bytes that are no XML, before all others: a PROXY header."""
        self.sock.settimeout(patience(seconds))
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise Ended(f"the end after {data!r}")
            data += more
        self.note("<", data)
        self.raw += data
        return data

    def starttls(self):
        """STARTTLS, asked of Fairlead and done."""
        self.open(FEATURES_TLS)
        e = self.read_element()
        if e.name != "starttls":
            raise Ended(f"{e} instead of <starttls/>")
        self.send(f"<proceed xmlns='{NS_TLS}'/>")
        self.secure()
        self.cutter.restart()

    def secure(self):
        """TLS from here on."""
        self.sock.settimeout(patience(10))
        self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
        self.note("=", f"{self.sock.version()}".encode())

    def authenticate(self):
        while True:
            e = self.read_element()
            if e.name == "auth":
                break
        self.user = base64.b64decode(e.tree.text or "").split(b"\0")[1].decode("utf-8")
        self.server.named(self)
        self.cutter.restart()
        self.send(f"<success xmlns='{NS_SASL}'/>")

    def bind(self):
        while True:
            e = self.read_element()
            if e.find("bind") is not None:
                break
            self.answer(e)
        self.jid = f"{self.user}@{self.domain}/{e.text('resource') or 'r%d' % self.number}"
        self.send(f"<iq type='result' id='{escape(e.get('id', ''))}'><bind xmlns='{NS_BIND}'>"
                  f"<jid>{escape(self.jid)}</jid></bind></iq>")

    def login(self):
        self.open()
        self.authenticate()
        self.open(self.server.features_bind)
        self.bind()

    def echo(self):
        """Answer until the stream ends; then end it in kind."""
        while True:
            kind, what = self.read(600)
            if kind == "end":
                self.send("</stream:stream>")
                return
            if kind == "element":
                self.answer(what)

    def answer(self, e):
        if e.name == "message" and e.get("type") != "error":
            self.send(swap(e, self.jid or ""))
        elif e.name == "iq" and e.get("type") in ("get", "set"):
            self.send(f"<iq type='result' id='{escape(e.get('id', ''))}'/>")

    def serve(self):
        self.login()
        self.echo()

    def serve_starttls(self):
        self.starttls()
        self.serve()

    def hang(self, seconds=600):
        """Read on and say nothing until Fairlead goes or the server is closed."""
        while True:
            self.read(seconds)

    def hold_here(self, seconds=30):
        """Wait until the test sets stream.hold."""
        if not self.hold.wait(patience(seconds)):
            raise TimeoutError("the test never let the script go on")

    # -- for scripts and tests -----------------------------------------------------------------

    def send(self, data, step=None, pause=0.0):
        """Send text or bytes; step cuts them into pieces of that many bytes, pause between."""
        if isinstance(data, str):
            data = data.encode("utf-8")
        step = step or self.server.step or max(len(data), 1)
        with self.writing:
            self.note(">", data)
            self.sent += data
            try:
                for i in range(0, len(data), step):
                    self.sock.sendall(data[i:i + step])
                    if pause:
                        time.sleep(pause)
            except OSError as e:
                raise Ended(str(e)) from e

    def close(self):
        """Close our side in order."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """Cut the connection, as a killed server does (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.cut = True
        self.sock.shutdown(socket.SHUT_RD)  # wakes the script, whose recv() holds the socket
        self.sock.close()

    def wait(self, condition, seconds=5, what="something"):
        """Wait until condition() holds; it is looked at whenever bytes came."""
        with self.changed:
            done = self.changed.wait_for(condition, patience(seconds))
        assert done, f"the server waited in vain for {what}; got {self.data[-2000:]!r}"
        return done

    def wait_element(self, test, seconds=5):
        """The first received element for which test(e) holds."""
        self.wait(lambda: any(test(e) for e in self.received), seconds, "an element")
        return next(e for e in self.received if test(e))

    def wait_text(self, text, seconds=5):
        """The message whose body is text."""
        return self.wait_element(lambda e: e.name == "message" and e.text() == text, seconds)

    def wait_end(self, seconds=5):
        """Fairlead ended its side with </stream:stream>."""
        self.wait(lambda: self.end_tag or self.eof, seconds, "</stream:stream>")
        assert self.end_tag, f"closed without </stream:stream>: {self.data[-300:]!r}"

    def wait_gone(self, seconds=5):
        """Fairlead ended its side, with or without a word."""
        self.wait(lambda: self.eof or self.end_tag, seconds, "the end of the connection")

    def messages(self):
        return [e.text() for e in self.received if e.name == "message"]

    def note(self, direction, data):
        self.log.append((time.monotonic(), direction, data))

    def run(self):
        try:
            if self.server.direct:
                self.secure()
            self.server.script(self)
        except Ended:
            pass
        except OSError as e:
            if not self.server.closing:
                self.failure = e
        except Exception as e:
            self.failure = e
        finally:
            with self.changed:
                if self.failure is not None:
                    self.note("!", repr(self.failure).encode())
                self.changed.notify_all()
            self.linger()

    def linger(self):
        """The script is over; read what still comes, so that no reset eats what was sent."""
        if self.cut or self.sock.fileno() < 0:
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + 2
            while not self.eof and time.monotonic() < deadline:
                self.receive(deadline)
        except (OSError, ValueError, Ended):
            pass
        self.sock.close()


class Server:
    """Listens on a free port of 127.0.0.1, or on the socket that it is given. `script`, `step`, `header_extra` and `features_bind`
    hold for streams from now on and are set back by reset()."""

    def __init__(self, domain="example.org", script=None, listener=None, tls=None, direct=False):
        self.domain = domain
        self.tls, self.direct = tls, direct
        self.first_script = script or (
            Stream.serve_starttls if tls and not direct else Stream.serve)
        self.streams = []
        self.fresh = queue.Queue()
        self.users = {}
        self.closing = False
        self.changed = threading.Condition()
        self.began = time.monotonic()
        self.reset()
        self.listen(listener or socket.create_server(("127.0.0.1", 0), backlog=1024))

    def listen(self, listener):
        """Take connections from this socket: at first, or after stop_listening()."""
        self.sock = listener
        self.port = listener.getsockname()[1] if listener.family != socket.AF_UNIX else None
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def reset(self):
        self.script = self.first_script
        self.step = None
        self.header_extra = ""
        self.features_bind = FEATURES_BIND

    def accept(self, listener):
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            if listener.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s = Stream(self, sock, len(self.streams) + 1, peer)
            self.streams.append(s)
            self.fresh.put(s)
            threading.Thread(target=s.run, daemon=True).start()

    def named(self, stream):
        with self.changed:
            self.users[stream.user] = stream
            self.changed.notify_all()

    def stream_of(self, user, seconds=5):
        """The stream on which that user authenticated."""
        with self.changed:
            done = self.changed.wait_for(lambda: user in self.users, patience(seconds))
        assert done, f"{user} never authenticated"
        return self.users[user]

    def next_stream(self, seconds=5):
        """The next stream that nobody asked for yet; call drain() before what opens it."""
        try:
            return self.fresh.get(timeout=patience(seconds))
        except queue.Empty:
            raise AssertionError("Fairlead made no connection to the server") from None

    def drain(self):
        while not self.fresh.empty():
            self.fresh.get_nowait()
        return self

    def transcript(self, since=0.0, most=400):
        """What went over the streams since then, for reading."""
        lines = []
        for s in self.streams:
            for when, direction, data in s.log:
                if when >= since:
                    text = data[:1500].decode("utf-8", "backslashreplace") if data else "[closed]"
                    more = f" ... {len(data)} bytes" if len(data) > 1500 else ""
                    lines.append((when, f"{when - self.began:8.3f} #{s.number} {direction} "
                                        f"{text}{more}"))
        return "\n".join(line for _, line in sorted(lines)[-most:])

    def stop_listening(self):
        """The port refuses from here on."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes accept(), which holds the socket
        except OSError:
            pass
        self.sock.close()

    def close(self):
        self.closing = True
        self.stop_listening()
        for s in self.streams:
            s.hold.set()
            try:
                s.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def swap(e, jid):
    """The message e with its addresses swapped; every byte inside is kept."""
    tag = re.match(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", e.raw).group()
    start = re.sub(rb"\s(?:to|from)\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", tag)
    own = f" from='{escape(e.get('to', jid))}' to='{escape(jid)}'".encode()
    name = re.match(rb"<[^\s/>]+", start).group()
    return name + own + start[len(name):] + e.raw[len(tag):]

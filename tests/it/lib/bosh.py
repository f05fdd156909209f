"""HTTP/1.1 and BOSH on bare sockets: what goes out is what the test says, byte for byte."""

import base64
import itertools
import random
import socket
import ssl
import time
import xml.etree.ElementTree as ET

from lib import fairlead, patience, readable
from lib.xmlbits import (NS_BIND, NS_BOSH, NS_CLIENT, NS_SASL, NS_XBOSH, Cutter, attributes,
                         escape, inside)

secure = {}  # port: the SSLContext with which clients connect there
users = (f"user{n}" for n in itertools.count(1))


class Closed(Exception):
    """The connection ended where an answer was due."""


class Response:
    def __init__(self, status, reason, headers, body, interim):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body
        self.interim = interim  # status codes of 1xx answers before it
        self.when = time.monotonic()

    def all(self, name):
        return [v for n, v in self.headers if n == name.lower()]

    def get(self, name):
        """The one value of a header, None without; twice is a failure."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {self.headers}"
        return values[0] if values else None

    def __repr__(self):
        return f"{self.status} {self.reason} {self.headers} {self.body[:500]!r}"


class Http:
    """One connection. Requests may be sent at any time; answers come in order. port: at 127.0.0.1,
    or (address, port), or the path of a Unix socket. before: bytes that go out ahead of all, such
    as a PROXY header. tls: an SSLContext; None: what `secure` says of the port. name: whom a client
    with TLS asks for."""

    def __init__(self, port, timeout=10, before=b"", tls=None, name="localhost", session=None):
        self.timeout = timeout
        if isinstance(port, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(patience(timeout))
            self.sock.connect(port)
        else:
            where = port if isinstance(port, tuple) else ("127.0.0.1", port)
            self.sock = socket.create_connection(where, patience(timeout))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.busy = None  # the Request that waits for its answer (see Bosh)
        if before:
            self.sock.sendall(before)
        self.tls = tls or secure.get(port)
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=name, session=session)

    def send(self, data, step=None, pause=0.0):
        if isinstance(data, str):
            data = data.encode("utf-8")
        for i in range(0, len(data), step or max(len(data), 1)):
            self.sock.sendall(data[i:i + step] if step else data)
            if pause:
                time.sleep(pause)
        return self

    def request(self, method, path, body=None, headers=(), **how):
        """Send a request and read its answer."""
        self.send(request(method, path, body, headers), **how)
        return self.response(head=method == "HEAD")

    def post(self, body, path="/http-bind", headers=(), **how):
        return self.request("POST", path, body, headers, **how)

    def more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer in time; so far {self.buffer[:300]!r}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(262144)
        except TimeoutError:
            raise TimeoutError(f"no answer in time; so far {self.buffer[:300]!r}") from None
        except (ConnectionResetError, ssl.SSLError) as e:
            raise Closed(f"reset: {e}") from e
        if not data:
            raise Closed(f"closed after {self.buffer[:300]!r}")
        self.buffer += data

    def until(self, mark, deadline):
        while mark not in self.buffer:
            self.more(deadline)
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def exactly(self, n, deadline):
        while len(self.buffer) < n:
            self.more(deadline)
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def response(self, timeout=None, head=False):
        """The next final answer."""
        deadline = time.monotonic() + patience(timeout or self.timeout)
        interim = []
        while True:
            lines = self.until(b"\r\n\r\n", deadline).decode("latin-1").split("\r\n")
            version, status, reason = (lines[0] + " ").split(" ", 2)
            assert version in ("HTTP/1.1", "HTTP/1.0") and len(status) == 3, lines[0]
            headers = []
            for line in lines[1:]:
                name, colon, value = line.partition(":")
                assert colon and name == name.strip(), f"bad header line {line!r}"
                headers.append((name.lower(), value.strip()))
            if not status.startswith("1"):
                break
            interim.append(int(status))
            if status == "101":
                return Response(101, reason.strip(), headers, b"", interim[:-1])
        r = Response(int(status), reason.strip(), headers, b"", interim)
        assert r.get("Access-Control-Allow-Credentials") is None, r  # never, whoever asks
        if not head and r.status not in (204, 304):
            r.body = self.body(r, deadline)
        return r

    def body(self, r, deadline):
        length, coding = r.get("Content-Length"), r.get("Transfer-Encoding")
        assert not (length and coding), "Content-Length and Transfer-Encoding"
        if length is not None:
            return self.exactly(int(length), deadline)
        if coding is None:
            raise AssertionError(f"neither Content-Length nor chunked: {r.headers}")
        body = b""
        while True:
            n = int(self.until(b"\r\n", deadline), 16)
            body += self.exactly(n, deadline)
            assert self.exactly(2, deadline) == b"\r\n"
            if n == 0:
                return body

    def ready(self, seconds=0.0):
        """Whether something is there to be read (also the end) within that time."""
        if self.buffer:
            return True
        if not self.tls:
            return readable(self.sock, seconds)
        try:  # a socket with TLS may have something for TLS alone
            self.more(time.monotonic() + max(seconds, 0.005))
        except TimeoutError:
            return False
        except Closed:
            pass
        return True

    def ends(self, seconds=5):
        """Whether the other side closes within that time, saying nothing more."""
        deadline = time.monotonic() + patience(seconds)
        try:
            self.more(deadline)
        except Closed:
            return True
        except TimeoutError:
            return False
        raise AssertionError(f"more came instead of the end: {self.buffer!r}")

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()


def request(method, path, body=None, headers=(), version="HTTP/1.1"):
    """The bytes of a request. headers: a dict or pairs, added to Host and Content-Length."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    lines = [f"{method} {path} {version}"]
    if not any(n.lower() == "host" for n, _ in pairs):
        lines.append("Host: localhost")
    if body is not None:
        body = body.encode("utf-8") if isinstance(body, str) else body
        if not any(n.lower() in ("content-length", "transfer-encoding") for n, _ in pairs):
            lines.append(f"Content-Length: {len(body)}")
    lines += [f"{n}: {v}" for n, v in pairs]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + (body or b"")


def chunked(body, size=7):
    """The body in chunked coding."""
    body = body.encode("utf-8") if isinstance(body, str) else body
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


class Body:
    """An answer's <body/>, after the checks that hold for each: 200, type, CORS, namespace."""

    def __init__(self, response, content_type="text/xml; charset=utf-8"):
        self.response, self.raw = response, response.body
        assert response.status == 200, response
        assert response.get("Content-Type") == content_type, response
        assert len(response.all("Access-Control-Allow-Origin")) == 1, response
        assert response.get("Transfer-Encoding") is None, response
        self.tree = ET.fromstring(self.raw)
        assert self.tree.tag == f"{{{NS_BOSH}}}body", response
        cutter = Cutter()
        parts = cutter.feed(self.raw)
        assert parts[0][0] == "header" and parts[-1][0] == "end" and not cutter.buffer.strip()
        self.attributes = attributes(parts[0][1])
        self.elements = [inside(raw, parts[0][1]) for kind, raw in parts if kind == "element"]

    def get(self, name, default=None):
        return self.attributes.get(name, default)

    @property
    def type(self):
        return self.get("type")

    @property
    def condition(self):
        return self.get("condition")

    def number(self, name):
        return int(self.attributes[name])

    def element(self, name):
        return next((e for e in self.elements if e.name == name), None)

    def __repr__(self):
        return self.raw.decode("utf-8", "replace")


class Request:
    """A request on its way; answer() reads, once, and gives the same again."""

    def __init__(self, session, http, rid, raw):
        self.session, self.http, self.rid, self.raw = session, http, rid, raw
        self.body = None
        self.sent = time.monotonic()

    def ready(self, seconds=0.0):
        return self.body is not None or self.http.ready(seconds)

    def answer(self, timeout=None):
        if self.body is None:
            self.body = Body(self.http.response(timeout), self.session.content_type)
            self.http.busy = None
            self.session.answered(self)
        return self.body


class Bosh:
    """A session. Its requests go round several connections, so that with several workers most of
    them arrive at a worker that does not own the session."""

    def __init__(self, port, domain="example.org", path="/http-bind", connections=4, rid=None,
                 headers=None, before=b"", connect=Http):
        self.port, self.domain, self.path = port, domain, path
        self.connect = connect  # makes a connection of the port, an Http
        self.headers, self.before = headers or {}, before
        self.rid = rid or random.randrange(1 << 20, 1 << 32)  # the next to be used
        self.sid = None
        self.content_type = "text/xml; charset=utf-8"
        self.connections = connections
        self.pool = []
        self.pending = []  # Requests not answered yet, by rid
        self.inbox = []    # Elements that came and nobody took
        self.ended = None  # the terminating Body
        self.user = next(users)
        self.jid = None

    # -- one request ---------------------------------------------------------------------------

    def make(self, payload="", rid=None, attrs=None):
        """The bytes of a <body/>; an attribute given as None is left away."""
        all_attributes = {"rid": rid, "sid": self.sid, "xmlns": NS_BOSH, **(attrs or {})}
        text = "".join(f" {n}='{escape(str(v))}'" for n, v in all_attributes.items()
                       if v is not None)
        payload = payload.encode("utf-8") if isinstance(payload, str) else payload
        return f"<body{text}>".encode("utf-8") + payload + b"</body>"

    def http(self):
        """A connection with nothing on it, the one longest unused."""
        idle = [c for c in self.pool if c.busy is None and not c.ready()]
        if len(self.pool) < self.connections or not idle:
            c = self.connect(self.port, before=self.before)
        else:
            c = idle[0]
            self.pool.remove(c)
        self.pool.append(c)
        return c

    def send(self, payload="", attrs=None, rid=None, http=None, raw=None):
        """Send the next request (or rid, or raw bytes as they are) and return at once."""
        if rid is None:
            rid, self.rid = self.rid, self.rid + 1
        raw = raw or self.make(payload, rid, attrs)
        http = http or self.http()
        r = Request(self, http, rid, raw)
        http.busy = r
        self.pending.append(r)
        http.send(request("POST", self.path, raw, {"Content-Type": "text/xml; charset=utf-8",
                                                   **self.headers}))
        return r

    def answered(self, r):
        if r in self.pending:
            self.pending.remove(r)
        self.inbox += r.body.elements
        if r.body.type == "terminate":
            self.ended = r.body

    def exchange(self, payload="", attrs=None, timeout=None):
        return self.send(payload, attrs).answer(timeout)

    # -- a session -----------------------------------------------------------------------------

    def create(self, attrs=None, timeout=None):
        """Ask for a session; the answer's sid is the session's from here on."""
        usual = {"to": self.domain, "wait": 20, "hold": 1, "ver": "1.6", "xml:lang": "en",
                 "content": "text/xml; charset=utf-8", "xmpp:version": "1.0",
                 "xmlns:xmpp": NS_XBOSH, **(attrs or {})}
        answer = self.exchange("", usual, timeout)
        self.sid = answer.get("sid")
        if self.sid:
            fairlead.secrets.add(self.sid)
        return answer

    def restart(self):
        return self.send("", {"to": self.domain, "xml:lang": "en", "xmpp:restart": "true",
                              "xmlns:xmpp": NS_XBOSH})

    def login(self, attrs=None):
        """Create, features, SASL PLAIN, restart, features, bind."""
        self.create(attrs)
        self.take("features")
        self.send(auth(self.user))
        self.take("success")
        self.restart()
        self.take("features")
        self.send(bind())
        self.jid = self.take("iq").text("jid")
        self.finish()
        return self

    def receive(self, timeout=10):
        """The next element; polls where nothing is on its way."""
        deadline = time.monotonic() + patience(timeout)
        while not self.inbox:
            assert self.ended is None, f"the session ended: {self.ended}"
            assert time.monotonic() < deadline, "nothing came in time"
            if not self.pending:
                self.send()
            self.pending[0].answer(max(0.1, deadline - time.monotonic()))
        return self.inbox.pop(0)

    def take(self, name, timeout=10):
        """The next element, which must be called that."""
        e = self.receive(timeout)
        assert e.name == name, f"wanted {name}, got {e}"
        return e

    def say(self, payload):
        """Send stanzas, with no more than two requests on their way."""
        while len(self.pending) > 1:
            self.pending[0].answer()
        return self.send(payload)

    def finish(self):
        """Have every request answered but at most one that is held empty."""
        while len(self.pending) > 1:
            self.pending[0].answer()

    def drop_pending(self):
        """Close the connections on which answers are due, and forget the requests."""
        for r in self.pending:
            r.http.close()
            self.pool.remove(r.http)
        self.pending = []

    def round_trip(self, text):
        """A message to the echoing server and back."""
        self.say(message(text))
        e = self.receive()
        assert e.name == "message" and e.text() == text, f"wanted {text!r} back, got {e}"
        return e

    def terminate(self, payload=""):
        """End the session and read every answer that is due; the terminating one."""
        self.send(payload, {"type": "terminate"})
        while self.pending:
            self.pending[0].answer()
        return self.ended

    def close(self):
        for c in self.pool:
            c.close()


def auth(user, password="secret"):
    text = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    fairlead.secrets.add(text)
    return f"<auth xmlns='{NS_SASL}' mechanism='PLAIN'>{text}</auth>"


def bind(resource=None):
    inner = f"<resource>{escape(resource)}</resource>" if resource else ""
    return f"<iq xmlns='{NS_CLIENT}' type='set' id='bind'><bind xmlns='{NS_BIND}'>{inner}"\
           "</bind></iq>"


def message(text, to="peer@example.org", xmlns=True, more=""):
    ns = f" xmlns='{NS_CLIENT}'" if xmlns else ""
    return f"<message{ns} to='{to}' type='chat'><body>{escape(text)}</body>{more}</message>"

"""People who write numbered messages and remember what they got: over BOSH, over WebSocket and
straight over TCP, on bare sockets, and by a library in Node. Each has its own threads.

A number stands in the id of a message and in its body. `got` is every number that came, in order;
`returned` every number that came back as an error. Both hold what the person has really seen: what
lies in a socket is not there.
"""

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
import xml.etree.ElementTree as ET

import faults
import peers
from lib import fairlead, patience
from lib.bosh import Closed, Http, request
from lib.ws import CLOSE_ELEMENT, PING, PONG, TEXT, WebSocket, frame
from lib.xmlbits import (NS_BIND, NS_BOSH, NS_CLIENT, NS_FRAMING, NS_SASL, NS_STREAM, NS_XBOSH,
                         Cutter, escape, inside)

NS_SESSION = "urn:ietf:params:xml:ns:xmpp-session"
BATCH = 25    # messages in one request, at most
RETRIES = 40  # in a row that went wrong, before a BOSH client gives up


def local(tree):
    return tree.tag.split("}")[-1]


def message(number, to):
    return (f"<message xmlns='{NS_CLIENT}' to='{escape(to)}' type='chat' id='m{number}'>"
            f"<body>number {number}</body></message>")


class Gone(Exception):
    """The person is dead, or the session is."""


class Person:
    def __init__(self, name, server, resource=None):
        self.name, self.domain = name, server.domain
        self.password = server.accounts[name]
        self.bare = f"{name}@{server.domain}"
        self.resource = resource
        self.jid = None
        self.got, self.returned, self.kinds = [], [], []
        self.odd = []          # what no scenario expects
        self.ended = None      # why the session is over, as this side saw it
        self.dead = False
        self.thawed = threading.Event()
        self.thawed.set()
        self.features = set()
        self.inbox = []        # elements of the login
        self.changed = threading.Condition(threading.RLock())

    # -- what came -----------------------------------------------------------------------------

    def take(self, tree, raw=b""):
        """One element that came; the lock is held."""
        kind = local(tree)
        if kind == "message":
            self.take_message(tree)
        elif kind != "presence":
            self.inbox.append(tree)
        self.changed.notify_all()

    def take_message(self, tree):
        number = tree.get("id", "")
        body = next((e.text for e in tree if local(e) == "body"), None)
        if not number.startswith("m"):
            self.odd.append(ET.tostring(tree))
        elif tree.get("type") == "error":
            error = next(e for e in tree if local(e) == "error")
            self.kinds.append(f"{error.get('type')} {', '.join(local(e) for e in error)}")
            self.returned.append(int(number[1:]))
        elif body == f"number {number[1:]}":
            self.got.append(int(number[1:]))
        else:
            self.odd.append(ET.tostring(tree))

    def wait(self, what, condition, seconds=30):
        with self.changed:
            if not self.changed.wait_for(condition, patience(seconds)):
                raise AssertionError(f"{self.name} waited in vain for {what}: {self}")

    def __repr__(self):
        return (f"{type(self).__name__} {self.jid}, {len(self.got)} messages, "
                f"{len(self.returned)} returned, ended {self.ended}, odd {self.odd[:3]}")

    def end(self, why):
        with self.changed:
            self.ended = self.ended or why
            self.changed.notify_all()

    # -- logging in; send_raw(text) and restart() are the transport's ----------------------------

    def expect(self, name, seconds=30):
        """The next element of that name; others before it are passed over."""
        def there():
            while self.inbox and local(self.inbox[0]) != name:
                if local(self.inbox[0]) == "failure":
                    raise AssertionError(f"{self.name}: {ET.tostring(self.inbox[0])}")
                self.inbox.pop(0)
            return bool(self.inbox) or self.ended
        self.wait(f"<{name}/>", there, seconds)
        if not self.inbox:
            raise AssertionError(f"{self.name} wanted <{name}/>: {self}")
        return self.inbox.pop(0)

    def log_in(self, presence=True):
        self.expect("features")
        text = base64.b64encode(f"\0{self.name}\0{self.password}".encode()).decode()
        fairlead.secrets.add(text)
        self.send_raw(f"<auth xmlns='{NS_SASL}' mechanism='PLAIN'>{text}</auth>")
        self.expect("success")
        self.restart()
        features = self.expect("features")
        self.features = {local(e) for e in features.iter()}
        resource = f"<resource>{self.resource}</resource>" if self.resource else ""
        self.send_raw(f"<iq xmlns='{NS_CLIENT}' type='set' id='bind'><bind xmlns='{NS_BIND}'>"
                      f"{resource}</bind></iq>")
        self.jid = next(e.text for e in self.expect("iq").iter() if local(e) == "jid")
        if "session" in self.features and "optional" not in self.features:
            self.send_raw(f"<iq xmlns='{NS_CLIENT}' type='set' id='session'>"
                          f"<session xmlns='{NS_SESSION}'/></iq>")
            self.expect("iq")
        if presence:
            self.send_raw(f"<presence xmlns='{NS_CLIENT}'/>")
            self.send_raw(f"<iq xmlns='{NS_CLIENT}' type='get' id='roster'>"
                          "<query xmlns='jabber:iq:roster'/></iq>")
            self.expect("iq")
        return self

    def freeze(self):
        """It reads and writes nothing any more, and its connections stay."""
        self.thawed.clear()

    def thaw(self):
        self.thawed.set()

    def alive(self):
        """Wait while frozen; raise when dead."""
        self.thawed.wait()
        if self.dead:
            raise Gone


class BoshPerson(Person):
    """As many requests on their way as granted; one is there at all times. What fails is repeated
    with its rid, byte for byte. acks: whether it acknowledges answers (XEP-0124 9.2)."""

    def __init__(self, name, server, port, rng, acks=False, wait=2, window=2, **more):
        super().__init__(name, server, **more)
        self.port, self.rng, self.acks, self.wait_asked = port, rng, acks, wait
        self.sid = None
        self.rid = rng.randrange(1 << 20, 1 << 32)
        self.taken = self.rid - 1   # up to this rid, all answers were taken
        self.answers = {}           # by rid, those that came before an older one
        self.open = {}              # by rid, the payload
        self.unsure = []            # numbers in requests that were answered by the end
        self.outbox = []            # (text, number or None)
        self.window = window
        self.terminating = self.over = False  # it is to say goodbye; it did
        self.repeated = 0
        self.sockets = set()
        self.numbers = {}
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(window)]
        self.create()
        for t in self.threads:
            t.start()

    def body(self, payload="", **attributes):
        named = {"rid": self.rid, "sid": self.sid, "xmlns": NS_BOSH, **attributes}
        text = "".join(f" {n.replace('_', ':')}='{escape(str(v))}'" for n, v in named.items()
                       if v is not None)
        return f"<body{text}>{payload}</body>"

    def create(self):
        raw = self.body(to=self.domain, wait=self.wait_asked, hold=1, ver="1.6", xml_lang="en",
                        xmpp_version="1.0", xmlns_xmpp=NS_XBOSH, ack=1 if self.acks else None)
        tree = self.post(raw, [None])
        self.sid = tree.get("sid")
        assert self.sid, ET.tostring(tree)
        fairlead.secrets.add(self.sid)
        self.window = min(self.window, int(tree.get("requests")))
        self.wait_asked = int(tree.get("wait"))  # no longer than that without an answer
        self.open[self.rid] = raw
        self.answered(self.rid, tree)
        self.rid += 1

    def send_raw(self, text, number=None):
        with self.changed:
            self.outbox.append((text, number))
            self.changed.notify_all()

    def restart(self):
        with self.changed:
            self.outbox.append((None, None))
            self.changed.notify_all()

    def say(self, numbers, to):
        """The messages of these numbers, each to to(number), as fast as it goes."""
        with self.changed:
            for n in numbers:
                self.send_raw(message(n, to(n)), n)
        self.wait("its words to be sent", lambda: not self.outbox and not self.numbers or
                  self.ended, 60)

    # -- its threads ---------------------------------------------------------------------------

    def next(self):
        """Wait for the turn of a new request: its rid and its bytes."""
        with self.changed:
            while True:
                if self.ended or self.dead:
                    raise Gone
                # The window is one of rids: nothing beyond it while the oldest has no answer.
                if self.thawed.is_set() and self.rid - self.taken <= self.window and not self.over:
                    if self.outbox or self.terminating or not self.open:
                        break
                self.changed.wait(0.5)
            attributes, payload, count = {}, [], self.rng.randint(1, BATCH)
            if self.terminating:
                self.over = True
                attributes["type"] = "terminate"
                payload.append(f"<presence xmlns='{NS_CLIENT}' type='unavailable'/>")
            while self.outbox and len(payload) < count:
                text, number = self.outbox.pop(0)
                if text is None:
                    attributes.update(to=self.domain, xmpp_restart="true", xmlns_xmpp=NS_XBOSH)
                    break
                payload.append(text)
                if number is not None:
                    self.numbers.setdefault(self.rid, []).append(number)
            if self.acks and self.taken != self.rid - 1:
                attributes["ack"] = self.taken
            rid, raw = self.rid, self.body("".join(payload), **attributes)
            self.rid += 1
            self.open[rid] = raw
            return rid, raw

    def work(self):
        connection = [None]
        try:
            while True:
                rid, raw = self.next()
                tree = self.post(raw, connection)
                self.alive()
                with self.changed:
                    if self.dead:
                        raise Gone
                    self.answered(rid, tree)
        except Gone:
            pass
        except Exception as e:
            self.end(repr(e))

    def post(self, raw, connection):
        """The answer's tree; the same bytes go out until there is one."""
        for _ in range(RETRIES):
            self.alive()
            try:
                if connection[0] is None:
                    connection[0] = Http(self.port, self.wait_asked + 1.5)
                    with self.changed:
                        self.sockets.add(connection[0].sock)
                connection[0].send(request("POST", "/http-bind", raw,
                                           {"Content-Type": "text/xml; charset=utf-8"}))
                answer = connection[0].response()
                self.alive()
                if answer.status == 200:
                    tree = ET.fromstring(answer.body)
                    if tree.get("type") != "error":
                        return tree
                elif answer.status < 500:
                    raise AssertionError(f"{answer}")
            except (OSError, Closed, TimeoutError):
                self.alive()
                self.drop(connection)
                time.sleep(0.02)
            with self.changed:
                self.repeated += 1
                if self.ended:
                    raise Gone
        raise AssertionError("no answer at all")

    def drop(self, connection):
        if connection[0] is not None:
            with self.changed:
                self.sockets.discard(connection[0].sock)
            connection[0].close()
        connection[0] = None

    def answered(self, rid, tree):
        """Answers are taken in the order of their rids, each once."""
        with self.changed:
            del self.open[rid]
            if tree.get("type") == "terminate":
                self.unsure += self.numbers.get(rid, [])
            self.numbers.pop(rid, None)
            self.answers[rid] = tree
            while self.taken + 1 in self.answers:
                self.taken += 1
                tree = self.answers.pop(self.taken)
                for e in tree:
                    self.take(e)
                if tree.get("type") == "terminate":
                    self.end(tree.get("condition") or "terminate")
            self.changed.notify_all()

    # -- the end -------------------------------------------------------------------------------

    def settle(self):
        """The session ended: every request has its answer, or never gets one."""
        for t in self.threads:
            t.join(patience(30))
        for rid in list(self.numbers):
            self.unsure += self.numbers.pop(rid)

    def kill(self):
        """Its process is no more: nothing is read, the kernel closes what was open."""
        with self.changed:
            self.dead = True
            sockets, self.sockets = self.sockets, set()
            self.changed.notify_all()
        self.thawed.set()
        for s in sockets:
            faults.reset(s)

    def walk_away(self):
        """Its connections are closed in order, and it comes not back."""
        with self.changed:
            self.dead = True
            sockets, self.sockets = self.sockets, set()
            self.changed.notify_all()
        faults.shut(*sockets)

    def log_out(self):
        """The terminating request, and every answer that is due."""
        with self.changed:
            self.terminating = True
            self.changed.notify_all()
        self.wait("the end", lambda: self.ended and not self.open)

    close = kill


class WebSocketPerson(Person):
    """RFC 7395 as Strophe.js speaks it: no stream management of its own."""

    def __init__(self, name, server, port, rng, **more):
        super().__init__(name, server, **more)
        self.ws = WebSocket(port)
        self.outbox = []  # nothing waits here
        self.settle = lambda: None
        self.sending = threading.Lock()
        self.unsure = []
        self.closed = False
        threading.Thread(target=self.work, daemon=True).start()
        self.restart()

    def send_raw(self, text, number=None):
        self.alive()
        try:
            with self.sending:
                self.ws.http.send(frame(TEXT, text))
        except OSError as e:
            self.end(repr(e))

    def restart(self):
        self.send_raw(f"<open xmlns='{NS_FRAMING}' to='{self.domain}' version='1.0'/>")

    def say(self, numbers, to):
        for n in numbers:
            if self.ended:
                self.unsure.append(n)
            else:
                self.send_raw(message(n, to(n)))

    def work(self):
        data = b""
        try:
            while True:
                # Frames are taken one by one, so that a pong covers what was really taken.
                fin, op, payload = self.ws.receive_frame(600)
                self.alive()
                if op == PING:
                    with self.sending:
                        self.ws.http.send(frame(PONG, payload))
                    continue
                if op == 8:
                    code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                    raise Closed(f"close frame {code}")
                data += payload
                if fin:
                    whole, data = data, b""
                    self.take_frame(whole)
        except Gone:
            pass
        except (OSError, Closed, TimeoutError) as e:
            self.end(str(e) or repr(e))
        except Exception as e:
            self.end(repr(e))

    def take_frame(self, whole):
        with self.changed:
            if self.dead:
                raise Gone
            if whole == CLOSE_ELEMENT:
                if not self.closed:
                    self.ws.try_send(frame(TEXT, CLOSE_ELEMENT))
                self.end("close")
                return
            tree = ET.fromstring(whole)
            if local(tree) != "open":
                self.take(tree)

    def kill(self):
        with self.changed:
            self.dead = True
            self.changed.notify_all()
        self.thawed.set()
        faults.reset(self.ws.http.sock)

    def log_out(self):
        self.closed = True
        self.send_raw(f"<presence xmlns='{NS_CLIENT}' type='unavailable'/>")
        self.send_raw(CLOSE_ELEMENT)
        self.wait("the end", lambda: self.ended)

    close = kill


class TcpPerson(Person):
    """Straight to the server."""

    def __init__(self, name, server, **more):
        super().__init__(name, server, **more)
        self.sock = socket.create_connection(("127.0.0.1", server.port), patience(10))
        self.sock.settimeout(None)
        self.cutter = Cutter()
        self.sending = threading.Lock()
        self.unsure = []
        threading.Thread(target=self.work, daemon=True).start()
        self.restart()

    def send_raw(self, text, number=None):
        with self.sending:
            self.sock.sendall(text.encode())

    def restart(self):
        self.cutter.restart()
        self.send_raw(f"<?xml version='1.0'?><stream:stream xmlns='{NS_CLIENT}' "
                      f"xmlns:stream='{NS_STREAM}' to='{self.domain}' version='1.0'>")

    def say(self, numbers, to):
        for n in numbers:
            self.send_raw(message(n, to(n)))

    def work(self):
        try:
            while True:
                data = self.sock.recv(65536)
                if not data:
                    break
                for kind, raw in self.cutter.feed(data):
                    with self.changed:
                        if kind == "element":
                            self.take(inside(raw, self.cutter.header).tree)
                        elif kind == "end":
                            self.end("end tag")
        except OSError:
            pass
        except Exception as e:
            self.end(repr(e))
        self.end("closed")

    def round_trip(self):
        """What the server had for it before is here after this."""
        self.send_raw(f"<message xmlns='{NS_CLIENT}' to='{self.bare}' id='mark' type='chat'>"
                      "<body>mark</body></message>")
        self.wait("its own word", lambda: any(b"mark" in odd for odd in self.odd))
        self.odd = [odd for odd in self.odd if b"mark" not in odd]

    def close(self):
        faults.shut(self.sock)


class ProgramPerson(Person):
    """A program that prints READY JID, and GOT ... number N for each message that it is given."""

    def __init__(self, name, server, command, **more):
        super().__init__(name, server)
        self.log = []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, encoding="utf-8", **more)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            with self.changed:
                if word == "GOT":
                    text, _, number = rest.rpartition(" ")
                    if text in ("number", f"m{number} number"):
                        self.got.append(int(number))
                    else:
                        self.odd.append(rest)
                elif word == "READY":
                    self.jid = rest
                elif word == "ENDED":
                    self.ended = rest
                else:
                    self.log.append(line)
                self.changed.notify_all()
        self.end("process ended")

    def log_in(self):
        self.wait("login", lambda: self.jid or self.ended)
        assert self.jid and not self.ended, "".join(self.log)
        return self

    def __repr__(self):
        return f"{super().__repr__()}, it said:\n{''.join(self.log[-20:])}"

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """What it had printed counts; what it had not is not with the user."""
        self.process.kill()
        self.process.wait()
        self.reader.join()

    close = kill


class NodePerson(ProgramPerson):
    """A library in Node (clients/receive.js)."""

    def __init__(self, library, name, server, port, transport):
        service = {"bosh": f"http://127.0.0.1:{port}/http-bind",
                   "websocket": f"ws://127.0.0.1:{port}/xmpp-websocket"}[transport]
        options = {"service": service, "transport": transport, "domain": server.domain,
                   "user": name, "password": server.accounts[name]}
        super().__init__(name, server, ["node", os.path.join(peers.HERE, "clients", "receive.js"),
                                        library, json.dumps(options)])

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def log_out(self, after=""):
        """At once, or in the handler of so many messages."""
        self.tell(f"logout {after}".rstrip())
        self.wait("the end", lambda: self.ended, 60)


class ConversePerson(ProgramPerson):
    """converse.js in a browser; it tells of that one peer."""

    def __init__(self, name, server, port, peer, page):
        options = {"service": f"http://127.0.0.1:{port}/http-bind", "transport": "bosh",
                   "domain": server.domain, "users": [name],
                   "passwords": [server.accounts[name]], "page": page,
                   "browser": peers.browser(), "peer": f"{peer}@{server.domain}"}
        super().__init__(name, server, ["node", os.path.join(peers.HERE, "clients", "converse.js"),
                                        "receive", json.dumps(options)])


class NativePerson(ProgramPerson):
    """A program of native/, over BOSH; it hears only that one peer."""

    def __init__(self, program, name, server, port, peer, folder):
        options = {"port": port, "path": "/http-bind", "domain": server.domain, "user": name,
                   "password": server.accounts[name], "peer": peer, "room": "none",
                   "folder": folder, "big": "", "haste": 10, "listen": 1}
        super().__init__(name, server, [program, *(f"{k}={v}" for k, v in options.items())],
                         cwd=folder, env={**os.environ, "HOME": str(folder)})

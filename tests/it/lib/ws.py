"""RFC 6455 and RFC 7395 on a bare socket: any frame, whole or in fragments, right or wrong."""

import base64
import hashlib
import os
import struct
import time
import zlib

from lib import patience
from lib.bosh import Closed, Http, auth, bind, message, request, users
from lib.xmlbits import NS_FRAMING, alone

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE_ELEMENT = b'<close xmlns="urn:ietf:params:xml:ns:xmpp-framing" />'


def upgrade(path="/xmpp-websocket", headers=None, method="GET", version="HTTP/1.1",
            key="dGhlIHNhbXBsZSBub25jZQ=="):
    """The bytes of an upgrade request; a header given as None is left away."""
    usual = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
             "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Protocol": "xmpp", **(headers or {})}
    return request(method, path, None, {n: v for n, v in usual.items() if v is not None}, version)


def frame(op, payload=b"", fin=True, rsv=0, mask=True):
    """The bytes of one frame from a client."""
    if isinstance(payload, str):
        payload = payload.encode("utf-8")
    head = bytes([(0x80 if fin else 0) | rsv << 4 | op])
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", bit | 127, len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    wide = (key * (len(payload) // 4 + 1))[:len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(wide, "big")
    return head + key + mixed.to_bytes(len(payload), "big")


class WebSocket:
    """After the handshake. Messages come by receive(); pings are answered on the way unless
    pongs is False; the close frame raises Closed and leaves its code in `code`."""

    reserved = 0x70

    def __init__(self, port, path="/xmpp-websocket", headers=None, timeout=10, before=b"",
                 connect=Http):
        self.http = connect(port, timeout, before)
        key = base64.b64encode(os.urandom(16)).decode()
        self.http.send(upgrade(path, headers, key=key))
        self.handshake = self.http.response()
        assert self.handshake.status == 101, self.handshake
        digest = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert self.handshake.get("Sec-WebSocket-Accept") == digest, self.handshake
        self.code = None
        self.pongs = True
        self.pings = []      # (when, payload) of each ping that came
        self.user = next(users)
        self.domain = "example.org"
        self.jid = None

    def send(self, text, step=None, pause=0.0):
        """One text message; step cuts the bytes on the wire, not the message."""
        self.http.send(frame(TEXT, text), step, pause)
        return self

    def send_fragments(self, text, pieces, between=b""):
        """The message in that many frames; `between` goes between the first two."""
        data = text.encode("utf-8") if isinstance(text, str) else text
        size = -(-len(data) // pieces)
        cut = [data[i:i + size] for i in range(0, len(data), size)]
        for i, piece in enumerate(cut):
            self.http.send(frame(TEXT if i == 0 else CONT, piece, fin=i == len(cut) - 1))
            if i == 0 and between:
                self.http.send(between)
        return self

    def receive_frame(self, timeout=10):
        """(fin, op, payload) of the next frame, whatever it is."""
        deadline = time.monotonic() + patience(timeout)
        first, second = self.http.exactly(2, deadline)
        assert not second & 0x80, "a masked frame from the server"
        assert not first & self.reserved, "reserved bits without an extension"
        self.rsv1 = bool(first & 0x40)
        n = second & 0x7f
        if n == 126:
            n = struct.unpack("!H", self.http.exactly(2, deadline))[0]
        elif n == 127:
            n = struct.unpack("!Q", self.http.exactly(8, deadline))[0]
        payload = self.http.exactly(n, deadline)
        if first & 8:
            assert first & 0x80 and n < 126, "a control frame in fragments or too long"
        return bool(first & 0x80), first & 0xf, payload

    def inflate(self, data):
        raise AssertionError("a compressed message without the extension")

    def receive(self, timeout=10):
        """The bytes of the next text message."""
        deadline = time.monotonic() + patience(timeout)
        data, begun, compressed = b"", False, False
        while True:
            fin, op, payload = self.receive_frame(max(0.01, deadline - time.monotonic()))
            if op == PING:
                self.pings.append((time.monotonic(), payload))
                if self.pongs:
                    self.http.send(frame(PONG, payload))
            elif op == CLOSE:
                self.code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                raise Closed(f"close frame {self.code}")
            elif op in (TEXT, CONT):
                assert (op == CONT) == begun, "fragments in disorder"
                begun = True
                data += payload
                compressed = self.rsv1 if op == TEXT else compressed
                if fin:
                    data = self.inflate(data) if compressed else data
                    data.decode("utf-8")
                    return data
            else:
                assert op == PONG, f"an unexpected frame of type {op}"

    def element(self, timeout=10):
        """The next message, which must be one element that stands on its own."""
        return alone(self.receive(timeout))

    def take(self, name, timeout=10):
        e = self.element(timeout)
        assert e.name == name, f"wanted {name}, got {e}"
        return e

    def receive_ping(self, timeout=10):
        """Read one frame, which must be a ping, and answer it."""
        fin, op, payload = self.receive_frame(timeout)
        assert op == PING, f"a frame of type {op}: {payload!r}"
        self.pings.append((time.monotonic(), payload))
        self.http.send(frame(PONG, payload))
        return True

    def ping_next(self, seconds):
        """Whether a ping is what comes next, within that time."""
        if not self.http.ready(seconds):
            return False
        if not self.http.buffer:
            try:
                self.http.more(time.monotonic() + 1)
            except Closed:
                return False
        return self.http.buffer[0] & 15 == PING

    def silent(self, seconds):
        """Whether nothing comes for so long (never stretched) but pings, which prove stanzas that
        came before and are answered."""
        end = time.monotonic() + seconds
        while self.ping_next(max(0, end - time.monotonic())):
            self.receive_ping()
        return not self.http.ready()

    # -- RFC 7395 ------------------------------------------------------------------------------

    def open_text(self, domain=None, more=""):
        return f"<open xmlns='{NS_FRAMING}' to='{domain or self.domain}' version='1.0'{more}/>"

    def open(self, domain=None):
        """<open/> both ways, then features: the two Elements."""
        self.send(self.open_text(domain))
        return self.take("open"), self.take("features")

    def login(self):
        self.open()
        self.send(auth(self.user))
        self.take("success")
        self.open()
        self.send(bind())
        self.jid = self.take("iq").text("jid")
        if self.ping_next(0.3):  # in the same write, but for domains where nothing is proved
            self.receive_ping()
        return self

    def round_trip(self, text):
        self.send(message(text))
        e = self.take("message")
        assert e.text() == text, f"wanted {text!r} back, got {e}"
        return e

    def ending(self, timeout=10):
        """Read to the close frame, answering <close/> and the frame in kind. The messages before
        it, as bytes; the code is in self.code."""
        deadline = time.monotonic() + patience(timeout)
        found = []
        while True:
            try:
                found.append(self.receive(max(0.01, (deadline - time.monotonic()) / patience(1))))
            except Closed:
                if self.code is not None:
                    self.try_send(frame(CLOSE, struct.pack("!H", self.code)
                                        if self.code != 1005 else b""))
                return found
            if found[-1] == CLOSE_ELEMENT:
                self.try_send(frame(TEXT, CLOSE_ELEMENT))

    def try_send(self, data):
        try:
            self.http.send(data)
        except OSError:
            pass

    def send_close(self, code=1000):
        self.http.send(frame(CLOSE, struct.pack("!H", code)))

    def close(self):
        self.http.close()


def deflate(text, level=6):
    """A message as permessage-deflate has it, without context."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    c = zlib.compressobj(level, zlib.DEFLATED, -15)
    return (c.compress(data) + c.flush(zlib.Z_SYNC_FLUSH))[:-4]


class DeflateWebSocket(WebSocket):
    """One with permessage-deflate, no context taken over either way."""

    reserved = 0x30

    def __init__(self, port, offer="permessage-deflate; client_max_window_bits", **more):
        super().__init__(port, headers={"Sec-WebSocket-Extensions": offer}, **more)
        answer = self.handshake.get("Sec-WebSocket-Extensions") or ""
        assert sorted(p.strip() for p in answer.split(";")) == [
            "client_no_context_takeover", "permessage-deflate", "server_no_context_takeover"]
        self.compressed = self.plain = 0  # messages that came

    def send(self, text, step=None, pause=0.0):
        self.http.send(frame(TEXT, deflate(text), rsv=4), step, pause)
        return self

    def inflate(self, data):
        self.compressed += 1
        return zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff")

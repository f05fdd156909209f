"""Thousands of clients in one asyncio loop: numbered messages each way, checked one by one."""

import asyncio
import base64
import os
import random
import re
import struct

NS = b"xmlns='http://jabber.org/protocol/httpbind'"
TEXT = re.compile(rb"<message[^>]*><body>([^<]*)</body></message>")
LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
SID = re.compile(rb"<body[^>]*\ssid=['\"]([^'\"]+)")
AUTH = b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHUAcA==</auth>"
BIND = (b"<iq xmlns='jabber:client' type='set' id='b'>"
        b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
MESSAGE = (b"<message xmlns='jabber:client' to='peer@example.org' type='chat'><body>%s</body>"
           b"</message>")


class Client:
    """What both kinds share: the count of what comes, and the round."""

    def __init__(self, port):
        self.port = port
        self.sent = 0
        self.expected = 0   # the number that the next message from the server must have
        self.total = None
        self.over = asyncio.Event()

    def take(self, data):
        """Check each message in data."""
        for text in TEXT.findall(data):
            if text.startswith(b"total "):
                self.total = int(text[6:])
                self.over.set()
            elif text != b"%d" % self.expected:
                raise AssertionError(f"{type(self).__name__}: {text} instead of {self.expected}")
            else:
                self.expected += 1

    async def talk(self, until, interval):
        """Messages until the time is up, then the count."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(random.random() * interval)
        while loop.time() < until:
            await self.say(b"%d" % self.sent)
            self.sent += 1
            await asyncio.sleep(interval * (0.5 + random.random()))
        await self.say(b"done")
        await self.over.wait()
        # a message sent unasked may come between "done" and the count, never after it
        if self.total != self.expected:
            raise AssertionError(f"{self.total} were sent, {self.expected} came")


class WebSocketClient(Client):
    async def send(self, data):
        key = os.urandom(4)
        wide = (key * (len(data) // 4 + 1))[:len(data)]
        mixed = (int.from_bytes(data, "big") ^ int.from_bytes(wide, "big")).to_bytes(len(data),
                                                                                  "big")
        head = bytes([0x81, 0x80 | len(data)]) if len(data) < 126 else \
            struct.pack("!BBH", 0x81, 0x80 | 126, len(data))
        self.writer.write(head + key + mixed)
        await self.writer.drain()

    async def receive(self):
        while True:
            first, n = await self.reader.readexactly(2)
            if n == 126:
                n = struct.unpack("!H", await self.reader.readexactly(2))[0]
            data = await self.reader.readexactly(n)
            if first == 0x81:
                return data
            if first == 0x89:
                self.writer.write(b"\x8a" + bytes([0x80 | n]) + bytes(4) + data)
            elif first == 0x88:
                raise AssertionError(f"closed: {data}")

    async def expect(self, mark):
        data = await self.receive()
        assert mark in data, (mark, data)

    async def login(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16))
        self.writer.write(b"GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket"
                          b"\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                          b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n"
                          % key)
        assert (await self.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        opening = (b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' "
                   b"version='1.0'/>")
        await self.send(opening)
        await self.expect(b"<open ")
        await self.expect(b"mechanisms")
        await self.send(AUTH)
        await self.expect(b"<success")
        await self.send(opening)
        await self.expect(b"<open ")
        await self.expect(b"bind")
        await self.send(BIND)
        await self.expect(b"<jid>")

    async def say(self, text):
        await self.send(MESSAGE % text)

    async def listen(self):
        while not self.over.is_set():
            self.take(await self.receive())

    async def leave(self):
        await self.send(b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
        while b"<close " not in await self.receive():
            pass
        self.writer.close()


class BoshClient(Client):
    """Two connections; answers are taken in rid order whichever connection they come on."""

    async def login(self):
        self.rid = random.randrange(1, 1 << 40)
        self.sid = None
        self.previous = None
        self.leaving = False
        self.idle = asyncio.Queue()
        for _ in range(2):
            self.idle.put_nowait(None)
        first = await self.ask(b"to='example.org' wait='30' hold='1' ver='1.6'")
        self.sid = SID.search(first).group(1)
        await self.until(first, b"mechanisms")
        await self.until(await self.ask(b"", AUTH), b"<success")
        restart = b"to='example.org' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'"
        await self.until(await self.ask(restart), b"<bind")
        await self.until(await self.ask(b"", BIND), b"<jid>")

    async def until(self, data, mark):
        while mark not in data:
            data = await self.ask(b"")

    async def ask(self, attributes, payload=b""):
        """One request and its answer; done when those before it are done."""
        connection = await self.idle.get()
        # No sooner than it is used: one on which nothing is said for long is closed.
        connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = connection
        sid = b" sid='%s'" % self.sid if self.sid else b""
        body = b"<body %s rid='%d'%s %s>%s</body>" % (NS, self.rid, sid, attributes, payload)
        self.rid += 1
        before, mine = self.previous, asyncio.get_running_loop().create_future()
        self.previous = mine
        writer.write(b"POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(body), body))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        data = await reader.readexactly(int(LENGTH.search(head).group(1)))
        self.idle.put_nowait(connection)
        if before is not None and not before.done():
            await before
        if b"type='terminate'" in data or b'type="terminate"' in data:
            assert self.leaving, data
        self.take(data)
        mine.set_result(None)
        return data

    async def say(self, text):
        await self.ask(b"", MESSAGE % text)

    async def listen(self):
        while not self.over.is_set():
            await self.ask(b"")

    async def leave(self):
        self.leaving = True
        await self.ask(b"type='terminate'")
        while not self.idle.empty():
            connection = self.idle.get_nowait()
            if connection:
                connection[1].close()


async def one(client, gate, started, until, interval):
    async with gate:
        await client.login()
    started.append(client)
    limit = until - asyncio.get_running_loop().time() + 90
    listener = asyncio.ensure_future(client.listen())
    talker = asyncio.ensure_future(client.talk(until, interval))
    try:
        done, _ = await asyncio.wait({listener, talker}, timeout=limit,
                                     return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await asyncio.wait_for(talker, limit if done else 0)
        await client.leave()
        await asyncio.wait_for(listener, 30)
    finally:
        listener.cancel()
        talker.cancel()


async def round_of(port, n, seconds, interval):
    """n clients of each kind talk for so long; (messages sent, messages received)."""
    loop = asyncio.get_running_loop()
    gate, started = asyncio.Semaphore(50), []
    until = loop.time() + seconds + n / 100  # time to log in
    clients = [kind(port) for _ in range(n) for kind in (BoshClient, WebSocketClient)]
    tasks = [asyncio.ensure_future(one(c, gate, started, until, interval)) for c in clients]
    try:
        await asyncio.gather(*tasks)
    finally:
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(started) == 2 * n
    return sum(c.sent for c in clients), sum(c.expected for c in clients)

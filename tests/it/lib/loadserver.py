"""The XMPP server of the load test, a process of its own: as little as the load needs, and fast.

It logs everybody in. Clients send messages whose body is a number, 0, 1, 2, ...; it checks that
none is missing, doubled or out of order, and answers each with one of its own, numbered likewise;
from time to time it sends a few unasked. A message "done" is answered with "total N", the count of
its own. What was wrong goes to the client as a message "wrong ..." and to stdout when stdin closes.
"""

import asyncio
import json
import random
import re
import sys

HEADER = re.compile(rb"<stream:stream[^>]*>")
AUTH = re.compile(rb"<auth[^>]*>[^<]*</auth>")
BIND = re.compile(rb"<iq[^>]*\bid=['\"]([^'\"]*)['\"][^>]*>.*?</iq>", re.S)
MESSAGE = re.compile(rb"<message[^>]*><body>([^<]*)</body></message>")
SASL = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
        b"xmlns:stream='http://etherx.jabber.org/streams' id='%d' from='example.org' version='1.0'>"
        b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
        b"<mechanism>PLAIN</mechanism></mechanisms></stream:features>")
BOUND = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
         b"xmlns:stream='http://etherx.jabber.org/streams' id='%d' from='example.org' "
         b"version='1.0'><stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
         b"</stream:features>")
STEPS = [HEADER, AUTH, HEADER, BIND, MESSAGE]

facts = {"streams": 0, "received": 0, "sent": 0, "wrong": []}


class Stream(asyncio.Protocol):
    def connection_made(self, transport):
        facts["streams"] += 1
        self.transport = transport
        self.data = b""
        self.step = 0
        self.number = facts["streams"]
        self.expected = 0
        self.sent = 0
        self.done = False

    def data_received(self, data):
        self.data += data
        while True:
            found = STEPS[self.step].search(self.data)
            if not found:
                break
            self.data = self.data[found.end():]
            self.act(found)
        if b"</stream:stream>" in self.data:
            self.transport.write(b"</stream:stream>")
            self.transport.close()

    def act(self, found):
        if self.step == 0:
            self.transport.write(SASL % self.number)
        elif self.step == 1:
            self.transport.write(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        elif self.step == 2:
            self.transport.write(BOUND % self.number)
        elif self.step == 3:
            self.transport.write(b"<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:"
                                 b"xmpp-bind'><jid>u%d@example.org/r</jid></bind></iq>"
                                 % (found.group(1), self.number))
        else:
            return self.message(found.group(1).decode())
        self.step += 1

    def message(self, text):
        if text == "done":
            self.done = True
            return self.send(f"total {self.sent}")
        facts["received"] += 1
        if text != str(self.expected):
            facts["wrong"].append(f"stream {self.number}: {text} instead of {self.expected}")
            self.send("wrong " + facts["wrong"][-1])
        self.expected += 1
        self.send_next()
        if random.random() < 0.05:
            for _ in range(3):
                self.send_next()
        elif random.random() < 0.05:
            asyncio.get_running_loop().call_later(random.random(), self.unasked)

    def unasked(self):
        if not self.done and not self.transport.is_closing():
            self.send_next()

    def send_next(self):
        self.send(str(self.sent))
        self.sent += 1
        facts["sent"] += 1

    def send(self, text):
        self.transport.write(b"<message from='peer@example.org' type='chat'><body>%s</body>"
                             b"</message>" % text.encode())


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stream, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

"""Stream management (XEP-0198) for the scripted server, as a strict server does it: it counts both
ways, keeps what is not acknowledged, and a count that cannot be is a failure of the script."""

from lib.xmlbits import NS_BIND, NS_STANZAS, escape, unescape
from lib.xmppserver import FEATURES_SASL

NS_SM = "urn:xmpp:sm:3"
SM = f"<sm xmlns='{NS_SM}'><optional/></sm>"
FEATURES = f"<stream:features><bind xmlns='{NS_BIND}'/>{SM}</stream:features>"
STANZAS = ("message", "presence", "iq")


class Counting:
    """What one stream's server counts; `stream.sm`."""

    def __init__(self, stream, grant=True, answer=True):
        self.stream, self.grant, self.answer = stream, grant, answer
        self.enabled = False
        self.sent = 0      # stanzas since <enabled/>
        self.acked = 0     # of them
        self.acks = []     # each h that came
        self.kept = []     # (serial, id) of what is not acknowledged
        self.came = 0      # stanzas since <enable/>
        self.asked = 0     # <r/> that came

    def deliver(self, *ids, ask=False, sender="peer@example.org/x", kind="chat"):
        """Messages for the client, by their ids, in one piece."""
        text = ""
        for i in ids:
            if self.enabled:
                self.sent += 1
                self.kept.append((self.sent, str(i)))
            text += (f"<message from='{escape(sender)}' to='{escape(self.stream.jid)}' id='{i}' "
                     f"type='{kind}'><body>text {i}</body></message>")
        self.stream.send(text + (self.ask_text() if ask else ""))

    def ask_text(self):
        return f"<r xmlns='{NS_SM}'/>"

    def ask(self):
        """An <r/>, and the h that answers it."""
        before = len(self.acks)
        self.stream.send(self.ask_text())
        self.stream.wait(lambda: len(self.acks) > before, 5, "an answer to <r/>")
        return self.acks[before]

    def wait_h(self, h, seconds=10):
        self.stream.wait(lambda: self.acked == h, seconds, f"h={h}, not {self.acks[-5:]}")

    def ids(self):
        """The ids of what would now be stored, or returned, by the server."""
        return [i for _, i in self.kept]

    def element(self, e):
        """One element from Fairlead."""
        if e.ns == NS_SM and e.name == "enable":
            assert not self.enabled, "a second <enable/>"
            assert e.get("resume") is None, "resumption is not for a proxy to ask"
            self.begin()
        elif e.ns == NS_SM and e.name == "r":
            self.asked += 1
            if self.answer:
                self.acknowledge()
        elif e.ns == NS_SM and e.name == "a":
            self.acknowledged(int(e.get("h")))
        elif e.name in STANZAS:
            self.came += self.enabled

    def begin(self):
        if not self.grant:
            self.stream.send(f"<failed xmlns='{NS_SM}'><feature-not-implemented "
                             f"xmlns='{NS_STANZAS}'/></failed>")
            return
        self.enabled = True
        self.stream.send(f"<enabled xmlns='{NS_SM}'/>")

    def acknowledge(self):
        self.stream.send(f"<a xmlns='{NS_SM}' h='{self.came}'/>")

    def acknowledged(self, h):
        assert self.acked <= h <= self.sent, f"h={h}, after {self.acked}, of {self.sent}"
        self.acked = h
        self.kept = [(n, i) for n, i in self.kept if n > h]
        self.acks.append(h)


def script(features=FEATURES, sasl=FEATURES_SASL, **more):
    """A script that logs in and counts. It answers iqs, and echoes nothing."""
    def run(stream):
        stream.sm = Counting(stream, **more)
        stream.open(sasl)
        stream.authenticate()
        stream.open(features)
        stream.bind()
        while True:
            kind, what = stream.read(600)
            if kind == "end":
                stream.send("</stream:stream>")
                return
            if kind == "element":
                stream.sm.element(what)
                if what.name == "iq":
                    stream.answer(what)
    return run


def login_sasl2(stream, inline):
    """SASL2 with Bind 2 (XEP-0388, XEP-0386), where `inline` stands in the features. Returns the
    client's <authenticate/>."""
    stream.read_header()
    stream.send_header()
    stream.send(f"<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN"
                f"</mechanism><inline>{inline}</inline></authentication></stream:features>")
    e = stream.read_element()
    stream.user = "sasl2"
    stream.jid = f"sasl2@{stream.domain}/x"
    return e


def success(stream, bound="<bound xmlns='urn:xmpp:bind:0'/>"):
    stream.send(f"<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>{stream.jid}"
                f"</authorization-identifier>{bound}</success>"
                f"<stream:features>{SM}</stream:features>")


def returned(stream):
    """The ids of the messages that Fairlead returned to their senders."""
    found = []
    for e in stream.received:
        if e.name == "message" and e.get("type") == "error":
            assert e.find("recipient-unavailable") is not None and e.get("to"), e
            found.append(unescape(e.get("id")))
    return found

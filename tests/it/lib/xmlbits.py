"""XML for the tests: a cutter that keeps the bytes of each element, and a tree beside them.

The bytes are what a test compares when it says "unchanged"; the tree (ElementTree, by the header
that stood before it) is what it compares when it says "means the same".
"""

import re
import xml.etree.ElementTree as ET

NS_CLIENT = "jabber:client"
NS_STREAM = "http://etherx.jabber.org/streams"
NS_STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
NS_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
NS_BOSH = "http://jabber.org/protocol/httpbind"
NS_XBOSH = "urn:xmpp:xbosh"
NS_FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"

TOKEN = re.compile(
    rb"<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<!--.*?-->|"
    rb"<(?!!)[^<>\"'?][^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>", re.S)
ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)\s*=\s*("[^"]*"|'[^']*')""")


class Element:
    """One element as it came (raw, bytes) and what it means (tree)."""

    def __init__(self, raw, tree):
        self.raw = raw
        self.tree = tree

    @property
    def ns(self):
        return self.tree.tag[1:].split("}")[0] if self.tree.tag.startswith("{") else ""

    @property
    def name(self):
        return self.tree.tag.split("}")[-1]

    def get(self, name, default=None):
        return self.tree.get(name, default)

    def find(self, name):
        """The first element of that local name inside, or None."""
        for e in self.tree.iter():
            if e is not self.tree and e.tag.split("}")[-1] == name:
                return e
        return None

    def text(self, name="body"):
        e = self.find(name)
        return None if e is None else (e.text or "")

    def __repr__(self):
        return self.raw.decode("utf-8", "replace")


class Cutter:
    """Cuts a stream (or one document) into its header, the elements below it, and its end.

    feed() returns a list of ("header"|"element"|"end", raw). Anything that is not white space
    between elements raises ValueError.
    """

    def __init__(self):
        self.buffer = b""
        self.at = 0
        self.start = 0
        self.depth = 0
        self.header = b""

    def restart(self):
        """A new header is expected from here on."""
        self.depth = 0

    def feed(self, data):
        self.buffer += data
        out = []
        while True:
            less = self.buffer.find(b"<", self.at)
            token = TOKEN.match(self.buffer, less) if less >= 0 else None
            if not token:
                break
            raw = token.group()
            if self.depth <= 1 and self.buffer[self.at:token.start()].strip():
                raise ValueError(f"text between elements: {self.buffer[self.at:token.end()]!r}")
            begin, self.at = token.span()
            self.take(raw, begin, out)
            if self.depth <= 1:
                self.buffer = self.buffer[self.at:]
                self.at = 0
        return out

    def take(self, raw, begin, out):
        if raw.startswith((b"<?", b"<!")):
            if self.depth < 2 and not raw.startswith(b"<?xml "):
                raise ValueError(f"forbidden: {raw!r}")
        elif raw.startswith(b"</"):
            self.depth -= 1
            if self.depth == 1:
                out.append(("element", self.buffer[self.start:self.at]))
            elif self.depth == 0:
                out.append(("end", raw))
        elif self.depth == 0:
            self.header = raw
            out.append(("header", raw))
            if raw.endswith(b"/>"):
                out.append(("end", b""))
            else:
                self.depth = 1
        else:
            if self.depth == 1:
                self.start = begin
            if not raw.endswith(b"/>"):
                self.depth += 1
            elif self.depth == 1:
                out.append(("element", raw))


def attributes(tag):
    """The attributes of a start tag, raw bytes in, a dict of text with prefixes as written out."""
    text = tag.decode("utf-8")
    pairs = ATTRIBUTE.findall(text)
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"an attribute stands twice: {text}"
    return {name: unescape(value[1:-1]) for name, value in pairs}


def unescape(text):
    for a, b in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(a, b)
    return text


def escape(text):
    for a, b in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;")):
        text = text.replace(a, b)
    return text


def inside(raw, header):
    """The element `raw`, read as the only child under `header` (a start tag)."""
    name = re.match(rb"<([^\s/>]+)", header).group(1)
    if header.endswith(b"/>"):
        header = header[:-2] + b">"
    return Element(raw, ET.fromstring(header + raw + b"</" + name + b">")[0])


def alone(raw):
    """The element `raw`, which must stand on its own (a WebSocket message)."""
    return Element(raw, ET.fromstring(raw))


def meaning(tree):
    """What a tree means, to be compared: names, attributes, all text; prefixes do not count."""
    return (tree.tag, tuple(sorted(tree.attrib.items())), tree.text or "",
            tuple((meaning(c), c.tail or "") for c in tree))

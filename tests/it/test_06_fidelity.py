"""XML passes through unchanged: the same meaning, and the same bytes but for added declarations."""

import re
import time

import pytest

from lib.bosh import Body, message, request
from lib.xmlbits import NS_CLIENT, NS_STREAM, alone, inside, meaning
from lib.xmppserver import FEATURES_SASL

SETTINGS = {"bosh.wait": 10}
HEADER_EXTRA = "xmlns:hx='urn:header' xmlns:hy='urn:other'"

SAMPLES = {
    "plain": "<message><body>text</body></message>",
    "CDATA": "<message><body><![CDATA[<b>&amp; not markup</b> ]] > ]]></body></message>",
    "CDATA in a row": "<message><body><![CDATA[]]]]><![CDATA[>]]></body></message>",
    "CDATA with an end tag": "<message><body><![CDATA[</message></stream:stream>]]></body>"
                             "</message>",
    "character references": "<message a='&#9;&#10;&#13;&#x1F642;'><body>&#228;&#xE4;&#128578;&#13;"
                            "</body></message>",
    "the five entities": "<message a='&lt;&gt;&amp;&quot;&apos;'><body>&lt;&gt;&amp;&quot;&apos;"
                         "</body></message>",
    "white space": "<message>\n\t<body>  two  blanks \n\n </body>\n</message>",
    "white space in tags": "<message  a = '1'\n\tb='2' ><body\n>x</body\t></message >",
    "quotes": "<message a=\"it's\" b='say \"so\"'><body>'\"'</body></message>",
    "greater-than": "<message a='1>0' b=\"/>\"><body>a > b ]] ></body></message>",
    "empty elements": "<message><a/><b></b><c /><d x='/'/></message>",
    "empty itself": "<message/>",
    "namespaces": "<message xmlns='jabber:client'><x xmlns='urn:a'><y xmlns='urn:b'><z/></y>"
                  "<z/></x><z/></message>",
    "no namespace inside": "<message><x xmlns=''><y/></x></message>",
    "own prefix": "<m:message xmlns:m='jabber:client' xmlns:p='urn:p'><p:x p:a='1' a='2'/>"
                  "</m:message>",
    "prefix declared inside": "<message><p:x xmlns:p='urn:p'><p:y/></p:x><p:x xmlns:p='urn:q'/>"
                              "</message>",
    "prefix declared again": "<message xmlns:p='urn:1'><p:a><p:b xmlns:p='urn:2' p:c='3'/></p:a>"
                             "</message>",
    "the xml prefix": "<message xml:lang='de'><body xml:lang='pl' xml:space='preserve'> x </body>"
                      "</message>",
    "the stream prefix": f"<message xmlns:stream='{NS_STREAM}'><stream:x/></message>",
    "the stream prefix elsewhere": "<message xmlns:stream='urn:else'><stream:x/></message>",
    "beyond the plane": "<message a='\U0001f468\u200d\U0001f469\u200d\U0001f467'><body>\U0001f642"
                        "\U00010000\U0010fffd</body></message>",
    "odd characters": "<message><body>\u0085\u2028\u2029\ufeff\u00a0\ufffd e\u0301 \u202e</body>"
                      "</message>",
    "names beyond ASCII": "<message><\u00e4\u00f6 \u00fc='\u00df'/><\u540d xmlns='urn:\u540d'/>"
                          "</message>",
    "names with dots": "<message><a.b-c_d:e xmlns:a.b-c_d='urn:x'/></message>",
    "sixty attributes": "<message><x " +
    " ".join(f"a{i}='{i}'" for i in range(60)) + "/></message>",
    "deep": "<message>" + "<a>" * 40 + "x" + "</a>" * 40 + "</message>",
    "carbons": "<message><received xmlns='urn:xmpp:carbons:2'>"
               "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>inner"
               "</body></message></forwarded></received>"
               "</message>",
    "no stanza": "<inactive xmlns='urn:xmpp:csi:0' a='1'/>",
    "an iq": "<iq type='get' id='a&amp;b'><query xmlns='jabber:iq:roster' ver=''/></iq>",
}

FROM_HEADER = {
    "prefix of an element": "<message><hx:x/></message>",
    "prefix of an attribute": "<message hx:a='1'/>",
    "prefix deep inside": "<message><a><b><hy:c hx:d='1'/></b></a></message>",
    "both prefixes": "<message hx:a='1'><hy:b/><hx:c/></message>",
    "prefix declared again on the element": "<message xmlns:hx='urn:mine'><hx:x/></message>",
    "prefix declared again inside": "<message><a xmlns:hx='urn:mine'><hx:x/></a><hx:y/></message>",
    "only text like a prefix": "<message a='hx:x'><body>hx:x hy:</body></message>",
    "in CDATA": "<message><body><![CDATA[<hx:x/>]]></body><hy:z/></message>",
    "the element itself": "<hx:own hy:a='1'/>",
    "the stream prefix": "<message><stream:x/></message>",
}


def quiet(stream):
    stream.login()
    stream.hang()


class Line:
    """A client of either transport, logged in, and its stream."""

    def __init__(self, place, transport):
        self.transport = transport
        pair = place.bosh_pair if transport == "bosh" else place.ws_pair
        self.client, self.stream = pair()

    def send(self, raw):
        if self.transport == "bosh":
            self.client.say(raw)
        else:
            self.client.send(raw)

    def receive(self):
        if self.transport == "bosh":
            return self.client.receive()
        return self.client.element()


@pytest.fixture(params=["bosh", "websocket"])
def line(place, request):
    place.server.script = quiet
    place.server.header_extra = HEADER_EXTRA
    return Line(place, request.param)


def header_of(stream, extra=HEADER_EXTRA):
    return (f"<stream:stream xmlns='{NS_CLIENT}' xmlns:stream='{NS_STREAM}' {extra}>").encode()


def bare(raw):
    """The element's bytes without the declarations of its start tag, which may be added to."""
    tag = re.match(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", raw).group()
    kept = re.sub(rb"\s+xmlns(?::[^\s=]+)?\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", tag)
    return re.sub(rb"\s+(/?>)$", rb"\1", kept), raw[len(tag):]


def assert_same(got, sent, context):
    """got (an Element) is `sent` (bytes that stood under `context`)."""
    assert meaning(got.tree) == meaning(inside(sent, context).tree), got
    assert bare(got.raw) == bare(sent), got


def assert_alone(line, got):
    """It stands on its own; over BOSH the `stream` prefix may be lent by <body/>."""
    raw = got.raw
    if line.transport == "bosh" and b"xmlns:stream" not in raw and b"stream:" in raw:
        return
    assert meaning(alone(raw).tree) == meaning(got.tree)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_from_the_server_to_the_client(line, sample):
    line.stream.send(sample)
    got = line.receive()
    assert_same(got, sample.encode(), header_of(line.stream))
    assert_alone(line, got)
    assert got.ns, "an element without a namespace"


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_from_the_client_to_the_server(line, sample):
    if "xmlns='jabber:client'" not in sample.split(">")[0] and sample.startswith(
            ("<message", "<iq")):
        name, rest = re.match(r"(<[a-z]+)(.*)", sample, re.S).groups()
        sample = f"{name} xmlns='{NS_CLIENT}'{rest}"
    line.send(sample)
    line.send(message("the end"))
    line.stream.wait_text("the end")
    got = line.stream.received[-2]
    assert_same(got, sample.encode(), b"<none>")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_from_the_client_without_a_namespace_of_its_own(line, sample):
    """What inherits <body/>'s namespace, or has none, is meant as jabber:client."""
    line.send(sample)
    line.send(message("the end"))
    line.stream.wait_text("the end")
    assert_same(line.stream.received[-2], sample.encode(), header_of(line.stream, ""))


@pytest.mark.parametrize("sample", FROM_HEADER.values(), ids=FROM_HEADER.keys())
def test_prefixes_of_the_stream_header_are_declared_where_they_are_used(line, sample):
    line.stream.send(sample)
    got = line.receive()
    assert_same(got, sample.encode(), header_of(line.stream))
    assert_alone(line, got)
    if "hx:x hy:" in sample:
        assert b"xmlns:hx" not in got.raw, "declared without need"


def test_a_default_namespace_of_the_header_is_taken_anew_after_a_restart(place):
    """And its prefixes: those of the first header mean nothing any more."""
    def script(stream):
        stream.read_header()
        stream.send_header("xmlns:p='urn:first'")
        stream.send(FEATURES_SASL)
        stream.authenticate()
        place.server.header_extra = "xmlns:p='urn:second'"
        stream.open(place.server.features_bind)
        stream.bind()
        stream.hang()

    place.server.script = script
    for pair in (place.bosh_pair, place.ws_pair):
        client, stream = pair()
        stream.send("<message><p:x/></message>")
        got = client.take("message")
        assert got.tree[0].tag == "{urn:second}x"


BODY_PREFIX = {
    "prefix of an element": "<message xmlns='jabber:client'><bx:x/></message>",
    "prefix of an attribute": "<message xmlns='jabber:client' bx:a='1'/>",
    "prefix deep inside": "<message><a><b bx:c='1'/></a></message>",
    "shadowed": "<message xmlns='jabber:client' xmlns:bx='urn:mine'><bx:x/></message>",
    "the element itself": "<bx:own/>",
    "jabber:client by prefix": "<jc:message><jc:body>x</jc:body></jc:message>",
}


@pytest.mark.parametrize("sample", BODY_PREFIX.values(), ids=BODY_PREFIX.keys())
def test_prefixes_of_the_body_are_declared_where_they_are_used(place, sample):
    place.server.script = quiet
    s, stream = place.bosh_pair()
    s.finish()
    s.send(sample, {"xmlns:bx": "urn:body", "xmlns:jc": NS_CLIENT})
    s.say(message("the end"))
    stream.wait_text("the end")
    context = f"<x xmlns='{NS_CLIENT}' xmlns:bx='urn:body' xmlns:jc='{NS_CLIENT}'>".encode()
    assert_same(stream.received[-2], sample.encode(), context)


def test_a_default_namespace_of_jabber_client_on_a_prefixed_body(place):
    """<b:body xmlns:b='httpbind' xmlns='jabber:client'>: legal, and some clients write it."""
    place.server.script = quiet
    s, stream = place.bosh_pair()
    s.drop_pending()
    raw = (f"<b:body xmlns:b='http://jabber.org/protocol/httpbind' xmlns='{NS_CLIENT}' "
           f"rid='{s.rid}' sid='{s.sid}'><message><body>inside</body></message></b:body>")
    h = place.http()
    h.send(request("POST", "/http-bind", raw))
    assert stream.wait_text("inside").ns == NS_CLIENT
    s.rid += 1
    s.send(message("next"))
    assert Body(h.response()).type is None


MIXED = ("<message to='a' x=\"'>\"><body>\u00e4\U0001f642<![CDATA[</message>]]>&#x1F642;&amp;"
         "</body><hx:y xmlns='urn:z' hy:w='/>'/><z/></message>")


def test_an_element_may_be_split_at_every_byte(line):
    data = MIXED.encode()
    for i in range(1, len(data)):
        line.stream.send(data[:i])
        if i % 3 == 0:
            time.sleep(0.002)
        line.stream.send(data[i:])
        got = line.receive()
        assert_same(got, data, header_of(line.stream))


def test_a_login_and_an_element_byte_by_byte(place):
    for transport in ("bosh", "websocket"):
        place.server.step = 1
        place.server.script = quiet
        place.server.header_extra = HEADER_EXTRA
        line = Line(place, transport)
        line.stream.send(MIXED * 3)
        for _ in range(3):
            assert_same(line.receive(), MIXED.encode(), header_of(line.stream))


def test_200_kilobytes_go_both_ways(line):
    text = "0123456789abcdef \u00e4&amp;" * 9000
    raw = f"<message xmlns='{NS_CLIENT}'><body>{text}</body></message>"
    assert 190000 < len(raw.encode()) < 262000
    line.send(raw)
    line.stream.wait(lambda: any(e.raw == raw.encode() for e in line.stream.received), 8)
    line.stream.send(raw)
    assert line.receive().raw == raw.encode()


def test_many_kilobytes_of_small_stanzas_come_in_order(line):
    line.stream.send("".join(message(f"{i} " + "x" * 200, xmlns=False) for i in range(1000)))
    got = [line.receive().text().split()[0] for _ in range(1000)]
    assert got == [str(i) for i in range(1000)]

"""WebSocket: the handshake (RFC 6455), the framing (RFC 7395), the ends."""

import struct
import time

import pytest

from lib import patience
from lib.bosh import Closed, auth, message
from lib.ws import BINARY, CLOSE, CLOSE_ELEMENT, CONT, PING, PONG, TEXT, frame, upgrade
from lib.xmlbits import NS_CLIENT, NS_FRAMING, NS_STREAM, NS_STREAMS, alone
from lib.xmppserver import FEATURES_SASL, Stream

SETTINGS = {"limits.body": 50000, "websocket.ping": 60}


def quiet(stream):
    stream.login()
    stream.hang()


def refused(place, data, statuses):
    h = place.http().send(data)
    r = h.response()
    assert r.status in statuses, r
    assert len(r.all("Access-Control-Allow-Origin")) == 1, r
    return r


def assert_ends(ws, condition=None, codes=None, opened=True):
    """The stream error (if one is due), <close/> byte for byte, then the close frame."""
    last = ws.ending()
    assert ws.code is not None, f"no close frame; messages {last}"
    if codes:
        assert ws.code in codes, (ws.code, last)
    if condition:
        errors = [m for m in last if b"error" in m and m.startswith(b"<stream:error")]
        assert len(errors) == 1, last
        e = alone(errors[0])
        assert e.ns == NS_STREAM and e.name == "error"
        assert e.tree[0].tag in [f"{{{NS_STREAMS}}}{c}" for c in condition.split()], last
    if condition or opened:
        assert CLOSE_ELEMENT in last, last
        assert last[-1] == CLOSE_ELEMENT, last
    assert ws.http.ends(), "the TCP connection stays open"
    return last


# -- handshake ---------------------------------------------------------------------------------

def test_both_paths_upgrade_and_answer_with_the_subprotocol(place):
    for path in ("/xmpp-websocket", "/ws"):
        ws = place.ws(path=path)
        assert ws.handshake.get("Sec-WebSocket-Protocol") == "xmpp"
        assert ws.handshake.get("Sec-WebSocket-Extensions") is None
        ws.open()


@pytest.mark.parametrize("headers", [
    {"Sec-WebSocket-Protocol": "foo, xmpp"}, {"Sec-WebSocket-Protocol": "xmpp,foo"},
    {"Connection": "keep-alive, Upgrade"}, {"Upgrade": "WebSocket"}, {"Connection": "upgrade"},
    {"Origin": "https://any.example"}, {"Sec-WebSocket-Extensions": "permessage-deflate"},
    {"User-Agent": "x" * 3000, "Cookie": "y" * 5000}])
def test_what_browsers_send_is_accepted(place, headers):
    ws = place.ws(headers=headers)
    assert ws.handshake.get("Sec-WebSocket-Protocol") == "xmpp"
    ws.open()


@pytest.mark.parametrize("headers", [
    {"Sec-WebSocket-Protocol": None}, {"Sec-WebSocket-Protocol": "foo"},
    {"Sec-WebSocket-Protocol": "XMPP"}, {"Sec-WebSocket-Key": None},
    {"Sec-WebSocket-Key": "short"}, {"Sec-WebSocket-Key": "!" * 24}])
def test_a_handshake_without_what_it_needs_is_refused(place, headers):
    refused(place, upgrade(headers=headers), range(400, 500))


@pytest.mark.parametrize("headers", [{"Upgrade": None}, {"Connection": "keep-alive"}])
def test_a_plain_get_of_the_path_is_no_upgrade(place, headers):
    refused(place, upgrade(headers=headers), (200, 400, 404, 405, 426))


@pytest.mark.parametrize("version", ["8", "12", "14", "", None, "13, 8", "x"])
def test_another_version_is_refused_with_ours(place, version):
    r = refused(place, upgrade(headers={"Sec-WebSocket-Version": version}), (400, 426))
    if r.status == 426:
        assert r.get("Sec-WebSocket-Version") == "13"
    if version in ("8", "12", "14"):
        assert r.status == 426


def test_a_post_and_http_1_0_are_no_upgrade(place):
    refused(place, upgrade(method="POST"), (400, 405, 426))
    refused(place, upgrade(version="HTTP/1.0"), (400, 405, 426, 505))


def test_a_path_for_bosh_or_nothing_is_no_websocket(place):
    refused(place, upgrade("/nowhere"), (404,))
    refused(place, upgrade("/http-bind"), (200, 400, 404, 405))


def test_an_origin_that_is_not_configured_is_refused(new_place):
    place = new_place(config={"origins": ["https://chat.example.org"]})
    place.ws(headers={"Origin": "https://chat.example.org"}).open()
    for origin in ("https://evil.example", "http://chat.example.org", "null",
                   "https://chat.example.org.evil.example", "https://chat.example.org:444"):
        r = place.http().send(upgrade(headers={"Origin": origin})).response()
        assert r.status == 403, (origin, r)


def test_an_absent_origin_has_its_own_switch(new_place):
    place = new_place({"websocket.absent_origin": "refuse"})
    r = place.http().send(upgrade()).response()
    assert r.status == 403 and b"websocket.absent_origin" in r.body, r
    place.fairlead.wait_lines("request-refused", test=lambda p: "absent_origin" in p["why"])
    place.ws(headers={"Origin": "https://any.example"}).open()
    new_place().ws().open()  # allowed by default, as React Native needs it


def test_frames_right_behind_the_handshake_are_read(place):
    ws = place.ws()  # only for its texts
    h = place.http().send(upgrade() + frame(TEXT, ws.open_text()))
    assert h.response().status == 101
    ws.http.close()
    ws.http = h
    ws.take("open")
    ws.take("features")


# -- the stream --------------------------------------------------------------------------------

def test_open_and_features_are_one_frame_each_in_the_form_clients_look_for(place):
    ws = place.ws()
    ws.send(ws.open_text())
    raw = ws.receive()
    assert raw.startswith(b"<open ") and raw.endswith(b"/>")
    e = alone(raw)
    assert e.tree.tag == f"{{{NS_FRAMING}}}open"
    assert e.get("version") == "1.0" and e.get("from") == "example.org" and e.get("id")
    assert e.get("{http://www.w3.org/XML/1998/namespace}lang")
    raw = ws.receive()
    assert raw.startswith(b"<stream:features") or raw.startswith(b"<features"), raw
    assert alone(raw).tree.tag == f"{{{NS_STREAM}}}features"
    assert ws.silent(0.3)


def test_a_login_and_twenty_messages_come_back_in_order(place):
    ws, stream = place.ws_pair()
    for i in range(20):
        ws.round_trip(f"message {i} \u20ac \U0001f642")
    assert len(stream.messages()) == 20 and len(stream.headers) == 2


def test_a_restart_gets_a_new_open_and_new_features(place):
    ws = place.ws()
    first, _ = ws.open()
    ws.send(auth(ws.user))
    ws.take("success")
    second, features = ws.open()
    assert first.get("id") != second.get("id")
    assert features.find("bind") is not None


def test_a_restart_stays_with_its_domain(place):
    ws = place.ws()
    ws.open()
    ws.send(auth(ws.user))
    ws.take("success")
    ws.send(ws.open_text(domain="other.example.org"))
    ws.take("open")
    assert ws.take("error").find("host-unknown") is not None
    stream = place.server.stream_of(ws.user)
    stream.wait_gone()
    assert len(stream.headers) == 1


def test_the_open_tells_the_server_domain_and_language(place):
    ws = place.ws()
    ws.send(ws.open_text(more=" xml:lang='pl'"))
    ws.take("open")
    stream = place.server.next_stream()
    assert stream.headers[0]["to"] == "example.org" and stream.headers[0]["xml:lang"] == "pl"
    assert stream.headers[0]["version"] == "1.0"


def test_features_show_no_login_that_is_bound_to_tls(place):
    def script(stream):
        stream.open(
            "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            "<mechanism>SCRAM-SHA-1-PLUS</mechanism><mechanism>SCRAM-SHA-1</mechanism></mechanisms>"
            "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding "
            "type='tls-exporter'/></sasl-channel-binding>"
            "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256-PLUS</mechanism>"
            "<mechanism>PLAIN</mechanism><inline><fast xmlns='urn:xmpp:fast:0'>"
            "<mechanism>HT-SHA-256-EXPR</mechanism><mechanism>HT-SHA-256-NONE</mechanism></fast>"
            "</inline></authentication></stream:features>")
        stream.hang()

    place.server.script = script
    _, features = place.ws().open()
    shown = [e.text for e in features.tree.iter() if e.tag.endswith("}mechanism")]
    assert shown == ["SCRAM-SHA-1", "PLAIN", "HT-SHA-256-NONE"]
    names = [e.tag.partition("}")[2] for e in features.tree]
    assert names == ["mechanisms", "authentication"]


def test_an_xml_declaration_before_open_is_tolerated(place):
    ws = place.ws()
    ws.send("<?xml version='1.0'?>" + ws.open_text())
    ws.take("open")


def test_each_stanza_comes_in_a_frame_of_its_own_however_they_came(place):
    place.server.script = quiet
    ws, stream = place.ws_pair()
    stream.send("".join(message(f"m{i}", xmlns=False) for i in range(10)) + " \n ")
    assert [ws.take("message").text() for i in range(10)] == [f"m{i}" for i in range(10)]
    assert ws.silent(0.3)


def test_each_stanza_carries_its_namespaces(place):
    place.server.script = quiet
    ws, stream = place.ws_pair()
    stream.send("<message/><presence/><iq type='result'/><a xmlns='urn:xmpp:sm:3' h='0'/>")
    assert [ws.element().ns for _ in range(4)] == [NS_CLIENT] * 3 + ["urn:xmpp:sm:3"]


def test_white_space_from_the_server_is_never_passed_on(place):
    place.server.script = quiet
    ws, stream = place.ws_pair()
    for _ in range(3):
        stream.send(" ")
        time.sleep(0.1)
    assert ws.silent(0.3)


def test_a_stanza_without_a_namespace_reaches_the_server_as_jabber_client(place):
    ws, stream = place.ws_pair()
    ws.send(message("none", xmlns=False))
    assert stream.wait_text("none").ns == NS_CLIENT


def test_open_takes_from_along_to_the_server(place):
    ws = place.ws()
    ws.send(ws.open_text(more=" from='me@example.org'"))
    ws.take("open")
    assert place.server.next_stream().headers[0]["from"] == "me@example.org"


@pytest.mark.parametrize("version", ["0.9", "x", "1", ""])
def test_a_version_before_1_0_is_refused(place, version):
    ws = place.ws()
    ws.send(f"<open xmlns='{NS_FRAMING}' to='example.org' version='{version}'/>")
    assert_error_before_open(ws, "unsupported-version")
    assert place.server.fresh.empty()


@pytest.mark.parametrize("version, said", [
    (" version='1.1'", "1.1"), (" version='2.0'", "1.0"), ("", "1.0")])
def test_a_later_version_or_none_is_answered_with_1_0(place, version, said):
    ws = place.ws()
    ws.send(f"<open xmlns='{NS_FRAMING}' to='example.org'{version}/>")
    assert ws.take("open").get("version") == "1.0"
    assert place.server.next_stream().headers[0]["version"] == said


def test_an_open_before_the_last_one_is_answered_is_refused(place):
    def slow(stream):
        stream.read_header()
        stream.hang()

    place.server.script = slow
    ws = place.ws()
    ws.send(ws.open_text())
    ws.send(ws.open_text())
    assert_error_before_open(ws, "bad-format")


def test_white_space_from_the_client_is_ignored(place):
    ws, stream = place.ws_pair()
    for text in (" ", "\n", "", " \t\r\n "):
        ws.send(text)
    ws.round_trip("still here")
    assert stream.messages() == ["still here"]
    assert b"> " not in stream.data and b"\t" not in stream.data


def test_at_a_shutdown_clients_are_sent_elsewhere(new_place):
    """Those whose stream is not open yet; the others come back by themselves."""
    place = new_place({"shutdown.see_other_uri": "wss://b.example.org/ws?a&b"})
    there, stream = place.ws_pair()
    place.server.script = Stream.hang
    ws = place.ws()
    ws.send(ws.open_text())
    place.server.next_stream()
    place.fairlead.terminate()
    assert ws.receive() == (b'<close xmlns="urn:ietf:params:xml:ns:xmpp-framing" '
                            b'see-other-uri="wss://b.example.org/ws?a&amp;b" />')
    ws.send(f"<close xmlns='{NS_FRAMING}'/>")
    assert ws.ending() == [] and ws.code == 1001
    assert assert_ends(there, "system-shutdown", codes=(1001,))
    stream.wait_end()


# -- frames ------------------------------------------------------------------------------------

def test_fragments_make_one_message_and_pings_may_stand_between(place):
    ws, stream = place.ws_pair()
    ws.send_fragments(message("in seven pieces \u20ac \U0001f642" * 20), 7, frame(PING, b"hi"))
    fin, op, payload = ws.receive_frame()
    assert (fin, op, payload) == (True, PONG, b"hi")
    assert ws.take("message").text() == "in seven pieces \u20ac \U0001f642" * 20
    ws.send_fragments(message("every byte"), len(message("every byte")))
    assert ws.take("message").text() == "every byte"


def test_frames_without_a_mask_are_taken(place):
    ws, _ = place.ws_pair()
    ws.http.send(frame(TEXT, message("bare"), mask=False))
    assert ws.take("message").text() == "bare"


def test_bytes_may_come_one_at_a_time(place):
    ws, _ = place.ws_pair()
    ws.send(message("slow \u20ac"), step=1)
    assert ws.take("message").text() == "slow \u20ac"


def test_many_messages_in_one_segment_are_all_read(place):
    ws, stream = place.ws_pair()
    ws.http.send(b"".join(frame(TEXT, message(f"m{i}")) for i in range(100)))
    assert [ws.take("message").text() for _ in range(100)] == [f"m{i}" for i in range(100)]
    assert len(stream.messages()) == 100


def test_a_large_message_goes_both_ways(place):
    ws, _ = place.ws_pair()
    ws.round_trip("x" * 45000)


def test_an_empty_ping_and_one_with_payload_are_answered(place):
    ws = place.ws()
    for payload in (b"", b"x" * 125, bytes(range(0x80, 0x100 - 3))):
        ws.http.send(frame(PING, payload))
        assert ws.receive_frame() == (True, PONG, payload)


def test_a_pong_nobody_asked_for_is_ignored(place):
    ws, _ = place.ws_pair()
    ws.http.send(frame(PONG, b"x" * 8) + frame(PONG) + frame(PONG, b"y" * 100))
    ws.http.send(frame(PONG, b"\0" * 7 + b"\x80"))  # as of ours, the 128th on: no UTF-8
    ws.round_trip("on")


def test_a_binary_message_is_1003(place):
    ws, stream = place.ws_pair()
    ws.http.send(frame(BINARY, message("x")))
    assert_ends(ws, codes=(1003,), opened=False)
    stream.wait_gone()
    assert stream.messages() == []


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                                 b"\xe2\x82"])
def test_bad_utf_8_is_1007(place, bad):
    ws, stream = place.ws_pair()
    ws.http.send(frame(TEXT, message("a!b").encode().replace(b"!", bad)))
    assert_ends(ws, codes=(1007,), opened=False)
    stream.wait_gone()
    assert stream.messages() == []


@pytest.mark.parametrize("pieces", [1, 10])
def test_a_message_over_the_limit_is_1009(place, pieces):
    ws, stream = place.ws_pair()
    try:
        ws.send_fragments(message("x" * 60000), pieces)
    except OSError:
        pass
    last = assert_ends(ws, codes=(1009,), opened=False)
    for m in last:
        if m.startswith(b"<stream:error"):
            assert b"policy-violation" in m
    stream.wait_gone()
    assert stream.messages() == []


BROKEN = {
    "a reserved bit": frame(TEXT, "<a/>", rsv=4), "an unknown type": frame(3, "x"),
    "an unknown control type": frame(11, "x"), "a continuation of nothing": frame(CONT, "x"),
    "a long ping": frame(PING, b"x" * 126), "a ping in fragments": frame(PING, b"x", fin=False),
    "a message inside another": frame(TEXT, "<a", fin=False) + frame(TEXT, "/>"),
    "a negative length": b"\x81\xff" + struct.pack("!Q", 1 << 63) + b"abcd",
    "a length of a terabyte": b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"abcd" + b"x" * 70000,
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_frame_ends_the_websocket_and_nothing_else(place, data):
    other, _ = place.ws_pair()
    ws, stream = place.ws_pair()
    try:
        ws.http.send(data)
    except OSError:
        pass
    assert_gone(ws)
    stream.wait_gone()
    other.round_trip("still here")


def assert_gone(ws, seconds=6):
    """The connection ends, whatever was said before."""
    ws.ending(seconds)
    assert ws.http.ends(20)


def test_a_broken_frame_from_a_client_that_then_says_nothing_ends_the_session_too(place):
    ws, stream = place.ws_pair()
    ws.http.send(frame(3, "x"))
    stream.wait_gone(9)
    assert ws.receive_frame()[1] == CLOSE and ws.http.ends()


# -- pings, slow servers -----------------------------------------------------------------------

def test_pings_come_as_often_as_configured_and_with_pongs_the_session_lives(new_place):
    place = new_place({"websocket.ping": 1}, script=quiet)
    ws, stream = place.ws_pair()
    while len(ws.pings) < 4:
        stream.send(" ")  # does not put them off
        with pytest.raises(TimeoutError):
            ws.receive(1.6)
        assert ws.pings, "no ping within a second and a half"
    gaps = [b - a for (a, _), (b, _) in zip(ws.pings, ws.pings[1:])]
    assert all(0.6 < gap < patience(1.8) for gap in gaps), gaps
    assert len({p for _, p in ws.pings}) == len(ws.pings), "each ping has a serial of its own"
    stream.send("<message><body>alive</body></message>")
    assert ws.take("message").text() == "alive"


def test_pings_come_before_the_login_too(new_place):
    place = new_place({"websocket.ping": 1})
    ws = place.ws()
    ws.open()
    assert ws.receive_frame(4)[1] == PING


def test_without_pongs_the_session_ends(new_place):
    place = new_place({"websocket.ping": 1}, script=quiet)
    ws, stream = place.ws_pair()
    ws.pongs = False
    began = time.monotonic()
    stream.wait_gone(6)
    assert 1.5 < time.monotonic() - began < 6
    place.fairlead.wait_end("ping-timeout")


def test_open_is_answered_within_two_seconds_though_the_server_is_silent(place):
    def silent(stream):
        stream.read_header()
        stream.hold_here()
        stream.send_header()
        stream.send(FEATURES_SASL)
        stream.hang()

    place.server.script = silent
    ws = place.ws()
    began = time.monotonic()
    ws.send(ws.open_text())
    e = ws.take("open", 3)
    assert time.monotonic() - began < 2
    assert e.get("id") is None, "a made-up <open/> has no id"
    assert e.get("version") == "1.0" and e.get("from") == "example.org"
    place.server.next_stream().hold.set()
    ws.take("features")
    assert ws.silent(0.2), "the real header makes no second <open/>"


def test_a_client_that_writes_before_the_server_is_there_is_not_lost(place):
    def slow(stream):
        time.sleep(1)
        stream.serve()

    place.server.script = slow
    ws = place.ws()
    ws.send(ws.open_text())
    ws.send(auth(ws.user))
    assert [ws.element().name for _ in range(3)] == ["open", "features", "success"]


# -- the ends ----------------------------------------------------------------------------------

def test_close_from_the_client_is_answered_byte_for_byte(place):
    ws, stream = place.ws_pair()
    ws.send(f"<close xmlns='{NS_FRAMING}'/>")
    assert ws.receive() == CLOSE_ELEMENT
    ws.send(message("after the close"))
    ws.send_close()
    assert_ends(ws, codes=(1000,), opened=False)
    stream.wait_end()
    assert stream.messages() == []


def test_a_client_that_never_closes_its_websocket_is_closed(place):
    """It has five seconds to answer the close frame."""
    ws, stream = place.ws_pair()
    began = time.monotonic()
    ws.send(f"<close xmlns='{NS_FRAMING}'/>")
    assert ws.receive() == CLOSE_ELEMENT
    stream.wait_end()
    with pytest.raises(Closed):
        ws.receive(9)
    assert ws.code == 1000
    assert ws.http.ends(9)
    assert time.monotonic() - began > 4


def seconds_to_the_close_frame(place):
    """From the server's end, where the client answers nothing."""
    ws, stream = place.ws_pair()
    began = time.monotonic()
    stream.send("</stream:stream>")
    assert ws.receive() == CLOSE_ELEMENT
    with pytest.raises(Closed):
        ws.receive()
    assert ws.code == 1000
    return time.monotonic() - began


def test_a_client_that_does_not_answer_close_is_waited_for_two_seconds(place):
    """After three the session ends in any case. A machine that is slow once is asked again."""
    place.server.script = quiet
    took = [seconds_to_the_close_frame(place)]
    while took[-1] > patience(2.7) and len(took) < 3:
        took.append(seconds_to_the_close_frame(place))
    assert min(took) > 1.9 and took[-1] < patience(2.7), took


def test_a_close_frame_alone_ends_the_session(place):
    ws, stream = place.ws_pair()
    ws.send_close(1001)
    stream.wait_gone()
    assert_gone(ws)


def test_a_connection_that_breaks_ends_the_session(place):
    ws, stream = place.ws_pair()
    ws.http.reset()
    stream.wait_gone()
    place.fairlead.wait_end("client-lost", place.marked[1])


@pytest.mark.parametrize("how", ["reset", "close frame"])
def test_a_stream_that_may_be_resumed_is_left_open_by_a_lost_client(place, how):
    ws, stream = place.ws_pair()
    ws.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    stream.wait_element(lambda e: e.name == "enable")
    stream.send("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>")
    assert ws.take("enabled").get("id") == "x"
    ws.http.reset() if how == "reset" else ws.send_close(1001)
    stream.wait(lambda: stream.eof, what="the end of the connection")
    assert not stream.end_tag, "it cannot be resumed"
    place.fairlead.wait_end("client-lost", place.marked[1])


def test_a_stream_that_may_be_resumed_is_left_open_at_shutdown(new_place):
    place = new_place()
    ws, stream = place.ws_pair()
    ws.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    stream.wait_element(lambda e: e.name == "enable")
    stream.send("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>")
    ws.take("enabled")
    place.fairlead.terminate()
    stream.wait(lambda: stream.eof, what="the end of the connection")
    assert not stream.end_tag, "it cannot be resumed"


def test_a_stream_that_may_be_resumed_is_ended_by_a_client_that_ends_it(place):
    ws, stream = place.ws_pair()
    ws.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    stream.wait_element(lambda e: e.name == "enable")
    stream.send("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>")
    ws.take("enabled")
    ws.send(CLOSE_ELEMENT.decode())
    stream.wait_end()


def test_the_server_ends_the_stream(place):
    place.server.script = quiet
    ws, stream = place.ws_pair()
    stream.send(message("last words", xmlns=False) + "</stream:stream>")
    assert ws.take("message").text() == "last words"
    assert_ends(ws, codes=(1000,))
    stream.wait_end()


def test_a_stream_error_from_the_server_is_passed_on_whole(place):
    place.server.script = quiet
    ws, stream = place.ws_pair()
    stream.send("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>bye &amp; thanks</text>"
                "<own xmlns='urn:own'/></stream:error></stream:stream>")
    last = assert_ends(ws, "conflict")
    e = alone(last[-2])
    assert e.find("text").text == "bye & thanks" and e.find("own").tag == "{urn:own}own"


def test_a_stream_error_from_the_client_ends_the_session(place):
    ws, stream = place.ws_pair()
    ws.send("<stream:error xmlns:stream='http://etherx.jabber.org/streams'><reset "
            "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
    stream.wait_gone()
    assert_gone(ws)


# -- errors before and after the open ----------------------------------------------------------

def assert_error_before_open(ws, condition):
    """RFC 7395 3.5: <open/>, the error, <close/>."""
    last = assert_ends(ws, condition)
    assert alone(last[0]).tree.tag == f"{{{NS_FRAMING}}}open", last


def test_an_unknown_domain_is_host_unknown(place):
    ws = place.ws()
    ws.send(ws.open_text("unknown.example"))
    assert_error_before_open(ws, "host-unknown")


def test_no_domain_is_improper_addressing(place):
    ws = place.ws()
    ws.send(f"<open xmlns='{NS_FRAMING}' version='1.0'/>")
    assert_error_before_open(ws, "improper-addressing host-unknown")


def test_a_refused_backend_is_remote_connection_failed(new_place):
    place = new_place()
    place.server.stop_listening()
    ws = place.ws()
    ws.send(ws.open_text())
    assert_error_before_open(ws, "remote-connection-failed")


def test_the_framing_of_the_old_draft_is_refused_at_once(place):
    ws = place.ws()
    ws.send(f"<stream:stream to='example.org' xmlns='jabber:client' xmlns:stream='{NS_STREAM}' "
            "version='1.0'>")
    last = ws.ending()
    assert ws.code is not None, last
    assert any(b"error" in m for m in last), last


@pytest.mark.parametrize("text", [
    "<message/>", "<open to='example.org' version='1.0'/>",
    "<open xmlns='jabber:client' to='example.org' version='1.0'/>",
    f"<opens xmlns='{NS_FRAMING}' to='example.org'/>", "hello", "<open",
    f"<close xmlns='{NS_FRAMING}'/>"])
def test_a_first_message_that_is_no_open_ends_it(place, text):
    ws = place.ws()
    ws.send(text)
    ws.ending()
    assert ws.code is not None
    assert place.server.fresh.empty(), "no stream was opened for it"


def test_a_client_that_never_opens_is_closed_or_left_alone_but_opens_no_stream(place):
    ws = place.ws()
    assert ws.silent(1)
    assert place.server.fresh.empty()
    ws.open()


@pytest.mark.parametrize("text,condition", [
    ("<message><body></message>", "not-well-formed"),
    ("<message/><message/>", "not-well-formed"),
    ("<message a='1' a='2'/>", "not-well-formed"),
    ("text", "not-well-formed"),
    ("<message>&nbsp;</message>", "restricted-xml not-well-formed"),
    ("<!DOCTYPE x [<!ENTITY e 'v'>]><message/>", "restricted-xml"),
    ("<message><!-- c --></message>", "restricted-xml"),
    ("<message><?pi x?></message>", "restricted-xml"),
    ("<x:message/>", "not-well-formed"),
    ("<message>\x01</message>", "not-well-formed"),
    ("<?xml version='1.0' encoding='iso-8859-1'?><message/>",
     "not-well-formed bad-format unsupported-encoding restricted-xml"),
    (f"<stream:features xmlns:stream='{NS_STREAM}'/>",
     "invalid-namespace bad-format unsupported-stanza-type"),
    (f"<foo xmlns='{NS_FRAMING}'/>", "invalid-namespace bad-format unsupported-stanza-type")])
def test_bad_xml_ends_the_session_with_a_stream_error(place, text, condition):
    ws, stream = place.ws_pair()
    ws.send(text)
    assert_ends(ws, condition)
    stream.wait_gone()
    assert stream.messages() == [] and b"<!DOCTYPE" not in stream.data


def test_a_close_frame_follows_every_end(place):
    """The close frame is never missing and never 1005 or 1006."""
    for text in ("<bad", message("x") + "x"):
        ws, _ = place.ws_pair()
        ws.send(text)
        ws.ending()
        assert ws.code not in (None, 1005, 1006)

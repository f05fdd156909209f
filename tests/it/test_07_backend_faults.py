"""The XMPP server misbehaves or goes away: the client is told in its protocol's own words."""

import time

import pytest

from lib import patience
from lib.bosh import message
from lib.ws import CLOSE_ELEMENT
from lib.xmlbits import NS_STREAM, NS_STREAMS, alone
from lib.xmppserver import FEATURES_SASL, Server

SETTINGS = {"limits.stanza": 20000, "bosh.wait": 10}
FIRST = message("said before", xmlns=False)

FAULTS = {
    "nonsense": "HTTP/1.1 400 Bad Request\r\n\r\n",
    "text": "hello",
    "binary": b"\x00\x01\xff\xfe",
    "a DTD": "<!DOCTYPE x [<!ENTITY e 'secret'>]><message><body>&e;</body></message>",
    "a comment": "<!-- secret --><message/>",
    "a processing instruction": "<?secret x?><message/>",
    "an entity": "<message><body>&secret;</body></message>",
    "a comment inside": "<message><!-- secret --></message>",
    "a DTD inside": "<message><!DOCTYPE secret></message>",
    "an instruction inside": "<message><?secret x?></message>",
    "a second header": f"<stream:stream xmlns='jabber:client' xmlns:stream='{NS_STREAM}' id='2' "
                       "version='1.0'>",
    "an end tag of another": "</message>",
    "a huge stanza": "<message><body>" + "secret " * 5000 + "</body></message>",
    "a huge tag": "<message a='" + "x" * 30000,
    "a depth without end": "<a>" * 5000,
    "a broken tag": "<message <body>",
    "a name that is none": "<1message/>",
}


def assert_bosh_end(s, condition, seconds=4):
    """The session ends with that condition; what came before, as texts."""
    deadline = time.monotonic() + seconds
    while s.ended is None:
        assert time.monotonic() < deadline, "the session does not end"
        if not s.pending:
            s.send()
        s.pending[0].answer(seconds)
    before = [e.text() for e in s.inbox if e.name == "message"]
    assert s.ended.condition == condition, s.ended
    assert b"secret" not in s.ended.raw
    return before


def assert_ws_end(ws, condition):
    last = ws.ending()
    assert ws.code is not None, last
    errors = [alone(m) for m in last if m.startswith(b"<stream:error")]
    assert len(errors) == 1 and errors[0].ns == NS_STREAM, last
    assert errors[0].tree[0].tag == f"{{{NS_STREAMS}}}{condition}", last
    assert last[-1] == CLOSE_ELEMENT, last
    assert b"secret" not in b"".join(last)
    return [alone(m).text() for m in last if m.startswith(b"<message")]


def login_then_hang(stream):
    stream.login()
    stream.hang()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_nonsense_in_a_session_ends_it_after_what_was_said_before(place, fault):
    place.server.script = login_then_hang
    s, stream = place.bosh_pair()
    fault = fault if isinstance(fault, bytes) else fault.encode()
    stream.send(FIRST.encode() + fault)
    assert assert_bosh_end(s, "remote-connection-failed") == ["said before"]
    stream.wait_gone()
    ws, stream = place.ws_pair()
    stream.send(FIRST.encode() + fault)
    assert assert_ws_end(ws, "remote-connection-failed") == ["said before"]
    stream.wait_gone()
    place.fairlead.wait_lines("session-end", 2, place.marked[1],
                              lambda p: p["reason"].startswith("server-"))


BEGINNINGS = {
    "nonsense": "220 smtp.example.org ESMTP\r\n",
    "TLS": b"\x16\x03\x01\x00\x05hello",
    "no header": "<message/>",
    "another namespace": "<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' id='1' "
                         "version='1.0'>",
    "another element": "<html><body/></html>",
    "a DTD": f"<!DOCTYPE x><stream:stream xmlns='jabber:client' xmlns:stream='{NS_STREAM}' id='1'>",
    "the end": "</stream:stream>",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS.keys())
def test_a_server_that_begins_with_nonsense(place, beginning):
    def script(stream):
        stream.read_header()
        stream.send(beginning)
        stream.hang()

    place.server.script = script
    s = place.bosh()
    a = s.create()
    if a.type != "terminate":
        assert_bosh_end(s, "remote-connection-failed")
    else:
        assert a.condition == "remote-connection-failed"
    ws = place.ws()
    ws.send(ws.open_text())
    assert_ws_end(ws, "remote-connection-failed")


ERROR = (f"<stream:error><not-authorized xmlns='{NS_STREAMS}'/><text xmlns='{NS_STREAMS}' "
         "xml:lang='de'>f\u00fcr &lt;dich&gt;</text><p:own xmlns:p='urn:own' a='1'/>"
         "</stream:error>")


@pytest.mark.parametrize("when", ["after the header", "after the login"])
@pytest.mark.parametrize("tail", ["</stream:stream>", ""])
def test_a_stream_error_reaches_the_client_whole(place, when, tail):
    def script(stream):
        if when == "after the login":
            stream.login()
            stream.send(FIRST)
        else:
            stream.read_header()
            stream.send_header()
        stream.send(ERROR + tail)
        stream.hang()

    place.server.script = script
    since = place.fairlead.log_size()
    s = place.bosh()
    if when == "after the login":
        s.login()
    else:
        s.create()
    if s.ended is None:
        before = assert_bosh_end(s, "remote-stream-error")
        assert before == (["said before"] if when == "after the login" else [])
    e = s.ended.element("error")
    assert s.ended.condition == "remote-stream-error" and e.ns == NS_STREAM
    assert e.tree[0].tag == f"{{{NS_STREAMS}}}not-authorized"
    assert e.find("text").text == "f\u00fcr <dich>" and e.find("own").tag == "{urn:own}own"
    ws = place.ws()
    if when == "after the login":
        ws.login()
    else:
        ws.send(ws.open_text())
    assert_ws_end(ws, "not-authorized")
    lines = place.fairlead.wait_end("server-error", since, 2)
    assert {p["condition"] for p in lines} == {"not-authorized"}


def test_a_stream_error_before_the_header_names_itself(place):
    """Some servers send header and error in one go; it must not become something else."""
    def script(stream):
        stream.read_header()
        stream.send_header()
        stream.send(f"<stream:error><host-unknown xmlns='{NS_STREAMS}'/></stream:error>"
                    "</stream:stream>")

    place.server.script = script
    s = place.bosh()
    a = s.create()
    if a.type != "terminate":
        assert_bosh_end(s, "remote-stream-error")
    assert s.ended.condition == "remote-stream-error"
    assert s.ended.element("error").find("host-unknown") is not None


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_is_cut_is_remote_connection_failed(place, how):
    place.server.script = login_then_hang
    s, stream = place.bosh_pair()
    stream.send(FIRST)
    time.sleep(0.1)
    getattr(stream, how)()
    assert assert_bosh_end(s, "remote-connection-failed") == ["said before"]
    ws, stream = place.ws_pair()
    stream.send(FIRST)
    time.sleep(0.1)
    getattr(stream, how)()
    assert assert_ws_end(ws, "remote-connection-failed") == ["said before"]
    assert ws.code == 1011
    place.fairlead.wait_end("server-lost", place.marked[1])


@pytest.mark.parametrize("stage", ["at once", "after the header", "after the features",
                                   "in the middle of a stanza"])
@pytest.mark.parametrize("kind", ["bosh", "websocket"])
def test_a_server_that_hangs_up_at_any_stage(new_place, kind, stage):
    """To a Fairlead of its own: one that hangs up at once is not tried again for a second."""
    def script(stream):
        if stage != "at once":
            stream.read_header()
            stream.send_header()
        if stage in ("after the features", "in the middle of a stanza"):
            stream.send(FEATURES_SASL)
        if stage == "in the middle of a stanza":
            stream.send("<message><body>half")
            time.sleep(0.1)
        stream.close()

    place = new_place(script=script)
    if kind == "bosh":
        s = place.bosh()
        s.create()
        if s.ended is None:
            assert_bosh_end(s, "remote-connection-failed")
        assert s.ended.condition == "remote-connection-failed"
    else:
        ws = place.ws()
        ws.send(ws.open_text())
        assert_ws_end(ws, "remote-connection-failed")
    assert len(place.server.streams) == 1


def test_a_killed_server_ends_all_its_sessions_and_no_other(new_place):
    other = Server("other.example")
    place = new_place({"bosh.wait": 10}, backends={"other.example": other.port},
                      script=login_then_hang)
    lines = [place.bosh_pair() for _ in range(6)]
    sockets = [place.ws_pair() for _ in range(6)]
    survivor = place.bosh(domain="other.example").login()
    for s, _ in lines[:3]:
        s.finish()
        if not s.pending:
            s.send()
    place.server.stop_listening()
    for _, stream in lines + sockets:
        stream.reset()
    for s, _ in lines:
        assert_bosh_end(s, "remote-connection-failed")
    for ws, _ in sockets:
        assert_ws_end(ws, "remote-connection-failed")
    survivor.round_trip("still here")
    assert place.bosh().create().condition in ("remote-connection-failed", None)
    other.close()


def test_a_server_that_stops_reading_stalls_its_own_session_only(place):
    """The other session goes on; nothing is read from the stalled client beyond the bounds."""
    def deaf(stream):
        stream.login()
        stream.hold_here()

    place.server.script = deaf
    ws, stream = place.ws_pair()
    place.server.reset()
    before = place.fairlead.memory()
    ws.http.sock.settimeout(patience(1))
    with pytest.raises(TimeoutError):
        for _ in range(12000):  # 180 MB, more than the kernel's buffers grow to on both ways
            ws.send(message("x" * 15000))
    s, _ = place.bosh_pair()
    s.round_trip("not held up")
    assert place.fairlead.memory() - before < 8 << 20 or place.fairlead.sanitized()
    stream.hold.set()


def test_a_server_that_stops_reading_makes_a_bosh_client_wait(place):
    """No payload is taken beyond the bound: answers come late, and nothing is lost."""
    def deaf(stream):
        stream.login()
        stream.hold_here()
        stream.hang()

    place.server.script = deaf
    s, stream = place.bosh_pair()
    sent = 0
    while sent < 400:
        s.send(message(f"{sent} " + "x" * 200000))
        sent += 1
        if len(s.pending) > 1 and not s.pending[0].ready(1.5):
            break
        s.finish()
    assert 2 < sent < 400
    assert place.fairlead.memory() < 100 << 20 or place.fairlead.sanitized()
    stream.hold.set()
    stream.wait(lambda: len(stream.messages()) == sent, 30)
    assert [m.split(" ")[0] for m in stream.messages()] == [str(i) for i in range(sent)]
    s.finish()
    assert s.ended is None


def test_white_space_and_declarations_a_server_may_send_are_fine(place):
    def script(stream):
        stream.read_header()
        stream.send(" \n<?xml version=\"1.0\" encoding='UTF-8' standalone='yes' ?>\n"
                    f"<stream:stream xmlns:stream=\"{NS_STREAM}\" version='1.0' id=''\n"
                    f" xmlns='jabber:client' from='example.org' >\n\n{FEATURES_SASL} \n")
        stream.authenticate()
        stream.open(place.server.features_bind)
        stream.bind()
        stream.send(" ")
        stream.echo()

    place.server.script = script
    place.bosh().login().round_trip("x")
    place.ws().login().round_trip("x")


def test_another_prefix_for_the_stream_is_fine(place):
    def script(stream):
        stream.read_header()
        stream.send(f"<s:stream xmlns:s='{NS_STREAM}' version='1.0' id='1' xmlns='jabber:client' "
                    "from='example.org'>" + FEATURES_SASL.replace("stream:", "s:"))
        stream.hang()

    place.server.script = script
    s = place.bosh()
    s.create()
    assert s.take("features").ns == NS_STREAM
    ws = place.ws()
    ws.send(ws.open_text())
    ws.take("open")
    assert ws.take("features").ns == NS_STREAM

"""BOSH beyond the usual: acknowledgements, pause, key sequences, Content-Type, route, version, errors
(XEP-0124 7, 9, 10, 15 to 17; XEP-0206 3, 4)."""

import hashlib
import socket
import time

import pytest

from lib import patience
from lib.bosh import Body, message, request
from lib.xmppserver import Server

SETTINGS = {"bosh.wait": 2, "bosh.inactivity": 3, "bosh.features_wait_ms": 700}


def quiet(stream):
    """A server that logs in and then says only what the test sends."""
    stream.login()
    stream.hang()


def pair(place, attrs=None, **more):
    """A session with a quiet server and no request on its way."""
    place.server.script = quiet
    s = place.bosh(**more).login(attrs)
    settle(s)
    return s, place.server.stream_of(s.user)


def settle(s):
    """Have all answers in, so that the next request is the only one."""
    while s.pending:
        s.pending[0].answer()


# -- acknowledgements --------------------------------------------------------------------------

def test_the_first_answer_acknowledges_where_the_client_asks(place):
    for ask, granted in ((1, True), (0, False), (None, False)):
        s = place.bosh()
        rid = s.rid
        a = s.create({"ack": ask})
        assert a.get("ack") == (str(rid) if granted else None), a


def test_answers_acknowledge_a_later_request_and_never_their_own(place):
    s, stream = pair(place, {"ack": 1})
    r1 = s.send()
    assert not r1.ready(0.2)
    r2 = s.send(attrs={"ack": r1.rid - 1})
    assert r1.answer(1).number("ack") == r2.rid
    stream.send(message("m", xmlns=False))
    assert r2.answer(1).get("ack") is None


def test_answers_that_are_not_acknowledged_can_be_repeated_however_many(place):
    s, stream = pair(place, {"ack": 1})
    acked = s.rid - 1
    lost = []
    for i in range(6):
        stream.send(message(f"m{i}", xmlns=False))
        time.sleep(0.05)
        lost.append(s.send(attrs={"ack": acked}))
        lost[-1].answer()
    for r in lost:
        assert Body(place.http().post(r.raw)).raw == r.body.raw
    s.exchange()  # without ack: it has all of them
    a = Body(place.http().post(lost[-1].raw))
    assert a.type == "terminate" and a.condition == "item-not-found"


def test_a_lost_answer_is_reported_at_once_with_the_time_since(place):
    s, stream = pair(place, {"ack": 1})
    lost = s.send(message("where is the answer?"))
    stream.wait_text("where is the answer?")
    stream.send(message("lost", xmlns=False))
    lost.answer()
    time.sleep(0.7)
    a = s.exchange("", {"ack": lost.rid - 1}, timeout=1)
    assert a.number("report") == lost.rid and 600 <= a.number("time") < 3000
    assert Body(place.http().post(lost.raw)).elements[0].text() == "lost"


# -- pause -------------------------------------------------------------------------------------

def test_a_pause_is_offered_unless_it_is_off(place, new_place):
    assert place.bosh().create().number("maxpause") == 300
    assert new_place({"bosh.maxpause": 0}).bosh().create().get("maxpause") is None


def test_a_pause_answers_everything_and_outlives_the_inactivity(place):
    s, stream = pair(place)
    held = s.send()
    assert not held.ready(0.2)
    pause = s.send(attrs={"pause": 20})
    assert held.answer(1).elements == [] and pause.answer(1).elements == []
    stream.send(message("meanwhile", xmlns=False))
    time.sleep(5)
    a = s.exchange(timeout=1)
    assert [e.text() for e in a.elements] == ["meanwhile"]
    stream.wait_gone(6)  # the pause is over, so inactivity counts again
    place.fairlead.wait_end("inactivity", place.marked[1])


def test_the_answer_to_a_pause_has_no_payload_and_is_not_kept(place):
    s, stream = pair(place)
    stream.send(message("for later", xmlns=False))
    time.sleep(0.1)
    pause = s.send(attrs={"pause": 20})
    assert pause.answer(1).elements == []
    assert Body(place.http().post(pause.raw)).condition == "item-not-found"
    assert s.exchange(timeout=1).elements[0].text() == "for later"


def test_a_pause_may_be_shorter_than_the_inactivity(place):
    s, stream = pair(place)
    s.exchange("", {"pause": 1})
    began = time.monotonic()
    stream.wait_element(lambda e: e.get("id") == "fairlead-leave", 3)
    assert 0.6 < time.monotonic() - began < 2.5


def test_a_pause_of_more_than_is_offered_is_held_like_any_request(place):
    s, _ = pair(place)
    assert not s.send(attrs={"pause": 301}).ready(0.5)


# -- key sequences -----------------------------------------------------------------------------

class Keys:
    """Attributes for one request after the other; sequences of three keys."""

    def __init__(self):
        self.left = []
        self.switch = None

    def sequence(self):
        key = repr(time.monotonic())
        made = []
        for _ in range(4):
            key = hashlib.sha1(key.encode()).hexdigest()
            made.append(key)
        self.left = made[:-1]
        return made[-1]

    def first(self):
        return {"newkey": self.sequence().upper()}

    def next(self):
        attrs = {"key": self.left.pop()}
        if not self.left:
            attrs["newkey"] = self.sequence()
        return attrs


def keyed(place):
    """A session with keys, its features taken."""
    place.server.script = lambda stream: (stream.open(), stream.hang())
    s, keys = place.bosh(), Keys()
    a = s.create(keys.first())
    assert a.element("features") is not None
    return s, keys, place.server.next_stream()


def probe(text):
    return f"<probe xmlns='urn:test'>{text}</probe>"


def test_keys_are_followed_from_sequence_to_sequence(place):
    s, keys, stream = keyed(place)
    for i in range(10):
        s.send(probe(i), keys.next())
        s.finish()
    stream.wait(lambda: len(stream.received) == 10)
    assert s.ended is None


def test_a_wrong_key_is_not_processed_and_ends_the_session(place):
    for wrong in ({}, {"key": "0" * 40}, {"key": "short"}):
        s, keys, stream = keyed(place)
        s.send(probe("good"), keys.next())
        a = s.send(probe("bad"), wrong).answer(2)
        assert a.type == "terminate" and a.condition == "item-not-found"
        stream.wait_end()
        assert [e.tree.text for e in stream.received] == ["good"]
        place.fairlead.wait_end("item-not-found", place.marked[1])


def test_a_repeat_needs_the_key_too(place):
    s, keys, stream = keyed(place)
    r = s.send("", keys.next())
    second = s.send(probe("x"), keys.next())
    first = r.answer()
    assert Body(place.http().post(r.raw)).raw == first.raw
    forged = s.make("", r.rid, {"key": "0" * 40})
    assert Body(place.http().post(forged)).condition == "item-not-found"
    assert second.answer(2).type == "terminate"


# -- Content-Type ------------------------------------------------------------------------------

def test_all_answers_have_the_content_type_that_was_asked_for(place):
    """On whichever worker they leave."""
    s = place.bosh()
    s.content_type = "text/html; charset=utf-8"
    s.login({"content": s.content_type})
    for i in range(8):
        s.round_trip(f"m{i}")  # the Body of each answer is checked for it
    settle(s)
    r = s.send(probe("held"))
    stream = place.server.stream_of(s.user)
    stream.wait_element(lambda e: e.name == "probe")  # else the repeat may be there first
    again = place.http()
    again.send(request("POST", s.path, r.raw))
    assert r.answer(1).type == "error"
    s.send("", {"type": "terminate"})
    assert again.response().get("Content-Type") == s.content_type


def test_a_creation_that_is_refused_has_the_content_type_too(place):
    for domain in ("unknown.example", ""):
        s = place.bosh(domain=domain)
        s.content_type = "text/" + "x" * 122
        assert s.create({"content": s.content_type}).type == "terminate"


@pytest.mark.parametrize("value", ["text/html&#13;&#10;Set-Cookie: a=b", "text/html&#10;X: y",
                                   "text", "text/html;&#9;b", "text/html; &#233;", "/", "x" * 5000,
                                   "text/" + "x" * 123])
def test_a_content_type_that_cannot_be_sent_is_a_bad_request(place, value):
    s = place.bosh()
    raw = s.make("", s.rid, {"to": "example.org", "ver": "1.6", "wait": 1, "hold": 1})
    raw = raw.replace(b"<body ", f"<body content='{value}' ".encode(), 1)
    assert Body(place.http().post(raw)).condition == "bad-request"


# -- creation ----------------------------------------------------------------------------------

def header_of(place, attrs):
    s = place.bosh()
    a = s.create(attrs)
    stream = place.server.next_stream()
    stream.wait(lambda: stream.headers)
    return a, stream


def test_the_version_of_xmpp_reaches_the_server(place):
    for asked, said in (("1.0", "1.0"), ("1.1", "1.1"), ("2.0", "1.0"), (None, "1.0")):
        assert header_of(place, {"xmpp:version": asked})[1].headers[0]["version"] == said


@pytest.mark.parametrize("version", ["0.9", "", "one"])
def test_another_version_of_xmpp_is_refused(place, version):
    a = place.bosh().create({"xmpp:version": version})
    assert a.type == "terminate" and a.condition == "bad-request"
    place.fairlead.wait_end("unsupported-version", place.marked[1])


def test_the_first_answer_has_the_id_of_the_stream(place):
    a, stream = header_of(place, {})
    assert a.get("authid") == stream.stream_id()


def test_a_route_that_names_a_backend_is_followed_and_any_other_ignored(new_place):
    second = Server()
    place = new_place(options=["--backend", f"example.org=127.0.0.1:{second.port}"])
    both = (place.server, second)
    try:
        for server in both * 4:
            place.bosh().create({"route": f"xmpp:127.0.0.1:{server.port}"})
            server.next_stream()
            assert all(s.fresh.empty() for s in both)
        for route in (None, "xmpp:example.org:5222", "nonsense"):
            place.bosh().create({"route": route})
            deadline = time.monotonic() + patience(5)
            while all(s.fresh.empty() for s in both) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert sum(s.fresh.qsize() for s in both) == 1  # either: they have equal weights
            for s in both:
                s.drain()
    finally:
        second.close()


def test_a_routed_backend_that_is_down_is_not_the_last(new_place):
    with socket.socket() as closed:  # bound and not listening: it refuses
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        place = new_place(options=["--backend", f"example.org=127.0.0.1:{port}"])
        s = place.bosh().login({"route": f"xmpp:127.0.0.1:{port}"})
        s.round_trip("from the other one")


def test_a_polling_session_is_granted_more_inactivity_by_more_than_the_interval(place):
    for attrs in ({"wait": 0}, {"hold": 0}):
        a = place.bosh().create(attrs)
        assert a.number("inactivity") > 3 + a.number("polling")


def test_a_request_for_another_stream_is_a_poll(place):
    s, stream = pair(place)
    r = s.send(attrs={"to": "unreachable.example", "xml:lang": "en", "route": "xmpp:x:1"})
    assert not r.ready(0.3)
    stream.send(message("the one stream", xmlns=False))
    assert r.answer(1).elements[0].text() == "the one stream"
    s.send(message("up"), {"stream": "second"})
    stream.wait_text("up")


# -- errors ------------------------------------------------------------------------------------

def test_a_client_without_ver_gets_the_http_codes_of_old(place):
    s, _ = pair(place, {"ver": None})
    for rid, status, condition in (("0", 400, "bad-request"), (s.rid + 9, 404, "item-not-found")):
        r = place.http().post(s.make("", rid), headers={"Origin": "https://example.org"})
        assert r.status == status and f"condition='{condition}'".encode() in r.body
        assert r.get("Access-Control-Allow-Origin") == "*"
    s = place.bosh()
    r = place.http().post(s.make("", 7, {"to": "example.org", "wait": "x"}))
    assert r.status == 400
    r = place.http().post(s.make("", 7, {"to": "unknown.example"}))
    assert r.status == 200


def test_a_gone_session_is_item_not_found_as_http_200_for_all(place):
    s, stream = pair(place, {"ver": None})
    s.terminate()
    stream.wait_end()
    place.fairlead.wait_end("client-closed", place.marked[1])
    assert Body(place.http().post(s.make("", s.rid))).condition == "item-not-found"


def test_who_is_held_hears_of_another_request_that_broke_a_rule(place):
    s, _ = pair(place)
    held = s.send()
    assert not held.ready(0.2)
    bad = s.send(rid=s.rid + 20)
    assert bad.answer(1).condition == "item-not-found"
    assert held.answer(1).condition == "other-request"
    place.fairlead.wait_end("item-not-found", place.marked[1])


def test_new_sessions_may_be_sent_elsewhere(new_place):
    place = new_place({"bosh.see_other_uri": "https://b.example/bosh?a&b"})
    a = place.bosh().create()
    assert a.type == "terminate" and a.condition == "see-other-uri"
    assert a.elements[0].name == "uri" and a.elements[0].tree.text == "https://b.example/bosh?a&b"


def test_a_see_other_host_from_the_server_is_a_stream_error_like_any_other(place):
    """XEP-0124 17.2: stream errors are reported as remote-stream-error only."""
    s, stream = pair(place)
    held = s.send()
    stream.send("<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
                "b.example:5222</see-other-host></stream:error></stream:stream>")
    a = held.answer(2)
    assert a.condition == "remote-stream-error"
    assert a.element("error").find("see-other-host").text == "b.example:5222"


def test_the_log_tells_why_a_session_is_gone(place):
    def refusals():
        return place.fairlead.lines("refused", place.marked[1])

    s, _ = pair(place)
    idle, _ = pair(place)
    ids = {row["jid"]: row["id"] for row in place.fairlead.status("/api/sessions")["list"]}
    s.terminate()
    for gone, reason in ((s, "client-closed"), (idle, "inactivity")):
        place.fairlead.wait_lines("session-end", seconds=10,
                                  test=lambda p, i=ids[gone.jid]: p["session"] == i)
        for _ in range(3):  # from any worker
            Body(place.http().post(gone.make("", gone.rid)))
        lines = place.fairlead.wait_lines("refused", 3, place.marked[1],
                                          lambda p, r=reason: p.get("ended") == r)
        assert all(p["reason"] == "item-not-found" and int(p["ago"]) < 30 for p in lines)
    Body(place.http().post(s.make("", 7, {"sid": s.sid[:-2] + "aa"})))
    place.fairlead.wait_lines("refused", 7, place.marked[1])
    assert sum("ended" in p for p in refusals()) == 6

"""The first request of a BOSH session and its answer (XEP-0124 7, XEP-0206)."""

import base64
import functools
import operator
import socket
import time

import pytest

from lib.bosh import Body, Http, request
from lib.xmlbits import NS_STREAM, NS_XBOSH
from lib.xmppserver import FEATURES_SASL

SETTINGS = {"bosh.wait": 30, "bosh.inactivity": 40, "bosh.features_wait_ms": 700}
XBOSH = f"{{{NS_XBOSH}}}"


def features_of(session, answer):
    """The features, from the first answer or a later one."""
    for e in answer.elements:
        if e.name == "features":
            return e
    return session.take("features")


# -- what is granted ---------------------------------------------------------------------------

def test_the_first_answer_has_a_sid_and_all_that_a_client_needs(place):
    s = place.bosh()
    a = s.create({"wait": 20, "hold": 1})
    assert a.type is None
    assert len(a.get("sid")) >= 22
    assert 0 < a.number("wait") <= 20
    assert a.number("hold") == 1
    assert a.number("requests") > a.number("hold")
    assert a.number("inactivity") == 40
    assert a.get("ver") == "1.6"
    assert a.get("from") == "example.org"
    assert a.tree.get(f"{XBOSH}version") == "1.0"


def random_part(sid):
    """As a number; src/proto/sid.h has the form."""
    return int.from_bytes(base64.b32decode(sid.upper() + "===")[9:25], "big")


def test_sids_have_128_random_bits(place):
    """Each of them is set in some sids and not in others, which fails once in some 10 ** 9 runs."""
    parts = [random_part(place.bosh().create().get("sid")) for _ in range(40)]
    assert len(set(parts)) == 40
    assert functools.reduce(operator.or_, parts) == 2 ** 128 - 1
    assert functools.reduce(operator.and_, parts) == 0


def test_the_attributes_of_creation_stand_in_no_later_answer(place):
    s = place.bosh()
    s.create()
    s.inbox.clear()
    later = s.exchange("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                       "AHVzZXIAc2VjcmV0</auth>")
    for name in ("wait", "hold", "requests", "inactivity", "polling", "ver"):
        assert later.get(name) is None, later


@pytest.mark.parametrize("asked,least,most", [("1", 1, 1), ("30", 30, 30), ("60", 30, 30),
                                              ("86400", 30, 30), ("0", 0, 0)])
def test_wait_is_granted_up_to_the_bound(place, asked, least, most):
    a = place.bosh().create({"wait": asked})
    assert least <= a.number("wait") <= most


@pytest.mark.parametrize("asked,most", [("1", 1), ("2", 1), ("5", 1), ("1000000", 1), ("0", 0)])
def test_hold_is_granted_up_to_the_bound(place, asked, most):
    a = place.bosh().create({"hold": asked})
    assert 0 <= a.number("hold") <= most
    assert a.number("requests") > a.number("hold")


def test_hold_2_is_granted_where_it_is_configured(new_place):
    a = new_place({"bosh.hold": 2}).bosh().create({"hold": 2})
    assert a.number("hold") == 2 and a.number("requests") > 2


@pytest.mark.parametrize("missing", ["wait", "hold", "content", "xml:lang", "ver", "xmpp:version"])
def test_each_optional_attribute_may_be_missing(place, missing):
    s = place.bosh()
    a = s.create({missing: None})
    assert a.type is None and a.get("sid")
    features_of(s, a)


@pytest.mark.parametrize("name,value", [("wait", "abc"), ("wait", "-1"), ("hold", "-1"),
                                        ("hold", ""), ("wait", "99999999999999999999")])
def test_absurd_numbers_are_refused_or_bounded(place, name, value):
    a = place.bosh().create({name: value})
    if a.type == "terminate":
        assert a.condition == "bad-request"
    else:
        assert 0 <= a.number("wait") <= 30 and 0 <= a.number("hold") <= 1


@pytest.mark.parametrize("asked,answered", [("1.6", "1.6"), ("1.5", "1.5"), ("1.10", "1.10"),
                                            ("1.11", "1.11"), ("1.12", "1.11"), ("2.0", "1.11")])
def test_the_lower_version_is_answered(place, asked, answered):
    assert place.bosh().create({"ver": asked}).get("ver") == answered


def test_the_stream_header_tells_domain_and_language(place):
    s = place.bosh()
    s.create({"xml:lang": "pl"})
    stream = place.server.next_stream()
    stream.wait(lambda: stream.headers)
    header = stream.headers[0]
    assert header["to"] == "example.org" and header["version"] == "1.0"
    assert header["xml:lang"] == "pl"
    assert header["xmlns"] == "jabber:client" and header["xmlns:stream"] == NS_STREAM


def test_quotes_and_markup_in_attributes_reach_the_header_escaped(place):
    s = place.bosh()
    s.create({"from": "o'neil&<\">@example.org", "xml:lang": "en"})
    stream = place.server.next_stream()
    stream.wait(lambda: stream.headers)
    assert stream.headers[0].get("from") == "o'neil&<\">@example.org"


def test_a_domain_is_found_whatever_its_case(place):
    assert place.bosh(domain="EXAMPLE.Org").create().type is None


def test_route_and_host_do_not_matter(place):
    s = place.bosh()
    raw = s.make("", s.rid, {"to": "example.org", "route": "xmpp:example.org:5222", "ver": "1.6",
                             "wait": "30", "ack": "0", "secure": "false", "hold": "1"})
    h = place.http()
    h.send(request("POST", "/http-bind", raw, {"Host": "example.org:5222"}))
    assert Body(h.response()).get("sid")


def test_both_paths_lead_to_the_same_sessions(place):
    s = place.bosh(path="/bosh")
    s.create()
    s.path = "/http-bind"
    s.inbox.clear()
    assert s.exchange("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
                      "AHVzZXIAc2VjcmV0</auth>").element("success")


@pytest.mark.parametrize("value", ["text/html\r\nSet-Cookie: a=b", "text/html\nX: y", "a\tb",
                                   "x" * 5000, "\u20ac"])
def test_content_cannot_forge_a_header(place, value):
    s = place.bosh()
    escaped = value.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")
    raw = s.make("", s.rid, {"to": "example.org", "ver": "1.6", "wait": 1, "hold": 1})
    raw = raw.replace(b"<body ", f"<body content='{escaped}' ".encode(), 1)
    r = place.http().post(raw)
    assert r.status in (200, 400), r
    assert not r.all("Set-Cookie") and not r.all("X")
    assert len(r.all("Content-Type")) == 1


@pytest.mark.parametrize("before", [
    "<?xml version='1.0'?>", "<?xml version='1.0' encoding='UTF-8'?>", " \r\n"])
def test_what_xml_allows_before_the_body_is_read(place, before):
    s = place.bosh()
    raw = s.make("", s.rid, {"to": "example.org", "ver": "1.6", "wait": 5, "hold": 1})
    assert Body(place.http().post(before.encode() + raw)).get("sid")


# -- features ----------------------------------------------------------------------------------

def test_features_stand_in_the_first_answer_when_they_come_in_time(place):
    place.server.script = slow_features(0.1)
    a = place.bosh().create()
    assert a.get("sid") and a.element("features") is not None
    assert a.element("features").ns == NS_STREAM


def test_features_that_come_late_come_with_a_later_answer(place):
    place.server.script = slow_features(None)
    s = place.bosh()
    began = time.monotonic()
    a = s.create()
    assert 0.5 < time.monotonic() - began < 4
    assert a.get("sid") and not a.elements
    poll = s.send()
    assert not poll.ready(0.3)
    place.server.next_stream().hold.set()
    assert poll.answer(3).element("features") is not None


def test_the_sid_comes_although_the_server_has_not_even_sent_a_header(place):
    def silent(stream):
        stream.read_header()
        stream.hold_here()
        stream.send_header()
        stream.send(FEATURES_SASL)
        stream.hang()

    place.server.script = silent
    s = place.bosh()
    a = s.create(timeout=5)
    assert a.get("sid") and not a.elements
    poll = s.send()
    place.server.next_stream().hold.set()
    assert poll.answer(3).element("features") is not None


def slow_features(seconds):
    def script(stream):
        stream.read_header()
        stream.send_header()
        if seconds is None:
            stream.hold_here()
        else:
            time.sleep(seconds)
        stream.send(FEATURES_SASL)
        stream.hang()
    return script


def test_features_show_no_starttls_and_no_compression(place):
    def script(stream):
        stream.read_header()
        stream.send_header()
        stream.send("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"
                    "<optional/></starttls>"
                    "<compression xmlns='http://jabber.org/features/compress'><method>zlib</method>"
                    "</compression><mechanisms "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
                    "</mechanisms></stream:features>")
        stream.hang()

    place.server.script = script
    s = place.bosh()
    features = features_of(s, s.create())
    assert features.find("starttls") is None and features.find("compression") is None
    assert features.find("mechanism").text == "PLAIN"


# -- refusals ----------------------------------------------------------------------------------

def refused(place, attrs, rid="usual", sid=None):
    s = place.bosh()
    raw = s.make("", s.rid if rid == "usual" else rid,
                 {"to": "example.org", "ver": "1.6", "wait": 5, "hold": 1, "sid": sid, **attrs})
    a = Body(place.http().post(raw))
    assert a.type == "terminate" and a.get("sid") is None, a
    return a.condition


def test_an_unknown_domain_is_host_unknown(place):
    assert refused(place, {"to": "unknown.example"}) == "host-unknown"
    assert refused(place, {"to": "a.example.org"}) == "host-unknown"
    assert refused(place, {"to": "x" * 3000}) in ("host-unknown", "bad-request")


def test_the_log_says_which_domain_is_unknown(place):
    """As it is, but in quotes where it is no plain name, and cut where it is long."""
    since = place.fairlead.log_size()
    for to in ("Unknown.Example", 'a" domain=example.org', "b\u00fccher.example", "x" * 3000):
        refused(place, {"to": to})
    lines = place.fairlead.wait_end("host-unknown", since, 4)
    assert {p["domain"] for p in lines} == {"unknown.example", r'a\" domain=example.org',
                                            r"b\xc3\xbccher.example", "x" * 250}


def test_no_domain_is_improper_addressing(place):
    assert refused(place, {"to": None}) == "improper-addressing"
    assert refused(place, {"to": ""}) == "improper-addressing"


@pytest.mark.parametrize("rid", [None, "", "0", "-1", "abc", "1e5", "1.5", " 5", "5 ", "+5", "0x10",
                                 "9007199254740992", "99999999999999999999", "1" * 1000,
                                 "\u0661"])
def test_an_absurd_rid_is_a_bad_request(place, rid):
    assert refused(place, {}, rid) == "bad-request"


@pytest.mark.parametrize("rid", [1, 4294967296, 9007199254740000])
def test_small_and_large_rids_are_fine(place, rid):
    s = place.bosh(rid=rid).login()
    s.round_trip("hello")


def test_a_refused_backend_is_remote_connection_failed(new_place):
    with socket.socket() as closed:  # bound and not listening: it refuses
        closed.bind(("127.0.0.1", 0))
        place = new_place(backends={"refused.example": closed.getsockname()[1]})
        began = time.monotonic()
        s = place.bosh(domain="refused.example")
        answer = s.create()
        if answer.type != "terminate":  # the sid may have come before the refusal
            answer = s.exchange()
        assert answer.type == "terminate"
        assert answer.condition == "remote-connection-failed"
        assert time.monotonic() - began < 4
        place.bosh().login().round_trip("the other domain is served")


def test_a_name_that_does_not_resolve_is_remote_connection_failed(new_place):
    place = new_place({"backend.connect": 2},
                      backends={"lost.example": "no.such.host.invalid:5222"})
    s = place.bosh(domain="lost.example")
    answer = s.create()
    while answer.type != "terminate":
        answer = s.exchange()
    assert answer.condition == "remote-connection-failed"


def test_a_server_that_says_nothing_at_all_does_not_hold_up_the_sid(new_place):
    """A port that completes the handshake by backlog alone; nobody ever accepts."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        place = new_place(backends={"deaf.example": deaf.getsockname()[1]})
        assert place.bosh(domain="deaf.example").create(timeout=5).get("sid")


def test_a_creation_whose_connection_goes_away_harms_nobody(place):
    place.server.script = slow_features(None)
    s = place.bosh()
    h = Http(place.port)
    h.send(request("POST", "/http-bind",
                   s.make("", s.rid, {"to": "example.org", "ver": "1.6", "wait": 5, "hold": 1})))
    stream = place.server.next_stream()
    h.reset()
    stream.hold.set()
    place.server.reset()
    place.bosh().login().round_trip("hello")

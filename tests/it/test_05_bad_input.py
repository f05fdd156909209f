"""Bad input over BOSH: the protocol's own error, one log line, and nothing else changes."""

import pytest

from lib.bosh import Body, message
from lib.xmlbits import NS_BOSH

SETTINGS = {"limits.body": 20000, "bosh.wait": 5}
NS = f"xmlns='{NS_BOSH}'"


@pytest.fixture
def bystander(place):
    """Another session, which must not notice anything."""
    s, stream = place.bosh_pair()
    s.round_trip("before")
    yield s
    s.round_trip("after")
    assert stream.messages() == ["before", "after"]


DOCUMENTS = {
    "not closed": "<body {ns} rid='{rid}' sid='{sid}'>",
    "crossed": "<body {ns} rid='{rid}' sid='{sid}'><a><b></a></b></body>",
    "an attribute twice": "<body {ns} rid='{rid}' rid='5' sid='{sid}'/>",
    "an element attribute twice": "<body {ns} rid='{rid}' sid='{sid}'><a b='1' b='2'/></body>",
    "no quotes": "<body {ns} rid={rid} sid='{sid}'/>",
    "two documents": "<body {ns} rid='{rid}' sid='{sid}'/><body {ns} rid='{rid}' sid='{sid}'/>",
    "text after": "<body {ns} rid='{rid}' sid='{sid}'/>x",
    "a DTD": "<!DOCTYPE body><body {ns} rid='{rid}' sid='{sid}'/>",
    "a DTD with an entity": "<!DOCTYPE body [<!ENTITY e 'v'>]><body {ns} rid='{rid}' sid='{sid}'>"
                            "<message xmlns='jabber:client'><body>&e;</body></message></body>",
    "an external entity": "<!DOCTYPE body [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><body {ns} "
                          "rid='{rid}' sid='{sid}'><m xmlns='jabber:client'>&e;</m></body>",
    "billions": "<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
                "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><body {ns} rid='{rid}' sid='{sid}'>"
                "<m xmlns='jabber:client'>&c;&c;&c;&c;</m></body>",
    "a processing instruction": "<body {ns} rid='{rid}' sid='{sid}'><?php echo 1?></body>",
    "one in a stanza": "<body {ns} rid='{rid}' sid='{sid}'><m xmlns='jabber:client'><?x y?></m>"
                       "</body>",
    "a stylesheet": "<?xml-stylesheet href='x'?><body {ns} rid='{rid}' sid='{sid}'/>",
    "a comment": "<body {ns} rid='{rid}' sid='{sid}'><!-- c --></body>",
    "a comment in a stanza": "<body {ns} rid='{rid}' sid='{sid}'><m xmlns='jabber:client'>"
                             "<!-- c --></m></body>",
    "a comment before": "<!-- c --><body {ns} rid='{rid}' sid='{sid}'/>",
    "an unknown entity": "<body {ns} rid='{rid}' sid='{sid}'><m xmlns='jabber:client'>&nbsp;</m>"
                         "</body>",
    "an entity in an attribute": "<body {ns} rid='{rid}' sid='{sid}' x='&nbsp;'/>",
    "an unbound prefix": "<body {ns} rid='{rid}' sid='{sid}'><x:m/></body>",
    "an unbound prefix of an attribute": "<body {ns} rid='{rid}' sid='{sid}'>"
                                         "<m xmlns='jabber:client' x:a='1'/></body>",
    "text in body": "<body {ns} rid='{rid}' sid='{sid}'>text</body>",
    "text between stanzas": "<body {ns} rid='{rid}' sid='{sid}'><m xmlns='jabber:client'/>x<m "
                            "xmlns='jabber:client'/></body>",
    "a control character": "<body {ns} rid='{rid}' sid='{sid}'><m xmlns='jabber:client'>\x01</m>"
                           "</body>",
    "a forbidden reference": "<body {ns} rid='{rid}' sid='{sid}'><m xmlns='jabber:client'>&#1;</m>"
                             "</body>",
    "another encoding": "<?xml version='1.0' encoding='iso-8859-1'?><body {ns} rid='{rid}' "
                        "sid='{sid}'/>",
    "no namespace": "<body rid='{rid}' sid='{sid}'/>",
    "another namespace": "<body xmlns='http://jabber.org/protocol/httpbin' rid='{rid}' "
                         "sid='{sid}'/>",
    "another element": "<corpus {ns} rid='{rid}' sid='{sid}'/>",
    "a stream end": "<body {ns} rid='{rid}' sid='{sid}'></stream:stream></body>",
    "a stream header": "<body {ns} rid='{rid}' sid='{sid}'><stream:stream xmlns:stream="
                       "'http://etherx.jabber.org/streams' to='evil.example'/></body>",
    "too deep": "<body {ns} rid='{rid}' sid='{sid}'>" + "<a>" * 500 + "</a>" * 500 + "</body>",
    "too many attributes": "<body {ns} rid='{rid}' sid='{sid}'><a " +
                           " ".join(f"a{i}='1'" for i in range(500)) + "/></body>",
    "empty": "",
    "white space": " \r\n ",
    "JSON": '{{"rid": {rid}}}',
    "binary": "\x00\x01\x02",
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_bad_document_is_a_bad_request(place, bystander, document):
    s, stream = place.bosh_pair()
    s.finish()
    s.drop_pending()
    before = len(stream.received)
    raw = document.format(ns=NS, rid=s.rid, sid=s.sid).encode()
    a = Body(place.http().post(raw))
    assert a.type == "terminate" and a.condition in ("bad-request", "policy-violation"), a
    assert len(stream.received) == before, "it reached the server"
    for word in (b"DOCTYPE", b"<?php", b"<!--", b"evil.example", b"root:"):
        assert word not in stream.data
    assert len(stream.headers) == 2


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"])
def test_bad_utf_8_is_a_bad_request(place, bystander, bad):
    raw = message("a!b").encode().replace(b"!", bad)
    s = place.bosh()
    a = Body(place.http().post(s.make(raw, 5, {"sid": "x"})))
    assert a.condition == "bad-request"


def test_utf_16_is_a_bad_request(place, bystander):
    s = place.bosh()
    raw = s.make("", s.rid, {"to": "example.org", "ver": "1.6"}).decode().encode("utf-16")
    a = Body(place.http().post(raw))
    assert a.condition == "bad-request"


def test_a_bad_document_costs_one_line_in_the_log(place, bystander):
    before = place.fairlead.log_size()
    Body(place.http().post("<body"))
    place.fairlead.wait_lines(None, 1, before)
    assert len(place.fairlead.lines(since=before)) == 1, place.fairlead.log(before)


def test_a_document_over_the_limit_is_refused(place, bystander):
    s = place.bosh()
    h = place.http()
    try:
        h.send(b"POST /http-bind HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n" +
               b" " * 30000)
    except OSError:
        pass
    r = h.response()
    assert Body(r).condition == "policy-violation"
    s.login().round_trip("fine")


def test_an_unknown_path_is_404(place, bystander):
    s = place.bosh()
    s.login()
    for path in ("/", "/http-bin", "/http-bindx", "/HTTP-BIND", "/http-bind/../x", "/%68ttp-bind2",
                 "//http-bind", "/nowhere"):
        r = place.http().post(s.make("", s.rid), path)
        assert r.status in (404, 405, 400), (path, r)
    s.round_trip("fine")


def test_a_bad_document_in_the_middle_of_a_session_ends_that_request_only_or_that_session_only(
        place, bystander):
    """Which of the two is Fairlead's choice; the client is told, and the server's stream ends if
    the session did."""
    s, stream = place.bosh_pair()
    s.drop_pending()
    a = Body(place.http().post(s.make("<x:unbound/>", s.rid)))
    assert a.type == "terminate"
    follow = Body(place.http().post(s.make(message("follow"), s.rid)))
    if follow.type == "terminate":
        stream.wait_gone()
    else:
        stream.wait_text("follow")

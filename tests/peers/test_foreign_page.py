"""What a page of another origin can have a browser do: show an answer of ours, with what others
wrote in it; end its session with its last breath."""

import json

import pytest

import peers
from lib import place as places
from lib.bosh import NS_BOSH

SCRIPT = ("<message from='mallory@example.org'><body>{}</body><script "
          "xmlns='http://www.w3.org/1999/xhtml'>new Image().src = '/ran';</script></message>")


@pytest.fixture(scope="module")
def place():
    place = places.Place({"bosh.wait": 2})
    try:
        yield place
        place.fairlead.stop()
    finally:
        place.leave()
        place.server.close()
        place.fairlead.clean()


# Without the policy they do run: the page is one that could.
@pytest.mark.parametrize("bare", [False, True], ids=["as sent", "without its policy"])
@pytest.mark.parametrize("content", ["text/xml; charset=utf-8", "text/html; charset=utf-8"])
def test_no_script_in_an_answer_runs(place, content, bare):
    s = place.bosh(connections=1)
    s.content_type = content
    s.login({"content": content})
    stream = place.server.stream_of(s.user)
    while s.pending:
        s.pending[0].answer()
    stream.send(SCRIPT.format("take this"))
    facts = peers.node("formpost.js", json.dumps({
        "endpoint": f"http://127.0.0.1:{place.port}/http-bind",
        "name": f"<body rid='{s.rid}' sid='{s.sid}' xmlns='{NS_BOSH}' x='", "value": "'/>",
        "bare": bare, "browser": peers.browser()}))
    assert "take this" in facts["text"] and facts["ran"] == bare, facts


def test_a_page_that_goes_away_ends_its_session_by_a_beacon(place):
    s = place.bosh(connections=1).login()
    stream = place.server.stream_of(s.user)
    body = s.make("<presence type='unavailable' xmlns='jabber:client'/>", s.rid,
                  {"type": "terminate"}).decode()
    peers.node("beacon.js", json.dumps({
        "page": f"http://localhost:{place.port}/http-bind", "body": body,
        "endpoint": f"http://127.0.0.1:{place.port}/http-bind", "browser": peers.browser()}))
    stream.wait_gone()
    assert any(e.name == "presence" and e.get("type") == "unavailable" for e in stream.received)
    place.fairlead.wait_end("client-closed")

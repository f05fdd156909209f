"""Clients that lose their connection and take up their stream again."""

import json

import pytest

import peers


@pytest.fixture(scope="module")
def setup(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("setup, how, present", [
    pytest.param(server, how, present, id=f"{server}-{how}-present-{present}",
                 marks=[] if (server, how) == ("prosody", "cut") else pytest.mark.full)
    for server in ("prosody", "ejabberd") for how in ("cut", "half-open")
    for present in ("online", "later")], indirect=["setup"])
def test_xmppjs_resumes_its_stream_after_its_connection_broke(setup, how, present):
    options = setup.options("websocket", how=how, present=present)
    facts = peers.node("resume.js", json.dumps(options))
    assert facts["enabled"] == 1 and facts["resumed"] == 2 and facts["failed"] == 0
    assert facts["online"] == 1 and facts["connections"] == 3 and facts["jid"]
    assert len(facts["thereWanted"]) == 46
    # xmpp.js in Node loses count of a stanza that comes in one packet with <enabled/>, as its own
    # presence may: the server then sends one again.
    allowed = 1 if present == "online" else 0
    assert len(facts["there"]) <= 46 + allowed
    assert [text for text, before in zip(facts["there"], [None] + facts["there"])
            if text != before] == facts["thereWanted"]
    assert facts["back"] == facts["backWanted"]


@pytest.mark.full
@pytest.mark.parametrize("setup", ["prosody", "ejabberd"], indirect=True)
def test_strophe_keeps_its_bosh_session_when_its_page_is_loaded_anew(setup, pages):
    before = len(setup.front.lines("session-end"))
    options = setup.options("bosh", peer=setup.urls["websocket"], page=pages["reload"],
                            browser=peers.browser(),
                            status=f"http://127.0.0.1:{setup.front.status_port}/api/status")
    facts = peers.node("reload.js", json.dumps(options))
    assert len(facts["jids"]) == 3 and len(set(facts["jids"])) == 1
    assert len(facts["there"]) == 40
    assert facts["there"] == facts["thereWanted"]
    assert facts["back"] == facts["backWanted"]
    ends = setup.front.wait_lines("session-end", before + 2)[before:]
    assert sorted(e["transport"] for e in ends) == ["bosh", "websocket"]  # one session all along
    assert {e["reason"] for e in ends} == {"client-closed"}

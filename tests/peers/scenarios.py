"""What must hold for every client library and every server; test_prosody and test_ejabberd use it."""

import pytest

import peers

CLIENTS = [
    pytest.param("strophe", "bosh", id="strophe-bosh"),
    pytest.param("strophe", "websocket", id="strophe-websocket"),
    pytest.param("xmppjs", "websocket", id="xmppjs-websocket"),
    pytest.param("chromium", "bosh", id="chromium-bosh"),
    pytest.param("chromium", "websocket", id="chromium-websocket"),
]


def extra(library, page):
    return {"page": page, "browser": peers.browser()} if library == "chromium" else {}


def talk(setup, library, transport, page):
    # Chromium sends more than 128 KiB in several frames, which Prosody's own WebSocket loses.
    big = 4000 if peers.DIRECT else 7000
    options = setup.options(transport, big=big, **extra(library, page))
    facts = peers.run(library, "talk", options)
    user = f"{options['users'][0]}@{options['domain']}/"
    print(library, transport, facts["mechanism"])
    assert facts["mechanism"].startswith(setup.server.mechanism)
    assert facts["jid"].startswith(user)
    assert facts["rosterBefore"] == 0
    assert facts["rosterSet"] == "result"
    assert facts["rosterPush"] == f"{options['users'][1]}@{options['domain']}"
    assert facts["rosterName"] and facts["rosterGroup"]
    assert facts["disco"] == "server"
    assert facts["oddIq"] == "error"
    assert facts["presenceShow"] == "dnd" and facts["presenceStatus"]
    assert facts["there"] == facts["thereWanted"]
    assert facts["back"] == facts["backWanted"]
    assert facts["bigBytes"] == 26 * big and facts["bigSame"]
    assert facts["room"]
    assert facts["gone"]
    for closed in (facts["closeA"], facts["closeB"]):
        assert closed[-1] in ("DISCONNECTED", "offline"), closed
        assert not [s for s in closed if "FAIL" in s or "error" in s.lower()], closed
    assert not [line for line in facts.get("console", []) if "CORS" in line]


def refused(setup, library, transport, page):
    options = setup.options(transport, **extra(library, page))
    facts = peers.run(library, "refused", options)
    wanted = "not-authorized" if library == "xmppjs" else "AUTHFAIL"
    assert wanted in facts["refused"]


def idle(setup, library, transport, page):
    options = setup.options(transport, seconds=8, **extra(library, page))
    facts = peers.run(library, "idle", options)
    assert facts["got"] == "still there? ⚓"
    assert facts["ms"] < 2000

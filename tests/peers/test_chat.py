"""The demo's chat page, served by Fairlead itself, in two tabs of a real browser."""

import json
import os
import shutil

import pytest

import peers
import servers
from lib.place import Place

DOMAIN = "example.org"
ACCOUNTS = {"alice": "alice", "bob": "bob"}


def page_folder(folder, bosh, websocket, own=False):
    """The folder that ./demo makes: the page, Strophe.js, and what to connect to. own: as with
    --server, where no account and no room is known."""
    shutil.copytree(os.path.join(peers.TOP, "www", "chat"), folder)
    shutil.copy(os.path.join(peers.HERE, "node_modules", "strophe.js", "dist",
                             "strophe.umd.min.js"), folder)
    config = {"domain": DOMAIN, "room": "" if own else f"lounge@conference.{DOMAIN}",
              "bosh": bosh, "websocket": websocket,
              "accounts": [] if own else [{"name": u.capitalize(), "jid": f"{u}@{DOMAIN}", "password": p}
                           for u, p in ACCOUNTS.items()]}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)


@pytest.fixture
def chat(request, tmp_path, web):
    own = getattr(request, "param", False)
    folder = str(tmp_path / "page")
    with servers.Prosody(ACCOUNTS, DOMAIN, friends=() if own else tuple(ACCOUNTS)) as server:
        if peers.DIRECT:
            at = f"//127.0.0.1:{server.http_port}"
            page_folder(folder, f"http:{at}/http-bind", f"ws:{at}/xmpp-websocket", own)
            yield web(folder)
            return
        page_folder(folder, "/http-bind", "/xmpp-websocket", own)
        front = peers.manager(DOMAIN, server.port, {"www.directory": folder})
        try:
            yield f"http://127.0.0.1:{front.port}/"
            front.stop()
        finally:
            front.clean()


@pytest.mark.parametrize("via", ["bosh", "websocket"])
def test_two_tabs_talk(chat, via):
    options = {"page": chat, "via": via, "browser": peers.browser()}
    if os.environ.get("SCREENSHOTS"):
        options["screenshots"] = os.environ["SCREENSHOTS"]
    facts = peers.node("chat.js", json.dumps(options), seconds=120)
    assert "does not accept this name" in facts["refused"]
    assert facts["transport"].lower() == via
    for fact in ("presence", "there", "back", "room", "wireShows", "wireHides", "left", "gone"):
        assert facts[fact], fact
    assert not [line for line in facts["console"] if "Security" in line or "Error" in line]


@pytest.mark.parametrize("chat", [True], indirect=True)
def test_with_a_server_of_ones_own_two_talk_who_do_not_know_each_other(chat):
    options = {"page": chat, "via": "websocket", "browser": peers.browser(), "accounts": ACCOUNTS}
    if os.environ.get("SCREENSHOTS"):
        options["screenshots"] = os.environ["SCREENSHOTS"]
    facts = peers.node("chat.js", json.dumps(options), seconds=120)
    assert facts["there"] and facts["back"] and facts["forgotten"]
    assert not [line for line in facts["console"] if "Security" in line or "Error" in line]


@pytest.mark.parametrize("via", ["bosh", "websocket"])
def test_what_has_no_from_is_of_ones_own_account(tmp_path, via):
    """RFC 6120 8.1.2.1. A scripted server: others write it."""
    folder = str(tmp_path / "page")
    page_folder(folder, "/http-bind", "/xmpp-websocket", own=True)
    place = Place({"www.directory": folder})

    def speak():
        stream = place.server.stream_of("alice")
        stream.send("<presence/><presence from='carol@example.org/x'/>"
                    "<message type='headline'><body>Welcome.</body></message>"
                    "<message type='chat' from='bob@example.org/x'><body>Hello</body></message>")

    try:
        with peers.helper(speak=speak) as help:
            facts = peers.node("chat.js", json.dumps({
                "page": f"http://127.0.0.1:{place.port}/", "via": via, "browser": peers.browser(),
                "helper": help}))
        assert facts["talks"] == {"carol@example.org": [], "alice@example.org": ["Welcome."],
                                  "bob@example.org": ["Hello"]}
        assert not [line for line in facts["console"] if "Error" in line]
    finally:
        place.close()


if peers.DIRECT:  # its scripted server has no web endpoint
    del test_what_has_no_from_is_of_ones_own_account

"""Real clients through Fairlead to real servers: the main job, end to end, for each pair of them.

./check runs those for which `quick` of pairs() holds, and ./check --full all.
"""

import pytest

import peers

# jabberd2 has no web endpoint of its own to compare with.
SERVERS = ["prosody", "ejabberd"] + ([] if peers.DIRECT else ["jabberd2"])
CLIENTS = [("strophe", "bosh"), ("strophe", "websocket"), ("stanza", "bosh"),
           ("stanza", "websocket"), ("xmppjs", "websocket"),
           ("chromium", "bosh"), ("chromium", "websocket"),
           ("converse", "bosh"), ("converse", "websocket")]
# By the servers' own BOSH stanza, which manages its stream, does not get through: Prosody takes its
# terminate for a loss, ejabberd stalls it at times.
WITHOUT = [(s, ("stanza", "bosh")) for s in SERVERS] if peers.DIRECT else []
END = ("DISCONNECTED", "offline", "stream:end", "logout")  # how each library says that it is over
REFUSED = {"strophe": "AUTHFAIL", "chromium": "AUTHFAIL", "xmppjs": "not-authorized",
           "stanza": "auth:failed", "converse": "password is incorrect"}


def pairs(quick, clients=CLIENTS):
    """For each server and client a case; those for which quick(server, client) does not hold are
    for the full run."""
    return pytest.mark.parametrize("setup, library, transport", [
        pytest.param(server, *client, id="-".join([server, *client]),
                     marks=[] if quick(server, client) else pytest.mark.full)
        for server in SERVERS for client in clients
        if (server, client) not in WITHOUT], indirect=["setup"])


@pytest.fixture(scope="module")
def setup(request):
    return request.getfixturevalue(request.param)


def run(setup, library, transport, scenario, pages, **more):
    extra = {"page": pages[library], "browser": peers.browser()} if library in pages else {}
    options = setup.options(transport, **extra, **more)
    return peers.run(library, scenario, options), options


def assert_clean(*closed):
    for said in closed:
        assert said[-1] in END, said
        assert not [s for s in said if "FAIL" in s or "error" in s.lower()], said


@pairs(lambda server, client: client not in [("chromium", "websocket"), ("converse", "bosh")]
       and (client[0] != "converse" or server == "prosody"))
def test_log_in_talk_and_log_out(setup, pages, library, transport):
    # Chromium sends more than 128 KiB in several frames, which Prosody's own WebSocket loses.
    big = 3000 if peers.DIRECT else 7000
    facts, options = run(setup, library, transport, "talk", pages, big=big)
    print(library, transport, facts["mechanism"])
    assert facts["mechanism"] in setup.server.mechanisms
    assert facts["jid"].startswith(f"{options['users'][0]}@{options['domain']}/")
    assert facts["rosterBefore"] == 0
    assert facts["rosterSet"] == "result"
    assert facts["rosterPush"] == f"{options['users'][1]}@{options['domain']}"
    assert facts["rosterName"] and facts["rosterGroup"]
    assert facts["disco"] == "server"
    assert facts["oddIq"] == "error"
    assert facts["presenceShow"] == "dnd" and facts["presenceStatus"]
    assert len(facts["there"]) == 20
    assert facts["there"] == facts["thereWanted"]
    assert facts["back"] == facts["backWanted"]
    assert facts["bigBytes"] == 26 * big and facts["bigSame"]
    assert facts["room"]
    assert facts["gone"]
    assert_clean(facts["closeA"], facts["closeB"])
    assert not [line for line in facts.get("console", []) if "CORS" in line]


@pairs(lambda server, client: server == "prosody" and client[0] != "converse",
       [c for c in CLIENTS if c[0] != "chromium"])
def test_a_wrong_password_is_refused(setup, pages, library, transport):
    facts, _ = run(setup, library, transport, "refused", pages)
    assert REFUSED[library] in facts["refused"]

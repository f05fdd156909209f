"""Real client libraries reach Fairlead by its own TLS, https and wss, with an authority of the
tests; a new certificate comes while they talk."""

import os
import shutil
import signal
import threading

import pytest

import peers
import servers
from test_clients import assert_clean

# stanza over BOSH reads two connections at once and takes what it gets from either first: on a busy
# machine answers change places.
CLIENTS = [("strophe", "bosh"), ("strophe", "websocket"), ("xmppjs", "websocket"),
           ("stanza", "websocket")]
BRIEF = {"bosh.wait": 4, "websocket.ping": 2}

each_client = pytest.mark.parametrize("client", CLIENTS, ids=["-".join(c) for c in CLIENTS])


class Files:
    """A certificate at paths of its own, so that another one can take its place."""

    def __init__(self, folder):
        self.certificate, self.key = str(folder / "crt"), str(folder / "key")

    def install(self, c):
        shutil.copy(c.certificate, self.certificate)
        shutil.copy(c.key, self.key)


@pytest.fixture(scope="module")
def place(authority, tmp_path_factory):
    files = Files(tmp_path_factory.mktemp("tls"))
    files.install(authority.make("first", "localhost"))
    peers.fairlead.secrets.update(peers.ACCOUNTS.values())
    with servers.Prosody(peers.ACCOUNTS) as server:
        f = peers.fairlead.Fairlead({server.domain: server.port}, BRIEF, tls=files,
                                    trust=authority.client_context())
        try:
            place = peers.Setup(server, f.port)
            place.urls = {"bosh": f"https://localhost:{f.port}/http-bind",
                          "websocket": f"wss://localhost:{f.port}/xmpp-websocket"}
            place.front, place.files, place.trust = f, files, authority.file
            yield place
            f.stop()
        finally:
            f.clean()


def run(place, client, scenario, **more):
    library, transport = client
    return peers.run(library, scenario, place.options(transport, **more), seconds=120,
                     trust=place.trust)


def assert_talked(facts):
    assert len(facts["there"]) == 20 and facts["there"] == facts["thereWanted"]
    assert facts["back"] == facts["backWanted"]
    assert facts["bigSame"] and facts["room"] and facts["gone"]
    assert_clean(facts["closeA"], facts["closeB"])


@each_client
def test_clients_log_in_and_talk(place, client):
    assert_talked(run(place, client, "talk", big=1000))


@pytest.mark.parametrize("transport", ["bosh", "websocket"])
def test_chromium_logs_in_and_talks(place, pages, transport):
    """It opens what connections it likes, and first refuses a certificate that it is told to take."""
    before = place.front.status()["tls_handshakes"]
    assert_talked(run(place, ("chromium", transport), "talk", big=1000, page=pages["chromium"],
                      browser=peers.browser(), anyCertificate=True))
    assert place.front.status()["tls_handshakes"] > before


@pytest.mark.parametrize("client", [CLIENTS[0], CLIENTS[2]], ids=["bosh", "websocket"])
def test_a_new_certificate_disturbs_nobody(place, client, authority):
    """It comes while they are silent, with a request held or a ping due."""
    place.files.install(authority.make("second-" + client[1], "localhost"))
    timer = threading.Timer(
        peers.patience(5), os.kill, (place.front.process.pid, signal.SIGHUP))
    since = place.front.log_size()
    timer.start()
    facts = run(place, client, "idle", seconds=peers.IDLE)
    assert facts["there"] == ["still there? ⚓", "good"] and facts["back"] == ["yes"]
    assert_clean(*facts["closed"])
    place.front.wait_lines("reload", since=since)


def test_a_client_that_knows_nothing_of_the_authority_is_counted(place):
    with pytest.raises(AssertionError):
        peers.run("xmppjs", "talk", place.options("websocket", big=10), seconds=30)
    place.front.wait_lines("tls-failed",
                           test=lambda p: "does not accept" in p["text"] or "went during" in p["text"])

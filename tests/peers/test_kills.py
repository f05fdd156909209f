"""A party is killed in the middle of sessions of real clients: the others hear of it in their own
protocol's terms, at once, and nothing hangs."""

import json
import os
import signal
import subprocess
import time

import pytest

import peers
import servers

KINDS = [("strophe", "bosh"), ("strophe", "websocket"), ("xmppjs", "websocket")]

class Held:
    """A client that is logged in and waits, in a process of its own."""

    def __init__(self, setup, library, transport):
        options = setup.options(transport)
        self.process = subprocess.Popen(
            ["node", os.path.join(peers.HERE, "clients", "run.js"), library, "held",
             json.dumps(options)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            encoding="utf-8")
        self.name = f"{library} over {transport}"
        for line in self.process.stdout:
            if line.strip() == "READY":
                return
        raise AssertionError(f"{self.name} did not log in")

    def facts(self):
        out, _ = self.process.communicate(timeout=peers.patience(40))
        assert self.process.returncode == 0, self.name
        return json.loads(out.splitlines()[-1])

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def place():
    with servers.Prosody(peers.ACCOUNTS) as server:
        peers.fairlead.secrets.update(peers.ACCOUNTS.values())
        front = peers.manager(server.domain, server.port, {"bosh.inactivity": 2})
        setup = peers.Setup(server, front.port)
        setup.front = front
        clients = []
        try:
            for kind in KINDS:
                clients.append(Held(setup, *kind))
            yield setup, clients
        finally:
            for client in clients:
                if client.process.poll() is None:
                    client.kill()
            front.clean()


def condition_reached(clients, condition):
    """Each says that it is over; Strophe over BOSH and xmpp.js also name the condition."""
    for client in clients:
        began = time.monotonic()
        facts = client.facts()
        assert facts["ended"], f"{client.name}: {facts}"
        assert time.monotonic() - began < peers.patience(10)
        if client.name != "strophe over websocket":  # which keeps a stream error to itself
            assert condition in " ".join(facts["said"]), f"{client.name}: {facts}"


def test_a_killed_server_is_remote_connection_failed(place):
    setup, clients = place
    os.kill(setup.server.processes[0].pid, signal.SIGKILL)
    condition_reached(clients, "remote-connection-failed")
    setup.front.wait_end("server-lost", n=3)
    setup.front.stop()


def test_fairlead_told_to_end_is_system_shutdown(place):
    setup, clients = place
    setup.front.stop()
    condition_reached(clients, "system-shutdown")
    assert setup.front.log().count("reason=system-shutdown") == 3


def test_killed_clients_are_noticed(place):
    setup, clients = place
    for client in clients:
        client.kill()
    setup.front.wait_end("client-lost", n=2)
    setup.front.wait_end("inactivity", n=1)
    setup.front.stop()

"""A real client is told nothing but the address of its user, and finds Fairlead by host-meta."""

import subprocess

import pytest

import peers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    made = {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=example.org", "-out", made["cert"], "-keyout", made["key"]],
                   check=True, capture_output=True)
    return made


@pytest.mark.full
@pytest.mark.parametrize("told, taken", [
    (["bosh", "websocket"], "wss://example.org/xmpp-websocket"),
    (["websocket"], "wss://example.org/xmpp-websocket"),
    (["bosh"], "https://example.org/http-bind")], ids=["both", "websocket", "bosh"])
def test_converse_logs_in_where_host_meta_sends_it(prosody, pages, certificate, told, taken):
    public = {"bosh": "https://example.org/http-bind",
              "websocket": "wss://example.org/xmpp-websocket"}
    front = peers.manager(prosody.server.domain, prosody.server.port,
                          {f"public.{name}": public[name] for name in told})
    try:
        options = prosody.options("bosh", port=front.port, page=pages["converse"],
                                  browser=peers.browser(), **certificate)
        del options["service"]
        facts = peers.run("converse", "discover", options)
        assert facts["service"] == taken
        assert facts["oddIq"] == "error"  # from the server, so the session works
        assert facts["closed"] == ["logout"]
        front.wait_end("client-closed")
        front.stop()
    finally:
        front.clean()

"""TLS to real servers: only a good certificate lets a real client log in, and the log says what is
wrong with the others. Each server has a domain for each kind of certificate."""

import json

import pytest

import peers
import servers

GOOD, EXPIRED, WRONG, SELF = "example.org", "expired.example", "wrong.example", "selfsigned.example"
REASONS = {EXPIRED: ["expired on 2021-01-01"], WRONG: ["is for ", f"not for {WRONG}"],
           SELF: ["self-signed"]}
FAILED = "remote-connection-failed"
CLIENTS = [("strophe", "bosh"), ("xmppjs", "websocket")]


@pytest.fixture(scope="module")
def certificates(authority):
    return {GOOD: authority.make("good", GOOD),
            EXPIRED: authority.make("expired", EXPIRED, span="expired"),
            WRONG: authority.make("wrong", "other.example"),
            SELF: authority.make("selfsigned", SELF, self_signed=True)}


@pytest.fixture(scope="module", params=[servers.Prosody, servers.Ejabberd],
                ids=lambda kind: kind.name)
def server(request, certificates):
    with request.param(peers.ACCOUNTS, tls=servers.Tls(certificates)) as s:
        peers.fairlead.secrets.update(peers.ACCOUNTS.values())
        yield s


def url(server, way):
    return f"tls://127.0.0.1:{server.tls.port}" if way == "direct" else \
        f"tcp://127.0.0.1:{server.port}"


def assert_in(facts, domain):
    assert facts[domain].get("jid", "").startswith(f"user0@{domain}/"), facts


def problem(front, domain):
    """What the log says of the dials that failed for that domain."""
    lines = front.wait_lines("backend-unreachable", test=lambda p: p["domain"] == domain)
    assert len({p["problem"].split(" (down")[0].split("down: ")[-1] for p in lines}) == 1, lines
    return lines[0]["problem"]


@pytest.mark.parametrize("way", ["starttls", "direct"])
def test_only_a_good_certificate_connects(server, front, authority, certificates, way):
    f = front(*({"name": d, "backends": [url(server, way)], "tls": "starttls",
                 "tls_ca": authority.file} for d in certificates))
    for client in CLIENTS:
        facts = peers.log_in(f, *client, *certificates)
        assert_in(facts, GOOD)
        for domain in REASONS:
            assert FAILED in facts[domain].get("refused", ""), facts
    for domain, words in REASONS.items():
        text = problem(f, domain)
        assert all(word in text for word in words), text


@pytest.mark.parametrize("way", ["starttls", pytest.param("direct", marks=pytest.mark.full)])
def test_a_pinned_certificate_connects_whoever_signed_it(server, front, certificates, way):
    pinned = {d: {"tls_pins": [certificates[d].pin]} for d in (SELF, EXPIRED)}
    pinned[GOOD] = {"tls_pins": [certificates[SELF].pin.upper().replace("SHA256", "sha256")]}
    f = front(*({"name": d, "backends": [url(server, way)], "tls": "starttls", **more}
                for d, more in pinned.items()))
    facts = peers.log_in(f, *CLIENTS[1], *pinned)
    assert_in(facts, SELF)
    assert FAILED in facts[GOOD].get("refused", ""), "it has another certificate"
    assert "not the pinned one" in problem(f, GOOD)


def test_without_the_authority_a_good_certificate_is_refused(server, front):
    f = front({"name": GOOD, "backends": [url(server, "starttls")], "tls": "starttls"})
    facts = peers.log_in(f, *CLIENTS[0], GOOD)
    assert FAILED in facts[GOOD].get("refused", "")
    assert "not signed by a known authority" in problem(f, GOOD)


@pytest.mark.full
def test_unverified_any_certificate_connects(server, front, certificates):
    f = front(*({"name": d, "backends": [url(server, "starttls")], "tls": "starttls",
                 "tls_verify": "off"} for d in certificates))
    facts = peers.log_in(f, *CLIENTS[1], *certificates)
    for domain in certificates:
        assert_in(facts, domain)


@pytest.mark.parametrize("mode", ["offered", *(pytest.param(m, marks=pytest.mark.full)
                                               for m in ("auto", "none"))])
def test_a_server_that_offers_starttls(server, front, authority, mode):
    """On this machine `auto` leaves it away."""
    f = front({"name": GOOD, "backends": [url(server, "starttls")], "tls": mode,
               "tls_ca": authority.file}, log_level="debug")
    assert_in(peers.log_in(f, *CLIENTS[0], GOOD), GOOD)
    secure = [p["tls"] for p in f.lines("backend-connected")]
    assert secure == ["yes" if mode == "offered" else "no"]


@pytest.mark.full
def test_plain_tcp_where_tls_is_expected_is_said(server, front):
    f = front({"name": GOOD, "backends": [f"tls://127.0.0.1:{server.port}"]})
    facts = peers.log_in(f, *CLIENTS[1], GOOD)
    assert FAILED in facts[GOOD].get("refused", "")
    assert "TLS" in problem(f, GOOD)


# -- a server without TLS, and one that wants certificates of its clients --------------------------

@pytest.mark.parametrize("mode, up", [
    ("offered", True), ("starttls", False), pytest.param("auto", True, marks=pytest.mark.full)])
def test_a_server_without_starttls(prosody, front, mode, up):
    f = front({"name": GOOD, "backends": [f"tcp://127.0.0.1:{prosody.server.port}"], "tls": mode})
    facts = peers.log_in(f, *CLIENTS[0], GOOD)
    if up:
        assert_in(facts, GOOD)
        return
    assert FAILED in facts[GOOD].get("refused", "")
    assert "offers no STARTTLS" in problem(f, GOOD)


def test_a_server_that_asks_for_a_certificate_of_ours(authority, front):
    """Prosody is told to; ejabberd asks only for SASL EXTERNAL's sake, and goes on without."""
    good = authority.make("good", GOOD, "b.example")
    ours = authority.make("ours", "fairlead.example")
    strange = authority.make("strange", "fairlead.example", self_signed=True)
    tls = servers.Tls({GOOD: good, "b.example": good, "c.example": good}, authority.file)
    with servers.Prosody(peers.ACCOUNTS, tls=tls) as server:
        common = {"backends": [url(server, "starttls")], "tls": "starttls",
                  "tls_ca": authority.file}
        f = front({"name": GOOD, "tls_certificate": ours.certificate, "tls_key": ours.key,
                   **common},
                  {"name": "b.example", **common},
                  {"name": "c.example", "tls_certificate": strange.certificate,
                   "tls_key": strange.key, "tls_verify": "off", **common})
        for client in CLIENTS:
            facts = peers.log_in(f, *client, GOOD, "b.example", "c.example")
            assert_in(facts, GOOD)
            for domain in ("b.example", "c.example"):
                assert FAILED in facts[domain].get("refused", ""), facts
    log = f.log()
    assert "wants a certificate of ours" in log, log
    assert "does not accept our certificate" in log, log


def test_what_the_configuration_names_must_be_there(authority, tmp_path):
    """Found out at the start, not by the first client."""
    good, other = authority.make("good", GOOD), authority.make("other", GOOD)
    for more, word in [({"tls_ca": "/nonexistent"}, "/nonexistent"),
                       ({"tls_certificate": good.certificate, "tls_key": other.key}, "not that of"),
                       ({"tls_certificate": good.certificate, "tls_key": "/nonexistent"},
                        "/nonexistent"),
                       ({"tls_ca": good.key}, good.key)]:
        path = tmp_path / "conf"
        path.write_text(json.dumps({"domains": [
            {"name": GOOD, "backends": ["tls://127.0.0.1:5223"], **more}]}))
        said = peers.fairlead.check(str(path))
        assert word in said, (more, said)

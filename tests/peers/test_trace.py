"""A login through Fairlead to a real server, traced: with SCRAM and with PLAIN, and a change of the
password (jabber:iq:register). No secret of them is in the trace, in the API's JSON or in the log."""

import base64
import hashlib
import hmac
import json
import secrets
import time

import pytest

import peers
import servers
from lib import patience
from lib.bosh import Bosh, Http, bind, request
from lib.xmlbits import NS_SASL

PASSWORD, NEW = "tr4ced-s3cret", "ch4nged-s3cret"
ACCOUNTS = {"alice": PASSWORD}


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


@pytest.fixture(scope="module")
def front():
    with servers.Prosody(ACCOUNTS) as server:
        f = peers.manager(server.domain, server.port, {"log.level": "debug"})
        f.domain = server.domain
        try:
            yield f
            f.stop()
        finally:
            f.clean()


class Trace:
    """Reads the stream of one session to its end."""

    def __init__(self, front, session):
        self.http = Http(front.status_port)
        self.http.send(request("GET", f"/api/sessions/{session}/trace", None, key(front)))
        assert self.http.until(b"\r\n\r\n", time.monotonic() + patience(5)).startswith(
            b"HTTP/1.1 200 ")

    def all(self):
        text, deadline = b"", time.monotonic() + patience(10)
        while n := int(self.http.until(b"\r\n", deadline), 16):
            text += self.http.exactly(n, deadline)
            self.http.exactly(2, deadline)
        self.http.close()
        return text.decode()


def key(front):
    return {"Authorization": f"Bearer {front.token()}"}


def get(front, path):
    http = Http(front.status_port)
    answer = http.request("GET", path, headers=key(front))
    http.close()
    assert answer.status == 200, answer
    return answer.body.decode()


def opened(front):
    """A client that has seen the features and not logged in, and its trace."""
    client = Bosh(front.port, front.domain)
    client.create()
    client.take("features")
    row, = json.loads(get(front, "/api/sessions?sort=age&order=asc&limit=1"))["list"]
    return client, row["id"], Trace(front, row["id"])


def text_of(element):
    return base64.b64decode(element.raw.split(b">", 1)[1].split(b"<", 1)[0]).decode()


def scram(client, user, password):
    """RFC 5802, without channel binding: what went over the wire."""
    first = f"n={user},r={secrets.token_hex(12)}"
    wire = [b64("n,," + first)]
    client.send(f"<auth xmlns='{NS_SASL}' mechanism='SCRAM-SHA-1'>{wire[0]}</auth>")
    challenge = text_of(client.take("challenge"))
    fields = dict(f.split("=", 1) for f in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), base64.b64decode(fields["s"]),
                                 int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha1")
    bare = f"c=biws,r={fields['r']}"
    signature = hmac.digest(hashlib.sha1(client_key).digest(),
                            f"{first},{challenge},{bare}".encode(), "sha1")
    proof = b64(bytes(a ^ b for a, b in zip(client_key, signature)))
    wire += [b64(challenge), b64(f"{bare},p={proof}"), proof, fields["s"], fields["r"]]
    client.send(f"<response xmlns='{NS_SASL}'>{wire[2]}</response>")
    return wire


def plain(client, user, password):
    wire = [b64(f"\0{user}\0{password}")]
    client.send(f"<auth xmlns='{NS_SASL}' mechanism='PLAIN'>{wire[0]}</auth>")
    return wire


@pytest.mark.parametrize("login", [scram, plain])
def test_no_secret_of_a_login_is_traced(front, login):
    client, session, trace = opened(front)
    hidden = login(client, "alice", PASSWORD)
    client.take("success")
    client.restart()
    client.take("features")
    client.send(bind("traced"))
    client.take("iq")
    client.send(f"<iq xmlns='jabber:client' type='set' id='pw' to='{front.domain}'>"
                "<query xmlns='jabber:iq:register'><username>alice</username>"
                f"<password>{NEW}</password></query></iq>")
    client.take("iq")
    shown = get(front, f"/api/sessions/{session}")
    listed = get(front, "/api/sessions?limit=1000")
    labels = [e["label"] for e in json.loads(shown)["events"]]
    assert labels.index("login-tried") < labels.index("logged-in") < labels.index("bound")
    assert json.loads(shown)["login"] == "done"
    client.terminate()
    told = trace.all()
    for seen in ("mechanism='SCRAM-SHA-1'" if login is scram else "mechanism='PLAIN'", "<success",
                 f"alice@{front.domain}/traced", "jabber:iq:register", "event: end"):
        assert seen in told, told
    for secret in [PASSWORD, NEW, b64(PASSWORD), b64(NEW), client.sid, *hidden]:
        for where in (told, shown, listed, front.log(), get(front, "/api/status")):
            assert secret not in where, (secret, where)


def test_a_wrong_password_is_told_as_such(front):
    before = json.loads(get(front, "/api/status"))["login_failures_total"]
    client, session, trace = opened(front)
    scram(client, "alice", "wr0ng-s3cret")
    client.take("failure")
    shown = json.loads(get(front, f"/api/sessions/{session}"))
    assert shown["login"] == "failed" and shown["events"][-1]["label"] == "login-failed"
    assert "not-authorized" in shown["events"][-1]["what"]
    client.terminate()
    told = trace.all()
    assert "<not-authorized/>" in told and "wr0ng" not in told
    assert json.loads(get(front, "/api/status"))["login_failures_total"] == before + 1

"""What those who set it all up are told, in the answer and in the log, where a client cannot work:
each says what is wrong and what to change."""

import pytest

from lib.bosh import request
from lib.ws import upgrade
from lib.xmppserver import FEATURES_SASL, FEATURES_TLS

SETTINGS = {}
BOTH = 'the headers "Upgrade: websocket" and "Connection: Upgrade" are missing'
REGISTER = ("<stream:features><register xmlns='http://jabber.org/features/iq-register'/>"
            "</stream:features>")
ALL_BOUND = FEATURES_SASL.replace("PLAIN", "SCRAM-SHA-1-PLUS")


def told(place, data, status):
    """The words of an answer, which the one new line in the log has too."""
    since = place.fairlead.log_size()
    r = place.http().send(data).response()
    assert r.status == status, r
    assert len(r.all("Access-Control-Allow-Origin")) == 1 or status == 403, r
    line, = place.fairlead.wait_lines("request-refused", since=since)
    words = r.body.decode().rstrip("\n")
    assert line["status"] == str(status)
    assert line["why"].replace('\\"', '"') == words, (line, words)
    return words


@pytest.mark.parametrize("headers, version, missing, guess", [
    ({"Upgrade": None, "Connection": None}, "HTTP/1.1", BOTH, "A proxy in front"),
    ({"Upgrade": None}, "HTTP/1.1", '"Upgrade: websocket" is missing', "A proxy in front"),
    ({"Connection": "keep-alive"}, "HTTP/1.1", '"Connection: Upgrade" is missing',
     "A proxy in front"),
    ({"Upgrade": None, "Connection": "close"}, "HTTP/1.0", "HTTP/1.0", "A proxy in front"),
    ({n: None for n in ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
                        "Sec-WebSocket-Protocol")}, "HTTP/1.1", BOTH, "opened as a page"),
], ids=["both", "upgrade", "connection", "http-1.0", "by-hand"])
def test_an_upgrade_that_a_proxy_spoilt_says_what_nginx_needs(place, headers, version, missing,
                                                             guess):
    words = told(place, upgrade(headers=headers, version=version), 426)
    assert missing in words and guess in words, words
    for line in ("proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;",
                 'proxy_set_header Connection "upgrade";'):
        assert line in words, words


def test_a_refused_origin_is_named_with_the_key_that_lists_them(new_place):
    place = new_place(config={"origins": ["https://chat.example.org"]})
    for data in (request("POST", "/http-bind", "<body/>", {"Origin": "https://other.example"}),
                 request("OPTIONS", "/http-bind", None, {
                     "Origin": "https://other.example", "Access-Control-Request-Method": "POST"}),
                 upgrade(headers={"Origin": "https://other.example"})):
        words = told(place, data, 403)
        assert "https://other.example" in words and '"origins"' in words, words


def test_a_page_opened_at_the_bosh_endpoint_is_explained_and_logged_once_a_minute(new_place):
    place = new_place(workers=1)
    since = place.fairlead.log_size()
    for path in ("/http-bind", "/http-bind/", "/bosh"):
        r = place.http().request("GET", path)
        assert r.status == 200 and r.get("Content-Type").startswith("text/html"), r
        assert b"as its BOSH service" in r.body
    line, = place.fairlead.wait_lines("page-opened", since=since)
    assert line["peer"].startswith("127.0.0.1:") and "settings of an XMPP client" in line["text"]
    place.http().request("GET", "/nowhere")  # a line behind those that are not there
    place.fairlead.wait_lines("request-refused", since=since)
    assert len(place.fairlead.lines("page-opened", since)) == 1


@pytest.mark.parametrize("features, change", [
    (FEATURES_TLS, "domains.tls"), (REGISTER, "allow logins without TLS"),
    (ALL_BOUND, "allow logins without TLS"), ("<stream:features/>", "allow logins without TLS"),
], ids=["tls-first", "register", "all-bound-to-tls", "empty"])
def test_a_server_without_a_login_is_logged_with_what_to_change(new_place, features, change):
    def script(stream):
        stream.open(features)
        stream.hang()

    place = new_place(script=script)
    session = place.bosh()
    session.create()
    assert session.take("features")
    line, = place.fairlead.wait_lines("no-login")
    assert line["level"] == "warn" and line["domain"] == "example.org" and line["tls"] == "no"
    assert "offers no login" in line["text"] and change in line["text"], line
    ws = place.ws()
    ws.open()
    row, = [r for r in place.fairlead.status("/api/sessions")["list"]
            if r["transport"] == "websocket"]
    assert row["state"] == "open"  # it may still register an account, for instance
    assert len(place.fairlead.lines("no-login")) == 1  # once a minute


def test_a_server_with_a_login_is_not_complained_of(place):
    for session in (place.bosh(), place.ws()):
        session.login()
    assert not place.fairlead.lines("no-login")


def test_each_domain_without_a_login_is_told_of(new_place):
    def script(stream):
        stream.open(FEATURES_TLS)
        stream.hang()

    server = new_place(script=script).server
    place = new_place(script=script, backends={"second.example": server.port})
    for domain in ("second.example", "example.org", "second.example"):
        place.bosh(domain=domain).create()
    lines = place.fairlead.wait_lines("no-login", 2)
    assert sorted(p["domain"] for p in lines) == ["example.org", "second.example"]

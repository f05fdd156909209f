"""Who is asking: trusted proxies that tell of their clients, by header fields and PROXY headers.
The tests come from 127.0.0.1, which is a trusted proxy here unless a test says otherwise."""

import socket
import struct
import time

import pytest

from lib import patience
from lib.bosh import Closed, message, request
from lib.ws import upgrade

SETTINGS = {"http.trusted_proxies": "127.0.0.1,10.0.0.0/8,2001:db8:1::/48"}
XFF, FWD = "X-Forwarded-For", "Forwarded"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source="192.0.2.7", destination="198.51.100.1", family="TCP4"):
    return f"PROXY {family} {source} {destination} 4660 443\r\n".encode()


def v2(source="192.0.2.7", tlvs=b"", command=0x21):
    kind, family = (0x21, socket.AF_INET6) if ":" in source else (0x11, socket.AF_INET)
    ip = socket.inet_pton(family, source)
    block = ip + ip + struct.pack("!HH", 4660, 443) + tlvs
    return SIGNATURE + struct.pack("!BBH", command, kind, len(block)) + block


def behind(new_place, settings=None, **listener):
    """A place whose listener wants a PROXY header."""
    return new_place({**SETTINGS, **(settings or {})},
                     listener={"proxy_protocol": "on", **listener})


def refused_peer(place, headers, http=None):
    """The peer that the log names for one refused request with these header lines."""
    since = place.fairlead.log_size()
    http = http or place.http()
    http.send(request("GET", "/nowhere", None, headers))
    assert http.response().status == 404
    return place.fairlead.wait_lines("request-refused", since=since)[-1]["peer"]


def session_peer(place, client, end):
    """The peer of a client's session, by the status page and, once ended, by the log."""
    row, = [row for row in place.fairlead.status("/api/sessions")["list"]
            if row["jid"] == client.jid]
    end()
    line, = place.fairlead.wait_lines("session-end", test=lambda p: p["session"] == row["id"])
    assert line["peer"] == row["peer"], (line, row)
    return line["peer"]


def dropped(http):
    """The connection ends, and nothing is said."""
    try:
        http.more(time.monotonic() + patience(8))
    except Closed:
        return not http.buffer
    return False


# -- header fields -----------------------------------------------------------------------------

CHAINS = [
    ([], None),  # the proxy's own
    (["192.0.2.1"], "192.0.2.1"),
    (["2001:db8::7"], "2001:db8::7"),
    (["192.0.2.1:4711"], "192.0.2.1:4711"),
    (["192.0.2.1, 10.1.1.1"], "192.0.2.1"),
    (["192.0.2.1", "10.1.1.1, 2001:db8:1::5"], "192.0.2.1"),
    (["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
    (["6.6.6.6", "192.0.2.1, 10.1.1.1"], "192.0.2.1"),
    (["127.0.0.1, 192.0.2.1"], "192.0.2.1"),
    (["192.0.2.1, unknown, 10.1.1.1"], "10.1.1.1"),
    (["rubbish"], None),
]


@pytest.mark.parametrize("lines,peer", CHAINS)
def test_the_peer_is_the_right_most_address_that_is_no_proxy(place, lines, peer):
    http = place.http()
    own = "%s:%d" % http.sock.getsockname()
    assert refused_peer(place, [(XFF, line) for line in lines], http) == (peer or own)
    # the next request on the same connection is another client's
    assert refused_peer(place, [(XFF, "192.0.2.99")], http) == "192.0.2.99"


def test_forwarded_is_read_where_the_configuration_says_so(new_place):
    place = new_place({**SETTINGS, "http.forwarded_header": "forwarded"})
    for value, peer in [('for=192.0.2.1;proto=https', "192.0.2.1"),
                        ('for="[2001:db8::7]:80", for=10.1.1.1;by=_a', "[2001:db8::7]:80"),
                        ('for=6.6.6.6, for=192.0.2.1', "192.0.2.1"),
                        ('for="6.6.6.6, for=192.0.2.1', "192.0.2.1"),
                        ('for=192.0.2.1, for=_hidden, for=10.1.1.1', "10.1.1.1")]:
        assert refused_peer(place, [(FWD, value), (XFF, "6.6.6.6")]) == peer


def test_the_header_that_is_not_configured_is_not_looked_at(place):
    assert refused_peer(place, [(FWD, "for=6.6.6.6"), (XFF, "192.0.2.1")]) == "192.0.2.1"
    assert refused_peer(place, [(FWD, "for=6.6.6.6")]).startswith("127.0.0.1:")


def test_nobody_is_believed_unless_configured(new_place):
    place = new_place()
    assert refused_peer(place, [(XFF, "6.6.6.6"), (FWD, "for=6.6.6.6")]).startswith("127.0.0.1:")
    place = new_place({"http.trusted_proxies": "10.0.0.0/8"})
    assert refused_peer(place, [(XFF, "6.6.6.6")]).startswith("127.0.0.1:")


def test_a_bosh_session_is_its_creators(place):
    s = place.bosh(headers={XFF: "6.6.6.6, 192.0.2.5"}).login()
    s.headers = {XFF: "192.0.2.6"}  # a phone that went to another net
    s.round_trip("here")
    assert session_peer(place, s, s.terminate) == "192.0.2.5"


def test_two_sessions_on_one_connection_of_a_proxy_have_a_peer_each(place):
    http = place.http()
    sessions = [place.bosh(headers={XFF: ip}) for ip in ("192.0.2.21", "192.0.2.22")]
    for s in sessions:
        s.pool, s.connections = [http], 1
        s.create()
    peers = {row["peer"] for row in place.fairlead.status("/api/sessions")["list"]}
    assert {"192.0.2.21", "192.0.2.22"} <= peers


def test_a_websocket_is_whose_upgrade_it_was(place):
    w = place.ws(headers={XFF: "192.0.2.8"}).login()
    w.round_trip("here")
    assert session_peer(place, w, w.close) == "192.0.2.8"


def test_who_is_refused_is_named_by_the_client(place):
    since = place.fairlead.log_size()
    s = place.bosh(domain="nowhere.example", headers={XFF: "192.0.2.9"})
    s.create()
    assert s.ended
    line, = place.fairlead.wait_end("host-unknown", since)
    assert line["peer"] == "192.0.2.9"
    s = place.bosh(headers={XFF: "192.0.2.10"})
    s.sid = "A" * 60
    s.exchange()
    lines = place.fairlead.wait_lines(None, since=since,
                                      test=lambda p: p.get("peer", "").startswith("192.0.2.10"))
    assert len(lines) == 1


# -- PROXY headers -----------------------------------------------------------------------------

@pytest.mark.parametrize("header,peer", [
    (v1(), "192.0.2.7"),
    (v1("2001:db8::7", "::1", "TCP6"), "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (v2(), "192.0.2.7"),
    (v2("2001:db8::7", b"\x04\0\x03abc" b"\x20\0\5\1\0\0\0\0"), "2001:db8::7"),
    (v2(command=0x20), "127.0.0.1"),
])
def test_a_session_behind_a_proxy_header_is_the_clients(new_place, header, peer):
    place = behind(new_place)
    s = place.bosh(before=header).login()
    s.round_trip("here")
    assert session_peer(place, s, s.terminate) == peer
    w = place.ws(before=header).login()
    w.round_trip("here")
    assert session_peer(place, w, w.close) == peer


def test_a_proxy_header_in_pieces_is_read(new_place):
    place = behind(new_place)
    for header in (v1(), v2(tlvs=b"\x04\0\x03abc")):
        http = place.http().send(header, step=1)
        assert refused_peer(place, [], http) == "192.0.2.7:4660"


def test_a_proxy_header_and_the_requests_behind_it_may_come_at_once(new_place):
    place = behind(new_place)
    since = place.fairlead.log_size()
    http = place.http().send(v2() + 2 * request("GET", "/nowhere"))
    assert [http.response().status for _ in range(2)] == [404, 404]
    lines = place.fairlead.wait_lines("request-refused", 2, since)
    assert {line["peer"] for line in lines} == {"192.0.2.7:4660"}
    http = place.http().send(v2() + upgrade())
    assert http.response().status == 101


def test_field_and_proxy_header_work_together(new_place):
    """A balancer that speaks PROXY before a web server that speaks X-Forwarded-For."""
    place = behind(new_place)
    http = place.http(before=v1("10.5.5.5"))
    assert refused_peer(place, [(XFF, "192.0.2.77")], http) == "192.0.2.77"
    http = place.http(before=v1("192.0.2.7"))  # no proxy of ours: hearsay
    assert refused_peer(place, [(XFF, "6.6.6.6")], http) == "192.0.2.7:4660"


@pytest.mark.parametrize("garbage", [
    request("GET", "/"), upgrade(), b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", b"\x16\x03\x01",
    SIGNATURE + b"\x31\x11\0\x0c", v2(tlvs=b"\x03\0\4xxxx"), b"PROXY " + b"x" * 200,
], ids=["get", "upgrade", "short", "tls", "version3", "checksum", "long"])
def test_without_a_good_proxy_header_the_connection_is_dropped_and_logged(new_place, garbage):
    place = behind(new_place)
    since = place.fairlead.log_size()
    assert dropped(place.http().send(garbage))
    line, = place.fairlead.wait_lines("connection-refused", since=since)
    assert line["peer"].startswith("127.0.0.1:") and "proxy_protocol" in line["text"]


def test_a_proxy_header_has_its_time(new_place):
    place = behind(new_place, {"http.head_timeout": 1})
    since = place.fairlead.log_size()
    silent, slow = place.http(), place.http().send(v1()[:9])
    assert dropped(silent) and dropped(slow)
    lines = place.fairlead.wait_lines("connection-refused", 2, since)
    assert all("http.head_timeout" in line["text"] for line in lines)


def test_from_elsewhere_no_proxy_header_is_taken(new_place):
    place = behind(new_place, {"http.trusted_proxies": "10.0.0.0/8"})
    since = place.fairlead.log_size()
    assert dropped(place.http())
    line = place.fairlead.wait_lines("connection-refused", since=since)[0]
    assert line["peer"].startswith("127.0.0.1:") and "http.trusted_proxies" in line["text"]


def test_a_balancer_that_only_looks_at_the_port_is_no_news(new_place):
    place = behind(new_place)
    since = place.fairlead.log_size()
    for i in range(40):
        http = place.http()
        if i % 2:
            http.reset()
        else:
            http.close()
    assert refused_peer(place, [], place.http(before=v1())) == "192.0.2.7:4660"
    assert not place.fairlead.lines("connection-refused", since)


def test_where_none_is_wanted_a_proxy_header_is_a_bad_request(place):
    http = place.http(before=v1())
    http.send(request("GET", "/nowhere"))
    assert http.response().status == 400
    assert http.ends()


# -- TLS at the proxy ----------------------------------------------------------------------------

def told(proto=None):
    return {XFF: "192.0.2.7", **({"X-Forwarded-Proto": proto} if proto else {})}


@pytest.mark.parametrize("began, asks, served", [
    ("https", "http", False),
    ("https", "https", True),
    ("https", None, True),  # the proxy is trusted, and leaves it open
    ("http", "https", True),
    (None, "http", True)])
def test_a_session_begun_on_tls_is_served_on_tls_alone(place, began, asks, served):
    """XEP-0124 19.1."""
    s, stream = place.bosh_pair(headers=told(began))
    since = place.fairlead.log_size()
    http = place.http()
    http.send(request("POST", "/http-bind", s.make(message("first"), s.rid), told(asks)))
    if served:
        s.rid += 1
        stream.wait(lambda: stream.messages() == ["first"])
        return
    assert dropped(http)
    line, = place.fairlead.wait_lines("refused", since=since)
    assert line["reason"] == "not-secure" and line["peer"] == "192.0.2.7"
    assert stream.messages() == []
    s.send(message("second"))
    stream.wait(lambda: stream.messages() == ["second"])

"""Fairlead's own TLS: certificates by name, tickets, certificates that are read again, the bridge of
WebSockets, and all that comes to such a port and is no TLS. OVER=tls in the environment has every
other topic go through such a listener as well."""

import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from lib import fairlead as keeper
from lib import patience
from lib.bosh import Bosh, Closed, Http, message, request
from lib.daemon import Daemon, free_port
from lib.ws import TEXT, WebSocket, frame, upgrade
from lib.xmppserver import Server
from test_14_flow import KERNEL, PAD, QUEUE, Watch, numbers, quiet, standstill


@pytest.fixture(scope="module")
def shown(authority):
    return [authority.make("main", "localhost"),
            authority.make("other", "other.example", "*.wild.example")]


@pytest.fixture
def trust(authority):
    return authority.client_context()


@pytest.fixture
def secure_place(new_place, shown, trust):
    def make(settings=None, listener=None, **more):
        return new_place(settings, tls=shown, trust=trust, listener=listener or {}, **more)
    return make


def name_of(http):
    """The common name that a connection was shown."""
    return dict(pair for rdn in http.sock.getpeercert()["subject"] for pair in rdn)["commonName"]


def plain(port):
    """A connection without TLS."""
    s = socket.create_connection(("127.0.0.1", port), patience(10))
    s.settimeout(patience(10))
    return s


def all_of(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def counted(place):
    """Handshakes done, those of them that resumed, and failed ones: /api/status and /metrics agree."""
    s = place.fairlead.status()
    found = s["tls_handshakes"], s["tls_resumed"], s["tls_handshakes_failed"]
    h = Http(place.fairlead.status_port)
    metrics = h.request("GET", "/metrics").body.decode()
    h.close()
    for line, n in zip(('handshakes_total{result="done"}', "resumed_total",
                        'handshakes_total{result="failed"}'), found):
        assert f"\nfairlead_tls_{line} {n}\n" in metrics
    return found


def hang_up(place):
    place.fairlead.process.send_signal(signal.SIGHUP)


# -- certificates ------------------------------------------------------------------------------

@pytest.mark.parametrize("asked, cn", [("localhost", "main"), ("other.example", "other"),
                                       ("a.wild.example", "other")])
def test_the_name_asked_for_chooses_the_certificate(secure_place, asked, cn):
    place = secure_place()
    h = place.http(name=asked)
    assert name_of(h) == cn
    assert h.request("GET", "/http-bind").status == 200
    assert h.sock.version() == "TLSv1.3"


def test_whoever_asks_for_no_known_name_is_shown_the_first(secure_place, trust):
    place = secure_place()
    trust.check_hostname = False
    assert name_of(place.http(name="x.a.wild.example")) == "main"
    assert name_of(place.http(name=None)) == "main"


def test_application_protocols(secure_place, trust):
    place = secure_place()
    trust.set_alpn_protocols(["h2", "http/1.1"])
    assert place.http().sock.selected_alpn_protocol() == "http/1.1"
    trust.set_alpn_protocols(["h2"])
    with pytest.raises((ssl.SSLError, OSError)):
        place.http()


def test_old_tls_is_refused_and_summed_up(secure_place):
    place = secure_place()
    for _ in range(3):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, OSError)):
            place.http(tls=old)
    first = place.fairlead.wait_lines("tls-failed")[0]
    assert "speaks no version" in first["text"]
    time.sleep(0.5)
    assert len(place.fairlead.lines("tls-failed")) == 1, "more than one line a minute"
    assert counted(place) == (0, 0, 3)


def test_1_3_alone(secure_place, trust):
    place = secure_place({"tls.version": "1.3"})
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, OSError)):
        place.http()
    trust.maximum_version = ssl.TLSVersion.TLSv1_3
    assert place.http().sock.version() == "TLSv1.3"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_ticket_resumes_on_every_worker(secure_place, trust, version):
    place = secure_place()
    trust.minimum_version = trust.maximum_version = ssl.TLSVersion[version]
    h = place.http()
    assert not h.sock.session_reused
    assert h.request("GET", "/http-bind").status == 200  # its tickets were read by then
    session = h.sock.session
    assert session.has_ticket
    held = [place.http(session=session) for _ in range(8)]  # the least loaded worker gets the next
    assert all(c.sock.session_reused for c in held)
    workers = place.fairlead.status()["workers"]
    assert len(workers) == place.fairlead.workers
    assert all(w["connections"] >= 1 for w in workers), workers
    for c in held:
        assert c.request("GET", "/http-bind").status == 200
    hang_up(place)
    place.fairlead.wait_lines("reload")
    assert place.http(session=session).sock.session_reused
    assert counted(place) == (10, 9, 0)


@pytest.mark.parametrize("break_it, words", [
    (lambda c: c["certificates"].clear(), '"certificates" is empty: it wants'),
    (lambda c: c["certificates"][0].update(key="/nowhere/key"), "No such file"),
    (lambda c: c["certificates"][0].update(key=c["certificates"][1]["key"]),
     "is not that of the certificate in"),
    (lambda c: c["certificates"][0].pop("key"),
     'each of "certificates" has a "name", a "certificate" and a "key"'),
    (lambda c: c["certificates"][1].update(name="a"), 'two certificates are named "a"'),
    (lambda c: c["certificates"][0].update(chain="x"), 'unknown key "chain"')])
def test_a_start_without_what_it_needs_is_refused(tmp_path, shown, break_it, words):
    config = {"listen": [{"name": "a", "address": "127.0.0.1:1", "tls": "on"}],
              "domains": [{"name": "a.example", "backends": ["127.0.0.1:1"]}],
              "certificates": [{"name": n, "certificate": c.certificate, "key": c.key}
                               for n, c in zip("ab", shown)]}
    break_it(config)
    path = tmp_path / "conf"
    path.write_text(json.dumps(config))
    assert words in keeper.check(str(path))


def test_an_expired_certificate_is_used_and_told_of(new_place, authority, trust):
    place = new_place(tls=authority.make("past", "localhost", span="expired"), trust=trust)
    line, = place.fairlead.wait_lines("certificate", test=lambda p: p["level"] == "warn")
    assert "expired on 2021-01-01" in line["text"]
    with pytest.raises(ssl.SSLCertVerificationError):
        place.http()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    assert place.http().request("GET", "/http-bind").status == 200


def test_new_certificates_are_for_new_connections_and_nobody_is_dropped(new_place, authority,
                                                                       trust, tmp_path):
    class Files:
        certificate, key = str(tmp_path / "crt"), str(tmp_path / "key")

    def install(c):
        for where, what in ((Files.certificate, c.certificate), (Files.key, c.key)):
            with open(what) as f, open(where + "~", "w") as out:
                out.write(f.read())
            os.rename(where + "~", where)

    install(authority.make("before", "localhost"))
    place = new_place({"bosh.wait": 30}, tls=Files, trust=trust)
    bosh, stream = place.bosh_pair()
    ws, ws_stream = place.ws_pair()
    idle = place.http()
    held = bosh.send()
    time.sleep(0.3)
    install(authority.make("after", "localhost"))
    hang_up(place)
    place.fairlead.wait_lines("certificate", test=lambda p: p["name"] == "c0", n=2)
    new = place.http()
    assert name_of(new) == "after" and name_of(idle) == "before"
    assert not held.ready()
    stream.send(message("for the held one"))
    assert held.answer().element("message").text() == "for the held one"
    bosh.receive()
    ws.round_trip("and here")
    assert idle.request("GET", "/http-bind").status == 200
    bosh.round_trip("on and on")

    # A key that is another's: nothing changes.
    with open(authority.make("third", "localhost").key) as f, open(Files.key, "w") as out:
        out.write(f.read())
    hang_up(place)
    line = place.fairlead.wait_lines("reload", n=2)[-1]
    assert line["level"] == "error" and "is not that of the certificate in" in line["problem"]
    assert name_of(place.http()) == "after"
    ws.round_trip("still here")
    bosh.round_trip("here too")


def test_sighup_without_certificates_does_nothing(place):
    hang_up(place)
    place.fairlead.wait_lines("reload", test=lambda p: "nothing to read" in p["text"])
    assert place.http().request("GET", "/http-bind").status == 200


# -- BOSH --------------------------------------------------------------------------------------

def test_bosh_with_requests_one_behind_the_other(secure_place):
    place = secure_place()
    s, stream = place.bosh_pair()
    h = place.http()
    for i in range(3):
        s.send(message(f"m{i}"), http=h)
    assert [s.receive().text() for i in range(3)] == ["m0", "m1", "m2"]
    s.terminate()


def test_a_large_body_goes_both_ways_whatever_the_pieces(secure_place):
    place = secure_place()
    s, stream = place.bosh_pair()
    for n in (1, 15000, 16384, 40000, 200000):
        s.round_trip("x" * n)


def test_the_backend_is_told_of_tls(new_place, shown, trust):
    seen = []

    def script(stream):
        seen.append(stream.read_raw(16))
        seen.append(stream.read_raw(struct.unpack("!H", seen[0][14:])[0]))
        stream.serve()

    place = new_place(tls=shown, trust=trust, script=script, config={
        "domains": [{"name": "example.org", "backends": ["127.0.0.1:9"], "proxy_protocol": "v2"}]})
    place.ws().open()
    assert bytes.fromhex("20 0005 01 00000001".replace(" ", "")) in seen[1]


def test_one_session_is_shown_with_its_tls(secure_place, trust):
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    place = secure_place()
    ws, _ = place.ws_pair()
    bosh, _ = place.bosh_pair()
    for client in (ws, bosh):
        row, = [r for r in place.fairlead.status("/api/sessions")["list"]
                if r["jid"] == client.jid]
        shown = place.fairlead.status(f"/api/sessions/{row['id']}")
        assert shown["client"]["tls"] == "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"


@pytest.mark.parametrize("tls, sessions", [(True, 750), (False, 1500)])
def test_the_start_says_how_many_sessions_there_are_files_for(secure_place, new_place, monkeypatch,
                                                              tls, sessions):
    """A WebSocket over TLS has four, another session two."""
    monkeypatch.setattr(keeper, "LAUNCHER", ["prlimit", "--nofile=3000", *keeper.LAUNCHER])
    place = secure_place() if tls else new_place(tls=False)
    line, = place.fairlead.wait_lines("start", test=lambda p: "open-files" in p)
    assert line["open-files"] == "3000" and f"about {sessions} sessions" in line["text"]


# -- what is no TLS ----------------------------------------------------------------------------

def test_plain_http_is_told_what_to_change(secure_place):
    place = secure_place()
    s = plain(place.port)
    s.sendall(request("GET", "/http-bind"))
    answer = all_of(s)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"This port speaks TLS" in answer
    assert b"Connection: close\r\n" in answer
    place.fairlead.wait_lines("tls-failed", test=lambda p: "does not speak TLS" in p["text"])


@pytest.mark.parametrize("rubbish", [b"\0" * 20, b"\x80\x2e\x01\x00\x02", b"get / http/1.1\r\n",
                                     b"\x16\x03\x01\x00\x05hello", b"\x16" * 3000])
def test_rubbish_is_dropped(secure_place, rubbish):
    place = secure_place({"http.head_timeout": 2})
    s = plain(place.port)
    s.sendall(rubbish)
    assert not all_of(s).startswith(b"HTTP")
    place.fairlead.wait_lines("tls-failed")
    assert place.http().request("GET", "/http-bind").status == 200


def test_tls_on_a_plain_port_is_dropped_and_logged_once(new_place, trust):
    place = new_place(workers=1, tls=False)
    for _ in range(3):
        with pytest.raises((ssl.SSLError, OSError)):
            place.http(tls=trust)
    place.fairlead.wait_lines("connection-refused", test=lambda p: "begins with TLS" in p["text"])
    time.sleep(0.3)
    assert len(place.fairlead.lines("connection-refused")) == 1
    assert place.http().request("GET", "/http-bind").status == 200


def hello(trust, n=None):
    """The first n bytes of what a client says."""
    out = ssl.MemoryBIO()
    client = trust.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()[:n]


def test_a_handshake_that_is_not_finished_in_time_is_dropped(secure_place, trust):
    place = secure_place({"http.head_timeout": 1})
    begun = [plain(place.port) for _ in range(6)]
    for s, n in zip(begun, (0, 1, 5, 100, None, None)):
        s.sendall(hello(trust, n) if n != 0 else b"")
    started = time.monotonic()
    for s in begun:
        all_of(s)
    assert 0.5 < time.monotonic() - started < patience(4)
    place.fairlead.wait_lines("tls-failed", test=lambda p: "not done within" in p["text"])


def test_honest_clients_come_in_among_those_that_never_finish(secure_place, trust):
    """The silent ones have every connection but a few: those few do, and later all of them are free."""
    place = secure_place({"http.head_timeout": 3, "limits.connections": 60})
    begun = [plain(place.port) for _ in range(50)]
    for i, s in enumerate(begun):
        s.sendall(hello(trust, (1, 100, None)[i % 3]))
    session = place.bosh(connections=2).login()
    session.round_trip("in between")
    more = [plain(place.port) for _ in range(20)]
    place.fairlead.wait_lines("accept", test=lambda p: "too many connections" in p["problem"])
    for s in begun + more:
        all_of(s)
    deadline = time.monotonic() + patience(5)
    while (left := place.fairlead.status()["connections"]) > 3 and time.monotonic() < deadline:
        time.sleep(0.1)  # a question that ended just before may still be counted
    assert left <= 3, "the session's, and this one"
    assert counted(place)[2] == 50, "who has said nothing has not failed"
    others = [place.http() for _ in range(20)]
    assert all(h.request("GET", "/http-bind").status == 200 for h in others)
    session.round_trip("afterwards")


def test_few_handshakes_are_begun_in_a_round(secure_place, trust):
    """However many come at once: between them the loop looks after everybody else."""
    n, in_a_round = 200, 4
    place = secure_place(workers=1)
    session = place.bosh().login()
    begun = [plain(place.port) for _ in range(n)]
    hellos = [hello(trust) for _ in begun]
    settled = time.monotonic() + patience(10)
    while place.fairlead.status()["connections_total"] < n and time.monotonic() < settled:
        time.sleep(0.05)
    before = place.fairlead.status()["turns"]
    os.kill(place.fairlead.process.pid, signal.SIGSTOP)
    for s, h in zip(begun, hellos):
        s.sendall(h)
    os.kill(place.fairlead.process.pid, signal.SIGCONT)
    assert all(s.recv(1) == b"\x16" for s in begun), "all are served"
    assert place.fairlead.status()["turns"] - before >= n / in_a_round
    session.round_trip("still here")


@pytest.mark.parametrize("n", [1, 6, 100, None])
@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_goes_in_the_handshake_leaves_nothing(secure_place, trust, n, reset):
    place = secure_place()
    place.http().close()
    time.sleep(0.3)
    before = place.fairlead.descriptors()
    for _ in range(20):
        s = plain(place.port)
        s.sendall(hello(trust, n))
        if reset:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    deadline = time.monotonic() + patience(5)
    while place.fairlead.descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert place.fairlead.descriptors() <= before
    assert place.http().request("GET", "/http-bind").status == 200


def test_a_proxy_header_stands_before_tls(secure_place, trust):
    place = secure_place({"http.trusted_proxies": "127.0.0.1"}, {"proxy_protocol": "on"})
    head = b"PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n"
    h = place.http(before=head)
    assert h.request("GET", "/nowhere").status == 404
    assert place.fairlead.wait_lines("request-refused")[-1]["peer"] == "192.0.2.7:4660"
    # In one piece with the hello, and byte by byte.
    for step in (None, 1):
        s = plain(place.port)
        data = head + hello(trust)
        for i in range(0, len(data), step or len(data)):
            s.sendall(data[i:i + step] if step else data)
        assert s.recv(1) == b"\x16"


def test_the_status_page_with_tls(new_place, shown, trust):
    place = new_place({"status.tls": "on"}, tls=shown, trust=trust)
    s = plain(place.fairlead.status_port)
    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"This port speaks TLS" in all_of(s)
    h = place.keep(Http(place.fairlead.status_port, tls=trust))
    assert h.request("GET", "/").status == 200


# -- WebSocket ---------------------------------------------------------------------------------

def test_what_comes_right_behind_the_upgrade_is_heard(secure_place):
    place = secure_place()
    h = place.http()
    ws = WebSocket.__new__(WebSocket)
    h.send(upgrade() + frame(TEXT, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' "
                                   "to='example.org' version='1.0'/>"))
    assert h.response().status == 101
    ws.http, ws.pings, ws.pongs, ws.code = h, [], True, None
    assert ws.take("open") and ws.take("features")


def test_large_and_many_messages(secure_place):
    place = secure_place()
    ws = place.ws().login()
    for n in (1, 4000, 16300, 17000, 60000, 200000):
        ws.round_trip("y" * n)
    for i in range(500):
        ws.send(message(f"n{i}"))
    for i in range(500):
        assert ws.take("message").text() == f"n{i}"


def test_a_ping_proves_what_came_before_it(secure_place):
    place = secure_place({"websocket.ping": 1})
    ws, stream = place.ws_pair()
    stream.send(message("one"))
    assert ws.take("message").text() == "one"
    assert ws.receive_ping()
    ws.round_trip("two")


@pytest.mark.parametrize("kind", ["ws", "deflate_ws"])
def test_a_slow_client_is_bounded_and_loses_nothing(secure_place, kind):
    place = secure_place({"limits.queue": QUEUE, "websocket.ping": 60,
                          "websocket.deflate": "on"}, script=quiet)
    ws = getattr(place, kind)().login()
    stream = place.server.stream_of(ws.user)
    watch = Watch(place)
    done, n = [], 2000

    def pour():
        for i in range(n):
            stream.sock.sendall(message(f"{i} {PAD}").encode())
            done.append(i)

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    if kind == "ws":
        assert standstill(done) * len(PAD) < KERNEL + 4 * QUEUE, "the server was read on and on"
        before = place.fairlead.cpu()
        time.sleep(1)
        assert place.fairlead.cpu() - before < 0.1, "CPU is used while nothing moves"
    for i in range(n):
        assert ws.take("message", 20).text().startswith(f"{i} ")
    thread.join(patience(5))
    watch.assert_bounded(8 * QUEUE)
    stream.send(message("and on it goes"))
    assert ws.take("message").text() == "and on it goes"


def test_a_slow_server_holds_up_a_fast_client(secure_place):
    def slow(stream):
        stream.login()
        stream.hold_here(60)
        stream.hang()

    place = secure_place({"limits.queue": QUEUE, "websocket.ping": 60}, script=slow)
    ws, stream = place.ws_pair()
    ws.http.sock.settimeout(60)
    watch = Watch(place)
    done, n = [], 2000

    def pour():
        for i in range(n):
            ws.http.sock.sendall(frame(TEXT, message(f"{i} {PAD}")))
            done.append(i)

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    assert standstill(done) * len(PAD) < KERNEL + 4 * QUEUE, "the client was read on and on"
    before = place.fairlead.cpu()
    time.sleep(1)
    assert place.fairlead.cpu() - before < 0.1, "CPU is used while nothing moves"
    stream.hold.set()
    thread.join(patience(60))
    stream.wait(lambda: (stream.received[-1].text() or "").startswith(f"{n - 1} "), 90,
                "the last message")
    assert numbers(stream.messages()) == list(range(n))
    watch.assert_bounded(8 * QUEUE)


def settled(place, before):
    deadline = time.monotonic() + patience(8)
    while place.fairlead.descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    return place.fairlead.descriptors() <= before


@pytest.mark.parametrize("way", ["goodbye", "close frame", "close_notify", "end", "reset"])
def test_every_way_to_go_ends_the_session_and_frees_the_bridge(secure_place, way):
    place = secure_place()
    place.ws().login().close()
    time.sleep(0.5)
    before = place.fairlead.descriptors()
    ws, stream = place.ws_pair()
    assert place.fairlead.descriptors() >= before + 4
    if way == "goodbye":
        ws.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
        ws.ending()
        assert ws.code == 1000
    elif way == "close frame":
        ws.send_close()
        ws.ending()
        assert ws.code == 1000
    elif way == "close_notify":
        try:
            ws.http.sock.unwrap()
        except (OSError, ssl.SSLError):
            pass
    elif way == "end":
        ws.http.sock.shutdown(socket.SHUT_WR)
    else:
        ws.http.reset()
    stream.wait_gone()
    place.fairlead.wait_lines("session-end", n=2)
    if way != "reset":
        ws.http.close()
    assert settled(place, before)


def test_a_server_s_end_reaches_the_client_behind_all_that_was_said(secure_place):
    place = secure_place()
    ws, stream = place.ws_pair()
    for i in range(50):
        stream.send(message(f"{i} {PAD}"))
    stream.send("</stream:stream>")
    texts = ws.ending()
    assert sum(b"<body>" in t for t in texts) == 50
    assert ws.code is not None
    assert ws.http.ends()


def test_a_shutdown_says_goodbye_over_tls(secure_place):
    place = secure_place()
    ws, stream = place.ws_pair()
    idle = place.http()
    place.fairlead.terminate()
    ws.ending()
    assert ws.code == 1001 or ws.code == 1012 or ws.code == 1000, ws.code
    assert place.fairlead.process.wait(patience(10)) == 0
    with pytest.raises(Closed):
        idle.response()


def test_openssl_s_own_client(secure_place, shown, authority):
    """Another implementation of the client's side of it, 1.2, and its words."""
    place = secure_place()
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{place.port}", "-servername",
         "other.example", "-verify_hostname", "other.example", "-verify_return_error", "-CAfile",
         authority.file, "-tls1_2"], input=b"", capture_output=True, timeout=patience(10))
    assert b"Verify return code: 0 (ok)" in done.stdout, done
    assert b"Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in done.stdout
    assert b"Secure Renegotiation IS supported" in done.stdout
    assert b"Compression: NONE" in done.stdout


def test_a_session_begun_on_tls_is_not_served_without(shown, trust):
    """XEP-0124 19.1: by two listeners of one Fairlead."""
    server, port, bare = Server(), free_port(), free_port()
    fairlead = Daemon({
        "listen": [{"name": "bare", "address": f"127.0.0.1:{bare}"},
                   {"name": "tls", "address": f"127.0.0.1:{port}", "tls": "on"}],
        "certificates": [{"name": "c", "certificate": shown[0].certificate, "key": shown[0].key}],
        "domains": [{"name": "example.org", "backends": [f"127.0.0.1:{server.port}"]}]}).ready()
    s = Bosh(port, connect=lambda port, **more: Http(port, tls=trust, **more))
    try:
        s.login()
        http = Http(bare)
        http.send(request("POST", "/http-bind", s.make(message("overheard"), s.rid)))
        assert all_of(http.sock) == b""
        line, = fairlead.wait_lines("refused")
        assert line["reason"] == "not-secure"
        s.send(message("safe"))
        stream = server.stream_of(s.user)
        stream.wait(lambda: stream.messages() == ["safe"])
    finally:
        s.close()
        fairlead.clean()
        server.close()

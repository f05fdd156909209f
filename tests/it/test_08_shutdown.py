"""SIGTERM ends every session with system-shutdown, in order, within the deadline."""

import signal
import socket
import subprocess
import time

import pytest

from lib import patience
from lib.bosh import Closed, Http, message
from lib.fairlead import LAUNCHER, PROGRAM, free_port
from lib.ws import CLOSE_ELEMENT, upgrade
from lib.xmlbits import NS_STREAMS, alone

DEADLINE = 3
SETTINGS = {"shutdown.deadline": DEADLINE, "bosh.wait": 20}


def quiet(stream):
    stream.login()
    stream.hang()


def ends_in_order(place, seconds=DEADLINE + 2):
    assert place.fairlead.process.wait(patience(seconds)) == 0, place.fairlead.log()


def assert_shutdown(ws):
    last = ws.ending(6)
    errors = [alone(m) for m in last if m.startswith(b"<stream:error")]
    assert len(errors) == 1 and errors[0].tree[0].tag == f"{{{NS_STREAMS}}}system-shutdown", last
    assert last[-1] == CLOSE_ELEMENT and ws.code == 1001, (last, ws.code)


def test_an_idle_fairlead_ends_at_once(new_place):
    place = new_place(SETTINGS)
    began = time.monotonic()
    place.fairlead.terminate()
    ends_in_order(place)
    assert time.monotonic() - began < patience(1.5)


def test_every_session_is_told_and_every_stream_is_ended(new_place):
    place = new_place(SETTINGS)
    held = [place.bosh_pair() for _ in range(8)]
    sockets = [place.ws_pair() for _ in range(8)]
    away = [place.bosh_pair() for _ in range(3)]
    for s, _ in held:
        s.finish()
        if not s.pending:
            s.send()
    for s, _ in away:
        s.finish()
        s.drop_pending()
    place.fairlead.terminate()
    for s, _ in held:
        a = s.pending[0].answer(4)
        assert a.type == "terminate" and a.condition == "system-shutdown", a
    for ws, _ in sockets:
        assert_shutdown(ws)
    for _, stream in held + sockets + away:
        stream.wait_end()
    ends_in_order(place)
    place.fairlead.wait_end("system-shutdown", n=len(held + sockets))


def test_sessions_that_are_left_at_the_deadline_are_logged_like_all_others(new_place):
    place = new_place({"shutdown.deadline": 1})
    for _ in range(3):
        s, _ = place.bosh_pair()
        s.finish()
        s.drop_pending()
    place.fairlead.terminate()
    ends_in_order(place)
    place.fairlead.wait_end("system-shutdown", n=3)


def test_messages_on_their_way_are_not_lost_by_the_end(new_place):
    place = new_place(SETTINGS, script=quiet)
    ws, stream = place.ws_pair()
    s, bosh_stream = place.bosh_pair()
    s.finish()
    ws.send(message("last from the client"))
    stream.wait_text("last from the client")
    for st in (stream, bosh_stream):
        st.send(message("last from the server", xmlns=False))
    if not s.pending:
        s.send()
    assert s.receive().text() == "last from the server"
    place.fairlead.terminate()
    assert ws.take("message").text() == "last from the server"
    assert_shutdown(ws)
    ends_in_order(place)


def test_clients_and_servers_that_never_close_do_not_hold_it_up(new_place):
    place = new_place(SETTINGS, script=stubborn)
    for _ in range(3):
        place.ws_pair()
        s, _ = place.bosh_pair()
        s.finish()
    began = time.monotonic()
    place.fairlead.terminate()
    ends_in_order(place)
    assert time.monotonic() - began < patience(DEADLINE + 1.5)


def test_sessions_in_the_middle_of_opening_are_ended_too(new_place):
    def silent(stream):
        stream.read_header()
        stream.hang()

    place = new_place({**SETTINGS, "bosh.features_wait_ms": 10000}, script=silent)
    s = place.bosh()
    r = s.send("", {"to": "example.org", "wait": 20, "hold": 1, "ver": "1.6"})
    ws = place.ws()
    ws.send(ws.open_text())
    unopened = place.ws()
    for _ in range(2):
        place.server.next_stream()
    place.fairlead.terminate()
    a = r.answer(5)
    assert a.type == "terminate" and a.condition == "system-shutdown"
    assert_shutdown(ws)
    unopened.ending(5)
    assert unopened.code == 1001
    ends_in_order(place)


def test_idle_and_half_finished_connections_do_not_hold_it_up(new_place):
    place = new_place(SETTINGS)
    idle = place.http()
    idle.post("<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='x'/>")
    half = place.http().send(b"POST /http-bind HTTP/1.1\r\nHost: h\r\nContent-Le")
    silent = place.http()
    place.fairlead.terminate()
    ends_in_order(place)
    for h in (idle, half, silent):
        try:
            h.response(1)
        except (Closed, OSError):
            pass


def stubborn(stream):
    stream.login()
    while True:
        stream.read(600)


def test_who_polls_on_a_connection_of_its_own_is_told(new_place):
    """As behind a proxy that opens one for each request: none is there when SIGTERM comes."""
    place = new_place(SETTINGS)
    away = [place.bosh_pair()[0] for _ in range(5)]
    for s in away:
        s.finish()
        s.drop_pending()
    place.fairlead.terminate()
    place.fairlead.wait_lines("stop")
    for s in away:
        a = s.send().answer(4)
        assert a.type == "terminate" and a.condition == "system-shutdown", a
    ends_in_order(place)


def test_no_new_session_is_begun_while_it_ends(new_place):
    place = new_place(SETTINGS, script=stubborn)
    place.ws_pair()
    place.fairlead.terminate()
    place.fairlead.wait_lines("stop")
    h = Http(place.port, 1)
    r = h.post("<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='example.org' "
               "ver='1.6' wait='5' hold='1'/>")
    assert r.status == 200 and b"system-shutdown" in r.body, r
    assert h.request("GET", "/ready").status == 503
    assert place.http().send(upgrade("/xmpp-websocket")).response().status == 503
    ends_in_order(place)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", place.port), 1)


def test_those_who_come_and_go_do_not_hold_it_up(new_place):
    place = new_place(SETTINGS)
    place.bosh_pair()[0].drop_pending()
    began = time.monotonic()
    place.fairlead.terminate()
    visits, left = 0, []
    while place.fairlead.alive() and time.monotonic() < began + patience(DEADLINE + 2):
        try:
            left.append(Http(place.port, 1))
            visits += left[-1].request("GET", "/ready").status == 503
        except (OSError, Closed, TimeoutError):
            pass
        time.sleep(0.05)
    ends_in_order(place)
    assert visits, "the session without a request is waited for"
    assert time.monotonic() - began < patience(DEADLINE + 1.5)


def test_a_second_sigterm_does_no_harm(new_place):
    place = new_place(SETTINGS)
    place.ws_pair()
    place.fairlead.terminate()
    time.sleep(0.05)
    if place.fairlead.alive():
        place.fairlead.terminate()
    ends_in_order(place)


def test_sigint_ends_it_as_sigterm_does(new_place):
    place = new_place(SETTINGS)
    ws, _ = place.ws_pair()
    place.fairlead.process.send_signal(signal.SIGINT)
    assert_shutdown(ws)
    ends_in_order(place)


@pytest.mark.parametrize("text", ["nonsense", "workers=abc", "workers=9999", "no.such.key=1"])
def test_a_bad_setting_is_refused_at_the_start(text):
    done = subprocess.run([*LAUNCHER, PROGRAM, "--listen", f"127.0.0.1:{free_port()}", "--backend",
                           "example.org=127.0.0.1:5222", "--set", text],
                          capture_output=True, text=True, timeout=patience(10))
    assert done.returncode != 0 and done.stderr.strip()


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run([*LAUNCHER, PROGRAM, "--listen",
                               f"127.0.0.1:{taken.getsockname()[1]}",
                               "--set", f"status.listen=127.0.0.1:{free_port()}",
                               "--backend", "example.org=127.0.0.1:5222"],
                              capture_output=True, text=True, timeout=patience(10))
    assert done.returncode != 0
    assert "in use" in done.stderr

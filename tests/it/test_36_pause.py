"""A process that was stopped for long (a debugger, a machine that was paused) and goes on: what came
meanwhile counts as if it had come in time."""

import contextlib
import os
import signal
import time

from lib import patience
from lib.bosh import message

PAUSE = 14  # longer than a request may be held, and answered 5 s later, or anything of these
SETTINGS = {"websocket.ping": 4, "bosh.inactivity": 12, "bosh.wait": 2, "http.head_timeout": 5,
            "http.body_timeout": 5, "http.idle_timeout": 8}
N = 100  # more than the loop is told of at a time


@contextlib.contextmanager
def paused(place):
    """The process is stopped, for what is done meanwhile and until PAUSE is over."""
    os.kill(place.fairlead.process.pid, signal.SIGSTOP)
    until = time.monotonic() + PAUSE
    yield
    time.sleep(max(0, until - time.monotonic()))
    os.kill(place.fairlead.process.pid, signal.SIGCONT)


def test_websockets_that_spoke_meanwhile(place):
    clients = [place.ws_pair()[0] for _ in range(N)]
    with paused(place):
        for i, ws in enumerate(clients):
            ws.send(message(f"hello {i}"))
    for i, ws in enumerate(clients):
        assert ws.take("message").text() == f"hello {i}"


def test_websockets_that_were_silent(place):
    clients = [place.ws_pair()[0] for _ in range(N)]
    with paused(place):
        pass
    for i, ws in enumerate(clients):
        ws.send(message(f"hello {i}"))
        assert ws.take("message").text() == f"hello {i}"


def test_bosh_sessions_that_polled_meanwhile(place):
    clients = [place.bosh_pair()[0] for _ in range(N)]
    for s in clients:
        s.finish()
        s.drop_pending()
    with paused(place):
        for i, s in enumerate(clients):
            s.say(message(f"hello {i}"))
    for i, s in enumerate(clients):
        assert s.receive().text() == f"hello {i}"


def test_requests_on_connections_that_were_new_or_idle(place):
    new = [place.http() for _ in range(N)]
    idle = [place.http() for _ in range(N)]
    for h in idle:
        assert h.request("GET", "/http-bind").status == 200
    with paused(place):
        for h in new + idle:
            h.send(b"GET /http-bind HTTP/1.1\r\nHost: h\r\n\r\n")
    for h in new + idle:
        assert h.response(patience(5)).status == 200


def test_requests_that_were_held(new_place):
    place = new_place({**SETTINGS, "bosh.inactivity": 60})
    clients = [place.bosh_pair()[0] for _ in range(N)]
    for s in clients:
        s.finish()
        if not s.pending:
            s.send()
    with paused(place):
        for s in clients[::2]:
            s.say(message("meanwhile"))
    for i, s in enumerate(clients):
        assert all(r.answer(5).type is None for r in list(s.pending))
        if i % 2 == 0:
            assert s.receive().text() == "meanwhile"
        s.round_trip(f"hello {i}")

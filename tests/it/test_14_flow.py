"""Flow control on WebSocket, both ways: bounded memory, nothing lost, reading taken up again."""

import base64
import random
import socket
import threading
import time

import pytest

from lib import patience
from lib.bosh import message
from lib.ws import TEXT, frame

QUEUE = 262144
SETTINGS = {"limits.queue": QUEUE, "websocket.ping": 60}
KERNEL = 12 << 20  # what two pairs of loopback sockets may hold by themselves
PAD = "x" * 8000


def narrow(reader, writer):
    """The kernel keeps little for them: what it may grow to by itself is all that a test pours. With
    little on the way at a time, the buffer of who reads from the writer does not grow either."""
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)


def quiet(stream):
    stream.login()
    stream.hang()


class Watch:
    """The most memory that Fairlead takes while something goes on."""

    def __init__(self, place):
        self.fairlead = place.fairlead
        self.before = self.most = self.fairlead.memory()
        self.ended = False
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended:
            self.most = max(self.most, self.fairlead.memory())
            time.sleep(0.02)

    def assert_bounded(self, most):
        self.ended = True
        self.thread.join()
        if not self.fairlead.sanitized():
            assert self.most - self.before < most, f"{self.most - self.before} bytes more"


def noise():
    """As long as PAD, and hardly to be compressed."""
    return base64.b64encode(random.randbytes(6000)).decode()


def pour(sock, n, done, form=str.encode):
    """In a thread: n numbered messages, as fast as they are taken."""
    def run():
        for i in range(n):
            try:
                sock.sendall(form(message(f"{i} {PAD}")))
            except OSError:
                return
            done.append(i)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def standstill(done, seconds=10):
    """Wait until no more is taken; how many messages were."""
    deadline = time.monotonic() + patience(seconds)
    while time.monotonic() < deadline:
        n = len(done)
        time.sleep(0.5)
        if n and len(done) == n:
            return n
    raise AssertionError("all is taken, and nobody reads it")


def numbers(texts):
    return [int(t.split()[0]) for t in texts]


@pytest.mark.parametrize("kind", ["ws", "deflate_ws"])
def test_a_slow_client_holds_up_a_fast_server_and_loses_nothing(new_place, kind):
    place = new_place({**SETTINGS, "websocket.deflate": "on"}, script=quiet)
    ws = getattr(place, kind)().login()
    stream = place.server.stream_of(ws.user)
    narrow(ws.http.sock, stream.sock)
    watch = Watch(place)
    done, n = [], 3000  # 24 MB
    thread = pour(stream.sock, n, done)
    if kind == "ws":
        taken = standstill(done)
        assert taken * len(PAD) < KERNEL + 4 * QUEUE, "the server was read on and on"
    for i in range(n):
        if i < 300:
            time.sleep(0.003)
        assert ws.take("message", 60).text().startswith(f"{i} ")
    thread.join(patience(5))
    assert len(done) == n
    watch.assert_bounded(8 * QUEUE)
    stream.send(message("and on it goes"))
    assert ws.take("message").text() == "and on it goes"


@pytest.mark.parametrize("kind, over", [
    ("ws", "tcp"), *[pytest.param(*more, marks=pytest.mark.full)
                     for more in [("deflate_ws", "tcp"), ("ws", "tls")]]])
def test_a_client_that_reads_slowly_is_there_though_its_pongs_are_late(new_place, authority, kind,
                                                                       over):
    """What it has to read first takes it longer than its pings may stay unanswered."""
    secure = {"tls": authority.make("slow", "localhost"), "trust": authority.client_context()}
    place = new_place({"limits.queue": 24 << 20, "websocket.ping": 2, "websocket.deflate": "on"},
                      script=quiet, **(secure if over == "tls" else {}))
    ws = getattr(place, kind)().login()
    stream = place.server.stream_of(ws.user)
    narrow(ws.http.sock, stream.sock)
    n = 2400  # 19 MB, in 15 s
    pour(stream.sock, n, [], lambda text: text.replace(PAD, noise()).encode())
    began = time.monotonic()
    for i in range(n):
        assert ws.take("message", 60).text().startswith(f"{i} ")
        time.sleep(max(0, began + i / 160 - time.monotonic()))
    stream.send(message("and on it goes"))
    assert ws.take("message").text() == "and on it goes"


@pytest.mark.parametrize("over", ["tcp", pytest.param("tls", marks=pytest.mark.full)])
def test_a_client_that_reads_one_large_message_slowly_is_there(new_place, authority, over):
    secure = {"tls": authority.make("slow", "localhost"), "trust": authority.client_context()}
    place = new_place({"limits.queue": 32 << 20, "limits.stanza": 16 << 20, "websocket.ping": 2},
                      script=quiet, **(secure if over == "tls" else {}))
    ws = place.ws().login()
    stream = place.server.stream_of(ws.user)
    narrow(ws.http.sock, stream.sock)
    text = base64.b64encode(random.randbytes(11 << 20)).decode()
    pour(stream.sock, 1, [], lambda _: message(text).encode())
    began = time.monotonic()
    while len(ws.http.buffer) < 10 << 20:  # for 12 s
        more = ws.http.sock.recv(65536)
        assert more, f"closed after {len(ws.http.buffer)} bytes"
        ws.http.buffer += more
        time.sleep(max(0, began + len(ws.http.buffer) / 900000 - time.monotonic()))
    assert ws.take("message", 60).text() == text
    stream.send(message("and on it goes"))
    assert ws.take("message").text() == "and on it goes"


def test_a_client_that_takes_nothing_for_long_ends_queue_full(new_place):
    """A server must not be held up for ever: it is read on after ten seconds, into the bound."""
    place = new_place({**SETTINGS, "limits.queue": 65536}, script=quiet)
    ws, stream = place.ws_pair()
    watch = Watch(place)
    done = []
    pour(stream.sock, 100000, done)
    stream.wait_gone(30)
    place.fairlead.wait_end("queue-full")
    watch.assert_bounded(8 * QUEUE)
    other, _ = place.ws_pair()
    other.close()


def test_a_slow_server_holds_up_a_fast_client_and_loses_nothing(new_place):
    def slow(stream):
        stream.login()
        stream.hold_here(60)
        stream.hang()

    place = new_place(SETTINGS, script=slow)
    ws, stream = place.ws_pair()
    ws.http.sock.settimeout(60)
    narrow(stream.sock, ws.http.sock)
    watch = Watch(place)
    done, n = [], 2000
    thread = pour(ws.http.sock, n, done, lambda text: frame(TEXT, text))
    taken = standstill(done)
    assert taken * len(PAD) < KERNEL + 4 * QUEUE, "the client was read on and on"
    before = place.fairlead.cpu()
    time.sleep(1)
    assert place.fairlead.cpu() - before < 0.1, "CPU is used while nothing moves"
    stream.hold.set()
    thread.join(patience(120))
    assert len(done) == n
    stream.wait(lambda: (stream.received[-1].text() or "").startswith(f"{n - 1} "), 120,
                "the last message")
    assert numbers(stream.messages()) == list(range(n))
    watch.assert_bounded(8 * QUEUE)


def test_other_sessions_go_on_beside_a_slow_one(new_place):
    place = new_place(SETTINGS, script=None, workers=1)
    other, _ = place.ws_pair()
    place.server.script = quiet
    ws, stream = place.ws_pair()
    done = []
    thread = pour(stream.sock, 2000, done)
    standstill(done)
    times = []
    for i in range(20):
        began = time.monotonic()
        other.round_trip(f"quick {i}")
        times.append(time.monotonic() - began)
    assert sorted(times)[10] < patience(0.1), times
    for i in range(2000):
        assert ws.take("message", 60).text().startswith(f"{i} ")
    thread.join(patience(5))

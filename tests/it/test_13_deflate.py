"""permessage-deflate (RFC 7692), behind its key: never a raw batch, no context, bounded."""

import os
import random
import struct
import time

import pytest

from lib.bosh import message
from lib.ws import CONT, PING, PONG, TEXT, deflate, frame
from test_04_websocket import assert_ends, assert_gone, quiet

SETTINGS = {"websocket.deflate": "on", "limits.body": 150000, "websocket.ping": 60}


def pair(place):
    ws = place.deflate_ws().login()
    return ws, place.server.stream_of(ws.user)


def text_of(n, seed=1):
    """Text that compresses to about a half."""
    r = random.Random(seed)
    return "".join(r.choice("abcdefghijklmnop\u20ac") for _ in range(n))


@pytest.mark.parametrize("offer", [
    "permessage-deflate", "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; server_max_window_bits=9, permessage-deflate",
    "x-other, permessage-deflate; client_max_window_bits=12"])
def test_an_offer_is_taken_without_context(place, offer):
    place.deflate_ws(offer=offer).open()


@pytest.mark.parametrize("offer", [
    None, "x-other", "permessage-deflate; server_max_window_bits=10", "permessage-deflate; y"])
def test_what_cannot_be_taken_is_left_and_the_websocket_works_without(place, offer):
    ws = place.ws(headers={"Sec-WebSocket-Extensions": offer})
    assert ws.handshake.get("Sec-WebSocket-Extensions") is None
    ws.login().round_trip("plain")


def test_it_is_off_by_default(new_place):
    ws = new_place().ws(headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
    assert ws.handshake.get("Sec-WebSocket-Extensions") is None


def test_messages_go_compressed_both_ways_in_order(place):
    ws, stream = pair(place)
    for i in range(30):
        ws.round_trip(f"message {i} \u20ac \U0001f642" * 10)
    assert len(stream.messages()) == 30 and ws.compressed > 30


@pytest.mark.parametrize("n", [1, 100, 500, 511, 512, 513, 1024, 4000, 4096, 20000, 60000])
def test_messages_of_any_length(place, n):
    ws, stream = pair(place)
    for text in ("x" * n, text_of(n // 2)):
        ws.round_trip(text)


def test_a_burst_from_the_server_arrives_whole_and_in_order(place):
    place.server.script = quiet
    ws, stream = pair(place)
    texts = [f"{i} " + text_of(i * 37 % 3000, i) for i in range(200)]
    stream.send("".join(message(t, xmlns=False) for t in texts))
    assert [ws.take("message").text() for _ in texts] == texts
    assert ws.silent(0.2)


def test_a_burst_from_the_client_arrives_whole_and_in_order(place):
    ws, stream = pair(place)
    texts = [f"{i} " + text_of(i * 37 % 3000, i) for i in range(200)]
    ws.http.send(b"".join(frame(TEXT, deflate(message(t)), rsv=4) for t in texts))
    assert [ws.take("message", 20).text() for _ in texts] == texts
    assert stream.messages() == texts


def test_plain_messages_are_read_too(place):
    ws, _ = pair(place)
    ws.http.send(frame(TEXT, message("not compressed")))
    assert ws.take("message").text() == "not compressed"
    ws.round_trip("compressed")


def test_fragments_with_a_ping_between(place):
    ws, _ = pair(place)
    data = deflate(message(text_of(20000)))
    third = len(data) // 3
    ws.http.send(frame(TEXT, data[:third], fin=False, rsv=4) + frame(PING, b"hi"))
    ws.http.send(frame(CONT, data[third:-5], fin=False) + frame(CONT, data[-5:]))
    assert ws.receive_frame() == (True, PONG, b"hi")
    assert ws.take("message").text() == text_of(20000)


def test_bytes_may_come_one_at_a_time(place):
    ws, _ = pair(place)
    ws.send(message("slow \u20ac " * 20), step=1)
    assert ws.take("message").text() == "slow \u20ac " * 20


def test_pings_are_sent_and_their_pongs_count(new_place):
    place = new_place({**SETTINGS, "websocket.ping": 1}, script=quiet)
    ws, stream = pair(place)
    with pytest.raises(TimeoutError):
        ws.receive(4)
    assert len(ws.pings) >= 3
    stream.send(message("alive", xmlns=False))
    assert ws.take("message").text() == "alive"


def test_two_pings_without_a_pong_are_the_end(new_place):
    place = new_place({**SETTINGS, "websocket.ping": 1}, script=quiet)
    pair(place)  # it reads nothing from here on, but its kernel does
    place.fairlead.wait_end("ping-timeout")


def test_a_bomb_is_1009_and_costs_little(place):
    ws, stream = pair(place)
    other, _ = pair(place)
    before, memory = place.fairlead.cpu(), place.fairlead.memory()
    bomb = deflate(message("x" * 50_000_000), 9)
    try:
        ws.http.send(frame(TEXT, bomb, rsv=4))
    except OSError:
        pass
    assert_ends(ws, codes=(1009,), opened=False)
    stream.wait_gone()
    assert stream.messages() == []
    if not place.fairlead.sanitized():
        assert place.fairlead.cpu() - before < 0.5
        assert place.fairlead.memory() - memory < 4_000_000
    other.round_trip("still here")


@pytest.mark.parametrize("payload", [b"\xff\xff\xff\xff", b"", deflate("<a>\udcff</a>".encode(
    "utf-8", "surrogateescape"))])
def test_what_cannot_be_inflated_or_is_no_utf_8_harms_no_other(place, payload):
    other, _ = pair(place)
    ws, stream = pair(place)
    ws.http.send(frame(TEXT, payload, rsv=4))
    if payload:
        assert_gone(ws, 10)
        stream.wait_gone()
    other.round_trip("still here")


def test_random_garbage_harms_no_other(place):
    other, _ = pair(place)
    r = random.Random(7)
    for _ in range(40):
        ws = place.deflate_ws()
        data = r.randbytes(r.choice((1, 10, 200, 3000)))
        try:
            ws.http.send(frame(r.choice((TEXT, CONT, 2)), data, rsv=r.choice((0, 4)),
                               fin=r.random() < 0.7))
            ws.http.send(os.urandom(50))
        except OSError:
            pass
        ws.close()
    other.round_trip("still here")


def test_a_slow_client_loses_nothing(new_place):
    place = new_place({**SETTINGS, "limits.queue": 1 << 20}, script=quiet)
    ws, stream = pair(place)
    texts = [f"{i} " + text_of(3000, i % 50) for i in range(700)]
    stream.send("".join(message(t, xmlns=False) for t in texts))
    time.sleep(1)
    assert [ws.take("message").text() for _ in texts] == texts
    before = place.fairlead.cpu()
    time.sleep(1)
    assert place.fairlead.cpu() - before < 0.1, "CPU is used with nothing to do"


def test_the_ends_are_the_same(place):
    place.server.script = quiet
    ws, stream = pair(place)
    stream.send(message("last words", xmlns=False) + "</stream:stream>")
    assert ws.take("message").text() == "last words"
    assert_ends(ws, codes=(1000,))
    ws, stream = pair(place)
    ws.send("<bad")
    assert_ends(ws, "not-well-formed", codes=(1007,))
    ws, stream = pair(place)
    ws.http.send(frame(8, struct.pack("!H", 1001)))
    stream.wait_gone()
    assert_gone(ws)

"""Requests that arrive at another worker than the session's: as good as at its own."""

import pytest

from lib.bosh import Body, Http, message
from lib.place import Place

WORKERS = 4


@pytest.fixture(scope="module")
def crossing():
    """A place with four workers whatever WORKERS says elsewhere."""
    p = Place({"bosh.wait": 5}, workers=WORKERS)
    yield p
    p.close()


@pytest.fixture
def place(crossing):
    crossing.mark()
    yield crossing
    crossing.leave()


def counts(place):
    s = place.fairlead.status()
    return find(s, "requests_foreign"), find(s, "requests_total")


def find(value, key):
    """The number called key, at the top or in a part called totals or the like."""
    if key in value:
        return value[key]
    for v in value.values():
        if isinstance(v, dict) and key in v:
            return v[key]
    raise AssertionError(f"no {key} in {value}")


def test_sessions_over_many_connections_cross_workers_in_more_than_half_of_their_requests(
        place, capsys):
    foreign, total = counts(place)
    sessions = [place.bosh(connections=8).login() for _ in range(12)]
    for i in range(15):
        for s in sessions:
            s.say(message(f"m{i}"))
        for s in sessions:
            assert s.receive().text() == f"m{i}"
    for s in sessions:
        s.terminate()
    foreign, total = (b - a for a, b in zip((foreign, total), counts(place)))
    share = foreign / total
    with capsys.disabled():
        print(f"\nforeign requests: {foreign} of {total} ({share:.0%})")
    assert total >= 12 * 15
    assert share >= 0.5, "too few requests crossed workers for the tests to mean anything"


def test_new_connections_are_spread_over_all_workers(place):
    for _ in range(16):
        place.ws().login()
    workers = place.fairlead.status()["workers"]
    assert len(workers) == WORKERS
    assert all(w["websockets"] >= 2 for w in workers), workers


def test_a_repeat_on_another_worker_gets_the_same_bytes(place):
    s, stream = place.bosh_pair(connections=8)
    s.finish()
    stream.send(message("once", xmlns=False))
    r = s.send()
    while not s.inbox:
        s.pending[0].answer()
    kept = r.answer()
    for _ in range(8):
        h = place.keep(Http(place.port))
        assert Body(h.post(r.raw)).raw == kept.raw


def test_requests_that_overtake_each_other_across_workers_keep_their_order(place):
    s, stream = place.bosh_pair(connections=8)
    while s.pending:
        s.pending[0].answer()
    for i in range(0, 20, 2):
        first, second = s.rid, s.rid + 1
        s.rid += 2
        r2 = s.send(message(f"m{i + 1}"), rid=second)
        r1 = s.send(message(f"m{i}"), rid=first)
        r1.answer()
        r2.answer()
        while s.pending:
            s.pending[0].answer()
    stream.wait(lambda: len(stream.messages()) == 20, 5, "the last message")
    assert stream.messages() == [f"m{i}" for i in range(20)]


def test_a_held_request_that_dies_on_another_worker_is_forgotten(place):
    s, stream = place.bosh_pair(connections=8)
    for i in range(8):
        while s.pending:
            s.pending[0].answer()
        s.inbox.clear()
        r = s.send()
        assert not r.ready(0.05)
        r.http.reset()
        s.pool.remove(r.http)
        s.pending.clear()
        stream.send(message(f"m{i}", xmlns=False))
        got = Body(place.keep(Http(place.port)).post(r.raw)).elements
        texts = [e.text() for e in got] or [s.receive().text()]
        assert texts == [f"m{i}"]


def test_sixty_sessions_at_once_on_all_workers(place):
    sessions = [place.bosh() for _ in range(60)]
    creations = [s.send("", {"to": "example.org", "wait": 5, "hold": 1, "ver": "1.6"})
                 for s in sessions]
    sids = {r.answer().get("sid") for r in creations}
    assert len(sids) == 60 and None not in sids
    for s, r in zip(sessions, creations):
        s.sid = r.answer().get("sid")
        assert s.terminate().condition is None

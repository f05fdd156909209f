"""The API's sessions: searched, filtered, in order, page by page, over all workers."""

import json
import time

import pytest

from lib import patience
from lib.bosh import Http
from lib.freeze import frozen
from lib.place import Place

WORKERS = 3
NUMBERS = {"age": lambda r: r["age_ms"], "queue": lambda r: r["queued_bytes"],
           "in": lambda r: r["stanzas_in"], "out": lambda r: r["stanzas_out"],
           "bytes": lambda r: r["bytes_in"] + r["bytes_out"], "unproved": lambda r: r["unproved"],
           "jid": lambda r: r["jid"].encode(), "domain": lambda r: r["domain"],
           "peer": lambda r: r["peer"], "transport": lambda r: r["transport"],
           "state": lambda r: ["opening", "open", "detached", "closing"].index(r["state"])}


@pytest.fixture(scope="module")
def crowd():
    """Sessions of both kinds on all workers, which have said more or less."""
    p = Place({"bosh.wait": 20}, workers=WORKERS)
    sessions = []
    for i in range(9):
        s = p.bosh().login() if i % 3 else p.ws().login()
        for k in range(i):
            s.round_trip(f"m{k}")
        sessions.append(s)
    p.sessions = sessions
    yield p
    p.close()


def get(place, query="", status=200):
    http = Http(place.fairlead.status_port)
    try:
        answer = http.request("GET", f"/api/sessions{query}")
    finally:
        http.close()
    assert answer.status == status, answer
    assert answer.get("Content-Type").startswith("application/json")
    return json.loads(answer.body)


def rows(place, query):
    return get(place, query)["list"]


def test_all_sessions_of_all_workers_are_listed(crowd):
    all_of_them = get(crowd)
    assert (all_of_them["total"], all_of_them["matched"]) == (9, 9)
    assert {r["jid"] for r in all_of_them["list"]} == {s.jid for s in crowd.sessions}
    assert {r["worker"] for r in all_of_them["list"]} == set(range(WORKERS))
    assert all_of_them["silent_workers"] == [] and "cursor" not in all_of_them
    for r in all_of_them["list"]:
        assert r["domain"] == "example.org" and r["peer"] == "127.0.0.1"
        assert r["state"] == "open" and r["traced"] is False
        assert r["backend"] == f"127.0.0.1:{crowd.server.port}"
        assert r["id"].startswith(f"{r['worker']}-") and 0 <= r["age_ms"] < 600000


@pytest.mark.parametrize("sort", NUMBERS)
def test_every_order_goes_both_ways_over_all_workers(crowd, sort):
    up = rows(crowd, f"?sort={sort}&order=asc")
    down = rows(crowd, f"?sort={sort}&order=desc")
    key = NUMBERS[sort]
    assert len(up) == 9 and [r["id"] for r in down] == [r["id"] for r in reversed(up)]
    if sort != "age":  # which is another one for each question, and each worker
        assert [key(r) for r in up] == sorted(key(r) for r in up)
    else:
        assert [r["jid"] for r in down] == [s.jid for s in crowd.sessions]


def test_pages_follow_each_other(crowd):
    query, seen = "?sort=in&order=desc&limit=2", []
    cursor = ""
    for page in range(5):
        answer = get(crowd, query + cursor)
        seen += [r["id"] for r in answer["list"]]
        assert answer["matched"] == 9 and ("cursor" in answer) == (page < 4)
        cursor = f"&cursor={answer.get('cursor')}"
    assert seen == [r["id"] for r in rows(crowd, "?sort=in&order=desc")]


def test_filters_and_a_text_choose(crowd):
    bosh, ws = rows(crowd, "?transport=bosh"), rows(crowd, "?transport=websocket")
    assert (len(bosh), len(ws)) == (6, 3)
    assert {r["transport"] for r in bosh} == {"bosh"}
    one = crowd.sessions[4]
    row, = rows(crowd, f"?q={one.jid.upper().replace('@', '%40')}")
    assert row["jid"] == one.jid
    assert [r["id"] for r in rows(crowd, f"?q={row['id']}")] == [row["id"]]
    assert len(rows(crowd, "?q=127.0.0")) == 9 and len(rows(crowd, "?q=EXAMPLE.org")) == 9
    nobody = get(crowd, "?q=nobody")
    assert (nobody["total"], nobody["matched"], nobody["list"]) == (9, 0, [])
    assert rows(crowd, "?domain=example.com") == rows(crowd, "?state=detached") == []
    assert len(rows(crowd, "?domain=Example.ORG&state=open&transport=bosh&q=user")) == 6


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "sort=size", "order=up", "state=dead",
                                   "transport=smtp", "q=%zz", "cursor=00", f"q={'a' * 256}"])
def test_what_makes_no_sense_is_answered_in_words(crowd, query):
    assert len(get(crowd, f"?{query}", 400)["error"]) > 10


def test_jids_are_read_as_they_are_not_as_they_are_escaped(crowd):
    crowd.mark()
    s = crowd.bosh()
    s.user = "d'artagnan"
    s.login()
    row, = rows(crowd, "?q=d%27artagnan")
    assert row["jid"] == s.jid
    s.terminate()


def test_a_worker_that_hangs_is_named_in_time(crowd):
    if crowd.fairlead.sanitized():
        pytest.skip("a sanitizer's own thread waits for all others")
    connections = [Http(crowd.fairlead.status_port) for _ in range(2 * WORKERS)]
    time.sleep(0.2)
    started = time.monotonic()
    with frozen(crowd.fairlead.process.pid, "worker-1"):
        for c in connections:
            c.send("GET /api/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not any(c.ready() for c in connections):
            assert time.monotonic() < started + patience(5)
            time.sleep(0.02)
        answer = next(c for c in connections if c.ready()).response()
        took = time.monotonic() - started
    found = json.loads(answer.body)
    assert found["silent_workers"] == [1]
    assert {r["worker"] for r in found["list"]} == {0, 2}
    assert 0.9 < took < patience(3)
    for c in connections:
        c.close()
    assert get(crowd)["silent_workers"] == []

"""The API among 50,000 sessions, made up by a build for tests (tests/fake/crowd.c), which tells of
them in a file: every order, filter and page against that, and what a list costs."""

import ipaddress
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from urllib.parse import quote

import pytest

from lib import fairlead as daemon
from lib import patience
from lib.bosh import Http
from lib.fairlead import Fairlead

LINKED = subprocess.run(["ldd", daemon.PROGRAM], capture_output=True, text=True).stdout
CROWD = 8000 if "san.so" in LINKED else 50000  # a sanitizer makes each several times as dear
WORKERS = 4
STATES = ["opening", "open", "detached", "closing"]
TRANSPORTS = ["bosh", "websocket"]


def handle(session):
    return tuple(int(n) for n in session.split("-"))


def by_peer(row):
    ip = ipaddress.ip_address(row["peer"])
    return ip.version, ip.packed


ORDERS = {
    "age": lambda r: -r["born"],
    "jid": lambda r: r["jid"].encode(),
    "domain": lambda r: r["domain"].encode(),
    "peer": by_peer,
    "transport": lambda r: TRANSPORTS.index(r["transport"]),
    "state": lambda r: STATES.index(r["state"]),
    "queue": lambda r: r["queued_bytes"],
    "in": lambda r: r["stanzas_in"],
    "out": lambda r: r["stanzas_out"],
    "bytes": lambda r: r["bytes"],
    "unproved": lambda r: r["unproved"],
}


def program():
    build = os.path.dirname(daemon.PROGRAM)
    subprocess.run(["make", "-s", "-C", build, "tests/fake/crowd"], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(build, "tests", "fake", "crowd")


def read(path):
    names = ("id", "jid", "domain", "peer", "transport", "state", "born", "queued_bytes",
             "stanzas_in", "stanzas_out", "bytes", "unproved")
    with open(path) as f:
        rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in f]
    for r in rows:
        for name in names[6:]:
            r[name] = int(r[name])
        r["handle"] = handle(r["id"])
    return rows


@pytest.fixture(scope="module")
def crowd():
    folder = tempfile.mkdtemp(prefix="fairlead-crowd-")
    path = os.path.join(folder, "crowd")
    usual = daemon.PROGRAM
    daemon.PROGRAM = program()
    os.environ.update(CROWD=str(CROWD), CROWD_FILE=path)
    try:
        f = Fairlead({"example.org": 9}, {"limits.sessions": 100000}, workers=WORKERS)
    finally:
        daemon.PROGRAM = usual
        del os.environ["CROWD"], os.environ["CROWD_FILE"]
    f.wait_lines("ready", seconds=60)
    f.rows = read(path)
    f.http = Http(f.status_port, timeout=20)
    f.times = []
    deadline = time.monotonic() + patience(30)
    while f.status()["silent_workers"]:  # the last is filled when the first answers already
        assert time.monotonic() < deadline
    yield f
    f.http.close()
    f.stop(60)
    f.clean()
    shutil.rmtree(folder)


def ask(crowd, query):
    started = time.monotonic()
    answer = crowd.http.request("GET", f"/api/sessions?{query}",
                                headers={"Authorization": f"Bearer {crowd.token()}"})
    crowd.times.append(time.monotonic() - started)
    assert answer.status == 200, answer
    found = json.loads(answer.body)
    assert found["silent_workers"] == [] and found["total"] == CROWD
    return found


def model(crowd, order, descending, test=lambda r: True):
    rows = [r for r in crowd.rows if test(r)]
    return [r["id"] for r in sorted(rows, key=lambda r: (ORDERS[order](r), r["handle"]),
                                    reverse=descending)]


def test_they_are_all_there(crowd):
    assert len(crowd.rows) == CROWD and len({r["id"] for r in crowd.rows}) == CROWD
    assert ask(crowd, "")["matched"] == CROWD


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_every_order_is_exact_from_page_to_page(crowd, order, descending):
    want, query = model(crowd, order, descending), f"sort={order}&limit=1000"
    query += "&order=desc" if descending else "&order=asc"
    cursor, got = "", []
    for _ in range(4):
        found = ask(crowd, query + cursor)
        got += [r["id"] for r in found["list"]]
        cursor = f"&cursor={found['cursor']}"
    assert got == want[:4000]


def test_pages_lead_through_all_of_them(crowd):
    want, got, cursor = model(crowd, "jid", False), [], ""
    while cursor is not None:
        found = ask(crowd, f"sort=jid&limit=1000{cursor}")
        got += [r["id"] for r in found["list"]]
        cursor = f"&cursor={found['cursor']}" if "cursor" in found else None
    assert got == want


@pytest.mark.parametrize("text", ["user123", "USER39", "@d7.", "d29.example", "10.2.", "2001:db8:1",
                                  "/r8", "3-4", "-12", "nobody", "e", "user1@d1.example/r1"])
def test_a_text_is_searched_for_exactly(crowd, text):
    low = text.lower()
    rows = model(crowd, "in", True, lambda r: any(
        low in v.lower() for v in (r["jid"], r["domain"], r["peer"], r["id"])))
    found = ask(crowd, f"q={quote(text)}&sort=in&order=desc&limit=50")
    assert found["matched"] == len(rows)
    assert [r["id"] for r in found["list"]] == rows[:50]


def test_filters_are_exact_together(crowd):
    rng = random.Random(5)
    for _ in range(12):
        state, transport = rng.choice(STATES), rng.choice(TRANSPORTS)
        domain, order = f"d{rng.randrange(30)}.example", rng.choice(list(ORDERS))
        want = model(crowd, order, True, lambda r: (
            r["state"], r["transport"], r["domain"]) == (state, transport, domain)
            and "user1" in r["jid"])
        found = ask(crowd, f"state={state}&transport={transport}&domain={domain}&sort={order}"
                           "&order=desc&q=user1&limit=20")
        assert found["matched"] == len(want)
        assert [r["id"] for r in found["list"]] == want[:20]


def test_rows_say_what_is_true(crowd):
    rows = {r["id"]: r for r in crowd.rows}
    for r in ask(crowd, "sort=bytes&order=desc&limit=1000")["list"]:
        true = rows[r["id"]]
        assert all(r[k] == true[k] for k in ("jid", "domain", "peer", "transport", "state",
                                             "queued_bytes", "stanzas_in", "stanzas_out",
                                             "unproved"))
        assert r["bytes_in"] + r["bytes_out"] == true["bytes"]


def test_the_status_counts_them(crowd):
    s = crowd.status()
    assert s["sessions"] == CROWD
    for transport in TRANSPORTS:
        assert s[transport] == sum(r["transport"] == transport for r in crowd.rows)
    for state in STATES:
        assert s[state] == sum(r["state"] == state for r in crowd.rows)
    assert s["stanzas_in"] == sum(r["stanzas_in"] for r in crowd.rows)


def test_no_turn_is_long_while_lists_run(crowd, capsys):
    """Turns are measured by the clock on the wall: where others work as well, that says nothing."""
    figures = []
    for limit, lists in ((100, 20), (1000, 10)):
        crowd.status()  # which begins to measure anew
        crowd.times.clear()
        cpu = crowd.cpu()
        for i in range(lists):
            ask(crowd, f"sort={list(ORDERS)[i % len(ORDERS)]}&q=user&limit={limit}")
        cpu = (crowd.cpu() - cpu) / lists
        median = sorted(crowd.times)[lists // 2]
        longest = crowd.status()["turn_max_us"] / 1e6
        figures.append((limit, median, cpu, longest))
    quiet = os.getloadavg()[0] < os.cpu_count()
    with capsys.disabled():
        for limit, median, cpu, longest in figures:
            print(f"\na list of {limit} among {CROWD}: median {1000 * median:.0f} ms, "
                  f"{1000 * cpu:.0f} ms of CPU, longest turn {1000 * longest:.1f} ms"
                  f"{'' if quiet else ' on a busy machine'}")
    if not crowd.sanitized():
        assert all(cpu < 0.3 for _, _, cpu, _ in figures)
        assert not quiet or all(longest < 0.03 for _, _, _, longest in figures)

"""Clients that are no web pages, gloox and libpurple, through Fairlead over BOSH.

Each is a program of native/, built here, that is one person; two of them talk to each other.
libpurple counts a second before it sends what it has: but for one case, ten of those go into one.
"""

import contextlib
import functools
import json
import os
import subprocess
import threading
import urllib.parse

import pytest

import peers
import servers

SERVERS = {"prosody": servers.Prosody, "ejabberd": servers.Ejabberd, "jabberd2": servers.Jabberd2}
WAIT, IDLE = 1, 3  # seconds; both libraries ask for a longer wait

TEXTS = [
    "plain",
    "Grüße aus Köln, ça va, ñandú",
    "<b>&amp; not markup</b> \"quotes\" 'single' ]]>",
    "日本語と한국어와 中文",
    "שלום עולם مرحبا بالعالم",
    "😀 🎣⚓ 👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺",
    "two\nlines\tand a tab",
    " spaces at both ends ",
    "e\u0301 combining, \U0001d54f beyond the first plane, \u00a0 nbsp",
    "<body rid=\"1\"/></stream:stream><close/>",
]
BIG = "Ünïcødé 🎣 wörld & " * 4000


def numbered(who):
    return [f"{who} {i}: {TEXTS[i % len(TEXTS)]}" for i in range(20)]


@contextlib.contextmanager
def place(kind):
    """A server of that kind, and a Fairlead that holds no request for long."""
    with kind(peers.accounts(kind)) as server:
        if peers.DIRECT:
            yield peers.Setup(server, server.http_port)
            return
        peers.fairlead.secrets.update(server.accounts.values())
        front = peers.manager(server.domain, server.port, {"bosh.wait": WAIT})
        try:
            setup = peers.Setup(server, front.port)
            setup.front = front
            yield setup
            front.stop()
        finally:
            front.clean()


@pytest.fixture(scope="module")
def places():
    """places(name) is the Setup with that server, started when first asked for."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda name: stack.enter_context(place(SERVERS[name])))


class Person:
    """One run of a client program; facts() waits for its end."""

    def __init__(self, program, folder, texts, big, **options):
        folder.mkdir()
        words = [f"{k}={v}" for k, v in {**options, "folder": folder, "big": big}.items()]
        self.process = subprocess.Popen(
            [program, *words, "--", *texts], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", cwd=folder,
            env={**os.environ, "HOME": str(folder)})
        self.said = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        self.said = self.process.communicate()

    def facts(self, seconds=90):
        self.reader.join(peers.patience(seconds))
        if self.reader.is_alive():
            self.process.kill()
            self.reader.join()
        out, words = self.said
        assert self.process.returncode == 0, \
            f"{self.process.returncode}\n{out[-2000:]}\n{words[-6000:]}"
        return json.loads(out.splitlines()[-1])

    def end(self):
        if self.reader.is_alive():
            self.process.kill()
            self.reader.join()


def run(setup, programs, folder, haste):
    """Two people, by these programs, and with one result for each: the name, what it says, facts."""
    users = [setup.fresh.pop(0), setup.fresh.pop(0)]
    texts = [numbered(user) for user in users]
    room = f"raum-{users[0]}@conference.{setup.server.domain}"
    url = urllib.parse.urlsplit(setup.urls["bosh"])
    people = []
    try:
        for i, program in enumerate(programs):
            people.append(Person(
                program, folder / users[i], texts[i], BIG, port=url.port, path=url.path,
                domain=setup.server.domain, user=users[i],
                password=setup.server.accounts[users[i]], peer=users[1 - i], room=room,
                lead=int(i == 0), idle=IDLE, haste=haste))
        return users, texts, [p.facts() for p in people]
    finally:
        for p in people:
            p.end()


def case(server, clients, haste=10, quick=False):
    name = "-".join([server, *clients] if clients[0] != clients[1] else [server, clients[0]])
    return pytest.param(server, clients, haste, marks=[] if quick else pytest.mark.full,
                        id=name if haste > 1 else f"{name}-unhurried")


CASES = [
    case("prosody", ("gloox", "gloox"), quick=True),
    case("prosody", ("purple", "purple"), quick=True),
    case("prosody", ("purple", "purple"), haste=1),
    case("prosody", ("purple", "gloox")),
    case("ejabberd", ("gloox", "gloox")),
    case("ejabberd", ("purple", "purple")),
    case("ejabberd", ("gloox", "purple")),
    case("jabberd2", ("gloox", "gloox")),
    case("jabberd2", ("purple", "purple")),
]
if peers.DIRECT:  # jabberd2 has no BOSH of its own, and on that of the others gloox gets stuck
    CASES = [c for c in CASES if c.values[0] != "jabberd2" and "gloox" not in c.values[1]]


@pytest.mark.parametrize("server, clients, haste", CASES)
def test_log_in_talk_and_log_out(places, program, tmp_path, server, clients, haste):
    setup = places(server)
    since = 0 if peers.DIRECT else setup.front.log_size()
    users, texts, facts = run(setup, [program(c) for c in clients], tmp_path, haste)
    jids = [f"{user}@{setup.server.domain}" for user in users]
    for i, f in enumerate(facts):
        assert f["mechanism"] in setup.server.mechanisms
        assert f["jid"].startswith(f"{jids[i]}/")
        assert f["rosterBefore"] == 0
        assert f["rosterPush"] == jids[1 - i]
        assert (f["rosterName"], f["rosterGroup"]) == ("Bœb & \"Co\" 🎣", "Füße <&>")
        assert (f["disco"], f["oddIq"]) == ("server", "error")
        assert (f["presenceShow"], f["presenceStatus"]) == ("dnd", "beschäftigt 🛠")
        assert f["heard"] == texts[1 - i]
        assert f["bigBytes"] == len(BIG.encode()) and f["bigSame"]
        assert f["room"]
    assert [f["late"] for f in facts] == ["yes", "still there? ⚓"]
    assert facts[0]["lateMs"] < 1000 * peers.patience(5)
    assert facts[1]["gone"]
    if not peers.DIRECT:
        ends = setup.front.wait_lines("session-end", n=2, since=since)
        assert [e["reason"] for e in ends] == ["client-closed"] * 2, ends

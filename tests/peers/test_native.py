"""Clients that are no web pages, gloox and libpurple, through Fairlead over BOSH.

Each is a program of native/, built here, that is one person; two of them talk to each other.
"""

import json
import os
import shlex
import subprocess
import threading

import pytest

import peers
import servers

HERE = os.path.join(peers.HERE, "native")
KINDS = {"prosody": servers.Prosody, "ejabberd": servers.Ejabberd}
LANGUAGES = {"gloox": ("g++ -std=c++17", "gloox.cc", "gloox"),
             "purple": ("gcc -std=gnu11", "purple.c", "purple gobject-2.0")}
WAIT = 3  # seconds; both libraries ask for more

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


def numbered(who):
    return [f"{who} {i}: {TEXTS[i % len(TEXTS)]}" for i in range(20)]


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """program(name) is the built client program of that name."""
    built = {}

    def build(name):
        if name not in built:
            compiler, source, package = LANGUAGES[name]
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", *package.split()],
                                   capture_output=True, text=True, check=True).stdout
            path = str(tmp_path_factory.mktemp("native") / name)
            done = subprocess.run(
                [*shlex.split(compiler), "-g", "-Wall", "-Wextra", "-Wshadow", "-Werror",
                 os.path.join(HERE, source), "-o", path, *shlex.split(flags)],
                capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-4000:]
            built[name] = path
        return built[name]

    return build


@pytest.fixture(scope="module", params=list(KINDS))
def setup(request):
    with KINDS[request.param](peers.ACCOUNTS) as server:
        peers.fairlead.secrets.update(peers.ACCOUNTS.values())
        front = peers.manager(server.domain, server.port, {"bosh.wait": WAIT})
        place = peers.Setup(server, front.port)
        place.front = front
        try:
            yield place
            front.stop()
        finally:
            front.clean()


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


def run(setup, programs, folder, idle):
    """Two persons, by these two programs; returns their names, what each sends, and their facts."""
    users = [setup.fresh.pop(0), setup.fresh.pop(0)]
    texts = [numbered(user) for user in users]
    big = "Ünïcødé 🎣 wörld & " * 4000
    room = f"raum-{users[0]}@conference.{setup.server.domain}"
    people = []
    try:
        for i, program in enumerate(programs):
            people.append(Person(
                program, folder / users[i], texts[i], big, port=setup.front.port,
                path="/http-bind", domain=setup.server.domain, user=users[i],
                password=setup.server.accounts[users[i]], peer=users[1 - i], room=room,
                lead=int(i == 0), idle=idle))
        return users, texts, [p.facts() for p in people]
    finally:
        for p in people:
            p.end()


@pytest.mark.parametrize("client", list(LANGUAGES))
def test_log_in_talk_and_log_out(setup, program, tmp_path, client):
    since = setup.front.log_size()
    users, texts, facts = run(setup, [program(client)] * 2, tmp_path, idle=WAIT + 2)
    for i, f in enumerate(facts):
        jids = [f"{users[k]}@{setup.server.domain}" for k in (i, 1 - i)]
        assert f["mechanism"].startswith("SCRAM-SHA-")
        assert f["jid"].startswith(f"{jids[0]}/")
        assert f["rosterBefore"] == 0
        assert f["rosterPush"] == jids[1]
        assert (f["rosterName"], f["rosterGroup"]) == ("Bœb & \"Co\" 🎣", "Füße <&>")
        assert (f["disco"], f["oddIq"]) == ("server", "error")
        assert (f["presenceShow"], f["presenceStatus"]) == ("dnd", "beschäftigt 🛠")
        assert f["heard"] == texts[1 - i]
        assert f["bigBytes"] == 26 * 4000 and f["bigSame"]
        assert f["room"]
    assert [f["late"] for f in facts] == ["yes", "still there? ⚓"]
    assert facts[0]["lateMs"] < 5000
    assert facts[1]["gone"]
    ends = setup.front.wait_lines("session-end", n=2, since=since)
    assert [e["reason"] for e in ends] == ["client-closed"] * 2, ends

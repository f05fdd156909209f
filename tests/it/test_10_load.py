"""Many sessions at once: every message exactly once, in order, and the memory given back.

Runs only with --load SECONDS (each of the two rounds takes that long and its logins);
--load-sessions N sets how many sessions of each kind."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time

import pytest

from lib import patience, readable
from lib.fairlead import Fairlead
from lib.loadclient import round_of

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture
def load_server():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    process = subprocess.Popen([sys.executable, os.path.join(HERE, "lib", "loadserver.py")],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert readable(process.stdout, patience(10)), "no load server"
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def settled_memory(fairlead, seconds=10):
    """The memory once it stands still: the last sockets are closed in the background, and memory is
    given back within ten seconds."""
    time.sleep(12)
    deadline = time.monotonic() + seconds
    last = fairlead.memory()
    while time.monotonic() < deadline:
        time.sleep(1)
        now = fairlead.memory()
        if now == last:
            break
        last = now
    return last


@pytest.mark.slow
def test_thousands_of_sessions_lose_nothing_and_leave_nothing(load_server, request, capsys):
    process, port = load_server
    seconds = request.config.getoption("--load")
    n = request.config.getoption("--load-sessions")
    fairlead = Fairlead({"example.org": port}, {"bosh.wait": 30}, workers=2)
    try:
        sanitized = fairlead.sanitized()
        interval = max(1.0, n / 500) * (3 if sanitized else 1)
        memory, descriptors = [], []
        for turn in (1, 2):
            began, cpu = time.monotonic(), fairlead.cpu()
            sent, received = asyncio.run(round_of(fairlead.port, n, seconds, interval))
            took, cpu = time.monotonic() - began, fairlead.cpu() - cpu
            memory.append(settled_memory(fairlead))
            descriptors.append(fairlead.descriptors())
            with capsys.disabled():
                print(f"\nround {turn}: {n} BOSH and {n} WebSocket sessions, "
                      f"{took:.0f} s, {sent} messages sent, {received} "
                      f"received, {cpu:.1f} s of CPU, PSS "
                      f"{memory[-1] / 1048576:.1f} MiB after it")
            assert sent >= 2 * n and received >= sent
        assert descriptors[1] <= descriptors[0] + 4, "descriptors are left open"
        if not sanitized:
            assert memory[1] <= memory[0] * 1.1, memory
        out, _ = process.communicate(timeout=patience(10))
        facts = json.loads(out)
        assert facts["wrong"] == [] and facts["streams"] == 4 * n
        fairlead.stop(30)
    finally:
        fairlead.clean()

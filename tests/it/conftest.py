"""Fixtures of the integration tests. A topic file says its configuration inline, in SETTINGS, and
its tests take `place`: one scripted server and one Fairlead for the file. A test that needs
another configuration takes `new_place` and calls it. A failing test dumps both sides."""

import sys

import pytest

sys.dont_write_bytecode = True
pytest.register_assert_rewrite("lib.bosh", "lib.ws", "lib.fairlead", "lib.xmppserver", "lib.place",
                               "lib.xmlbits", "lib.netns", "lib.certs", "lib.site")

from lib import certs, netns  # noqa: E402
from lib import place as places  # noqa: E402
from lib import site as sites  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--load", type=float, default=0, metavar="SECONDS",
                     help="also run the load tests, each round for so long")
    parser.addoption("--load-sessions", type=int, default=1000, metavar="N",
                     help="sessions of each kind in the load tests")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: a load that runs only with --load SECONDS")
    config.addinivalue_line("markers", "full: takes its time; for ./check --full alone")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--load"):
        return
    slow = [i for i in items if i.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [i for i in items if i not in slow]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for p in places.open_places:
            log, transcript = p.dump()
            report.sections.append(("fairlead", log))
            report.sections.append(("xmpp server", transcript))


@pytest.fixture(scope="module")
def place_of_module(request):
    p = places.Place(getattr(request.module, "SETTINGS", {}))
    yield p
    p.close()


@pytest.fixture
def place(place_of_module):
    """The file's place; Fairlead must outlive the test."""
    p = place_of_module
    p.mark()
    yield p
    p.leave()
    assert p.fairlead.alive(), f"Fairlead died:\n{p.log_since_mark()[-20000:]}"


@pytest.fixture
def new_place():
    """Makes places for one test."""
    made = []

    def make(settings=None, **more):
        made.append(places.Place(settings, **more))
        return made[-1]

    yield make
    failures = []
    for p in made:
        try:
            p.close()
        except AssertionError as e:
            failures.append(e)
    assert not failures, failures[0]


@pytest.fixture(scope="module")
def net():
    """The file's tests live in a network of their own."""
    n = netns.Net()
    yield n
    n.close()


@pytest.fixture(scope="module")
def authority():
    a = certs.Authority()
    yield a
    a.close()


@pytest.fixture
def site():
    s = sites.Site()
    yield s
    s.close()

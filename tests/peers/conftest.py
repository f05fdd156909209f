"""Fixtures of the peer tests: a private server per module with Fairlead before it, a test page."""

import functools
import http.server
import os
import signal
import subprocess
import sys
import threading

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import peers  # noqa: E402
import servers  # noqa: E402
from lib.certs import Authority  # noqa: E402

# Asked to end, clean up first: no server may stay behind.
signal.signal(signal.SIGTERM, signal.default_int_handler)


# Without Fairlead there is nothing to be seen of these.
collect_ignore = ([f"test_{name}.py"
                   for name in ("delivery", "discovery", "foreign_page", "fronts", "guides",
                                "https", "kills", "prometheus", "proxy", "react_native",
                                "reload", "resume", "status_page", "tls", "trace", "troubleshooting")]
                  if peers.DIRECT else [])


def pytest_configure(config):
    config.addinivalue_line("markers", "full: takes its time; for ./check --full alone")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for front in peers.fairlead.running:
            report.sections.append(("fairlead", front.log()[-8000:]))
        for server in servers.running:
            report.sections.append((server.name, server.log()[-8000:]))


def pytest_terminal_summary(terminalreporter):
    """What the deliveries came to; a passed test says it, too."""
    rows = [row for reports in terminalreporter.stats.values() for report in reports
            for name, row in getattr(report, "user_properties", ())
            if name == "delivery" and report.when == "call"]
    if rows:
        import deliveries
        terminalreporter.section(f"deliveries, SEED={deliveries.SEED}")
        for row in sorted(rows):
            terminalreporter.line(row)


@pytest.fixture(scope="module")
def prosody():
    yield from peers.setup(servers.Prosody)


@pytest.fixture(scope="module")
def ejabberd():
    yield from peers.setup(servers.Ejabberd)


@pytest.fixture(scope="module")
def jabberd2():
    yield from peers.setup(servers.Jabberd2)


@pytest.fixture(scope="module")
def authority():
    a = Authority()
    yield a
    a.close()


@pytest.fixture
def front():
    """front(domain...) starts a Fairlead with these, as in the configuration."""
    made = []

    def start(*domains, **settings):
        settings = {k.replace("_", ".", 1): v for k, v in settings.items()}
        made.append(peers.fairlead.Fairlead(config={"domains": list(domains)}, settings=settings))
        return made[-1]

    yield start
    for f in made:
        try:
            f.stop()
        finally:
            f.clean()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def web():
    """web(folder) serves a folder on a port of its own and returns the address."""
    started = []

    def serve(folder):
        handler = functools.partial(Quiet, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def pages(web):
    """{library: page}, on another origin than the manager's."""
    address = web(peers.HERE) + "page/"
    return {"chromium": address + "index.html", "converse": address + "converse.html",
            "reload": address + "reload.html"}


BUILT_BY = {"gloox": ("g++ -std=c++17", "gloox.cc", "gloox"),
            "purple": ("gcc -std=gnu11", "purple.c", "purple")}


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """program(name) is the path of the client program of that name, built when first asked for."""
    @functools.cache
    def build(name):
        compiler, source, package = BUILT_BY[name]
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", package],
                               capture_output=True, text=True, check=True).stdout
        path = str(tmp_path_factory.mktemp("native") / name)
        done = subprocess.run(
            [*compiler.split(), "-g", "-Wall", "-Wextra", "-Wshadow", "-Werror",
             os.path.join(peers.HERE, "native", source), "-o", path, *flags.split()],
            capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        return path

    return build

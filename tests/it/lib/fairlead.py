"""Keeps one Fairlead: starts it, waits for its port, ends it, and judges how it ended.

Environment: FAIRLEAD is the program (default build/fairlead), WORKERS how many workers where a
test does not say (default 4), LAUNCHER what to put before it ("valgrind -q --error-exitcode=99").
"""

import atexit
import functools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from lib import certs, patience

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.append(os.path.join(TOP, "tests"))

from ports import free_port  # noqa: E402

PROGRAM = os.path.abspath(os.environ.get("FAIRLEAD", os.path.join(TOP, "build", "fairlead")))
WORKERS = int(os.environ.get("WORKERS", "4"))
LAUNCHER = shlex.split(os.environ.get("LAUNCHER", ""))

REPORTS = re.compile(r"ERROR: AddressSanitizer|LeakSanitizer: detected|runtime error:|"
                     r"WARNING: ThreadSanitizer|ERROR SUMMARY: [1-9]|"
                     r"definitely lost: [1-9]|Assertion .* failed|\bassert(?:ion)? failed")
PAIR = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|\S*)')

OVER_TLS = os.environ.get("OVER") == "tls"
running = []  # every Fairlead of this run, newest last: the dump on failure reads it
secrets = set()  # sids and passwords that no log may hold


@functools.cache
def everybody():
    """A certificate for localhost, and the context of clients that believe it."""
    authority = certs.Authority()
    atexit.register(authority.close)
    return authority.make("everybody", "localhost"), authority.client_context()


def check(path):
    """What `fairlead -t` says of a configuration that it must refuse."""
    done = subprocess.run([*LAUNCHER, PROGRAM, "-t", "-c", path], capture_output=True, text=True,
                          timeout=patience(10))
    assert done.returncode != 0, done
    return done.stderr


class Fairlead:
    """backends: {domain: port or "host:port"}. Scalars by --set (settings), anything by a file
    (config, a dict, written as JSON); both may be given. listener: keys of the listener besides
    its address, such as {"proxy_protocol": "on"}. tls: a Certificate that listeners show, or a list of
    them; clients of the listener then use TLS and believe its authority (trust, an SSLContext).

    With OVER=tls in the environment every Fairlead whose test does not say otherwise has TLS."""

    def __init__(self, backends=None, settings=None, config=None, workers=None, options=(),
                 listener=None, tls=None, trust=None):
        self.folder = tempfile.mkdtemp(prefix="fairlead-it-")
        self.log_path = os.path.join(self.folder, "log")
        self.workers = workers or WORKERS
        self.stopped = None
        self.backends, self.settings = backends or {}, dict(settings or {})
        self.config, self.options, self.listener = config, list(options), listener
        self.tls, self.trust = tls, trust
        if OVER_TLS and tls is None:
            self.tls, self.trust = everybody()
        if self.tls and self.listener is None:
            self.listener = {"tls": "on"}
        elif self.tls:
            self.listener = {"tls": "on", **self.listener}
        self.settings.setdefault("workers", self.workers)
        self.settings.setdefault("shutdown.deadline", 1)
        self.settings.setdefault("delivery.leave", 1)  # scripted servers do not answer
        self.settings.setdefault("log.refusals", 100000)  # tests look for each
        running.append(self)
        for attempt in range(3):  # another program may have taken the port that was free
            self.start()
            if self.wait_port() or "ddress already in use" not in self.log():
                break
        if self.process.poll() is not None:
            log = self.log()
            self.clean()
            raise AssertionError(f"Fairlead did not start:\n{log}")

    def start(self):
        from lib import bosh
        self.port, self.status_port = free_port(), free_port()
        command = [*LAUNCHER, PROGRAM]
        address, config = f"127.0.0.1:{self.port}", self.config
        if self.listener is not None:
            config = {**(config or {}),
                      "listen": [{"name": "it", "address": address, **self.listener}]}
        if self.tls:
            shown = self.tls if isinstance(self.tls, (list, tuple)) else [self.tls]
            config["certificates"] = [
                {"name": f"c{i}", "certificate": c.certificate, "key": c.key}
                for i, c in enumerate(shown)]
            bosh.secure[self.port] = self.trust
        if config is not None:
            path = os.path.join(self.folder, "fairlead.conf")
            with open(path, "w") as f:
                json.dump(config, f)
            command += ["-c", path]
        if self.listener is None:
            command += ["--listen", address]
        for domain, where in self.backends.items():
            where = f"127.0.0.1:{where}" if isinstance(where, int) else where
            command += ["--backend", f"{domain}={where}"]
        self.settings["status.listen"] = f"127.0.0.1:{self.status_port}"
        self.settings["runtime.directory"] = os.path.join(self.folder, "run")
        for key, value in self.settings.items():
            value = str(value).lower() if isinstance(value, bool) else value
            command += ["--set", f"{key}={value}"]
        self.command = command + self.options
        self.launch()

    def launch(self):
        """A process of that command: again, with the same ports and folder, once one has ended."""
        environment = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
                       "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "exitcode=66",
                       **os.environ}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder, env=environment)

    def wait_port(self, seconds=20):
        """Both ports take connections."""
        deadline = time.monotonic() + patience(seconds)
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                for port in (self.port, self.status_port):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def log(self, since=0):
        with open(self.log_path, "rb") as f:
            f.seek(since)
            return f.read().decode("utf-8", "replace")

    def log_size(self):
        return os.path.getsize(self.log_path)

    def lines(self, event=None, since=0):
        """The log's lines as dicts of their key=value pairs, those of one event only."""
        found = []
        for line in self.log(since).splitlines():
            pairs = {k: v[1:-1] if v.startswith('"') else v for k, v in PAIR.findall(line)}
            if pairs and (event is None or pairs.get("event") == event):
                found.append(pairs)
        return found

    def wait_lines(self, event, n=1, since=0, test=lambda pairs: True, seconds=6):
        """The lines of that event (None: of any) for which test(pairs) holds, once there are n."""
        deadline = time.monotonic() + patience(seconds)
        while True:
            found = [p for p in self.lines(event, since) if test(p)]
            if len(found) >= n:
                return found
            assert time.monotonic() < deadline, \
                f"{len(found)} of {n} {event} lines in the log:\n{self.log(since)}"
            time.sleep(0.02)

    def wait_end(self, reason, since=0, n=1):
        """n sessions ended for that reason."""
        return self.wait_lines("session-end", n, since, lambda p: p.get("reason") == reason)

    def cpu(self):
        """Seconds of CPU used so far, user and system, all threads."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Proportional set size in bytes."""
        with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
            return 1024 * int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def sanitized(self):
        """Whether memory and speed say nothing: a sanitizer or a launcher is in it."""
        with open(f"/proc/{self.process.pid}/maps") as f:
            return bool(LAUNCHER) or bool(re.search(r"lib(a|t|ub)san", f.read()))

    def status(self, path="/api/status"):
        """The status JSON."""
        from lib import bosh
        http = bosh.Http(self.status_port)
        try:
            answer = http.request("GET", path, headers={"Authorization": f"Bearer {self.token()}"})
        finally:
            http.close()
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def token(self):
        """Of the status API."""
        with open(os.path.join(self.folder, "run", "status.token")) as f:
            return f.read().strip()

    def alive(self):
        return self.process.poll() is None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds=15):
        """SIGTERM, the exit status, and what the log says of memory, races and secrets."""
        if self.stopped is not None:
            return
        self.stopped = True
        early = self.process.poll()
        if early is None:
            self.terminate()
        try:
            status = self.process.wait(patience(seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("Fairlead does not end on SIGTERM:\n"
                                 f"{self.log()[-4000:]}") from None
        log = self.log()
        assert not REPORTS.search(log), log[-20000:]
        assert status == 0, f"Fairlead ended with {status} {'by itself' if early else ''}\n" \
                            f"{log[-8000:]}"
        leaked = [s for s in secrets if s in log]
        assert not leaked, f"secrets in the log: {leaked}"

    def clean(self):
        """After stop(): nothing is left of it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self in running:
            running.remove(self)

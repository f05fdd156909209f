"""A Fairlead that is started as a test says, from a file and with an environment of its own, where
lib.fairlead's keeper, which waits for two ports, does not fit."""

import json
import os
import shutil
import subprocess
import tempfile
import time

from lib import patience
from lib.fairlead import LAUNCHER, PROGRAM, REPORTS, WORKERS, Fairlead, free_port

__all__ = ["Daemon", "free_port"]


class Daemon:
    """config: the file, as a dict; `listen`, `domains` and few workers are added where missing.
    before: what starts the program, instead of LAUNCHER. The folder is the test's to use."""

    def __init__(self, config=None, env=None, before=(), options=(), folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="fairlead-it-")
        os.chmod(self.folder, 0o755)
        self.log_path = os.path.join(self.folder, "log")
        config = {"domains": [{"name": "example.org", "backends": ["127.0.0.1:9"]}],
                  "workers": WORKERS, "status.listen": "",
                  "runtime.directory": os.path.join(self.folder, "run"),
                  "shutdown.deadline": 1,
                  **(config or {})}
        path = os.path.join(self.folder, "fairlead.json")
        with open(path, "w") as f:
            json.dump(config, f)
        environment = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
                       "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "exitcode=66",
                       **os.environ, **(env or {})}
        for name in [n for n, value in environment.items() if value is None]:
            del environment[name]
        self.command = [*(before or LAUNCHER), PROGRAM, "-c", path, *options]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.folder, env=environment,
                                            close_fds=not before)

    log, lines, wait_lines = Fairlead.log, Fairlead.lines, Fairlead.wait_lines
    log_size, alive, terminate = Fairlead.log_size, Fairlead.alive, Fairlead.terminate
    memory, sanitized, token = Fairlead.memory, Fairlead.sanitized, Fairlead.token

    def ready(self):
        """Waits until it serves."""
        deadline = time.monotonic() + patience(20)
        while not self.lines("ready"):
            assert self.alive() and time.monotonic() < deadline, self.log()
            time.sleep(0.02)
        return self

    def refuses(self):
        """It does not start; returns the log."""
        assert self.process.wait(patience(20)) == 1, self.log()
        assert not REPORTS.search(self.log()), self.log()
        return self.log()

    def stop(self):
        """It ends in order; returns the log."""
        if self.alive():
            self.terminate()
        try:
            status = self.process.wait(patience(15))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no end on SIGTERM:\n{self.log()[-4000:]}") from None
        log = self.log()
        assert status == 0 and not REPORTS.search(log), f"{status}\n{log[-20000:]}"
        return log

    def clean(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

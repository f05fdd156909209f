"""The Debian package: built, judged by lintian, installed into a fresh Debian 12 that systemd runs,
upgraded and purged. Needs root, and a mirror of Debian; takes minutes, so only ./check --full does
it. The tests go by their order: each leaves the machine as the next one wants it."""

import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONF = "etc/fairlead/fairlead.json"
DROP_IN = "etc/systemd/system/fairlead.service.d/test.conf"
GET = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).status)
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot and systemd-nspawn need root")


def run(*command, timeout=1800, check=True, **more):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive",
           "DEB_BUILD_OPTIONS": "nocheck parallel=2", "HOME": "/root",
           **{k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env,
                          stdin=subprocess.DEVNULL, **more)
    assert not check or done.returncode == 0, \
        f"{command}: {done.returncode}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done


def wait(what, seconds, test):
    deadline = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def sources():
    """The files of the tree, without what was built."""
    if os.path.exists(os.path.join(TOP, ".git")):
        done = run("git", "-c", f"safe.directory={TOP}", "-C", TOP, "ls-files", "-co",
                   "--exclude-standard")
        return [name for name in done.stdout.splitlines() if os.path.exists(os.path.join(TOP, name))]
    found = []
    for where, folders, names in os.walk(TOP):
        folders[:] = [f for f in folders if not re.match(r"build|node_modules|autom4te|\.", f)]
        found += [os.path.relpath(os.path.join(where, n), TOP) for n in names]
    return found


@pytest.fixture(scope="module")
def work():
    folder = tempfile.mkdtemp(prefix="fairlead-package-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def package(work):
    """What dpkg-buildpackage makes: (the .deb, the .changes)."""
    tree = os.path.join(work, "tree")
    for name in sources():
        os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
        shutil.copy2(os.path.join(TOP, name), os.path.join(tree, name))
    run("dpkg-buildpackage", "-us", "-uc", "-b", cwd=tree)
    made = os.listdir(work)
    deb, = [n for n in made if re.match(r"fairlead_.*\.deb$", n)]
    changes, = [n for n in made if n.endswith(".changes")]
    return os.path.join(work, deb), os.path.join(work, changes)


@pytest.fixture(scope="module")
def newer(work, package):
    """The same with a higher version, and another configuration as its default."""
    folder = os.path.join(work, "newer")
    run("dpkg-deb", "-R", package[0], folder)
    for name, old, new in (("DEBIAN/control", "Version: ", "Version: 1:"),
                           (CONF, "// A short", "// The new, short")):
        with open(os.path.join(folder, name)) as f:
            text = f.read()
        assert old in text
        with open(os.path.join(folder, name), "w") as f:
            f.write(text.replace(old, new))
    path = os.path.join(work, "newer.deb")
    run("dpkg-deb", "--root-owner-group", "-b", folder, path)
    return path


class Machine:
    """A Debian 12 of its own, booted by systemd-nspawn, without a network."""

    def __init__(self, work):
        self.root = os.path.join(work, "root")
        self.console = os.path.join(work, "console")
        site = run("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)",
                   "Codename: bookworm").stdout.split()
        run("debootstrap", "--variant=minbase", "bookworm", self.root,
            *([site[0]] if site else []))
        self.process = self.leader = None

    def path(self, name):
        return os.path.join(self.root, name)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as f:
            f.write(text)

    def boot(self):
        with open(self.console, "wb") as out:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", self.root, "--boot", "--register=no", "--keep-unit",
                 "--private-network", "--console=pipe"], stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})

        def runs():
            """Its first process is the one child that stays: others come and go before."""
            assert self.process.poll() is None, open(self.console).read()
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                self.leader = (f.read().split() or ["0"])[-1]
            return self.run("systemctl", "is-system-running", check=False).stdout.strip() in (
                "running", "degraded")

        wait("the machine runs", 180, runs)

    def run(self, *command, **more):
        return run("nsenter", "-t", self.leader, "-a", *command, **more)

    def show(self, *names):
        done = self.run("systemctl", "show", "fairlead.service", *[f"-p{n}" for n in names])
        pairs = dict(line.split("=", 1) for line in done.stdout.splitlines())
        return [pairs[n] for n in names]

    def get(self, url="http://127.0.0.1:5280/http-bind"):
        """The status that it answers with, asked over the machine's own loopback."""
        done = run("nsenter", "-t", self.leader, "-n", "/usr/bin/python3", "-c", GET, url,
                   check=False)
        return done.stdout.strip()

    def log(self):
        return self.run("journalctl", "-u", "fairlead", "--no-pager").stdout

    def close(self):
        if self.process and self.process.poll() is None:
            self.run("systemctl", "poweroff", check=False)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture(scope="module")
def machine(work, package):
    m = Machine(work)
    shutil.copy(package[0], m.path("root/fairlead.deb"))
    yield m
    m.close()


def test_lintian_has_nothing_to_say(package):
    done = run("lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", package[1])
    assert not done.stdout.strip(), done.stdout


def test_it_installs_into_a_fresh_debian(machine):
    run("chroot", machine.root, "apt-get", "-q", "update")
    run("chroot", machine.root, "apt-get", "-q", "install", "-y", "--no-install-recommends",
        "/root/fairlead.deb")
    assert re.search(r"^fairlead:.*:/usr/sbin/nologin$", machine.read("etc/passwd"), re.M)
    done = run("chroot", machine.root, "fairlead", "-t", "-c", f"/{CONF}")
    assert done.stdout == "the configuration is good\n"
    assert os.path.exists(machine.path("usr/share/bash-completion/completions/fairlead"))
    with open(os.path.join(TOP, "conf/fairlead.json")) as f:
        assert machine.read(CONF) == f.read()


def test_systemd_runs_it_hardened(machine):
    machine.boot()
    assert machine.show("ActiveState", "Type", "NRestarts") == ["active", "notify", "0"]
    assert machine.get() == "200"
    wait("a status", 20, lambda: "sessions" in machine.show("StatusText")[0])
    pid, = machine.show("MainPID")
    status = machine.run("cat", f"/proc/{pid}/status").stdout
    assert "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
    assert machine.run("stat", "-c", "%U", f"/proc/{pid}").stdout == "fairlead\n"
    log = machine.log()
    assert "event=ready" in log and "level=error" not in log and "level=warn" not in log, log


def test_systemd_has_nothing_against_the_units(machine):
    done = machine.run("systemd-analyze", "verify", "--man=no", "fairlead.service",
                       "fairlead.socket")
    assert not done.stdout and not done.stderr
    done = machine.run("systemd-analyze", "security", "--no-pager", "fairlead.service")
    level = re.search(r"exposure level for fairlead.service: ([0-9.]+)", done.stdout)
    print(level[0])
    assert float(level[1]) < 1.5, done.stdout


def test_reload_keeps_it_and_a_kill_brings_it_back(machine):
    pid, = machine.show("MainPID")
    machine.run("systemctl", "reload", "fairlead")
    assert machine.show("MainPID", "ActiveState") == [pid, "active"]
    machine.run("sh", "-c", f"kill -KILL {pid}")
    wait("a new one", 30, lambda: machine.show("NRestarts", "ActiveState") == ["1", "active"])
    assert machine.get() == "200"


def test_the_watchdog_replaces_one_that_hangs(machine):
    machine.write(DROP_IN, "[Service]\nWatchdogSec=2\nTimeoutAbortSec=2\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "fairlead")
    pid, = machine.show("MainPID")
    time.sleep(5)
    assert machine.show("MainPID", "NRestarts") == [pid, "0"]
    machine.run("sh", "-c", f"kill -STOP {pid}")
    wait("a new one", 60, lambda: machine.show("NRestarts", "ActiveState") == ["1", "active"])
    assert machine.show("MainPID") != [pid] and machine.get() == "200"
    assert "atchdog timeout" in machine.log()
    os.unlink(machine.path(DROP_IN))
    machine.run("systemctl", "daemon-reload")


def test_sockets_of_systemd_outlive_a_restart(machine):
    original = machine.read(CONF)
    machine.write(CONF, original.replace('"127.0.0.1:5280"', '"systemd:web"'))
    machine.run("systemctl", "stop", "fairlead")
    machine.run("systemctl", "enable", "--now", "fairlead.socket")
    assert machine.show("ActiveState") == ["inactive"]
    assert machine.get() == "200"  # which started it
    assert machine.show("ActiveState") == ["active"]
    machine.run("systemctl", "restart", "--no-block", "fairlead")
    assert machine.get() == "200"
    machine.run("dpkg", "-i", "/root/fairlead.deb")  # and an upgrade
    assert machine.run("systemctl", "is-active", "fairlead.socket").stdout == "active\n"
    assert machine.get() == "200"
    assert machine.show("ActiveState") == ["active"]
    machine.run("systemctl", "disable", "--now", "fairlead.socket")
    machine.write(CONF, original)
    machine.run("systemctl", "restart", "fairlead")
    assert machine.get() == "200"


def test_an_upgrade_keeps_the_edited_configuration(machine, newer):
    edited = machine.read(CONF).replace("example.org", "chat.example.net")
    machine.write(CONF, edited)
    shutil.copy(newer, machine.path("root/newer.deb"))
    pid, = machine.show("MainPID")
    machine.run("dpkg", "--force-confdef", "--force-confold", "-i", "/root/newer.deb")
    assert machine.read(CONF) == edited
    assert "The new, short" in machine.read(f"{CONF}.dpkg-dist")
    wait("the new one runs", 30, lambda: machine.show("ActiveState") == ["active"])
    assert machine.show("MainPID") != [pid] and machine.get() == "200"
    assert "1:" in machine.run("dpkg-query", "-W", "fairlead").stdout


def test_it_goes_without_a_trace_but_its_user(machine):
    """With its socket open, which would start it again."""
    machine.write(CONF, machine.read(CONF).replace('"127.0.0.1:5280"', '"systemd:web"'))
    machine.run("systemctl", "stop", "fairlead")
    machine.run("systemctl", "start", "fairlead.socket")
    assert machine.get() == "200"
    machine.run("dpkg", "-r", "fairlead")
    assert machine.get() == ""
    assert os.path.exists(machine.path(CONF))
    assert not os.path.exists(machine.path("usr/sbin/fairlead"))
    done = machine.run("dpkg", "-P", "fairlead")
    assert "warning" not in done.stderr, done.stderr
    done = machine.run("sh", "-c", "find / -xdev -path /proc -prune -o -path /sys -prune -o "
                       "-path /var/log -prune -o -path /root -prune -o -iname '*fairlead*' -print")
    assert not done.stdout, done.stdout

"""What a service manager sees: READY, STATUS, WATCHDOG, RELOADING, STOPPING by datagrams; and root
that is given up."""

import os
import pwd
import shutil
import signal
import socket
import stat
import tempfile
import time

import pytest

from lib import patience
from lib.bosh import Bosh, Http
from lib.daemon import Daemon, free_port
from lib.freeze import frozen
from lib.xmppserver import Server

NOBODY = pwd.getpwnam("nobody")


def is_root():
    """Whether this is root over all users: in a namespace of an ordinary user there is but one."""
    with open("/proc/self/uid_map") as f:
        return os.geteuid() == 0 and any(int(line.split()[2]) > 60000 for line in f)


as_root = pytest.mark.skipif(not is_root(), reason="only root can give root up")


@pytest.fixture
def begin():
    made = []

    def start(config=None, **more):
        port = free_port()
        made.append(Daemon({"listen": [{"name": "it", "address": f"127.0.0.1:{port}"}],
                            **(config or {})}, **more))
        made[-1].port = port
        return made[-1]

    yield start
    for d in made:
        d.clean()


class Manager:
    """A socket as a service manager has it, and the datagrams that came."""

    def __init__(self, path):
        self.name = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + path[1:] if path.startswith("@") else path)
        self.seen = []  # (when, {name: value})

    def env(self, **more):
        return {"NOTIFY_SOCKET": self.name, **more}

    def read(self, seconds):
        """The next datagram, None where none comes within that time."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            data = self.sock.recv(4096).decode()
        except TimeoutError:
            return None
        pairs = dict(line.split("=", 1) for line in data.split("\n"))
        self.seen.append((time.monotonic(), pairs))
        return pairs

    def until(self, name, seconds=20):
        """The datagram that has this variable, passing over others."""
        deadline = time.monotonic() + patience(seconds)
        while True:
            pairs = self.read(deadline - time.monotonic())
            assert pairs is not None, f"no {name}; {self.seen}"
            if name in pairs:
                return pairs

    def during(self, seconds):
        """Every datagram that comes within that time."""
        deadline, found = time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            pairs = self.read(deadline - time.monotonic())
            if pairs:
                found.append(pairs)
        return found


@pytest.fixture(params=["path", "abstract"])
def any_manager(request, tmp_path):
    m = Manager(str(tmp_path / "n") if request.param == "path" else f"@fairlead-{os.getpid()}")
    yield m
    m.sock.close()


@pytest.fixture
def manager():
    m = Manager(f"@fairlead-{os.getpid()}-{time.monotonic_ns()}")
    yield m
    m.sock.close()


def test_it_is_ready_once_it_serves_and_says_that_it_stops(begin, any_manager):
    m = any_manager
    d = begin(env=m.env())
    assert m.until("READY") == {"READY": "1"}
    assert m.until("STATUS")["STATUS"] == "0 sessions, 0 connections"
    assert Http(d.port).request("GET", "/http-bind").status == 200
    d.terminate()
    assert m.until("STOPPING") == {"STOPPING": "1"}
    assert int(m.until("EXTEND_TIMEOUT_USEC")["EXTEND_TIMEOUT_USEC"]) >= 5000000
    d.stop()


def test_one_that_does_not_start_is_never_ready(begin, manager):
    d = begin({"status.listen": "systemd:missing"}, env=manager.env())
    d.refuses()
    assert manager.during(0.2) == []


def test_a_socket_that_makes_no_sense_is_told(begin):
    assert "NOTIFY_SOCKET" in begin(env={"NOTIFY_SOCKET": "nonsense"}).refuses()


def test_a_watchdog_that_is_for_another_process_gets_no_signs(begin, manager):
    d = begin(env=manager.env(WATCHDOG_USEC="1000000", WATCHDOG_PID="1"))
    manager.until("READY")
    assert not any("WATCHDOG" in p for p in manager.during(1.2))
    d.stop()


def test_signs_of_life_come_at_half_the_time(begin, manager):
    d = begin({"workers": 4}, env=manager.env(WATCHDOG_USEC="1000000"))
    manager.until("READY")
    for _ in range(5):
        manager.until("WATCHDOG", 2)
    times = [when for when, p in manager.seen if "WATCHDOG" in p]
    assert 1.5 < times[-1] - times[0] < patience(4), times
    d.stop()


def test_a_worker_that_hangs_is_no_sign_of_life(begin, manager):
    d = begin({"workers": 3}, env=manager.env(WATCHDOG_USEC="3000000"))
    manager.until("WATCHDOG")
    with frozen(d.process.pid, "worker-1"):
        late = d.wait_lines("watchdog", seconds=10, test=lambda p: p["worker"] == "1")
        assert late[0]["level"] == "warn"
        while manager.read(0):  # what came before
            pass
        assert not any("WATCHDOG" in p for p in manager.during(4))
    manager.until("WATCHDOG")
    d.stop()
    assert len([p for p in d.lines("watchdog") if p["worker"] == "1"]) == 1


def test_the_status_tells_of_sessions(begin, manager):
    server = Server()
    d = begin({"domains": [{"name": "example.org", "backends": [f"127.0.0.1:{server.port}"]}]},
              env=manager.env())
    manager.until("READY")
    assert manager.until("STATUS")["STATUS"] == "0 sessions, 0 connections"
    s = Bosh(d.port).login()
    while not manager.until("STATUS")["STATUS"].startswith("1 sessions, "):
        pass
    d.terminate()
    assert manager.until("EXTEND_TIMEOUT_USEC")["STATUS"].startswith("ending: ")
    s.close()
    d.stop()
    server.close()


def test_the_end_may_take_its_time(begin, manager):
    """A server that never closes its stream, and a long shutdown.deadline."""
    def stubborn(stream):
        stream.login()
        while True:
            stream.read(600)

    server = Server(script=stubborn)
    d = begin({"domains": [{"name": "example.org", "backends": [f"127.0.0.1:{server.port}"]}],
               "shutdown.deadline": 3}, env=manager.env(WATCHDOG_USEC="1000000"))
    manager.until("READY")
    s = Bosh(d.port).login()
    d.terminate()
    manager.until("STOPPING")
    told = manager.during(2)
    assert sum("EXTEND_TIMEOUT_USEC" in p for p in told) >= 2, told
    assert sum("WATCHDOG" in p for p in told) >= 2, told
    d.stop()
    s.close()
    server.close()


def test_no_patience_is_asked_for_one_that_hangs(begin, manager):
    d = begin({"workers": 2, "shutdown.deadline": 0}, env=manager.env())
    manager.until("READY")
    with frozen(d.process.pid, "worker-1"):
        d.terminate()
        manager.until("EXTEND_TIMEOUT_USEC")
        manager.during(11)
        assert not any("EXTEND_TIMEOUT_USEC" in p for p in manager.during(2.5))
        assert d.alive()
    d.stop()


def monotonic_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_a_reload_is_told(begin, manager):
    d = begin(env=manager.env())
    manager.until("STATUS")
    for _ in range(8):  # systemd waits on for one whose stamp is older than its signal
        began = monotonic_us()
        d.process.send_signal(signal.SIGHUP)
        told = int(manager.until("RELOADING")["MONOTONIC_USEC"])
        assert began <= told <= monotonic_us(), (began, told)
        assert manager.until("READY")["STATUS"].endswith("connections")
    assert Http(d.port).request("GET", "/http-bind").status == 200
    d.stop()


def test_without_a_manager_it_sleeps(begin):
    d = begin({"workers": 1}, env={"NOTIFY_SOCKET": None}).ready()

    def woken():
        with open(f"/proc/{d.process.pid}/task/{d.process.pid}/status") as f:
            return [line for line in f if line.startswith("voluntary")]

    time.sleep(0.3)
    before = woken()
    time.sleep(1.5)
    assert woken() == before
    d.stop()


def open_files(d):
    """The soft limit and the hard one."""
    with open(f"/proc/{d.process.pid}/limits") as f:
        line, = [line for line in f if line.startswith("Max open files")]
    return [int(n) for n in line.split()[3:5]]


@pytest.mark.parametrize("soft, hard", [(256, 2000), (256, 15000), (15000, 15000)])
def test_as_many_files_may_be_open_as_the_limits_need(begin, soft, hard):
    """A limit of a thousand million, as many containers have it, is more than libwebsockets takes."""
    d = begin({"limits": {"sessions": 500, "connections": 1500}},
              before=("prlimit", f"--nofile={soft}:{hard}")).ready()
    now, most = open_files(d)
    assert most == hard
    assert now == hard if hard == 2000 else 2500 < now < 10000, now
    d.stop()


def status_of(d):
    with open(f"/proc/{d.process.pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


@as_root
def test_root_is_given_up_once_all_is_bound(begin, tmp_path):
    os.chmod(tmp_path, 0o700)  # for root alone
    path = tmp_path / "s"
    d = begin({"process.user": "nobody", "www.directory": str(tmp_path),
               "listen": [{"name": "it", "address": f"unix:{path}"}]}, before=drop_launcher())
    d.ready()
    seen = status_of(d)
    assert seen["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert seen["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    groups = sorted(os.getgrouplist("nobody", NOBODY.pw_gid))
    assert sorted(map(int, seen["Groups"].split())) == groups
    assert int(seen["CapEff"], 16) == int(seen["CapPrm"], 16) == 0
    st = os.stat(path)
    assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == \
        (NOBODY.pw_uid, NOBODY.pw_gid, 0o660)
    assert Http(str(path)).request("GET", "/http-bind").status == 200
    assert d.lines("user")[0]["uid"] == str(NOBODY.pw_uid)
    assert not [p for p in d.lines("start") if p["level"] == "warn"]
    d.stop()


def drop_launcher():
    """A launcher such as valgrind writes files of its own, which the other user cannot."""
    return ("env",)


@as_root
def test_a_key_is_read_before_root_is_given_up(begin, authority):
    cert = authority.make("root", "localhost")
    os.chmod(cert.key, 0o600)
    port = free_port()
    d = begin({"process.user": "nobody",
               "listen": [{"name": "it", "address": f"127.0.0.1:{port}", "tls": "on"}],
               "certificates": [{"name": "one", "certificate": cert.certificate,
                                 "key": cert.key}]},
              before=drop_launcher()).ready()

    def asks():
        with socket.create_connection(("127.0.0.1", port)) as s:
            with authority.client_context().wrap_socket(s, server_hostname="localhost") as tls:
                tls.sendall(b"GET /http-bind HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return tls.recv(15)

    assert asks() == b"HTTP/1.1 200 OK"
    d.process.send_signal(signal.SIGHUP)  # that user cannot: it is said, and nothing is lost
    failed, = d.wait_lines("reload", test=lambda p: p["level"] == "error")
    assert "ermission denied" in failed["problem"]
    assert asks() == b"HTTP/1.1 200 OK"
    d.stop()


@as_root
def test_a_group_of_its_own(begin):
    d = begin({"process": {"user": "nobody", "group": "daemon"}}, before=drop_launcher()).ready()
    seen = status_of(d)
    assert seen["Gid"].split()[0] == "1" and "1" in seen["Groups"].split()
    d.stop()


@as_root
def test_root_without_a_user_is_warned(begin):
    d = begin().ready()
    warned, = [p for p in d.lines("start") if p["level"] == "warn" and "root" in p["problem"]]
    assert "process.user" in warned["text"]
    d.stop()


@pytest.fixture
def folder_of():
    """Makes a runtime directory of a user's own."""
    made = []

    def make(user):
        made.append(tempfile.mkdtemp(prefix="fairlead-it-"))
        os.chown(made[-1], pwd.getpwnam(user).pw_uid, -1)
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path)


@as_root
def test_another_user_cannot_become_one(begin, folder_of):
    d = begin({"process.user": "nobody", "runtime.directory": folder_of("daemon")},
              before=("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups"))
    assert "only root can become another user" in d.refuses()


@as_root
def test_the_user_itself_need_not_become_one(begin, folder_of):
    d = begin({"process.user": "nobody", "runtime.directory": folder_of("nobody")},
              before=("setpriv", "--reuid=nobody", f"--regid={NOBODY.pw_gid}", "--clear-groups"))
    d.ready()
    d.stop()


@as_root
@pytest.mark.parametrize("missing", ["setuid", "setgid"])
def test_root_that_may_not_give_up_does_not_start(begin, missing):
    """As in a container without these capabilities."""
    d = begin({"process.user": "nobody"},
              before=("setpriv", f"--bounding-set=-{missing}", f"--inh-caps=-{missing}"))
    log = d.refuses()
    assert "process.user" in log and "not permitted" in log

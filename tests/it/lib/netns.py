"""A network of the test's own: a namespace in which it, its scripted servers and its Fairlead live.

The calling thread moves into a new network and mount namespace; threads and processes that it
starts from there on live in it too, and close() moves it back. So a module's fixture is all that
a topic file needs. Inside there is nothing but the loopback interface:

    add(), remove()   addresses of machines that are there, any that one likes
    other addresses   of ROUTES swallow what is sent to them, as a machine does that is switched off
    hosts()           /etc/hosts
    dns()             a dnsmasq that knows these records alone, named in /etc/resolv.conf
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
import time

from lib import patience

NEWNS, NEWNET, FS = 0x20000, 0x40000000, 0x200
RECURSIVE, PRIVATE, BIND = 0x4000, 0x40000, 0x1000
# Documentation's, which no rule takes for public ones; some that are; and private ones.
ROUTES = ["192.0.2.0/24", "11.18.0.0/16", "10.0.0.0/8", "2001:db8::/32", "2a0f:18::/32"]
NAMESERVER = "127.0.0.53"

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def fills(filler, where):
    """Whether it could connect."""
    filler.settimeout(1)
    try:
        filler.connect(where)
    except OSError:
        return False
    return True


class Net:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fairlead-net-")
        self.dnsmasq, self.records = None, []
        self.queries = os.path.join(self.folder, "queries")
        self.resolv_conf = os.path.join(self.folder, "resolv.conf")
        self.hosts_file = os.path.join(self.folder, "hosts")
        self.where = os.getcwd()
        self.home = [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
                     for kind in ("mnt", "net")]
        try:
            call(libc.unshare, NEWNS | NEWNET)
        except OSError as e:
            raise AssertionError("these tests need a network namespace, which root may make, and "
                                 f"others by `unshare -r` where the system lets them: {e}") from e
        try:
            self.furnish()
        except BaseException:
            self.close()
            raise

    def furnish(self):
        call(libc.mount, b"none", b"/", None, RECURSIVE | PRIVATE, None)
        ip("link", "set", "lo", "up")
        for net in ROUTES:
            ip("route", "add", net, "dev", "lo")
        self.nameserver(NAMESERVER)
        call(libc.mount, self.resolv_conf.encode(), b"/etc/resolv.conf", None, BIND, None)
        self.hosts()
        call(libc.mount, self.hosts_file.encode(), b"/etc/hosts", None, BIND, None)

    def close(self):
        """Back to where the thread came from."""
        self.stop_dns()
        call(libc.unshare, FS)  # threads that were started inside share it, which setns() refuses
        call(libc.setns, self.home[0], NEWNS)
        call(libc.setns, self.home[1], NEWNET)
        os.chdir(self.where)
        for fd in self.home:
            os.close(fd)
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- machines ----------------------------------------------------------------------------

    def add(self, *addresses):
        for a in addresses:
            if ":" in a:
                ip("addr", "replace", f"{a}/128", "dev", "lo", "nodad")
            else:
                ip("addr", "replace", f"{a}/32", "dev", "lo")

    def remove(self, address):
        """Switch that machine off: its connections stay, and nobody answers on them."""
        ip("addr", "del", f"{address}/{128 if ':' in address else 32}", "dev", "lo")

    def listener(self, address, port=0):
        """A listening socket on a machine that is there, or is added."""
        if not address.startswith("127."):
            self.add(address)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=1024)

    @staticmethod
    def local(path):
        """A listening Unix socket."""
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen()
        return s

    @contextlib.contextmanager
    def silent(self, address, port=0):
        """A port that answers no SYN: a listening socket whose queue is full. The port."""
        with self.listener(address, port) as s, contextlib.ExitStack() as stack:
            s.listen(0)
            where, deadline = s.getsockname()[:2], time.monotonic() + patience(10)
            # One fills it; where that is refused at once (a fresh address), nothing is filled yet.
            while not fills(stack.enter_context(socket.socket(s.family)), where):
                assert time.monotonic() < deadline, "nothing fills the queue"
                time.sleep(0.05)
            yield s.getsockname()[1]

    @contextlib.contextmanager
    def ports(self, first, last):
        """Only these local ports, for a time."""
        path = "/proc/sys/net/ipv4/ip_local_port_range"
        with open(path) as f:
            before = f.read()
        try:
            with open(path, "w") as f:
                f.write(f"{first} {last}")
            yield
        finally:
            with open(path, "w") as f:
                f.write(before)

    # -- names -------------------------------------------------------------------------------

    def nameserver(self, address):
        with open(self.resolv_conf, "w") as f:
            f.write(f"nameserver {address}\noptions timeout:1 attempts:2\n")

    def hosts(self, *lines):
        """/etc/hosts, beside localhost."""
        with open(self.hosts_file, "w") as f:
            f.writelines(f"{line}\n" for line in ("127.0.0.1 localhost", "::1 localhost", *lines))

    def dns(self, *records, ttl=300, address=NAMESERVER):
        """Start dnsmasq anew with these records alone, each an option of its without the dashes:
        host-record=name,address..., cname=alias,name, srv-host=service,target,port,prio,weight.
        What it does not know, does not exist."""
        self.stop_dns()
        with open(self.queries, "ab") as log:
            self.dnsmasq = subprocess.Popen(
                ["dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--user=root", "--group=root",
                 "--pid-file=", "--no-resolv", "--no-hosts", "--bind-interfaces", "--local=/#/",
                 f"--listen-address={address}", "--log-queries", "--log-facility=-",
                 f"--local-ttl={ttl}", *(f"--{r}" for r in records)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + patience(10)
        while not answers(address):
            assert self.dnsmasq.poll() is None and time.monotonic() < deadline, self.dns_log()
            time.sleep(0.02)

    def stop_dns(self):
        if self.dnsmasq:
            self.dnsmasq.terminate()
            self.dnsmasq.wait()
            self.dnsmasq = None

    def dns_log(self):
        with open(self.queries, errors="replace") as f:
            return f.read()

    def asked(self, kind, name):
        """How often dnsmasq was asked for that record, so far."""
        return self.dns_log().count(f"query[{kind}] {name} ")


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"


def answers(address):
    """Whether a DNS server answers there: it is asked for the root's name servers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        try:
            s.connect((address, 53))
            s.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1")
            return bool(s.recv(512))
        except OSError:
            return False

"""Where connections are awaited: Unix sockets, IPv6 and IPv4, and what systemd opened."""

import grp
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import time

import pytest

from lib import patience
from lib.bosh import Bosh, Http, message, request
from lib.daemon import Daemon, free_port
from lib.fairlead import PROGRAM
from lib.ws import WebSocket
from lib.xmppserver import Server

XFF = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture
def begin():
    """Starts daemons for one test."""
    made = []

    def start(config=None, **more):
        made.append(Daemon(config, **more))
        return made[-1]

    yield start
    for d in made:
        d.clean()


@pytest.fixture
def server():
    s = Server()
    yield s
    s.close()


@pytest.fixture
def folder(tmp_path):
    """Short enough for a socket."""
    path = f"/tmp/fl-{os.getpid()}-{abs(hash(tmp_path)) % 100000}"
    os.mkdir(path)
    yield path
    shutil.rmtree(path)


def listen(*addresses, **more):
    return {"listen": [{"name": f"l{i}", "address": a, **more} for i, a in enumerate(addresses)]}


def domains(server):
    return {"domains": [{"name": "example.org", "backends": [f"127.0.0.1:{server.port}"]}]}


def answers(where, headers=()):
    """Fairlead is there."""
    http = Http(where)
    try:
        return http.request("GET", "/http-bind", None, headers).status == 200
    finally:
        http.close()


def test_sessions_of_both_kinds_over_a_unix_socket(begin, server, folder):
    path = f"{folder}/web.sock"
    d = begin({**listen(f"unix:{path}", mode="0666"), **domains(server)}).ready()
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o666
    s = Bosh(path, headers=XFF).login()
    s.round_trip("by bosh")
    s.terminate()
    ws = WebSocket(path, headers=XFF).login()
    ws.send(message("by websocket"))
    assert ws.take("message").text() == "by websocket"
    ws.close()
    s.close()
    ended = d.wait_lines("session-end", 2)
    assert [p["peer"] for p in ended] == ["192.0.2.7"] * 2
    d.stop()
    assert not os.path.lexists(path)


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error; user {user} {group};
events {{ }}
http {{
	access_log off;
	client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
	map $http_upgrade $fairlead_connection {{ '' ''; default upgrade; }}
	upstream fairlead {{ server unix:{folder}/web.sock; keepalive 4; }}
	server {{
		listen 127.0.0.1:{port};
		location / {{
			proxy_pass http://fairlead;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $fairlead_connection;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header Host $host;
		}}
	}}
}}
"""


def test_nginx_comes_by_a_unix_socket(begin, server, folder):
    d = begin({**listen(f"unix:{folder}/web.sock"), **domains(server)}).ready()
    port = free_port()
    user = pwd.getpwuid(os.getuid())
    with open(f"{folder}/conf", "w") as f:
        f.write(NGINX.format(folder=folder, port=port, user=user.pw_name,
                             group=grp.getgrgid(user.pw_gid).gr_name))
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-e", f"{folder}/error", "-c", f"{folder}/conf"],
                             stdin=subprocess.DEVNULL)
    try:
        wake(port)
        s, ws = Bosh(port).login(), WebSocket(port).login()
        s.round_trip("by bosh, nginx and a file")
        ws.send(message("by websocket"))
        assert ws.take("message").text() == "by websocket"
        s.terminate()
        ws.close()
        s.close()
        ended = d.wait_lines("session-end", 2)
        assert [p["peer"] for p in ended] == ["127.0.0.1"] * 2
    finally:
        nginx.terminate()
        nginx.wait()
    d.stop()


HAPROXY = """
global
	{chroot}
	user daemon
	group {group}
defaults
	mode http
	timeout connect 5s
	timeout client 20s
	timeout server 20s
frontend web
	bind 127.0.0.1:{port}
	use_backend fairlead
backend fairlead
	server fairlead unix@{path}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can chroot")
@pytest.mark.parametrize("chroot, path, group, status", [
    ("", "{folder}/web.sock", "nogroup", 200),
    ("chroot {folder}", "/web.sock", "nogroup", 200),
    ("chroot {folder}", "{folder}/web.sock", "nogroup", 503),
    ("chroot {folder}", "/web.sock", "daemon", 503)], ids=["free", "inside", "outside", "stranger"])
def test_haproxy_comes_by_a_unix_socket_as_its_chroot_and_group_let_it(begin, folder, chroot, path,
                                                                       group, status):
    os.chmod(folder, 0o777)
    d = begin({**listen(f"unix:{folder}/web.sock"), "process.user": "nobody"}).ready()
    port = free_port()
    with open(f"{folder}/conf", "w") as f:
        f.write(HAPROXY.format(port=port, group=group, chroot=chroot.format(folder=folder),
                               path=path.format(folder=folder)))
    haproxy = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", f"{folder}/conf"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert first(port).status == status
    finally:
        haproxy.terminate()
        haproxy.wait()
    d.stop()


def test_a_peer_that_tells_nothing_is_called_unix(begin, folder):
    d = begin(listen(f"unix:{folder}/s")).ready()
    assert Http(f"{folder}/s").request("GET", "/nowhere").status == 404
    assert d.wait_lines("request-refused")[0]["peer"] == "unix"
    d.stop()


def test_a_proxy_header_comes_by_a_unix_socket(begin, folder):
    d = begin(listen(f"unix:{folder}/s", proxy_protocol="on")).ready()
    http = Http(f"{folder}/s", before=b"PROXY TCP4 192.0.2.9 192.0.2.1 5 443\r\n")
    assert http.request("GET", "/nowhere").status == 404
    assert d.wait_lines("request-refused")[0]["peer"].startswith("192.0.2.9")
    d.stop()


def test_the_status_page_by_a_unix_socket(begin, folder):
    d = begin({**listen(f"127.0.0.1:{free_port()}"), "status.listen": f"unix:{folder}/status",
               "status.mode": "0600"}).ready()
    assert stat.S_IMODE(os.lstat(f"{folder}/status").st_mode) == 0o600
    assert Http(f"{folder}/status").request("GET", "/").status == 200
    assert Http(f"{folder}/status").request("GET", "/api/status").status == 401
    token = {"Authorization": f"Bearer {d.token()}"}
    assert Http(f"{folder}/status").request("GET", "/api/status", None, token).status == 200
    d.stop()


def test_a_socket_left_over_is_replaced_and_a_live_one_is_not(begin, folder):
    address = f"unix:{folder}/s"
    d = begin(listen(address)).ready()
    second = begin(listen(address))
    assert "another program listens there" in second.refuses()
    assert answers(f"{folder}/s")
    d.process.kill()
    d.process.wait()
    assert os.path.exists(f"{folder}/s")
    d = begin(listen(address)).ready()
    assert answers(f"{folder}/s")
    d.stop()
    assert not os.path.exists(f"{folder}/s")


def test_a_file_that_is_no_socket_is_left_alone(begin, folder):
    with open(f"{folder}/s", "w") as f:
        f.write("precious")
    assert "no socket" in begin(listen(f"unix:{folder}/s")).refuses()
    with open(f"{folder}/s") as f:
        assert f.read() == "precious"


def test_all_addresses_are_ipv6_and_ipv4(begin):
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    port = free_port()
    d = begin(listen(f"[::]:{port}")).ready()
    assert answers(("::1", port)) and answers(("127.0.0.1", port))
    http = Http(("127.0.0.1", port))
    http.request("GET", "/nowhere")
    assert d.wait_lines("request-refused")[0]["peer"].startswith("127.0.0.1:")
    d.stop()
    d = begin(listen(f"[::]:{port}", f"0.0.0.0:{port}")).ready()
    assert answers(("::1", port)) and answers(("127.0.0.1", port))
    d.stop()


def activate(*addresses, names=None):
    """What starts a program with these sockets, at the first connection."""
    tool = shutil.which("systemd-socket-activate")
    if not tool:
        pytest.skip("there is no systemd-socket-activate")
    command = [tool]
    for a in addresses:
        command += ["-l", a]
    if names:
        command.append(f"--fdname={names}")
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        command += ["-E", name]
    return command


def first(where):
    """The answer on the first connection, once there is one."""
    deadline = time.monotonic() + patience(10)
    while True:
        try:
            http = Http(where, timeout=20)
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    try:
        return http.request("GET", "/http-bind")
    finally:
        http.close()


def wake(where):
    assert first(where).status == 200


def test_systemd_hands_over_named_sockets(begin, folder):
    ports = [free_port() for _ in range(2)]
    path, status = f"{folder}/s", f"{folder}/status"
    d = begin({**listen("systemd:web"), "status.listen": "systemd:status"},
              before=activate(f"127.0.0.1:{ports[0]}", path, status, f"127.0.0.1:{ports[1]}",
                              names="web:web:status:web"))
    wake(ports[0])
    d.ready()
    assert answers(ports[1]) and answers(path, XFF)
    http = Http(path)
    assert http.request("GET", "/nowhere", None, XFF).status == 404
    assert d.wait_lines("request-refused")[0]["peer"] == "192.0.2.7"
    assert Http(status).request("GET", "/api/status").status == 401
    with open(f"/proc/{d.process.pid}/environ") as f:
        assert "LISTEN_FDS=4" in f.read()  # the test is about what it says
    d.stop()
    assert os.path.exists(path)  # it is systemd's


def lend(sock):
    """What starts a program with this socket, which stays ours."""
    sock.set_inheritable(True)
    return ["bash", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web "
            f'exec "$@" 3<&{sock.fileno()}', "lend"]


def test_who_comes_to_a_lent_socket_at_the_end_waits_for_the_next_process(begin, server):
    """While the sessions end, and those that poll there get no more than that it is gone."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        config = {**listen("systemd:web"), **domains(server), "shutdown.deadline": 10}
        d = begin(config, before=lend(sock)).ready()
        s = Bosh(port).login()
        s.finish()
        s.drop_pending()
        d.terminate()
        d.wait_lines("stop")
        time.sleep(0.2)
        http = Http(port, timeout=20).send(request("GET", "/ready"))
        assert d.process.wait(patience(15)) == 0
        assert http.ready(0) is False, "it would have been told that nothing is served"
        begin(config, before=lend(sock)).ready()
        assert http.response().status == 200


def test_systemd_hands_over_sockets_without_names(begin):
    ports = [free_port() for _ in range(2)]
    d = begin(listen("systemd:2", "systemd:1"), before=activate(*map(str, ports)))
    wake(ports[0])
    d.ready()
    assert answers(ports[1])
    assert [p["address"] for p in d.lines("listen")] == ["systemd:2", "systemd:1"]
    d.stop()


@pytest.mark.parametrize("config, names, words", [
    (listen("systemd:web"), "web:other", "systemd passed a socket that no listener names"),
    (listen("systemd:web", "systemd:third"), "web:web", "systemd passed no socket of that name"),
])
def test_sockets_and_listeners_that_do_not_fit_are_told(begin, config, names, words):
    ports = [free_port() for _ in range(2)]
    d = begin(config, before=activate(*map(str, ports), names=names))
    deadline = time.monotonic() + patience(10)
    while True:
        try:
            http = Http(ports[0])
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert words in d.refuses()
    http.close()


def test_without_systemd_its_listener_is_told(begin):
    log = begin(listen("systemd:web")).refuses()
    assert "systemd passed no socket of that name" in log and "FileDescriptorName=" in log


def test_sockets_that_are_meant_for_another_process_are_not_taken(begin):
    d = begin(listen(f"127.0.0.1:{free_port()}"), env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    d.ready()
    d.stop()


# By what systemd does, without it: descriptors from 3 on, and three variables.
HAND_OVER = """
import os, socket, sys
kind, program = sys.argv[1], sys.argv[2:]
pair = socket.socketpair() if kind == "connection" else None
s = pair[0] if pair else socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fd = os.dup(s.fileno())
os.dup2(fd, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(program[0], program)
"""


@pytest.mark.parametrize("kind", ["connection", "datagrams"])
def test_what_does_not_listen_is_refused(begin, kind):
    d = begin(listen("systemd:web"), before=(sys.executable, "-c", HAND_OVER, kind))
    assert "Accept=no" in d.refuses()


def test_an_address_that_cannot_be_is_refused_by_t():
    done = subprocess.run([PROGRAM, "-t", "--listen", "unix:relative", "--backend",
                           "example.org=127.0.0.1:5222"], capture_output=True, text=True,
                          timeout=patience(10))
    assert done.returncode == 1 and "unix:/run/fairlead/web.sock" in done.stderr


def test_a_request_may_come_in_pieces_over_a_unix_socket(begin, folder):
    d = begin(listen(f"unix:{folder}/s")).ready()
    http = Http(f"{folder}/s")
    http.send(request("GET", "/http-bind"), step=1)
    assert http.response().status == 200
    d.stop()

"""Who may use the status listener: any page in a browser on this machine can reach it."""

import json
import os
import stat
import subprocess
import time

import pytest

from lib.bosh import Http
from lib.daemon import Daemon, free_port
from lib.fairlead import PROGRAM

CTL = os.path.join(os.path.dirname(PROGRAM), "fairleadctl")
SETTINGS = {"status.names": "ops.example,status.example.org"}


@pytest.fixture
def begin():
    made = []

    def start(config=None, **more):
        listen = [{"name": "it", "address": f"127.0.0.1:{free_port()}"}]
        made.append(Daemon({"listen": listen, **(config or {})}, **more))
        return made[-1]

    yield start
    for d in made:
        d.clean()


def ask(where, path, method="GET", body=None, token=None, **headers):
    fields = {n.replace("_", "-"): v for n, v in headers.items()}
    if token:
        fields["Authorization"] = f"Bearer {token}"
    h = Http(where, 5)
    try:
        return h.request(method, path, body, fields)
    finally:
        h.close()


def refused(answer, status):
    assert answer.status == status, answer
    assert json.loads(answer.body)["error"]
    return answer


def test_names_that_another_could_own_are_refused(place):
    port = place.fairlead.status_port
    for host in ("evil.example", "localhost.evil.example", "192.0.2.1", "127.0.0.1.evil.example"):
        refused(ask(port, "/api/status", Host=host), 403)
        refused(ask(port, "/", Host=host), 403)
        refused(ask(port, "/api/sessions", Host=host, token=place.fairlead.token()), 403)
    for host in ("localhost", f"127.0.0.1:{port}", "[::1]"):
        assert ask(port, "/api/status", Host=host).status == 200


def test_who_comes_by_a_proxy_needs_the_token_for_all(place):
    """One that has a name for us; there is no telling who is behind it."""
    port = place.fairlead.status_port
    for host in ("ops.example:80", "Status.Example.ORG"):
        assert ask(port, "/", Host=host).status == 200
        for path in ("/api/status", "/api/history", "/metrics", "/ready", "/api/stream"):
            refused(ask(port, path, Host=host), 401)
        assert ask(port, "/api/status", Host=host, token=place.fairlead.token()).status == 200


def test_pages_of_another_origin_are_refused(place):
    f = place.fairlead
    here = f"localhost:{f.status_port}"
    for origin in ("https://evil.example", "null", "http://localhost:1", f"http://{here}.evil"):
        for method, path in (("GET", "/api/status"), ("GET", "/api/stream"), ("POST", "/api/log")):
            refused(ask(f.status_port, path, method, b"" if method == "POST" else None, f.token(),
                        Host=here, Origin=origin), 403)
    assert ask(f.status_port, "/api/status", Host=here, Origin=f"http://{here}").status == 200


def test_no_cors_and_security_fields_on_all(place):
    f = place.fairlead
    for path, token in (("/", None), ("/api/status", None), ("/api/sessions", f.token()),
                        ("/api/sessions", None), ("/nothing", None)):
        a = ask(f.status_port, path, token=token)
        assert not [n for n, _ in a.headers if n.startswith("access-control")], a
        policy = a.get("Content-Security-Policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert a.get("X-Content-Type-Options") == "nosniff"
        assert a.get("Referrer-Policy") == "no-referrer"
    assert refused(ask(f.status_port, "/api/sessions", "OPTIONS", token=f.token()), 405)


def test_the_token_stands_before_people_and_acts(place):
    f = place.fairlead
    for path in ("/api/sessions", "/api/sessions/1-2-3", "/api/nothing"):
        a = refused(ask(f.status_port, path), 401)
        assert a.get("WWW-Authenticate").startswith("Bearer")
        refused(ask(f.status_port, path, token=f.token()[:-1]), 401)
    refused(ask(f.status_port, "/api/drain", "POST", b'{"on":true}'), 401)
    assert ask(f.status_port, "/api/sessions", token=f.token()).status == 200
    assert f.token() not in f.log()


def test_wrong_tokens_are_limited(new_place):
    f = new_place({"workers": 4}).fairlead
    seen = [ask(f.status_port, "/api/sessions", token="wrong" * 4).status for _ in range(12)]
    assert seen == [401] * 10 + [429] * 2  # on all workers together
    a = refused(ask(f.status_port, "/api/sessions", token=f.token()), 429)
    assert a.get("Retry-After") == "60"
    assert ask(f.status_port, "/api/status").status == 200


def test_the_token_is_kept_and_its_owners(begin, tmp_path):
    config = {"status.listen": f"127.0.0.1:{free_port()}"}
    d = begin(config).ready()
    path = os.path.join(d.folder, "run", "status.token")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    with open(path) as f:
        token = f.read()
    assert len(token.strip()) == 26  # 128 bits in base32
    d.stop()
    again = begin(config, folder=d.folder)
    again.wait_lines("ready", 2)
    with open(path) as f:
        assert f.read() == token
    again.stop()
    os.chmod(path, 0o640)
    assert "chmod 600" in begin(config, folder=d.folder).refuses()
    os.chmod(path, 0o600)
    with open(path, "w") as f:
        f.write("short\n")
    assert "16 to 128" in begin(config, folder=d.folder).refuses()


def test_a_token_of_ones_own(begin, tmp_path):
    path = tmp_path / "token"
    path.write_text("correct-horse-battery-staple\n")
    path.chmod(0o600)
    port = free_port()
    d = begin({"status.listen": f"127.0.0.1:{port}", "status.token_file": str(path)}).ready()
    assert ask(port, "/api/sessions", token="correct-horse-battery-staple").status == 200
    assert not os.path.exists(os.path.join(d.folder, "run", "status.token"))
    assert "correct-horse" not in d.stop()


def test_a_directory_that_others_may_write_to_is_refused(begin, tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(0o777)
    assert "others may write" in begin({"runtime.directory": str(place)}).refuses()
    place.chmod(0o700)
    link = tmp_path / "link"
    link.symlink_to(place)
    assert "no directory" in begin({"runtime.directory": str(link)}).refuses()


def test_without_a_place_it_runs_without_acts(begin):
    port = free_port()
    d = begin({"status.listen": f"127.0.0.1:{port}", "runtime.directory": ""},
              env={"RUNTIME_DIRECTORY": "/proc/nowhere"}).ready()
    warning, = [p for p in d.lines("start") if p["level"] == "warn" and "path" in p]
    assert "runtime.directory" in warning["text"]
    assert ask(port, "/api/status").status == 200
    refused(ask(port, "/api/sessions", token="anything at all"), 401)
    refused(ask(port, "/api/sessions", token=""), 401)
    d.stop()


def test_an_address_for_other_machines(begin):
    port = free_port()
    said = begin({"status.listen": f"0.0.0.0:{port}"}).refuses()
    assert "ssh -L" in said and "status.insecure" in said
    d = begin({"status.listen": f"0.0.0.0:{port}", "status.insecure": "on",
               "status.names": ["ops.example"]}).ready()
    token = d.token()
    assert ask(port, "/").status == 200  # the page's own files
    for path in ("/api/status", "/api/history", "/metrics", "/api/sessions", "/ready"):
        refused(ask(port, path), 401)
    link = subprocess.run([CTL, "-s", os.path.join(d.folder, "run", "control.sock"), "link"],
                          capture_output=True, text=True, check=True).stdout
    assert link == f"http://127.0.0.1:{port}/#token={token}\n"
    assert ask(port, "/api/status", token=token, Host=f"127.0.0.1:{port}").status == 200
    assert ask(port, "/api/status", token=token, Host="ops.example").status == 200
    refused(ask(port, "/api/status", token=token, Host="192.0.2.1"), 403)
    d.stop()


@pytest.mark.parametrize("address, fine", [("127.0.0.1", True), ("0.0.0.0", False)])
def test_what_systemd_opened_is_looked_at_too(begin, address, fine):
    port = free_port()
    d = begin({"status.listen": "systemd:1", "listen": [{"name": "it", "address": "systemd:2"}]},
              before=["systemd-socket-activate", "-l", f"{address}:{port}",
                      "-l", str(free_port())])
    time.sleep(0.5)  # until it listens: then it waits for a connection
    for _ in range(50):
        try:
            Http(port).close()
            break
        except OSError:
            time.sleep(0.1)
    if fine:
        d.ready()
        assert ask(port, "/api/status").status == 200
        d.stop()
    else:
        assert "status.insecure" in d.refuses()


def test_the_control_socket_is_for_its_user(begin):
    d = begin().ready()
    path = os.path.join(d.folder, "run", "control.sock")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert ask(path, "/api/sessions", Host="whatever").status == 200
    refused(ask(path, "/api/nothing"), 404)
    other = begin(folder=d.folder)
    other.wait_lines("ready", 2)
    assert any(p.get("listener") == "control" and p["level"] == "warn"
               for p in other.lines("start")), other.log()
    assert ask(path, "/api/status").status == 200
    d.stop()
    assert not os.path.exists(path)


def test_bodies_of_acts_are_bounded(place):
    f = place.fairlead
    refused(ask(f.status_port, "/api/log", "POST", b"x" * 4097, f.token()), 413)
    refused(ask(f.status_port, "/api/log", "POST", b"{}", f.token(), Content_Encoding="gzip"), 415)
    h = Http(f.status_port, 5)
    started = time.monotonic()
    h.send(f"POST /api/log HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {f.token()}\r\n"
           "Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(5):
        h.send(b"400\r\n" + b"x" * 0x400 + b"\r\n")
    assert h.response().status == 413 and time.monotonic() - started < 5
    h.close()

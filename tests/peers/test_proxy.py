"""A real server sees the browser's address, by the PROXY protocol."""

import http.client
import http.server
import re
import threading

import pytest

import peers
import servers

BROWSER = "192.0.2.77"


@pytest.fixture(scope="module", ids=["plain", "tls"],
                params=[False, pytest.param(True, marks=pytest.mark.full)])
def server(request, authority):
    tls = servers.Tls({"example.org": authority.make("good", "example.org")})
    with servers.Ejabberd(peers.ACCOUNTS, tls=tls if request.param else None, proxy=True) as s:
        yield s


class Front(http.server.BaseHTTPRequestHandler):
    """A reverse proxy that tells whom it stands for, as nginx does, and a browser that lied to it
    before."""

    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = dict(self.headers, **{"X-Forwarded-For": f"6.6.6.6, {BROWSER}"})
        back = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        back.request(self.command, self.path, body, headers)
        answer = back.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "keep-alive"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        back.close()

    do_POST = do_OPTIONS = do_GET = forward

    def log_message(self, *_):
        pass


class Behind:
    """The port of a reverse proxy before a Fairlead."""

    def __init__(self, front):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
        self.http.behind = front.port
        self.http.daemon_threads = True
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


def seen(server):
    """The client addresses in ejabberd's log, of connections and of logins."""
    with open(server.file("ejabberd.log")) as f:
        log = f.read()
    return (re.findall(r"Accepted proxied connection \[?(?:::ffff:)?([0-9a-f.:]+?)\]?:\d+ ->", log),
            re.findall(r"Accepted c2s \S+ authentication for \S+ by \S+ backend from (?:::ffff:)?"
                       r"([0-9a-f.:]+)", log))


@pytest.mark.parametrize("version", [pytest.param("v1", marks=pytest.mark.full), "v2"])
def test_ejabberd_logs_the_browser_s_address(server, front, authority, version):
    backends = [f"tcp://127.0.0.1:{server.port}"]
    more = {"tls": "starttls", "tls_ca": authority.file} if server.tls else {}
    if server.tls and version == "v2":
        backends = [f"tls://127.0.0.1:{server.tls.port}"]
    f = front({"name": "example.org", "backends": backends, "proxy_protocol": version, **more},
              http_trusted_proxies="127.0.0.1")
    before = seen(server)
    with Behind(f) as proxy:
        facts = peers.log_in(proxy, "strophe", "bosh", "example.org")
        assert "jid" in facts["example.org"], facts
    facts = peers.log_in(f, "xmppjs", "websocket", "example.org")
    assert "jid" in facts["example.org"], facts
    server.wait_for("two logins in the log", lambda: len(seen(server)[1]) >= len(before[1]) + 2)
    new = [now[len(old):] for now, old in zip(seen(server), before)]
    assert new == 2 * [[BROWSER, "127.0.0.1"]]

"""doc/TROUBLESHOOTING.md: each mistake of which it quotes the log is made here, and the log has those
lines. Numbers in them may be others, and `...` stands for anything."""

import re
import subprocess
import time

import pytest

import fronts
import guides
import peers
import servers
from lib import patience
from lib.bosh import Bosh, Closed, Http, auth, bind
from lib.ws import WebSocket, upgrade

CREATION = ("<body rid='1' to='{}' wait='5' hold='1' ver='1.6' xmpp:version='1.0' "
            "xmlns:xmpp='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind'/>")
STREAM = ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
          "to='example.org' version='1.0'>")


def quoted():
    """{heading: the log lines under it} of the sections that quote any."""
    found = {}
    parts = re.split(r"^##+ (.*)\n", guides.read("doc", "TROUBLESHOOTING.md"), flags=re.M)
    for heading, text in zip(parts[1::2], parts[2::2]):
        lines = [line for m in guides.FENCE.finditer(text) if m[1] == "log"
                 for line in m[2].splitlines()]
        if lines:
            found[heading] = lines
    return found


def pattern(line):
    """Of the same line with any numbers, and any time before it."""
    return re.compile(" " + re.sub(r"\d+", r"\\d+", re.escape(line)).replace(r"\.\.\.", ".*") + "$",
                      re.M)


class StrictProsody(servers.Prosody):
    """Wants TLS, and has none: as Debian's without a certificate."""

    def configure(self):
        with open(self.file("prosody.cfg.lua")) as f:
            text = f.read()
        servers.write(self.file("prosody.cfg.lua"), text.replace(
            "c2s_require_encryption = false", "c2s_require_encryption = true"))


class StrictEjabberd(servers.Ejabberd):
    """Wants STARTTLS, as Debian's; a further listener wants PROXY headers."""

    def configuration(self):
        self.proxy_port = servers.free_port()
        text = super().configuration()
        assert "starttls: true\n" in text
        return text.replace("starttls: true\n", "starttls_required: true\n").replace(
            "\nlisten:\n", f"""
listen:
  -
    port: {self.proxy_port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    use_proxy_protocol: true
""")


@pytest.fixture(scope="module")
def prosody():
    with servers.Prosody({"alice": "secret"}) as server:
        yield server


@pytest.fixture(scope="module")
def ejabberd(authority):
    certificates = {"example.org": authority.make("right", "example.org"),
                    "example.com": authority.make("wrong", "other.example"),
                    "example.net": authority.make("expired", "example.net", span="expired")}
    with StrictEjabberd({"alice": "secret"}, tls=servers.Tls(certificates)) as server:
        yield server


@pytest.fixture
def place(prosody, authority, request):
    it = Place(prosody, authority, request)
    yield it
    it.close()


class Place:
    """fairlead(...) starts one, before the Prosody if nothing else is said."""

    def __init__(self, prosody, authority, request):
        self.prosody, self.authority, self.request = prosody, authority, request
        self.all, self.clients = [], []

    def server(self, name):
        return self.request.getfixturevalue(name)

    def fairlead(self, settings=None, port=None, domains=(), config=None, **more):
        own = {"name": "example.org",
               "backends": [f"tcp://127.0.0.1:{port or self.prosody.port}"], **more.pop("own", {})}
        self.all.append(peers.fairlead.Fairlead(
            config={"domains": [own, *domains], **(config or {})}, settings=settings, **more))
        return self.all[-1]

    def http(self, f, **more):
        self.clients.append(Http(f.port, **more))
        return self.clients[-1]

    def create(self, f, domain="example.org"):
        return self.http(f).post(CREATION.format(domain))

    def websocket(self, f):
        w = WebSocket(f.port)
        self.clients.append(w.http)
        return w

    def log(self):
        return "".join(f.log() for f in self.all)

    def close(self):
        for client in self.clients:
            client.close()
        try:
            for f in self.all:
                f.stop()
        finally:
            for f in self.all:
                f.clean()


# -- the mistakes ------------------------------------------------------------------------------

def no_upgrade(place):
    f = place.fairlead({"http.trusted_proxies": fronts.PROXY})
    certificate = place.authority.make("front", "chat.example.org", names=[f"IP:{fronts.CLIENT}"])

    def edit(text):
        for line in ("proxy_set_header Upgrade", "proxy_set_header Connection"):
            text = fronts.without(line)(text)
        return text

    with fronts.Nginx({5280: f.port}, certificate, edit=edit) as nginx:
        client = fronts.Https(nginx.http, trust=place.authority.file)
        assert client.send(upgrade()).response().status == 426


def no_subprotocol(place):
    client = place.http(place.fairlead())
    offer = {"Sec-WebSocket-Protocol": "chat"}
    assert client.send(upgrade(headers=offer)).response().status == 400


def other_origin(place):
    client = place.http(place.fairlead(config={"origins": ["https://chat.example.org"]}))
    assert client.post("<body/>", headers={"Origin": "https://other.example"}).status == 403


def opened_as_a_page(place):
    assert place.http(place.fairlead()).request("GET", "/http-bind").status == 200


def proxy_header(place):
    wants = place.fairlead({"http.trusted_proxies": "127.0.0.1"}, listener={"proxy_protocol": "on"})
    with pytest.raises(Closed):
        place.http(wants).request("GET", "/http-bind")
    header = b"PROXY TCP4 192.0.2.7 127.0.0.1 50000 5280\r\n"
    assert place.http(place.fairlead(), before=header).request("GET", "/http-bind").status == 400


def other_path(place):
    assert place.http(place.fairlead()).post("<body/>", "/chat/http-bind").status == 404


def no_login(place):
    place.create(place.fairlead(port=place.server("ejabberd").port))


def unknown_domain(place):
    assert b"host-unknown" in place.create(place.fairlead(), "exmaple.org").body


def unreachable(place):
    f = place.fairlead(port=servers.free_port(), domains=[
        {"name": "other.example", "backends": ["tcp://no-such-host.invalid:5222"]}])
    for domain in ("example.org", "other.example"):
        assert b"remote-connection-failed" in place.create(f, domain).body


def bad_tls(place):
    url = f"tcp://127.0.0.1:{place.server('ejabberd').port}"
    f = place.fairlead(domains=[
        {"name": name, "backends": [url], "tls": "starttls", "tls_ca": place.authority.file}
        for name in ("example.com", "example.net")])
    for domain in ("example.com", "example.net"):
        place.create(f, domain)
    place.create(place.fairlead(own={"tls": "starttls"}))


def proxy_to_the_server(place):
    f = place.fairlead(port=place.server("ejabberd").proxy_port)
    assert b"remote-connection-failed" in place.create(f).body
    f = place.fairlead(own={"proxy_protocol": "v2"})
    place.create(f)
    f.wait_end("server-error")
    with StrictProsody({"alice": "secret"}) as server:
        f = place.fairlead(port=server.port)
        place.create(f)
        f.wait_end("server-error")


def sleeps(place):
    f = place.fairlead({"bosh.inactivity": 1})
    session = Bosh(f.port)
    session.create()
    f.wait_end("inactivity")
    time.sleep(1)
    assert session.exchange().condition == "item-not-found"
    session.close()


def never_had_it(place):
    other = Bosh(place.fairlead().port)
    other.create()
    other.port = place.fairlead().port
    other.pool = []
    assert other.exchange().condition == "item-not-found"


def quiet_socket(place):
    place.websocket(place.fairlead()).open()
    place.clients[-1].close()


def no_pong(place):
    f = place.fairlead({"websocket.ping": 1})
    w = place.websocket(f)
    w.open()
    w.pongs = False
    f.wait_end("ping-timeout")


def too_big(place):
    f = place.fairlead({"limits.body": 4096})
    assert b"policy-violation" in place.http(f).post(b"x" * 5000).body
    place.websocket(f).open()
    place.clients[-1].close()
    w = place.websocket(f)
    w.open()
    w.send(f"<message>{'x' * 5000}</message>")
    f.wait_end("too-big")


def old_framing(place):
    place.websocket(place.fairlead()).send(STREAM)


def same_resource(place):
    f = place.fairlead()
    for _ in range(2):
        w = place.websocket(f)
        w.open()
        w.send(auth("alice"))
        w.take("success")
        w.open()
        w.send(bind("page"))
        w.take("iq")


def at_the_limit(place):
    f = place.fairlead({"limits.sessions": 1, "limits.connections": 4})
    place.create(f)
    assert b"internal-server-error" in place.create(f).body
    for _ in range(6):
        place.http(f)


def taken(place):
    f = place.fairlead()
    place.extra = subprocess.run(
        [peers.fairlead.PROGRAM, "--backend", "example.org=127.0.0.1:5222", "--listen",
         f"127.0.0.1:{f.port}", "--set", "status.listen="], capture_output=True, text=True,
        timeout=patience(10)).stderr
    with open(f.log_path, "a") as log:
        log.write(place.extra)


def status_by_name(place):
    f = place.fairlead()
    client = Http(f.status_port)
    r = client.request("GET", "/", None, {"Host": "chat.example.org:5282"})
    client.close()
    assert r.status == 403


MISTAKES = {
    "WebSocket: unexpected response code 426": no_upgrade,
    "WebSocket: unexpected response code 400": no_subprotocol,
    "The page says CORS, and the log has a line": other_origin,
    "Somebody opened the address as a page": opened_as_a_page,
    "The connection is closed at once, and PROXY is in the log": proxy_header,
    "A path is wrong": other_path,
    "No supported mechanism": no_login,
    "host-unknown": unknown_domain,
    "remote-connection-failed: the server cannot be reached": unreachable,
    "remote-connection-failed: TLS towards the server": bad_tls,
    "remote-connection-failed: the server hangs up at once": proxy_to_the_server,
    "After a while without anything: item-not-found": sleeps,
    "At any time: item-not-found, and the log has no `ended`": never_had_it,
    "A WebSocket ends after some quiet seconds, always as many": quiet_socket,
    "A WebSocket ends, and comes back": no_pong,
    "With a large message": too_big,
    "At once, with an old WebSocket library": old_framing,
    "Users throw each other out": same_resource,
    "New users get nothing while old ones go on": at_the_limit,
    "It does not start: the address is taken": taken,
    "The status page is refused": status_by_name,
}


@pytest.mark.parametrize("heading", MISTAKES, ids=lambda text: re.sub(r"\W+", "-", text.lower()))
def test_a_mistake_leaves_the_lines_that_the_guide_quotes(place, heading):
    MISTAKES[heading](place)
    deadline = time.monotonic() + patience(6)
    missing = quoted()[heading]
    while missing and time.monotonic() < deadline:
        missing = [line for line in missing if not pattern(line).search(place.log())]
        time.sleep(0.05)
    assert not missing, f"{missing} are not in\n{place.log()}"


def test_whatever_the_guide_quotes_has_its_mistake_here():
    assert set(quoted()) == set(MISTAKES)

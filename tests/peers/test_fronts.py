"""nginx and HAProxy with TLS before Fairlead, from the examples in conf/: clients log in, talk and
are silent for long; Fairlead sees the clients' addresses and keeps its connections; and lines of the
examples that are missing show.

haproxy-tcp is the second way in HAProxy's example: by TCP, with a PROXY header.
"""

import functools
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import fronts
import guides
import peers
import servers
from fronts import CLIENT, PROXY, without
from lib import patience
from lib.bosh import Bosh, Closed, request
from lib.ws import WebSocket, upgrade
from test_clients import assert_clean

# Longer than what impatient fronts (fronts.py) allow where the examples' lines are missing; and
# IDLE is longer than either, twice.
BRIEF = {"bosh.wait": 4, "websocket.ping": 4}
IDLE = 9
# Of the real things: HAProxy gives up after 50 seconds as Debian has it, nginx after 60.
LONG = 75
PUBLIC = "wss://chat.example.org/xmpp-websocket"
ORIGIN = {"Origin": "https://chat.example.org"}
FRONTS = ["nginx", "haproxy", "haproxy-tcp"]
CLIENTS = [("strophe", "bosh"), ("xmppjs", "websocket")]
ALL = list(itertools.product(FRONTS, CLIENTS))

each_client = pytest.mark.parametrize("front, client", ALL,
                                      ids=["-".join([f, *c]) for f, c in ALL])
each_front = pytest.mark.parametrize("front", FRONTS)
by_http = pytest.mark.parametrize("front", FRONTS[:2])


class Place:
    """A Fairlead that is asked by HTTP and one that wants PROXY headers, at the ports 5280 and 5281
    of the examples, and nginx and HAProxy before them."""

    def __init__(self, server, fresh, certificate, trust, impatient, settings):
        self.server, self.fresh, self.certificate = server, fresh, certificate
        self.trust, self.impatient = trust, impatient
        self.connect = functools.partial(fronts.Https, trust=trust)
        self.all, self.fairlead = [], {}
        settings = {"http.trusted_proxies": PROXY, "public.websocket": PUBLIC, **settings}
        try:
            for port, listener in ((5280, None), (5281, {"proxy_protocol": "on"})):
                f = peers.fairlead.Fairlead({server.domain: server.port}, settings,
                                            listener=listener)
                self.all.append(f)
                self.fairlead[port] = f
            self.nginx, self.haproxy = self.start(fronts.Nginx), self.start(fronts.Haproxy)
        except BaseException:
            self.close()
            raise

    def start(self, kind, edit=lambda text: text):
        self.all.append(kind({port: f.port for port, f in self.fairlead.items()},
                             self.certificate, self.impatient, edit))
        return self.all[-1]

    def port(self, front):
        return {"nginx": self.nginx.http, "haproxy": self.haproxy.http,
                "haproxy-tcp": self.haproxy.tcp}[front]

    def behind(self, front):
        return self.fairlead[5281 if front == "haproxy-tcp" else 5280]

    def run(self, front, client, scenario, **more):
        library, transport = client
        setup = peers.Setup(self.server, 0, self.fresh)
        address = f"{CLIENT}:{self.port(front)}"
        setup.urls = {"bosh": f"https://{address}/http-bind",
                      "websocket": f"wss://{address}/xmpp-websocket"}
        return peers.run(library, scenario, setup.options(transport, **more), seconds=180,
                         trust=self.trust)

    def close(self):
        failures = []
        for thing in reversed(self.all):
            try:
                thing.stop()
            except AssertionError as e:
                failures.append(e)
        for f in self.fairlead.values():
            f.clean()
        assert not failures, failures[0]


@pytest.fixture(scope="module")
def new_place(authority):
    """Makes places, which share a Prosody."""
    certificate = authority.make("front", "chat.example.org", names=[f"IP:{CLIENT}"])
    made, fresh = [], list(peers.ACCOUNTS)
    peers.fairlead.secrets.update(peers.ACCOUNTS.values())
    with servers.Prosody(peers.ACCOUNTS) as server:
        def make(impatient, settings):
            made.append(Place(server, fresh, certificate, authority.file, impatient, settings))
            return made[-1]

        yield make
        for place in reversed(made):
            place.close()


@pytest.fixture(scope="module")
def place(new_place):
    return new_place(True, BRIEF)


@pytest.fixture(scope="module")
def real(new_place):
    """With the usual times everywhere."""
    return new_place(False, {})


@pytest.fixture(scope="module")
def together():
    """together(f, arguments...) has it run beside others, and returns a future: most of what is
    seen here is that nothing happens for a while."""
    with ThreadPoolExecutor(2 * len(ALL)) as pool:
        yield pool.submit


def hold(place, port):
    """The answer to an empty request, and the seconds that it was held."""
    session = Bosh(port, connect=place.connect)
    session.create({"wait": 60})
    session.take("features")
    began = time.monotonic()
    try:
        answer = session.send().http.response()
        return answer, time.monotonic() - began
    finally:
        session.close()


@pytest.fixture(scope="module")
def played(place, together):
    """{(scenario, front, client): facts to come}"""
    return {**{("idle", *a): together(place.run, *a, "idle", seconds=IDLE) for a in ALL},
            **{("talk", *a): together(place.run, *a, "talk", big=1000) for a in ALL},
            **{("hold", front): together(hold, place, place.port(front)) for front in FRONTS}}


@each_client
def test_clients_log_in_and_talk(played, front, client):
    facts = played["talk", front, client].result()
    assert len(facts["there"]) == 20 and facts["there"] == facts["thereWanted"]
    assert facts["back"] == facts["backWanted"]
    assert facts["bigSame"] and facts["room"] and facts["gone"]
    assert_clean(facts["closeA"], facts["closeB"])


def assert_reached(facts):
    assert facts["there"] == ["still there? ⚓", "good"]
    assert facts["back"] == ["yes"]
    assert facts["ms"] < 1000 * patience(4)
    assert_clean(*facts["closed"])


@each_client
def test_a_client_silent_for_longer_than_the_usual_timeouts_is_still_reached(played, front, client):
    assert_reached(played["idle", front, client].result())


def test_the_sessions_have_their_clients_addresses(place, played):
    for facts in played.values():
        facts.result()
    for port, n in ((5280, 16), (5281, 8)):
        lines = place.fairlead[port].wait_lines("session-end", n)
        assert {p["peer"] for p in lines} == {CLIENT}


@each_front
def test_a_long_poll_is_held_and_not_cut(played, front):
    answer, seconds = played["hold", front].result()
    assert answer.status == 200 and b"<body" in answer.body, answer
    assert b"terminate" not in answer.body, answer
    assert seconds > BRIEF["bosh.wait"] - 0.5


# -- one request at a time ---------------------------------------------------------------------

def ask_often(place, fairlead, port, clients, requests=10):
    """How many connections Fairlead accepted for so many clients with so many requests each."""
    body = "<body rid='1' sid='none' xmlns='http://jabber.org/protocol/httpbind'/>"
    before = fairlead.status()["connections_total"]
    for _ in range(clients):
        client = place.connect(port)
        for _ in range(requests):
            r = client.post(body)
            assert r.status == 200 and b"item-not-found" in r.body, r
        client.close()
    return fairlead.status()["connections_total"] - before - 1  # the one that asked for the status


@by_http
def test_connections_to_fairlead_are_used_again(place, front):
    fairlead = place.behind(front)
    assert ask_often(place, fairlead, place.port(front), 1) <= 2
    # Those of nginx serve any client, and are kept by each of its two processes; those of HAProxy
    # serve one at first.
    assert ask_often(place, fairlead, place.port(front), 12) <= (2 if front == "nginx" else 12)


@each_front
def test_what_fairlead_answers_comes_whole_and_cors_fields_once(place, front):
    client = place.connect(place.port(front))
    preflight = client.request("OPTIONS", "/http-bind", None, {
        **ORIGIN, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type"})
    assert preflight.status == 204
    assert "POST" in preflight.get("Access-Control-Allow-Methods")
    hostmeta = client.request("GET", "/.well-known/host-meta.json", None, ORIGIN)
    assert PUBLIC in [link["href"] for link in json.loads(hostmeta.body)["links"]]
    answers = [preflight, hostmeta, client.post("<body/>", headers=ORIGIN),
               client.request("GET", "/xmpp-websocket", None, ORIGIN)]
    client = place.connect(place.port(front))
    answers.append(client.post(b"x" * 500000, headers=ORIGIN))  # more than limits.body
    assert [r.status for r in answers] == [204, 200, 200, 426, 200]
    for r in answers:
        assert r.get("Access-Control-Allow-Origin") == "*", r
    assert b"policy-violation" in answers[-1].body


def peer_seen(place, fairlead, port):
    """As whom Fairlead's log has a client that claims to be another one."""
    since = fairlead.log_size()
    r = place.connect(port).request("GET", "/xmpp-websocket", None, {
        "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6"})
    assert r.status == 426
    line, = fairlead.wait_lines("request-refused", since=since)
    return line["peer"].split(":")[0]


@each_front
def test_an_address_that_the_client_made_up_is_not_believed(place, front):
    assert peer_seen(place, place.behind(front), place.port(front)) == CLIENT


# -- the examples without one of their lines ---------------------------------------------------

@pytest.mark.parametrize("line, missing", [
    ("proxy_http_version", "came as HTTP/1.0"),
    ("proxy_set_header Upgrade", 'header "Upgrade: websocket" is missing'),
    ("proxy_set_header Connection", 'header "Connection: Upgrade" is missing'),
])
def test_an_upgrade_that_nginx_spoils_is_refused_with_what_to_change(place, line, missing):
    nginx, fairlead = place.start(fronts.Nginx, without(line)), place.fairlead[5280]
    since = fairlead.log_size()
    r = place.connect(nginx.http).send(upgrade()).response()
    assert r.status == 426
    logged, = fairlead.wait_lines("request-refused", since=since)
    for words in (r.body.decode(), logged["why"].replace('\\"', '"')):
        assert missing in words and "A proxy in front" in words
        assert "proxy_set_header Upgrade $http_upgrade;" in words


@pytest.mark.full
@pytest.mark.parametrize("line", ["keepalive 64", "proxy_set_header Connection",
                                  "proxy_http_version"])
def test_without_these_nginx_makes_a_connection_for_each_request(place, line):
    nginx = place.start(fronts.Nginx, without(line))
    assert ask_often(place, place.fairlead[5280], nginx.http, 1) >= 10


@pytest.mark.parametrize("kind, seen", [
    (fronts.Nginx, "6.6.6.6"), (fronts.Haproxy, "6.6.6.6")], ids=["nginx", "haproxy"])
def test_without_x_forwarded_for_a_client_is_whoever_it_claims(place, kind, seen):
    front = place.start(kind, without("X-Forwarded-For"))
    assert peer_seen(place, place.fairlead[5280], front.http) == seen


@pytest.mark.full
@pytest.mark.parametrize("kind, line", [
    (fronts.Nginx, "proxy_read_timeout"), (fronts.Haproxy, "timeout server 90s")],
    ids=["nginx", "haproxy"])
def test_without_its_timeout_a_long_poll_is_cut(place, kind, line):
    answer, seconds = hold(place, place.start(kind, without(line)).http)
    assert answer.status == 504 and seconds < BRIEF["bosh.wait"]


@pytest.mark.full
@pytest.mark.parametrize("kind, port, line", [
    (fronts.Nginx, "http", "proxy_read_timeout"), (fronts.Haproxy, "http", "timeout tunnel 90s"),
    (fronts.Haproxy, "tcp", "timeout tunnel 180s")], ids=FRONTS)
def test_without_its_timeout_a_silent_websocket_is_cut(place, kind, port, line):
    front = place.start(kind, without(line))
    ws = WebSocket(getattr(front, port), connect=place.connect)
    ws.open()
    with pytest.raises(Closed):
        ws.receive_ping(BRIEF["websocket.ping"] + 5)


def limited_nginx(text):
    text = text.replace("\t\tproxy_pass ", guides.block("PROXIES.md", "limit_req") +
                        "\t\tproxy_pass ", 1)
    return guides.block("PROXIES.md", "limit_req_zone") + text


def limited_haproxy(text):
    return text.replace("\ttimeout http-request 10s\n", "\ttimeout http-request 10s\n" +
                        guides.block("PROXIES.md", "stick-table"), 1)


@pytest.mark.parametrize("kind, edit", [
    (fronts.Nginx, limited_nginx), (fronts.Haproxy, limited_haproxy)], ids=["nginx", "haproxy"])
def test_a_client_that_loops_is_slowed_down_as_the_guide_says(place, kind, edit):
    front = place.start(kind, edit)
    gone = "<body xmlns='http://jabber.org/protocol/httpbind' rid='7' sid='gone'/>"
    http, answers = place.connect(front.http), []
    while len(answers) < 800:
        answers.append(http.post(gone).status)
        if answers[-1] == 503:
            http = place.connect(front.http)  # HAProxy ends the connection with it
    assert set(answers) == {200, 503} and answers[:50] == [200] * 50
    assert answers.count(503) > 100


def test_whoever_keeps_within_these_limits_is_served(place):
    for kind, edit in ((fronts.Nginx, limited_nginx), (fronts.Haproxy, limited_haproxy)):
        front = place.start(kind, edit)
        session = Bosh(front.http, connect=place.connect)
        assert session.create().get("sid")
        session.terminate()


def test_without_the_proxy_header_the_connection_is_refused_with_what_to_change(place):
    front = place.start(fronts.Haproxy, lambda text: text.replace(" send-proxy-v2-ssl", ""))
    fairlead = place.fairlead[5281]
    since = fairlead.log_size()
    with pytest.raises(Closed):
        place.connect(front.tcp).request("GET", "/http-bind")
    line, = fairlead.wait_lines("connection-refused", since=since)
    assert line["peer"].startswith(f"{PROXY}:") and "no PROXY header" in line["text"]


# -- as they are out of the box ----------------------------------------------------------------

@pytest.mark.full
def test_a_client_silent_for_longer_than_debian_s_timeouts_is_still_reached(real, together):
    for coming in [together(real.run, *a, "idle", seconds=LONG) for a in ALL]:
        assert_reached(coming.result())


@pytest.mark.full
@pytest.mark.parametrize("transport", ["bosh", "websocket"])
@each_front
def test_a_browser_logs_in_and_talks_from_a_page_of_another_origin(real, pages, front, transport):
    facts = real.run(front, ("chromium", transport), "talk", page=pages["chromium"],
                     browser=peers.browser(), anyCertificate=True)
    assert facts["there"] == facts["thereWanted"] and facts["back"] == facts["backWanted"]
    assert facts["bigSame"] and facts["room"] and facts["gone"]
    assert_clean(facts["closeA"], facts["closeB"])
    assert not [line for line in facts["console"] if "CORS" in line]


@pytest.mark.full
@pytest.mark.parametrize("front, version", [("nginx", None), ("haproxy", "HTTP/2.0")])
def test_a_browser_opens_a_websocket_beside_its_requests(real, front, version):
    facts = peers.node("samepage.js", json.dumps({
        "address": f"{CLIENT}:{real.port(front)}", "domain": "example.org",
        "browser": peers.browser()}))
    opened, features = facts["messages"]
    assert opened.startswith("<open ") and "<mechanism>" in features, facts
    if version:  # it goes over the same connection (RFC 8441), and is upgraded towards Fairlead
        real.haproxy.wait_for("WebSocket in its log", lambda: any(
            " 101 " in line and line.endswith(f'/xmpp-websocket {version}"')
            for line in real.haproxy.log().splitlines()))

"""Which server a session reaches: names, services, weights, failures, and what becomes of a server
that comes back. In a network of the test's own, with its own DNS server."""

import contextlib
import itertools
import time

import pytest

from lib import fairlead, patience
from lib.site import saying
from lib.ws import CLOSE_ELEMENT
from lib.xmlbits import NS_STREAMS, alone

FAILED = "remote-connection-failed"
NAMES = ["example.org", "a.example", "b.example", "c.example", "*.example.net"]
FEATURES_NAMED = ("<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                  "<mechanism>PLAIN</mechanism></mechanisms>"
                  "<name xmlns='urn:example:name'>one</name></stream:features>")
FEATURES_BOTH = FEATURES_NAMED.replace(
    "<mechanisms", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mechanisms")

pytestmark = pytest.mark.usefixtures("net")


@pytest.fixture(scope="module")
def good(authority):
    """A certificate for all domains of this file."""
    return authority.make("good", *NAMES)


@pytest.fixture
def tls(authority, good):
    """What a server and a domain need for TLS."""
    return {"tls": good.server_context()}, {"tls_ca": authority.file}


def url(server, host="127.0.0.1", scheme="tcp", **more):
    where = f"{scheme}://{f'[{host}]' if ':' in host else host}:{server.port}"
    return {"url": where, **more} if more else where


def domain(*backends, name="example.org", **more):
    return {"name": name, "backends": list(backends), **more}


def srv(service, name, target, port, priority=0, weight=0):
    return f"srv-host=_{service}._tcp.{name},{target},{port},{priority},{weight}"


def until(what, condition, seconds=30, pause=0.1):
    deadline = time.monotonic() + patience(seconds)
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(pause)


def refuse(server):
    """The server dies: its connections are reset, its port refuses."""
    server.stop_listening()
    for s in server.streams:
        with contextlib.suppress(OSError):  # those that are over
            s.reset()


# -- names ---------------------------------------------------------------------------------------

def test_both_services_stand_in_one_order(net, site, tls):
    """XEP-0368: the priorities of _xmpp-client and _xmpps-client are those of one list."""
    server_tls, trust = tls
    start = site.server("starttls", net.listener("192.0.2.1", 5222), **server_tls)
    direct = site.server("direct", net.listener("192.0.2.1", 5223), direct=True, **server_tls)
    net.dns("host-record=one.example,192.0.2.1",
            srv("xmpps-client", "a.example", "one.example", 5223, 5),
            srv("xmpp-client", "a.example", "one.example", 5222, 10),
            srv("xmpps-client", "b.example", "one.example", 5223, 10),
            srv("xmpp-client", "b.example", "one.example", 5222, 5))
    site.start(domain("srv", name="a.example", **trust), domain("srv", name="b.example", **trust))
    assert site.asks(5, "a.example") == {"direct": 5}
    assert site.asks(5, "b.example") == {"starttls": 5}
    refuse(direct)
    assert site.asks(5, "a.example") == {"starttls": 5}
    assert [h["to"] for h in start.streams[0].headers] == ["b.example"] * 2


def test_a_domain_without_services_is_its_own_server(net, site, tls):
    server_tls, trust = tls
    site.server("itself", net.listener("192.0.2.1", 5222), **server_tls)
    site.server("elsewhere", net.listener("192.0.2.2", 5222), **server_tls)
    net.dns("host-record=a.example,192.0.2.1", "host-record=b.example,192.0.2.1",
            "host-record=c.example,192.0.2.2", "srv-host=_xmpp-client._tcp.b.example",
            srv("xmpp-client", "other.example", "c.example", 5222))
    site.start(domain("srv", name="a.example", **trust), domain("srv", name="b.example", **trust),
               domain("srv://other.example", name="example.org", **trust))
    assert site.ask("a.example") == "itself"
    assert site.ask("b.example") == FAILED, "it says that it is no XMPP server"
    assert "no XMPP server" in site.problem()
    assert site.ask("example.org") == "elsewhere", "the certificate is the domain's"


@pytest.mark.parametrize("how", ["services", "configuration"])
def test_weights_and_priorities_are_respected(net, site, how):
    """200 sessions at 9 to 1. That few as 1 of the light one, or as many as 55, comes once in
    10^8 runs, and a program that throws a coin is not within that once in 10^9."""
    heavy, light, spare = (site.server(n, net.listener(f"192.0.2.{i}", 5222))
                           for i, n in enumerate(("heavy", "light", "spare"), 1))
    if how == "services":
        net.dns("host-record=one.example,192.0.2.1", "host-record=two.example,192.0.2.2",
                "host-record=three.example,192.0.2.3",
                srv("xmpp-client", "example.org", "one.example", 5222, 1, 90),
                srv("xmpp-client", "example.org", "two.example", 5222, 1, 10),
                srv("xmpp-client", "example.org", "three.example", 5222, 2, 100))
        backends = ["srv"]
    else:
        backends = [url(heavy, "192.0.2.1", weight=9), url(light, "192.0.2.2", weight=1),
                    url(spare, "192.0.2.3", weight=100, priority=1)]
    site.start(domain(*backends, tls="none"))
    found = site.asks(200)
    assert sorted(found) == ["heavy", "light"], found
    assert 1 < found["light"] < 55, found
    refuse(heavy), refuse(light)
    assert site.asks(3) == {"spare": 3}


@pytest.mark.parametrize("dead", ["192.0.2.7", "2001:db8::7"])
def test_an_address_that_does_not_answer_costs_a_moment(net, site, dead):
    """A and AAAA are raced. One after the other, the second has its turn after some 20 s."""
    alive = "2001:db8::8" if dead == "192.0.2.7" else "192.0.2.8"
    with net.silent(dead, 5222):
        site.server("alive", net.listener(alive, 5222))
        net.dns(f"host-record=both.example,{dead},{alive}")
        site.start(domain("tcp://both.example:5222", tls="none"))
        began = time.monotonic()
        assert site.asks(3) == {"alive": 3}
        assert time.monotonic() - began < patience(12)


def test_an_address_that_refuses_is_followed_by_the_next(net, site):
    net.add("192.0.2.1", "2001:db8::1")
    site.server("alive", net.listener("192.0.2.2", 5222))
    net.dns("host-record=both.example,192.0.2.1,2001:db8::1",
            "host-record=next.example,192.0.2.2",
            srv("xmpp-client", "example.org", "both.example", 5222, 1),
            srv("xmpp-client", "example.org", "next.example", 5222, 2))
    site.start(domain("srv", tls="none"))
    assert site.ask() == "alive"
    why = site.fairlead.wait_lines("backend-down")[0]["problem"]
    assert "refused by 192.0.2.1" in why and "refused by 2001:db8::1" in why, why


def test_what_the_hosts_file_says_is_all_that_is_tried(net, site):
    """Not so in c-ares, which asks the name servers for the other family."""
    net.hosts("192.0.2.1 pinned.example")
    site.server("pinned", net.listener("192.0.2.1", 5222))
    site.server("elsewhere", net.listener("2001:db8::1", 5222))
    net.dns("host-record=pinned.example,192.0.2.7,2001:db8::1")
    site.start(domain("tcp://pinned.example:5222", tls="none"))
    assert site.asks(3) == {"pinned": 3}
    assert not net.asked("AAAA", "pinned.example")


def test_an_answer_is_used_as_long_as_it_says(net, site):
    site.server("before", net.listener("192.0.2.1", 5222))
    site.server("after", net.listener("192.0.2.2", 5222))
    net.dns("host-record=long.example,192.0.2.1,300", "host-record=short.example,192.0.2.1,1")
    site.start(domain("tcp://long.example:5222", name="a.example", tls="none"),
               domain("tcp://short.example:5222", name="b.example", tls="none"), workers=1)
    assert site.asks(5, "a.example") == site.asks(5, "b.example") == {"before": 5}
    net.dns("host-record=long.example,192.0.2.2", "host-record=short.example,192.0.2.2")
    until("the new address", lambda: site.ask("b.example") == "after", pause=0.3)
    assert site.asks(5, "a.example") == {"before": 5}
    assert net.asked("A", "long.example") == 1
    assert net.asked("A", "short.example") > 1


def test_what_does_not_exist_is_asked_for_again_later(net, site):
    """A name that was not there is found once it is."""
    site.server("late", net.listener("192.0.2.1", 5222))
    net.dns()
    site.start(domain("tcp://late.example:5222", tls="none"))
    assert site.ask() == FAILED
    assert "late.example" in site.problem()
    net.dns("host-record=late.example,192.0.2.1")
    until("the name", lambda: site.ask() == "late", pause=0.5)


@pytest.mark.full
def test_another_name_server_is_noticed(net, site):
    site.server("there", net.listener("192.0.2.1", 5222))
    net.dns("host-record=there.example,192.0.2.1", address="127.0.0.54")
    site.start(domain("tcp://there.example:5222", tls="none"), backend_connect=2)
    assert site.ask() == FAILED
    net.nameserver("127.0.0.54")
    try:
        until("the name", lambda: site.ask() == "there", 60, 0.5)
    finally:
        net.nameserver("127.0.0.53")


def test_the_narrowest_name_counts(net, site):
    one, two = site.server("one"), site.server("two")
    denied = ["bad.example.net", "*.bad.example.net"]
    site.start(domain(url(one), name="*.example.net", deny=denied),
               domain(url(two), name="chat.example.net"))
    assert site.ask("a.example.net") == site.ask("b.c.Example.NET") == "one"
    assert site.ask("chat.example.net") == "two"
    for other in ("example.net", "aexample.net", "bad.example.net", "very.bad.example.net"):
        assert site.ask(other) == "host-unknown", other
    assert one.streams[0].headers[0]["to"] == "a.example.net"


def test_a_certificate_must_be_for_the_domain_that_was_asked_for(authority, site):
    made = authority.make("narrow", "a.example.net")
    one = site.server("one", tls=made.server_context())
    site.start(domain(url(one), name="*.example.net", tls="starttls", tls_ca=authority.file))
    assert site.ask("a.example.net") == "one"
    assert site.ask("b.example.net") == FAILED
    assert "a.example.net" in site.problem() and "b.example.net" in site.problem()


def test_what_one_domain_gets_is_not_held_against_another(authority, site):
    """A wrong certificate, or a server that does not know the domain, is no fault of the machine:
    under open relaying anybody can name a domain and have it lead to somebody else's server."""
    made = authority.make("one", "a.example.net")
    one = site.server("one", tls=made.server_context())
    usual = one.script

    def script(stream):
        kind, raw = stream.read()
        stream.events.insert(0, (kind, raw))
        if b"stranger" in raw:
            stream.send_header()
            stream.send("<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                        "</stream:error></stream:stream>")
        else:
            usual(stream)

    one.script = script
    site.start(domain(url(one), name="*.example.net", tls="starttls", tls_ca=authority.file))
    for _ in range(3):
        assert site.ask("b.example.net") == FAILED
        assert site.ask("stranger.example.net") == FAILED
        assert site.ask("a.example.net") == "one"
    down = {p.get("domain") for p in site.fairlead.lines("backend-down")}
    assert down == {"b.example.net", "stranger.example.net"}


def test_a_route_is_tried_first(net, site):
    """XEP-0124 9; one that is not among the backends is no way around them."""
    backends = [site.server(n) for n in ("one", "two", "three")]
    site.start(domain(*(url(b, priority=i) for i, b in enumerate(backends))))
    assert site.ask() == "one"
    assert site.ask(route=f"xmpp:127.0.0.1:{backends[2].port}") == "three"
    assert site.ask(route="xmpp:127.0.0.1:1") == "one"
    refuse(backends[2])
    assert site.ask(route=f"xmpp:127.0.0.1:{backends[2].port}") == "one"


def test_a_unix_socket_is_a_server_too(net, site):
    path = f"{net.folder}/xmpp"
    made = site.server("local", net.local(path))
    site.start(domain(f"unix:{path}"))
    ws = site.ws()
    ws.open()
    assert made.streams[0].headers[0]["to"] == "example.org"
    refuse(made)
    assert site.ask() == FAILED
    assert f"unix:{path}" in site.problem()


# -- failures ------------------------------------------------------------------------------------

def ends(ws, timeout=30):
    """The stream error that a WebSocket client gets at its <open/>."""
    ws.send(ws.open_text())
    last = ws.ending(timeout)
    errors = [alone(m) for m in last if m.startswith(b"<stream:error")]
    assert len(errors) == 1 and last[-1] == CLOSE_ELEMENT, last
    return errors[0].tree[0].tag.replace(f"{{{NS_STREAMS}}}", "")


def hang(stream):
    stream.hang()


def hang_up(stream):
    """As a proxy does in front of a server that is down."""
    stream.close()


@pytest.mark.parametrize("fault", ["dies", "hangs", "hangs up", "is switched off", "refuses"])
def test_one_of_three_fails_and_comes_back(net, site, tls, fault):
    server_tls, trust = tls
    servers = [site.server(f"s{i}", net.listener(f"192.0.2.{i}", 5222), **server_tls)
               for i in (1, 2, 3)]
    broken = servers[0]
    if fault == "refuses":
        refuse(broken)
    site.start(domain(*(url(s, f"192.0.2.{i}") for i, s in enumerate(servers, 1)), **trust),
               backend_connect=3)
    if fault == "dies":
        until("a session there", lambda: site.ask() == "s1", pause=0)
        refuse(broken)
    elif fault.startswith("hangs"):
        script, broken.script = broken.script, hang if fault == "hangs" else hang_up
    elif fault == "is switched off":
        net.remove("192.0.2.1")
    found = {}

    def noticed():
        for name, times in site.asks(3).items():
            found[name] = found.get(name, 0) + times
        return site.fairlead.lines("backend-down")

    until("the fault to be noticed", noticed, pause=0)
    found.update(site.asks(40))
    assert sorted(found) == ["s2", "s3"]
    down = site.fairlead.lines("backend-down")
    assert [line["backend"] for line in down] == ["192.0.2.1:5222"], down
    said = {"hangs": "no answer", "is switched off": "no answer", "hangs up": "closed before"}
    assert said.get(fault, "refused") in down[0]["problem"]
    if fault.startswith("hangs"):
        broken.script = script
    elif fault == "is switched off":
        net.add("192.0.2.1")
    else:
        broken.listen(net.listener("192.0.2.1", 5222))
    until("its return", lambda: site.ask() == "s1", pause=0.2)
    site.fairlead.wait_lines("backend-up", test=lambda p: p["backend"] == "192.0.2.1:5222")
    until("a further session there", lambda: site.ask() == "s1", pause=0)


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_one_that_closes_what_it_takes_is_down(site, tls, scheme):
    """Nothing else tells that the server is not there behind a proxy, which may even do the TLS."""
    server_tls, trust = ({}, {}) if scheme == "tcp" else tls
    one = site.server("one", direct=scheme == "tls", **server_tls)
    two = site.server("two")
    site.start(domain(url(one, scheme=scheme, priority=0), url(two, priority=1), **trust))
    assert site.ask() == "one"
    script, one.script = one.script, hang_up
    assert site.ask() == FAILED
    until("the other one's turn", lambda: site.ask() == "two", pause=0)
    down = site.fairlead.lines("backend-down")
    assert [p["problem"] for p in down] == ["connected, and closed before a stream header"]
    # Who does TLS was reached, and may stand before the servers of other domains.
    assert down[0].get("domain") == (None if scheme == "tcp" else "example.org")
    one.script = script
    until("its return", lambda: site.ask() == "one", pause=0.2)


def test_a_hung_server_is_tried_by_one_session_at_a_time(site):
    """That its kernel takes the connection does not make it well, and draw all others there."""
    hung, _ = site.server("hung"), site.server("spare")
    hung.script = hang
    site.start(domain(url(hung), url(site.servers["spare"], priority=1)), backend_connect=4)
    assert site.ask() == FAILED
    tried, before = [], len(hung.streams)

    def trial():
        tried.append(site.begin())
        return not tried[-1].ready(0.5) and len(hung.streams) > before

    until("a trial", trial)
    assert site.asks(5) == {"spare": 5}
    assert sorted(t.answer() for t in tried) == \
        sorted(["spare"] * (len(tried) - 1) + [FAILED])
    assert not site.fairlead.lines("backend-up")
    hung.script = saying("hung")
    until("its return", lambda: site.ask() == "hung", pause=0.2)
    site.fairlead.wait_lines("backend-up")
    assert site.asks(5) == {"hung": 5}


def test_a_server_that_was_down_is_tried_by_one_session(net, site, tls):
    server_tls, trust = tls
    first = site.server("first", **server_tls)
    spare = site.server("spare", **server_tls)
    site.start(domain(url(first, priority=0), url(spare, priority=1), tls="starttls", **trust))
    usual = first.script

    def slow(stream):
        stream.hold_here(60)
        usual(stream)

    first.script = lambda stream: stream.close()
    assert site.ask() == "spare"
    first.script = slow
    trials = []

    def tried():
        asked = site.begin()
        if asked.ready(patience(0.3)):
            assert asked.answer() == "spare"
            return False
        trials.append(asked)
        return len(first.streams) == 2

    until("a trial", tried)
    assert site.asks(12) == {"spare": 12}, "while one tries, the others go elsewhere"
    assert len(first.streams) == 2
    first.streams[-1].hold.set()
    answers = [asked.answer() for asked in trials]
    assert answers.count("first") == 1, answers
    first.script = usual
    assert site.asks(5) == {"first": 5}


def test_all_down_is_said_at_once(net, site):
    servers = [site.server(n) for n in ("one", "two")]
    site.start(domain(*(url(s) for s in servers)), backend_connect=120)
    refuse(servers[0]), refuse(servers[1])
    began = time.monotonic()
    assert site.ask() == FAILED
    for _ in range(3):
        assert site.ask() == FAILED
        assert ends(site.ws()) == FAILED
    assert time.monotonic() - began < patience(30)
    texts = [p["problem"] for p in site.fairlead.wait_lines("backend-unreachable", 7)]
    assert texts[0].count("connection refused") == 2 and "down" not in texts[0], texts
    assert any(t.startswith("all backends are down") for t in texts), texts
    assert len(site.fairlead.lines("backend-down")) == 2, "one line a backend, not one a session"


def test_a_server_gets_no_more_sessions_than_it_may(net, site):
    one, two = site.server("one"), site.server("two")
    site.start(domain(url(one, priority=0, sessions=2), url(two, priority=1, sessions=1)))
    held = [site.begin() for _ in range(3)]
    assert sorted(asked.answer() for asked in held) == ["one", "one", "two"]
    assert site.ask() == FAILED
    assert site.problem().startswith("all backends are full"), site.problem()
    gone = next(asked for asked in held if asked.answer() == "one")
    gone.end()
    site.fairlead.wait_end("client-closed")
    assert site.ask() == "one"
    assert not site.fairlead.lines("backend-down")


# -- connections ---------------------------------------------------------------------------------

# Not of those that the system gives out: no listener of an earlier test had one of them, whose
# connections would hold it for a minute more.
PORTS = 30000, 30031


@pytest.fixture
def narrow(net, monkeypatch):
    """Fairlead is started in it, with ports of its own outside of the few that there are."""
    monkeypatch.setattr(fairlead, "free_port", itertools.count(20000).__next__)
    with net.ports(*PORTS):
        yield


def open_narrowly(net, site, n):
    """How many of n sessions come up that are dialled while there are only few local ports."""
    with net.ports(32768, 60999):
        sockets = [site.ws() for _ in range(n)]
    up = 0
    for ws in sockets:
        ws.send(ws.open_text())
        said = ws.receive(30)
        up += b"error" not in said and ws.element().name == "features"
    return up


def test_used_up_local_ports_are_not_held_against_a_server(net, site, narrow):
    server = site.server("one", net.listener("127.0.0.1", 5222))
    site.start(domain(url(server)))
    assert open_narrowly(net, site, 23) == 23
    assert not site.fairlead.lines("backend-ports")
    assert open_narrowly(net, site, 12) == 9
    assert "local port" in site.problem(), site.problem()
    assert len(site.fairlead.lines("backend-ports")) == 1, "at four in five, once"
    assert not site.fairlead.lines("backend-down")
    server.streams[0].reset()
    site.fairlead.wait_end("server-lost")
    assert open_narrowly(net, site, 1) == 1


def test_more_source_addresses_give_more_local_ports(net, site, narrow):
    server = site.server("one", net.listener("127.0.0.1", 5223))
    sources = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    site.start(domain(url(server)), backend_source=",".join(sources), workers=1)
    assert open_narrowly(net, site, 99) == 96
    peers = [s.peer[0] for s in server.streams]
    assert [peers.count(a) for a in sources] == [32, 32, 32]
    assert sorted(peers[:3]) == sources, "they are used in turn"
    assert len(site.fairlead.lines("backend-ports")) == 1
    assert not site.fairlead.lines("backend-down")


def test_a_machine_that_went_away_ends_its_sessions(net, site):
    """By keepalive where the session is idle, by the user timeout where something was sent."""
    server = site.server("one", net.listener("192.0.2.1", 5222))
    site.start(domain(url(server, "192.0.2.1"), tls="none"), backend_keepalive=2,
               backend_user_timeout=5)
    idle, busy = site.ws(), site.begin()
    idle.open()
    assert busy.answer() == "one"
    net.remove("192.0.2.1")
    busy.bosh.send("<message xmlns='jabber:client' to='a@example.org'/>")
    site.fairlead.wait_lines("session-end", 2, seconds=30,
                             test=lambda p: p["reason"] == "server-lost")
    problems = [p["problem"] for p in site.fairlead.lines("backend-lost")]
    assert len(problems) == 2 and all("timed out" in p for p in problems), problems
    assert idle.ending()[-1] == CLOSE_ELEMENT and idle.code == 1011
    while busy.bosh.ended is None:
        if not busy.bosh.pending:
            busy.bosh.send()
        busy.bosh.pending[0].answer()
    assert busy.bosh.ended.condition == FAILED


def test_a_machine_that_went_away_for_a_moment_ends_nothing(net, site):
    """Of the keepalives, which come after 2, 4 and 6 seconds, two get no answer. The bounds are never
    stretched: they are the kernel's."""
    server = site.server("one", net.listener("192.0.2.1", 5222))
    site.start(domain(url(server, "192.0.2.1"), tls="none"), backend_keepalive=2,
               backend_user_timeout=8)
    ws = site.ws()
    ws.open()
    net.remove("192.0.2.1")
    time.sleep(5)
    net.add("192.0.2.1")
    time.sleep(5)
    server.streams[0].send("<message><body>still here</body></message>")
    assert ws.element().text() == "still here"
    assert not site.fairlead.lines("backend-lost")


def test_white_space_of_a_server_is_swallowed(site):
    server = site.server("one")
    site.start(domain(url(server)))
    asked, ws = site.begin(), site.ws()
    assert asked.answer() == "one"
    ws.open()
    poll = asked.bosh.send()
    for stream in server.streams:
        for _ in range(3):
            stream.send(" \n")
    assert ws.silent(0.5) and not poll.ready()
    for stream in server.streams:
        stream.send(" <message><body>a \n b</body></message> ")
    assert ws.element().text() == "a \n b"
    assert [e.text() for e in poll.answer().elements] == ["a \n b"]


# -- TLS or not ----------------------------------------------------------------------------------

@pytest.mark.parametrize("host, mode, up", [
    ("127.0.0.1", "auto", True), ("::1", "auto", True), ("192.0.2.1", "auto", False),
    ("192.0.2.1", "starttls", False), ("127.0.0.1", "starttls", False),
    ("192.0.2.1", "offered", True), ("192.0.2.1", "none", True)])
def test_a_server_without_tls(net, site, host, mode, up):
    server = site.server("plain", net.listener(host))
    site.start(domain(url(server, host), tls=mode))
    assert site.asks(2) == ({"plain": 2} if up else {FAILED: 2})
    assert up or "no STARTTLS" in site.problem()
    warned = [p["problem"] for p in site.fairlead.lines("backend-open")]
    assert len(warned) == (host == "192.0.2.1" and up)
    assert not warned or ("unencrypted" if mode == "none" else "attacker") in warned[0]


@pytest.mark.parametrize("host, mode, secure", [
    ("127.0.0.1", "auto", False), ("127.0.0.1", "offered", True), ("127.0.0.1", "starttls", True),
    ("192.0.2.1", "auto", True), ("192.0.2.1", "offered", True), ("192.0.2.1", "none", False)])
def test_a_server_that_offers_tls(net, site, tls, host, mode, secure):
    server_tls, trust = tls
    server = site.server("one", net.listener(host), **server_tls)

    def either(stream):
        """STARTTLS where Fairlead wants it; it may do without."""
        stream.open(FEATURES_BOTH)
        kind, what = stream.read()
        if kind == "element" and what.name == "starttls":
            stream.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            stream.secure()
            stream.cutter.restart()
            stream.open(FEATURES_NAMED)
        stream.echo()

    server.script = either
    site.start(domain(url(server, host), tls=mode, **trust))
    assert site.ask() == "one"
    assert any(d == "=" for _, d, _ in server.streams[-1].log) == secure


def test_what_is_offered_to_one_domain_alone(site, tls):
    """As by a server that has a certificate for one of two."""
    server_tls, trust = tls
    one = site.server("one", **server_tls)

    def first_alone(stream):
        stream.read_header()
        if stream.headers[-1]["to"] == "a.example":
            stream.send_header()
            stream.send("<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>"
                        "<required/></starttls></stream:features>")
            stream.read()
            stream.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            stream.secure()
            stream.cutter.restart()
            stream.read_header()
        stream.send_header()
        stream.send(FEATURES_NAMED)
        stream.echo()

    one.script = first_alone
    site.start(*(domain(url(one), name=name, tls="offered", **trust)
                 for name in ("a.example", "b.example")))
    for name in ("b.example", "a.example") * 2:
        assert site.ask(name) == "one", name
        secure = any(d == "=" for _, d, _ in one.streams[-1].log)
        assert secure == (name == "a.example"), name

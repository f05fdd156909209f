"""Open relaying: the client names the domain, DNS says where that is, and whoever runs that domain
says what DNS says. In a network of the test's own, whose 11.18.0.0/16 is public and where every
address that is not has a trap: a server that must never see a connection."""

import pytest

from lib.bosh import Http

FAILED = "remote-connection-failed"
PUBLIC, PUBLIC6 = "11.18.0.1", "2a0f:18::1"
TRAPS = ["127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.5.5", "192.168.1.1", "169.254.169.254",
         "100.64.0.1", "192.0.2.1", "198.18.0.1", "::1", "fd00::1", "fec0::1", "2001:db8::1"]
# More ways to say them, that a connection would take: v4-mapped, NAT64, 6to4, this host.
DISGUISES = ["::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::7f00:1", "64:ff9b::a01:203",
             "2002:7f00:1::", "::", "0.0.0.0", "::127.0.0.1", "fe80::1", "224.0.0.1", "ff02::1",
             "255.255.255.255"]

QUICK = ["127.0.0.1", "10.1.2.3", "::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
         "localhost", "127.1", "[::1]"]

pytestmark = pytest.mark.usefixtures("net")


def cases(names):
    """Those that are not QUICK are for the full run."""
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.full) for n in names]


@pytest.fixture(scope="module")
def good(authority):
    return authority.make("good", *(f"{c}.example" for c in "abcd"), "*.example.net", "localhost")


@pytest.fixture
def relay(net, site, authority, good):
    """relay(records..., settings...) starts it; traps and a public server are there."""
    tls = good.server_context()
    for i, address in enumerate(TRAPS):
        for port in (5222, 5223):
            site.server(f"trap {address} {port}", net.listener(address, port), tls=tls,
                        direct=port == 5223)
    site.server("public", net.listener(PUBLIC, 5222), tls=tls)
    site.server("public direct", net.listener(PUBLIC, 5223), tls=tls, direct=True)
    site.server("another port", net.listener(PUBLIC, 5999), tls=tls)
    site.server("public6", net.listener(PUBLIC6, 5222), tls=tls)

    def start(*records, **more):
        net.dns(*records)
        site.start({"name": "*", "backends": ["srv"], "tls_ca": authority.file, **more},
                   backend_connect=5)
        return site

    yield start
    trapped = [name for name, server in site.servers.items()
               if name.startswith("trap") and server.streams]
    assert not trapped


def srv(name, target, port=5222, service="xmpp-client"):
    return f"srv-host=_{service}._tcp.{name},{target},{port}"


def test_any_domain_is_reached_by_its_services(net, relay):
    site = relay(f"host-record=a.example,{PUBLIC}", f"host-record=c.example,{PUBLIC6}",
                 srv("b.example", "a.example"),
                 srv("d.example", "a.example", 5223, "xmpps-client"))
    assert site.ask("a.example") == "public", "the domain itself"
    assert site.ask("b.example") == "public"
    assert site.ask("c.example") == "public6"
    assert site.ask("d.example") == "public direct"
    assert site.ask("none.example") == FAILED
    for server in ("public", "public6"):
        assert all(any(d == "=" for _, d, _ in s.log) for s in site.servers[server].streams)


@pytest.mark.parametrize("address", cases(TRAPS + DISGUISES))
def test_an_address_that_is_not_public_is_refused(net, relay, address):
    """The domain's own, that of its service, and that behind another name of its service."""
    site = relay(f"host-record=a.example,{address}", srv("b.example", "a.example"),
                 srv("c.example", "a.example", 5223, "xmpps-client"),
                 "cname=alias.example,a.example", srv("d.example", "alias.example"))
    for domain in ("a.example", "alias.example", "b.example", "c.example", "d.example"):
        assert site.ask(domain) == FAILED
    problems = [p["problem"] for p in site.fairlead.wait_lines("backend-unreachable", 5)]
    if address.startswith("::ffff:"):  # no AAAA record may say such a thing
        assert all("no address for" in p for p in problems), problems
        return
    assert all("not a public address" in p for p in problems), problems
    assert not site.fairlead.lines("backend-down"), "that is no fault of the server"


def test_of_several_addresses_the_public_one_is_used(net, relay):
    site = relay(f"host-record=a.example,{PUBLIC},::1",
                 f"host-record=b.example,127.0.0.1,{PUBLIC6}")
    assert site.ask("a.example") == "public"
    assert site.ask("b.example") == "public6"


@pytest.mark.parametrize("name", cases(["localhost", "127.0.0.1", "10.1.2.3", "2130706433",
                                        "0x7f000001", "127.1", "[::1]", "::1", "localhost.",
                                        "x.localhost"]))
def test_a_name_that_is_an_address_is_refused(net, relay, name):
    site = relay(srv("localhost", "localhost"), srv("a.example", "localhost"))
    assert site.ask(name) in (FAILED, "host-unknown", "improper-addressing")
    assert site.ask("a.example") == FAILED
    assert "not a public address" in site.fairlead.log()


def test_a_server_that_is_down_there_is_no_trouble_of_ours(net, relay):
    """Or whoever names a domain could have a balancer take Fairlead out of service."""
    site = relay("host-record=a.example,11.18.0.99")
    assert site.ask("a.example") == FAILED
    status = site.fairlead.status()
    row, = [b for b in status["backends"] if b["state"] == "down"]
    assert row["name"] == "a.example:5222" and row["relayed"]
    assert status["problems"] == []
    assert Http(site.fairlead.port).request("GET", "/ready").status == 200
    metrics = Http(site.fairlead.status_port).request("GET", "/metrics").body
    assert b"a.example" not in metrics and b"fairlead_ready 1\n" in metrics


def test_only_the_listed_ports_are_dialled(net, relay):
    site = relay(f"host-record=a.example,{PUBLIC}", srv("b.example", "a.example", 5999),
                 srv("c.example", "a.example", 5999), srv("c.example", "a.example", 5222))
    assert site.ask("b.example") == FAILED
    assert "port" in site.problem()
    assert site.ask("c.example") == "public"
    assert not site.servers["another port"].streams


def test_the_ports_may_be_others(net, relay):
    site = relay(f"host-record=a.example,{PUBLIC}", srv("b.example", "a.example", 5999),
                 ports=["5999"])
    assert site.ask("b.example") == "another port"
    assert site.ask("a.example") == FAILED


def test_a_client_s_route_leads_nowhere(net, relay):
    site = relay(f"host-record=a.example,{PUBLIC}")
    for route in ("xmpp:127.0.0.1:5222", "xmpp:localhost:5222", f"xmpp:{PUBLIC}:5999"):
        assert site.ask("a.example", route=route) == "public"
    assert not site.servers["another port"].streams


def test_allow_and_deny_bound_the_domains(net, relay):
    site = relay(f"host-record=a.example.net,{PUBLIC}", f"host-record=b.example.net,{PUBLIC}",
                 f"host-record=c.example,{PUBLIC}",
                 allow=["*.example.net"], deny=["b.example.net"])
    before = net.dns_log().count("query[")
    assert site.ask("b.example.net") == "host-unknown"
    assert site.ask("c.example") == "host-unknown"
    assert net.dns_log().count("query[") == before, "no name server is asked of them either"
    assert site.ask("a.example.net") == "public"


def test_certificates_must_be_good(net, site, authority, good):
    """Of domains that a client may choose no certificate is taken on trust."""
    wrong = authority.make("wrong", "other.example")
    site.server("wrong", net.listener(PUBLIC, 5222), tls=wrong.server_context())
    net.dns(f"host-record=a.example,{PUBLIC}")
    site.start({"name": "*", "backends": ["srv"], "tls_ca": authority.file})
    assert site.ask("a.example") == FAILED
    assert "other.example" in site.problem() and "a.example" in site.problem()


@pytest.mark.parametrize("more", [{"tls": "none"}, {"tls": "offered"}, {"tls_verify": "off"}])
def test_less_than_that_is_refused_at_the_start(net, site, more):
    with pytest.raises(AssertionError, match="srv goes wherever clients want"):
        site.start({"name": "*", "backends": ["srv"], **more})

"""What a server is told of the client by the PROXY protocol, byte for byte, before all else."""

import ipaddress
import socket
import struct

import pytest

from lib.bosh import Http, request
from lib.site import CREATION
from lib.ws import WebSocket
from lib.xmlbits import NS_BOSH
from lib.xmppserver import FEATURES_SASL

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TRUST = {"http_trusted_proxies": "127.0.0.1,10.0.0.0/8"}


def read_v1(stream):
    while not stream.raw.endswith(b"\n"):
        stream.read_raw(1)


def read_v2(stream):
    head = stream.read_raw(16)
    stream.read_raw(struct.unpack("!H", head[14:])[0])


READ = {"v1": read_v1, "v2": read_v2}


def v1(source, port, to, to_port):
    return f"PROXY TCP{6 if ':' in source else 4} {source} {to} {port} {to_port}\r\n".encode()


def v2(source, port, to, to_port, tlvs=b""):
    ips = ipaddress.ip_address(source).packed + ipaddress.ip_address(to).packed
    block = ips + struct.pack("!HH", port, to_port) + tlvs
    kind = 0x21 if ":" in source else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x21, kind, len(block)) + block


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


full = pytest.mark.full
OVER_TLS = tlv(0x20, b"\1\0\0\0\1")  # PP2_CLIENT_SSL; no certificate of the client was verified


@pytest.fixture
def start(site):
    """start(version, domain's keys, settings) -> the scripted server, which reads the header."""
    def begin(version, **more):
        server = site.server("one")
        usual = server.script

        def script(stream):
            READ[version](stream)
            usual(stream)

        server.script = script
        settings = {k: more.pop(k) for k in list(more) if k.startswith("http_") or k == "listener"}
        site.start({"name": "example.org", "backends": [f"127.0.0.1:{server.port}"],
                    "proxy_protocol": version, **more}, **settings)
        return server
    return begin


def say(site, transport, headers=()):
    """A session by these header fields, up to the server's features: (address, port) of its
    socket."""
    if transport == "websocket":
        ws = site.keep(WebSocket(site.fairlead.port, headers=dict(headers)))
        ws.open()
        return ws.http.sock.getsockname()
    http = site.keep(Http(site.fairlead.port))
    attributes = "".join(f" {k}='{v}'" for k, v in {**CREATION, "to": "example.org"}.items())
    body = f"<body xmlns='{NS_BOSH}' rid='1'{attributes}/>"
    http.send(request("POST", "/http-bind", body, dict(headers)))
    assert b"features" in http.response(30).body
    return http.sock.getsockname()


def header(server, n=-1):
    return server.streams[n].raw


@pytest.mark.parametrize("version, render", [("v1", v1), ("v2", v2)])
@pytest.mark.parametrize("transport", ["bosh", "websocket"])
def test_the_client_s_own_address(site, start, transport, version, render):
    server = start(version)
    source = say(site, transport, {"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6",
                                   "X-Forwarded-Proto": "https"})
    assert header(server) == render(*source, "127.0.0.1", site.fairlead.port)


@pytest.mark.parametrize("version, render", [("v1", v1), ("v2", v2)])
@pytest.mark.parametrize("said, source, port, to", [
    pytest.param("192.0.2.7", "192.0.2.7", 0, "127.0.0.1", marks=full),
    pytest.param("192.0.2.7:4711", "192.0.2.7", 4711, "127.0.0.1", marks=full),
    ("6.6.6.6, 192.0.2.7, 10.1.2.3", "192.0.2.7", 0, "127.0.0.1"),
    ("2001:db8::7", "2001:db8::7", 0, "::ffff:127.0.0.1")])
@pytest.mark.parametrize("transport", ["bosh", pytest.param("websocket", marks=full)])
def test_the_address_that_a_trusted_proxy_tells(site, start, transport, said, source, port, to,
                                                version, render):
    server = start(version, **TRUST)
    say(site, transport, {"X-Forwarded-For": said})
    assert header(server) == render(source, port, to, site.fairlead.port)


@pytest.mark.parametrize("transport", ["bosh", "websocket"])
@pytest.mark.parametrize("host, authority", [("chat.example.org", b"chat.example.org"),
                                             ("chat.example.org:8443", b"chat.example.org")])
def test_tls_in_front_is_told_with_the_name_that_was_asked_for(site, start, transport, host,
                                                              authority):
    server = start("v2", **TRUST)
    say(site, transport, {"Host": host, "X-Forwarded-For": "192.0.2.7",
                          "X-Forwarded-Proto": "https"})
    assert header(server) == v2("192.0.2.7", 0, "127.0.0.1", site.fairlead.port,
                                tlv(2, authority) + OVER_TLS)


def test_forwarded_is_read_where_it_is_named(site, start):
    server = start("v2", http_forwarded_header="forwarded", **TRUST)
    say(site, "bosh", {"Host": "a.example", "X-Forwarded-For": "6.6.6.6",
                       "Forwarded": "for=192.0.2.9;proto=https;host=other.example"})
    assert header(server).startswith(v2("192.0.2.9", 0, "127.0.0.1", site.fairlead.port)[:12])
    assert socket.inet_aton("192.0.2.9") in header(server) and OVER_TLS in header(server)


@pytest.mark.parametrize("version, render", [("v1", v1), ("v2", v2)])
def test_what_a_proxy_header_tells_is_passed_on(site, start, version, render):
    """It is the client's own address and the address that it connected to, with their ports."""
    server = start(version, listener={"proxy_protocol": "on"}, **TRUST)
    http = site.keep(Http(site.fairlead.port))
    http.send(v2("192.0.2.7", 4711, "198.51.100.1", 443,
                 tlv(2, b"chat.example.org") + tlv(0x20, b"\1\0\0\0\1")))
    attributes = "".join(f" {k}='{v}'" for k, v in {**CREATION, "to": "example.org"}.items())
    http.send(request("POST", "/http-bind", f"<body xmlns='{NS_BOSH}' rid='1'{attributes}/>",
                      {"Host": "chat.example.org"}))
    assert b"features" in http.response(30).body
    more = () if version == "v1" else (tlv(2, b"chat.example.org") + OVER_TLS,)
    assert header(server) == render("192.0.2.7", 4711, "198.51.100.1", 443, *more)


def begin_tls(site, made, version, authority, scheme):
    server = site.server("one", tls=made.server_context())
    usual = server.script

    def script(stream):
        READ[version](stream)
        if scheme == "tls":
            stream.secure()
            stream.open(FEATURES_SASL.replace("</stream:f", "<name>one</name></stream:f"))
            stream.echo()
        else:
            usual(stream)

    server.script = script
    site.start({"name": "example.org", "backends": [f"{scheme}://127.0.0.1:{server.port}"],
                "proxy_protocol": version, "tls": "starttls", "tls_ca": authority.file})
    return server


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_it_stands_before_tls(site, authority, version, scheme):
    server = begin_tls(site, authority.make("good", "example.org"), version, authority, scheme)
    assert site.ask() == "one"
    assert len(server.streams) == 1
    assert header(server).startswith(b"PROXY TCP4 127.0.0.1 " if version == "v1" else SIGNATURE)


def test_each_connection_of_a_session_begins_with_it(site, start):
    """`offered` comes again where there is no STARTTLS."""
    server = start("v1", tls="offered")
    source = say(site, "websocket")
    assert [s.raw for s in server.streams] == 2 * [v1(*source, "127.0.0.1", site.fairlead.port)]

"""The guides in doc/ do what they say: what they tell the reader to write is taken out of them and
run, with other ports and folders. What they quote from files of the tree stands there."""

import base64
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess

import pytest

import fronts
import guides
import peers
import servers
from test_kills import Held

NGINX = "NGINX.md"
ACCOUNTS = {"alice": "a password", "bob": "another one"}
# Debian's own, as far as it matters, for those who may not read it.
PROSODY = 'VirtualHost "localhost"\nInclude "conf.d/*.cfg.lua"\n'


def test_what_guides_quote_from_files_of_the_tree_stands_there():
    quoted = 0
    for path in glob.glob(os.path.join(peers.TOP, "doc", "*.md")):
        for b in guides.blocks(os.path.basename(path)):
            for name in b.names:
                if re.match(r"(examples|conf|tests|www)/", name):
                    quoted += 1
                    assert b.text in guides.read(name), f"{os.path.basename(path)}: {name}"
    assert quoted


def test_what_guides_link_to_is_there():
    links = 0
    for path in [*glob.glob(os.path.join(peers.TOP, "doc", "*.md")),
                 os.path.join(peers.TOP, "README.md")]:
        with open(path) as f:
            for link in re.findall(r"\]\(([^)#]+)", f.read()):
                if "://" not in link:
                    links += 1
                    assert os.path.exists(os.path.join(os.path.dirname(path), link)), (path, link)
    assert links


def test_keys_that_guides_name_are_in_the_manual():
    manual = guides.read("man", "fairlead.conf.5")
    groups = {m[1] for m in re.finditer(r"^\.It Cm ([a-z]+)\.[a-z_]+$", manual, re.M)}
    named = set()
    for path in glob.glob(os.path.join(peers.TOP, "doc", "*.md")):
        with open(path) as f:
            named |= {m[0] for m in re.finditer(r"(?<=`)([a-z]+)\.[a-z_]+(?=`)", f.read())
                      if m[1] in groups}
    assert len(named) > 20
    assert not {key for key in named if not re.search(rf"^\.It Cm {key}$", manual, re.M)}


# -- behind nginx, from nothing ----------------------------------------------------------------

class DebianEjabberd(servers.Ejabberd):
    """As Debian installs it and the guide changes it."""

    backend = "127.0.0.1:5225"

    def configuration(self):
        path = self.file("debian.yml")
        shutil.copy("/usr/share/ejabberd/ejabberd.yml.example", path)
        change = guides.command(NGINX, "sed -i 's/^  - localhost")
        subprocess.run(change.replace("/etc/ejabberd/ejabberd.yml", path), shell=True, check=True)
        with open(path) as f:
            text = f.read()
        assert "port: 5280" not in text and text.count("\nlisten:\n") == 1
        text = text.replace("\nlisten:\n", f"\nlisten:\n{guides.block(NGINX, 'listen:')}")
        assert f"port: {self.backend.split(':')[1]}\n" in text
        text = text.replace("port: 5225\n", f"port: {self.port}\n")
        for port in set(re.findall(r"port: (\d+)", text)) - {str(self.port)}:
            text = text.replace(f"port: {port}\n", f"port: {servers.free_port()}\n")
        return text.replace("/etc/ejabberd/ejabberd.pem", self.certificate.pem)


class DebianProsody(servers.Prosody):
    """The same."""

    backend = "127.0.0.1:5222"

    def configure(self):
        text = PROSODY
        if os.access("/etc/prosody/prosody.cfg.lua", os.R_OK):
            with open("/etc/prosody/prosody.cfg.lua") as f:
                text = f.read()
        for folder in ("/run/prosody", "/var/log/prosody"):
            text = text.replace(folder, self.folder)
        own = ["run_as_root = true", f'data_path = "{self.folder}/data"',
               f"c2s_ports = {{ {self.port} }}", "s2s_ports = {}", "http_ports = {}",
               "https_ports = {}"]
        servers.write(self.file("prosody.cfg.lua"), "\n".join([*own, text]))
        name = "/etc/prosody/conf.d/example.org.cfg.lua"
        servers.write(self.file("conf.d/example.org.cfg.lua"), guides.block(NGINX, name))


class Nginx(fronts.Nginx):
    """From the example with the guide's lines for the certificate, and the page's folder."""

    def __init__(self, fairlead, certificate, root):
        self.root = root
        super().__init__({5280: fairlead.port}, certificate, edit=self.change)

    def change(self, text):
        lines = guides.block(NGINX, "/etc/nginx/conf.d/fairlead.conf")
        paths = re.findall(r"/etc/letsencrypt/\S+(?=;)", lines)
        old = re.compile(r"\tssl_certificate .*\n\tssl_certificate_key .*\n")
        text, n = old.subn(lines, text)
        assert n == 1 and len(paths) == 2 and "root /var/www/chat;" in text
        new = (self.certificate.certificate, self.certificate.key, self.root)
        for path, own in zip([*paths, "/var/www/chat"], new):
            text = text.replace(path, own)
        return text

    def example(self, replace):
        super().example({k: v for k, v in replace.items() if "/etc/ssl" not in k})


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.make("newcomer", "chat.example.org")


def key_of(certificate):
    """The hash of its public key, as Chromium wants it."""
    key = subprocess.run(["openssl", "x509", "-in", certificate.certificate, "-pubkey", "-noout"],
                         capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key,
                         capture_output=True, check=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder that nginx serves, by the guide's own commands; Strophe.js is there already."""
    root = tmp_path_factory.mktemp("chat")
    copy = guides.command(NGINX, "cp examples/strophe")
    subprocess.run(copy.replace("/var/www/chat", str(root)), shell=True, check=True,
                   cwd=peers.TOP)
    with open(os.path.join(peers.HERE, "package.json")) as f:
        version = re.search(r'"strophe.js": "(.*)"', f.read())[1]
    assert guides.command(NGINX, "npm pack") == f"npm pack strophe.js@{version}"
    unpack = guides.command(NGINX, "tar xzf").split()
    assert unpack[2] == f"strophe.js-{version}.tgz" and unpack[-2] == "2"
    file = unpack[-1].removeprefix("package/")
    shutil.copy(os.path.join(peers.HERE, "node_modules", "strophe.js", file), root)
    return str(root)


SERVERS = {"ejabberd": DebianEjabberd, "prosody": DebianProsody}
full = pytest.mark.full


@pytest.fixture(scope="module")
def newcomer(request, certificate, page):
    """A server, Fairlead and nginx as the guide has them."""
    kind = SERVERS[request.param]
    kind.certificate = certificate
    with kind(ACCOUNTS) as server:
        text = guides.block(NGINX, "/etc/fairlead/fairlead.json")
        if kind is DebianProsody:
            text = re.sub(r"// ejabberd\n.*\n(\s+)// Prosody: ", r"\1", text)
        assert text.count(f"tcp://{kind.backend}") == 1
        path = server.file("fairlead.json")
        servers.write(path, text)
        check = guides.command(NGINX, "fairlead -t").split("#")[0].split()
        subprocess.run([peers.fairlead.PROGRAM, *check[1:-1], path], check=True)
        # nginx asks from an address of its own here, so that it can be told from the browser.
        text = text.replace(f"tcp://{kind.backend}", f"tcp://127.0.0.1:{server.port}")
        text, n = re.subn(r'(trusted_proxies": \["127.0.0).1"', r'\1.2"', text)
        assert n == 1
        servers.write(path, text)
        fairlead = peers.fairlead.Fairlead(options=["-c", path])
        try:
            with Nginx(fairlead, certificate, page) as nginx:
                yield server, fairlead, nginx
            fairlead.stop()
        finally:
            fairlead.clean()


def status_link(fairlead):
    """By the guide's own command."""
    command = guides.command(NGINX, 'echo "http://127.0.0.1:5282/')
    for old, new in (("5282", str(fairlead.status_port)),
                     ("/run/fairlead/", os.path.join(fairlead.folder, "run/"))):
        assert old in command
        command = command.replace(old, new)
    return subprocess.run(command, shell=True, capture_output=True, text=True,
                          check=True).stdout.strip()


def in_browser(newcomer, certificate, page, via=""):
    """What people see in the browser, and Fairlead's lines on their sessions."""
    server, fairlead, nginx = newcomer
    accounts = [{"jid": f"{user}@example.org", "password": word} for user, word in ACCOUNTS.items()]
    since = fairlead.log_size()
    options = {"port": nginx.http, "via": via, "accounts": accounts, "key": key_of(certificate),
               "status": status_link(fairlead),
               "browser": peers.browser()}
    if os.environ.get("SCREENSHOTS"):
        options["screenshot"] = f"{os.environ['SCREENSHOTS']}/{page}-{server.name}-{via}.png"
    facts = peers.node("newcomer.js", page, json.dumps(options))
    ends = fairlead.wait_lines("session-end", 2, since)
    assert {p["peer"] for p in ends} == {fronts.CLIENT}, "the browser's address, not nginx's"
    return facts, ends


@pytest.mark.parametrize("newcomer, via", [
    ("ejabberd", "bosh"), ("ejabberd", "websocket"),
    pytest.param("prosody", "bosh", marks=full), pytest.param("prosody", "websocket", marks=full)],
    indirect=["newcomer"])
def test_a_newcomer_chats_through_nginx_and_finds_the_session(newcomer, certificate, via):
    for user, word in ACCOUNTS.items():
        assert f"register {user} example.org '{word}'\n" in guides.read("doc", NGINX)
    facts, ends = in_browser(newcomer, certificate, "strophe", via)
    assert not [line for line in facts["console"] if "Error" in line], facts["console"]
    assert {p["transport"] for p in ends} == {via} and {p["domain"] for p in ends} == {"example.org"}
    server = newcomer[0]
    if server.name == "ejabberd":
        with open(server.file("ejabberd.log")) as f:
            assert re.search(r"Accepted c2s \S+ authentication for alice@example.org by \S+ backend "
                             rf"from (::ffff:)?{re.escape(fronts.CLIENT)}", f.read())


@full
@pytest.mark.parametrize("newcomer", ["ejabberd", "prosody"], indirect=True)
def test_a_newcomer_logs_in_with_converse(newcomer, certificate, page):
    with open(os.path.join(peers.HERE, "package.json")) as f:
        version = re.search(r'"converse.js": "(.*)"', f.read())[1]
    assert guides.command("CONVERSE.md", "npm pack") == f"npm pack converse.js@{version}"
    folder = os.path.join(page, "converse")
    if not os.path.exists(folder):
        copy = guides.command("CONVERSE.md", "cp examples/converse")
        os.mkdir(folder)
        subprocess.run(copy.replace("/var/www/chat", folder), shell=True, check=True,
                       cwd=peers.TOP)
        os.symlink(os.path.join(peers.HERE, "node_modules", "converse.js", "dist"),
                   os.path.join(folder, "dist"))
    facts, ends = in_browser(newcomer, certificate, "converse")
    assert {p["transport"] for p in ends} == {"websocket"}, facts


@pytest.mark.parametrize("newcomer", ["ejabberd"], indirect=True)
@pytest.mark.parametrize("path", ["http-bind", "xmpp-websocket"])
def test_what_the_guide_says_of_curl_is_true(newcomer, authority, path):
    _, fairlead, nginx = newcomer
    asked = {m[1]: m[2] for m in re.finditer(r"^curl -i (\S+) +# (.*)$",
                                            guides.read("doc", NGINX), re.M)}
    r = fronts.Https(nginx.http, trust=authority.file, name="chat.example.org").request(
        "GET", f"/{path}", None, {"Host": "chat.example.org"})
    said = asked[f"https://chat.example.org/{path}"]
    assert str(r.status) in said
    if path == "http-bind":
        assert re.search('"(.*)"', said)[1].encode() in r.body
        assert "http://127.0.0.1:5280/http-bind" in asked


# -- with Strophe.js ---------------------------------------------------------------------------

def held(server, front, transport, domain="example.org"):
    """A Strophe.js that is logged in, and waits for what becomes of it."""
    setup = peers.Setup(server, front.port, list(ACCOUNTS))
    setup.options = lambda t: {**peers.Setup.options(setup, t), "domain": domain}
    return Held(setup, "strophe", transport)


@pytest.mark.parametrize("transport", ["bosh", "websocket"])
def test_strophe_is_told_the_conditions_of_its_guide(front, transport):
    """And of a logout that it did not ask for in the status that the guide names."""
    told = guides.read("doc", "STROPHE.md")

    def last(said, condition):
        assert f"\n| `{condition}` | " in told
        how = "CONNFAIL" if transport == "bosh" else "ERROR"
        assert f"{how} {condition}" in said and said[-1].startswith("DISCONNECTED"), said
        assert transport == "bosh" or said[-1] == "DISCONNECTED", said

    with servers.Prosody(ACCOUNTS) as server:
        f = front({"name": "example.org", "backends": [f"tcp://127.0.0.1:{server.port}"]},
                  {"name": "down.example", "backends": [f"tcp://127.0.0.1:{servers.free_port()}"]})
        scheme, path = (("http", "http-bind") if transport == "bosh" else ("ws", "xmpp-websocket"))
        facts = peers.run("strophe", "logins", {
            "service": f"{scheme}://127.0.0.1:{f.port}/{path}", "transport": transport,
            "domains": ["nowhere.example", "down.example", "example.org"], "user": "alice",
            "password": "wrong"})
        for domain, condition in (("nowhere.example", "host-unknown"),
                                  ("down.example", "remote-connection-failed")):
            assert facts[domain]["refused"] == condition and f"\n| `{condition}` | " in told
        assert "AUTHFAIL" in facts["example.org"]["refused"]
        first = held(server, f, transport, "example.org/same")
        second = held(server, f, transport, "example.org/same")
        last(first.facts()["said"], "conflict")
        f.stop()
        last(second.facts()["said"], "system-shutdown")


# -- in React Native (see test_react_native.py) ------------------------------------------------

def test_the_screens_of_the_app_are_javascript():
    with open(os.path.join(peers.HERE, "package.json")) as f:
        version = re.search(r'"@xmpp/client": "(.*)"', f.read())[1]
    assert guides.command("REACT-NATIVE.md", "npm install").endswith(f"@xmpp/client@{version}")
    prettier = os.path.join(peers.HERE, "node_modules", "prettier", "bin", "prettier.cjs")
    done = subprocess.run(["node", prettier, "--parser", "babel", os.path.join(
        peers.TOP, "examples", "react-native", "App.js")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

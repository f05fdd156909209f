"""Private XMPP servers for the peer tests: Prosody, ejabberd and jabberd2, each in a folder of its
own.

They listen on loopback only, on ports found free, know the accounts they are given and are ended
by their process id; nothing of them stays behind. `http_port` is the server's own BOSH and
WebSocket, against which the client scripts themselves can be proved; jabberd2 has none.

As a program it writes Prosody's folder for ./demo, which then starts and stops the server itself.
"""

import glob
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))

from ports import free_port  # noqa: E402

running = []  # every server of this run: what is shown of a failure reads their logs


def wait_port(port, process, seconds=30, log=None):
    """Wait until the port takes connections; raise when the process ends first or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    text = ""
    if log and os.path.exists(log):
        with open(log, errors="replace") as f:
            text = "".join(f.readlines()[-30:])
    raise RuntimeError(f"nothing listens on port {port}\n{text}")


def end(process, seconds=10):
    """Ask the process to end, insist after a while, and wait for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def fill(name, values):
    with open(os.path.join(HERE, name)) as f:
        text = f.read()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text


def lua_name(text):
    """A store's file name as Prosody writes it: all but letters and digits as %xx."""
    return "".join(c if c.isalnum() and c.isascii() else f"%{b:02x}"
                   for c in text for b in c.encode())


def lua_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def prosody_host(domain, tls):
    lines = [f'VirtualHost "{domain}"']
    if tls:
        # The key is expected beside it. An `ssl` option would not be heeded by direct TLS.
        lines.append(f'\tcertificate = "{tls.certificates[domain].certificate}"')
        if tls.client_ca:
            lines.append('\tc2s_ssl = { verify = { "peer", "fail_if_no_peer_cert" }; '
                         f'verifyext = {{ lsec_continue = false }}; cafile = "{tls.client_ca}" }}')
    return "\n".join(lines)


def prosody_folder(folder, domain, accounts, port, http_port=None, friends=(), tls=None,
                   smacks=True):
    """Write a Prosody's configuration and data. Friends are accounts in one another's roster."""
    modules = ["smacks"] * smacks + ["bosh", "websocket"] * bool(http_port)
    domains = [domain, *(d for d in (tls.certificates if tls else ()) if d != domain)]
    write(os.path.join(folder, "prosody.cfg.lua"),
          fill("prosody.cfg.lua.in",
               {"DIR": folder, "DOMAIN": domain, "PORT": port, "HTTP_PORT": http_port or "",
                "TLS_PORT": tls.port if tls else "", "TLS": '"tls",' if tls else "",
                "HOSTS": "\n".join(prosody_host(d, tls) for d in domains),
                "MODULES": "".join(f'"{m}", ' for m in modules)}))
    data = os.path.join(folder, "data", lua_name(domain))
    for name in domains:
        for user, password in accounts.items():
            write(os.path.join(folder, "data", lua_name(name), "accounts",
                               lua_name(user) + ".dat"),
                  f'return {{ ["password"] = {lua_string(password)}; }};\n')
    for user in friends:
        items = "".join(
            f'[{lua_string(f"{other}@{domain}")}] = {{ ["subscription"] = "both";'
            f' ["groups"] = {{}}; ["name"] = {lua_string(other.capitalize())}; }};'
            for other in friends if other != user)
        write(os.path.join(data, "roster", lua_name(user) + ".dat"),
              f'return {{ [false] = {{ ["version"] = 1; ["pending"] = {{}}; }}; {items} }};\n')


class Tls:
    """What a server does with TLS: STARTTLS on its usual port, TLS from the first byte on `port`.

    certificates: {domain: certificate (see tests/it/lib/certs.py)}, of the server's domain too; all
    have the same accounts. client_ca: whose certificates clients must have."""

    def __init__(self, certificates, client_ca=None):
        self.certificates, self.client_ca = certificates, client_ca
        self.port = free_port()


class Server:
    """A started server: its port for client streams, http_port for its own web endpoints if it has
    any; processes, all that run for it; mechanisms, which of SASL's clients may choose."""

    has_web = True
    mechanisms = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")

    def __init__(self, accounts, domain="example.org", friends=(), tls=None, proxy=False):
        self.domain = domain
        self.tls = tls
        self.proxy = proxy  # wants the PROXY protocol of its clients (ejabberd only)
        self.friends = friends
        self.accounts = accounts
        self.folder = tempfile.mkdtemp(prefix=f"fairlead-{self.name.split()[0]}-")
        self.port = free_port()
        self.http_port = free_port() if self.has_web else None
        self.processes = []
        running.append(self)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def run(self, *command, **more):
        """Start a program of the server; what it prints goes to the file `out`."""
        with open(self.file("out"), "ab") as out:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, **more)
        self.processes.append(process)
        return process

    def file(self, name):
        return os.path.join(self.folder, name)

    def wait_for(self, what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if any(p.poll() is not None for p in self.processes) or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: no {what}\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def log(self):
        """All that it said, for a failure to show."""
        parts = []
        for path in sorted(glob.glob(self.file("*.log")) + [self.file("out")]):
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    parts.append(f"--- {os.path.basename(path)}\n{f.read()}")
        return "\n".join(parts)

    def stop(self):
        while self.processes:
            end(self.processes.pop())
        if self in running:
            running.remove(self)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Prosody(Server):
    name = "prosody"
    smacks = True

    def configure(self):
        """Changes to its folder before it starts."""

    def start(self):
        prosody_folder(self.folder, self.domain, self.accounts, self.port, self.http_port,
                       self.friends, self.tls, self.smacks)
        self.configure()
        self.run("prosody", "--config", self.file("prosody.cfg.lua"), "-F")
        wait_port(self.port, self.processes[0], log=self.file("out"))


class PlainProsody(Prosody):
    """Without stream management."""

    name = "prosody without mod_smacks"
    smacks = False


class Ejabberd(Server):
    """Started as a bare Erlang program without a node name, so that no epmd is needed."""

    name = "ejabberd"

    def domains(self):
        return list(self.tls.certificates if self.tls else ()) or [self.domain]

    def configuration(self):
        tls = self.tls
        certificates = tls.certificates if tls else {}
        proxy = str(self.proxy).lower()
        return fill("ejabberd.yml.in", {
            "DOMAINS": ", ".join(f'"{d}"' for d in self.domains()),
            "CERTIFICATES": ", ".join(f'"{c.pem}"' for c in certificates.values()),
            "STARTTLS": str(bool(tls)).lower(), "PROXY": proxy,
            "DIRECT": tls and fill("ejabberd-tls.yml.in", {"PORT": tls.port, "PROXY": proxy}) or "",
            "PORT": self.port, "HTTP_PORT": self.http_port})

    def start(self):
        config = self.file("ejabberd.yml")
        write(config, self.configuration())
        spool = self.file("spool")
        os.mkdir(spool)
        binaries = ", ".join(
            f'{{<<"{user}"/utf8>>, <<"{password}"/utf8>>}}'
            for user, password in self.accounts.items())
        erlang_domains = ", ".join(f'<<"{d}">>' for d in self.domains())
        register = (
            "{ok, _} = application:ensure_all_started(ejabberd), "
            f"[ok = ejabberd_auth:try_register(U, D, P) || {{U, P}} <- [{binaries}], "
            f"D <- [{erlang_domains}]], "
            f'ok = file:write_file("{self.folder}/ready", <<>>).')
        env = dict(os.environ,
                   EJABBERD_CONFIG_PATH=config,
                   EJABBERD_LOG_PATH=self.file("ejabberd.log"),
                   ERL_CRASH_DUMP=self.file("crash.dump"),
                   ERL_LIBS=os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*")[0]),
                   HOME=self.folder,
                   SCRIPT_DIR=self.folder)
        self.run("erl", "-noinput", "+Bi", "-mnesia", "dir", f'"{spool}"', "-eval", register,
                 env=env)
        wait_port(self.port, self.processes[0], log=self.file("out"))
        self.wait_for("accounts", lambda: os.path.exists(self.file("ready")))


class Jabberd2(Server):
    """Four programs: the router, and what joins it: sessions, the clients' door, the rooms."""

    name = "jabberd2"
    has_web = False
    mechanisms = ("PLAIN", "DIGEST-MD5")

    def start(self):
        router_port = free_port()
        values = {"DIR": self.folder, "DOMAIN": self.domain, "PORT": self.port,
                  "ROUTER_PORT": router_port, "MODULES": glob.glob("/usr/lib/*/jabberd2")[0]}
        for name in ("router", "router-users", "sm", "c2s", "muc"):
            write(self.file(f"{name}.xml"), fill(f"jabberd2/{name}.xml.in", values))
        for name in ("data", "rooms"):
            os.mkdir(self.file(name))
        accounts = sqlite3.connect(self.file("accounts.db"))
        with accounts:
            accounts.execute("create table authreg (username text, realm text, password text)")
            accounts.executemany("insert into authreg values (?, ?, ?)", [
                (user, self.domain, password) for user, password in self.accounts.items()])
        accounts.close()
        router = self.run("jabberd2-router", "-c", self.file("router.xml"))
        wait_port(router_port, router, log=self.file("router.log"))
        self.run("jabberd2-sm", "-c", self.file("sm.xml"))
        self.run("mu-conference", "-c", self.file("muc.xml"))
        self.run("jabberd2-c2s", "-c", self.file("c2s.xml"))
        for name in (self.domain, f"conference.{self.domain}"):
            self.wait_for(name, lambda n=name: f"[{n}] online" in self.log())
        wait_port(self.port, self.processes[-1], log=self.file("c2s.log"))

    def stop(self):
        # Asked to end, the rooms take five seconds; they have nothing to lose.
        for process in self.processes:
            if process.args[0] == "mu-conference":
                process.kill()
        super().stop()


def main():
    """servers.py FOLDER DOMAIN USER:PASSWORD...: write a Prosody's folder, print its port."""
    folder, domain = sys.argv[1:3]
    accounts = dict(a.split(":", 1) for a in sys.argv[3:])
    port = free_port()
    prosody_folder(folder, domain, accounts, port, friends=tuple(accounts))
    print(port)


if __name__ == "__main__":
    main()

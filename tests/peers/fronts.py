"""The nginx and the HAProxy of this system, as reverse proxies before a Fairlead.

Each runs from the example in conf/, in which only addresses, ports and the paths of certificates
are replaced, inside of a configuration that says what the example leaves to its surroundings. They
ask Fairlead from the address PROXY, so that it can be told from a client's, CLIENT.
"""

import grp
import os
import pwd
import re
import shutil
import ssl

import peers  # noqa: F401  (it finds lib)
from lib.bosh import Http

import servers

CLIENT, PROXY = "127.0.0.1", "127.0.0.2"

NGINX = """
daemon off;
user {user} {group};
worker_processes 2;
pid {folder}/pid;
events {{ worker_connections 512; }}
http {{
	access_log off;
	include /etc/nginx/mime.types;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	proxy_bind {proxy};
	{timeouts}
	include {folder}/example;
}}
"""
HAPROXY = """
global
	log stdout format raw local0
	maxconn 500
defaults
	log global
	option httplog
	source {proxy}
	{timeouts}
"""


def without(line):
    """For `edit`: the example without the one line that has these words."""
    def cut(text):
        lines = text.splitlines(keepends=True)
        kept = [s for s in lines if line not in s.split("#")[0]]
        assert len(kept) == len(lines) - 1, f"{line} stands in {len(lines) - len(kept)} lines"
        return "".join(kept)
    return cut


class Front(servers.Server):
    """fairlead: {port in the example: the port of a Fairlead}. impatient: what the example leaves
    to its surroundings times out after 3 seconds, or else as these have it by default. edit(text)
    changes the example. http, tcp: where it takes clients."""

    has_web = False

    def __init__(self, fairlead, certificate, impatient=False, edit=lambda text: text):
        self.fairlead, self.certificate = fairlead, certificate
        self.impatient, self.edit = impatient, edit
        self.http, self.tcp = servers.free_port(), servers.free_port()
        super().__init__({})

    def example(self, replace):
        """The example with these patterns replaced, each of which has to be there."""
        with open(os.path.join(peers.TOP, "conf", self.source)) as f:
            text = self.edit(f.read())
        for pattern, new in replace.items():
            text, n = re.subn(pattern, new, text)
            assert n, f"{pattern} is not in conf/{self.source}"
        servers.write(self.file("example"), text)

    def launch(self, program, *arguments):
        path = shutil.which(program) or f"/usr/sbin/{program}"
        self.run(path, *arguments)
        servers.wait_port(self.http, self.processes[0], log=self.file("out"))


class Nginx(Front):
    name, source = "nginx", "nginx.conf.example"

    def start(self):
        user = pwd.getpwuid(os.getuid())
        impatient = "keepalive_timeout 3s; proxy_read_timeout 3s; proxy_send_timeout 3s;"
        self.example({
            r"listen 443 ": f"listen {CLIENT}:{self.http} ",
            r"listen \[::\]:443 ": f"listen 127.0.0.3:{self.http} ",
            r"server 127\.0\.0\.1:5280;": f"server 127.0.0.1:{self.fairlead[5280]};",
            r"/etc/ssl/certs/[a-z.]+": self.certificate.certificate,
            r"/etc/ssl/private/[a-z.]+": self.certificate.key})
        servers.write(self.file("nginx.conf"), NGINX.format(
            folder=self.folder, proxy=PROXY, user=user.pw_name,
            group=grp.getgrgid(user.pw_gid).gr_name, timeouts=impatient if self.impatient else ""))
        self.launch("nginx", "-p", self.folder, "-e", self.file("error.log"), "-c",
                    self.file("nginx.conf"))


class Haproxy(Front):
    name, source = "haproxy", "haproxy.cfg.example"

    def start(self):
        words = {"connect": "3s", **dict.fromkeys(
            ("client", "server", "tunnel", "http-keep-alive"), "3s")} if self.impatient else \
            {"connect": "5000", "client": "50000", "server": "50000"}  # as Debian has them
        self.example({
            r"bind :::443 v4v6": f"bind {CLIENT}:{self.http}",
            r"bind :::5443 v4v6": f"bind {CLIENT}:{self.tcp}",
            r"(server fairlead 127\.0\.0\.1):5280": rf"\1:{self.fairlead[5280]}",
            r"(server fairlead 127\.0\.0\.1):5281": rf"\1:{self.fairlead[5281]}",
            r"/etc/haproxy/[a-z.]+": self.certificate.pem})
        servers.write(self.file("base.cfg"), HAPROXY.format(
            proxy=PROXY, timeouts="\n\t".join(f"timeout {k} {v}" for k, v in words.items())))
        self.launch("haproxy", "-db", "-f", self.file("base.cfg"), "-f", self.file("example"))
        servers.wait_port(self.tcp, self.processes[0], log=self.file("out"))


class Https(Http):
    """A connection over TLS; trust: the certificate of the authority; name: whom it is for."""

    def __init__(self, port, timeout=10, before=b"", *, trust, name=CLIENT):
        super().__init__(port, timeout, before)
        context = ssl.create_default_context(cafile=trust)
        self.sock = context.wrap_socket(self.sock, server_hostname=name)

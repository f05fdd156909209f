"""Certificates for one run: an authority in a temporary folder, by the openssl command."""

import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile

CONFIG = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = tests
[tests]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""
SPANS = {"now": ("20200101000000Z", "20491231235959Z"),
         "expired": ("20200101000000Z", "20210101000000Z"),
         "future": ("20450101000000Z", "20491231235959Z")}


class Certificate:
    """Paths: certificate, key, and both in one file (pem); pin, as domains.tls_pins has it."""

    def __init__(self, stem):
        self.certificate, self.key, self.pem = f"{stem}.crt", f"{stem}.key", f"{stem}.pem"

    @property
    def pin(self):
        with open(self.certificate) as f:
            return "sha256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()

    def server_context(self):
        """For a scripted server."""
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.certificate, self.key)
        return c


class Authority:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fairlead-ca-")
        os.chmod(self.folder, 0o755)
        self.config = self.path("openssl.cnf")
        with open(self.config, "w") as f:
            f.write(CONFIG.format(folder=self.folder))
        open(self.path("index"), "w").close()
        self.own = Certificate(self.path("authority"))
        self.request(self.own, "Authority of the tests", "-x509", "-days", "30", "-extensions",
                     "authority", "-out", self.own.certificate)
        self.file = self.own.certificate

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *command):
        done = subprocess.run(["openssl", *command], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"openssl {' '.join(command)}\n{done.stderr}"

    def request(self, c, name, *more):
        self.openssl("req", "-new", "-config", self.config, "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", c.key,
                     *more)

    def make(self, name, *domains, span="now", self_signed=False, names=()):
        """A certificate for these domains, kept in files that begin with `name`; names: further
        subjectAltNames in openssl's words."""
        c = Certificate(self.path(name))
        alt = ",".join([f"DNS:{d}" for d in domains] + list(names))
        begin, end = SPANS[span]
        self.request(c, name, "-addext", f"subjectAltName={alt}", "-out", self.path("request"))
        issuer = ["-selfsign", "-keyfile", c.key] if self_signed else \
            ["-cert", self.own.certificate, "-keyfile", self.own.key]
        self.openssl("ca", "-batch", "-config", self.config, *issuer, "-startdate", begin,
                     "-enddate", end, "-notext", "-in", self.path("request"), "-out",
                     c.certificate)
        with open(c.pem, "w") as out:
            for part in (c.certificate, c.key):
                with open(part) as f:
                    out.write(f.read())
        return c

    def client_context(self):
        """For clients that believe this authority."""
        return ssl.create_default_context(cafile=self.file)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

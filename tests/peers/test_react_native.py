"""xmpp.js as in a React Native app: the Origin that its platform sends, a network that changes under
it, and timers that stand still while the app is in the background.

FREEZE (environment, default 8) is for how many seconds the app stands still.
"""

import json
import os
import queue
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import peers
import servers

FREEZE = float(os.environ.get("FREEZE", "8"))
SERVERS = {"prosody": servers.Prosody, "ejabberd": servers.Ejabberd}


class App:
    """One running client; what it says is kept in `said`."""

    def __init__(self, options, script="reactnative.js"):
        self.said = []
        self.news = queue.Queue()
        self.process = subprocess.Popen(
            ["node", os.path.join(peers.HERE, "clients", script), json.dumps(options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.news.put(json.loads(line))

    def wait(self, event, since=0, test=lambda fact: True, seconds=20):
        """The first fact of that kind, from the since-th on, for which test holds."""
        deadline = time.monotonic() + peers.patience(seconds)
        while True:
            for fact in self.said[since:]:
                if fact["event"] == event and test(fact):
                    return fact
            try:
                self.said.append(self.news.get(timeout=max(0, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"no {event} among {self.said[since:][-40:]}") from None

    def bodies(self, start):
        return [f["body"] for f in self.said
                if f["event"] == "message" and f["body"].startswith(start)]

    def hear(self, body):
        self.wait("message", test=lambda fact: fact["body"] == body)

    def do(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()

    def log_in(self):
        self.wait("present")
        return self.wait("bound")["jid"]

    def signal(self, number):
        os.kill(self.process.pid, number)

    def stop(self):
        self.do("stop")
        assert self.process.wait(peers.patience(10)) == 0

    def kill(self):
        self.process.kill()  # a stopped one, too
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Place:
    """A server, a Fairlead before it, and apps; all are gone when the test is over."""

    def __init__(self, server):
        self.server, self.front, self.apps = server, None, []
        self.fresh = iter(server.accounts)

    def open(self, settings=None, origins=None):
        self.front = peers.fairlead.Fairlead(
            backends={self.server.domain: self.server.port}, settings=settings,
            config={"origins": origins} if origins else None)

    def app(self, script="reactnative.js", **options):
        user = next(self.fresh)
        options.setdefault("service", f"ws://127.0.0.1:{self.front.port}/xmpp-websocket")
        self.apps.append(App({"domain": self.server.domain, "user": user, "resource": "app",
                              "password": self.server.accounts[user], "address": "127.0.0.1",
                              **options}, script))
        return self.apps[-1]

    def close(self):
        for app in self.apps:
            app.kill()
        if self.front:
            self.front.clean()


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    peers.fairlead.secrets.update(peers.ACCOUNTS.values())
    with SERVERS[request.param](peers.ACCOUNTS) as started:
        started.fresh = iter(started.accounts)
        yield started


@pytest.fixture
def place(server):
    it = Place(server)
    it.fresh = server.fresh
    try:
        yield it
    finally:
        it.close()


class TlsFront:
    """What stands before Fairlead and ends TLS; passes bytes on."""

    def __init__(self, folder):
        self.ca = os.path.join(folder, "cert.pem")
        key = os.path.join(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
             self.ca], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        self.socket = context.wrap_socket(socket.create_server(("127.0.0.1", 0)),
                                          server_side=True)
        self.port = self.socket.getsockname()[1]

    def start(self, to):
        threading.Thread(target=self.accept, args=(to,), daemon=True).start()

    def accept(self, to):
        while True:
            try:
                web = self.socket.accept()[0]
            except ssl.SSLError:
                continue
            except OSError:
                return
            back = socket.create_connection(("127.0.0.1", to))
            for one, other in ((web, back), (back, web)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    @staticmethod
    def copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_the_origin_of_the_endpoint_itself_is_public(place, tmp_path):
    tls = TlsFront(str(tmp_path))
    endpoint = f"wss://localhost:{tls.port}/xmpp-websocket"
    place.open({"public.websocket": endpoint}, origins=["public"])
    tls.start(place.front.port)
    app = place.app(service=endpoint, ca=tls.ca, origin=f"https://localhost:{tls.port}")
    app.log_in()
    app.stop()
    other = place.app(service=endpoint, ca=tls.ca, origin="https://localhost")
    assert other.wait("refused")["status"] == 403
    place.front.wait_lines("request-refused", test=lambda p: "https://localhost, " in p["why"])
    tls.socket.close()
    place.front.stop()


def test_without_an_origin_no_rule_for_origins_holds(place):
    place.open(origins=["none"])
    app = place.app()
    app.log_in()
    app.stop()
    other = place.app(origin=f"http://127.0.0.1:{place.front.port}")
    assert other.wait("refused")["status"] == 403
    place.front.stop()


def test_without_an_origin_there_is_a_switch_of_its_own(place):
    place.open({"websocket.absent_origin": "refuse"})
    app = place.app()
    assert app.wait("refused")["status"] == 403
    place.front.wait_lines("request-refused", test=lambda p: "absent_origin" in p["why"])
    other = place.app(origin=f"http://127.0.0.1:{place.front.port}")
    other.log_in()
    other.stop()
    place.front.stop()


@pytest.mark.parametrize("forget", [False, True], ids=["resumes", "logs-in-anew"])
def test_a_socket_from_another_network_takes_over(place, forget):
    place.open({"websocket.ping": 2})
    app, friend = place.app(early=forget), place.app()
    jid, friend_jid = app.log_in(), friend.log_in()
    friend.do("send", to=jid, body="before")
    app.hear("before")

    since = len(app.said)
    app.do("move", address="127.0.0.2", forget=forget)
    app.wait("disconnect", since)
    friend.do("send", to=jid, body="meanwhile")
    app.wait("bound" if forget else "resumed", since)
    if forget:
        app.wait("present", since)
    # The old one is ended by the server, or by its dead pings; never by the app, which holds it.
    [old] = place.front.wait_lines("session-end", seconds=15)
    assert old["reason"] in ("server-error", "server-closed", "server-lost", "ping-timeout")
    assert old["peer"] == "127.0.0.1"

    friend.do("send", to=jid, body="after")
    app.hear("after")
    app.do("send", to=friend_jid, body="hello from elsewhere")
    friend.hear("hello from elsewhere")
    if not forget:
        assert app.bodies("") == ["before", "meanwhile", "after"]
    app.stop()
    friend.stop()
    new = place.front.wait_end("client-closed", n=2)
    assert any(p["peer"] == "127.0.0.2" for p in new)
    place.front.stop()


def test_an_app_that_stands_still_for_less_than_two_pings_misses_nothing(place):
    # The third ping ends the session: the shortest time to it is two intervals.
    place.open({"websocket.ping": round(FREEZE * 3 / 4)})
    app, friend = place.app(), place.app()
    jid, friend_jid = app.log_in(), friend.log_in()
    app.do("every", ms=200, to=friend_jid, body="tick")
    friend.hear("tick 3")
    began, n = time.monotonic(), 0
    app.signal(signal.SIGSTOP)
    while time.monotonic() < began + FREEZE:
        friend.do("send", to=jid, body=f"message {n}")
        n += 1
        time.sleep(FREEZE / 20)
    app.signal(signal.SIGCONT)
    app.hear(f"message {n - 1}")
    assert app.bodies("message") == [f"message {i}" for i in range(n)]
    ticks = len(friend.bodies("tick"))
    friend.hear(f"tick {ticks + 10}")
    ticks = friend.bodies("tick")
    assert ticks == [f"tick {i}" for i in range(len(ticks))]
    assert not [f for f in app.said if f["event"] in ("disconnect", "resumed", "error")]
    assert not place.front.lines("session-end")
    app.stop()
    friend.stop()
    place.front.stop()


def test_an_app_that_stands_still_for_longer_comes_back_by_itself(place):
    place.open({"websocket.ping": round(FREEZE / 4)})
    app, friend = place.app(), place.app()
    jid, friend_jid = app.log_in(), friend.log_in()
    since = len(app.said)
    began = time.monotonic()
    app.signal(signal.SIGSTOP)
    friend.do("send", to=jid, body="message 0")
    [end] = place.front.wait_lines("session-end", seconds=2 * FREEZE)
    assert end["reason"] == "ping-timeout"
    friend.do("send", to=jid, body="message 1")
    time.sleep(max(0, began + FREEZE - time.monotonic()))
    app.signal(signal.SIGCONT)
    # xmpp.js resumes its stream, which Fairlead left open for that (XEP-0198 5).
    app.wait("disconnect", since)
    app.wait("resumed", since, seconds=30)
    friend.do("send", to=jid, body="message 2")
    app.hear("message 2")
    app.do("send", to=friend_jid, body="here I am")
    friend.hear("here I am")
    assert app.bodies("message") == ["message 0", "message 1", "message 2"]
    assert place.front.lines("session-end") == [end]
    app.stop()
    friend.stop()
    place.front.stop()


# -- the example -------------------------------------------------------------------------------

def example(place, **options):
    app = place.app("rnapp.js", **options)
    return app, app.wait("online")["words"] if not options else None


def test_the_example_s_apps_talk(place):
    place.open()
    (a, jid), (b, other) = example(place), example(place)
    for one, to, body in ((a, other, "Grüße"), (b, jid, "שלום & <b>🎣</b>")):
        one.do("send", to=to, body=body)
    a.hear("שלום & <b>🎣</b>")
    b.hear("Grüße")
    for one in (a, b):
        sending = one.wait("sending")["id"]
        one.wait("sent", test=lambda fact, i=sending: fact["id"] == i)
        one.stop()
    place.front.wait_end("client-closed", n=2)
    place.front.stop()


def test_the_example_resumes_and_sends_what_was_written_meanwhile(place):
    place.open()
    (a, jid), (b, other) = example(place), example(place)
    since = len(a.said)
    a.do("cut")
    a.wait("away", since)
    a.do("send", to=other, body="written without a connection")
    b.do("send", to=jid, body="sent to nobody")
    assert a.wait("online", since)["words"] == jid
    b.hear("written without a connection")
    a.hear("sent to nobody")
    for one in (a, b):
        one.stop()
    place.front.stop()


def test_the_example_notices_on_waking_up_that_nothing_comes_any_more(place):
    place.open()
    (a, jid), (b, _) = example(place), example(place)
    since = len(a.said)
    a.do("wake")
    b.do("send", to=jid, body="still there")
    a.hear("still there")
    assert not [f for f in a.said[since:] if f["event"] == "away"]
    a.do("deaf")
    a.do("wake")
    a.wait("away", since, seconds=30)
    jid = a.wait("online", since)["words"]
    b.do("send", to=jid, body="there again")
    a.hear("there again")
    for one in (a, b):
        one.stop()
    place.front.stop()


def test_the_example_does_not_try_a_wrong_password_twice(place):
    place.open()
    a, _ = example(place, password="wrong")
    assert a.wait("refused")["words"] == "not-authorized"
    time.sleep(3)
    while not a.news.empty():
        a.said.append(a.news.get())
    assert len([f for f in a.said if f["event"] == "socket"]) == 1, a.said
    a.stop()
    place.front.stop()

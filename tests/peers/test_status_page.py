"""The status page in a real browser: every view, on a Fairlead with sessions behind it. The crowd is
scripted, so that what the page says can be compared with what was done; one test has people in it,
with Prosody and the demo's chat page."""

import json
import os
import re
import resource
import socket
import subprocess
import threading
import time

import pytest

import peers
import servers
from lib import patience
from lib import place as places
from lib.bosh import Closed, message
from lib.xmppserver import Server
from test_chat import page_folder

BOSH, WEBSOCKETS, AWAY = 104, 8, 6
SECRET = "swordfish, twice over"
WHY = "Please come back after lunch"
PATIENT = {"wait": 600, "hold": 1}
SETTINGS = {"http.idle_timeout": 3600, "bosh.wait": 600, "bosh.inactivity": 3600,
            "websocket.ping": 3600}


class Talker(threading.Thread):
    """Says a secret again and again, by a BOSH session of its own, until that session is ended. Whom he
    says it to has a name that is more than a line for some programs."""

    def __init__(self, place):
        super().__init__(daemon=True)
        self.session = place.bosh(headers={"User-Agent": "Mozilla/5.0 (X11) Firefox/141.0"})
        self.session.login(PATIENT)
        self.over = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                self.session.say(message(SECRET, to="peer@example.org/a\u2028b"))
                self.session.receive()
                time.sleep(0.1)
        except (AssertionError, Closed, OSError):
            pass

    def close(self):
        self.over.set()
        self.join(patience(10))


@pytest.fixture(scope="module")
def crowd():
    place = places.Place(dict(SETTINGS))
    try:
        for i in range(BOSH + AWAY):
            s = place.bosh(connections=1).login(PATIENT)
            if i < AWAY:
                s.drop_pending()
            elif not s.pending:
                s.send()
        for _ in range(WEBSOCKETS):
            place.ws().login()
        yield place
    finally:
        place.close()


@pytest.fixture
def talker(crowd):
    t = Talker(crowd)
    yield t
    t.close()


def status(crowd, **expected):
    """The status document, once these numbers are right."""
    deadline = time.monotonic() + patience(10)
    while True:
        s = crowd.fairlead.status()
        if all(s[k] == v for k, v in expected.items()):
            return s
        assert time.monotonic() < deadline, (expected, s)
        time.sleep(0.1)


def drive(front, scenario, seconds=120, **more):
    """The facts that the page's scenario found; whatever it was, it said nothing on the console but
    what the browser itself says of a question without the token, or while nobody answers, and no
    secret was in the page."""
    options = {"page": f"http://127.0.0.1:{front.status_port}/", "token": front.token(),
               "browser": peers.browser(), **more}
    if os.environ.get("SCREENSHOTS"):
        options["screenshots"] = os.environ["SCREENSHOTS"]
    facts = peers.node("statuspage.js", scenario, json.dumps(options), seconds=seconds)
    quiet = ("401", "404", *(["net::ERR_"] if "helper" in more else []))
    loud = [line for line in facts.pop("console") if not any(q in line for q in quiet)]
    assert not loud
    text = json.dumps({k: v for k, v in facts.items() if k != "download"}, ensure_ascii=False) \
        + facts.get("download", "")
    assert SECRET not in text and front.token() not in text
    leaked = [s for s in peers.fairlead.secrets if s in text]
    assert not leaked, leaked
    return facts


def group(n):
    return f"{n:,}"


def test_the_glance_says_what_is(crowd):
    everybody = BOSH + AWAY + WEBSOCKETS
    s = status(crowd, sessions=everybody, bosh=BOSH + AWAY, websocket=WEBSOCKETS, detached=AWAY)
    facts = drive(crowd.fairlead, "glance")
    assert facts["verdict"].startswith("All is well.")
    assert s["version"] in facts["about"] and f"{everybody} sessions" in facts["about"]
    assert "1 of 1 backend up" in facts["about"]
    assert facts["tiles"]["Sessions"] == {"all": group(everybody), "BOSH": group(BOSH + AWAY),
                                          "WebSocket": group(WEBSOCKETS)}
    assert facts["tiles"]["Held requests"] == {"held": group(BOSH), "sessions away": group(AWAY)}
    for tile in ("Stanzas per second", "Bytes per second", "Worker load", "Memory"):
        assert all(re.match(r"\d", v) for v in facts["tiles"][tile].values()), facts["tiles"][tile]
    assert facts["bars"]["Sessions by state"] == {"Opening": "0", "Open": group(everybody - AWAY),
                                                  "Away": group(AWAY), "Closing": "0"}
    assert facts["bars"]["By domain"] == {"example.org": group(everybody)}
    assert [b["State"] for b in facts["backends"]] == ["up"]
    assert facts["backends"][0]["Sessions"] == group(everybody)
    assert len(facts["workers"]) == crowd.fairlead.workers
    assert sum(int(w["Sessions"]) for w in facts["workers"]) == everybody
    assert facts["filtered"] == "/sessions?state=detached" and facts["asksForToken"]
    assert facts["late"].startswith("All is well.")


def test_the_pictures_answer_to_the_keyboard(crowd):
    while status(crowd)["uptime_ms"] < 25000:
        time.sleep(1)
    facts = drive(crowd.fairlead, "pictures", points=1)
    everybody = f"all {BOSH + AWAY + WEBSOCKETS}"
    assert facts["now"].startswith(f"now: {everybody}") and facts["after"] == facts["now"]
    assert re.match(r"\d\d:\d\d:\d\d: all \d", facts["then"]), facts["then"]
    assert facts["crosshairs"] == facts["hovered"] == 8, "all pictures show the same moment"
    assert len(set(facts["when"])) == 1 and facts["when"][0].endswith("ago")
    assert facts["values"]


def test_sessions_are_found(crowd):
    everybody = BOSH + AWAY + WEBSOCKETS
    jid = crowd.clients[-1].jid
    facts = drive(crowd.fairlead, "list", sessions=everybody, websockets=WEBSOCKETS, away=AWAY,
                  domain="example.org", jid=jid)
    assert "token" not in facts["address"] and facts["kept"] == [True, False]
    assert facts["first"].startswith(f"{everybody} sessions") and "first 100" in facts["first"]
    assert facts["more"] == f"{everybody} sessions"
    assert facts["searched"] == [jid] and facts["searchAddress"].startswith("/sessions?q=")
    assert facts["websockets"] == ["WebSocket"] and facts["away"] == ["Away"]
    assert facts["none"].startswith(f"0 of {everybody}")
    orders = facts["orders"]
    assert orders["in"]["sort"] == "descending"
    assert orders["jid"]["sort"] == "ascending"
    assert orders["age"]["sort"] == "ascending"
    jids = sorted(c.jid for c in crowd.clients)
    assert orders["jid"]["first"]["Session"].startswith(jids[0])
    assert facts["held"] and facts["restored"] == [jid, "Session"]


def test_one_session_is_traced_and_ended(crowd, talker):
    jid = talker.session.jid
    facts = drive(crowd.fairlead, "session", jid=jid, why=WHY)
    assert facts["title"] == jid and jid in facts["situation"]
    client, server, bosh = (facts["groups"][g] for g in ("Client", "XMPP server", "BOSH"))
    assert client["JID"] == jid and client["Address"].startswith("127.0.0.1")
    assert client.get("Program") in (None, "Firefox 141"), "where Fairlead tells it"
    assert client["Encryption"] == "none"
    assert server["Domain"] == "example.org" and server["Backend"].endswith(
        str(crowd.server.port)) and server["Encryption"] == "none"
    assert int(bosh["Next request (rid)"]) > 0 and "held for" in bosh["Agreed"]
    assert len(facts["events"]) > 2
    up = [line for line in facts["trace"] if "from the client" in line and "<message" in line]
    down = [line for line in facts["trace"] if "to the client" in line and "<message" in line]
    assert up and down, facts["trace"]
    assert all("<body" in line and str(len(SECRET)) in line for line in up + down), up + down
    assert facts["still"] and facts["fromClient"] > 0 and facts["toClient"] == 0
    assert facts["sifted"] == 0 and facts["cleared"]
    assert "from the client" in facts["download"] and "<message" in facts["download"]
    assert facts["stopped"].startswith("Stopped")
    assert facts["dialogFocus"] == "text" and facts["focusBack"].startswith("End session")
    assert "gone" in facts["ended"] and facts["disabled"] and "gone" in facts["unknown"]
    talker.close()
    assert talker.session.ended is not None, "the client was told"
    line = crowd.fairlead.wait_end("killed")[-1]
    acts = crowd.fairlead.wait_lines("act", test=lambda p: WHY in json.dumps(p))
    assert line and "127.0.0.1" in json.dumps(acts[-1]), "logged with where it came from"


def test_acts_are_done_and_undone(crowd):
    facts = drive(crowd.fairlead, "acts")
    assert "No new session" in facts["dialog"] and facts["focus"] == "Instance"
    assert "drained" in facts["problem"] and "debug" in facts["level"]
    s = status(crowd, draining=False)
    assert [b["state"] for b in s["backends"]] == ["up"] and s["log_level"] == "debug"
    assert len(crowd.fairlead.wait_lines("act", n=5)) >= 5


def test_the_token_opens_the_rest(crowd):
    facts = drive(crowd.fairlead, "token")
    assert "fairleadctl link" in facts["says"] and facts["wrong"]
    assert facts["address"].endswith("#/instance")


def test_handshakes_are_told_of_where_there_is_tls(crowd):
    assert not [k for k in drive(crowd.fairlead, "instance")["about"] if "TLS" in k]
    certificate, trust = peers.fairlead.everybody()
    place = places.Place(tls=certificate, trust=trust)
    try:
        first = place.http()
        first.request("GET", "/http-bind")
        place.http(session=first.sock.session)
        plain = socket.create_connection(("127.0.0.1", place.port))
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        plain.recv(1)
        about = drive(place.fairlead, "instance")["about"]
        assert about["TLS handshakes since the start"] == "2 (50 % resumed), 1 failed"
    finally:
        place.close()


def test_it_says_when_it_is_alone(crowd):
    facts = drive(crowd.fairlead, "lost", pid=crowd.fairlead.process.pid)
    assert "cannot be reached" in facts["lost"] and facts["stale"]
    assert facts["title"].startswith("(lost)") and facts["back"] == ""
    assert facts["askedUnseen"] == 0


class Restarted:
    """A place whose Fairlead a page's scenario has go down and come back, by a helper. alice is there
    before, bob afterwards."""

    def __init__(self):
        self.place = places.Place(workers=1)
        self.login("alice")

    def login(self, user):
        client = self.place.ws()
        client.user = user
        client.login()

    def down(self):
        front = self.place.fairlead
        front.process.kill()
        front.process.wait()
        self.place.leave()

    def up(self):
        self.place.fairlead.launch()
        assert self.place.fairlead.wait_port()
        self.login("bob")

    def refuse(self):
        http = self.place.http()
        for _ in range(5):
            assert http.request("GET", "/nowhere").status == 404

    def users(self):
        return [s["jid"].split("@")[0] for s in self.place.fairlead.status("/api/sessions")["list"]]

    def drive(self, scenario, **more):
        with peers.helper(down=self.down, up=self.up, refuse=self.refuse) as help:
            return drive(self.place.fairlead, scenario, helper=help, **more)


@pytest.fixture
def restarted():
    r = Restarted()
    yield r
    r.place.close()


def test_a_session_does_not_become_another_one_by_a_restart(restarted):
    id, = [s["id"] for s in restarted.place.fairlead.status("/api/sessions")["list"]]
    facts = restarted.drive("swapped", id=id)
    assert facts["title"].startswith("alice@") and facts["alone"] == "Fairlead cannot be reached."
    assert facts["ended"].strip() == "This session is gone: Fairlead was restarted."
    assert facts["late"] == facts["ended"].strip() and facts["still"] == facts["title"]
    assert facts["disabled"] == [True, True]
    assert restarted.users() == ["bob"], "he was not ended in her place"


def test_after_a_restart_it_counts_anew(restarted):
    restarted.refuse()
    facts = restarted.drive("counted")
    assert facts["before"] == "http-404" and facts["after"] == "http-404 · 5 since you look"


def test_whoever_has_no_token_is_asked_for_it_after_a_restart(restarted):
    facts = restarted.drive("tokenless")
    assert "cannot be reached" in facts["alone"] and facts["asked"] == "This needs the token"


def test_only_domains_that_sessions_have_are_linked_and_offered():
    server = Server(domain="a.example.net")
    place = places.Place(backends={"*.example.net": server.port})
    try:
        place.ws().login()
        place.bosh(domain="a.example.net").create()
        facts = drive(place.fairlead, "domains")
        assert facts["links"] == {"example.org": "#/sessions?domain=example.org",
                                  "*.example.net": None}
        assert facts["offered"] == ["any", "example.org"]
    finally:
        place.close()
        server.close()


def test_no_mouse_is_needed(crowd):
    facts = drive(crowd.fairlead, "keys")
    assert facts["stops"][:5] == ["Skip to the content", "Overview", "Sessions", "Backends",
                                  "Instance"]
    assert sum("the last hour" in s for s in facts["stops"]) == 8 and not facts["dim"]
    assert facts["skipped"] in ("view ", "view #/") and facts["heading"] == "Sessions"
    assert facts["kept"] and facts["dialog"] == "text"


def test_every_view_fits_and_can_be_read_by_all(crowd, talker):
    facts = drive(crowd.fairlead, "looks", seconds=240, jid=talker.session.jid)
    assert len(facts["seen"]) == 28
    assert not facts["wide"], "wider than the screen"
    assert not facts["axe"], "\n".join(facts["axe"])


@pytest.fixture
def thousands(tmp_path):
    """thousands(front, server_port, n): that many idle BOSH sessions, by the load generator of
    bench/ with its own server inside."""
    program, bench = str(tmp_path / "load"), os.path.join(peers.TOP, "bench")
    sources = ("load", "client", "front_tcp", "front_bosh", "front_ws", "echo", "scan", "net")
    subprocess.run(["cc", "-O2", "-o", program, *(os.path.join(bench, f"{s}.c") for s in sources)],
                   check=True)
    started = []

    def run(front, server_port, n):
        started.append(subprocess.Popen(
            [program, "-p", str(front.port), "-P", str(front.process.pid), "-D", "example.org",
             "-s", str(server_port), "-i", str(n), "-t", "900", "bosh"], stdout=subprocess.DEVNULL))
        deadline = time.monotonic() + patience(240)
        while front.status()["open"] < n:
            assert started[-1].poll() is None and time.monotonic() < deadline, front.status()
            time.sleep(1)

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.full
def test_the_page_costs_little(thousands):
    """With as many sessions as the descriptors of this machine allow, at most 9,000."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n = min(9000, (most - 500) // 2)
    server_port = peers.fairlead.free_port()
    front = peers.manager("example.org", server_port, {
        "bosh.wait": 900, "http.idle_timeout": 3600,
        # Thousands of probes in one moment are more than loopback queues (net.core.netdev_max_backlog).
        "backend.keepalive": 0})
    try:
        thousands(front, server_port, n)
        facts = drive(front, "cost", seconds=400, pid=front.process.pid, period=30)
        cost = {view: facts["cpu"][view] - facts["cpu"]["closed"]
                for view in ("overview", "list", "session")}
        print(f"{n} sessions: {100 * facts['cpu']['closed']:.2f} % of a core without the page; with it",
              ", ".join(f"{view} {100 * c:+.2f} %" for view, c in cost.items()),
              f"; {facts['searchMs']} ms for a search; asked within 30 s: {facts['asked']}")
        assert facts["sessions"] == group(n) and facts["rows"] == 1000
        assert all(c < 0.02 for c in cost.values()) or front.sanitized(), cost
    finally:
        front.clean()


def test_people_of_the_chat_are_found(tmp_path):
    """As an operator does who is told "I cannot read Alice": her session found, traced, ended."""
    accounts = {"alice": "alice", "bob": "bob"}
    folder = str(tmp_path / "page")
    page_folder(folder, "/http-bind", "/xmpp-websocket")
    with servers.Prosody(accounts, "example.org", friends=tuple(accounts)) as server:
        front = peers.manager("example.org", server.port, {"www.directory": folder})
        try:
            facts = drive(front, "people", chat=f"http://127.0.0.1:{front.port}/", text=SECRET)
            assert facts["found"][0].startswith("alice@example.org/")
            lines = [line for line in facts["trace"] if "<message" in line]
            assert lines and any("from='bob@" in line or 'from="bob@' in line for line in lines)
            assert facts["told"]
            front.stop()
        finally:
            front.clean()

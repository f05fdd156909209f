"""A real Prometheus scrapes a Fairlead that has something to tell: every query of the dashboard and
every alert finds what it asks for."""

import http.client
import json
import os
import re
import subprocess
import time
import urllib.parse

import pytest

import guides
import peers
import servers
from lib import patience
from lib.bosh import Bosh, Http, auth
from lib.ws import WebSocket

RULES = os.path.join(peers.TOP, "conf", "prometheus", "fairlead.rules.yml")
CREATION = ("<body rid='1' to='{}' wait='5' hold='1' ver='1.6' xmpp:version='1.0' "
            "xmlns:xmpp='urn:xmpp:xbosh' xmlns='http://jabber.org/protocol/httpbind'/>")
ALERTS = re.findall(r"- alert: (\w+)", guides.read("conf", "prometheus", "fairlead.rules.yml"))


class Prometheus(servers.Server):
    """As MONITORING.md has it, but for places and times."""

    name, has_web = "prometheus", False

    def __init__(self, target):
        self.target = target
        super().__init__({})

    def start(self):
        text = guides.block("MONITORING.md", "/etc/prometheus/prometheus.yml")
        for old, new in (("/etc/prometheus/fairlead.rules.yml", RULES),
                         ("127.0.0.1:5282", f"127.0.0.1:{self.target}")):
            assert old in text
            text = text.replace(old, new)
        config = self.file("prometheus.yml")
        servers.write(config, f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n{text}")
        promtool("check", "config", config)
        self.run("prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.file('data')}",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn")
        servers.wait_port(self.port, self.processes[0], log=self.file("out"))
        self.wait_for("readiness", lambda: b"is Ready" in self.get("/-/ready"))

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience(20))
        connection.request("GET", path)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def ask(self, path, **what):
        answer = json.loads(self.get(f"/api/v1/{path}?{urllib.parse.urlencode(what)}"))
        assert answer["status"] == "success", (what, answer)
        return answer["data"]

    def query(self, text):
        """{labels: value} without those that are no number."""
        found = self.ask("query", query=text)["result"]
        return {json.dumps(s["metric"], sort_keys=True): float(s["value"][1]) for s in found
                if s["value"][1] != "NaN"}


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Place:
    """Sessions of both transports that are there, that end and that are refused, all the time."""

    def __init__(self, server, fairlead):
        self.server, self.fairlead = server, fairlead
        self.bosh = Bosh(fairlead.port)
        self.bosh.user = "alice"
        self.bosh.login()
        self.ws = self.websocket()

    def websocket(self):
        w = WebSocket(self.fairlead.port)
        w.user = "alice"
        return w.login()

    def go_on(self):
        other = self.websocket()
        self.ws.send(f"<message xmlns='jabber:client' to='{self.bosh.jid}'><body>a</body></message>")
        self.bosh.send(f"<message xmlns='jabber:client' to='{self.ws.jid}'><body>b</body></message>")
        self.bosh.finish()
        other.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' />")
        other.ending()
        other.close()
        wrong = WebSocket(self.fairlead.port)
        wrong.open()
        wrong.send(auth("alice", "wrong"))
        wrong.take("failure")
        wrong.close()
        http = Http(self.fairlead.port)
        http.post(CREATION.format("down.example"))
        http.request("GET", "/xmpp-websocket")
        http.close()

    def close(self):
        self.bosh.close()
        self.ws.close()


@pytest.fixture(scope="module")
def place():
    with servers.Prosody({"alice": "secret"}) as server:
        fairlead = peers.fairlead.Fairlead(
            {server.domain: server.port, "down.example": servers.free_port()})
        try:
            it = Place(server, fairlead)
            with Prometheus(fairlead.status_port) as it.prometheus:
                # Rates want two looks at numbers that grow, and a window of 15 seconds has them.
                deadline = time.monotonic() + patience(60)
                while len(it.prometheus.query("count_over_time(fairlead_ready[15s]) > 4")) < 1:
                    assert time.monotonic() < deadline
                    it.go_on()
                    time.sleep(0.5)
                yield it
            it.close()
            fairlead.stop()
        finally:
            fairlead.clean()


def queries():
    """Each expression of the dashboard, with its panel's title, as Grafana would send it."""
    dashboard = json.loads(guides.read("conf", "grafana", "fairlead-dashboard.json"))
    found = [(p["title"], t["expr"]) for p in dashboard["panels"] for t in p.get("targets", [])]
    for name, value in (("$__rate_interval", "15s"), ("$job", "fairlead"), ("$instance", ".*")):
        found = [(title, text.replace(name, value)) for title, text in found]
    assert len(found) > 40 and not any("$" in text for _, text in found)
    return found


def test_every_query_of_the_dashboard_returns_data(place):
    place.go_on()
    missing = queries()
    deadline = time.monotonic() + patience(10)
    while missing and time.monotonic() < deadline:
        missing = [(title, text) for title, text in missing if not place.prometheus.query(text)]
        place.go_on()
    assert not missing


def test_the_variables_of_the_dashboard_have_values(place):
    for name, rest in (("job", ""), ("instance", '{job="fairlead"}')):
        text = f"label_values(fairlead_build_info{rest}, {name})"
        dashboard = guides.read("conf", "grafana", "fairlead-dashboard.json")
        assert json.dumps(text.replace('"fairlead"', '"$job"'))[1:-1] in dashboard
    assert place.prometheus.ask("label/job/values") == ["fairlead"]


def test_every_panel_of_the_dashboard_explains_itself():
    dashboard = json.loads(guides.read("conf", "grafana", "fairlead-dashboard.json"))
    panels = [p for p in dashboard["panels"] if p["type"] != "row"]
    assert all(len(p["description"]) > 10 for p in panels)
    assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
    for p in panels:
        assert p["datasource"]["uid"] == "${datasource}"
        assert p["gridPos"]["x"] + p["gridPos"]["w"] <= 24


def test_what_the_dashboard_shows_is_what_happens(place):
    status = place.fairlead.status()
    assert sum(place.prometheus.query("fairlead_sessions").values()) >= 2
    assert sum(place.prometheus.query("fairlead_logins_total").values()) <= status["logins_total"]
    for text, least in (('fairlead_sessions{transport="bosh",state="open"}', 1),
                        ('fairlead_sessions{transport="websocket",state="open"}', 1),
                        ('fairlead_session_ends_total{reason="client-closed"}', 1),
                        ('fairlead_refused_total{reason="http-426"}', 1),
                        ("fairlead_login_failures_total", 1)):
        assert sum(place.prometheus.query(text).values()) >= least, text


def test_all_rules_are_evaluated_and_all_that_they_ask_for_is_there(place):
    deadline = time.monotonic() + patience(10)
    while True:
        rules = [r for g in place.prometheus.ask("rules")["groups"] for r in g["rules"]]
        if {r["health"] for r in rules} == {"ok"} or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert [r["name"] for r in rules] == ALERTS
    for r in rules:
        assert r["health"] == "ok", r
        for selector in re.findall(r"\b(?:fairlead|process)_\w+(?:{[^}]*})?", r["query"]):
            assert place.prometheus.query(selector), (r["name"], selector)
    pending = {r["name"] for r in rules if r["state"] != "inactive"}
    assert "FairleadBackendDown" in pending, "down.example's"
    assert not pending & {"FairleadDown", "FairleadAbsent", "FairleadNotReady", "FairleadShedding",
                          "FairleadWorkerSilent", "FairleadInternalError", "FairleadRestarted"}


# -- without a Prometheus ----------------------------------------------------------------------

def test_each_alert_fires_when_it_should_and_else_not(tmp_path):
    promtool("check", "rules", RULES)
    text = guides.read("tests", "peers", "prometheus", "rules.test.yml")
    assert set(ALERTS) == set(re.findall(r"Fairlead[A-Z]\w+", text))
    servers.write(str(tmp_path / "rules.test.yml"), text.replace("RULES", RULES))
    promtool("test", "rules", str(tmp_path / "rules.test.yml"))


def test_the_guide_names_each_alert():
    assert set(ALERTS) == set(re.findall(r"`(Fairlead\w+)`", guides.read("doc", "MONITORING.md")))


def test_promtool_has_nothing_against_the_metrics(place):
    client = Http(place.fairlead.status_port)
    text = client.request("GET", "/metrics").body
    client.close()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()

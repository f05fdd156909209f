"""The status API: the overview, the stream, the history, metrics, acts, and fairleadctl."""

import base64
import contextlib
import functools
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

from lib import patience, readable
from lib.bosh import Http, auth, message
from lib.fairlead import PROGRAM
from lib.freeze import frozen
from lib.xmppserver import Server

CTL = os.path.join(os.path.dirname(PROGRAM), "fairleadctl")
LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="(?:[^"\\\n]|\\[\\"n])*"'
                  r'(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*)\})? (-?[0-9.e+]+|\+Inf|NaN)')


def act(place, path, body, status=200):
    f = place.fairlead
    h = Http(f.status_port)
    answer = h.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {f.token()}"})
    h.close()
    assert answer.status == status, answer
    return json.loads(answer.body)


def get(port, path):
    h = Http(port)
    answer = h.request("GET", path)
    h.close()
    return answer


def ctl(place, *words, code=0, socket=None):
    done = subprocess.run([CTL, "-s", socket or os.path.join(place.fairlead.folder, "run",
                                                             "control.sock"), *words],
                          capture_output=True, text=True, timeout=patience(20))
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def settled(place, test):
    """The status, once test(status) holds."""
    deadline = time.monotonic() + patience(6)
    while not test(s := place.fairlead.status()):
        assert time.monotonic() < deadline, s
        time.sleep(0.05)
    return s


def test_the_sums_are_those_of_the_list(new_place):
    place = new_place({"workers": 4})
    sessions = [place.bosh().login() for _ in range(9)]
    s = settled(place, lambda s: s["open"] == 9)
    rows = place.fairlead.status("/api/sessions?limit=1000")["list"]
    assert len(rows) == s["sessions"] == s["bosh"] == 9 and s["websocket"] == 0
    assert s["logins_total"] == 9 and s["login_failures_total"] == 0
    for mine, theirs in (("stanzas_in", "stanzas_in"), ("bytes_out", "bytes_out"),
                         ("requests_held", "held")):
        assert s[mine] == sum(r[theirs] for r in rows), mine
        assert s[mine] == sum(w[mine] for w in s["workers"])
    assert s["by_domain"] == [{"domain": "example.org", "sessions": 9, "bosh": 9, "websocket": 0}]
    for b in sessions[:4]:
        b.terminate()
    s = settled(place, lambda s: s["sessions"] == 5)
    assert s["ends"] == {"client-closed": 4} and s["logins_total"] == 9
    assert s["open"] == 5 and s["closing"] == 0


def samples(text):
    """Strictly: HELP, TYPE and then the lines of one metric, no line twice, histograms whole."""
    types, seen, family = {}, {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in types and len(line.split(" ", 3)[3]) > 5
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram")
            types[name] = kind
        else:
            m = LINE.fullmatch(line)
            assert m, line
            base = m[1]
            if types[family] == "histogram":
                base = re.sub(r"_(bucket|sum|count)$", "", base)
            assert base == family, line
            assert types[family] != "counter" or base.endswith("_total"), line
            assert (m[1], m[3]) not in seen, line
            seen[m[1], m[3]] = float(m[4])
    for name in (n for n, kind in types.items() if kind == "histogram"):
        buckets = [v for (n, _), v in seen.items() if n == name + "_bucket"]
        assert buckets == sorted(buckets) and buckets[-1] == seen[name + "_count", None]
    return seen


def metrics(place):
    return samples(get(place.fairlead.status_port, "/metrics").body.decode())


@pytest.mark.parametrize("kind", ["ws", pytest.param("deflate_ws", marks=pytest.mark.full)])
def test_only_what_a_websocket_does_not_take_waits(new_place, kind):
    place = new_place({"workers": 1, "websocket.deflate": "on", "limits.queue": 4 << 20})
    ws = getattr(place, kind)().login()
    ws.http.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
    stream = place.server.stream_of(ws.user)
    count = ("fairlead_delivery_seconds_count", None)
    total = ("fairlead_delivery_seconds_sum", None)
    began, before = time.monotonic(), metrics(place)
    for i in range(20):
        stream.send(message(f"m{i}"))
        assert ws.take("message").text() == f"m{i}"
        time.sleep(0.05)
    at_once = metrics(place)
    assert at_once["fairlead_queue_bytes", None] == 0
    assert at_once[count] >= before[count] + 20
    assert at_once[total] - before[total] < (time.monotonic() - began) / 4
    n = 1000  # 8 MB, more than the kernel takes
    for i in range(n):
        stream.send(message(f"{i} " + base64.b64encode(random.randbytes(6000)).decode()))
    time.sleep(1)
    assert metrics(place)["fairlead_queue_bytes", None] > 0
    for i in range(n):
        assert ws.take("message").text().startswith(f"{i} ")
    settled(place, lambda _: metrics(place)["fairlead_queue_bytes", None] == 0)
    assert metrics(place)[total] - at_once[total] > 0.8


def test_metrics_parse_strictly_and_count(place):
    place.bosh().login().terminate()
    settled(place, lambda s: s["ends"].get("client-closed"))
    answer = get(place.fairlead.status_port, "/metrics")
    assert answer.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    m = samples(answer.body.decode())
    assert m["fairlead_session_ends_total", 'reason="client-closed",transport="bosh"'] >= 1
    assert m["fairlead_logins_total", None] >= 1 and m["fairlead_turn_seconds_count", None] > 5
    assert m["fairlead_backend_connect_seconds_count", None] >= 1
    assert m["fairlead_delivery_seconds_count", None] >= 1
    backend = f'backend="127.0.0.1:{place.server.port}"'
    assert m["fairlead_backend_up", backend] == 1
    assert m["fairlead_ready", None] == 1 and m["process_open_fds", None] > 5


@pytest.mark.full
def test_promtool_takes_the_metrics(place):
    text = get(place.fairlead.status_port, "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert done.returncode == 0, done


def test_the_stream_goes_on_each_second(place):
    h = Http(place.fairlead.status_port)
    h.send("GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    deadline = time.monotonic() + patience(8)
    while h.buffer.count(b"event: status\ndata: {") < 3:
        h.more(deadline)
    assert b"Content-Type: text/event-stream" in h.buffer
    h.close()


def test_streams_are_bounded(new_place):
    place = new_place({"workers": 4})
    readers = []
    for _ in range(16):
        readers.append(Http(place.fairlead.status_port))
        readers[-1].send("GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        readers[-1].until(b"\r\n\r\n", time.monotonic() + patience(5))
    assert get(place.fairlead.status_port, "/api/stream").status == 503
    readers.pop().close()
    deadline = time.monotonic() + patience(5)
    while True:  # its place is free again
        h = Http(place.fairlead.status_port)
        h.send("GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if b" 200 OK" in h.until(b"\r\n", deadline):
            break
        h.close()
        time.sleep(0.1)


def test_history_has_points(place):
    h = json.loads(get(place.fairlead.status_port, "/api/history").body)
    assert h["step_ms"] == 10000 and h["points"] >= 1
    assert all(len(v) == h["points"] for v in h["series"].values())


def test_draining_refuses_new_sessions_only(new_place):
    place = new_place()
    old = place.bosh().login()
    port = place.fairlead.port
    assert get(port, "/ready").status == 200
    assert act(place, "/api/drain", {"on": True}) == {"draining": True}
    answer = get(port, "/ready")
    assert (answer.status, answer.body) == (503, b"draining\n")
    assert place.bosh().create().condition == "system-shutdown"
    old.round_trip("still here")
    assert place.fairlead.status()["problems"][0]["where"] == "draining"
    act(place, "/api/drain", {"on": False})
    assert get(port, "/ready").status == 200
    place.bosh().login()
    acts = place.fairlead.lines("act")
    assert [(a["what"], a["by"], a["on"]) for a in acts] == \
        [("drain", "127.0.0.1", "true"), ("drain", "127.0.0.1", "false")]


def test_ready_knows_that_no_backend_is_up(new_place):
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        place = new_place(backends={"unreachable.example": refusing.getsockname()[1]})
        ready = functools.partial(get, place.fairlead.port, "/ready")
        assert ready().status == 200
        place.server.close()
        failed = place.bosh(domain="unreachable.example").create()
        assert failed.condition == "remote-connection-failed"
        assert ready().status == 200  # the other one was not tried
        deadline = time.monotonic() + patience(10)
        while True:  # each is known to be down for a second after it failed
            for domain in place.backends:
                place.bosh(domain=domain).create()
            answer, s = ready(), place.fairlead.status()
            if answer.status == 503 and s["problems"]:
                break
            assert time.monotonic() < deadline, (answer, s)
            time.sleep(0.3)
    assert answer.body == b"no backend is up\n"
    assert s["problems"][0]["severity"] == "error" and "is down" in str(s["problems"])


def test_it_is_known_since_when_all_is_well_or_not(new_place):
    """What has no time of its own is looked at each ten seconds."""
    place = new_place()
    s = settled(place, lambda s: "well_ms" in s)
    assert not s["problems"] and 0 <= s["well_ms"] < s["uptime_ms"] + 1000
    place.server.close()
    place.bosh().create()
    place.fairlead.wait_lines("backend-down")
    act(place, "/api/drain", {"on": True})
    started = time.monotonic()
    while True:
        s = place.fairlead.status()
        if all("since_ms" in p for p in s["problems"]):
            break
        assert "well_ms" not in s and time.monotonic() < started + patience(15), s
        time.sleep(0.5)
    past = {p["where"]: p["since_ms"] for p in s["problems"]}
    assert set(past) == {"backend", "draining"}
    assert all(0 <= t <= 1000 * (time.monotonic() - started + 3) for t in past.values()), past
    assert "(for " in ctl(place, "status")


def test_a_backend_is_drained_and_emptied(new_place):
    place = new_place({"workers": 4})
    name = f"127.0.0.1:{place.server.port}"
    for _ in range(5):
        place.bosh().login()
    settled(place, lambda s: s["open"] == 5)
    act(place, "/api/backends/drain", {"name": "nowhere:1"}, 404)
    assert act(place, "/api/backends/drain", {"name": name})["sessions"] == 5
    state, = [b["state"] for b in place.fairlead.status()["backends"] if b["name"] == name]
    assert state == "draining"
    place.bosh().create()
    place.fairlead.wait_end("server-unreachable")
    assert place.fairlead.status()["open"] == 5
    act(place, "/api/backends/drain", {"name": name, "end": True})
    place.fairlead.wait_end("drained", n=5)
    act(place, "/api/backends/drain", {"name": name, "on": False})
    place.bosh().login()


def test_two_backends_are_emptied_at_once(new_place):
    """The second wish comes while the first is still looked after: a worker looks at some a turn."""
    with contextlib.closing(Server("other.example")) as other:
        place = new_place({"workers": 1}, backends={"other.example": other.port})
        for _ in range(300):
            place.bosh(domain="other.example").create()
            place.bosh().create()
        settled(place, lambda s: s["sessions"] == 600)
        for port in (place.server.port, other.port):
            act(place, "/api/backends/drain", {"name": f"127.0.0.1:{port}", "end": True})
        place.fairlead.wait_end("drained", n=600)


def test_counters_do_not_go_back_where_a_worker_is_silent(new_place):
    """That would stand for a restart, and all that was before would be counted once more."""
    place = new_place({"workers": 3})
    place.fairlead.wait_lines("ready")
    with frozen(place.fairlead.process.pid, "worker-1"):
        deadline = time.monotonic() + patience(20)
        while True:  # a connection to the one that stands still has no answer
            with contextlib.suppress(TimeoutError), contextlib.closing(
                    Http(place.fairlead.status_port, 3)) as h:
                names = {name for name, _ in samples(h.request("GET", "/metrics").body.decode())}
                break
            assert time.monotonic() < deadline
    assert {"fairlead_sessions", "fairlead_backend_connect_seconds_count"} <= names
    assert not names & {"fairlead_sessions_created_total", "fairlead_session_ends_total",
                        "fairlead_refused_total", "fairlead_requests_total",
                        "fairlead_turn_seconds_count", "fairlead_delivery_seconds_count"}


def test_bad_acts_are_refused(place):
    for body in ("on", 7, [], None):
        act(place, "/api/drain", body, 400)
    act(place, "/api/drain", {"on": "yes"}, 400)
    act(place, "/api/log", {"level": "loud"}, 400)
    act(place, "/api/log", {}, 400)
    act(place, "/api/status", {}, 405)
    act(place, "/api/nothing", {}, 404)


def test_the_log_level_at_run_time(new_place):
    place = new_place()
    place.bosh().login()
    assert not place.fairlead.lines("session-start")
    assert act(place, "/api/log", {"level": "debug"}) == {"level": "debug"}
    assert place.fairlead.status()["log_level"] == "debug"
    place.bosh().login()
    assert place.fairlead.lines("session-start")


def test_a_flood_gets_few_lines(new_place):
    place = new_place({"workers": 1, "log.refusals": 3})
    h = Http(place.fairlead.port)
    for _ in range(50):
        assert h.request("GET", "/nothing").status == 404
    assert 3 <= len(place.fairlead.lines("request-refused")) <= 6  # a minute may have begun
    assert place.fairlead.status()["refusals"]["http-404"] == 50


@pytest.mark.full
def test_a_minute_is_summed_up(new_place):
    place = new_place({"workers": 2, "log.refusals": 0, "limits.sessions": 3})
    for _ in range(7):
        get(place.fairlead.port, "/nothing")
    for _ in range(3 + 4):
        place.bosh().create()
    line, = place.fairlead.wait_lines("shed", seconds=75)
    assert (line["http-404"], line["overloaded"], line["total"]) == ("7", "4", "11")
    assert line["seconds"] == "60"
    assert not place.fairlead.lines("request-refused") + place.fairlead.lines("refused")


def test_fairleadctl_looks(new_place):
    place = new_place({"workers": 2})
    b = place.bosh().login()
    settled(place, lambda s: s["open"] == 1)
    said = ctl(place, "status")
    assert said.startswith("Fairlead ") and "1 open" in said and "127.0.0.1:" in said
    assert json.loads(ctl(place, "--json", "status"))["open"] == 1
    row = ctl(place, "sessions", b.jid.split("/")[0]).splitlines()[1]
    assert b.jid in row
    assert "0 of 0 that match" in ctl(place, "sessions", "nobody at all & none")
    assert json.loads(ctl(place, "sessions", "--limit", "1", "--json"))["total"] == 1
    sid = row.split()[0]
    assert b.jid in ctl(place, "show", sid)
    assert b.sid not in ctl(place, "show", sid)
    assert ctl(place, "show", "0-999-1", code=1).startswith("fairleadctl: ")
    link = ctl(place, "link").strip()
    assert link == f"http://127.0.0.1:{place.fairlead.status_port}/#token={place.fairlead.token()}"


class Following:
    """fairleadctl trace, and its lines as they come."""

    def __init__(self, place, *words):
        socket = os.path.join(place.fairlead.folder, "run", "control.sock")
        self.process = subprocess.Popen([CTL, "-s", socket, "trace", *words], bufsize=0,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.said = b""

    @property
    def lines(self):
        return self.said.decode().splitlines()

    def until(self, text):
        """It has said that, in one line."""
        while not any(text in line for line in self.lines):
            ready = readable(self.process.stdout, patience(5))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert more, (self.lines, text)
            self.said += more
        return self

    def end(self):
        """What else it said, and how it ended."""
        out, err = self.process.communicate(timeout=patience(5))
        self.said += out
        return self.process.returncode, err.decode()


def begun(place):
    """A BOSH session before its login, and its id."""
    s = place.bosh()
    s.create()
    s.take("features")
    newest, = place.fairlead.status("/api/sessions?sort=age&order=asc&limit=1")["list"]
    return s, newest["id"]


def log_in_and_talk(s, password):
    s.send(auth(s.user, password))
    s.take("success")
    s.restart()
    s.take("features")
    s.send("<iq xmlns='jabber:client' type='set' id='b1'><bind "
           "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    s.jid = s.take("iq").find("jid").text
    s.send(f"<message xmlns='jabber:client' id='m1' to='{s.jid}'><body>be quiet</body></message>")
    assert s.take("message").find("body").text == "be quiet"


def test_fairleadctl_traces_a_login_and_what_is_said(place):
    s, sid = begun(place)
    f = Following(place, sid).until("-- somebody traces the session")
    log_in_and_talk(s, "s3cretWord")
    f.until("<- <message")
    s.terminate()
    assert f.end() == (0, "")
    said = "\n".join(f.lines)
    assert "-> <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>[" in said
    assert "<- <success" in said and "-- the XMPP server accepted the login" in said
    assert [line[:12] for line in f.lines if "m1" in line] == ["-> <message ", "<- <message "]
    assert "<body>[8]</body>" in said and f"<jid>{s.jid}</jid>" in said
    assert f.lines[-1] == "== the session has ended: client-closed (the client ended the session)"
    for secret in ("s3cretWord", "be quiet", s.sid, auth(s.user, "s3cretWord").split(">")[1][:-6]):
        assert secret not in said


def test_fairleadctl_traces_in_json(place):
    s, sid = begun(place)
    f = Following(place, sid, "--json").until('"label":"traced"')
    log_in_and_talk(s, "s3cretWord")
    f.until("</message>").until('"from":"server"')
    ctl(place, "kill", sid)
    assert f.end() == (0, "")
    events = [json.loads(line) for line in f.lines]
    assert {e["event"] for e in events} == {"note", "stanza", "end"}
    assert all(e["at_ms"] > 1e12 for e in events)
    assert all(e["from"] in ("client", "server") and e["bytes"] > 0 and e["xml"][0] == "<"
               for e in events if e["event"] == "stanza")
    assert (events[-1]["event"], events[-1]["reason"]) == ("end", "killed")
    assert "s3cretWord" not in "".join(f.lines)


def test_fairleadctl_trace_ends_otherwise(new_place):
    """By Ctrl-C, with nobody to trace, with Fairlead itself."""
    place = new_place()
    s, sid = begun(place)
    f = Following(place, sid).until("-- somebody traces the session")
    assert place.fairlead.status(f"/api/sessions/{sid}")["traced"]
    f.process.send_signal(signal.SIGINT)
    assert f.end() == (-signal.SIGINT, "")
    settled(place, lambda _: not place.fairlead.status(f"/api/sessions/{sid}")["traced"])
    for unknown in ("0-999-1", "99-1-1", "nonsense", "", "../status", "1 2"):
        assert "no such session" in ctl(place, "trace", unknown, code=1), unknown
    ctl(place, "trace", code=2)
    ctl(place, "trace", sid, sid, code=2)
    others = [Following(place, sid).until("--") for _ in range(8)]
    assert "Eight sessions are traced already" in ctl(place, "trace", sid, code=1)
    place.fairlead.process.kill()
    place.fairlead.process.wait()
    for f in others:
        code, err = f.end()
        assert code == 3 and "it is gone" in err
    place.fairlead.stopped = True
    ctl(place, "trace", sid, code=3)


def test_fairleadctl_trace_of_a_shutdown(new_place):
    place = new_place()
    _, sid = begun(place)
    f = Following(place, sid).until("--")
    place.fairlead.stop()
    assert f.end() == (0, "") and f.lines[-1].startswith("== the session has ended: system-shutdown")


def test_fairleadctl_acts(new_place):
    place = new_place({"workers": 2})
    place.bosh().login()
    settled(place, lambda s: s["open"] == 1)
    name = f"127.0.0.1:{place.server.port}"
    assert "no new sessions" in ctl(place, "drain")
    assert place.fairlead.status()["draining"]
    assert "again" in ctl(place, "drain", "--off")
    assert "it has 1" in ctl(place, "drain", "backend", name)
    ctl(place, "drain", "backend", name, "--off")
    ctl(place, "drain", "backend", "nowhere:1", code=1)
    assert "debug" in ctl(place, "log", "debug")
    ctl(place, "log", "loud", code=1)
    sid = ctl(place, "sessions").splitlines()[1].split()[0]
    assert "is ended" in ctl(place, "kill", sid, "go", "home")
    place.fairlead.wait_end("killed")
    ctl(place, "kill", sid, code=1)
    acts = place.fairlead.lines("act")
    assert {a["by"] for a in acts} == {f"uid:{os.getuid()}"}
    assert [a["what"] for a in acts] == ["drain", "drain", "drain-backend", "drain-backend", "log",
                                         "end"] + ["end"] * (len(acts) - 6), acts


def test_fairleadctl_exit_codes(place, tmp_path):
    for words in ((), ("dance",), ("--loud", "status"), ("status", "now"), ("show",), ("log",),
                  ("drain", "backend"), ("drain", "--end"), ("sessions", "--colour", "red"),
                  ("sessions", "a", "b"), ("-s",)):
        done = subprocess.run([CTL, *words], capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr, words
    said = ctl(place, "status", code=3, socket=str(tmp_path / "none.sock"))
    assert "is it running?" in said and "-s names another" in said
    config = tmp_path / "c.json"
    config.write_text('{"domains": [{"name": "a.example", "backends": ["127.0.0.1:1"]}]}')
    assert "good" in subprocess.run([CTL, "check-config", config], capture_output=True, text=True,
                                    check=True).stdout
    config.write_text('{"domians": []}')
    done = subprocess.run([CTL, "check-config", config], capture_output=True, text=True)
    assert done.returncode == 1 and "domains" in done.stderr

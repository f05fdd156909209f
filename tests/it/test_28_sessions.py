"""The API's sessions: searched, filtered, in order, page by page, over all workers."""

import base64
import json
import time

import pytest

from lib import patience
from lib.bosh import Http, auth, bind, message, request
from lib.freeze import frozen
from lib.place import Place
from lib.xmppserver import FEATURES_SASL

WORKERS = 3
NUMBERS = {"age": lambda r: r["age_ms"], "queue": lambda r: r["queued_bytes"],
           "in": lambda r: r["stanzas_in"], "out": lambda r: r["stanzas_out"],
           "bytes": lambda r: r["bytes_in"] + r["bytes_out"], "unproved": lambda r: r["unproved"],
           "jid": lambda r: r["jid"].encode(), "domain": lambda r: r["domain"],
           "peer": lambda r: r["peer"], "transport": lambda r: r["transport"],
           "state": lambda r: ["opening", "open", "detached", "closing"].index(r["state"])}


@pytest.fixture(scope="module")
def crowd():
    """Sessions of both kinds on all workers, which have said more or less."""
    p = Place({"bosh.wait": 120}, workers=WORKERS)
    sessions = []
    for i in range(9):
        s = p.bosh().login({"wait": 120}) if i % 3 else p.ws().login()
        for k in range(i):
            s.round_trip(f"m{k}")
        if i % 3:
            s.send()  # is held, so that it stays attached
        sessions.append(s)
    p.sessions = sessions
    yield p
    p.close()


def key(place):
    return {"Authorization": f"Bearer {place.fairlead.token()}"}


def call(place, method, path, body=None, status=200):
    http = Http(place.fairlead.status_port)
    try:
        answer = http.request(method, path, body, key(place))
    finally:
        http.close()
    assert answer.status == status, answer
    assert answer.get("Content-Type").startswith("application/json")
    return json.loads(answer.body)


def get(place, query="", status=200):
    return call(place, "GET", f"/api/sessions{query}", status=status)


def ask_all(place, path):
    """Asks by many connections, of which some are of every worker."""
    connections = [Http(place.fairlead.status_port) for _ in range(2 * WORKERS)]
    time.sleep(0.2)
    return connections, request("GET", path, None, key(place))


def rows(place, query):
    return get(place, query)["list"]


def test_all_sessions_of_all_workers_are_listed(crowd):
    all_of_them = get(crowd)
    assert (all_of_them["total"], all_of_them["matched"]) == (9, 9)
    assert {r["jid"] for r in all_of_them["list"]} == {s.jid for s in crowd.sessions}
    assert {r["worker"] for r in all_of_them["list"]} == set(range(WORKERS))
    assert all_of_them["silent_workers"] == [] and "cursor" not in all_of_them
    for r in all_of_them["list"]:
        assert r["domain"] == "example.org" and r["peer"] == "127.0.0.1"
        assert r["state"] == "open" and r["traced"] is False
        assert r["backend"] == f"127.0.0.1:{crowd.server.port}"
        assert r["id"].startswith(f"{r['worker']}-") and 0 <= r["age_ms"] < 600000


@pytest.mark.parametrize("sort", NUMBERS)
def test_every_order_goes_both_ways_over_all_workers(crowd, sort):
    up = rows(crowd, f"?sort={sort}&order=asc")
    down = rows(crowd, f"?sort={sort}&order=desc")
    key = NUMBERS[sort]
    assert len(up) == 9 and [r["id"] for r in down] == [r["id"] for r in reversed(up)]
    if sort != "age":  # which is another one for each question, and each worker
        assert [key(r) for r in up] == sorted(key(r) for r in up)
    else:
        assert [r["jid"] for r in down] == [s.jid for s in crowd.sessions]


def test_pages_follow_each_other(crowd):
    query, seen = "?sort=in&order=desc&limit=2", []
    cursor = ""
    for page in range(5):
        answer = get(crowd, query + cursor)
        seen += [r["id"] for r in answer["list"]]
        assert answer["matched"] == 9 and ("cursor" in answer) == (page < 4)
        cursor = f"&cursor={answer.get('cursor')}"
    assert seen == [r["id"] for r in rows(crowd, "?sort=in&order=desc")]


def test_filters_and_a_text_choose(crowd):
    bosh, ws = rows(crowd, "?transport=bosh"), rows(crowd, "?transport=websocket")
    assert (len(bosh), len(ws)) == (6, 3)
    assert {r["transport"] for r in bosh} == {"bosh"}
    one = crowd.sessions[4]
    row, = rows(crowd, f"?q={one.jid.upper().replace('@', '%40')}")
    assert row["jid"] == one.jid
    assert [r["id"] for r in rows(crowd, f"?q={row['id']}")] == [row["id"]]
    assert len(rows(crowd, "?q=127.0.0")) == 9 and len(rows(crowd, "?q=EXAMPLE.org")) == 9
    nobody = get(crowd, "?q=nobody")
    assert (nobody["total"], nobody["matched"], nobody["list"]) == (9, 0, [])
    assert rows(crowd, "?domain=example.com") == rows(crowd, "?state=detached") == []
    assert len(rows(crowd, "?domain=Example.ORG&state=open&transport=bosh&q=user")) == 6


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "sort=size", "order=up", "state=dead",
                                   "transport=smtp", "q=%zz", "cursor=00", f"q={'a' * 256}"])
def test_what_makes_no_sense_is_answered_in_words(crowd, query):
    assert len(get(crowd, f"?{query}", 400)["error"]) > 10


def test_jids_are_read_as_they_are_not_as_they_are_escaped(crowd):
    crowd.mark()
    s = crowd.bosh()
    s.user = "d'artagnan"
    s.login()
    row, = rows(crowd, "?q=d%27artagnan")
    assert row["jid"] == s.jid
    s.terminate()
    crowd.fairlead.wait_end("client-closed", crowd.marked[1])


def test_a_worker_that_hangs_is_named_in_time(crowd):
    if crowd.fairlead.sanitized():
        pytest.skip("a sanitizer's own thread waits for all others")
    connections, question = ask_all(crowd, "/api/sessions")
    started = time.monotonic()
    with frozen(crowd.fairlead.process.pid, "worker-1"):
        for c in connections:
            c.send(question)
        while not any(c.ready() for c in connections):
            assert time.monotonic() < started + patience(5)
            time.sleep(0.02)
        answer = next(c for c in connections if c.ready()).response()
        took = time.monotonic() - started
    found = json.loads(answer.body)
    assert found["silent_workers"] == [1]
    assert {r["worker"] for r in found["list"]} == {0, 2}
    assert 0.9 < took < patience(3)
    for c in connections:
        c.close()
    assert get(crowd)["silent_workers"] == []


# --- one session ---------------------------------------------------------------------------------


def row_of(place, session):
    row, = [r for r in rows(place, "") if r["jid"] == session.jid]
    return row


def test_a_bosh_session_is_shown_with_its_window_and_its_backend(crowd):
    crowd.mark()
    s = crowd.bosh().login()
    row = row_of(crowd, s)
    held = s.send()
    deadline = time.monotonic() + patience(5)
    while True:
        shown = call(crowd, "GET", f"/api/sessions/{row['id']}")
        if shown["held"] == 1:
            break
        assert time.monotonic() < deadline, shown
    assert {k: v for k, v in shown.items() if k in ("id", "worker", "jid", "domain", "peer")} == \
        {k: row[k] for k in ("id", "worker", "jid", "domain", "peer")}
    window = shown["window"]
    assert (window["requests"], window["hold"], window["wait_ms"]) == (2, 1, 20000)
    (h,) = window["held"]
    assert h["rid"] == held.rid and 0 <= h["since_ms"] < 10000 and shown["rid"] == held.rid + 1
    assert "inactivity_left_ms" not in shown and shown["paused"] is False
    assert shown["backend"]["address"] == f"127.0.0.1:{crowd.server.port}"
    assert shown["backend"]["tls"] == "" and shown["backend"]["unsent_bytes"] == 0
    assert abs(shown["born_at"] - time.time() + shown["age_ms"] / 1000) < 5
    s.terminate()
    crowd.fairlead.wait_end("client-closed", crowd.marked[1])


def test_it_is_shown_what_a_client_calls_itself(place):
    s = place.bosh(headers={"User-Agent": "it/1.0 (test)"}).login()
    w = place.ws(headers={"User-Agent": "x" * 300}).login()
    plain = place.bosh().login()
    agents = [call(place, "GET", f"/api/sessions/{row_of(place, c)['id']}")["client"]["agent"]
              for c in (s, w, plain)]
    assert agents == ["it/1.0 (test)", "x" * 200, ""]


def test_a_websocket_is_shown(crowd):
    w = crowd.sessions[3]
    shown = call(crowd, "GET", f"/api/sessions/{row_of(crowd, w)['id']}")
    assert shown["transport"] == "websocket" and shown["jid"] == w.jid and "window" not in shown


@pytest.mark.parametrize("session", ["0-0-1", "9-1-1", "x", "1-2", "0-0-0", "0-16777215-7", "0--1"])
def test_what_is_no_session_is_not_found(crowd, session):
    """Handles of requests and WebSockets look the same."""
    assert call(crowd, "GET", f"/api/sessions/{session}", status=404)["error"]
    assert call(crowd, "POST", f"/api/sessions/{session}/end", "{}", status=404)["error"]


def test_no_handle_of_anything_else_is_taken_for_a_session(crowd):
    """Requests are held, WebSockets are open: their handles are of the same kind, and those of one
    worker begin with the same number."""
    ids = {r["id"] for r in rows(crowd, "")}
    http = Http(crowd.fairlead.status_port)
    for worker in range(WORKERS):
        first = min(int(i.split("-")[2]) for i in ids if i.startswith(f"{worker}-"))
        for slot in range(24):
            for generation in range(first - 1, first + 2):
                session = f"{worker}-{slot}-{generation}"
                answer = http.request("GET", f"/api/sessions/{session}", headers=key(crowd))
                assert answer.status == (200 if session in ids else 404), session
    http.close()


def test_an_id_of_before_a_restart_names_no_session(new_place):
    """Two starts may choose the same number, once in 90000; three never do."""
    place, ids = new_place(workers=1), []
    for start in range(3):
        if start:
            place.leave()
            place.fairlead.stop()
            place.mark()
        w, _ = place.ws_pair()
        ids.append(row_of(place, w)["id"])
    assert len({i.split("-")[2] for i in ids}) > 1, ids
    for old in set(ids[:-1]) - {ids[-1]}:
        call(place, "POST", f"/api/sessions/{old}/end", "{}", status=404)
    w.round_trip("still here")


def test_a_websocket_that_is_ended_hears_why(place):
    w, stream = place.ws_pair()
    row = row_of(place, w)
    assert call(place, "POST", f"/api/sessions/{row['id']}/end",
                json.dumps({"text": 'go <away> "now"'})) == {"ended": True}
    error = w.take("error")
    assert error.raw == (b"<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
                         b"<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                         b"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
                         b"go &lt;away&gt; &quot;now&quot;</text></stream:error>"), error.raw
    assert w.element().name == "close"
    w.send("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")
    w.ending()
    assert w.code == 1008
    place.fairlead.wait_end("killed", place.marked[1])
    act, = place.fairlead.wait_lines("act", since=place.marked[1])
    assert (act["what"], act["session"], act["by"], act["done"]) == \
        ("end", row["id"], "127.0.0.1", "yes")
    assert r'text="go <away> \"now\""' in place.fairlead.log()
    gone = call(place, "GET", f"/api/sessions/{row['id']}", status=404)
    assert gone["reason"] == "killed" and 0 <= gone["ago_ms"] < 30000
    stream.wait_end()


def test_a_bosh_session_that_is_ended_gets_a_terminal_answer(place):
    s, _ = place.bosh_pair()
    row = row_of(place, s)
    held = s.send()
    assert call(place, "POST", f"/api/sessions/{row['id']}/end", "") == {"ended": True}
    answer = held.answer()
    assert (answer.type, answer.condition) == ("terminate", "policy-violation")
    place.fairlead.wait_end("killed", place.marked[1])
    gone = call(place, "POST", f"/api/sessions/{row['id']}/end", "{}", status=404)
    assert gone["reason"] == "killed"


@pytest.mark.parametrize("body", ["[]", "{", '{"text": "%s"}' % ("a" * 256), '"end"'])
def test_an_act_that_makes_no_sense_is_refused(place, body):
    s, _ = place.bosh_pair()
    session = row_of(place, s)["id"]
    assert call(place, "POST", f"/api/sessions/{session}/end", body, status=400)["error"]
    assert call(place, "GET", f"/api/sessions/{session}/end", status=405)["error"]
    assert call(place, "POST", f"/api/sessions/{session}", "{}", status=405)["error"]
    assert call(place, "GET", f"/api/sessions/{session}/more", status=404)["error"]
    assert call(place, "GET", f"/api/sessions/{session}")["state"] == "open"


def test_a_session_of_a_worker_that_hangs_is_not_waited_for(crowd):
    if crowd.fairlead.sanitized():
        pytest.skip("a sanitizer's own thread waits for all others")
    session = next(r["id"] for r in rows(crowd, "") if r["worker"] == 1)
    connections, question = ask_all(crowd, f"/api/sessions/{session}")
    with frozen(crowd.fairlead.process.pid, "worker-1"):
        for c in connections:
            c.send(question)
        deadline = time.monotonic() + patience(5)
        while not any(c.ready() for c in connections):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        answer = next(c for c in connections if c.ready()).response()
    assert answer.status == 503 and json.loads(answer.body)["error"]
    for c in connections:
        c.close()


# --- a trace -------------------------------------------------------------------------------------


class Trace:
    """What is told of a session, as it is told."""

    def __init__(self, place, session, status=200):
        self.http = Http(place.fairlead.status_port)
        self.http.send(request("GET", f"/api/sessions/{session}/trace", None, key(place)))
        head = self.http.until(b"\r\n\r\n", time.monotonic() + patience(5)).decode()
        self.status = int(head.split()[1])
        assert self.status == status, head
        self.text = b""
        self.events = []
        if status == 200:
            assert "text/event-stream" in head

    def read(self):
        deadline = time.monotonic() + patience(5)
        n = int(self.http.until(b"\r\n", deadline), 16)
        self.text += self.http.exactly(n, deadline)
        self.http.exactly(2, deadline)
        while b"\n\n" in self.text:
            event, self.text = self.text.split(b"\n\n", 1)
            kind, data = event.decode().split("\n")
            self.events.append((kind.removeprefix("event: "),
                                json.loads(data.removeprefix("data: "))))
        return n

    def until(self, test):
        while not any(test(kind, data) for kind, data in self.events):
            assert self.read(), self.events
        return self

    def labelled(self, label):
        return self.until(lambda kind, data: data.get("label") == label)

    def stanzas(self):
        return [(d["from"], d["xml"]) for k, d in self.events if k == "stanza"]

    def close(self):
        self.http.close()


def opened(place):
    """A session that has not logged in, and its id."""
    s = place.bosh()
    s.create()
    s.take("features")
    newest, = rows(place, "?sort=age&order=asc&limit=1")
    return s, newest["id"]


def test_a_trace_tells_what_passes_and_no_secret(place):
    s, session = opened(place)
    t = Trace(place, session).labelled("traced")
    s.send(auth(s.user, "s3cretWord"))
    s.take("success")
    s.restart()
    s.take("features")
    s.send(bind("phone"))
    s.take("iq")
    s.say(message("hello out there"))
    assert s.receive().text() == "hello out there"
    assert call(place, "GET", f"/api/sessions/{session}")["traced"] is True
    s.terminate()
    t.until(lambda kind, data: kind == "end")
    assert t.read() == 0  # the stream ends
    assert t.events[-1][1]["reason"] == "client-closed"
    told = t.stanzas()
    assert ("client", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>[24]</auth>"
            ) in [(f, x.replace(f"[{len_auth(s.user)}]", "[24]")) for f, x in told]
    assert any(f == "client" and x.endswith("<body>[15]</body></message>") for f, x in told), told
    assert any(f == "server" and "<body>[15]</body>" in x for f, x in told)
    assert [d["label"] for k, d in t.events if k == "note"][:4] == \
        ["traced", "login-tried", "logged-in", "restarted"]
    everything = json.dumps(t.events)
    for secret in ("s3cretWord", "hello", s.sid, base64.b64encode(
            f"\0{s.user}\0s3cretWord".encode()).decode()):
        assert secret not in everything


def len_auth(user):
    return len(base64.b64encode(f"\0{user}\0s3cretWord".encode()))


def test_bodies_are_told_where_the_configuration_wants_it(new_place):
    place = new_place({"trace.bodies": "on"})
    s, _ = place.bosh_pair()
    t = Trace(place, row_of(place, s)["id"]).labelled("traced")
    s.say(message("hello out there"))
    t.until(lambda kind, data: "hello out there" in data.get("xml", ""))
    t.close()


def test_a_websocket_is_traced_and_events_are_remembered(place):
    w, _ = place.ws_pair()
    session = row_of(place, w)["id"]
    labels = [e["label"] for e in call(place, "GET", f"/api/sessions/{session}")["events"]]
    assert labels[:4] == ["created", "dialling", "connected", "header"]
    assert labels.index("login-tried") < labels.index("logged-in") < labels.index("bound")
    t = Trace(place, session).labelled("traced")
    w.round_trip("hello")
    t.until(lambda kind, data: data.get("from") == "server" and "<message" in data["xml"])
    call(place, "POST", f"/api/sessions/{session}/end", "{}")
    t.until(lambda kind, data: kind == "end")
    assert t.events[-1][1]["reason"] == "killed"


def test_a_trace_ends_with_its_reader(place):
    s, _ = place.bosh_pair()
    session = row_of(place, s)["id"]
    one, two = Trace(place, session), Trace(place, session)
    one.labelled("traced")
    one.close()
    s.say(message("to the other"))
    two.until(lambda kind, data: "<message" in data.get("xml", ""))
    two.close()
    deadline = time.monotonic() + patience(5)
    while call(place, "GET", f"/api/sessions/{session}")["traced"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_eight_traces_run_at_a_time(place):
    s, _ = place.bosh_pair()
    session = row_of(place, s)["id"]
    traces = [Trace(place, session) for _ in range(8)]
    Trace(place, session, 503).close()
    Trace(place, "0-9999-1", 503).close()
    for t in traces:
        t.close()
    deadline = time.monotonic() + patience(5)
    while call(place, "GET", f"/api/sessions/{session}")["traced"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    Trace(place, "0-9999-1", 404).close()
    Trace(place, session).labelled("traced").close()


def test_logins_and_failures_are_counted_and_told(place):
    def script(stream):
        stream.read_header()
        stream.send_header()
        stream.send(FEATURES_SASL)
        stream.read_element()
        stream.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
        stream.read_element()
        stream.send("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        stream.hang()

    place.server.script = script
    before = place.fairlead.status()
    s, session = opened(place)
    s.send(auth(s.user))
    s.take("failure")
    shown = call(place, "GET", f"/api/sessions/{session}")
    assert shown["login"] == "failed"
    assert shown["events"][-1]["what"].endswith("not-authorized")
    s.send(auth(s.user))
    s.take("success")
    assert call(place, "GET", f"/api/sessions/{session}")["login"] == "done"
    after = place.fairlead.status()
    assert after["logins_total"] - before["logins_total"] == 1
    assert after["login_failures_total"] - before["login_failures_total"] == 1

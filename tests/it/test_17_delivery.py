"""Nothing lost on the last hop: stream management between Fairlead and the server, and where
messages are when a client, or the server, is gone."""

import random
import time

import pytest

from lib import sm
from lib.bosh import message
from lib.xmlbits import NS_CLIENT, NS_STANZAS, alone
from lib.ws import CLOSE_ELEMENT
from lib.xmppserver import Server

INACTIVITY = 2
SETTINGS = {"bosh.inactivity": INACTIVITY, "bosh.wait": 20, "websocket.ping": 20}
ENABLE = f"<enable xmlns='{sm.NS_SM}'/>"


@pytest.fixture
def counting(place):
    """The place, with a server that does stream management."""
    place.server.script = sm.script()
    return place


def bosh(place, **more):
    """A session that is logged in, all proved, and what its server counts; one request held."""
    s, stream = place.bosh_pair(**more)
    s.finish()
    stream.wait(lambda: stream.sm.enabled, 5, "<enable/>")
    settle(s)
    return s, stream


def ws(place):
    w, stream = place.ws_pair()
    w.send(f"<presence xmlns='{NS_CLIENT}'/>")
    stream.wait(lambda: stream.sm.enabled, 5, "<enable/>")
    return w, stream


def settle(s):
    """One request is held, and sent when all before it were answered: what came is proved."""
    s.finish()
    if not s.pending:
        s.send()


def fetch(s, n):
    """The ids of the next n messages."""
    return [s.take("message").get("id") for _ in range(n)]


def vanish(s):
    """The client is gone without a word."""
    s.drop_pending()


def ends(place, stream, reason, unproved, returned=0):
    """Fairlead ends the stream in order, and tells of so many stanzas in its log."""
    stream.wait_end(INACTIVITY + 8)
    assert stream.failure is None, stream.failure
    place.fairlead.wait_lines(
        "session-end", 1, place.marked[1],
        lambda p: (p["reason"], p["unproved"], p["returned"]) ==
        (reason, str(unproved), str(returned)))


def sm_elements(stream):
    return [e.name for e in stream.received if e.ns == sm.NS_SM]


# -- who enables it -------------------------------------------------------------------------------


def test_over_bosh_it_is_hidden_and_enabled_at_the_bind_result(counting):
    s = counting.bosh()
    features = []
    take = s.take

    def see(name, *more):
        e = take(name, *more)
        features.extend([e] if name == "features" else [])
        return e

    s.take = see
    s.login()
    stream = counting.server.stream_of(s.user)
    s.say("<presence xmlns='jabber:client'/>")
    stream.wait_element(lambda e: e.name == "presence")
    names = [e.name for e in stream.received if e.name != "r"]
    assert names[-3:] == ["iq", "enable", "presence"], names
    assert len(features) == 2 and not [f for f in features if b"urn:xmpp:sm" in f.raw]
    stream.wait(lambda: stream.sm.enabled, 5, "<enable/>")
    s.say(message("x"))
    stream.sm.deliver("m")
    assert s.take("message").get("id") == "m"  # and no <enabled/> before it


def test_over_websocket_it_is_shown_and_enabled_a_second_after_the_first_presence(counting):
    w = counting.ws()
    w.open()
    w.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHgxAHk=</auth>")
    w.take("success")
    _, features = w.open()
    assert sm.SM.encode() in features.raw
    w.send(f"<iq xmlns='{NS_CLIENT}' type='set' id='b'>"
           "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    w.take("iq")
    stream = counting.server.stream_of("x1")
    w.send(f"<iq xmlns='{NS_CLIENT}' type='get' id='q'><q xmlns='urn:x'/></iq>")
    w.take("iq")
    assert sm_elements(stream) == []
    before = time.monotonic()
    w.send(f"<presence xmlns='{NS_CLIENT}'/>")
    stream.wait(lambda: stream.sm.enabled, 5, "<enable/>")
    assert time.monotonic() - before > 0.8
    names = [e.name for e in stream.received]
    assert names[names.index("presence") + 1] == "enable", names


def test_a_websocket_client_may_be_present_before_it_enables(place):
    def run(stream):
        stream.login()
        stream.hang()

    place.server.script = run
    place.server.features_bind = sm.FEATURES
    w, stream = place.ws_pair()
    w.send(f"<presence xmlns='{NS_CLIENT}'/>")
    w.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    stream.wait_element(lambda e: e.name == "enable")
    stream.send("<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true'/>")
    assert w.take("enabled").get("resume") == "true"
    time.sleep(1.5)
    assert sm_elements(stream) == ["enable"]


@pytest.mark.parametrize("inline", [f"<sm xmlns='{sm.NS_SM}'/>",
                                    "<bind xmlns='urn:xmpp:bind:0'><inline><feature "
                                    f"var='{sm.NS_SM}'/></inline></bind>"],
                         ids=["SASL2", "Bind 2"])
def test_it_is_hidden_inside_other_features_too_and_enabled_when_bound(place, inline):
    def run(stream):
        stream.sm = sm.Counting(stream)
        sm.login_sasl2(stream, inline)
        sm.success(stream)
        while True:
            stream.sm.element(stream.read_element())

    place.server.script = run
    s = place.bosh()
    stream_before = place.server.drain()
    s.create()
    assert b"urn:xmpp:sm" not in s.take("features").raw
    stream = stream_before.next_stream()
    s.say("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AHgAeQ=="
          "</initial-response><bind xmlns='urn:xmpp:bind:0'><tag>x</tag></bind></authenticate>")
    s.take("success")
    assert b"urn:xmpp:sm" not in s.take("features").raw
    stream.wait(lambda: stream.sm.enabled, 5, "<enable/>")
    assert not [e for e in s.inbox if e.ns == sm.NS_SM]


def test_an_enable_nested_in_the_login_is_the_clients_own(place):
    def run(stream):
        stream.asked = sm.login_sasl2(stream, f"<sm xmlns='{sm.NS_SM}'/>")
        sm.success(stream, f"<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='{sm.NS_SM}' id='1' "
                           "resume='true'/></bound>")
        stream.send(f"<r xmlns='{sm.NS_SM}'/>")
        stream.hang()

    place.server.script = run
    s = place.bosh()
    s.create()
    stream = place.server.next_stream()
    s.take("features")
    s.say("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AHgAeQ=="
          "</initial-response><bind xmlns='urn:xmpp:bind:0'>" + ENABLE + "</bind></authenticate>")
    assert s.take("success").find("enabled") is not None
    assert b"urn:xmpp:sm" in s.take("features").raw
    assert s.take("r").ns == sm.NS_SM
    assert stream.asked.find("enable") is not None
    s.say(f"<a xmlns='{sm.NS_SM}' h='0'/>")
    stream.wait_element(lambda e: e.name == "a")
    vanish(s)
    stream.wait_gone(INACTIVITY + 8)
    assert not stream.end_tag and [e.name for e in stream.received] == ["authenticate", "a"]


def test_a_bosh_client_that_enables_it_itself_is_refused(counting):
    s, stream = bosh(counting)
    for element in (f"<enable xmlns='{sm.NS_SM}' resume='true'/>",
                    f"<resume xmlns='{sm.NS_SM}' h='0' previd='x'/>"):
        s.say(element + message("behind it"))
        refused = s.take("failed")
        assert refused.ns == sm.NS_SM
        assert refused.find("unexpected-request").tag == f"{{{NS_STANZAS}}}unexpected-request"
    s.say(f"<r xmlns='{sm.NS_SM}'/><a xmlns='{sm.NS_SM}' h='77'/>" + message("last"))
    stream.wait_text("last")
    assert sm_elements(stream).count("enable") == 1 and "resume" not in sm_elements(stream)
    assert stream.failure is None


def test_a_websocket_client_that_does_it_itself_is_not_touched(place):
    def run(stream):
        stream.login()
        stream.hang()

    place.server.script = run
    place.server.features_bind = sm.FEATURES
    w, stream = place.ws_pair()
    w.send(f"<enable xmlns='{sm.NS_SM}' resume='true'/>")
    enable = stream.wait_element(lambda e: e.name == "enable")
    assert enable.raw == f"<enable xmlns='{sm.NS_SM}' resume='true'/>".encode()
    stream.send(f"<enabled xmlns='{sm.NS_SM}' id='1' resume='true'/><r xmlns='{sm.NS_SM}'/>")
    assert w.take("enabled").get("resume") == "true"
    assert w.take("r").ns == sm.NS_SM
    w.send(f"<a xmlns='{sm.NS_SM}' h='0'/>")
    w.send(f"<presence xmlns='{NS_CLIENT}'/>")
    stream.wait_element(lambda e: e.name == "presence")
    assert [e.name for e in stream.received if e.name != "iq"][-3:] == ["enable", "a", "presence"]
    w.http.reset()
    stream.wait_gone()
    assert not stream.end_tag and sm_elements(stream) == ["enable", "a"]


def test_a_transparent_domain_is_left_alone(new_place):
    server = Server("open.example.org", sm.script())
    try:
        place = new_place(SETTINGS, config={"domains": [{
            "name": "open.example.org", "delivery": "transparent",
            "backends": [f"tcp://127.0.0.1:{server.port}"]}]})
        s = place.bosh(domain="open.example.org")
        s.create()
        s.take("features")
        s.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHgyAHk=</auth>")
        s.take("success")
        s.restart()
        assert sm.SM.encode() in s.take("features").raw
        s.send(f"<iq xmlns='{NS_CLIENT}' type='set' id='b'>"
               "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        s.take("iq")
        stream = server.stream_of("x2")
        stream.sm.deliver(1)
        assert fetch(s, 1) == ["1"]
        s.finish()
        stream.sm.deliver(2)
        vanish(s)
        stream.wait_end(INACTIVITY + 8)
        assert sm_elements(stream) == [] and sm.returned(stream) == []
    finally:
        server.close()


# -- what is acknowledged -------------------------------------------------------------------------


def test_every_r_is_answered_at_once_and_only_what_is_proved_counts(counting):
    s, stream = bosh(counting)
    assert stream.sm.ask() == 0
    stream.sm.deliver("a", "b", ask=True)
    stream.wait(lambda: len(stream.sm.acks) == 2, 5, "<a/>")
    assert stream.sm.acks == [0, 0]
    assert fetch(s, 2) == ["a", "b"]
    settle(s)
    stream.sm.wait_h(2)
    stream.sm.deliver("c")
    assert fetch(s, 1) == ["c"]
    assert stream.sm.ask() == 2
    assert not [e for e in s.inbox if e.ns == sm.NS_SM]


def test_what_is_proved_is_told_without_being_asked(counting):
    s, stream = bosh(counting)
    stream.sm.deliver(*range(60))
    fetch(s, 60)
    began = time.monotonic()
    settle(s)
    stream.sm.wait_h(60)
    assert time.monotonic() - began < 1.5  # fifty and more do not wait two seconds
    stream.sm.deliver("one")
    fetch(s, 1)
    settle(s)
    stream.sm.wait_h(61)


def test_a_pong_proves_over_websocket(counting):
    w, stream = ws(counting)
    stream.sm.deliver("a", "b")
    assert [w.take("message").get("id") for _ in range(2)] == ["a", "b"]
    assert stream.sm.ask() == 0
    assert w.receive_ping(5)  # it comes a second later
    stream.sm.wait_h(2)


def test_acks_of_bosh_prove(counting):
    s = counting.bosh()
    s.login({"ack": "1"})
    stream = counting.server.stream_of(s.user)
    stream.wait(lambda: stream.sm.enabled, 5, "<enable/>")
    settle(s)
    stream.sm.deliver("a")
    assert fetch(s, 1) == ["a"]
    r = s.send("", {"ack": s.rid - 2})  # it has all but the last answer
    assert stream.sm.ask() == 0
    s.send()
    assert r.answer().elements == []
    s.pending[0].http.close()
    s.drop_pending()
    s.send("", {"ack": s.rid - 2})
    stream.sm.wait_h(1)


def test_the_other_way_is_asked_for_once_a_second_at_most(counting):
    s, stream = bosh(counting)
    began = time.monotonic()
    for i in range(30):
        s.say(message(f"m{i}"))
    stream.wait_text("m29")
    assert 1 <= stream.sm.asked <= 2 + (time.monotonic() - began), stream.sm.asked
    row = next(r for r in counting.fairlead.status("/api/sessions")["list"] if r["jid"] == s.jid)
    assert (row["delivery"], row["unproved"], row["returned"]) == ("acknowledged", 0, 0)


# -- how a session ends ---------------------------------------------------------------------------


def test_inactivity_leaves_what_is_not_proved_to_the_server(counting):
    s, stream = bosh(counting)
    stream.sm.deliver("a")
    assert fetch(s, 1) == ["a"]
    settle(s)
    stream.sm.deliver("b")
    assert s.pending[0].answer().element("message").get("id") == "b"  # answered, not proved
    stream.sm.deliver("c", "d")
    ends(counting, stream, "inactivity", unproved=3)
    assert stream.sm.acks[-1] == 1 and stream.sm.ids() == ["b", "c", "d"]
    assert sm.returned(stream) == []


def test_a_terminate_counts_all_that_was_sent_as_received(counting):
    s, stream = bosh(counting)
    stream.sm.deliver("a", "b")
    fetch(s, 2)
    end = s.terminate()
    assert end.type == "terminate"
    ends(counting, stream, "client-closed", unproved=0)
    assert stream.sm.ids() == [] and stream.sm.acks[-1] == 2


def test_what_is_queued_at_a_terminate_is_left_to_the_server(counting):
    s, stream = bosh(counting)
    stream.sm.deliver("a")
    assert s.pending[0].answer().element("message").get("id") == "a"
    stream.sm.deliver("b", "c")
    assert stream.sm.ask() == 0  # so they have come
    end = s.terminate()
    assert end.type == "terminate" and end.elements == []
    ends(counting, stream, "client-closed", unproved=2)
    assert stream.sm.ids() == ["b", "c"]
    assert sm.returned(stream) == []


@pytest.mark.full
def test_a_rid_that_never_comes_ends_the_session_in_time(counting):
    """The request behind it is told to try again, and does."""
    s, stream = bosh(counting)
    stream.sm.deliver("a")
    assert s.pending[0].answer().element("message").get("id") == "a"
    start, rid = time.monotonic(), s.rid + 1
    while True:
        waiting = s.send(message("never heard"), rid=rid)
        answer = waiting.http.response(30)
        if answer.status != 503:
            break
        s.drop_pending()
    s.pending = []
    assert b"type='terminate'" in answer.body and b"'item-not-found'" in answer.body, answer
    assert 43 < time.monotonic() - start < 50
    ends(counting, stream, "rid-missing", unproved=0)
    assert stream.messages() == []


def test_a_websocket_that_breaks_leaves_what_has_no_pong(counting):
    w, stream = ws(counting)
    stream.sm.deliver("a")
    w.take("message")
    assert w.receive_ping(3)
    stream.sm.wait_h(1)
    w.pongs = False
    stream.sm.deliver("b", "c")
    w.take("message")
    w.http.reset()
    ends(counting, stream, "client-lost", unproved=2)
    assert stream.sm.ids() == ["b", "c"]


def test_a_close_of_a_websocket_is_a_goodbye(counting):
    w, stream = ws(counting)
    stream.sm.deliver("a")
    w.take("message")
    w.send(CLOSE_ELEMENT.decode())
    assert w.ending()[-1] == CLOSE_ELEMENT
    ends(counting, stream, "client-closed", unproved=0)
    assert stream.sm.ids() == []


def test_more_than_the_server_keeps_is_returned(new_place):
    """The answer to the first ping stands in its queue, too."""
    place = new_place({**SETTINGS, "delivery.server_queue": 5}, script=sm.script())
    s, stream = bosh(place)
    vanish(s)
    stream.sm.deliver(*range(12))
    ends(place, stream, "inactivity", unproved=5, returned=8)
    assert sm.returned(stream) == [str(i) for i in range(8)]
    assert stream.sm.ids() == [str(i) for i in range(8, 12)]
    errors = [e for e in stream.received if e.get("type") == "error"]
    assert errors[0].get("to") == "peer@example.org/x" and errors[0].get("from") == stream.jid


@pytest.mark.parametrize("grant", ["not offered", "refused"])
def test_without_a_server_that_counts_fairlead_returns_all(place, grant):
    if grant == "refused":
        place.server.script = sm.script(grant=False)
    else:
        place.server.script = sm.script(features="<stream:features><bind "
                                        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                                        "</stream:features>")
    s, stream = place.bosh_pair()
    settle(s)
    stream.sm.deliver("a")
    fetch(s, 1)
    settle(s)
    vanish(s)
    stream.sm.deliver("b", "c")
    stream.sm.deliver("no", kind="groupchat")
    stream.sm.deliver("no", kind="headline")
    stream.send("<presence from='peer@example.org/x'/><iq from='peer@example.org/x' type='get' "
                "id='q'><ping xmlns='urn:xmpp:ping'/></iq>")
    ends(place, stream, "inactivity", unproved=3, returned=3)
    assert sm.returned(stream) == ["b", "c"]
    iq = next(e for e in stream.received if e.name == "iq" and e.get("type") == "error")
    assert iq.get("id") == "q" and iq.find("service-unavailable") is not None
    assert sm_elements(stream) == (["enable"] if grant == "refused" else [])


def test_a_shutdown_is_truthful_too(new_place):
    place = new_place({**SETTINGS, "shutdown.deadline": 3}, script=sm.script())
    s, stream = bosh(place)
    w, wstream = ws(place)
    w.pongs = False
    s.finish()
    vanish(s)
    stream.sm.deliver("a")
    wstream.sm.deliver("b")
    w.take("message")
    stream.sm.ask()
    place.fairlead.terminate()
    assert alone(w.ending(6)[0]).name == "error"
    for st, ids in ((stream, ["a"]), (wstream, ["b"])):
        st.wait_end()
        assert st.sm.ids() == ids and st.failure is None


# -- the server is lost ---------------------------------------------------------------------------


def lost(elements):
    """The ids of the messages that the client is told of."""
    errors = [e for e in elements if e.name == "message" and e.get("type") == "error"]
    for e in errors:
        assert e.find("remote-server-timeout").tag == f"{{{NS_STANZAS}}}remote-server-timeout"
        assert e.get("from") == "peer@example.org"
    return [e.get("id") for e in errors]


def with_id(i):
    return message("x").replace("<message", f"<message id='{i}'")


def test_messages_that_a_lost_server_did_not_acknowledge_are_told_before_the_end(counting):
    counting.server.script = sm.script(answer=False)
    s, stream = bosh(counting)
    s.say(with_id(1) + with_id(2))
    stream.wait(lambda: stream.sm.came == 2, 5, "two messages")
    stream.sm.acknowledge()
    s.say(with_id(3) + "<presence xmlns='jabber:client'/>" + with_id(4))
    stream.wait(lambda: stream.sm.came == 5, 5, "the rest")
    stream.reset()
    s.finish()
    while s.ended is None:
        (s.pending[0] if s.pending else s.send()).answer()
    assert s.ended.condition == "remote-connection-failed"
    assert lost(s.inbox) == ["3", "4"]
    assert all(e.get("to") == s.jid for e in s.inbox)
    counting.fairlead.wait_lines("session-end", 1, counting.marked[1],
                                 lambda p: p["reason"] == "server-lost" and p["unacked"] == "3")


def test_a_websocket_client_hears_of_them_before_close(counting):
    counting.server.script = sm.script(answer=False)
    w, stream = ws(counting)
    w.send(with_id(1))
    stream.wait(lambda: stream.sm.came == 1, 5, "the message")
    stream.reset()
    said = [alone(m) for m in w.ending()]
    assert lost(said) == ["1"]
    assert [e.name for e in said] == ["message", "error", "close"]


def test_what_the_server_acknowledged_is_not_told(counting):
    s, stream = bosh(counting)
    s.say(with_id(1))
    stream.wait(lambda: stream.sm.asked, 5, "<r/>")
    s.say(f"<iq xmlns='{NS_CLIENT}' type='get' id='q'><q xmlns='urn:x'/></iq>")
    s.take("iq")  # by now the <a/> before it was read
    stream.reset()
    while s.ended is None:
        (s.pending[0] if s.pending else s.send()).answer()
    assert lost(s.inbox) == []


# -- all together ---------------------------------------------------------------------------------


def test_every_message_is_with_the_client_or_kept_or_returned(new_place):
    place = new_place({**SETTINGS, "delivery.server_queue": 8}, script=sm.script())
    rng = random.Random(17)
    sessions = []
    for n in range(24):  # the BOSH sessions last, which nobody polls until it is their turn
        c, stream = bosh(place) if n >= 12 else ws(place)
        sessions.append((c, stream, set()))
    for c, stream, got in sessions:
        sent = 0
        for _ in range(rng.randrange(1, 6)):
            more = rng.randrange(1, 5)
            stream.sm.deliver(*range(sent, sent + more))
            sent += more
            for _ in range(more):
                got.add((c.take("message")).get("id"))
            if hasattr(c, "sid"):
                settle(c)
        stream.sm.deliver(*range(sent, sent + rng.randrange(0, 14)))
        if hasattr(c, "sid"):
            vanish(c)
        else:
            c.http.reset()
    for c, stream, got in sessions:
        stream.wait_end(INACTIVITY + 8)
        assert stream.failure is None, stream.failure
        everything = [str(i) for i in range(stream.sm.sent)]
        back = sm.returned(stream)
        assert len(stream.sm.ids()) <= 8
        assert not set(back) & set(stream.sm.ids())
        assert [i for i in everything if i not in got and i not in back] == \
            [i for i in stream.sm.ids() if i not in got]

"""BOSH sessions: order, window, replay, hold and wait, inactivity, both ends (XEP-0124 8-15)."""

import time

import pytest

from lib import patience
from lib.bosh import Body, Http, auth, message, request
from lib.xmlbits import NS_CLIENT, NS_STREAM, NS_XBOSH

SETTINGS = {"bosh.wait": 2, "bosh.inactivity": 3, "limits.queue": 100000}
UNAVAILABLE = f"<presence xmlns='{NS_CLIENT}' type='unavailable'/>"


def quiet(stream):
    """A server that logs in and then says only what the test sends."""
    stream.login()
    stream.hang()


def pair(place, **more):
    """A session with a quiet server and no request on its way."""
    place.server.script = quiet
    s, stream = place.bosh_pair(**more)
    settle(s)
    return s, stream


def settle(s):
    """Have all answers in, so that the next request is the only one."""
    while s.pending:
        s.pending[0].answer()


def authenticated(place):
    s = place.bosh()
    s.create()
    s.take("features")
    s.send(auth(s.user))
    s.take("success")
    return s


def no_session(place, sid, rid):
    a = Body(place.http().post(place.bosh().make("", rid, {"sid": sid})))
    assert a.type == "terminate" and a.condition == "item-not-found", a


# -- order and window --------------------------------------------------------------------------

def test_a_login_and_twenty_messages_come_back_in_order(place):
    s, stream = place.bosh_pair()
    for i in range(20):
        s.round_trip(f"message {i} \u20ac \U0001f642")
    assert stream.messages() == [f"message {i} \u20ac \U0001f642" for i in range(20)]


def test_requests_that_overtake_each_other_reach_the_server_in_rid_order(place):
    s, stream = pair(place)
    first, second = s.rid, s.rid + 1
    s.rid += 2
    r2 = s.send(message("second"), rid=second)
    time.sleep(0.3)
    assert stream.messages() == [] and not r2.ready()
    r1 = s.send(message("first"), rid=first)
    stream.wait_text("second")
    assert stream.messages() == ["first", "second"]
    assert r1.answer(1).type is None
    stream.send(message("answer", xmlns=False))
    assert r2.answer(1).elements[0].text() == "answer"


def test_answers_leave_in_rid_order(place):
    s, stream = pair(place)
    r1 = s.send()
    assert not r1.ready(0.2)
    r2 = s.send()
    assert r1.answer(1).elements == []
    assert not r2.ready(0.2)
    stream.send(message("m", xmlns=False))
    assert r2.answer(1).element("message") is not None


def test_a_rid_far_beyond_the_window_is_item_not_found(place):
    s, _ = pair(place)
    a = s.send("", rid=s.rid + 50).answer()
    assert a.type == "terminate" and a.condition == "item-not-found"


def test_one_request_more_than_granted_does_not_end_the_session(place):
    """Clients reload and burst; the oldest is answered, nothing is killed."""
    s, stream = pair(place)
    requests = []
    for _ in range(3):
        requests.append(s.send())
        time.sleep(0.1)  # else the third may be there first, which is beyond the window
    for r in requests[:-1]:
        assert r.answer(1.5).type is None
    stream.send(message("alive", xmlns=False))
    assert requests[-1].answer(1.5).elements[0].text() == "alive"


# -- replay ------------------------------------------------------------------------------------

def test_a_repeated_rid_gets_the_same_bytes_again(place):
    s, stream = pair(place)
    stream.send(message("once", xmlns=False))
    r = s.send()
    first = r.answer()
    assert first.elements[0].text() == "once"
    for _ in range(3):
        again = Body(place.http().post(r.raw))
        assert again.raw == first.raw
    s.send(message("next"))
    stream.wait_text("next")
    settle(s)


def test_a_repeated_request_is_not_run_twice(place):
    s, stream = pair(place)
    stream.send(message("a", xmlns=False))
    r = s.send(message("only once"))
    r.answer()
    Body(place.http().post(r.raw))
    s.send(message("then"))
    stream.wait_text("then")
    assert stream.messages() == ["only once", "then"]


def test_the_answer_before_the_last_can_be_repeated_too(place):
    s, stream = pair(place)
    kept = []
    for i in range(2):
        stream.send(message(f"m{i}", xmlns=False))
        r = s.send()
        kept.append((r, r.answer()))
        assert kept[-1][1].elements[0].text() == f"m{i}"
    for r, answer in kept:
        assert Body(place.http().post(r.raw)).raw == answer.raw
    stream.send(message("on", xmlns=False))
    assert s.receive() is not None


def test_a_rid_older_than_the_buffer_is_item_not_found_and_the_session_lives(place):
    s, stream = pair(place)
    old = s.send(message("0"))
    stream.wait_text("0")
    stream.send(message("answer 0", xmlns=False))
    old.answer()
    for i in range(1, 10):
        stream.send(message(f"answer {i}", xmlns=False))
        s.send(message(str(i))).answer()
    a = Body(place.http().post(old.raw))
    assert a.type == "terminate" and a.condition == "item-not-found"
    stream.send(message("still here", xmlns=False))
    settle(s)
    s.inbox.clear()
    stream.send(message("really", xmlns=False))
    assert s.receive().text() in ("still here", "really")
    stream.wait_text("9")
    assert stream.messages() == [str(i) for i in range(10)]


def test_a_repeat_of_a_held_rid_takes_its_place_and_the_old_one_gets_a_recoverable_error(place):
    s, stream = pair(place)
    old = s.send(message("one time"))
    stream.wait_text("one time")
    assert not old.ready(0.1)
    new = place.http().send(request("POST", s.path, old.raw))
    a = old.answer(1)
    assert a.type == "error" and a.elements == [], a
    stream.send(message("the answer", xmlns=False))
    assert Body(new.response(1)).elements[0].text() == "the answer"
    assert stream.messages() == ["one time"]
    stream.send(message("more", xmlns=False))
    assert s.receive().text() == "more"


def test_what_was_answered_to_a_dead_connection_can_be_had_again(place):
    s, stream = pair(place)
    r = s.send()
    assert not r.ready(0.2)
    r.http.reset()
    s.pool.remove(r.http)
    s.pending.clear()
    stream.send(message("lost?", xmlns=False))
    time.sleep(0.2)
    again = Body(place.http().post(r.raw))
    assert [e.text() for e in again.elements] == ["lost?"]


def test_what_comes_after_the_held_connection_died_goes_to_the_next_request(place):
    s, stream = pair(place)
    r = s.send()
    r.http.reset()
    s.pool.remove(r.http)
    s.pending.clear()
    time.sleep(0.2)
    stream.send(message("found", xmlns=False))
    time.sleep(0.1)
    found = [e.text() for e in Body(place.http().post(r.raw)).elements]
    if not found:
        found = [s.receive().text()]
    assert found == ["found"]


# -- hold and wait -----------------------------------------------------------------------------

def test_an_empty_request_is_held_for_wait_seconds_and_answered_empty(place):
    s, _ = pair(place)
    r = s.send()
    a = r.answer(5)
    assert a.type is None and a.elements == []
    assert 1.4 < a.response.when - r.sent < 3.5


def test_a_wait_that_the_client_asked_for_is_kept(place):
    place.server.script = quiet
    s = place.bosh().login({"wait": 1})
    settle(s)
    r = s.send()
    assert 0.6 < r.answer(5).response.when - r.sent < 2


def test_a_held_request_is_answered_at_once_when_something_comes(place):
    s, stream = pair(place)
    r = s.send()
    time.sleep(0.3)
    now = time.monotonic()
    stream.send(message("now", xmlns=False))
    assert r.answer().response.when - now < 0.7


def test_a_second_request_releases_the_first_at_once(place):
    s, _ = pair(place)
    r1 = s.send()
    time.sleep(0.3)
    r2 = s.send(message("payload"))
    assert r1.answer().response.when - r2.sent < 0.7
    assert not r2.ready(0.3)


def test_hold_0_is_answered_at_once(new_place):
    place = new_place({"bosh.polling": 0}, script=quiet)
    s = place.bosh().login({"hold": 0})
    settle(s)
    r = s.send()
    assert r.answer().response.when - r.sent < 1


def test_what_came_while_no_request_was_there_comes_with_the_next(place):
    s, stream = pair(place)
    for i in range(5):
        stream.send(message(f"m{i}", xmlns=False))
    time.sleep(0.3)
    a = s.exchange()
    assert [e.text() for e in a.elements] == [f"m{i}" for i in range(5)]


def test_a_client_that_polls_and_writes_at_once_gets_each_message_once(place):
    s, stream = place.bosh_pair()
    for i in range(30):
        s.say(message(f"m{i}"))
    got = [s.receive().text() for _ in range(30)]
    assert got == [f"m{i}" for i in range(30)]
    assert stream.messages() == got


# -- inactivity --------------------------------------------------------------------------------

def test_a_session_without_a_request_ends_after_inactivity(place):
    s, stream = pair(place)
    began = time.monotonic()
    stream.wait_gone(6)
    assert 2.4 < time.monotonic() - began < 5.5
    no_session(place, s.sid, s.rid)
    place.fairlead.wait_end("inactivity", place.marked[1])


def test_inactivity_is_counted_only_while_no_request_is_held(place):
    s, stream = pair(place)
    for _ in range(2):
        s.exchange(timeout=5)  # held for 2 s each
    time.sleep(1.5)
    stream.send(message("still", xmlns=False))
    assert s.receive().text() == "still"


def test_a_held_request_whose_connection_died_does_not_keep_the_session(place):
    s, stream = pair(place)
    r = s.send()
    time.sleep(0.1)
    r.http.close()
    s.pool.remove(r.http)
    stream.wait_gone(6)


# -- ends --------------------------------------------------------------------------------------

def test_a_client_ends_the_session_and_its_payload_reaches_the_server_first(place):
    s, stream = pair(place)
    held = s.send()
    last = s.send(UNAVAILABLE, {"type": "terminate"})
    answers = [held.answer(2), last.answer(2)]
    assert "terminate" in [a.type for a in answers]
    assert all(a.condition is None for a in answers)
    stream.wait_end()
    # Behind it Fairlead takes leave in its own words.
    assert [e.name for e in stream.received][-3:] == ["presence", "presence", "iq"]
    assert stream.received[-3].get("type") == "unavailable"
    no_session(place, s.sid, s.rid)


def test_a_client_that_says_terminal_ends_the_session_too(place):
    """gloox."""
    s, stream = pair(place)
    s.send("", {"type": "terminal"}).answer(2)
    stream.wait_end()


def test_a_repeated_terminate_gets_an_end_again(place):
    s, stream = pair(place)
    r = s.send("", {"type": "terminate"})
    r.answer()
    stream.wait_end()
    assert Body(place.http().post(r.raw)).type == "terminate"


def test_the_end_is_answered_although_the_server_never_closes_its_side(place):
    def stubborn(stream):
        stream.login()
        while True:
            stream.read(600)

    place.server.script = stubborn
    s, stream = place.bosh_pair()
    s.terminate()
    assert s.ended.type == "terminate"
    stream.wait_end()


def test_a_terminate_waits_its_turn_in_rid_order(place):
    s, stream = pair(place)
    rid, s.rid = s.rid, s.rid + 2
    end = s.send("", {"type": "terminate"}, rid=rid + 1)
    time.sleep(0.2)
    assert not stream.end_tag
    s.send(message("before the end"), rid=rid)
    stream.wait_end()
    assert stream.messages() == ["before the end"]
    settle(s)
    assert end.body is not None


def test_the_server_ends_the_stream_and_what_it_sent_before_comes_first(place):
    s, stream = pair(place)
    stream.send(message("last words", xmlns=False) + "</stream:stream>")
    assert s.receive().text() == "last words"
    while s.ended is None:
        s.exchange()
    assert s.ended.condition is None
    no_session(place, s.sid, s.rid)


def test_the_server_ends_the_stream_while_a_request_is_held(place):
    s, stream = pair(place)
    r = s.send()
    stream.send("</stream:stream>")
    a = r.answer(2)
    assert a.type == "terminate" and a.condition is None
    stream.wait_end()


def test_who_holds_nothing_when_the_server_ends_fetches_what_it_said_later(new_place):
    place = new_place({"bosh.wait": 2})
    s, stream = pair(place)
    settle(s)
    stream.send(message("last words", xmlns=False) + "</stream:stream>")
    stream.wait_gone()
    time.sleep(5)  # as without a network for a while
    a = s.send().answer(2)
    assert a.type == "terminate" and a.element("message").text() == "last words"
    no_session(place, s.sid, s.rid)


def test_nobody_is_waited_for_at_a_shutdown_to_hear_of_an_end(new_place):
    place = new_place({"bosh.wait": 2, "shutdown.deadline": 30})
    s, stream = pair(place)
    settle(s)
    stream.send("</stream:stream>")
    stream.wait_gone()
    began = time.monotonic()
    place.fairlead.stop()
    assert time.monotonic() - began < patience(3)


# -- unknown sessions --------------------------------------------------------------------------

@pytest.mark.parametrize("change", [
    lambda sid: sid[:-1] + ("a" if sid[-1] != "a" else "b"),
    lambda sid: sid.upper() if sid != sid.upper() else sid + "x", lambda sid: sid + "a",
    lambda sid: sid[:-1], lambda sid: "", lambda sid: "x", lambda sid: "a" * 10000,
    lambda sid: "a" * len(sid), lambda sid: "\u20ac" * 20, lambda sid: "../../etc/passwd",
    lambda sid: sid[:12] + "zzzz" + sid[16:], lambda sid: "none&'\"<"])
def test_an_unknown_sid_is_item_not_found_as_http_200(place, change):
    s, stream = pair(place)
    a = Body(place.http().post(s.make("", s.rid, {"sid": change(s.sid)})))
    assert a.type == "terminate"
    assert a.condition == ("item-not-found" if change(s.sid) else a.condition)
    stream.send(message("not harmed", xmlns=False))
    assert s.receive().text() == "not harmed"


def test_a_sid_with_a_forged_tag_is_unknown_at_every_worker(place):
    """Also where it arrives at the worker that owns the genuine one."""
    s, _ = pair(place)
    forged = s.sid[:-2] + ("aa" if s.sid[-2:] != "aa" else "ba")
    for _ in range(8):
        a = Body(place.http().post(s.make("", s.rid, {"sid": forged})))
        assert a.type == "terminate" and a.condition == "item-not-found", a


def test_an_absurd_rid_in_a_session_is_refused(place):
    for rid in (None, "", "abc", "-1", "99999999999999999999"):
        s = place.bosh()
        s.create()
        a = Body(place.http().post(s.make("", rid)))
        assert a.type == "terminate" and a.condition in ("bad-request", "item-not-found")


# -- XMPP --------------------------------------------------------------------------------------

@pytest.mark.parametrize("attrs", [
    {"xmpp:restart": "true", "xmlns:xmpp": NS_XBOSH, "to": "example.org", "xml:lang": "en"},
    {"xmpp:restart": "true", "xmlns:xmpp": NS_XBOSH},
    {"x:restart": "true", "xmlns:x": NS_XBOSH, "to": "example.org"},
    {"xmpp:restart": "1", "xmlns:xmpp": NS_XBOSH, "to": "example.org"}])
def test_a_restart_opens_the_stream_anew(place, attrs):
    s = authenticated(place)
    s.send("", attrs)
    features = s.take("features")
    assert features.find("bind") is not None and features.ns == NS_STREAM
    stream = place.server.stream_of(s.user)
    assert [h["to"] for h in stream.headers] == ["example.org", "example.org"]


def test_a_restart_stays_with_its_domain(place):
    s = authenticated(place)
    r = s.send("", {"xmpp:restart": "true", "xmlns:xmpp": NS_XBOSH, "to": "other.example.org"})
    assert r.answer(2).condition == "host-unknown"
    stream = place.server.stream_of(s.user)
    stream.wait_gone()
    assert len(stream.headers) == 1


def test_a_restart_whose_prefix_is_not_declared_is_understood(place):
    s = authenticated(place)
    s.send("", {"xmpp:restart": "true", "to": "example.org"})
    assert s.take("features").find("bind") is not None


def test_a_sasl_failure_is_passed_on_and_the_session_goes_on(place):
    def script(stream):
        stream.open()
        while True:
            e = stream.read_element()
            if e.name == "auth":
                stream.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                            "<not-authorized/></failure>")

    place.server.script = script
    s = place.bosh()
    s.create()
    s.take("features")
    for _ in range(2):
        s.send(auth(s.user, "wrong"))
        assert s.take("failure").find("not-authorized") is not None


def test_success_alone_is_not_taken_for_a_restart(place):
    """SASL2: no restart follows; features come without a new header."""
    def script(stream):
        stream.open()
        stream.read_element()
        stream.send("<success xmlns='urn:xmpp:sasl:2'/><stream:features><sm xmlns='urn:xmpp:sm:3'/>"
                    "</stream:features>")
        stream.hang()

    place.server.script = script
    s = place.bosh()
    s.create()
    s.take("features")
    s.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>")
    assert s.take("success").ns == "urn:xmpp:sasl:2"
    assert s.take("features").ns == NS_STREAM
    assert len(place.server.next_stream().headers) == 1


def test_stanzas_without_a_namespace_reach_the_server_as_jabber_client(place):
    s, stream = place.bosh_pair()
    s.say(message("none", xmlns=False) + message("given"))
    stream.wait_text("given")
    first, second = [e for e in stream.received if e.name == "message"]
    assert first.ns == second.ns == NS_CLIENT
    assert first.tree[0].tag == f"{{{NS_CLIENT}}}body"
    assert s.receive().ns == NS_CLIENT


def test_several_stanzas_in_one_body_reach_the_server_in_order(place):
    s, stream = place.bosh_pair()
    s.say("".join(message(f"m{i}") for i in range(20)))
    assert [s.receive().text() for _ in range(20)] == [f"m{i}" for i in range(20)]
    assert stream.messages() == [f"m{i}" for i in range(20)]


def test_a_session_may_come_from_ever_new_connections(place):
    s, _ = place.bosh_pair()
    settle(s)
    for i in range(10):
        h = Http(place.port)
        s.inbox.clear()
        a = s.send(message(f"m{i}"), http=h).answer()
        if not a.elements:
            s.receive()
        h.close()

"""HTTP/1.1 as RFC 9112 has it: connections, framing, limits, CORS."""

import email.utils
import socket
import time
import urllib.parse

import pytest

from lib import patience
from lib.bosh import Body, Closed, Http, chunked, message, request

SETTINGS = {"http.head_timeout": 2, "http.body_timeout": 2, "http.idle_timeout": 100,
            "http.head": 4096, "limits.body": 20000, "bosh.wait": 3}
BODY = "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' sid='none' ver='1.6'/>"


def head(*lines, body=b""):
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def assert_cors(r):
    assert len(r.all("Access-Control-Allow-Origin")) == 1, r
    assert r.get("Access-Control-Allow-Origin") == "*", r


def assert_answered(r):
    """An answer of the BOSH layer: the request got through the HTTP layer whole."""
    assert Body(r).condition == "item-not-found"


def assert_refused(place, data, statuses=(400,)):
    """One error answer, with CORS, then the end; what stood behind is never looked at."""
    h = place.http().send(data)
    r = h.response()
    assert r.status in statuses, r
    assert_cors(r)
    assert h.ends(), "the connection stays open after ambiguous framing"
    place.leave()


# -- connections -------------------------------------------------------------------------------

def test_a_connection_serves_many_requests_and_lives_through_a_pause(place):
    h = place.http()
    for _ in range(20):
        assert_answered(h.post(BODY))
    time.sleep(3.2)  # over head_timeout: an idle connection is not a slow head
    assert_answered(h.post(BODY))


def test_an_idle_connection_is_closed_after_the_idle_timeout(new_place):
    place = new_place({"http.idle_timeout": 2, "bosh.wait": 1})
    h = place.http()
    assert_answered(h.post(BODY))
    began = time.monotonic()
    assert h.ends(6)
    assert time.monotonic() - began > 1.5


def test_connection_close_is_obeyed_and_announced(place):
    h = place.http()
    r = h.post(BODY, headers={"Connection": "close"})
    assert_answered(r)
    assert r.get("Connection").lower() == "close"
    assert h.ends()


def test_http_1_0_is_answered_and_closed(place):
    h = place.http().send(request("POST", "/http-bind", BODY, version="HTTP/1.0"))
    assert_answered(h.response())
    assert h.ends()


def test_http_1_0_without_host_is_fine(place):
    h = place.http().send(head("POST /http-bind HTTP/1.0", f"Content-Length: {len(BODY)}",
                               body=BODY.encode()))
    assert_answered(h.response())


def test_http_1_0_keep_alive_is_kept_or_closed_but_never_unclear(place):
    h = place.http().send(request("POST", "/http-bind", BODY, {"Connection": "keep-alive"},
                                  "HTTP/1.0"))
    r = h.response()
    assert_answered(r)
    if (r.get("Connection") or "").lower() == "keep-alive":
        assert_answered(h.post(BODY))
    else:
        assert h.ends()


def test_a_client_that_closes_its_side_after_the_request_still_gets_the_answer(place):
    h = place.http().send(request("POST", "/http-bind", BODY))
    h.sock.shutdown(socket.SHUT_WR)
    assert_answered(h.response())
    assert h.ends()


def test_requests_that_arrive_byte_by_byte_are_read(place):
    h = place.http()
    assert_answered(h.post(BODY, step=1))
    assert_answered(h.post(BODY, step=3))


def test_empty_lines_before_a_request_are_passed_over(place):
    h = place.http()
    assert_answered(h.post(BODY))
    h.send(b"\r\n")
    assert_answered(h.post(BODY))


# -- pipelining --------------------------------------------------------------------------------

def test_three_posts_of_a_session_in_one_segment_are_read_on_and_answered_in_order(place):
    s, stream = place.bosh_pair()
    s.drop_pending()
    bodies = [s.make("", s.rid), s.make(message("second"), s.rid + 1), s.make("", s.rid + 2)]
    h = place.http()
    began = time.monotonic()
    h.send(b"".join(request("POST", "/http-bind", b) for b in bodies))
    stream.wait_text("second", 2)  # read on while the first is held
    answers = [Body(h.response()) for _ in bodies]
    assert time.monotonic() - began < 3.9
    texts = [e.text() for a in answers for e in a.elements]
    assert texts.count("second") == 1, answers
    assert answers[0].response.when <= answers[1].response.when <= answers[2].response.when
    before = place.fairlead.cpu()
    time.sleep(1)
    assert place.fairlead.cpu() - before < 0.05, "CPU is used with nothing to do"


def test_posts_of_three_sessions_in_one_segment_do_not_wait_for_one_another(place):
    sessions = [place.bosh_pair()[0] for _ in range(3)]
    for s in sessions:
        s.drop_pending()
    h = place.http()
    began = time.monotonic()
    h.send(b"".join(request("POST", "/http-bind", s.make("", s.rid)) for s in sessions))
    first, second = Body(h.response()), Body(h.response())
    assert time.monotonic() - began < 1.5, "the first two must be hurried, not held"
    assert first.type is None and second.type is None
    last = Body(h.response())
    assert last.type is None
    for s in sessions:
        s.rid += 1
        s.round_trip("still here")


def test_a_get_behind_a_held_post_hurries_it(place):
    s, _ = place.bosh_pair()
    s.drop_pending()
    h = place.http()
    began = time.monotonic()
    h.send(request("POST", "/http-bind", s.make("", s.rid)) + request("GET", "/no/such/page"))
    assert Body(h.response()).type is None
    assert h.response().status == 404
    assert time.monotonic() - began < 1.5


def test_many_pipelined_requests_are_all_answered_in_order(place):
    h = place.http()
    n = 50
    h.send(b"".join(request("GET", f"/none/{i}") if i % 2 else
                    request("POST", "/http-bind", BODY) for i in range(n)))
    for i in range(n):
        r = h.response()
        assert r.status == (404 if i % 2 else 200), (i, r)


def test_a_session_goes_on_when_pipelined_one_behind_the_other(place):
    """gloox sends the next request on the connection whose answer is held."""
    s, stream = place.bosh_pair()
    s.drop_pending()
    h = place.http()
    h.send(request("POST", "/http-bind", s.make("", s.rid)))
    assert not h.ready(0.3)
    h.send(request("POST", "/http-bind", s.make(message("two"), s.rid + 1)))
    stream.wait_text("two", 1)
    answers = [Body(h.response()), Body(h.response())]
    assert "two" in [e.text() for a in answers for e in a.elements]


# -- bodies ------------------------------------------------------------------------------------

def test_chunked_bodies_are_read_in_any_pieces(place):
    h = place.http()
    for size in (1, 7, 1000):
        for step in (None, 1, 5):
            h.send(head("POST /http-bind HTTP/1.1", "Host: h", "Transfer-Encoding: chunked",
                        body=chunked(BODY, size)), step)
            assert_answered(h.response())


def test_chunk_extensions_and_trailers_are_passed_over(place):
    data = b"%x;a=b;c=\"d\"\r\n%s\r\n0;last\r\nX-Trailer: 1\r\n\r\n" % (len(BODY), BODY.encode())
    h = place.http()
    for _ in range(2):
        h.send(head("POST /http-bind HTTP/1.1", "Host: h", "Transfer-Encoding: Chunked",
                    body=data))
        assert_answered(h.response())


def test_expect_100_continue_is_answered_before_the_body(place):
    h = place.http().send(head("POST /http-bind HTTP/1.1", "Host: h", "Expect: 100-continue",
                               f"Content-Length: {len(BODY)}"))
    assert h.ready(2), "no 100 (Continue)"
    h.send(BODY)
    r = h.response()
    assert r.interim == [100]
    assert_answered(r)


def test_expect_with_the_body_already_there_gets_one_final_answer(place):
    h = place.http().send(request("POST", "/http-bind", BODY, {"Expect": "100-continue"}))
    r = h.response()
    assert_answered(r)
    assert_answered(h.post(BODY))


def test_an_unknown_expectation_is_refused(place):
    r = place.http().send(request("POST", "/http-bind", BODY, {"Expect": "wonders"})).response()
    assert r.status == 417
    assert_cors(r)


def test_a_body_over_the_limit_is_refused_before_it_is_sent(place):
    h = place.http().send(head("POST /http-bind HTTP/1.1", "Host: h", "Content-Length: 20001"))
    r = h.response(3)
    assert_too_big(r)


def test_a_chunked_body_over_the_limit_is_refused(place):
    h = place.http()
    h.send(head("POST /http-bind HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"))
    try:
        for _ in range(30):
            h.send(b"400\r\n" + b" " * 1024 + b"\r\n")
    except OSError:
        pass
    assert_too_big(h.response(3))


def test_a_body_of_just_the_limit_is_read(place):
    assert_answered(place.http().post(BODY + " " * (20000 - len(BODY))))


def assert_too_big(r):
    """The protocol's word for it: BOSH clients do not read what comes with an error of HTTP's."""
    assert_cors(r)
    assert Body(r).condition == "policy-violation"
    assert r.get("Connection") == "close"


# -- ambiguous framing -------------------------------------------------------------------------

LENGTH = f"Content-Length: {len(BODY)}"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

AMBIGUOUS = {
    "two different lengths": [LENGTH, f"Content-Length: {len(BODY) + 5}"],
    "two lengths in one field": [f"Content-Length: {len(BODY)}, {len(BODY) + 5}"],
    "length and chunked": [LENGTH, "Transfer-Encoding: chunked"],
    "chunked and length": ["Transfer-Encoding: chunked", LENGTH],
    "a folded line": ["X-Folded: a", " b", LENGTH],
    "a length folded": ["Content-Length:", f" {len(BODY)}"],
    "a negative length": ["Content-Length: -5"],
    "a signed length": [f"Content-Length: +{len(BODY)}"],
    "a hexadecimal length": ["Content-Length: 0x50"],
    "a length with a blank inside": ["Content-Length: 8 0"],
    "an empty length": ["Content-Length:"],
    "a blank before the colon": [f"Content-Length : {len(BODY)}"],
    "a blank before the name": [f" Content-Length: {len(BODY)}"],
    "no colon": ["Nonsense", LENGTH],
    "an empty name": [": value", LENGTH],
    "a control character in a value": ["X-Bad: a\x01b", LENGTH],
    "a carriage return in a value": ["X-Bad: a\rb", LENGTH],
    "a NUL in a value": ["X-Bad: a\0b", LENGTH],
    "a name that is no token": ["X(Bad): a", LENGTH],
    "chunked twice": ["Transfer-Encoding: chunked, chunked"],
    "two codings": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
}


@pytest.mark.parametrize("lines", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_ambiguous_framing_is_refused(place, lines):
    assert_refused(place, head("POST /http-bind HTTP/1.1", "Host: h", *lines,
                               body=BODY.encode() + SMUGGLED))


def test_a_length_beyond_all_numbers_is_refused(place):
    assert_refused(place, head("POST /http-bind HTTP/1.1", "Host: h",
                               "Content-Length: 18446744073709551696", body=BODY.encode()),
                   (400, 200))


@pytest.mark.parametrize("coding", ["gzip, chunked", "chunked, gzip", "identity", "xchunked",
                                    "chunked;x"])
def test_other_transfer_codings_are_refused(place, coding):
    assert_refused(place, head("POST /http-bind HTTP/1.1", "Host: h",
                               f"Transfer-Encoding: {coding}", body=chunked(BODY)), (400, 501))


def test_chunked_in_http_1_0_is_refused(place):
    assert_refused(place, head("POST /http-bind HTTP/1.0", "Host: h",
                               "Transfer-Encoding: chunked", body=chunked(BODY)))


@pytest.mark.parametrize("lines", [
    b"POST /http-bind HTTP/1.1\nHost: h\nContent-Length: 5\n\nabcde",
    b"POST /http-bind HTTP/1.1\r\nHost: h\nContent-Length: 5\r\n\r\nabcde",
    b"POST /http-bind HTTP/1.1\r\nHost: h\r\nX: y\n\r\nabcde"])
def test_a_bare_line_feed_is_refused(place, lines):
    assert_refused(place, lines)


BAD_CHUNKS = {"no number": b"x\r\nabc\r\n0\r\n\r\n", "negative": b"-3\r\nabc\r\n0\r\n\r\n",
              "0x": b"0x3\r\nabc\r\n0\r\n\r\n", "empty": b"\r\nabc\r\n0\r\n\r\n",
              "too short": b"2\r\nabc\r\n0\r\n\r\n", "bare LF": b"3\nabc\n0\n\n",
              "overflow": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
              "blank before": b" 3\r\nabc\r\n0\r\n\r\n",
              "bare CR": b"3\rabc\r\n0\r\n\r\n"}


@pytest.mark.parametrize("data", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks_are_refused(place, data):
    statuses = (400, 200) if data.startswith(b"1000") else (400,)
    assert_refused(place, head("POST /http-bind HTTP/1.1", "Host: h",
                               "Transfer-Encoding: chunked", body=data + SMUGGLED), statuses)


@pytest.mark.parametrize("line,statuses", [
    ("POST /http-bind", (400, 505)), ("POST  /http-bind HTTP/1.1", (400,)),
    ("POST /http-bind HTTP/1.1 x", (400, 505)), ("POST /http-bind HTTP/2.0", (505, 400)),
    ("POST /http-bind http/1.1", (400, 505)), ("POST /http-bind HTTP/1.10", (400, 505)),
    ("PO ST /http-bind HTTP/1.1", (400, 505)), ("POST /a\x01b HTTP/1.1", (400,)),
    ("\x16\x03\x01\x02", (400,))])
def test_a_bad_request_line_is_refused(place, line, statuses):
    assert_refused(place, head(line, "Host: h", LENGTH, body=BODY.encode()), statuses)


def test_http_1_1_without_host_or_with_two_is_refused(place):
    assert_refused(place, head("POST /http-bind HTTP/1.1", LENGTH, body=BODY.encode()))
    assert_refused(place, head("POST /http-bind HTTP/1.1", "Host: a", "Host: b", LENGTH,
                               body=BODY.encode()))


# -- limits and time ---------------------------------------------------------------------------

def test_a_head_over_the_limit_is_refused(place):
    assert_refused(place, head("POST /http-bind HTTP/1.1", "Host: h", "X-Long: " + "x" * 5000),
                   (431,))
    h = place.http().send(b"GET /" + b"x" * 5000)
    r = h.response()
    assert r.status in (414, 431, 400), r
    assert_cors(r)


def assert_trickle_ends(h, data, status):
    """Of a request that begins so, one byte after the other comes until it is answered: they buy
    no time beyond the two seconds."""
    began = time.monotonic()
    h.send(data)
    while not h.ready(0.2):
        assert time.monotonic() - began < patience(8), "bytes that trickle buy time"
        h.send(b"x")
    assert time.monotonic() - began > 1.9
    r = h.response()
    assert r.status == status and h.ends(), r
    return r


def refused(place, name):
    return place.fairlead.status()["refusals"].get(name)


@pytest.mark.parametrize("data", [
    b"POST /http-bind HTTP/1.1\r\nHost: h\r\nX-Slow: ",
    head("POST /http-bind HTTP/1.1", "Host: h", "Content-Length: 2000", body=b"<body"),
    head("POST /http-bind HTTP/1.1", "Host: h", "Transfer-Encoding: chunked",
         body=b"7d0\r\n<body")])
def test_a_slow_head_or_body_gets_503_and_the_end(place, data):
    """After 408 a BOSH client gives up, after 503 it tries again."""
    slow, full = refused(place, "http-408") or 0, refused(place, "http-503")
    assert_cors(assert_trickle_ends(place.http(), data, 503))
    assert refused(place, "http-408") == slow + 1, "it is the client that was slow"
    assert refused(place, "http-503") == full


def test_a_slow_head_to_the_status_page_gets_408(place):
    h = Http(place.fairlead.status_port)
    r = assert_trickle_ends(h, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 408)
    assert r.get("Access-Control-Allow-Origin") is None, r


def test_a_connection_that_says_nothing_is_closed(place):
    h = place.http()
    try:
        r = h.response(6)
        assert r.status == 408, r
    except Closed:
        pass


# -- methods, pages, CORS ----------------------------------------------------------------------

def test_a_preflight_is_granted(place):
    h = place.http()
    for path in ("/http-bind", "/bosh"):
        r = h.request("OPTIONS", path, headers={
            "Origin": "https://chat.example.net", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        assert r.status in (200, 204), r
        assert_cors(r)
        assert "POST" in r.get("Access-Control-Allow-Methods")
        assert "content-type" in r.get("Access-Control-Allow-Headers").lower()
        assert int(r.get("Access-Control-Max-Age")) > 0
        assert r.body == b""


def test_every_answer_carries_cors_exactly_once(place):
    h = place.http()
    origin = {"Origin": "https://chat.example.net"}
    for method, path in (("GET", "/"), ("GET", "/http-bind"), ("GET", "/nowhere"),
                         ("POST", "/nowhere"), ("PUT", "/http-bind"), ("DELETE", "/bosh"),
                         ("GET", "/xmpp-websocket"), ("HEAD", "/http-bind"),
                         ("OPTIONS", "/nowhere"), ("BREW", "/http-bind")):
        body = BODY if method in ("POST", "PUT") else None
        try:
            r = h.request(method, path, body, origin)
        except Closed:
            h = place.http()
            r = h.request(method, path, body, origin)
        assert_cors(r)
        if (r.get("Connection") or "").lower() == "close":
            h = place.http()


def test_other_origins_than_the_configured_ones_get_no_permission(new_place):
    place = new_place(config={"origins": ["https://chat.example.org"]})
    h = place.http()
    r = h.post(BODY, headers={"Origin": "https://chat.example.org"})
    assert r.get("Access-Control-Allow-Origin") == "https://chat.example.org"
    assert "origin" in (r.get("Vary") or "").lower()
    r = place.http().post(BODY, headers={"Origin": "https://evil.example"})
    assert r.get("Access-Control-Allow-Origin") in (None, "https://chat.example.org"), r


def answer_to(place, origin, method="POST", path="/http-bind"):
    return place.http().request(method, path, BODY if method == "POST" else None,
                                {"Origin": origin} if origin else {})


def test_a_refused_origin_is_told_and_logged_with_what_to_change(new_place):
    place = new_place(config={"origins": ["https://chat.example.org", "https://*.example.net"]})
    for origin in ("https://chat.example.org", "https://a.b.example.net", None):
        assert_answered_to(answer_to(place, origin), origin)
    for origin in ("https://evil.example", "https://example.net", "http://a.example.net", "null"):
        r = answer_to(place, origin)
        assert r.status == 403 and origin.encode() in r.body and b"origins" in r.body, r
        assert r.get("Access-Control-Allow-Origin") is None, r
        place.fairlead.wait_lines("request-refused", test=lambda p: p["status"] == "403" and
                                  origin in p["why"] and "origins" in p["why"])
        r = answer_to(place, origin, "OPTIONS")
        assert r.status == 403 and r.get("Access-Control-Allow-Methods") is None, r


def assert_answered_to(r, origin):
    assert r.status == 200 and b"item-not-found" in r.body, r
    assert r.get("Access-Control-Allow-Origin") == origin, r
    assert r.get("Vary") == "Origin", r


@pytest.mark.parametrize("status,lines", [
    (400, [b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", b"", b"\r\n"]),
    (400, [b"POST /http-bind HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
           b"X: y\r\n", b"\r\nOrigin: https://evil.example\r\n"]),
    (400, [b"GET / HTTP/1.1\r\nHost: h\r\n", b"X-Bare: y\n", b"\r\n"]),
    (431, [b"GET / HTTP/1.1\r\nHost: h\r\n", b"Cookie: ", b"x" * 5000]),
    (503, [b"GET / HTTP/1.1\r\nHost: h\r\n", b"", b"Cook"])])
def test_a_page_may_read_why_its_head_is_refused(new_place, status, lines):
    place = new_place({"http.head": 4096, "http.head_timeout": 2},
                      config={"origins": ["https://chat.example.org", "https://*.example.net"]})
    begin, behind, end = lines
    for origin in ("https://chat.example.org", "https://evil.example", "https://a\rb.example.net"):
        h = place.http().send(begin + f"origin: {origin}\r\n".encode() + behind + end)
        r = h.response()
        allowed = [origin] if origin == "https://chat.example.org" else []
        assert r.status == status and r.all("Access-Control-Allow-Origin") == allowed, r
        assert r.get("Vary") == "Origin" and h.ends(), r
    # A line that is not whole yet says nothing: another origin may begin like an allowed one.
    assert status != 503 or not (place.http().send(begin + b"Origin: https://chat.example.org")
                                 .response().all("Access-Control-Allow-Origin"))


def test_the_origins_of_the_public_urls_are_allowed_by_one_word(new_place):
    """As React Native has it: the endpoint's own scheme and host."""
    place = new_place({"public.bosh": "https://chat.example.org/http-bind",
                       "public.websocket": "wss://ws.example.org:5281/ws"},
                      config={"origins": ["public"]})
    for origin in ("https://chat.example.org", "https://ws.example.org:5281", None):
        assert_answered_to(answer_to(place, origin), origin)
    assert answer_to(place, "https://ws.example.org").status == 403
    place.ws(headers={"Origin": "https://ws.example.org:5281"}).open()


def test_with_none_only_clients_without_an_origin_are_served(new_place):
    place = new_place(config={"origins": ["none"]})
    assert_answered_to(answer_to(place, None), None)
    for origin in ("https://chat.example.org", "null", "http://localhost"):
        assert answer_to(place, origin).status == 403


def test_cors_fields_can_be_left_to_a_proxy(new_place):
    place = new_place({"http.cors": "off"})
    r = answer_to(place, "https://any.example")
    assert r.status == 200 and r.get("Access-Control-Allow-Origin") is None, r


def test_a_get_of_a_bosh_path_and_of_an_unknown_one(place):
    r = place.http().request("GET", "/http-bind")
    assert r.status == 200 and r.get("Content-Type").startswith("text/html"), r
    assert b"BOSH endpoint" in r.body and b"POST" in r.body, r
    assert place.http().request("GET", "/nowhere").status == 404
    assert place.http().request("POST", "/nowhere", BODY).status in (404, 405)


def test_a_body_in_the_query_of_a_get_is_not_read(place):
    """The script syntax of XEP-0252."""
    plain = place.http().request("GET", "/http-bind")
    script = place.http().request("GET", "/http-bind?" + urllib.parse.quote(BODY))
    assert (script.status, script.body) == (plain.status, plain.body)


def test_answers_have_the_date(place):
    h = place.http()
    for answer in (h.post(BODY), h.request("GET", "/nowhere"), h.request("OPTIONS", "/http-bind")):
        date = email.utils.parsedate_to_datetime(answer.get("Date"))
        assert abs(date.timestamp() - time.time()) < 5 and answer.get("Date").endswith("GMT")


def test_head_answers_like_get_without_a_body(place):
    for path in ("/http-bind", "/nowhere"):
        h = place.http()
        head_answer = h.request("HEAD", path)
        get_answer = h.request("GET", path)
        assert head_answer.status == get_answer.status
        assert h.request("HEAD", path).status == get_answer.status


def test_other_methods_are_refused_with_the_allowed_ones(place):
    r = place.http().request("PUT", "/http-bind", BODY)
    assert r.status == 405 and "POST" in r.get("Allow"), r
    assert place.http().request("BREW", "/http-bind").status == 501


def test_the_content_type_of_a_request_does_not_matter(place):
    h = place.http()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "text/xml", ""):
        assert_answered(h.post(BODY, headers={"Content-Type": kind}))




def test_an_upgrade_behind_a_large_file_is_made(new_place, tmp_path):
    (tmp_path / "large.js").write_text("x" * 200000)
    h = new_place({"www.directory": str(tmp_path)}).http()
    h.send(b"GET /large.js HTTP/1.1\r\nHost: a\r\n\r\n"
           b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           b"Sec-WebSocket-Protocol: xmpp\r\n\r\n")
    assert len(h.response().body) == 200000
    assert h.until(b"\r\n\r\n", time.monotonic() + 3).startswith(b"HTTP/1.1 101 ")

"""Compression of HTTP bodies: requests and answers, files, bombs."""

import gzip
import os
import time
import zlib

import pytest

from lib.bosh import Body, message
from test_01_http import BODY, assert_answered

SETTINGS = {"limits.body": 100000, "bosh.wait": 3}


def bare(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "x-gzip": gzip.compress}


def plain(r):
    """The answer with its body as it was before it was compressed."""
    coding = r.get("Content-Encoding")
    assert coding in (None, "gzip", "deflate"), r
    if coding:
        assert "Accept-Encoding" in r.get("Vary").split(", "), r
        r.body = gzip.decompress(r.body) if coding == "gzip" else zlib.decompress(r.body)
    return coding


@pytest.mark.parametrize("coding,pack", [*CODINGS.items(), ("deflate", bare)])
def test_compressed_requests_are_read(place, coding, pack):
    h = place.http()
    for _ in range(3):
        assert_answered(h.post(pack(BODY.encode()), headers={"Content-Encoding": coding}))


def test_a_session_whose_requests_are_compressed(place):
    s, stream = place.bosh_pair()
    s.drop_pending()
    text = "compressed \u20ac " * 500
    h = place.http()
    r = h.post(gzip.compress(s.make(message(text), s.rid)), headers={"Content-Encoding": "gzip"})
    stream.wait_text(text)
    assert Body(r).elements[0].text() == text


@pytest.mark.parametrize("accept,wanted", [
    ("gzip, deflate, br", "gzip"), ("deflate", "deflate"), ("gzip;q=0, *", "deflate"),
    ("br", None), ("", None), (None, None), ("gzip;q=0", None), ("*", "gzip")])
def test_long_answers_are_compressed_as_the_client_likes(place, accept, wanted):
    s, stream = place.bosh_pair()
    s.drop_pending()
    headers = {} if accept is None else {"Accept-Encoding": accept}
    text = "a long answer \u20ac " * 300
    r = place.http().post(s.make(message(text), s.rid), headers=headers)
    size = len(r.body)
    assert plain(r) == wanted
    assert Body(r).elements[0].text() == text
    assert r.get("Vary") == "Accept-Encoding", r
    assert (size < 1000) == bool(wanted)


def test_a_repeat_of_a_compressed_answer_is_the_same(place):
    s, stream = place.bosh_pair()
    s.drop_pending()
    raw = s.make(message("again " * 400), s.rid)
    answers = [place.http().post(raw, headers={"Accept-Encoding": "gzip"}) for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert [plain(r) for r in answers] == ["gzip"] * 2


def test_short_answers_are_not_compressed(place):
    r = place.http().post(BODY, headers={"Accept-Encoding": "gzip"})
    assert r.get("Content-Encoding") is None and r.get("Vary") is None
    assert_answered(r)


def test_compression_can_be_switched_off(new_place):
    place = new_place({**SETTINGS, "http.compress": "off"})
    s, stream = place.bosh_pair()
    s.drop_pending()
    r = place.http().post(gzip.compress(s.make(message("x" * 5000), s.rid)),
                          headers={"Accept-Encoding": "gzip", "Content-Encoding": "gzip"})
    assert r.get("Content-Encoding") is None and r.get("Vary") is None and len(r.body) > 5000


def test_a_bomb_is_refused_and_costs_little(place):
    bomb = gzip.compress(b" " * 90_000_000)[:99000]
    before, memory = place.fairlead.cpu(), place.fairlead.memory()
    for _ in range(20):
        r = place.http().post(bomb, headers={"Content-Encoding": "gzip"})
        assert Body(r).condition == "policy-violation"
    if not place.fairlead.sanitized():
        assert place.fairlead.cpu() - before < 0.5
        assert place.fairlead.memory() - memory < 4_000_000


@pytest.mark.parametrize("body", [b"", b"x", gzip.compress(BODY.encode(), mtime=0)[:-1],
                                  gzip.compress(BODY.encode(), mtime=0) + b"x", BODY.encode()])
def test_damaged_bodies_are_refused(place, body):
    r = place.http().post(body, headers={"Content-Encoding": "gzip"})
    assert r.status == 400 and b"damaged" in r.body, r


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "compress", "*", "text/xml, gzip"])
def test_an_unknown_coding_is_415(place, coding):
    h = place.http()
    r = h.post(BODY, headers={"Content-Encoding": coding})
    assert r.status == 415 and r.get("Accept-Encoding") == "gzip, deflate", r
    assert h.ends()


def test_a_media_type_for_a_coding_is_none(place):
    # libpurple's name for Content-Type.
    r = place.http().post(BODY, headers={"Content-Encoding": "text/xml; charset=utf-8"})
    assert r.status == 200 and b"item-not-found" in r.body, r


def test_files_are_compressed_once_and_the_incompressible_left(new_place, tmp_path):
    script, noise = b"let a = 'b';\n" * 1000, os.urandom(5000)
    for name, data in (("a.js", script), ("a.png", script), ("n.js", noise), ("s.js", b"1;")):
        (tmp_path / name).write_bytes(data)
    place = new_place({**SETTINGS, "www.directory": str(tmp_path)})
    h = place.http()
    for name, data, accept, wanted in (
            ("a.js", script, "gzip", "gzip"), ("a.js", script, "deflate", None),
            ("a.js", script, "br", None), ("a.png", script, "gzip", None),
            ("n.js", noise, "gzip", None), ("s.js", b"1;", "gzip", None)):
        r = h.request("GET", f"/{name}", headers={"Accept-Encoding": accept})
        assert plain(r) == wanted and r.body == data, (name, r)
        length = h.request("HEAD", f"/{name}", headers={"Accept-Encoding": accept})
        assert length.get("Content-Encoding") == wanted, length
    r = h.request("GET", "/a.js", headers={"Accept-Encoding": "gzip", "Origin": "https://a"})
    assert r.get("Vary") == "Accept-Encoding"
    began = time.monotonic()
    for _ in range(50):
        h.request("GET", "/a.js", headers={"Accept-Encoding": "gzip"})
    assert time.monotonic() - began < 5

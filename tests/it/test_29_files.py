"""The files of www.directory: types, names, entity tags, parts, and what is not served."""

import os
import random
import socket

import pytest

from lib.daemon import Daemon, free_port
from lib.bosh import Http, request

SONG = bytes(range(256)) * 40
FILM = random.Random(29).randbytes(8 << 20)
SCRIPT = b"let a = 'b';\n" * 1000


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("www")
    port = free_port()
    for name, data in (("index.html", b"<p>home"), ("app.js", SCRIPT), ("a b.txt", b"blank"),
                       ("\u00fc(1).PNG", b"umlaut"), ("song.mp3", SONG), ("empty.txt", b""),
                       ("x[1]~@2.js", b"odd"),
                       (".secret", b"hidden"), (".git/config", b"hidden"), ("sub/index.html", b"sub"),
                       ("odd.xyz", b"?"), ("font.woff2", b"font"), ("film.mp4", FILM)):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    os.mkfifo(folder / "pipe")
    d = Daemon({"listen": [{"name": "it", "address": f"127.0.0.1:{port}"}],
                "www.directory": str(folder)}).ready()
    d.port, d.www = port, folder
    yield d
    d.stop()
    d.clean()


def get(site, path, method="GET", **headers):
    http = Http(site.port)
    try:
        return http.request(method, path, None,
                            {k.replace("_", "-"): v for k, v in headers.items()})
    finally:
        http.close()


@pytest.mark.parametrize("path, kind, body", [
    ("/", "text/html; charset=utf-8", b"<p>home"), ("/sub/", "text/html; charset=utf-8", b"sub"),
    ("/app.js", "text/javascript; charset=utf-8", SCRIPT),
    ("/a%20b.txt", "text/plain; charset=utf-8", b"blank"),
    ("/%C3%BC(1).PNG", "image/png", b"umlaut"), ("/font.woff2", "font/woff2", b"font"),
    ("/odd.xyz", "application/octet-stream", b"?"), ("/empty.txt", "text/plain; charset=utf-8", b""),
    ("/app.js?v=3", "text/javascript; charset=utf-8", SCRIPT),
])
def test_a_file_has_its_type(site, path, kind, body):
    r = get(site, path)
    assert r.status == 200 and r.body == body and r.get("Content-Type") == kind, r
    assert r.get("Cache-Control") == "no-cache" and r.get("ETag").startswith('"')
    head = get(site, path, "HEAD")
    assert head.get("Content-Length") == str(len(body)) and head.get("ETag") == r.get("ETag")


@pytest.mark.parametrize("path", ["/.secret", "/.git/config", "/%2esecret", "/sub/../.secret",
                                  "/..%2f..%2fetc/passwd", "/../../etc/passwd", "/pipe", "//etc/passwd",
                                  "/a b.txt", "/nothing"])
def test_nothing_else_is_served(site, path):
    assert get(site, path).status in (400, 404)


def test_a_folder_is_one_slash_further(site):
    r = get(site, "/sub")
    assert r.status == 301 and r.get("Location") == "/sub/"
    r = get(site, "/%73ub")
    assert r.status == 301 and r.get("Location") == "/%73ub/"


@pytest.mark.parametrize("path, body", [
    ("/x[1]~@2.js", b"odd"), ("/x%5B1%5d%7e%402.js", b"odd"), ("/%c3%bc%281%29.PNG", b"umlaut"),
    ("/s%75b/", b"sub"), ("/x[1]~@2.j%", None), ("/x[1]~@2.js%00", None),
])
def test_a_name_may_be_encoded_as_one_likes(site, path, body):
    r = get(site, path)
    assert r.status == (200 if body else 404) and (not body or r.body == body), r


@pytest.mark.parametrize("accept", [None, "gzip"])
def test_what_has_not_changed_is_not_sent_again(site, accept):
    more = {"Accept_Encoding": accept} if accept else {}
    r = get(site, "/app.js", **more)
    assert r.get("Content-Encoding") == accept
    tag = r.get("ETag")
    for known in (tag, f'"x", W/{tag}', "*"):
        again = get(site, "/app.js", If_None_Match=known, **more)
        assert again.status == 304 and again.get("ETag") == tag and not again.body, again
        assert again.get("Content-Length") is None and again.get("Cache-Control") == "no-cache"
    assert get(site, "/app.js", If_None_Match='"x"', **more).status == 200
    assert get(site, "/app.js", "HEAD", If_None_Match=tag, **more).status == 304


def test_each_coding_and_each_file_has_its_own_tag(site):
    tags = [get(site, "/app.js").get("ETag"), get(site, "/app.js", Accept_Encoding="gzip").get("ETag"),
            get(site, "/song.mp3").get("ETag"), get(site, "/").get("ETag")]
    assert len(set(tags)) == 4, tags
    plain = get(site, "/app.js", Accept_Encoding="deflate")
    assert plain.get("ETag") == tags[0] and plain.get("Content-Encoding") is None
    assert get(site, "/app.js", Accept_Encoding="gzip", If_None_Match=tags[0]).status == 200


def test_a_connection_goes_on_behind_an_unchanged_file(site):
    http = Http(site.port)
    tag = http.request("GET", "/app.js").get("ETag")
    for _ in range(3):
        assert http.request("GET", "/app.js", None, {"If-None-Match": tag}).status == 304
    assert http.request("GET", "/").body == b"<p>home"
    http.close()


@pytest.mark.parametrize("asked, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=100-", 100, 10239), ("bytes=-7", 10233, 10239),
    ("bytes=5-20000", 5, 10239)])
def test_a_part_is_sent(site, asked, first, last):
    r = get(site, "/song.mp3", Range=asked)
    assert r.status == 206 and r.body == SONG[first:last + 1]
    assert r.get("Content-Range") == f"bytes {first}-{last}/10240"
    assert r.get("Content-Type") == "audio/mpeg" and r.get("Accept-Ranges") == "bytes"


def test_a_part_is_never_compressed_and_of_the_same_file_alone(site):
    tag = get(site, "/app.js").get("ETag")
    r = get(site, "/app.js", Range="bytes=13-25", Accept_Encoding="gzip", If_Range=tag)
    assert r.status == 206 and r.body == SCRIPT[13:26] and r.get("Content-Encoding") is None
    assert r.get("ETag") == tag
    r = get(site, "/app.js", Range="bytes=13-25", If_Range='"old"')
    assert r.status == 200 and r.body == SCRIPT
    assert get(site, "/app.js", Range="bytes=13-25", If_None_Match=tag).status == 304


def test_a_part_beyond_the_end_is_refused_and_nonsense_passed_over(site):
    r = get(site, "/song.mp3", Range="bytes=10240-")
    assert r.status == 416 and r.get("Content-Range") == "bytes */10240"
    for asked in ("bytes=1-2,4-5", "bytes=7-3", "lines=1-2", "bytes=x-"):
        assert get(site, "/song.mp3", Range=asked).body == SONG


def test_files_are_those_of_the_start(site):
    (site.www / "late.txt").write_text("late")
    (site.www / "index.html").write_text("changed")
    assert get(site, "/late.txt").status == 404
    assert get(site, "/").body == b"<p>home"


# -- large ones ----------------------------------------------------------------------------------

def narrow(site):
    """A connection whose reader takes little at a time."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    sock.connect(("127.0.0.1", site.port))
    http = Http(site.port)
    http.sock.close()
    http.sock = sock
    return http


@pytest.mark.parametrize("connect", [narrow, lambda site: Http(site.port)], ids=["slow", "quick"])
def test_a_large_file_comes_whole_and_in_its_turn(site, connect):
    http = connect(site)
    for method, path in (("GET", "/"), ("GET", "/film.mp4"), ("HEAD", "/film.mp4"),
                         ("GET", "/film.mp4"), ("GET", "/app.js")):
        http.send(request(method, path))
    assert http.response().body == b"<p>home"
    assert http.response().body == FILM
    assert http.response(head=True).get("Content-Length") == str(len(FILM))
    assert http.response().body == FILM
    assert http.response().body == SCRIPT
    part = http.request("GET", "/film.mp4", None, {"Range": "bytes=1000000-7000000"})
    assert part.status == 206 and part.body == FILM[1000000:7000001]
    http.close()


def test_a_large_file_comes_whole_to_who_has_said_all(site):
    http = narrow(site)
    http.send(request("GET", "/film.mp4"))
    http.sock.shutdown(socket.SHUT_WR)
    assert http.response().body == FILM
    assert http.sock.recv(1) == b""


def test_a_large_file_and_the_end_of_the_connection(site):
    http = narrow(site)
    assert http.request("GET", "/film.mp4", None, {"Connection": "close"}).body == FILM
    assert http.sock.recv(1) == b""


def test_readers_that_stop_cost_little(site):
    """Of a file they are owed no more is kept than a piece."""
    n = 40
    before = site.memory()
    stopped = [narrow(site).send(request("GET", "/film.mp4")) for _ in range(n)]
    for http in stopped[::2]:
        assert http.sock.recv(1, socket.MSG_PEEK) == b"H"
    assert get(site, "/film.mp4").body == FILM
    if not site.sanitized():
        assert site.memory() - before < n * len(FILM) / 4
    for http in stopped:
        http.close()
    assert get(site, "/app.js").body == SCRIPT
